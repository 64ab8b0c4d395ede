package event_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// canonicalSchema is the schema of the canonical form.
var canonicalSchema = sync.OnceValue(func() *judge.Schema {
	const file = "canonical/run-event.json"
	text, err := fs.ReadFile(jsonschema.FS, file)
	if err != nil {
		panic(err)
	}
	c := judge.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
		panic(err)
	}
	return c.MustCompile(jsonschema.Base + file)
})

// inJapan parses times of servers in Japan that write them as the United States do.
func inJapan(t testing.TB) event.Parser {
	t.Helper()
	us, err := event.LoadLocale("en-US")
	if err != nil {
		t.Fatal(err)
	}
	return event.Parser{Zone: time.FixedZone("JST", 9*60*60), Locale: us}
}

// roundTrip holds the canonical form of an event to its schema, and the event that is
// read from it to the event.
func roundTrip(t *testing.T, e *event.Event) *event.Event {
	t.Helper()
	form, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if !jsontext.Value(form).IsValid() {
		t.Errorf("not strict JSON: %.2000s", form)
	}
	if bytes.ContainsAny(form, "\r\n") {
		t.Errorf("more than one line: %.2000s", form)
	}
	if err := canonicalSchema().Validate(decoded(t, form)); err != nil {
		t.Errorf("%#v: %.2000s", err, form)
	}
	var again event.Event
	if err := again.UnmarshalJSON(form); err != nil {
		t.Fatalf("%v: %.2000s", err, form)
	}
	if diff := cmp.Diff(withoutPayload(*e), withoutPayload(again), cmpopts.EquateEmpty(), sameJSON); diff != "" {
		t.Errorf("(-event +read) %s", diff)
	}
	documented, err := e.Documented()
	documentedAgain, errAgain := again.Documented()
	if !bytes.Equal(documented, documentedAgain) || (err == nil) != (errAgain == nil) {
		t.Errorf("documented it is %s (%v), and %s (%v) when it is read again", documented, err, documentedAgain, errAgain)
	}
	if again.EmptySuccess() != e.EmptySuccess() {
		t.Errorf("EmptySuccess is %t, and %t when it is read again", e.EmptySuccess(), again.EmptySuccess())
	}
	return &again
}

var sameJSON = cmp.FilterValues(func(a, b json.RawMessage) bool { return len(a) > 0 || len(b) > 0 }, cmp.Comparer(func(a, b json.RawMessage) bool {
	var values [2]any
	for i, text := range []json.RawMessage{a, b} {
		in := json.NewDecoder(bytes.NewReader(text))
		in.UseNumber()
		if in.Decode(&values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}))

// withoutPayload returns an event without what only a payload has.
func withoutPayload(e event.Event) event.Event {
	e.Payload = nil
	e.Content.Crawl = append([]event.Crawl(nil), e.Content.Crawl...)
	for i, c := range e.Content.Crawl {
		if c.Pages != nil {
			e.Content.Crawl[i].Value = nil
		}
	}
	e.Content.Search = append([]event.Search(nil), e.Content.Search...)
	for i, s := range e.Content.Search {
		if len(s.Value) > 0 && s.Value[0] == '{' {
			e.Content.Search[i].Value = nil
		}
	}
	return e
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&v); err != nil {
		t.Fatalf("%v: %.2000s", err, text)
	}
	return v
}

func TestRoundTripOfVectors(t *testing.T) {
	p, read := inJapan(t), 0
	for _, v := range vectors.All() {
		if v.Canonical == nil {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			for _, p := range []event.Parser{{}, p} {
				e, err := p.Parse(v.Payload)
				if err != nil {
					t.Fatal(err)
				}
				roundTrip(t, e)
			}
			var indented event.Event
			if err := json.Unmarshal(v.Canonical, &indented); err != nil {
				t.Fatal(err)
			}
			read++
		})
	}
	if read < 300 {
		t.Errorf("read only %d", read)
	}
}

