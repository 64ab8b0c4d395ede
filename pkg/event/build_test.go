package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

var (
	started  = time.Date(2025, 5, 29, 15, 52, 30, 595_000_000, time.UTC)
	finished = started.Add(45 * time.Second)
	userID   = int64(108)
)

func completed() event.Completed {
	return event.Completed{
		Timestamp: finished, EndpointID: "1b480cbd-c43b-4541-a69e-92d82000d992",
		RobotID: "d453def3-800a-4b6c-ba31-854cf8dd8d26", RunID: "110c4dae-c39b-4b30-a932-eff1022e4bb0",
		RobotName: "Test Robot", StartedAt: started, FinishedAt: finished,
		Texts:       []event.Row{{{Name: "Product Name", Text: "MacBook Pro"}, {Name: "Price", Text: "$3,999.00"}}},
		Lists:       []event.Group{{Name: "list_1", Rows: []event.Row{{{Name: "Rank", Text: "1"}}, {}}}, {Name: "list_0"}},
		Screenshots: 5,
		BrowserID:   "d27ace57-75cb-441c-8589-8ba34e52f7d1", UserID: &userID,
	}
}

// failure is c of a run that failed.
func failure(c event.Completed) event.Completed {
	c.Status, c.Error = event.StatusFailed, &event.Error{Message: "Timeout exceeded", Type: "TimeoutError", Stack: "at x"}
	c.Texts, c.Lists, c.Screenshots = nil, nil, 0
	return c
}

func failed() event.Failed {
	return event.Failed{
		Timestamp: finished, EndpointID: "1b480cbd-c43b-4541-a69e-92d82000d992",
		RobotID: "d453def3-800a-4b6c-ba31-854cf8dd8d26", RunID: "110c4dae-c39b-4b30-a932-eff1022e4bb0",
		RobotName: "Test Robot",
		Error:     event.Error{Message: "Timeout exceeded", Type: "TimeoutError", Stack: "TimeoutError: ...\n\tat \"x\""},
		BrowserID: "d27ace57-75cb-441c-8589-8ba34e52f7d1", UserID: &userID,
	}
}

func TestNewRunCompleted(t *testing.T) {
	const head = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z",` +
		`"webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{` +
		`"robot_id":"d453def3-800a-4b6c-ba31-854cf8dd8d26","run_id":"110c4dae-c39b-4b30-a932-eff1022e4bb0",` +
		`"robot_name":"Test Robot","status":"`
	const times = `","started_at":"2025-05-29T15:52:30.595Z","finished_at":"2025-05-29T15:53:15.595Z",`
	const nothing = `"extracted_data":{"captured_texts":[],"captured_lists":{},"total_rows":0,` +
		`"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0},`
	for _, tt := range []struct {
		name   string
		change func(*event.Completed)
		want   string
		warned []conformance.Code
	}{
		{"all there is", func(*event.Completed) {}, head + "success" + times +
			`"extracted_data":{"captured_texts":[{"Product Name":"MacBook Pro","Price":"$3,999.00"}],` +
			`"captured_lists":{"list_1":[{"Rank":"1"},{}],"list_0":[]},` +
			`"total_rows":3,"captured_texts_count":1,"captured_lists_count":2,"screenshots_count":5},` +
			`"metadata":{"browser_id":"d27ace57-75cb-441c-8589-8ba34e52f7d1","user_id":108}}}`, nil},
		{"as little as there can be", func(c *event.Completed) {
			*c = event.Completed{
				Timestamp: c.Timestamp.In(time.FixedZone("", 3600)), EndpointID: c.EndpointID, RobotID: c.RobotID, RunID: c.RunID,
				RobotName: c.RobotName, StartedAt: c.StartedAt.Add(999), FinishedAt: c.FinishedAt,
			}
		}, head + "success" + times + nothing + `"metadata":{}}}`, []conformance.Code{"data.empty-success"}},
		{"a test", func(c *event.Completed) {
			c.Status, c.Texts, c.Lists, c.Screenshots, c.BrowserID = event.StatusTest, nil, nil, 0, ""
		}, head + "test" + times + nothing + `"metadata":{"user_id":108}}}`, nil},
		{"a failure", func(c *event.Completed) {
			c.Status, c.Error, c.UserID = event.StatusFailed, &event.Error{Message: "m", Stack: "s\x00"}, nil
			c.Texts, c.Lists, c.Screenshots = nil, nil, 0
		}, head + "failed" + times + `"error":{"message":"m","stack":"s\u0000"},` +
			`"metadata":{"browser_id":"d27ace57-75cb-441c-8589-8ba34e52f7d1"}}}`, []conformance.Code{"data.nul"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := completed()
			tt.change(&c)
			e, err := event.NewRunCompleted(c)
			if err != nil {
				t.Fatal(err)
			}
			checkBuilt(t, e, tt.want, tt.warned...)
		})
	}
}

