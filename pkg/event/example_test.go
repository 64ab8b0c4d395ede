package event_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/runhooks/runhooks/pkg/event"
)

// A success as a server in Germany really sends it: names in camelCase, and a
// time in its own locale and zone.
const scrape = `{
  "event_type": "run_completed",
  "timestamp": "2026-06-25T13:53:15.595Z",
  "webhook_id": "webhook_1748363593595",
  "data": {
    "runId": "110c4dae-c39b-4b30-a932-eff1022e4bb7",
    "robotId": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "robotName": "Test Robot",
    "status": "success",
    "finishedAt": "25.6.2026, 15:53:15",
    "markdown": "# Example Domain",
    "pages": 1
  }
}`

func ExampleParse() {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.Run.Status, e.Run.RobotName)
	fmt.Println(e.Content.Markdown)
	fmt.Println(e.Run.FinishedAt.Raw, e.Run.FinishedAt.Known)
	for _, m := range e.Extra {
		fmt.Printf("%s is %s\n", m.Pointer, m.Value)
	}
	// Output:
	// run_completed success Test Robot
	// # Example Domain
	// 25.6.2026, 15:53:15 false
	// /data/pages is 1
}

func ExampleParser() {
	layouts, err := event.Layouts("de-DE")
	if err != nil {
		panic(err)
	}
	zone := time.FixedZone("CEST", 2*60*60) // rather time.LoadLocation("Europe/Berlin")
	parser := event.Parser{Zone: zone, Layouts: layouts}
	e, err := parser.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Run.FinishedAt.Known, e.Run.FinishedAt.Instant.UTC())
	// Output: true 2026-06-25 13:53:15 +0000 UTC
}

func ExampleLayouts() {
	layouts, err := event.Layouts("en-US")
	fmt.Println(layouts, err)
	// Output: [1/2/2006, 3:04:05 PM] <nil>
}

func ExampleInvalidError() {
	_, err := event.Parse([]byte(`{"event_type": "run_ended"}`))
	fmt.Println(err)
	var invalid *event.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Report.Findings[0].Hint)
	}
	// Output:
	// event: the payload is invalid: event.type-unknown at /event_type: event_type is the string "run_ended", which is no event of the contract
	// send "run_completed" or "run_failed"
}

func ExampleEvent_Deviations() {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	for _, f := range e.Deviations() {
		fmt.Println(f.Code, f.Pointer)
	}
	// Output:
	// dialect.member-absent /data/extracted_data
	// dialect.member-absent /data/metadata
	// dialect.member-absent /data/started_at
	// dialect.field-case /data/runId
	// dialect.field-case /data/robotId
	// dialect.field-case /data/robotName
	// dialect.field-case /data/finishedAt
	// dialect.local-time /data/finishedAt
}

func ExampleEvent_Report() {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	report := e.Report()
	fmt.Println(report.Verdict, len(report.Findings) > len(e.Deviations()))
	// Output: deviates true
}

func ExampleEvent_Counted() {
	e, err := event.NewRunCompleted(started30())
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Counted().Rows.Value, e.Counts.Rows.Value)
	// Output: 2 2
}

// started30 is a run of half a minute.
func started30() event.Completed {
	return event.Completed{
		Timestamp:  time.Date(2026, 6, 25, 13, 53, 15, 0, time.UTC),
		WebhookID:  "1b480cbd-c43b-4541-a69e-92d82000d992",
		RobotID:    "d453def3-800a-4b6c-ba31-854cf8dd8d26",
		RunID:      "110c4dae-c39b-4b30-a932-eff1022e4bb0",
		RobotName:  "Test Robot",
		StartedAt:  time.Date(2026, 6, 25, 13, 52, 45, 0, time.UTC),
		FinishedAt: time.Date(2026, 6, 25, 13, 53, 15, 0, time.UTC),
		Texts:      []event.Row{{{Name: "Price", Text: "$3,999.00"}}},
		Lists:      []event.Group{{Name: "Laptops", Rows: []event.Row{{{Name: "Rank", Text: "1"}}}}},
	}
}

func ExampleRow_Text() {
	row := event.Row{{Name: "Price", Text: "$3,999.00"}, {Name: "Rating", Null: true}}
	fmt.Println(row.Text("Price"))
	_, ok := row.Text("Rating")
	fmt.Println(ok)
	// Output:
	// $3,999.00 true
	// false
}

