package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// sample is the contract's own run_completed.
const sample = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z",
"webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26",
"run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robot_name":"Test Robot","status":"test",
"started_at":"2025-05-29T15:52:30.595Z","finished_at":"2025-05-29T15:53:15.595Z","extracted_data":{
"captured_texts":[{"Product Name":"MacBook Pro 16-inch M3 Max","Price":"$3,999.00","Rating":"4.8/5 stars"}],
"captured_lists":{"list_1":[{"Rank":"1","Product":"MacBook Air M2"}],"list_0":[{"Customer":"Sarah M.","Rating":"5 stars"}]},
"total_rows":5,"captured_texts_count":3,"captured_lists_count":2,"screenshots_count":5},
"metadata":{"browser_id":"d27ace57-75cb-441c-8589-8ba34e52f7d1","user_id":108}}}`

// failedSample is the contract's own run_failed.
const failedSample = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z",
"webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{"robotId":"d453def3-800a-4b6c-ba31-854cf8dd8d26",
"runId":"110c4dae-c39b-4b30-a932-eff1022e4bb0","robotName":"Test Robot","status":"failed",
"error":{"message":"Timeout exceeded while waiting for element","type":"TimeoutError",
"stack":"TimeoutError: ...\n at async Page.waitForSelector..."},
"metadata":{"browserId":"d27ace57-75cb-441c-8589-8ba34e52f7d1","userId":108}}}`

func sent(t *testing.T, raw string) event.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, raw)
	if err != nil {
		t.Fatal(err)
	}
	return event.Time{Raw: raw, Instant: instant, Known: true}
}