// results is an event with links and results of every form that nobody is known to send.
const results = `{"event_type":"run_completed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":7,"data":{"run_id":"r","robot_id":"b",
	"robot_name":1e3,"status":"success","started_at":"2026-06-25T15:53:15.595+02:00","finished_at":"0000-01-01T00:00:00+01:00","metadata":{},
	"links":["https://a.example/",{"url":"https://b.example/"}, { "url" : "https://c.example/\u00e9" },{"url":"https://d.example/","text":"d"},
		{"text":"e","url":"https://e.example/"},{"url":""},{"url":5},{},"",null,[1]],
	"extracted_data":{"captured_texts":{"a/b~c":[{"x/y":null,"":""}],"one":[]},"captured_lists":[[{"a":"1"},{},{"b":"2","a":"3"}],null],
		"crawl_data":{"none":[],"null":null,"text":"x","mixed":[{"url":"u"},3],"object":{"url":"u"},"~/":[{},
			{"metadata":"none","links":["l"],"wordCount":5.0,"scrapedAt":"now"},
			{"metadata":{"url":"u","sourceURL":7,"statusCode":"200","depth":1e1,"title":"","other":{"a":
				[1]}},"scrapedAt":"2026-06-25T15:53:15Z","markdown":"m","html":null,"text":""}]},
		"search_data":{"text":"x","null":null,"list":[{"url":"u"}],"empty":{},"odd":{"query":1,"results":{"url":"u"},"resultsCount":1},
			"mixed":{"results":[{"url":"u"},null]},"usual":{"query":"q","searchedAt":"2026-06-25T15:53:15Z","results":[{"url":"u","position":1,"rank":2},{}]}},
		"captured_texts_count":0,"captured_lists_count":0,"screenshots_count":0}}}`

func TestCanonicalFormOfResults(t *testing.T) {
	e, err := event.Parse([]byte(results))
	if err != nil {
		t.Fatal(err)
	}
	account(t, []byte(results), e)
	roundTrip(t, e)
	form, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	form = append(bytes.ReplaceAll(form, []byte(`{"name"`), []byte("\n{\"name\"")), '\n')
	for _, want := range []string{
		`"endpoint_id":"7"`, `"robot_name":"1e3"`, `"instant":"2026-06-25T13:53:15.595Z"`,
		`"finished_at":{"raw":"0000-01-01T00:00:00+01:00"}`, // in UTC it is before the year 0
		`"columns":["x/y",""],"rows":[{"x/y":null,"":""}]`,
		`"columns":["a","b"],"rows":[{"a":"1"},{},{"b":"2","a":"3"}]`, `{"name":"list_1","columns":[],"rows":[],"null":true}`,
		`"links":[{"url":"https://a.example/","value":"https://a.example/"},{"url":"https://b.example/"},{"url":"https://c.example/é"},` +
			`{"url":"https://d.example/","value":{"url":"https://d.example/","text":"d"}},` +
			`{"url":"https://e.example/","value":{"text":"e","url":"https://e.example/"}},` +
			`{"value":{"url":""}},{"value":{"url":5}},{"value":{}},{"value":""},{"value":null},{"value":[1]}]`,
		`{"name":"none","pages":[]}`, `{"name":"null","pages":[],"value":null}`, `{"name":"mixed","pages":[],"value":[{"url":"u"},3]}`,
		`{"url":"u","depth":10,"scraped_at":{"raw":"2026-06-25T15:53:15Z","instant":"2026-06-25T15:53:15Z"},"markdown":"m","links":[],"extra":[` +
			`{"pointer":"/data/extracted_data/crawl_data/~0~1/2/metadata/sourceURL","value":7},` +
			`{"pointer":"/data/extracted_data/crawl_data/~0~1/2/metadata/statusCode","value":"200"},` +
			`{"pointer":"/data/extracted_data/crawl_data/~0~1/2/metadata/other","value":{"a":[1]}},` +
			`{"pointer":"/data/extracted_data/crawl_data/~0~1/2/html","value":null}]}`,
		`{"name":"list","results":[],"extra":[],"value":[{"url":"u"}]}`, `{"name":"empty","results":[],"extra":[]}`,
		`{"name":"odd","result_count":1,"results":[],"extra":[{"pointer":"/data/extracted_data/search_data/odd/query","value":1},` +
			`{"pointer":"/data/extracted_data/search_data/odd/results","value":{"url":"u"}}]}`,
		`"results":[{"url":"u","position":1,"extra":[{"pointer":"/data/extracted_data/search_data/usual/results/0/rank","value":2}]},{"extra":[]}]`,
	} {
		if !bytes.Contains(form, []byte(want)) {
			t.Errorf("there is no %s in %s", want, form)
		}
	}
}

