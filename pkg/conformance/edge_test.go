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
		{name: "another sum than one beyond 64 bits", code: "data.count-mismatch", message: "total_rows is 3, but captured_texts_count and captured_lists_count add up to 9223372036854775809",
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

// TestCountOfCells: a message says when a number is that of the cells, and says so only then.
func TestCountOfCells(t *testing.T) {
	const (
		cells = "; the number is that of the cells, and a count is of rows"
		row   = `{"a":"1","b":"2","c":"3"}`
	)
	for _, tt := range []struct{ name, texts, count, want string }{
		{"the page's sample", `[` + row + `]`, "3", "captured_texts_count is 3, but captured_texts holds 1 row" + cells},
		{"written otherwise", `[` + row + `]`, "3.0", "captured_texts_count is 3.0, but captured_texts holds 1 row" + cells},
		{"rows of different widths", `[` + row + `,{"a":"1"}]`, "4", "captured_texts_count is 4, but captured_texts holds 2 rows" + cells},
		{"rows by name", `{"A":[` + row + `],"B":[` + row + `]}`, "6", "captured_texts_count is 6, but captured_texts holds 2 rows" + cells},
		{"neither", `[` + row + `]`, "2", "captured_texts_count is 2, but captured_texts holds 1 row"},
		{"a row of one cell", `[{"a":"1"}]`, "1", ""},
		{"rows without cells", `[{},{}]`, "0", "captured_texts_count is 0, but captured_texts holds 2 rows"},
		{"what is nested in a cell", `[{"a":{"b":1,"c":2}}]`, "3", "captured_texts_count is 3, but captured_texts holds 1 row"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := `{"event_type":"run_completed","data":{"extracted_data":{"captured_texts":` + tt.texts + `,"captured_texts_count":` + tt.count + `}}}`
			got := ""
			for _, f := range conformance.Check([]byte(payload)).Findings {
				if f.Code == "data.count-mismatch" && f.Pointer == "/data/extracted_data/captured_texts_count" {
					got = f.Message
				}
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestNestHints: where the members of a missing object are at its own level, the hint
// says to nest them.
func TestNestHints(t *testing.T) {
	vector := func(name string) string {
		for _, v := range vectors.All() {
			if v.Name == name {
				return string(v.Payload)
			}
		}
		t.Fatalf("no vector %s", name)
		return ""
	}
	for _, tt := range []struct {
		name, payload, pointer, sender, receiver string
	}{
		{"run_completed, flat", vector("rule.completed-flat"), "/data",
			`nest these members under "data": "robot_id", "run_id", "robot_name", "status", "started_at", "finished_at", "extracted_data", "metadata"`,
			`read its members beside it, where they are: "robot_id", "run_id", "robot_name", "status", "started_at", "finished_at", "extracted_data", "metadata"; or have the sender nest them under "data"`},
		{"run_failed, flat as in the table", vector("rule.failed-flat-as-the-table"), "/data",
			`nest these members under "data": "robotId", "runId", "robotName", "status", "metadata"`,
			`read its members beside it, where they are: "robotId", "runId", "robotName", "status", "metadata"; or have the sender nest them under "data"`},
		{"an error, flat", vector("rule.failed-error-flat"), "/data/error",
			`nest these members under "error": "message", "type", "stack"`,
			`read its members beside it, where they are: "message", "type", "stack"; or have the sender nest them under "error"`},
		{"in the other case", `{"event_type":"run_failed","run_id":"u","robot_id":"r"}`, "/data",
			`nest these members under "data": "run_id", "robot_id"`,
			`read its members beside it, where they are: "run_id", "robot_id"; or have the sender nest them under "data"`},
		{"one member, by chance", `{"event_type":"run_failed","status":"failed"}`, "/data",
			"add the member", "do without the member, or refuse the payload"},
		{"members of no missing object", `{"event_type":"run_failed","browserId":"b","userId":1}`, "/data",
			"add the member", "do without the member, or refuse the payload"},
		{"more than anyone reads", `{"event_type":"run_failed","runId":1,"run_id":1,"run-id":1,"runid":1,"RunId":1,"RunID":1,"Run_Id":1,"run id":1,"RUNID":1}`, "/data",
			`nest these members under "data": "runId", "run_id", "run-id", "runid", "RunId", "RunID", "Run_Id", "run id", and others`,
			`read its members beside it, where they are: "runId", "run_id", "run-id", "runid", "RunId", "RunID", "Run_Id", "run id", and others; or have the sender nest them under "data"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for as, want := range map[conformance.Role]string{conformance.Sender: tt.sender, conformance.Receiver: tt.receiver} {
				got := "no such finding"
				for _, f := range (conformance.Checker{As: as}).Check([]byte(tt.payload)).Findings {
					if f.Pointer == tt.pointer && f.Code == "schema.required" {
						got = f.Hint
					}
				}
				if got != want {
					t.Errorf("%v: %q, want %q", as, got, want)
				}
			}
		})
	}
}