func parse(t *testing.T, payload string) *event.Event {
	t.Helper()
	e, err := event.Parse([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	account(t, []byte(payload), e)
	return e
}

func TestSamples(t *testing.T) {
	known := func(n int64) event.Count { return event.Count{Value: n, Known: true} }
	run := event.Run{
		ID: "110c4dae-c39b-4b30-a932-eff1022e4bb0", RobotID: "d453def3-800a-4b6c-ba31-854cf8dd8d26",
		RobotName: "Test Robot", Status: event.StatusTest,
		StartedAt: sent(t, "2025-05-29T15:52:30.595Z"), FinishedAt: sent(t, "2025-05-29T15:53:15.595Z"),
		BrowserID: "d27ace57-75cb-441c-8589-8ba34e52f7d1", UserID: "108",
	}
	failed := run
	failed.Status, failed.StartedAt, failed.FinishedAt = event.StatusFailed, event.Time{}, event.Time{}
	for _, tt := range []struct {
		name, payload string
		want          event.Event
	}{
		{"completed", sample, event.Event{
			Type: event.Test, RawType: "run_completed", Run: run,
			TextGroups: []event.Group{{Rows: []event.Row{{
				{Name: "Product Name", Text: "MacBook Pro 16-inch M3 Max"},
				{Name: "Price", Text: "$3,999.00"}, {Name: "Rating", Text: "4.8/5 stars"},
			}}}},
			Lists: []event.Group{
				{Name: "list_1", Rows: []event.Row{{{Name: "Rank", Text: "1"}, {Name: "Product", Text: "MacBook Air M2"}}}},
				{Name: "list_0", Rows: []event.Row{{{Name: "Customer", Text: "Sarah M."}, {Name: "Rating", Text: "5 stars"}}}},
			},
			Counts: event.Counts{Rows: known(5), Texts: known(3), Lists: known(2), Screenshots: known(5)},
		}},
		{"failed", failedSample, event.Event{
			Type: event.RunFailed, RawType: "run_failed", Run: failed,
			Error: &event.Error{
				Message:    "Timeout exceeded while waiting for element",
				RawMessage: "Timeout exceeded while waiting for element",
				Type:       "TimeoutError",
				Stack:      "TimeoutError: ...\n at async Page.waitForSelector...",
				RawStack:   "TimeoutError: ...\n at async Page.waitForSelector...",
			},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := parse(t, tt.payload)
			tt.want.RawTimestamp = "2025-05-29T15:53:15.595Z"
			tt.want.Timestamp = sent(t, tt.want.RawTimestamp).Instant
			tt.want.EndpointID = "1b480cbd-c43b-4541-a69e-92d82000d992"
			tt.want.Payload = []byte(tt.payload)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if d := got.Deviations(); d != nil {
				t.Errorf("deviations %v", d)
			}
		})
	}
}

// replace returns s with each old, which must be there, replaced by its new.
func replace(t *testing.T, s string, oldnew ...string) string {
	t.Helper()
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(s, oldnew[i]) {
			t.Fatalf("there is no %q", oldnew[i])
		}
		s = strings.Replace(s, oldnew[i], oldnew[i+1], 1)
	}
	return s
}

// TestContainers: rows come in one form, whatever held them.
func TestContainers(t *testing.T) {
	row := func(text string) event.Row { return event.Row{{Name: "a", Text: text}} }
	for _, tt := range []struct {
		name, texts, lists   string
		wantTexts, wantLists []event.Group
	}{
		{"documented", `"captured_texts":[{"a":"1"},{"a":"2"}]`, `"captured_lists":{"x":[{"a":"3"}]}`,
			[]event.Group{{Rows: []event.Row{row("1"), row("2")}}},
			[]event.Group{{Name: "x", Rows: []event.Row{row("3")}}}},
		{"empty", `"captured_texts":[]`, `"captured_lists":{}`, []event.Group{}, []event.Group{}},
		{"empty maps", `"captured_texts":{}`, `"captured_lists":{"x":[],"y":[]}`, []event.Group{},
			[]event.Group{{Name: "x", Rows: []event.Row{}}, {Name: "y", Rows: []event.Row{}}}},
		{"texts as a map, in order", `"captured_texts":{"z":[{"a":"1"}],"b":[{"a":"2"},{}]}`, `"captured_lists":[]`,
			[]event.Group{{Name: "z", Rows: []event.Row{row("1")}}, {Name: "b", Rows: []event.Row{row("2"), {}}}},
			[]event.Group{}},
		{"an array of lists, with holes", `"captured_texts":[]`, `"captured_lists":[null,[{"a":"1"}],[],null]`,
			[]event.Group{},
			[]event.Group{{Name: "list_0", Null: true}, {Name: "list_1", Rows: []event.Row{row("1")}},
				{Name: "list_2", Rows: []event.Row{}}, {Name: "list_3", Null: true}}},
		{"no lists at all", `"captured_texts":[]`, `"captured_lists":null`, []event.Group{}, nil},
		{"the oldest names", `"schema_items":{"i":{"a":"1"},"j":{"a":"2"}}`, `"list_items":{"x":[{"a":"3"}]}`,
			[]event.Group{{Name: "i", Rows: []event.Row{row("1")}}, {Name: "j", Rows: []event.Row{row("2")}}},
			[]event.Group{{Name: "x", Rows: []event.Row{row("3")}}}},
		{"cells that are null or empty", `"captured_texts":[{"a":null,"b":""}]`, `"captured_lists":{}`,
			[]event.Group{{Rows: []event.Row{{{Name: "a", Null: true}, {Name: "b"}}}}}, []event.Group{}},
		{"names and texts with escapes", `"captured_texts":[{"\u0061\"":"\ud83c\udf4f\n\\"}]`, `"captured_lists":{"\/":[]}`,
			[]event.Group{{Rows: []event.Row{{{Name: `a"`, Text: "🍏\n\\"}}}}}, []event.Group{{Name: "/", Rows: []event.Row{}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{},"extracted_data":{`+tt.texts+`,`+tt.lists+`,"total_rows":0,
"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0}}}`)
			if diff := cmp.Diff(tt.wantTexts, e.TextGroups); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantLists, e.Lists); diff != "" {
				t.Errorf("lists (-want +got):\n%s", diff)
			}
		})
	}
}

// conflicts has two names for many a field. A failure's own are in camelCase.
const conflicts = `{"timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w","data":{
"robot_id":"of run_completed","robotId":"own","runId":"own","run_id":"of run_completed","workflow_id":"old",
"robot_name":5,"robotName":"own","status":"failed","finishedAt":"camel","finished_at":"snake",
"error":{"message":"m","type":"t","stack":"s"},
"metadata":{"user_id":"snake","browser_id":"snake","userId":1}},"event_type":"run_failed"}`

func TestConflicts(t *testing.T) {
	e := parse(t, conflicts)
	want := event.Run{
		ID: "own", RobotID: "own", RobotName: "own", Status: event.StatusFailed,
		FinishedAt: event.Time{Raw: "snake"}, UserID: "1", BrowserID: "snake",
	}
	if diff := cmp.Diff(want, e.Run); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantExtra(t, e, "/data/robot_id", `"of run_completed"`, "/data/run_id", `"of run_completed"`,
		"/data/workflow_id", `"old"`, "/data/robot_name", `5`, "/data/finishedAt", `"camel"`,
		"/data/metadata/user_id", `"snake"`)
}

// misfits has a value for each addition that its field can't hold.
const misfits = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w","/~":null,"data":{
"robotId":"r","runId":"u","robotName":"T","status":"failed","started_at":5,"finished_at":[],"markdown":{"a":1},
"html":true,"summary":null,"links":{"url":"u"},"screenshot_visible":1e400,"execution_time_ms":0.5,
"partial_data_extracted":"yes","extracted_data":{"captured_texts":[{"a":"lost?"},{"b":5}],
"captured_lists":{"l":[{"a":"lost?"}],"m":[0]},"crawl_data":[],"search_data":"none","total_rows":1e300,
"screenshots_count":9223372036854775808,"captured_lists_count":-12e1,"captured_texts_count":120.0e-1},
"error":{"message":"m","type":"t","stack":"s","cause":{"deep":[[[]]]}},
"metadata":{"user_id":null,"browser_id":3,"test_mode":1}}}`

func TestMisfits(t *testing.T) {
	e := parse(t, misfits)
	wantExtra(t, e, "/~1~0", `null`, "/data/started_at", `5`, "/data/finished_at", `[]`, "/data/markdown", `{"a":1}`,
		"/data/html", `true`, "/data/summary", `null`, "/data/links", `{"url":"u"}`, "/data/screenshot_visible", `1e400`,
		"/data/execution_time_ms", `0.5`, "/data/partial_data_extracted", `"yes"`,
		"/data/extracted_data/captured_texts", `[{"a":"lost?"},{"b":5}]`,
		"/data/extracted_data/captured_lists", `{"l":[{"a":"lost?"}],"m":[0]}`,
		"/data/extracted_data/crawl_data", `[]`, "/data/extracted_data/search_data", `"none"`,
		"/data/extracted_data/total_rows", `1e300`, "/data/extracted_data/screenshots_count", `9223372036854775808`,
		"/data/error/cause", `{"deep":[[[]]]}`,
		"/data/metadata/user_id", `null`, "/data/metadata/browser_id", `3`, "/data/metadata/test_mode", `1`)
	want := event.Counts{Lists: event.Count{Value: -120, Known: true}, Texts: event.Count{Value: 12, Known: true}}
	if diff := cmp.Diff(want, e.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if e.TextGroups != nil || e.Lists != nil {
		t.Errorf("texts %v, lists %v", e.TextGroups, e.Lists)
	}
}

func wantExtra(t *testing.T, e *event.Event, want ...string) {
	t.Helper()
	var got []string
	for _, m := range e.Extra {
		got = append(got, m.Pointer, string(m.Value))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extra (-want +got):\n%s", diff)
	}
}

func TestContent(t *testing.T) {
	e := parse(t, `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w","data":{