func TestNewRunFailed(t *testing.T) {
	const head = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z",` +
		`"webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992","data":{` +
		`"robotId":"d453def3-800a-4b6c-ba31-854cf8dd8d26","runId":"110c4dae-c39b-4b30-a932-eff1022e4bb0",` +
		`"robotName":"Test Robot","status":"failed","error":{"message":"Timeout exceeded",`
	for _, tt := range []struct {
		name   string
		change func(*event.Failed)
		want   string
	}{
		{"all there is", func(*event.Failed) {}, head +
			`"type":"TimeoutError","stack":"TimeoutError: ...\n\tat \"x\""},` +
			`"metadata":{"browserId":"d27ace57-75cb-441c-8589-8ba34e52f7d1","userId":108}}}`},
		{"as little as there can be", func(f *event.Failed) {
			f.Error.Type, f.Error.Stack, f.BrowserID, f.UserID = "", "", "", nil
		}, head + `"type":"","stack":""},"metadata":{}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := failed()
			tt.change(&f)
			e, err := event.NewRunFailed(f)
			if err != nil {
				t.Fatal(err)
			}
			checkBuilt(t, e, tt.want)
		})
	}
}

// checkBuilt holds an event that was built to its payload: there is nothing to
// say about it, it parses to the same, and is documented already. Go's generated
// types read all of it.
func checkBuilt(t *testing.T, e *event.Event, want string, warned ...conformance.Code) {
	t.Helper()
	if diff := cmp.Diff(want, string(e.Payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	var found []conformance.Code
	for _, f := range e.Report().Findings {
		found = append(found, f.Code)
	}
	if diff := cmp.Diff(warned, found); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(e, parse(t, string(e.Payload))); diff != "" {
		t.Errorf("parsed again (-want +got):\n%s", diff)
	}
	documented, err := e.Documented()
	if err != nil || !bytes.Equal(documented, e.Payload) {
		t.Errorf("documented: %s (%v)", documented, err)
	}
	var typed any = new(webhook.RunCompleted)
	if e.Type == event.RunFailed {
		typed = new(webhook.RunFailed)
	}
	if err := json.Unmarshal(e.Payload, typed); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(typed)
	if err != nil {
		t.Fatal(err)
	}
	var sent, read any
	for text, v := range map[string]*any{want: &sent, string(again): &read} {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(sent, read); diff != "" {
		t.Errorf("read by a generated type (-payload +read):\n%s", diff)
	}
}

// TestOrder: members stand in the order in which the schemas have them.
func TestOrder(t *testing.T) {
	c, f := completed(), failed()
	ok, err := event.NewRunCompleted(c)
	if err != nil {
		t.Fatal(err)
	}
	notOK, err := event.NewRunCompleted(failure(c))
	if err != nil {
		t.Fatal(err)
	}
	runFailed, err := event.NewRunFailed(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*event.Event{ok, notOK, runFailed} {
		schema, err := fs.ReadFile(jsonschema.FS, "v1/"+strings.ReplaceAll(e.RawType, "_", "-")+".json")
		if err != nil {
			t.Fatal(err)
		}
		var s struct {
			Properties ordered
			Defs       map[string]struct{ Properties ordered } `json:"$defs"`
		}
		if err := json.Unmarshal(schema, &s); err != nil {
			t.Fatal(err)
		}
		var members ordered
		if err := json.Unmarshal(e.Payload, &members); err != nil {
			t.Fatal(err)
		}
		title := "RunCompleted"
		if e.Type == event.RunFailed {
			title = "RunFailed"
		}
		data := members.at(t, "data")
		compareOrder(t, "", s.Properties, members)
		compareOrder(t, "data", s.Defs[title+"Data"].Properties, data)
		for name, def := range map[string]string{
			"extracted_data": "ExtractedData", "error": title + "Error", "metadata": title + "Metadata",
		} {
			if slices.Contains(data.names, name) {
				compareOrder(t, name, s.Defs[def].Properties, data.at(t, name))
			}
		}
	}
}

// ordered is the members of an object in their order.
type ordered struct {
	names  []string
	values map[string]json.RawMessage
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.values); err != nil {
		return err
	}
	o.names = slices.Collect(maps.Keys(o.values))
	dec := json.NewDecoder(bytes.NewReader(text))
	position := map[string]int64{}
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		position[name.(string)] = dec.InputOffset()
		var skipped json.RawMessage
		if err := dec.Decode(&skipped); err != nil {
			return err
		}
	}
	slices.SortFunc(o.names, func(a, b string) int { return int(position[a] - position[b]) })
	return nil
}

func (o ordered) at(t *testing.T, name string) (inner ordered) {
	t.Helper()
	if err := json.Unmarshal(o.values[name], &inner); err != nil {
		t.Fatal(err)
	}
	return inner
}

func compareOrder(t *testing.T, place string, schema, payload ordered) {
	t.Helper()
	want := slices.DeleteFunc(slices.Clone(schema.names), func(name string) bool {
		return !slices.Contains(payload.names, name)
	})
	if diff := cmp.Diff(want, payload.names); diff != "" {
		t.Errorf("%s (-want +got):\n%s", place, diff)
	}
}

func TestRefuses(t *testing.T) {
	type c = event.Completed
	type f = event.Failed
	for _, tt := range []struct {
		name      string
		completed func(*c)
		failed    func(*f)
		want      []string // codes and pointers
	}{
		{"no timestamp", func(c *c) { c.Timestamp = time.Time{} }, nil, []string{"schema.required /timestamp"}},
		{"no webhook", func(c *c) { c.EndpointID = "" }, nil, []string{"dialect.member-absent /webhook_id"}},
		{"no robot", func(c *c) { c.RobotID = "" }, nil, []string{"schema.min-length /data/robot_id"}},
		{"no run", nil, func(f *f) { f.RunID = "" }, []string{"schema.min-length /data/runId"}},
		{"no times", func(c *c) { c.StartedAt, c.FinishedAt = time.Time{}, time.Time{} }, nil,
			[]string{"schema.required /data/finished_at", "dialect.member-absent /data/started_at"}},
		{"a year that RFC 3339 hasn't", func(c *c) { c.Timestamp = c.Timestamp.AddDate(9000, 0, 0) }, nil,
			[]string{"schema.format /timestamp"}},
		{"a status that is none", func(c *c) { c.Status = "done" }, nil, []string{"schema.enum /data/status"}},
		{"a failure without an error", func(c *c) { *c = failure(*c); c.Error = nil }, nil, []string{"schema.required /data/error"}},
		{"a failure with texts", func(c *c) { *c = failure(*c); c.Texts = []event.Row{{}} }, nil,
			[]string{"dialect.failed-with-data /data/extracted_data"}},
		{"a failure with lists", func(c *c) { *c = failure(*c); c.Lists = []event.Group{{Name: "list_0"}} }, nil,
			[]string{"dialect.failed-with-data /data/extracted_data"}},
		{"a failure with screenshots", func(c *c) { *c = failure(*c); c.Screenshots = 1 }, nil,
			[]string{"dialect.failed-with-data /data/extracted_data"}},
		{"an error of a success", func(c *c) { c.Error = new(event.Error) }, nil, []string{"schema.not-allowed /data/error"}},
		{"an error of a test", func(c *c) { c.Status, c.Error = event.StatusTest, new(event.Error) }, nil,
			[]string{"schema.not-allowed /data/error"}},
		{"a null cell", func(c *c) { c.Texts[0][0].Null = true }, nil,
			[]string{"dialect.null-cell /data/extracted_data/captured_texts/0/Product Name"}},
		{"a null list", func(c *c) { c.Lists[1].Null = true }, nil,
			[]string{"schema.type /data/extracted_data/captured_lists/list_0"}},
		{"two cells of one name", func(c *c) { c.Texts[0][1].Name = c.Texts[0][0].Name }, nil,
			[]string{"json.duplicate-key /data/extracted_data/captured_texts/0/Product Name"}},
		{"two lists of one name", func(c *c) { c.Lists[1].Name = c.Lists[0].Name }, nil,
			[]string{"json.duplicate-key /data/extracted_data/captured_lists/list_1"}},
		{"fewer than no screenshots", func(c *c) { c.Screenshots = -1 }, nil,
			[]string{"schema.minimum /data/extracted_data/screenshots_count"}},
		{"what is not UTF-8", nil, func(f *f) { f.Error.Message = "\xff" }, []string{"json.invalid-utf8 /data/error/message"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e *event.Event
			var err error
			if tt.completed != nil {
				in := completed()
				tt.completed(&in)
				e, err = event.NewRunCompleted(in)
			} else {
				in := failed()
				tt.failed(&in)
				e, err = event.NewRunFailed(in)
			}
			if e != nil {
				t.Errorf("built %s", e.Payload)
			}
			wantErrors(t, err, tt.want...)
		})
	}
}

// wantErrors holds err to be an InvalidError with errors of these codes, at these
// pointers.
func wantErrors(t *testing.T, err error, want ...string) {
	t.Helper()
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("the error is %v", err)
	}
	var got []string
	for _, f := range invalid.Report.Findings {
		if f.Severity == conformance.SeverityError {
			got = append(got, string(f.Code)+" "+f.Pointer)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDocumented: what conforms is documented, and so is what deviates where
// nothing is missing.
func TestDocumented(t *testing.T) {
	for _, v := range vectors.All() {
		if v.Verdict != "conforms" {
			continue
		}
		e, err := event.Parse(v.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Documented(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	const wild = `{"event_type":"webhook_test","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w","data":{
"runId":"u","workflow_id":"r","robotName":"T","status":"test","started_at":"2025-05-29T15:52:30.595000Z",
"finishedAt":"5/29/2025, 5:53:15 PM","markdown":"# A","screenshot_visible":"v","extracted_data":{
"schema_items":{"i":{"a":"1","b":null}},"captured_lists":[null,[{"c":"2"}]],"schema_count":2,"captured_lists_count":1,
"screenshots_count":1},"metadata":{"test_mode":true,"user_id":"108"}}}`
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.Parser{Zone: berlin, Layouts: []string{"1/2/2006, 3:04:05 PM"}}.Parse([]byte(wild))
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Documented()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w","data":{` +
		`"robot_id":"r","run_id":"u","robot_name":"T","status":"test","started_at":"2025-05-29T15:52:30.595000Z",` +
		`"finished_at":"2025-05-29T15:53:15.000Z","extracted_data":{"captured_texts":[{"a":"1","b":""}],` +
		`"captured_lists":{"list_1":[{"c":"2"}]},"total_rows":2,"captured_texts_count":1,"captured_lists_count":1,` +
		`"screenshots_count":1},"metadata":{"user_id":108}}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !e.TextGroups[0].Rows[0][1].Null {
		t.Error("the event was changed")
	}

	e, err = event.Parse([]byte(replace(t, wild, `"webhook_id":"w",`, "", `"108"`, `"alice"`)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Documented()
	wantErrors(t, err, "dialect.member-absent /webhook_id", "dialect.local-time /data/finished_at",
		"dialect.user-id-string /data/metadata/user_id")
}

// TestDocumentedObserved: what servers really send is documented once the zone and
// the layouts of their times are known, unless it lacks what nobody can know.
func TestDocumentedObserved(t *testing.T) {
	p := event.Parser{Zone: time.UTC, Layouts: []string{
		"1/2/2006, 3:04:05 PM", "2.1.2006, 15:04:05", "02/01/2006 15:04:05", // en-US, de-DE, fr-FR
	}}
	for _, captured := range judgetest.Captured(t) {
		t.Run(captured.Name, func(t *testing.T) {
			e, err := p.Parse(captured.Text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Documented()
			if err == nil {
				return
			}
			var invalid *event.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatal(err)
			}
			for _, f := range invalid.Report.Findings {
				lacks := f.Pointer == "/webhook_id" && e.EndpointID == "" || f.Pointer == "/data/started_at" && e.Run.StartedAt.Raw == ""
				if f.Severity == conformance.SeverityError && (f.Code != "dialect.member-absent" || !lacks) {
					t.Error(f)
				}
			}
		})
	}
}

// TestQuote: every byte at every place of a text is written so that it is read again.
func TestQuote(t *testing.T) {
	for b := range 0x80 {
		for at := range 20 {
			text := strings.Repeat("x", at) + string(rune(b)) + "é and more"
			e := event.Event{Run: event.Run{RobotName: text}}
			form, err := e.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var again event.Event
			if err := json.Unmarshal(form, &again); err == nil {
				t.Fatal("an event without a timestamp is read")
			}
			var plain struct {
				Run struct {
					RobotName string `json:"robot_name"`
				}
			}
			if err := json.Unmarshal(form, &plain); err != nil || plain.Run.RobotName != text {
				t.Fatalf("%q is read as %q (%v)", text, plain.Run.RobotName, err)
			}
		}
	}
}
