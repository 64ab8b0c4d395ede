package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// TestMutants is a short run, without ajv where that is not installed.
func TestMutants(t *testing.T) {
	o := options{n: 3000, seed: 1, payloads: "../../../shared/observed/*.json", workers: 2, node: "../node", out: t.TempDir()}
	if _, err := os.Stat("../node/node_modules/ajv"); err != nil {
		o.node = ""
	}
	var stdout, stderr bytes.Buffer
	if err := run(o, &stdout, &stderr); err != nil {
		t.Errorf("%v\n%s", err, stderr.Bytes())
	}
	t.Logf("%s", stdout.Bytes())
}

// What is wrong with a report is found, whatever it is.
func TestWrongReports(t *testing.T) {
	p, err := newPeers()
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte("{\n \"ä\": 1, \"event_type\": \"run_failed\", \"data\": [{}]}")
	tests := []struct {
		name    string
		finding conformance.Finding
		want    string
	}{
		{"a value", conformance.Finding{Pointer: "/ä", Offset: 9, Line: 2, Column: 7}, ""},
		{"a name", conformance.Finding{Pointer: "/ä", Offset: 3, Line: 2, Column: 2}, ""},
		{"the document", conformance.Finding{Line: 1, Column: 1}, ""},
		{"a member that is missing", conformance.Finding{Pointer: "/timestamp", Line: 1, Column: 1}, ""},
		{"a member that isn't", conformance.Finding{Pointer: "/ä", Line: 1, Column: 1}, `this is ""`},
		{"a member of an array", conformance.Finding{Pointer: "/data/x", Offset: 48, Line: 2, Column: 46}, `this is "/data"`},
		{"another value", conformance.Finding{Pointer: "/b", Offset: 9, Line: 2, Column: 7}, `this is "/ä"`},
		{"nothing", conformance.Finding{Pointer: "/ä", Offset: 8, Line: 2, Column: 6}, "nothing starts there"},
		{"an end", conformance.Finding{Pointer: "/data", Offset: 51, Line: 2, Column: 49}, "nothing starts there"},
		{"the line", conformance.Finding{Pointer: "/ä", Offset: 9, Line: 1, Column: 7}, "line 2, column 7"},
		{"the column in bytes", conformance.Finding{Pointer: "/ä", Offset: 9, Line: 2, Column: 8}, "line 2, column 7"},
		{"the offset", conformance.Finding{Offset: 1000}, "offset after 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := &opinion{payload: payload}
			w := &worker{peers: p}
			w.judge(o)
			if o.wrong != nil {
				t.Fatalf("%q", o.wrong)
			}
			w.places(o, conformance.Report{Findings: []conformance.Finding{test.finding}}, judgetest.Strict(payload))
			switch got := strings.Join(o.wrong, "\n"); {
			case (test.want == "") != (got == ""), !strings.Contains(got, test.want):
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string][2]bool{
		"1": {}, "-0.5": {}, "2.0": {}, "1e2": {}, "1e-1": {}, "1e300": {}, "12345678901234567890": {},
		"1e400": {false, true}, "1e-400": {false, true}, "1.00000000000000000001": {false, true},
		"1e9999": {true, true}, "1e-99999999999": {true, true},
	} {
		value, err := decode([]byte(`{"a": [` + text + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if huge, inexact := numbers(value); [2]bool{huge, inexact} != want {
			t.Errorf("%s: huge %v, inexact %v", text, huge, inexact)
		}
	}
}