func ExampleNewRunCompleted() {
	e, err := event.NewRunCompleted(started30())
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", e.Payload)
	// Output: {"event_type":"run_completed","timestamp":"2026-06-25T13:53:15.000Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robot_name":"Test Robot","status":"success","started_at":"2026-06-25T13:52:45.000Z","finished_at":"2026-06-25T13:53:15.000Z","extracted_data":{"captured_texts":[{"Price":"$3,999.00"}],"captured_lists":{"Laptops":[{"Rank":"1"}]},"total_rows":2,"captured_texts_count":1,"captured_lists_count":1,"screenshots_count":0},"metadata":{}}}
}

func ExampleNewRunCompleted_test() {
	run := started30()
	run.Status = event.StatusTest
	e, err := event.NewRunCompleted(run)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.Run.Status, e.Deviations())
	// Output: test test []
}

func ExampleNewRunCompleted_failed() {
	run := started30()
	run.Status = event.StatusFailed
	run.Error = &event.Error{Message: "Timeout exceeded"}
	e, err := event.NewRunCompleted(run)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.Run.Status, e.Error.Message)
	// Output: run_completed failed Timeout exceeded
}

func ExampleNewRunFailed() {
	run := event.Failed{
		Timestamp: time.Date(2026, 6, 25, 13, 53, 15, 0, time.UTC),
		WebhookID: "1b480cbd-c43b-4541-a69e-92d82000d992",
		RunID:     "110c4dae-c39b-4b30-a932-eff1022e4bb0",
		RobotName: "Test Robot",
		Error:     event.Error{Message: "Timeout exceeded", Type: "TimeoutError"},
	}
	_, err := event.NewRunFailed(run)
	fmt.Println(err)
	run.RobotID = "d453def3-800a-4b6c-ba31-854cf8dd8d26"
	e, err := event.NewRunFailed(run)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", e.Payload)
	// Output:
	// event: the payload is invalid: schema.min-length at /data/robotId: expected text that is not empty, found the string ""
	// {"event_type":"run_failed","timestamp":"2026-06-25T13:53:15.000Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robotId":"d453def3-800a-4b6c-ba31-854cf8dd8d26","runId":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robotName":"Test Robot","status":"failed","error":{"message":"Timeout exceeded","type":"TimeoutError","stack":""},"metadata":{}}}
}

func ExampleEvent_Documented() {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	_, err = e.Documented()
	fmt.Println(err)
	// What the payload doesn't tell is for somebody to tell who knows.
	e.Run.StartedAt = event.Time{Instant: time.Date(2026, 6, 25, 13, 52, 45, 0, time.UTC), Known: true}
	e.Run.FinishedAt.Instant, e.Run.FinishedAt.Known = time.Date(2026, 6, 25, 13, 53, 15, 0, time.UTC), true
	payload, err := e.Documented()
	fmt.Println(err)
	fmt.Printf("%s\n", payload)
	// Output:
	// event: the payload deviates: dialect.member-absent at /data/started_at: the member "started_at" is missing (and 1 more)
	// <nil>
	// {"event_type":"run_completed","timestamp":"2026-06-25T13:53:15.595Z","webhook_id":"webhook_1748363593595","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb7","robot_name":"Test Robot","status":"success","started_at":"2026-06-25T13:52:45.000Z","finished_at":"2026-06-25T13:53:15.000Z","extracted_data":{"captured_texts":[],"captured_lists":{},"total_rows":0,"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0},"metadata":{}}}
}

func ExampleCollapse() {
	success, err := event.NewRunCompleted(started30())
	if err != nil {
		panic(err)
	}
	failure, err := event.NewRunFailed(event.Failed{
		Timestamp: success.Timestamp.Add(time.Second),
		WebhookID: success.WebhookID,
		RobotID:   success.Run.RobotID,
		RunID:     success.Run.ID,
		RobotName: success.Run.RobotName,
		Error:     event.Error{Message: "Upload failed"},
	})
	if err != nil {
		panic(err)
	}
	for _, run := range event.Collapse([]*event.Event{success, failure}) {
		fmt.Println(run.Event.Type, run.Event.Error.Message, run.SuccessThenFailure)
	}
	// Output: run_failed Upload failed true
}
