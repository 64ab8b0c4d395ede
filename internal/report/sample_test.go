package report

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// finding makes a finding at the first place in data where needle stands.
func finding(data string, severity conformance.Severity, code conformance.Code, pointer, needle, message, hint string) conformance.Finding {
	offset := strings.Index(data, needle)
	if offset < 0 {
		panic(fmt.Sprintf("sample: no %q in %q", needle, data))
	}
	line := 1 + strings.Count(data[:offset], "\n")
	column := 1 + utf8.RuneCountInString(data[strings.LastIndexByte(data[:offset], '\n')+1:offset])
	return conformance.Finding{
		Code: code, Severity: severity, Pointer: pointer,
		Line: line, Column: column, Offset: offset, Message: message, Hint: hint,
	}
}

const (
	sampleLocalTime = `{"event_type":"run_failed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bcb","robot_name":"测试 Größe 🍏","status":"failed","started_at":"6/25/2026, 3:52:30 PM","error":{"message":"page.goto: Timeout\u001b[2m","type":"ExecutionError"},"metadata":{"userId":108}}}`

	samplePage = `{
	"event_type": "run_completed",
	"timestamp": "2025-05-29T15:53:15.595Z",
	"webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
	"data": {
		"extracted_data": {
			"captured_texts": [
				{
					"Rating": "4.8/5 stars",
				}
			]
		}
	}
}
`
	sampleConforms = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z"}`
	sampleCounts   = `{"event_type":"run_completed","extracted_data":{"total_rows":5,"colour":"red"}}`
	sampleHAR      = `{"event_type":"run_finished"}`
)

// samplePayloads are payloads of every verdict and kind of source.
func samplePayloads() []Payload {
	return []Payload{
		{
			Source: "page.json", Line: 1, Single: true, Data: []byte(samplePage),
			Report: conformance.Report{Verdict: conformance.Invalid, Findings: []conformance.Finding{
				finding(samplePage, conformance.SeverityError, "json.syntax", "/data/extracted_data/captured_texts/0", "}\n\t\t\t]",
					"a comma stands before the end of an object", "remove the comma; JSON has no trailing ones"),
			}},
		},
		{
			Source: "conforms.json", Line: 1, Single: true, Data: []byte(sampleConforms), Passed: true,
			Report: conformance.Report{EventType: "run_completed", Verdict: conformance.Conforms},
		},
		{
			Source: "runs/june 2026.ndjson", Line: 1, Data: []byte(sampleConforms), Passed: true,
			Report: conformance.Report{EventType: "run_completed", Verdict: conformance.Conforms, Findings: []conformance.Finding{}},
		},
		{
			Source: "runs/june 2026.ndjson", Index: 1, Line: 3, Data: []byte(sampleLocalTime), Known: 2,
			Report: conformance.Report{EventType: "run_failed", Verdict: conformance.Deviates, Findings: []conformance.Finding{
				finding(sampleLocalTime, conformance.SeverityError, "dialect.field-case", "/data/robotId", `"robot_id"`,
					"run_failed spells this member robotId", "robot_id is how run_completed spells it; here it is robotId"),
				finding(sampleLocalTime, conformance.SeverityError, "dialect.local-time", "/data/started_at", `"6/25/2026`,
					"the time is written for a locale and has no zone", "send RFC 3339, such as 2026-06-25T15:52:30Z"),
				finding(sampleLocalTime, conformance.SeverityError, "dialect.member-absent", "/data/error/stack", `{"message"`,
					"the member stack is absent", ""),
				finding(sampleLocalTime, conformance.SeverityWarning, "data.ansi-escape", "/data/error/message", `"page.goto`,
					"the text holds terminal escape sequences", ""),
			}},
		},
		{
			Source: "runs/june 2026.ndjson", Index: 2, Line: 4, Data: []byte(sampleCounts), Passed: true,
			Report: conformance.Report{EventType: "run_completed", Verdict: conformance.Conforms, Findings: []conformance.Finding{
				finding(sampleCounts, conformance.SeverityWarning, "data.count-mismatch", "/extracted_data/total_rows", "5",
					"total_rows is 5, and there are 2 rows", "count texts plus lists"),
				finding(sampleCounts, conformance.SeverityInfo, "contract.unknown-member", "/extracted_data/colour", `"colour"`,
					"the contract does not name colour", ""),
			}},
		},
		{
			Source: "capture.har", Line: 120, At: "/log/entries/3/request/postData/text", Data: []byte(sampleHAR),
			Report: conformance.Report{EventType: "run_finished", Verdict: conformance.Invalid, Findings: []conformance.Finding{
				finding(sampleHAR, conformance.SeverityError, "event.type-unknown", "/event_type", `"run_finished"`,
					`"run_finished" is not an event of the contract`, "did you mean run_completed or run_failed?"),
			}},
		},
		{
			Source: "huge.ndjson", Line: 9,
			Report: conformance.Report{Verdict: conformance.Invalid, Findings: []conformance.Finding{{
				Code: "json.too-large", Severity: conformance.SeverityError, Line: 1, Column: 1,
				Message: "the payload is longer than 64 MiB", Hint: "raise --max-bytes",
			}}},
		},
	}
}

func sampleSummary() Summary {
	var tally Tally
	for _, p := range samplePayloads() {
		tally.Add(p)
	}
	found, _ := tally.Found()
	return Summary{
		Found:    found,
		Payloads: 7, Conforms: 3, Deviates: 1, Invalid: 3, Unreadable: 1,
		Errors: 6, Warnings: 2, Infos: 1, Failed: 4, Known: 2,
		Stale: []StaleEntry{{Source: "old.json", Code: "dialect.null-cell", Pointer: "/data/extracted_data/captured_lists/a/0/b", Count: 2}},
	}
}

// grouped is a payload with 2,000 null cells of a column.
func grouped() Payload {
	const data = `{"data":{"extracted_data":{"captured_lists":{"Prices":[{"Price":null},{"Price":null}]}}}}`
	f := finding(data, conformance.SeverityError, "dialect.null-cell", "/data/extracted_data/captured_lists/Prices/0/Price", "null",
		"the cell is null", "send the text")
	f.Count, f.Pattern = 2000, "/data/extracted_data/captured_lists/Prices/*/Price"
	return Payload{Source: "a.json", Line: 1, Single: true, Data: []byte(data), Report: conformance.Report{
		EventType: "run_completed", Verdict: conformance.Deviates, Findings: []conformance.Finding{f}}}
}

func sampleOptions() Options {
	return Options{Version: "1.2.3", CodeInfo: func(code conformance.Code) (string, string) {
		if code.Family() == "json" {
			return "The payload is not one strict JSON document.", "https://runhooks.example/docs/findings.md#" + strings.ReplaceAll(string(code), ".", "")
		}
		return "", ""
	}}
}

// writeSample writes the sample report to w and returns its first error.
func writeSample(w Writer) error {
	var errs []error
	payloads := samplePayloads()
	for _, p := range payloads[:5] {
		errs = append(errs, w.Payload(p))
	}
	errs = append(errs, w.Unreadable("gone.json", &fs.PathError{Op: "open", Path: "gone.json", Err: fs.ErrNotExist}))
	for _, p := range payloads[5:] {
		errs = append(errs, w.Payload(p))
	}
	errs = append(errs, w.Close(sampleSummary()))
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// report returns the report on payloads, as the caller of a Writer makes it.
func report(t *testing.T, format Format, opts Options, s Summary, payloads ...Payload) string {
	t.Helper()
	var out bytes.Buffer
	w, err := New(format, &out, opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range payloads {
		if err := w.Payload(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
