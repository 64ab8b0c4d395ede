package conformance_test

import (
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A failure as real servers send it: spelled as run_completed is.
const failure = `{
  "event_type": "run_failed",
  "timestamp": "2026-06-25T15:53:15.595Z",
  "webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
  "data": {
    "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "runId": "110c4dae-c39b-4b30-a932-eff1022e4bb0",
    "robotName": "Test Robot",
    "status": "failed",
    "error": { "message": "Timeout exceeded", "type": "TimeoutError", "stack": "" },
    "metadata": { "attempt": 2 }
  }
}`

func ExampleCheck() {
	report := conformance.Check([]byte(failure))
	fmt.Println(report.EventType, report.Verdict)
	for _, f := range report.Findings {
		fmt.Println(f)
		fmt.Println("  at", f.Pointer)
		fmt.Println("  hint:", f.Hint)
	}
	// Output:
	// run_failed deviates
	// 6:5: error: dialect.field-case: "robot_id" should be "robotId"
	//   at /data/robot_id
	//   hint: `robot_id` is how run_completed spells it; here it is `robotId`
	// 11:19: info: contract.unknown-member: the contract doesn't name a member "attempt" here
	//   at /data/metadata/attempt
	//   hint: allowed; receivers ignore it
}

func ExampleValid() {
	fmt.Println(conformance.Valid([]byte(failure)))
	fmt.Println(conformance.Valid([]byte(strings.Replace(failure, "robot_id", "robotId", 1))))
	// Output:
	// false
	// true
}

// A member that the contract doesn't name is allowed, unless a checker is strict.
func ExampleChecker() {
	strict := conformance.Checker{Strict: true}
	for _, f := range strict.Check([]byte(failure)).Findings {
		fmt.Println(f.Severity, f.Code)
	}
	// Output:
	// error dialect.field-case
	// error contract.unknown-member
}

func ExampleCode_Rule() {
	rule, ok := conformance.Code("dialect.local-time").Rule()
	fmt.Println(ok, rule.Severity)
	fmt.Println(rule.Summary)
	_, ok = conformance.Code("dialect.no-such").Rule()
	fmt.Println(ok)
	// Output:
	// true error
	// A run time is text in the server's own locale and zone.
	// false
}

func ExampleCode_Family() {
	report := conformance.Check([]byte(failure))
	for _, f := range report.Findings {
		fmt.Println(f.Code.Family(), f.Code)
	}
	// Output:
	// dialect dialect.field-case
	// contract contract.unknown-member
}

func ExampleRules() {
	for _, rule := range conformance.Rules() {
		if rule.Code.Family() == "event" {
			fmt.Printf("%s (%s): %s\n", rule.Code, rule.Severity, rule.Summary)
		}
	}
	// Output:
	// event.type-missing (error): The payload has no event_type.
	// event.type-unknown (error): The contract doesn't know the payload's event_type.
}

// A report that groups findings by family: [conformance.Families] has the order.
func ExampleFamily() {
	report := conformance.Check([]byte(failure))
	for _, family := range conformance.Families() {
		n := 0
		for _, f := range report.Findings {
			if f.Code.Family() == family.ID {
				n++
			}
		}
		if n > 0 {
			fmt.Printf("%s: %d. %s\n", family.ID, n, family.Summary)
		}
	}
	// Output:
	// dialect: 1. The payload differs from the documented contract in a way that real servers do (their dialect). The verdict is deviates: senders must fix it, and receivers should survive it. Some codes are warnings or infos: there the contract leaves the member open, but receivers may still stumble over it.
	// contract: 1. The payload relies on something that is allowed, but not promised. The verdict doesn't change.
}

func ExampleFamilies() {
	for _, family := range conformance.Families() {
		fmt.Println(family.ID)
	}
	// Output:
	// json
	// event
	// schema
	// dialect
	// data
	// contract
}

func ExampleFinding_String() {
	f := conformance.Finding{
		Code: "schema.type", Severity: conformance.SeverityError,
		Line: 3, Column: 14, Message: "expected an integer, found null",
	}
	fmt.Println(f)
	// Output: 3:14: error: schema.type: expected an integer, found null
}

// What a program does about a finding depends on its code, and never on its message.
func ExampleCode() {
	for _, f := range conformance.Check([]byte(failure)).Findings {
		switch {
		case f.Code == "dialect.field-case":
			fmt.Println("rename the member at", f.Pointer)
		case f.Severity == conformance.SeverityError:
			fmt.Println("ask somebody about", f)
		}
	}
	// Output: rename the member at /data/robot_id
}

// A program that reads payloads into memory up to a limit reports those above it
// as a check would.
func ExampleTooLarge() {
	report := conformance.TooLarge(100_000_000, 64<<20)
	fmt.Println(report.Verdict, report.Findings[0].Code)
	fmt.Println(report.Findings[0].Message)
	// Output:
	// invalid json.too-large
	// the payload has 100000000 bytes or more; the limit is 67108864
}

// Two rows have no price, or none that is a number: each is told at its place.
func ExampleCompileSchema() {
	prices, err := conformance.CompileSchema("prices.json", []byte(`{
		"properties": {"data": {"properties": {"extracted_data": {"properties": {"captured_lists": {"properties": {
			"list_0": {"items": {"required": ["Price"], "properties": {"Price": {"pattern": "^[0-9]+$"}}}}
		}}}}}}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	prices.Robot = "r1"
	report := conformance.Checker{Schemas: []*conformance.Schema{prices}}.Check([]byte(`{
  "event_type": "run_completed", "timestamp": "2025-05-29T15:53:15Z", "webhook_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
  "data": {
    "robotId": "r1",
    "extracted_data": {"captured_lists": {"list_0": [
      {"Price": "3999"},
      {"Price": "$3,999.00"},
      {}
    ]}}
  }
}`))
	fmt.Println(report.Verdict)
	for _, f := range report.Findings {
		if strings.Contains(f.Message, "prices.json") {
			fmt.Println(f)
		}
	}
	// Output:
	// invalid
	// 7:17: error: schema.keyword: the schema prices.json: expected text that matches "^[0-9]+$", found the string "$3,999.00"
	// 8:7: error: schema.required: the schema prices.json: the member "Price" is missing
}

// The reference says what the documented layer refuses.
func ExampleEngine() {
	report := conformance.Checker{Engine: conformance.JSONSchema}.Check([]byte(failure))
	fmt.Println(report.Verdict)
	for _, f := range report.Findings {
		fmt.Println(f)
	}
	// Output:
	// deviates
	// 5:11: error: schema.required: the member "robotId" is missing
}

// To a receiver, hints say where the data is.
func ExampleRole() {
	report := conformance.Checker{As: conformance.Receiver}.Check([]byte(`{
  "event_type": "run_failed",
  "timestamp": "2025-05-29T15:53:15.595Z",
  "webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
  "data": {
    "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "runId": "110c4dae-c39b-4b30-a932-eff1022e4bb0",
    "robotName": "Test Robot",
    "status": "failed",
    "error": {"message": "Timeout", "type": "TimeoutError", "stack": ""},
    "metadata": {}
  }
}`))
	for _, finding := range report.Findings {
		fmt.Println(finding.Hint)
	}
	// Output:
	// read it from /data/robot_id; pkg/event's Event has it whatever its name
}
