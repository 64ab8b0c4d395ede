package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/bench/corpus"
)

func TestMisses(t *testing.T) {
	never := func([]byte) (bool, error) { return false, nil }
	always := func([]byte) (bool, error) { return true, nil }
	ofRows := func(payload []byte) (bool, error) { return bytes.Contains(payload, []byte(`"captured_lists"`)), nil }

	got, err := misses(false, never)
	if err != nil || len(got) > 0 {
		t.Errorf("of one that rejects all: %q, %v", got, err)
	}
	got, err = misses(true, always)
	want := []string{
		"syntax", "control characters", "trailing data", "duplicate names", "invalid UTF-8", "lone surrogates", "byte order mark",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("of a parser that accepts all: error %v (-want +got):\n%s", err, diff)
	}
	got, err = misses(false, ofRows)
	if err != nil || !strings.Contains(strings.Join(got, ","), " of ") {
		t.Errorf("of one that accepts some: %q, %v; want a kind with a count", got, err)
	}
	failure := errors.New("gone")
	if _, err := misses(false, func([]byte) (bool, error) { return false, failure }); !errors.Is(err, failure) {
		t.Errorf("of one that fails: %v, want %v", err, failure)
	}
}

// A fakeRunner takes a fixed time for each byte.
type fakeRunner struct {
	perByte time.Duration
	rejects []byte
}

func (f fakeRunner) accepts([]byte) (bool, error) { return false, nil }

func (f fakeRunner) run(in *input, p portion) (run, error) {
	r := run{elapsed: time.Duration(in.size(p)) * f.perByte, allocs: unknown}
	for _, payload := range in.Payloads[:p.payloads] {
		if bytes.Equal(payload, f.rejects) {
			r.rejected += p.passes
			r.reason = "not that one"
		}
	}
	return r, nil
}

func TestMistake(t *testing.T) {
	p := portion{payloads: 4, passes: 5}
	tests := []struct {
		name            string
		lists, deviates bool
		rejected        int
		want            string
	}{
		{"accepts what conforms", false, false, 0, ""},
		{"rejects what conforms", false, false, 5, "rejects 1 of 4 payloads: why"},
		{"finds something in what conforms", true, false, 20, "rejects 4 of 4 payloads: why"},
		{"accepts what deviates by the observed schemas", false, true, 0, ""},
		{"rejects what deviates", false, true, 10, "rejects 2 of 4 payloads: why"},
		{"lists errors", true, true, 20, ""},
		{"lists errors of some", true, true, 15, ""},
		{"lists no errors", true, true, 0, "accepts all of 4 payloads"},
	}
	for _, test := range tests {
		who := &contender{subject: subject{lists: test.lists}}
		in := &input{Corpus: corpus.Corpus{Deviates: test.deviates}}
		if got := who.mistake(in, p, run{rejected: test.rejected, reason: "why"}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMeasure(t *testing.T) {
	in := &input{Corpus: corpus.Corpus{Name: "c", Payloads: [][]byte{[]byte("1234567"), []byte("89"), []byte("0")}}}
	c := contest{rounds: 3, target: 100 * time.Millisecond, limit: time.Second, progress: io.Discard}
	tests := []struct {
		name   string
		runner fakeRunner
		want   cell
	}{
		{"fast", fakeRunner{perByte: time.Microsecond}, cell{speeds: []float64{1e6, 1e6, 1e6}, allocs: unknown, payloads: 3}},
		{"too slow for all", fakeRunner{perByte: 106 * time.Millisecond}, cell{speeds: []float64{1 / .106, 1 / .106, 1 / .106}, allocs: unknown, payloads: 2}},
		{"too slow for any", fakeRunner{perByte: time.Hour}, cell{speeds: []float64{1. / 3600, 1. / 3600, 1. / 3600}, allocs: unknown, payloads: 1}},
		{"rejects", fakeRunner{perByte: time.Microsecond, rejects: []byte("89")}, cell{allocs: unknown, payloads: 3, problem: "rejects 1 of 3 payloads: not that one"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			who := &contender{row: &row{cells: make(map[string]*cell)}, runner: test.runner, portions: make(map[string]portion)}
			if err := c.measure([]*contender{who}, []*input{in}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, who.row.cells["c"], cmp.AllowUnexported(cell{})); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
		})
	}
}
