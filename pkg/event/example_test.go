package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	locale, err := event.LoadLocale("de-DE")
	if err != nil {
		panic(err)
	}
	zone := time.FixedZone("CEST", 2*60*60) // rather time.LoadLocation("Europe/Berlin")
	parser := event.Parser{Zone: zone, Locale: locale}
	e, err := parser.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Run.FinishedAt.Known, e.Run.FinishedAt.Instant.UTC())
	// Output: true 2026-06-25 13:53:15 +0000 UTC
}

func ExampleLoadLocale() {
	locale, err := event.LoadLocale("EN-gb")
	fmt.Println(locale, err)
	_, err = event.LoadLocale("de-US")
	fmt.Println(err)
	// Output:
	// en-GB <nil>
	// event: the locale "de-US" is not known; of this language are de, de-AT, de-BE, de-CH, de-DE, de-IT, de-LI, de-LU
}

func ExampleLocale_String() {
	locale, err := event.LoadLocale("zh-hans-cn")
	fmt.Println(locale, err)
	// Output: zh-Hans-CN <nil>
}

func ExampleLocales() {
	for _, tag := range event.Locales() {
		if strings.HasPrefix(tag, "ja") {
			fmt.Println(tag)
		}
	}
	// Output:
	// ja
	// ja-JP
}

func ExampleInvalidError() {
	_, err := event.Parse([]byte(`{"event_type": "run_ended"}`))
	fmt.Println(err)
	var invalid *event.InvalidError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Report.Findings[0].Hint)
	}
	// Output:
	// event: the payload is invalid: event.type-unknown at /event_type: event_type is the string "run_ended", which is not an event of the contract
	// take it and keep its bytes, since senders may add events; pkg/receiver hands it to Handlers.Unknown
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

// A run that was started over the API: the event says success and holds nothing, and
// the stored run has its rows.
func ExampleEvent_EmptySuccess() {
	e, err := event.Parse([]byte(`{
	  "event_type": "run_completed",
	  "timestamp": "2026-06-25T13:53:15.595Z",
	  "webhook_id": 7,
	  "data": {
	    "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
	    "run_id": "110c4dae-c39b-4b30-a932-eff1022e4bb7",
	    "robot_name": "Test Robot",
	    "status": "success",
	    "started_at": "6/25/2026, 3:52:30 PM",
	    "finished_at": "6/25/2026, 3:53:15 PM",
	    "extracted_data": {
	      "captured_texts": {}, "captured_lists": {}, "crawl_data": {}, "search_data": {},
	      "captured_texts_count": 0, "captured_lists_count": 0, "screenshots_count": 1
	    }
	  }
	}`))
	if err != nil {
		panic(err)
	}
	if e.EmptySuccess() {
		fmt.Println("fetch run", e.Run.ID, "before you believe this")
	}
	// Output: fetch run 110c4dae-c39b-4b30-a932-eff1022e4bb7 before you believe this
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
		EndpointID: "1b480cbd-c43b-4541-a69e-92d82000d992",
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

func ExampleRow_Map() {
	row := event.Row{{Name: "Price", Text: "$3,999.00"}, {Name: "Rating", Null: true}}
	fmt.Println(row.Map())
	// Output: map[Price:$3,999.00]
}

// Servers group texts by name or send them as one array; Texts has the rows of
// either.
func ExampleEvent_Texts() {
	e, err := event.NewRunCompleted(started30())
	if err != nil {
		panic(err)
	}
	for _, row := range e.Texts() {
		price, _ := row.Text("Price")
		fmt.Println(price)
	}
	for _, list := range e.Lists {
		for _, row := range list.Rows {
			fmt.Println(list.Name, row.Map())
		}
	}
	// Output:
	// $3,999.00
	// Laptops map[Rank:1]
}

func ExampleNewRunCompleted() {
	run := started30()
	user := int64(108)
	run.UserID = &user
	e, err := event.NewRunCompleted(run)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", e.Payload)
	// Output: {"event_type":"run_completed","timestamp":"2026-06-25T13:53:15.000Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robot_name":"Test Robot","status":"success","started_at":"2026-06-25T13:52:45.000Z","finished_at":"2026-06-25T13:53:15.000Z","extracted_data":{"captured_texts":[{"Price":"$3,999.00"}],"captured_lists":{"Laptops":[{"Rank":"1"}]},"total_rows":2,"captured_texts_count":1,"captured_lists_count":1,"screenshots_count":0},"metadata":{"user_id":108}}}
}

func ExampleNewRunCompleted_test() {
	run := started30()
	run.Status = event.StatusTest
	e, err := event.NewRunCompleted(run)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.RawType, e.Run.Status)
	// Output: test run_completed test
}

func ExampleNewRunCompleted_failed() {
	run := started30()
	run.Status = event.StatusFailed
	run.Error = &event.Error{Message: "Timeout exceeded"}
	_, err := event.NewRunCompleted(run)
	fmt.Println(err)
	// A run that failed has no rows by contract, so the caller has to drop them.
	run.Texts, run.Lists = nil, nil
	e, err := event.NewRunCompleted(run)
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.Run.Status, e.Error.Message)
	// Output:
	// event: the payload deviates: dialect.failed-with-data at /data/extracted_data: a failed run has no "extracted_data"
	// run_completed failed Timeout exceeded
}

