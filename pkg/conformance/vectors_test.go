package conformance_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// TestVectors holds the checker to what the vectors expect, which was written
// from the contract and not from the checker.
func TestVectors(t *testing.T) {
	hit := make(map[conformance.Code]bool)
	for _, v := range vectors.All() {
		t.Run(v.Name, func(t *testing.T) {
			compareEach(t, v.Payload, conformance.Check(v.Payload))
			report := conformance.Checker{Each: true}.Check(v.Payload)
			checkReport(t, v.Payload, report)
			compareVerdict(t, v.Payload, report)
			got := make([]vectors.Finding, len(report.Findings))
			for i, f := range report.Findings {
				hit[f.Code] = true
				got[i] = vectors.Finding{
					Code: string(f.Code), Severity: string(f.Severity), Pointer: f.Pointer,
					Line: f.Line, Column: f.Column,
				}
				if i < len(v.Expectation.Findings) && v.Expectation.Findings[i].Line == 0 {
					got[i].Line, got[i].Column = 0, 0 // left open
				}
			}
			if diff := cmp.Diff(v.Expectation.Verdict, string(report.Verdict)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(v.Expectation.Findings, got); diff != "" {
				t.Errorf("%s\nfindings (-want +got):\n%s", v.Expectation.Description, diff)
			}
		})
	}
	// Two codes depend on more than the payload. What is too large depends on a
	// limit. schema.keyword is for schemas with a rule that has no code of its own,
	// and TestKeywordsHaveCodes sees to it that ours have none.
	for _, code := range []conformance.Code{"json.too-large", "schema.keyword"} {
		if hit[code] {
			t.Errorf("a vector has %s", code)
		}
		hit[code] = true
	}
	for _, rule := range conformance.Rules() {
		if !hit[rule.Code] {
			t.Errorf("no vector has %s; add one, see CONTRIBUTING.md", rule.Code)
		}
	}
}

// TestStrict: a member that the contract doesn't name breaks the strict
// contract, and only that.
func TestStrict(t *testing.T) {
	strict := conformance.Checker{Strict: true}
	for _, v := range vectors.All() {
		plain, report := conformance.Check(v.Payload), strict.Check(v.Payload)
		want := plain.Verdict
		unknown := slices.ContainsFunc(plain.Findings, func(f conformance.Finding) bool {
			return f.Code == "contract.unknown-member"
		})
		if unknown && want == conformance.Conforms {
			want = conformance.Deviates
		}
		if report.Verdict != want {
			t.Errorf("%s: %s, want %s", v.Name, report.Verdict, want)
		}
	}
}

// TestTruncated: a flood of findings is cut off, and said to be; the verdict
// stays what it is.
func TestTruncated(t *testing.T) {
	const before, after = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{},"extracted_data":{"captured_lists":{},"total_rows":0,
"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[`, `]}}}`
	for _, tt := range []struct {
		name, row string
		want      conformance.Verdict
	}{
		{"violations", `{"a":5},`, conformance.Invalid},
		{"dialects", `{"a":null},`, conformance.Deviates},
		{"violations after dialects", `{"a":null},`, conformance.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			last := `{"a":""}`
			if tt.name == "violations after dialects" {
				last = `{"a":5}`
			}
			payload := []byte(before + strings.Repeat(tt.row, 30_000) + last + after)
			each := conformance.Checker{Each: true}.Check(payload)
			if each.Verdict != tt.want || !each.Truncated || len(each.Findings) != 10_000 {
				t.Errorf("%s, truncated %v, %d findings", each.Verdict, each.Truncated, len(each.Findings))
			}
			if !racetest.On { // with which it takes long to count 10,000 columns
				checkReport(t, payload, each)
			}
			report := conformance.Check(payload)
			if report.Verdict != tt.want || report.Truncated || len(report.Findings) > 4 {
				t.Errorf("%s, truncated %v, %d findings", report.Verdict, report.Truncated, len(report.Findings))
			}
			if !slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool { return f.Count >= 30_000 }) {
				t.Errorf("none stands for all: %v", report.Findings)
			}
			checkReport(t, payload, report)
		})
	}
	t.Run("the same each time", func(t *testing.T) {
		rows := strings.Repeat(`{"a":null},`, 12_000) + `{}`
		lists := `"captured_lists":{"l":[` + rows + `]}`
		payload := []byte(strings.Replace(before, `"captured_lists":{}`, lists, 1) + rows + after)
		each := conformance.Checker{Each: true}
		want := each.Check(payload)
		for range 8 {
			if got := each.Check(payload); !reflect.DeepEqual(got, want) {
				t.Fatal("two checks of it differ")
			}
		}
	})
	t.Run("unknown members", func(t *testing.T) {
		var members strings.Builder
		for i := range 30_000 {
			fmt.Fprintf(&members, `"stranger%d":0,`, i)
		}
		payload := []byte(strings.Replace(before, `"data":{`, `"data":{`+members.String(), 1) + after)
		report := conformance.Check(payload)
		if report.Verdict != conformance.Conforms || !report.Truncated || len(report.Findings) != 10_000 {
			t.Errorf("%s, truncated %v, %d findings", report.Verdict, report.Truncated, len(report.Findings))
		}
	})
	// The pointer of each finding repeats the name.
	name := strings.Repeat("n", 1<<20)
	for _, tt := range []struct{ name, payload string }{
		{"a long name", strings.Replace(before, `"captured_lists":{}`,
			`"captured_lists":{"`+name+`":[`+strings.Repeat(`{"a":null},`, 9_000)+`{}]}`, 1) + after},
		{"a long name in broken JSON", `{"` + name + `":[` + strings.Repeat(`"\udead",`, 9_000) + `0]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report := conformance.Checker{Each: true}.Check([]byte(tt.payload))
			if n := len(report.Findings); n == 0 || n > 20 || !report.Truncated {
				t.Errorf("truncated %v, %d findings", report.Truncated, n)
			}
		})
	}
	t.Run("duplicates", func(t *testing.T) {
		report := conformance.Check([]byte("{" + strings.Repeat(`"a":1,`, 30_000) + `"a":2}`))
		if report.Verdict != conformance.Invalid || !report.Truncated || len(report.Findings) != 10_000 {
			t.Errorf("%s, truncated %v, %d findings", report.Verdict, report.Truncated, len(report.Findings))
		}
	})
}

// TestHints: a hint leads to what the contract documents, and to what was
// likely meant.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		name, replace, by string
		code              conformance.Code
		want              string
	}{
		{"an unknown event", `"run_completed"`, `"run_ended"`, "event.type-unknown", `send "run_completed" or "run_failed"`},
		{"an event that is near", `"run_completed"`, `"runCompleted"`, "event.type-unknown", `did you mean "run_completed"?`},
		{"no event", `"event_type":"run_completed",`, ``, "event.type-missing", "add it: the members of data are those of run_completed"},
		{"the event by another name", `"event_type"`, `"type"`, "event.type-missing", `there is a member "type": did you mean "event_type"?`},
		{"neither event nor data", `"event_type":"run_completed",`, ``, "event.type-missing", `add it, as "run_completed" or "run_failed"`},
		{"a known absence that is a misspelling", `"total_rows"`, `"totalRows"`, "dialect.member-absent",
			`there is a member "totalRows": did you mean "total_rows"?`},
		{"a known absence", `"total_rows":7,`, ``, "dialect.member-absent", "add the member"},
		{"what can't be counted", `"captured_texts":[]`, `"captured_texts":"none"`, "data.count-mismatch", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.Replace(`{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{},"extracted_data":{"captured_lists":{},"total_rows":7,
"captured_texts_count":7,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[]}}}`, tt.replace, tt.by, 1)
			if tt.name == "neither event nor data" {
				payload = "{}"
			}
			got := ""
			for _, f := range conformance.Check([]byte(payload)).Findings {
				if f.Code == tt.code {
					got = f.Hint
				}
			}
			if got != tt.want {
				t.Errorf("hint %q, want %q", got, tt.want)
			}
		})
	}
}

// sampled returns all vectors or, with the race detector, every eighth: TestVectors checks
// each with it, and one goroutine has no more races in more of them.
func sampled() []vectors.Vector {
	all := vectors.All()
	if !racetest.On {
		return all
	}
	var some []vectors.Vector
	for i := 0; i < len(all); i += 8 {
		some = append(some, all[i])
	}
	return some
}

// skipUnderRace skips a test that counts allocations.
func skipUnderRace(t *testing.T) {
	if racetest.On {
		t.Skip("allocations: under the race detector a sync.Pool loses what it holds")
	}
}

// TestValidAllocatesNothing: of a payload that conforms nothing is built.
func TestValidAllocatesNothing(t *testing.T) {
	skipUnderRace(t)
	for _, v := range vectors.All() {
		if v.Verdict != "conforms" || len(v.Payload) > 100_000 {
			continue
		}
		if n := testing.AllocsPerRun(10, func() { conformance.Valid(v.Payload) }); n != 0 {
			t.Errorf("%s: %v allocations", v.Name, n)
		}
	}
}

// TestCheckAllocatesLittle: a payload that deviates takes its findings, and their texts.
func TestCheckAllocatesLittle(t *testing.T) {
	skipUnderRace(t)
	for _, v := range vectors.All() {
		if !strings.HasPrefix(v.Name, "wild.") || v.Verdict != "deviates" {
			continue
		}
		n := testing.AllocsPerRun(100, func() { conformance.Check(v.Payload) })
		if most := 5 + float64(len(v.Expectation.Findings)); n > most {
			t.Errorf("%s: %v allocations for %d findings", v.Name, n, len(v.Expectation.Findings))
		}
	}
}
