package conformance_test

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// TestHintsOnOtherShapes: what is not an event, but holds one or looks like one, is told with
// where the event is or what is missing. No hint has a flag of a command: it may go into the
// answer of a receiver.
func TestHintsOnOtherShapes(t *testing.T) {
	const event = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z"}`
	quoted := strconv.Quote(event)
	coded := base64.StdEncoding.EncodeToString([]byte(event))
	for _, tt := range []struct{ name, payload, code, hint string }{
		{"n8n", `[{"headers":{},"params":{},"query":{},"body":` + event + `,"webhookUrl":"u"}]`, "schema.type",
			"this is a request as n8n shows it: the event is at /0/body; send that alone"},
		{"n8n, two items", `[{"headers":{},"body":` + event + `,"webhookUrl":"u"},{"headers":{},"body":` + event + `,"webhookUrl":"u"}]`, "schema.type",
			"this is a request as n8n shows it: it holds 2 events, the first at /0/body; send each of them alone"},
		{"only a body", `{"body":` + event + `}`, "event.type-missing", "the event is at /body; send that alone"},
		{"API Gateway", `{"body":` + quoted + `,"isBase64Encoded":false}`, "event.type-missing",
			"this is a request as AWS API Gateway passes it on: the event is at /body, as JSON in a text; send that alone"},
		{"API Gateway in base64", `{"body":"` + coded + `","isBase64Encoded":true}`, "event.type-missing",
			"this is a request as AWS API Gateway passes it on: the event is at /body, in base64; send that alone"},
		{"encoded twice", quoted, "schema.type", "the event is in this text, as JSON that was encoded twice: send the object itself"},
		{"base64", `"` + coded + `"`, "schema.type", "the event is in this text, in base64: send the object itself"},
		{"an array", "[" + event + "," + event + "]", "schema.type", "this is an array: it holds 2 events, the first at /0; send each of them alone"},
		{"many events", "[" + strings.Repeat(event+",", 1000) + event + "]", "schema.type",
			"this is an array: it holds 1000 or more events, the first at /0; send each of them alone"},
		{"arrays in an array", "[[" + event + "],[" + event + "]]", "schema.type", "it holds 2 events, the first at /0/0; send each of them alone"},
		{"an array of something else", `[1,{"a":2}]`, "schema.type", "a payload is one event, an object; nothing in this array has the event_type of one"},
		{"another event around it", `{"event_type":"scraped","client_payload":` + event + `}`, "event.type-unknown",
			"this is a dispatch of GitHub: the event is at /client_payload; send that alone"},
		{"a shape without an event", `[{"headers":{},"body":{"a":1},"webhookUrl":"u"}]`, "schema.type",
			"this is a request as n8n shows it, and nothing in it has the event_type of an event"},
		{"a name that doesn't print", `{"\u001b[2J":` + event + `}`, "event.type-missing", `the event is at "/\x1b[2J"; send that alone`},
		{"the documentation of SDKs", `{"event":"run.completed","robotId":"r","runId":"n","status":"success","data":{"textData":{}},"timestamp":"t"}`, "event.type-missing",
			`"event" is "run.completed", and the run's members are at the top, as the documentation of SDKs shows events; an event has "event_type", "run_completed", and the run's members in "data"`},
		{"the n8n integration", `{"robot_id":"r","run_id":"n","robot_name":"x","timestamp":"t","data":[{}],"metadata":{"total_records":1}}`, "event.type-missing",
			"this is what the n8n integration sends, and not an event: it has no event_type, and the run's members are at the top; have the webhook integration send it"},
		{"flat", `{"robot_id":"r","run_id":"n","status":"success"}`, "event.type-missing",
			`the run's members are at the top, spelled as in run_completed; an event has event_type there, and the run's members in "data"`},
		{"another name", `{"type":"run-failed","data":{}}`, "event.type-missing", `there is a member "type", "run-failed": did you mean "event_type", "run_failed"?`},
		{"another spelling", `{"eventType":"x","data":{}}`, "event.type-missing", `there is a member "eventType": did you mean "event_type"?`},
		{"nothing known", `{"a":1}`, "event.type-missing", `add it, as "run_completed" or "run_failed"`},
		{"its data", `{"data":{"robotId":"r","runId":"n"}}`, "event.type-missing", "add it: the members of data are those of run_failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			findings := conformance.Check([]byte(tt.payload)).Findings
			if len(findings) != 1 || string(findings[0].Code) != tt.code || findings[0].Hint != tt.hint {
				t.Errorf("got %v\nhint %s\nwant %s: %s", findings, findings[0].Hint, tt.code, tt.hint)
			}
		})
	}
}

