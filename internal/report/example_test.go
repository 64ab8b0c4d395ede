package report_test

import (
	"fmt"
	"os"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func ExampleNew() {
	w, err := report.New(report.Text, os.Stdout, report.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = w.Payload(report.Payload{
		Source: "a.ndjson", Index: 2, Line: 3, Data: []byte(`{"event_type":"run_finished"}`),
		Report: conformance.Report{
			EventType: "run_finished", Verdict: conformance.Invalid,
			Findings: []conformance.Finding{{
				Code: "event.type-unknown", Severity: conformance.SeverityError, Pointer: "/event_type",
				Line: 1, Column: 15, Offset: 14,
				Message: "the contract has no such event", Hint: "did you mean run_failed?",
			}},
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	if err := w.Close(report.Summary{Payloads: 1, Invalid: 1, Errors: 1, Failed: 1}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ✗ a.ndjson:3  invalid  run_finished
	//   error event.type-unknown 3:15 the contract has no such event
	//      3 │ {"event_type":"run_finished"}
	//        │               ^~~~~~~~~~~~~~ /event_type
	//        │ hint: did you mean run_failed?
	//
	// 1 payload: 0 conform, 0 deviate, 1 invalid · 1 error, 0 warnings, 0 infos
	// runhooks explain event.type-unknown says more about a code
}

func ExampleFormats() {
	fmt.Println(report.Formats())
	// Output: [text json ndjson sarif junit github html summary]
}

func ExampleMarshal() {
	line, err := report.Marshal(map[string]string{"name": "<ok> \u202egnp.exe\u009b2J"})
	fmt.Printf("%s %v\n", line, err)
	// Output: {"name":"<ok> \u202egnp.exe\u009b2J"} <nil>
}