func ExampleNewRunFailed() {
	run := event.Failed{
		Timestamp:  time.Date(2026, 6, 25, 13, 53, 15, 0, time.UTC),
		EndpointID: "1b480cbd-c43b-4541-a69e-92d82000d992",
		RunID:      "110c4dae-c39b-4b30-a932-eff1022e4bb0",
		RobotName:  "Test Robot",
		Error:      event.Error{Message: "Timeout exceeded", Type: "TimeoutError"},
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
		Timestamp:  success.Timestamp.Add(time.Second),
		EndpointID: success.EndpointID,
		RobotID:    success.Run.RobotID,
		RunID:      success.Run.ID,
		RobotName:  success.Run.RobotName,
		Error:      event.Error{Message: "Upload failed"},
	})
	if err != nil {
		panic(err)
	}
	for _, ending := range event.Collapse([]*event.Event{success, failure}) {
		fmt.Println(ending.Event.Type, ending.Event.Error.Message)
		fmt.Println(len(ending.Events), "events, of which the first is a success:", ending.SuccessThenFailure)
	}
	// Output:
	// run_failed Upload failed
	// 2 events, of which the first is a success: true
}

func ExampleNewID() {
	id := event.NewID() // like evt_C6QYXMPLDJ4ZVHVNPYQB2WTIAO
	fmt.Println(id[:4], len(id))
	// Output: evt_ 30
}

func ExampleEvent_MarshalJSON() {
	e, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	form, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(form))
	// Output:
	// {
	//   "version": 1,
	//   "type": "run_completed",
	//   "raw_type": "run_completed",
	//   "timestamp": {
	//     "raw": "2026-06-25T13:53:15.595Z",
	//     "instant": "2026-06-25T13:53:15.595Z"
	//   },
	//   "endpoint_id": "webhook_1748363593595",
	//   "run": {
	//     "id": "110c4dae-c39b-4b30-a932-eff1022e4bb7",
	//     "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
	//     "robot_name": "Test Robot",
	//     "status": "success",
	//     "finished_at": {
	//       "raw": "25.6.2026, 15:53:15"
	//     }
	//   },
	//   "texts": [],
	//   "lists": [],
	//   "counts": {},
	//   "content": {
	//     "markdown": "# Example Domain",
	//     "links": [],
	//     "crawls": [],
	//     "searches": []
	//   },
	//   "extra": [
	//     {
	//       "pointer": "/data/pages",
	//       "value": 1
	//     }
	//   ]
	// }
}

// A receiver of canonical events has the same type as one that parses payloads.
func ExampleEvent_UnmarshalJSON() {
	parsed, err := event.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	body, err := parsed.MarshalJSON()
	if err != nil {
		panic(err)
	}

	var e event.Event
	if err := json.Unmarshal(body, &e); err != nil {
		panic(err)
	}
	fmt.Println(e.Type, e.Run.RobotName, e.Content.Markdown)

	fmt.Println(json.Unmarshal([]byte(scrape), &e))
	// Output:
	// run_completed Test Robot # Example Domain
	// event: this is a payload, not a canonical event: event.Parse reads it
}

func ExampleParser_provenance() {
	e, err := event.Parser{Provenance: true}.Parse([]byte(scrape))
	if err != nil {
		panic(err)
	}
	for _, o := range e.Provenance {
		fmt.Println(o.Canonical, "from", o.Payload)
	}
	// Output:
	// /raw_type from /event_type
	// /timestamp/raw from /timestamp
	// /endpoint_id from /webhook_id
	// /run/id from /data/runId
	// /run/robot_id from /data/robotId
	// /run/robot_name from /data/robotName
	// /run/status from /data/status
	// /run/finished_at/raw from /data/finishedAt
	// /content/markdown from /data/markdown
	// /extra/0/value from /data/pages
}

func ExampleCrawl() {
	payload := `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w",
		"data":{"robot_id":"b","run_id":"r","robot_name":"News","status":"success","metadata":{},
		"started_at":"6/25/2026, 3:52:30 PM","finished_at":"6/25/2026, 3:53:15 PM","extracted_data":{
		"captured_texts":{},"captured_lists":{},"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0,
		"crawl_data":{"Crawl Results":[{"metadata":{"url":"https://example.com/","statusCode":200,"title":"Example"},"markdown":"# Example"}]}}}}`
	e, err := event.Parse([]byte(payload))
	if err != nil {
		panic(err)
	}
	for _, c := range e.Content.Crawl {
		for _, page := range c.Pages {
			fmt.Println(c.Name, page.URL, page.StatusCode.Value, page.Title, page.Markdown)
		}
	}
	// Output: Crawl Results https://example.com/ 200 Example # Example
}

func ExampleSearch() {
	payload := `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w",
		"data":{"robot_id":"b","run_id":"r","robot_name":"News","status":"success","metadata":{},
		"started_at":"6/25/2026, 3:52:30 PM","finished_at":"6/25/2026, 3:53:15 PM","extracted_data":{
		"captured_texts":{},"captured_lists":{},"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0,
		"search_data":{"Search Results":{"query":"example","results":[{"url":"https://example.com/","title":"Example","position":1}]}}}}}`
	e, err := event.Parse([]byte(payload))
	if err != nil {
		panic(err)
	}
	for _, s := range e.Content.Search {
		for _, r := range s.Results {
			fmt.Println(s.Query, r.Position.Value, r.Title, r.URL)
		}
	}
	// Output: example 1 Example https://example.com/
}