"runId":"u","robotId":"r","robotName":"T","status":"success","finishedAt":"6/25/2026, 3:53:15 PM",
"markdown":"# A\n","html":"<p>","summary":"s","links":[{"url":"https://a.example"},"https://b.example",{"text":"x","url":"https://c.example"},{"url":5},7],
"screenshot_visible":"v","screenshot_fullpage":"f","extracted_data":{"captured_texts":{},"captured_lists":{},
"crawl_data":{"b":[{"url":"x"}],"a":null},"search_data":{},"captured_texts_count":0,"captured_lists_count":0,
"screenshots_count":2,"total_data_points_extracted":16}}}`)
	want := event.Content{
		Markdown: "# A\n", HTML: "<p>", Summary: "s", VisibleScreenshot: "v", FullPageScreenshot: "f",
		Links: []event.Link{
			{URL: "https://a.example", Raw: json.RawMessage(`{"url":"https://a.example"}`)},
			{URL: "https://b.example", Raw: json.RawMessage(`"https://b.example"`)},
			{URL: "https://c.example", Raw: json.RawMessage(`{"text":"x","url":"https://c.example"}`)},
			{Raw: json.RawMessage(`{"url":5}`)},
			{Raw: json.RawMessage(`7`)},
		},
		Crawl:  []event.Crawl{{Name: "b", Pages: []event.Page{{Extra: []event.Member{{Pointer: "/data/extracted_data/crawl_data/b/0/url", Value: json.RawMessage(`"x"`)}}}}, Value: json.RawMessage(`[{"url":"x"}]`)}, {Name: "a", Value: json.RawMessage(`null`)}},
		Search: []event.Search{},
	}
	if diff := cmp.Diff(want, e.Content); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(event.Count{Value: 16, Known: true}, e.Counts.DataPoints); diff != "" {
		t.Error(diff)
	}
}

// scrapeIn returns a success with members of data, and of extracted_data.
func scrapeIn(data, extracted string) string {
	return `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w","data":{` + data + `