func TestUnmarshalJSONRefuses(t *testing.T) {
	e, err := event.Parse([]byte(results))
	if err != nil {
		t.Fatal(err)
	}
	form, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ was, is, want string }{
		{`{"version"`, `{"version`, "not strict JSON: "},
		{`{"version":1`, `{"version":1,"version":1`, "duplicate"},
		{`{"version":1`, `{"version":2`, "a canonical event of version 2; this is for version 1"},
		{`{"version":1,`, `{`, "has a version, and this has none"},
		{`"type":"run_completed",`, ``, "has a type, and this has none"},
		{`{"version":1`, `{"event_type":"run_completed","version":1`, "this is a payload, not a canonical event: event.Parse reads it"},
		{`"id":"r"`, `"id":5`, `at "/run/id": want a text`},
		{`"run":{`, `"run":5,"x":{`, `at "/run": want an object`},
		{`"texts":[`, `"texts":{},"x":[`, `at "/texts": want a list`},
		{`{"a":"1"}`, `{"a":1}`, `at "/lists/0/rows": want a list of objects that hold texts and nulls`},
		{`"depth":10`, `"depth":"10"`, `at "/content/crawls/5/pages/2/depth": want a whole number of 64 bits`},
		{`"null":true`, `"null":1`, `at "/lists/1/null": want true or false`},
		{`{"raw":"0000-01-01T00:00:00+01:00"}`, `{"raw":"x","instant":"y"}`, `at "/run/finished_at": want an RFC 3339 date-time as the instant`},
	} {
		broken := bytes.Replace(form, []byte(tt.was), []byte(tt.is), 1)
		before := event.Event{RawType: "before"}
		err := before.UnmarshalJSON(broken)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v; want %s", tt.is, err, tt.want)
		}
		if before.RawType != "before" {
			t.Errorf("%s: the event is another one, in spite of the error", tt.is)
		}
	}
	for _, text := range []string{"", "[]", "5", `"x"`, "{}", `{} {}`} {
		if err := new(event.Event).UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%q is an event", text)
		}
	}
	if err := json.Unmarshal([]byte("null"), e); err != nil || e.Run.ID != "r" {
		t.Errorf("null: %v, %+v", err, e.Run)
	}
	// A member that is null is absent, and one that isn't known is left out.
	liberal := bytes.Replace(form, []byte(`"id":"r"`), []byte(`"id":"r","browser_id":null,"test_mode":null,"new":{"a":[]}`), 1)
	var again event.Event
	if err := json.Unmarshal(liberal, &again); err != nil || again.Run.ID != "r" || again.Run.BrowserID != "" || again.Run.TestMode.Known {
		t.Errorf("%v, %+v", err, again.Run)
	}
}

func TestMarshalJSONRefuses(t *testing.T) {
	e := event.Event{Run: event.Run{RobotName: "caf\xe9"}}
	if _, err := json.Marshal(e); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("the error is %v", err)
	}
	e = event.Event{Extra: []event.Member{{Pointer: "/x", Value: json.RawMessage("{\n")}}}
	if _, err := json.Marshal(e); err == nil {
		t.Error("a value that isn't JSON is written")
	}
}

func TestRoundTripOfCaptured(t *testing.T) {
	p, known := inJapan(t), 0
	for _, c := range judgetest.Captured(t) {
		t.Run(c.Name, func(t *testing.T) {
			e, err := p.Parse(c.Text)
			if err != nil {
				t.Fatal(err)
			}
			if again := roundTrip(t, e); again.Run.FinishedAt.Known {
				known++
			}
		})
	}
	if known < 20 {
		t.Errorf("only %d runs ended at a time that is known", known)
	}
}

// FuzzCanonical: the canonical form of whatever is accepted is as the schema has it, and
// is read as the same event.
func FuzzCanonical(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 10_000 {
			f.Add(v.Payload)
		}
	}
	f.Add([]byte(conflicts))
	f.Add([]byte(misfits))
	f.Add([]byte(results))
	p := inJapan(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if e, err := p.Parse(payload); err == nil {
			roundTrip(t, e)
			traced(t, payload)
		}
	})
}

// FuzzUnmarshalJSON: whatever is read as an event is written and read again as the same.
func FuzzUnmarshalJSON(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Canonical) < 10_000 {
			f.Add(v.Canonical)
		}
	}
	f.Fuzz(func(t *testing.T, form []byte) {
		var e event.Event
		if err := e.UnmarshalJSON(form); err != nil {
			return
		}
		again, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(again) {
			t.Errorf("not JSON: %s", again)
		}
	})
}

// TestCanonicalPage: the page about the canonical event shows a payload, and its form.
func TestCanonicalPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/canonical.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(marker string) []byte {
		_, rest, ok := bytes.Cut(text, []byte("<!-- "+marker+" -->\n```json\n"))
		block, _, ends := bytes.Cut(rest, []byte("```\n"))
		if !ok || !ends {
			t.Fatalf("the page has no %s", marker)
		}
		return block
	}
	e, err := event.Parser{Provenance: true}.Parse(block("payload"))
	if err != nil {
		t.Fatal(err)
	}
	for canonical, payload := range map[string]string{"/run/id": "/data/runId", "/lists/0/rows/1/Title": "/data/extracted_data/captured_lists/0/1/Title"} {
		if !slices.Contains(e.Provenance, event.Origin{Canonical: canonical, Payload: payload}) {
			t.Errorf("%s doesn't come from %s", canonical, payload)
		}
	}
	e.Provenance = nil
	form, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decoded(t, block("canonical")), decoded(t, form)); diff != "" {
		t.Errorf("(-page +event) %s", diff)
	}
}
