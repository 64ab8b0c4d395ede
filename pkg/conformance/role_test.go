package conformance_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// forSenders are what only somebody can do who makes payloads.
var forSenders = []string{"add ", "send ", "leave ", "write ", "spell ", "give the member", "let a JSON", "did you mean", "is there already", "receivers"}

// TestAsReceiver: the hints are all that differs, and none of them asks the receiver to
// change what was sent.
func TestAsReceiver(t *testing.T) {
	schema, err := conformance.CompileSchema("own.json", []byte(`{"required":["never"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, checker := range []conformance.Checker{
		{}, {Strict: true}, {Each: true}, {Engine: conformance.JSONSchema}, {Schemas: []*conformance.Schema{schema}},
	} {
		receiver := checker
		receiver.As = conformance.Receiver
		for _, v := range sampled() {
			if len(v.Payload) > 1<<20 {
				continue
			}
			want, got := checker.Check(v.Payload), receiver.Check(v.Payload)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(conformance.Finding{}, "Hint")); diff != "" {
				t.Errorf("%s (-sender +receiver):\n%s", v.Name, diff)
			}
			for _, f := range got.Findings {
				if f.Hint == "" {
					t.Errorf("%s: no hint on %v", v.Name, f)
				}
				for _, words := range forSenders {
					if strings.HasPrefix(f.Hint, words) || words == "receivers" && strings.Contains(f.Hint, words) {
						t.Errorf("%s: %v: to a receiver: %s", v.Name, f, f.Hint)
					}
				}
			}
		}
	}
}

func TestRulesHintAtBoth(t *testing.T) {
	for _, rule := range conformance.Rules() {
		for _, hint := range []string{rule.Hint, rule.ReceiverHint} {
			if hint == "" || strings.HasSuffix(hint, ".") || strings.ToLower(hint[:1]) != hint[:1] {
				t.Errorf("%s: %q is not a few words without a full stop", rule.Code, hint)
			}
		}
		for _, words := range forSenders {
			if strings.HasPrefix(rule.ReceiverHint, words) {
				t.Errorf("%s: to a receiver: %s", rule.Code, rule.ReceiverHint)
			}
		}
	}
}

// TestStrictHints: of what is an error there, no hint says that it is allowed.
func TestStrictHints(t *testing.T) {
	for _, v := range vectors.All() {
		for _, f := range (conformance.Checker{Strict: true}).Check(v.Payload).Findings {
			if f.Severity == conformance.SeverityError && (strings.Contains(f.Hint, "allowed;") || strings.Contains(f.Hint, "ignore")) {
				t.Errorf("%s: %v: %s", v.Name, f, f.Hint)
			}
		}
	}
}

// TestReceiverHints: a hint says where the data is.
func TestReceiverHints(t *testing.T) {
	const completed = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{"browser_id":"b","user_id":1},"extracted_data":{"captured_lists":{},"total_rows":0,
"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[]}}}`
	for _, tt := range []struct {
		name, replace, by string
		code              conformance.Code
		want              string
	}{
		{"another spelling", `"robot_id"`, `"robotId"`, "dialect.field-case", "read it from /data/robotId; pkg/event's Event has it whatever its name"},
		{"an old name", `"robot_id"`, `"workflow_id"`, "dialect.old-name", "read it from /data/workflow_id; pkg/event's Event has it whatever its name"},
		{"a known member", `"status"`, `"markdown":"# A","status"`, "contract.unknown-member", "known data: read it from /data/markdown. The page as Markdown, of a scrape run."},
		{"another known member", `"captured_lists"`, `"crawl_data":{},"captured_lists"`, "contract.unknown-member",
			"known data: read it from /data/extracted_data/crawl_data. Results of a crawl: names to pages."},
		{"another event's spelling", `"browser_id"`, `"browserId"`, "contract.unknown-member", "read it from /data/metadata/browserId, as run_failed spells it"},
		{"an unknown member", `"status"`, `"colour":"red","status"`, "contract.unknown-member", "keep it in case you need it, and go on without it; pkg/event's Event has it in Extra"},
		{"a second spelling", `"status"`, `"runid":"u","status"`, "contract.unknown-member", `read "run_id", which is also there`},
		{"a member of another place", `"status"`, `"totalRows":7,"status"`, "contract.unknown-member",
			`the contract has it at /data/extracted_data/total_rows; here, read it from "totalRows"`},
		{"a name with controls", `"status"`, `"total\u001brows":7,"status"`, "contract.unknown-member",
			`keep it in case you need it, and go on without it; pkg/event's Event has it in Extra`},
		{"a misspelling", `"status"`, `"sttus"`, "schema.required", `look at the member "sttus": it may be meant as "status"`},
		{"a misspelt value", `"success"`, `"sucess"`, "schema.enum", `it may be meant as "success"`},
		{"a local time", `"2025-05-29T15:52:30.595Z"`, `"29.5.2025, 15:52:30"`, "dialect.local-time",
			"parse it as local text, in the server's locale and zone; pkg/event's Parser does it, given both"},
		{"a count", `"total_rows":0`, `"total_rows":5`, "data.count-mismatch", "count the rows yourself; Counted of pkg/event's Event does"},
		{"an absent count", `"total_rows":0,`, ``, "dialect.member-absent", "do without it: some servers don't send it; in pkg/event's Event its field is empty"},
		{"an unknown event", `"run_completed"`, `"run_ended"`, "event.type-unknown",
			"take it and keep its bytes, since senders may add events; pkg/receiver hands it to Handlers.Unknown"},
		{"no event", `"event_type"`, `"type"`, "event.type-missing", "it may be run_completed, whose members data has; refuse it, or ask its sender"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.Replace(completed, tt.replace, tt.by, 1)
			got := "no such finding"
			for _, f := range (conformance.Checker{As: conformance.Receiver}).Check([]byte(payload)).Findings {
				if f.Code == tt.code {
					got = f.Hint
				}
			}
			if got != tt.want {
				t.Errorf("hint %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("a scrape without extracted_data", func(t *testing.T) {
		var payload map[string]any
		if err := json.Unmarshal([]byte(completed), &payload); err != nil {
			t.Fatal(err)
		}
		data := payload["data"].(map[string]any)
		delete(data, "extracted_data")
		data["html"] = "<p>"
		text, _ := json.Marshal(payload)
		var hints []string
		for _, f := range (conformance.Checker{As: conformance.Receiver}).Check(text).Findings {
			hints = append(hints, fmt.Sprint(f.Code, " ", f.Hint))
		}
		all := strings.Join(hints, "\n")
		if !strings.Contains(all, "read it from /data/html.") || strings.Contains(all, "ignore it") || strings.Contains(all, "do without it") {
			t.Error(all)
		}
	})
}