"runId":"u","robotId":"r","robotName":"T","status":"success","finishedAt":"6/25/2026, 3:53:15 PM",
"extracted_data":{"captured_texts":{},` + extracted + `"captured_lists":{}}}}`
}

// TestContentWithin: what a page has within extracted_data is its content, too, and
// what stands beside extracted_data outweighs it, unless that is empty.
func TestContentWithin(t *testing.T) {
	link := func(url string) []event.Link {
		return []event.Link{{URL: url, Raw: json.RawMessage(`"` + url + `"`)}}
	}
	const all = `"text":"t","markdown":"m","html":"h","summary":"s","links":["l"],`
	for _, tt := range []struct {
		name, payload string
		want          event.Content
		extra         []string
	}{
		{"within", scrapeIn("", all), event.Content{Text: "t", Markdown: "m", HTML: "h", Summary: "s", Links: link("l")}, nil},
		{"beside", scrapeIn(all, ""), event.Content{Text: "t", Markdown: "m", HTML: "h", Summary: "s", Links: link("l")}, nil},
		{"the same in both", scrapeIn(`"markdown":"m",`, `"markdown":"m",`), event.Content{Markdown: "m"},
			[]string{"/data/extracted_data/markdown", `"m"`}},
		{"within before beside", strings.Replace(scrapeIn("", `"markdown":"in",`), `{}}}}`, `{}},"markdown":"by"}}`, 1), event.Content{Markdown: "by"},
			[]string{"/data/extracted_data/markdown", `"in"`}},
		{"beside is empty", scrapeIn(`"markdown":"","links":[ ],`, all), event.Content{Text: "t", Markdown: "m", HTML: "h", Summary: "s", Links: link("l")}, nil},
		{"beside is empty and comes later", strings.Replace(scrapeIn("", all), `{}}}}`, `{}},"markdown":"","links":[ ]}}`, 1),
			event.Content{Text: "t", Markdown: "m", HTML: "h", Summary: "s", Links: link("l")}, []string{"/data/markdown", `""`, "/data/links", `[ ]`}},
		{"within is empty", scrapeIn(`"markdown":"m",`, `"markdown":"",`), event.Content{Markdown: "m"},
			[]string{"/data/extracted_data/markdown", `""`}},
		{"both are empty", scrapeIn(`"markdown":"","links":[],`, `"markdown":"","links":[],`), event.Content{Links: []event.Link{}}, nil},
		{"a dollar is no end", scrapeIn(`"summary":"$5",`, `"summary":"s",`), event.Content{Summary: "$5"}, []string{"/data/extracted_data/summary", `"s"`}},
		{"of other types", scrapeIn("", `"text":{"a":"b"},"markdown":null,"html":["h"],"summary":5,"links":{"l":1},`), event.Content{},
			[]string{"/data/extracted_data/text", `{"a":"b"}`, "/data/extracted_data/markdown", `null`, "/data/extracted_data/html", `["h"]`,
				"/data/extracted_data/summary", `5`, "/data/extracted_data/links", `{"l":1}`}},
		{"beside is of another type", scrapeIn(`"markdown":{"a":1},`, `"markdown":"m",`), event.Content{Markdown: "m"}, []string{"/data/markdown", `{"a":1}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, tt.payload)
			account(t, []byte(tt.payload), e)
			if diff := cmp.Diff(tt.want, e.Content); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantExtra(t, e, tt.extra...)
		})
	}
}

