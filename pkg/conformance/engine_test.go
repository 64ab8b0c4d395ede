package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

var byReference = conformance.Checker{Engine: conformance.JSONSchema}

// compareEngines holds the default engine and the reference to each other.
func compareEngines(t *testing.T, payload []byte) {
	t.Helper()
	report := conformance.Checker{Each: true}.Check(payload)
	want := byReference.Check(payload)
	checkReport(t, payload, want)
	for _, f := range want.Findings {
		switch {
		case f.Code == "json.too-large":
			return // the reference doesn't judge it
		case f.Code.Family() == "json" && !report.Truncated && !slices.ContainsFunc(report.Findings, func(g conformance.Finding) bool {
			return g.Code == f.Code && g.Pointer == f.Pointer && g.Offset == f.Offset && g.Line == f.Line && g.Column == f.Column
		}):
			t.Errorf("the reference has %v at %.200q, offset %d, and the default engine\n%v\nof %.2000q", f, f.Pointer, f.Offset, report.Findings, payload)
		case f.Code.Family() != "json" && f.Code.Family() != "schema":
			t.Errorf("the reference has %v", f)
		}
	}
	if report.Verdict != want.Verdict || hasFamily(report, "json") != hasFamily(want, "json") {
		t.Errorf("%s, and the reference says %s of %.2000q\n%v\n%v", report.Verdict, want.Verdict, payload, report.Findings, want.Findings)
	}
}

func TestEngines(t *testing.T) {
	all := sampled()
	for _, v := range all {
		compareEngines(t, v.Payload)
		if got := byReference.Check(v.Payload).Verdict; string(got) != v.Verdict {
			t.Errorf("%s: %s, want %s", v.Name, got, v.Verdict)
		}
		if t.Failed() {
			t.Fatal(v.Name)
		}
	}
	r := rand.New(rand.NewPCG(13, 26))
	for range racetest.Some(3_000) {
		payload := judgetest.Mutate(r, all[r.IntN(len(all))].Payload)
		if len(payload) > 10_000 {
			continue
		}
		if compareEngines(t, payload); t.Failed() {
			t.FailNow()
		}
	}
}

// FuzzEngines looks for a payload on which the two engines don't agree.
func FuzzEngines(f *testing.F) {
	for _, v := range sampled() {
		if len(v.Payload) < 10_000 {
			f.Add(v.Payload)
		}
	}
	f.Fuzz(compareEngines)
}

// lines are findings as text, with their pointers and patterns.
func lines(findings []conformance.Finding) (all []string) {
	for _, f := range findings {
		line := fmt.Sprintf("%v at %s", f, f.Pointer)
		if f.Count > 0 {
			line += fmt.Sprintf(" and %s: %d", f.Pattern, f.Count)
		}
		all = append(all, line)
	}
	return all
}

// TestReferenceWords: what the documented layer refuses is told at its place, of
// payloads that deviate, too.
func TestReferenceWords(t *testing.T) {
	for _, tt := range []struct {
		vector string
		want   []string
	}{
		{"page.run-completed", nil},
		{"dialect.field-case", []string{`5:11: error: schema.required: the member "run_id" is missing at /data/run_id`}},
		{"dialect.local-time", []string{`10:19: error: schema.format: expected an RFC 3339 date-time, found the string "3/14/2026, 8:59:12 AM" at /data/started_at`}},
		{"dialect.failed-with-data", []string{`12:5: error: schema.not-allowed: the member "extracted_data" is not allowed here at /data/extracted_data`}},
		{"schema.minimum", []string{`34:28: error: schema.minimum: expected 0 or more, found the number -1 at /data/extracted_data/screenshots_count`}},
		{"event.type-unknown", []string{`2:17: error: schema.const: expected the string "run_completed", found the string "run_finished" at /event_type`}},
		{"json.duplicate-key", []string{`8:5: error: json.duplicate-key: duplicate object member name at /data/runId`}},
	} {
		i := slices.IndexFunc(vectors.All(), func(v vectors.Vector) bool { return v.Name == tt.vector })
		if i < 0 {
			t.Fatalf("there is no vector %s", tt.vector)
		}
		if diff := cmp.Diff(tt.want, lines(byReference.Check(vectors.All()[i].Payload).Findings)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.vector, diff)
		}
	}
}

// around is a payload that conforms, but for rows.
func around(rows string) []byte {
	return []byte(`{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{},"extracted_data":{"captured_lists":{"list_0":` + rows + `},"total_rows":0,
"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[]}}}`)
}

// TestReferenceIsBounded: what would take v5 very long, or very much memory, is refused
// in time, and never accepted.
func TestReferenceIsBounded(t *testing.T) {
	tree, err := conformance.CompileSchema("tree.json", []byte(`{"$ref":"#/$defs/tree","$defs":{"tree":{"anyOf":[
		{"properties":{"x":{"$ref":"#/$defs/tree"}},"required":["a"]},
		{"properties":{"x":{"$ref":"#/$defs/tree"}},"required":["b"]}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("n", 1<<20)
	for name, payload := range map[string][]byte{
		"numbers":      around(`[{"a":1e999999999},{"a":-1e-999999999},{"a":` + strings.Repeat("9", 1<<20) + `}]`),
		"many values":  around("[" + strings.Repeat("0,", 2_000_000) + "0]"),
		"a long name":  around(`[{"` + long + `":[` + strings.Repeat("0,", 100_000) + `0]}]`),
		"wrong cells":  around("[" + strings.Repeat(`{"a":5},`, 20_000) + "{}]"),
		"wrong events": []byte("[" + strings.Repeat(`{"event_type":5},`, 20_000) + "{}]"),
		"a deep tree":  []byte(strings.Repeat(`{"x":`, 900) + "0" + strings.Repeat("}", 900)),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			report := conformance.Checker{Engine: conformance.JSONSchema, Schemas: []*conformance.Schema{tree}}.Check(payload)
			if report.Verdict != conformance.Invalid || len(report.Findings) == 0 {
				t.Errorf("%s: %v", report.Verdict, report.Findings)
			}
			checkReport(t, payload, report)
			t.Logf("%v", time.Since(start))
		})
	}
}