// TestHintsToReceivers: a receiver isn't told to send something.
func TestHintsToReceivers(t *testing.T) {
	const event = `{"event_type":"run_failed"}`
	for payload, want := range map[string]string{
		`[{"headers":{},"body":` + event + `,"webhookUrl":"u"}]`: "this is a request as n8n shows it: the event is at /0/body; read it from there",
		"[" + event + "," + event + "]":                          "this is an array: it holds 2 events, the first at /0; read each of them",
		strconv.Quote(event):                                     "the event is in this text, as JSON that was encoded twice: decode it first",
		"{\x00\"\x00":                                            "refuse it, or make UTF-8 of it before you parse it, if it is UTF-16 or UTF-32",
		"\xff\xfe{\x00":                                          "refuse it, or make UTF-8 of it before you parse it",
	} {
		findings := conformance.Checker{As: conformance.Receiver}.Check([]byte(payload)).Findings
		if len(findings) != 1 || findings[0].Hint != want {
			t.Errorf("%s: got %v, hint %q, want %q", payload, findings, findings[0].Hint, want)
		}
	}
}

// TestNoFlagsInHints: a hint is for whoever asks the library, too.
func TestNoFlagsInHints(t *testing.T) {
	for _, rule := range conformance.Rules() {
		if strings.Contains(rule.Hint+rule.ReceiverHint, "--") {
			t.Errorf("%s: %s", rule.Code, rule.Hint)
		}
	}
}

// TestZeroBytes: UTF-16 and UTF-32 are told as such, also without a byte order mark.
func TestZeroBytes(t *testing.T) {
	for _, tt := range []struct{ payload, code string }{
		{"\xff\xfe{\x00", "json.invalid-utf8"},
		{"\xfe\xff\x00{", "json.invalid-utf8"},
		{"\xff\xfe\x00\x00{\x00\x00\x00", "json.invalid-utf8"},
		{"{\x00\"\x00", "json.syntax"},
		{"\x00{\x00\"", "json.syntax"},
		{"\x00\x00\x00{", "json.syntax"},
		{"{\"a\"\x00:1}", "json.syntax"},
	} {
		findings := conformance.Check([]byte(tt.payload)).Findings
		if len(findings) != 1 || string(findings[0].Code) != tt.code || !strings.HasPrefix(findings[0].Hint, "encode the payload as UTF-8") {
			t.Errorf("%q: %v, hint %q", tt.payload, findings, findings[0].Hint)
		}
	}
}

// TestStrictHint: what is an error isn't said to be allowed.
func TestStrictHint(t *testing.T) {
	for _, f := range (conformance.Checker{Strict: true}).Check([]byte(`{"event_type":"run_failed","zzz":1}`)).Findings {
		if f.Code == "contract.unknown-member" && f.Hint != "leave it out: strict allows only members that the contract names" {
			t.Errorf("got %q", f.Hint)
		}
	}
}

// TestCanonicalEvent: a canonical event is said to be one, even if it holds a payload.
func TestCanonicalEvent(t *testing.T) {
	seen := 0
	for _, v := range vectors.All() {
		if v.Canonical == nil || strings.HasPrefix(v.Name, "depth.") {
			continue
		}
		seen++
		forms := [][]byte{v.Canonical, bytes.Replace(v.Canonical, []byte(`"extra": [`), []byte(`"around": {"event_type": "run_failed"}, "extra": [`), 1)}
		for _, form := range forms {
			for as, want := range map[conformance.Role]string{conformance.Sender: "send the payload itself", conformance.Receiver: "event.Event unmarshals it"} {
				findings := conformance.Checker{As: as}.Check(form).Findings
				if len(findings) != 1 || findings[0].Code != "event.type-missing" || !strings.HasPrefix(findings[0].Hint, "this is the canonical form of an event, not a payload: ") || !strings.Contains(findings[0].Hint, want) {
					t.Errorf("%s: %+v", v.Name, findings)
				}
			}
		}
	}
	if seen < 300 {
		t.Errorf("saw only %d canonical forms", seen)
	}
}
