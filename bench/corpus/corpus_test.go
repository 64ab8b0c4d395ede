package corpus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/runhooks/runhooks/bench/corpus"
	"github.com/runhooks/runhooks/pkg/conformance"
)

const share = 0.005 // of the full size: small enough to judge each event

func TestEveryEventConforms(t *testing.T) {
	for _, recipe := range corpus.Recipes() {
		t.Run(recipe.Name, func(t *testing.T) {
			for i, p := range recipe.Make(1, share).Payloads {
				if report := conformance.Check(p); report.Verdict != conformance.Conforms {
					t.Fatalf("payload %d: %s: %v\n%s", i, report.Verdict, report.Findings, p)
				}
			}
		})
	}
}

// TestBytesAreTheSame holds the generator to bytes: figures of two machines, or
// of two releases, are of the same payloads. A change here is a change of the
// corpora, and makes older results incomparable.
func TestBytesAreTheSame(t *testing.T) {
	got := make(map[string]string)
	for _, recipe := range corpus.Recipes() {
		sum := sha256.Sum256(bytes.Join(recipe.Make(1, share).Payloads, []byte("\n")))
		got[recipe.Name] = hex.EncodeToString(sum[:8])
	}
	want := map[string]string{
		"100 KB":  "08d5dc6ddbc373ce",
		"11 MB":   "a38b1662e07d017d",
		"CJK":     "6600ae680b82a299",
		"NDJSON":  "a318b1c2b3a10e7c",
		"escaped": "235a3164aa5a030f",
		"keys":    "1d1667ff879a06c6",
		"page":    "bedfebbc348564bd",
		"pretty":  "1fe8146f01bd9a76",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sums of the corpora (-want +got):\n%s", diff)
	}
}

func TestSeedsDiffer(t *testing.T) {
	for _, recipe := range append(corpus.Recipes(), corpus.WildVectors()) {
		one, two := recipe.Make(1, share), recipe.Make(2, share)
		same := slices.EqualFunc(one.Payloads, two.Payloads, bytes.Equal)
		if want := recipe.Name == "page"; same != want {
			t.Errorf("%s of two seeds: the same is %t, want %t", recipe.Name, same, want)
		}
		if again := recipe.Make(1, share); !slices.EqualFunc(one.Payloads, again.Payloads, bytes.Equal) {
			t.Errorf("%s of one seed differs from time to time", recipe.Name)
		}
	}
}

func TestSizes(t *testing.T) {
	sizes := map[string]int{"100 KB": 100_000, "11 MB": 11_000_000}
	for _, recipe := range corpus.Recipes() {
		want, ok := sizes[recipe.Name]
		if !ok {
			continue
		}
		if got := recipe.Make(1, 1).Size(); got < want || got > want*21/20 {
			t.Errorf("%s has %d bytes, want %d or up to 5 %% more", recipe.Name, got, want)
		}
	}
}

// TestEventsAreVaried guards the point of the NDJSON corpus: a validator that
// only knows one document must not look good on it.
func TestEventsAreVaried(t *testing.T) {
	var payloads [][]byte
	for _, recipe := range corpus.Recipes() {
		if recipe.Name == "NDJSON" {
			payloads = recipe.Make(1, share).Payloads
		}
	}
	seen, types, sizes := make(map[string]bool), make(map[string]int), make(map[int]bool)
	for _, p := range payloads {
		if bytes.ContainsRune(p, '\n') {
			t.Fatalf("an event of a line has a line feed:\n%s", p)
		}
		var event struct {
			Type string `json:"event_type"`
		}
		if err := json.Unmarshal(p, &event); err != nil {
			t.Fatal(err)
		}
		seen[string(p)], sizes[len(p)] = true, true
		types[event.Type]++
	}
	if len(seen) != len(payloads) {
		t.Errorf("%d of %d events are different; want all", len(seen), len(payloads))
	}
	if len(sizes) < len(payloads)/3 {
		t.Errorf("%d events have %d sizes; want more", len(payloads), len(sizes))
	}
	for _, name := range []string{"run_completed", "run_failed"} {
		if types[name] < len(payloads)/5 {
			t.Errorf("%d of %d events are %s; want a fifth or more", types[name], len(payloads), name)
		}
	}
}

func TestWildSeeds(t *testing.T) {
	for name, seeds := range map[string][][]byte{"none": nil, "no JSON": {[]byte("{}"), []byte(`{"a":`)}, "two texts": {[]byte("{} {}")}} {
		if _, err := corpus.Wild(name, "", seeds); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
