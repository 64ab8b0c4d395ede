package conformance_test

import (
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// TestEdges: what is said where a rule is only just kept, or broken by far.
func TestEdges(t *testing.T) {
	plain, _, ok := vectors.Sample("data.time-order")
	if !ok {
		t.Fatal("no sample of data.time-order")
	}
	const finished = `"2026-03-14T08:58:00Z"`
	for _, tt := range []struct {
		name      string
		replace   []string // of the sample: texts, and what they are replaced by
		code      conformance.Code
		message   string // of the finding of that code, or "" if there is none
		hasHint   string
		lacksHint string
	}{
		{name: "the same instant, in another zone", replace: []string{finished, `"2026-03-14T09:59:12.004+01:00"`}, code: "data.time-order"},
		{name: "the same instant, in other words", replace: []string{finished, `"2026-03-14t08:59:12.004000z"`}, code: "data.time-order"},
		{name: "a moment earlier", replace: []string{finished, `"2026-03-14T09:59:12.0039999+01:00"`}, code: "data.time-order",
			message: `finished_at is "2026-03-14T09:59:12.0039999+01:00", before started_at, which is "2026-03-14T08:59:12.004Z"`},
		{name: "a sum beyond 64 bits", code: "data.count-mismatch",
			replace: []string{`"captured_texts_count": 1`, `"captured_texts_count": 9223372036854775807`, `"total_rows": 3`, `"total_rows": 9223372036854775809`}},
		{name: "another sum than one beyond 64 bits", code: "data.count-mismatch", message: "total_rows is 3, but captured_texts_count and captured_lists_count make 9223372036854775809",
			replace: []string{`"captured_texts_count": 1`, `"captured_texts_count": 9223372036854775807`}},
		{name: "a look-alike in another object", code: "schema.required", message: `the member "run_id" is missing`, lacksHint: "did you mean",
			replace: []string{`"run_id": "67073c09-f5e5-46ca-8050-7d7428b21ff5",`, ``, `"user_id": 41`, `"user_id": 41, "runn_id": 1`}},
		{name: "a look-alike in the object", code: "schema.required", message: `the member "run_id" is missing`, hasHint: `there is a member "runn_id": did you mean "run_id"?`,
			replace: []string{`"run_id": "67073c09-f5e5-46ca-8050-7d7428b21ff5",`, `"runn_id": 1,`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := string(plain.Payload)
			for i := 0; i < len(tt.replace); i += 2 {
				if !strings.Contains(payload, tt.replace[i]) {
					t.Fatalf("the sample has no %s", tt.replace[i])
				}
				payload = strings.Replace(payload, tt.replace[i], tt.replace[i+1], 1)
			}
			message := ""
			for _, f := range conformance.Check([]byte(payload)).Findings {
				if f.Code == tt.code && !strings.HasPrefix(f.Message, "captured_") {
					message = f.Message
					if !strings.Contains(f.Hint, tt.hasHint) || tt.lacksHint != "" && strings.Contains(f.Hint, tt.lacksHint) {
						t.Errorf("hint %q", f.Hint)
					}
				}
			}
			if message != tt.message {
				t.Errorf("%q, want %q", message, tt.message)
			}
		})
	}
}

// TestOnce: what both layers say of the same place is said once.
func TestOnce(t *testing.T) {
	sample, _, _ := vectors.Sample("data.count-mismatch")
	payload := strings.Replace(string(sample.Payload), `"success"`, `"failed"`, 1)
	for _, each := range []bool{false, true} {
		seen := map[string]bool{}
		for _, f := range (conformance.Checker{Each: each}).Check([]byte(payload)).Findings {
			if key := string(f.Code) + " " + f.Pointer; seen[key] {
				t.Errorf("each %v: twice: %v", each, f)
			} else {
				seen[key] = true
			}
		}
		if len(seen) < 2 {
			t.Errorf("only %v", seen)
		}
	}
}
