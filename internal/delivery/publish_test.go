package delivery_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func TestJudge(t *testing.T) {
	spaced := "{\n  \"data\": {\"robotId\": \"robot\", \"runId\": \"r\\u00fcn\", \"robotName\": \"n\", \"status\": \"failed\"," +
		"\n  \"startedAt\": \"2026-01-02T03:04:05.678Z\", \"finishedAt\": \"2026-01-02T03:05:05.678Z\"," +
		"\n  \"error\": {\"message\": \"m\", \"type\": \"t\", \"stack\": \"s\"}},\n  \"event_type\": \"run_failed\", \"more\": [{\"robotId\": \"no\"}]}"
	nulLater := strings.Replace(spaced, `"runId": "r\u00fcn"`, "\n \"é\": 1, \"runId\": \"\\u0000\"", 1)
	bothNul := strings.NewReplacer(`"robotId": "robot", `, "", `"robotName"`, `"robotId": "\u0000", "robotName"`).Replace(nulLater)
	for _, test := range []struct {
		name, body     string
		robot, run     string
		code           conformance.Code // of the first error, or empty
		pointer        string
		line, col, off int
	}{
		{name: "conforms", body: body, robot: "robot", run: "run"},
		{name: "in another order", body: spaced, robot: "robot", run: "rün"},
		{name: "ids as another type spells them, before", body: strings.Replace(body, `{"robotId"`, `{"robot_id":"no","run_id":"no","robotId"`, 1), robot: "robot", run: "run"},
		{name: "ids as another type spells them, between", body: strings.Replace(body, `"runId"`, `"robot_id":"no","run_id":"no","runId"`, 1), robot: "robot", run: "run"},
		{name: "no JSON", body: `{"event_type"`, code: "json.syntax", line: 1, col: 14, off: 13},
		{name: "an array", body: `[]`, code: "schema.type", line: 1, col: 1},
		{name: "empty object", body: `{}`, code: "event.type-missing", pointer: "/event_type", line: 1, col: 1},
		{name: "nothing", body: ``, code: "json.syntax", line: 1, col: 1},
		{
			name: "a member that the service adds", body: strings.Replace(body, `"data"`, `"timestamp":"2026-01-02T03:04:05Z","data"`, 1),
			code: "schema.not-allowed", pointer: "/timestamp", line: 1, col: 28, off: 27,
		},
		{
			name: "a place after what was added", body: strings.Replace(body, `"failed"`, `"lost"`, 1),
			code: "schema.const", pointer: "/data/status", line: 1, col: 1 + strings.Index(body, `"failed"`), off: strings.Index(body, `"failed"`),
		},
		{
			name: "a place on another line", body: strings.Replace(spaced, `"t"`, `5`, 1),
			code: "schema.type", pointer: "/data/error/type", line: 4, col: 37, off: strings.Index(spaced, `"t"`),
		},
		{
			name: "an id with NUL", body: strings.Replace(body, `"run"`, `"a\u0000b"`, 1),
			code: "schema.not-allowed", pointer: "/data/runId", line: 1, col: 1 + strings.Index(body, `"run"`), off: strings.Index(body, `"run"`),
		},
		{
			name: "an endless id", body: strings.Replace(body, `"robot"`, `"`+strings.Repeat("x", 600)+`"`, 1),
			code: "schema.not-allowed", pointer: "/data/robotId", line: 1, col: 1 + strings.Index(body, `"robot"`), off: strings.Index(body, `"robot"`),
		},
		{
			name: "an id with NUL on another line, after a character of two bytes", body: nulLater,
			code: "schema.not-allowed", pointer: "/data/runId", line: 3, col: 19, off: strings.Index(nulLater, `"\u0000"`),
		},
		{
			name: "both ids have NUL, the run's first", body: bothNul,
			code: "schema.not-allowed", pointer: "/data/runId", line: 3, col: 19, off: strings.Index(bothNul, `"\u0000"`),
		},
		{name: "an operational event", body: `{"event_type":"endpoint_disabled","data":{}}`, code: "event.type-unknown", pointer: "/event_type", line: 1, col: 15, off: 14},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := delivery.Judge([]byte(test.body))
			var first conformance.Finding
			if i := slices.IndexFunc(j.Report.Findings, func(f conformance.Finding) bool { return f.Severity == conformance.SeverityError }); i >= 0 {
				first = j.Report.Findings[i]
			}
			if j.Conforms() != (test.code == "") {
				t.Errorf("conforms: %v", j.Conforms())
			}
			if first.Code != test.code || first.Pointer != test.pointer || first.Line != test.line || first.Column != test.col || first.Offset != test.off {
				t.Errorf("the first error is %s at %q, offset %d, want %s at %q, %d:%d, offset %d",
					first, first.Pointer, first.Offset, test.code, test.pointer, test.line, test.col, test.off)
			}
			if test.code == "" && (j.Type != "run_failed" || j.RobotID != test.robot || j.RunID != test.run) {
				t.Errorf("it is %+v", j)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 60_000_000, time.FixedZone("", 3600))
	const added = `"timestamp":"2026-01-02T02:04:05.060Z","webhook_id":"w",`
	for body, want := range map[string]string{
		`{"event_type":"run_completed","data":{}}`:    `{"event_type":"run_completed",` + added + `"data":{}}`,
		`{"event_type":"endpoint_failing","data":{}}`: `{"event_type":"endpoint_failing",` + added + `"data":{}}`,
		"\n{ \"data\":1.50}":                          "\n{" + added + " \"data\":1.50}",
	} {
		if diff := cmp.Diff(want, string(delivery.Payload(&delivery.Event{At: at, Body: []byte(body)}, "w"))); diff != "" {
			t.Errorf("the payload (-want +got):\n%s", diff)
		}
	}
}

func TestNewEventID(t *testing.T) {
	at := time.UnixMilli(1<<48 - 1)
	if id := delivery.NewEventID(at); len(id) != 30 || !strings.HasPrefix(id, "evt_7ZZZZZZZZZ") {
		t.Errorf("the id of the last millisecond is %s", id)
	}
	var made []string
	for i := range 100 {
		made = append(made, delivery.NewEventID(time.UnixMilli(int64(i))))
	}
	if !slices.IsSorted(made) {
		t.Errorf("ids don't sort by time: %v", made)
	}
}