// TestIdentifiers: what a server sends in place of texts is text, as it was written,
// and null is in Extra.
func TestIdentifiers(t *testing.T) {
	const completed = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":%s,"data":{"robot_id":"r",
"run_id":"u","robot_name":%[2]s,"status":"failed","started_at":"x","finished_at":"x","error":{},"metadata":{"user_id":%[3]s}}}`
	const failed = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":%s,"data":{"robotId":"r",
"runId":"u","robotName":%s,"status":"failed","error":{"message":"m"},"metadata":{"userId":%s}}}`
	camel, snake := strings.ReplaceAll(completed, "robot_name", "robotName"), strings.NewReplacer("robotName", "robot_name", "userId", "user_id").Replace(failed)
	for form, user := range map[string]string{completed: "user_id", camel: "user_id", failed: "userId", snake: "user_id"} {
		name := "robotName"
		if strings.Contains(form, "robot_name") {
			name = "robot_name"
		}
		for _, tt := range []struct {
			endpoint, robot, user string
			want                  [3]string
			extra                 []string
		}{
			{`5`, `2024`, `108`, [3]string{"5", "2024", "108"}, nil},
			{`"5"`, `"2024"`, `"108"`, [3]string{"5", "2024", "108"}, nil},
			{`5.0`, `-1.50e+2`, `-0`, [3]string{"5.0", "-1.50e+2", "-0"}, nil},
			{`9007199254740993`, `1e400`, `18446744073709551616`, [3]string{"9007199254740993", "1e400", "18446744073709551616"}, nil},
			{`""`, `""`, `""`, [3]string{}, nil},
			{`null`, `null`, `null`, [3]string{}, []string{"/webhook_id", "null", "/data/" + name, "null", "/data/metadata/" + user, "null"}},
		} {
			payload := fmt.Sprintf(form, tt.endpoint, tt.robot, tt.user)
			e := parse(t, payload)
			account(t, []byte(payload), e)
			if diff := cmp.Diff(tt.want, [3]string{e.EndpointID, e.Run.RobotName, e.Run.UserID}); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", payload, diff)
			}
			wantExtra(t, e, tt.extra...)
		}
	}
}

