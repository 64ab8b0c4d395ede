package sample

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
)

var noon = time.Date(2026, 7, 8, 12, 0, 0, 123e6, time.UTC)

func seeded(seed uint64) Maker {
	return Maker{Rand: rand.New(rand.NewPCG(seed, 0)), Now: func() time.Time { return noon }}
}

func TestEvents(t *testing.T) {
	want := []string{"run_completed", "run_failed", "webhook_test"}
	if diff := cmp.Diff(want, Events()); diff != "" {
		t.Error(diff)
	}
}

// There is nothing to say about a documented sample, also no warning.
func TestDocumented(t *testing.T) {
	for _, event := range documentedEvents() {
		m := seeded(1)
		payload, err := m.Documented(event)
		if err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		report := conformance.Check(payload)
		if report.EventType != event || report.Verdict != conformance.Conforms || len(report.Findings) > 0 {
			t.Errorf("%s: %+v\n%s", event, report, payload)
		}
		var envelope struct{ Timestamp string }
		if err := json.Unmarshal(payload, &envelope); err != nil || envelope.Timestamp != "2026-07-08T12:00:00.123Z" {
			t.Errorf("%s: the timestamp is %q, %v", event, envelope.Timestamp, err)
		}
		if again, err := seeded(1).Documented(event); err != nil || !bytes.Equal(payload, again) {
			t.Errorf("%s: the same seed makes another payload: %v", event, err)
		}
		if next, err := m.Documented(event); err != nil || bytes.Equal(payload, next) {
			t.Errorf("%s: the next payload is the same: %v", event, err)
		}
	}
	if _, err := seeded(1).Documented("webhook_test"); err == nil {
		t.Error("webhook_test is documented")
	}
}

// Each shape has the deviations of its vector, and nothing of its ids and times.
func TestAs(t *testing.T) {
	for _, s := range maxun() {
		vector := s.payload
		if vector == nil {
			t.Fatalf("there is no vector %s", s.Vector)
		}
		payload, err := seeded(1).As("maxun@"+s.Since, s.Event)
		if err != nil {
			t.Fatalf("%s: %v", s.Vector, err)
		}
		codes := func(payload []byte) string {
			report := conformance.Check(payload)
			all := []string{report.EventType, string(report.Verdict)}
			for _, f := range report.Findings {
				all = append(all, string(f.Code)+" "+f.Pointer)
			}
			return strings.Join(all, "\n")
		}
		if diff := cmp.Diff(codes(vector), codes(payload)); diff != "" {
			t.Errorf("%s (-vector +sample):\n%s", s.Vector, diff)
		}
		if !strings.Contains(codes(payload), "deviates") {
			t.Errorf("%s doesn't deviate", s.Vector)
		}
		// The form of what was made fresh is the same.
		var a, b any
		if err := json.Unmarshal(vector, &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &b); err != nil {
			t.Fatalf("%s: %v\n%s", s.Vector, err, payload)
		}
		stale := 0
		compare(a, b, func(x, y string) {
			switch {
			case isUUID(x) && (!isUUID(y) || x == y), strings.Contains(x, "2026") && x == y:
				stale++
				t.Errorf("%s: %q became %q", s.Vector, x, y)
			case !isUUID(x) && !strings.Contains(x, "2026") && x != y:
				t.Errorf("%s: %q became %q", s.Vector, x, y)
			}
		})
	}
}

// compare visits the texts that stand in the same place of two values.
func compare(a, b any, visit func(x, y string)) {
	switch a := a.(type) {
	case map[string]any:
		for name, value := range a {
			compare(value, b.(map[string]any)[name], visit)
		}
	case []any:
		for i, value := range a {
			compare(value, b.([]any)[i], visit)
		}
	case string:
		visit(a, b.(string))
	}
}

func TestReleases(t *testing.T) {
	for _, tt := range []struct{ release, want string }{ // want is "" where it is refused
		{"0.0.15", "0.0.15"},
		{"v0.0.15", "0.0.15"},
		{"0.0.21", "0.0.15"},
		{"0.0.29", "0.0.24"},
		{"1.0.0", "0.0.39"},
		{"0.0.14", ""},
		{"0.0", ""},
		{"0.0.0.15", ""},
		{"0.0.x", ""},
		{"", ""},
	} {
		got, err := shapeOf("run_completed", tt.release, true)
		if got.Since != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %v, %v, want %q", tt.release, got, err, tt.want)
		}
	}
	if got, err := shapeOf("run_completed", "", false); err != nil || got.Since != "0.0.39" {
		t.Errorf("the newest: %v, %v", got, err)
	}
	if _, err := shapeOf("order_paid", "", false); err == nil {
		t.Error("there is an order_paid")
	}
	for _, server := range []string{"", "other", "maxun@", "Maxun"} {
		if _, err := seeded(1).As(server, "run_failed"); err == nil {
			t.Errorf("%q is a server", server)
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		ok         bool
	}{
		{"run_completed", "run_completed", true},
		{"RunFailed", "run_failed", true},
		{"run-failed", "run_failed", true},
		{"webhook test", "webhook_test", true},
		{"run_complete", "run_completed", false},
		{"run.failed", "run_failed", false},
		{"order_paid", "", false},
		{"", "", false},
	} {
		if got, ok := Find(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %q, %v, want %q, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// The walk knows schemas, and not these two.
func TestWalk(t *testing.T) {
	all, err := readSchemas(fstest.MapFS{
		"v1/a.json": {Data: []byte(`{
			"type": "object",
			"properties": {
				"z": {"type": "string", "const": "first"},
				"text": {"type": "string", "minLength": 2},
				"time": {"type": "string", "format": "date-time"},
				"one": {"enum": ["x", "y"]},
				"best": {"enum": ["x", "y"], "examples": ["y"]},
				"n": {"type": "integer", "minimum": 3},
				"x": {"type": "number"},
				"yes": {"type": "boolean"},
				"rows": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/Row"}},
				"list": {"type": "array"},
				"map": {"type": "object"},
				"any": {},
				"other": {"$ref": "b.json"},
				"gone": {"type": "string"}
			},
			"if": {"required": ["z"], "properties": {"z": {"const": "first"}}},
			"then": {"not": {"required": ["gone"]}},
			"else": {"not": {"required": ["n"]}},
			"$defs": {"Row": {"properties": {"\u00e4 \"b\"": {"examples": [1]}}}}
		}`)},
		"v1/b.json": {Data: []byte(`{"examples": [{"a": [1, 2]}]}`)},
		"v1/c.json": {Data: []byte(`{"properties": {"a": {"$ref": "#/$defs/None"}}}`)},
	}, "v1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := walk{all, "v1/a.json"}.sample(all["v1/a.json"])
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Compact(); err != nil {
		t.Fatal(err)
	}
	want := `{"z":"first","text":"xx","time":"2025-05-29T15:53:15.595Z","one":"x","best":"y","n":3,"x":0,"yes":true,` +
		`"rows":[{"ä \"b\"":1},{"ä \"b\"":1}],"list":[],"map":{},"any":null,"other":{"a":[1,2]}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if _, err := (walk{all, "v1/c.json"}).sample(all["v1/c.json"]); err == nil || !strings.Contains(err.Error(), "None") {
		t.Errorf("a reference to nowhere: %v", err)
	}
}