// TestEmptySuccess: an event is one if it says success and holds nothing.
func TestEmptySuccess(t *testing.T) {
	const runs = `"captured_texts":{},"captured_lists":{},"crawl_data":{},"search_data":{},"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":1`
	with := func(old, new string) string {
		payload := scrapeIn("", runs[len(`"captured_texts":{},"captured_lists":{},`):]+",")
		if !strings.Contains(payload, old) {
			t.Fatalf("%s isn't in %s", old, payload)
		}
		return strings.Replace(payload, old, new, 1)
	}
	for name, tt := range map[string]struct {
		payload string
		want    bool
	}{
		"nothing":                         {with("", ""), true},
		"no extracted data":               {`{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w","data":{"runId":"u","robotId":"r","robotName":"T","status":"success","finishedAt":"x"}}`, true},
		"empty texts":                     {with(`"runId"`, `"markdown":"","html":"","text":"","summary":"","links":[],"screenshot_visible":"","runId"`), true},
		"empty texts within":              {with(`"crawl_data"`, `"markdown":"","html":"","text":"","summary":"","links":[ ],"crawl_data"`), true},
		"a group without rows":            {with(`"captured_texts":{}`, `"captured_texts":{"a":[],"b":[]}`), true},
		"lists without rows, and holes":   {with(`"captured_lists":{}`, `"captured_lists":[null,[],null]`), true},
		"a crawl without pages":           {with(`"crawl_data":{}`, `"crawl_data":{"Crawl Results":[ ]}`), true},
		"no crawl":                        {with(`"crawl_data":{}`, `"crawl_data":null`), true},
		"an empty addition":               {with(`"crawl_data"`, `"pdf_data":{},"crawl_data"`), true},
		"another count":                   {with(`"crawl_data"`, `"pages_count":1,"crawl_data"`), true},
		"what else is known of the run":   {with(`"runId"`, `"mode":"fast","runId"`), true},
		"empty links":                     {with(`"runId"`, `"links":["",null,[]],"runId"`), true},
		"texts about a search":            {with(`"search_data":{}`, `"search_data":{"Search Results":{"query":"","resultsCount":0,"results":[]}}`), true},
		"a link of nothing known":         {with(`"runId"`, `"links":[{}],"runId"`), false},
		"an addition with something":      {with(`"runId"`, `"pdf":{"pages":[5]},"runId"`), false},
		"an addition with nothing":        {with(`"runId"`, `"pdf":{"pages":[],"count":5},"runId"`), true},
		"an addition to the metadata":     {with(`"runId"`, `"metadata":{"tags":["a"]},"runId"`), true},
		"an addition beside data":         {with(`"event_type"`, `"sent":{"by":"a"},"event_type"`), true},
		"a row of texts":                  {with(`"captured_texts":{}`, `"captured_texts":{"a":[{"b":"c"}]}`), false},
		"a row of a list":                 {with(`"captured_lists":{}`, `"captured_lists":{"a":[{"b":"c"}]}`), false},
		"markdown":                        {with(`"runId"`, `"markdown":"m","runId"`), false},
		"text within":                     {with(`"crawl_data"`, `"text":"m","crawl_data"`), false},
		"a link":                          {with(`"runId"`, `"links":["l"],"runId"`), false},
		"a screenshot":                    {with(`"runId"`, `"screenshot_fullpage":"https://a.example","runId"`), false},
		"a page of a crawl":               {with(`"crawl_data":{}`, `"crawl_data":{"Crawl Results":[{"url":"about:blank"}]}`), false},
		"a result of a search":            {with(`"search_data":{}`, `"search_data":{"Search Results":{"query":"q","results":[]}}`), false},
		"what a later server may extract": {with(`"crawl_data"`, `"pdf_data":{"a":"b"},"crawl_data"`), false},
		"a page of another type":          {with(`"crawl_data"`, `"markdown":{"a":"b"},"crawl_data"`), false},
		"a crawl of another type":         {with(`"crawl_data":{}`, `"crawl_data":[{"url":"u"}]`), false},
		"failed":                          {strings.Replace(with(`"success"`, `"failed"`), `"runId"`, `"error":{},"runId"`, 1), false},
		"a test":                          {with(`"success"`, `"test"`), false},
		"a test that says success":        {with(`"run_completed"`, `"webhook_test"`), false},
	} {
		t.Run(name, func(t *testing.T) {
			e := parse(t, tt.payload)
			if got := e.EmptySuccess(); got != tt.want {
				t.Errorf("%v, want %v, for %s", got, tt.want, tt.payload)
			}
			asChecked(t, e)
		})
	}
	for _, v := range vectors.All() {
		if e, err := event.Parse(v.Payload); err == nil {
			t.Run(v.Name, func(t *testing.T) { asChecked(t, e) })
		}
	}
	if (&event.Event{}).EmptySuccess() {
		t.Error("an event that says nothing says success")
	}
}

// asChecked holds EmptySuccess to what a check of the payload says, but of a test, which
// is of no run.
func asChecked(t *testing.T, e *event.Event) {
	t.Helper()
	checked := slices.ContainsFunc(e.Report().Findings, func(f conformance.Finding) bool { return f.Code == "data.empty-success" })
	if got := e.EmptySuccess(); got != checked && e.Type != event.Test {
		t.Errorf("%v, and the check says %v, of %.2000s", got, checked, e.Payload)
	}
}

// TestEmptySuccessObserved: the same goes for what was captured.
func TestEmptySuccessObserved(t *testing.T) {
	empty := 0
	for _, p := range judgetest.Captured(t) {
		e := parse(t, string(p.Text))
		asChecked(t, e)
		if e.EmptySuccess() {
			empty++
		}
	}
	if empty == 0 {
		t.Error("none is an empty success")
	}
}

// TestANSI: the text of an error is plain, and what was sent is kept. Whatever
// the judge warns of is gone.
func TestANSI(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"none", "Timeout", "Timeout"},
		{"dim", `\u001b[2m  - navigating\u001b[22m\n`, "  - navigating\n"},
		{"colours", `\u001b[38;5;196mred\u001b[0m`, "red"},
		{"a cursor", `a\u001b[2K\u001b[1;1Hb`, "ab"},
		{"a private mode", `\u001b[?25lhidden\u001b[?25h`, "hidden"},
		{"the title of a window", `\u001b]0;title\u0007x`, "x"},
		{"a link", `\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\`, "link"},
		{"a character set", `\u001b(Bx`, "x"},
		{"a reset", `\u001bcx`, "x"},
		{"cut off", `x\u001b[`, "x"},
		{"cut off at once", `x\u001b`, "x"},
		{"not one", `[2m \\u001b[0m`, `[2m \u001b[0m`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, replace(t, failedSample, "Timeout exceeded while waiting for element", tt.raw,
				`TimeoutError: ...\n at async Page.waitForSelector...`, "at "+tt.raw))
			if e.Error.Message != tt.want || e.Error.Stack != "at "+tt.want {
				t.Errorf("message %q, stack %q, want %q", e.Error.Message, e.Error.Stack, tt.want)
			}
			payload, err := e.Documented()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range conformance.Check(payload).Findings {
				t.Error(f)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, tt := range []struct{ name, payload, want string }{
		{"empty", "", "event: the payload is invalid: json.syntax: there is no JSON here: the payload is empty"},
		{"no event", "{}", "event: the payload is invalid: event.type-missing at /event_type: event_type is missing, so there is no telling which event this is"},
		{"several", replace(t, failedSample, `"d453def3-800a-4b6c-ba31-854cf8dd8d26"`, "5", `"110c4dae-c39b-4b30-a932-eff1022e4bb0"`, "6"),
			"event: the payload is invalid: schema.type at /data/robotId: expected a string, found the number 5 (and 1 more)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := event.Parse([]byte(tt.payload))
			var invalid *event.InvalidError
			if e != nil || !errors.As(err, &invalid) {
				t.Fatalf("%v, %v", e, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff((conformance.Checker{As: conformance.Receiver}).Check([]byte(tt.payload)), invalid.Report); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestKeepsPayload: what is JSON in an event is part of the payload, and can't
// grow into it.
func TestKeepsPayload(t *testing.T) {
	payload := []byte(replace(t, sample, `"metadata":`, `"more":[1],"metadata":`))
	e, err := event.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	if &e.Payload[0] != &payload[0] {
		t.Error("the payload was copied")
	}
	before := string(payload)
	_ = append(e.Extra[0].Value, "overwritten"...)
	if string(payload) != before {
		t.Error("an append to Extra changes the payload")
	}
}

func TestCounted(t *testing.T) {
	e := parse(t, sample)
	known := func(n int64) event.Count { return event.Count{Value: n, Known: true} }
	if diff := cmp.Diff(event.Counts{Rows: known(3), Texts: known(1), Lists: known(2)}, e.Counted()); diff != "" {
		t.Error(diff)
	}
}

// TestRowText: a row and its map say the same of a name.
func TestRowText(t *testing.T) {
	row := event.Row{{Name: "a", Text: "1"}, {Name: "b", Null: true}, {Name: "c"}}
	for name, want := range map[string]struct {
		text string
		ok   bool
	}{"a": {"1", true}, "b": {"", false}, "c": {"", true}, "d": {"", false}} {
		if text, ok := row.Text(name); text != want.text || ok != want.ok {
			t.Errorf("%s: %q, %v", name, text, ok)
		}
		if text, ok := row.Map()[name]; text != want.text || ok != want.ok {
			t.Errorf("%s in the map: %q, %v", name, text, ok)
		}
	}
	if m := event.Row(nil).Map(); m == nil || len(m) > 0 {
		t.Errorf("the map of an empty row is %v", m)
	}
}

// TestTexts: the rows of texts are those of all groups.
func TestTexts(t *testing.T) {
	a, b := event.Row{{Name: "a", Text: "1"}}, event.Row{{Name: "b", Text: "2"}}
	e := &event.Event{TextGroups: []event.Group{{Name: "x", Rows: []event.Row{a, b}}, {Name: "y"}, {Name: "z", Rows: []event.Row{a}}}}
	if diff := cmp.Diff([]event.Row{a, b, a}, e.Texts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if rows := new(event.Event).Texts(); rows != nil {
		t.Errorf("without texts: %v", rows)
	}
}

// TestType: an event is a test by its status or by its event_type, and is
// documented as one.
func TestType(t *testing.T) {
	const completed = `"event_type":"run_completed"`
	const test = `"event_type":"webhook_test"`
	for _, tt := range []struct {
		name, payload string
		want          event.Type
		documented    string
	}{
		{"success", replace(t, sample, `"status":"test"`, `"status":"success"`), event.RunCompleted, `"status":"success"`},
		{"test", sample, event.Test, `"status":"test"`},
		{"webhook_test", replace(t, sample, completed, test), event.Test, `"status":"test"`},
		{"webhook_test of a success", replace(t, sample, completed, test, `"status":"test"`, `"status":"success"`), event.Test, `"status":"test"`},
		{"run_failed", failedSample, event.RunFailed, `"status":"failed"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := parse(t, tt.payload)
			if e.Type != tt.want {
				t.Errorf("type %q, want %q", e.Type, tt.want)
			}
			documented, err := e.Documented()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(documented), tt.documented) {
				t.Errorf("documented, it has no %s: %s", tt.documented, documented)
			}
			if again := parse(t, string(documented)); again.Type != tt.want {
				t.Errorf("documented, its type is %q", again.Type)
			}
		})
	}
}

// unusual are changes to sample by which it conforms still, and has values that
// Go's own types can't hold, or that parsers of times and numbers stumble on.
var unusual = func() []struct{ name, was, is string } {
	const at, number = `"timestamp":"2025-05-29T15:53:15.595Z"`, `"user_id":108`
	return []struct{ name, was, is string }{
		{"a leap second", at, `"timestamp":"2016-12-31T23:59:60Z"`},
		{"a leap second elsewhere", at, `"timestamp":"2017-01-01T08:59:60.5+09:00"`},
		{"the year 0", at, `"timestamp":"0000-02-29T00:00:00Z"`},
		{"the last second there is", at, `"timestamp":"9999-12-31T23:59:59.999999999999-23:59"`},
		{"small letters", at, `"timestamp":"2025-05-29t15:53:15.595z"`},
		{"an offset of no hours", at, `"timestamp":"2025-05-29T15:53:15-00:00"`},
		{"an hour with a sign", at, `"timestamp":"2025-05-29T+5:53:15.595Z"`},
		{"beyond 64 bits", number, `"user_id":-92233720368547758080`},
		{"of many digits", number, `"user_id":` + strings.Repeat("123456789", 200)},
		{"with an exponent", number, `"user_id":1.08e+2`},
		{"with a huge exponent", number, `"user_id":1E999999999999`},
		{"a count beyond 64 bits", `"total_rows":5`, `"total_rows":1e30`},
		{"a count of minus nothing", `"total_rows":5`, `"total_rows":-0.0`},
		{"a count with a fraction of zeros", `"screenshots_count":5`, `"screenshots_count":5.000`},
		{"deep", number, `"user_id":108,"deep":` + strings.Repeat("[", 990) + strings.Repeat("]", 990)},
		{"members without names", number, `"user_id":108,"":{"":[]}`},
		{"a cell without a name", `"Rank":"1"`, `"":"1"`},
		{"a list without a name", `"list_0":`, `"":`},
		{"escapes", `"Test Robot"`, `"\u0000\ud83e\udd16\/\b"`},
	}
}()

// TestUnusual: what the judge accepts is parsed, and nothing of it is lost.
func TestUnusual(t *testing.T) {
	for _, tt := range unusual {
		t.Run(tt.name, func(t *testing.T) {
			payload := replace(t, sample, tt.was, tt.is)
			report := conformance.Check([]byte(payload))
			if report.Verdict != conformance.Conforms {
				t.Fatalf("%s: %v", report.Verdict, report.Findings)
			}
			e := parse(t, payload)
			if documented, err := e.Documented(); err != nil || !conformance.Valid(documented) {
				t.Errorf("documented: %s (%v)", documented, err)
			}
		})
	}
}

// TestErrorIsPlain: whatever a payload holds, the error is one line of a bounded
// length, which a terminal shows as it is.
func TestErrorIsPlain(t *testing.T) {
	name := "\u001b[31m\u202e\u0085" + strings.Repeat("n", 1<<20)
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = event.Parse([]byte(`{` + string(text) + `:` + `1,` + string(text) + `:2}`))
	if err == nil {
		t.Fatal("accepted")
	}
	said := err.Error()
	if len(said) > 4_000 || strings.ContainsFunc(said, func(r rune) bool { return !strconv.IsPrint(r) }) {
		t.Errorf("%d bytes: %.300q", len(said), said)
	}
	if !strings.Contains(said, `at /\x1b[31m\u202e\u0085nnn`) {
		t.Errorf("it names no place: %.300q", said)
	}
}
