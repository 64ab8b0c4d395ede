package webhook_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// What the judge accepts can be decoded, by whatever function, and has the values
// of the payload.
func TestDecodeVectors(t *testing.T) {
	n := 0
	for _, v := range vectors.All() {
		if v.Verdict == "conforms" {
			n++
			t.Run(v.Name, func(t *testing.T) { checkDecoders(t, v.Payload) })
		}
	}
	if n == 0 {
		t.Error("no vector conforms")
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors.All() {
		if v.Verdict != "conforms" || len(v.Payload) < 10_000 { // TestDecodeVectors has the larger ones that conform
			f.Add(v.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if conformance.Valid(payload) {
			checkDecoders(t, payload)
			return
		}
		// What is invalid may be decoded, or not. What was decoded can be used.
		for _, s := range subjects {
			s.try(payload)
		}
		dispatch(payload)
	})
}

// checkDecoders holds all decoders to a payload that conforms.
func checkDecoders(t *testing.T, payload []byte) {
	t.Helper()
	var head struct {
		EventType string `json:"event_type"`
	}
	if err := jsonv2.Unmarshal(payload, &head); err != nil {
		t.Fatal(err)
	}
	file := "v1/" + strings.ReplaceAll(head.EventType, "_", "-") + ".json"
	loadContract(t).check(t, file, "#", payload)

	dispatched, status := dispatch(payload)
	var want any
	switch head.EventType {
	case "run_completed":
		e := new(webhook.RunCompleted)
		want = e
		if err := json.Unmarshal(payload, e); err != nil {
			t.Fatal(err)
		}
		checkCompleted(t, payload, e)
	case "run_failed":
		e := new(webhook.RunFailed)
		want = e
		if err := json.Unmarshal(payload, e); err != nil {
			t.Fatal(err)
		}
		checkFailed(t, payload, e)
	default:
		t.Fatalf("no type for %q", head.EventType)
	}
	if status != 204 {
		t.Errorf("the dispatcher answers %d; want 204", status)
	}
	if diff := gocmp.Diff(want, dispatched); diff != "" {
		t.Errorf("the dispatcher decodes it otherwise (-encoding/json +dispatched):\n%s", diff)
	}
}

// dispatch returns the event that a dispatcher calls a function with, if it does.
func dispatch(payload []byte) (event any, status int) {
	dispatcher := webhook.Dispatcher{
		OnRunCompleted: func(_ context.Context, e *webhook.RunCompleted) error { event = e; return nil },
		OnRunFailed:    func(_ context.Context, e *webhook.RunFailed) error { event = e; return nil },
	}
	r := httptest.NewRequest("POST", "/", bytes.NewReader(payload))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	dispatcher.ServeHTTP(w, r)
	return event, w.Code
}

// The methods of integers and times say what the canonical event says.
func checkCompleted(t *testing.T, payload []byte, e *webhook.RunCompleted) {
	t.Helper()
	canonical := parse(t, payload)
	checkTime(t, e.Timestamp, event.Time{Instant: canonical.Timestamp, Known: !canonical.Timestamp.IsZero()})
	checkTime(t, e.Data.StartedAt, canonical.Run.StartedAt)
	checkTime(t, e.Data.FinishedAt, canonical.Run.FinishedAt)
	if x := e.Data.ExtractedData; x != nil {
		checkCount(t, x.TotalRows, canonical.Counts.Rows)
		checkCount(t, x.CapturedTextsCount, canonical.Counts.Texts)
		checkCount(t, x.CapturedListsCount, canonical.Counts.Lists)
		checkCount(t, x.ScreenshotsCount, canonical.Counts.Screenshots)
	}
}

func checkFailed(t *testing.T, payload []byte, e *webhook.RunFailed) {
	t.Helper()
	canonical := parse(t, payload)
	checkTime(t, e.Timestamp, event.Time{Instant: canonical.Timestamp, Known: !canonical.Timestamp.IsZero()})
}

func parse(t *testing.T, payload []byte) *event.Event {
	t.Helper()
	e, err := event.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func checkTime(t *testing.T, d webhook.DateTime, want event.Time) {
	t.Helper()
	got, ok := d.Time()
	if ok && got.IsZero() { // which package event has no way to tell from none
		return
	}
	if ok != want.Known || !got.Equal(want.Instant) {
		t.Errorf("%q is %v, %t; want %v, %t", d, got, ok, want.Instant, want.Known)
	}
}

func checkCount(t *testing.T, i webhook.Integer, want event.Count) {
	t.Helper()
	if n, ok := i.Int64(); n != want.Value || ok != want.Known {
		t.Errorf("%.40q is %d, %t; want %d, %t", i, n, ok, want.Value, want.Known)
	}
}

// subjects are the types that decode themselves, by their schemas' titles.
var subjects = map[string]subject{
	"RunCompleted":         of[webhook.RunCompleted](),
	"RunCompletedData":     of[webhook.RunCompletedData](),
	"ExtractedData":        of[webhook.ExtractedData](),
	"Row":                  of[webhook.Row](),
	"RunCompletedError":    of[webhook.RunCompletedError](),
	"RunCompletedMetadata": of[webhook.RunCompletedMetadata](),
	"RunFailed":            of[webhook.RunFailed](),
	"RunFailedData":        of[webhook.RunFailedData](),
	"RunFailedError":       of[webhook.RunFailedError](),
	"RunFailedMetadata":    of[webhook.RunFailedMetadata](),
}

// A subject is a type that decodes itself.
type subject struct {
	// hold holds the type to what data is. The members that the contract doesn't
	// name are not in want.
	hold func(t *testing.T, data []byte, want any)
	// try decodes what need not be decodable, and encodes what comes of it.
	try func(data []byte)
}

func of[T any]() subject {
	unmarshals := map[string]func([]byte, any) error{
		"encoding/json":      json.Unmarshal,
		"go-json-experiment": func(data []byte, v any) error { return jsonv2.Unmarshal(data, v) },
	}
	marshals := map[string]func(any) ([]byte, error){
		"encoding/json":      json.Marshal,
		"go-json-experiment": func(v any) ([]byte, error) { return jsonv2.Marshal(v) },
	}
	return subject{
		hold: func(t *testing.T, data []byte, want any) {
			t.Helper()
			for by, unmarshal := range unmarshals {
				v := new(T)
				if err := unmarshal(data, v); err != nil {
					t.Fatalf("%s doesn't decode %T: %v\n%.2000s", by, v, err, data)
				}
				for with, marshal := range marshals {
					encoded, err := marshal(v)
					if err != nil {
						t.Fatalf("%s doesn't encode %T: %v", with, v, err)
					}
					if diff := gocmp.Diff(want, generic(t, encoded)); diff != "" {
						t.Errorf("%T decoded by %s, and encoded by %s (-payload +encoded):\n%s", v, by, with, diff)
					}
				}
			}
		},
		try: func(data []byte) {
			for _, unmarshal := range unmarshals {
				v := new(T)
				if unmarshal(data, v) == nil {
					for _, marshal := range marshals {
						_, _ = marshal(v) // must not panic
					}
				}
			}
		},
	}
}

// generic decodes JSON without any of our types, and keeps the texts of numbers.
func generic(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %.2000s", err, data)
	}
	return v
}

// A contract is the documented schemas, by their files.
type contract map[string]schema

type schema struct {
	Title      string            `json:"title"`
	Ref        string            `json:"$ref"`
	Properties map[string]schema `json:"properties"`
	Items      *schema           `json:"items"`
	Values     *schema           `json:"additionalProperties"`
	Defs       map[string]schema `json:"$defs"`
}

func loadContract(t *testing.T) contract {
	t.Helper()
	c := contract{}
	files, err := fs.Glob(jsonschema.FS, "v1/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		var s schema
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		c[file] = s
	}
	return c
}

// check holds the type of each value in data that has one to what the value is,
// and returns data without the members that the contract doesn't name.
func (c contract) check(t *testing.T, file, ref string, data jsontext.Value) any {
	t.Helper()
	s := c[file]
	if def, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
		s = s.Defs[def]
	}
	want := c.value(t, file, s, data)
	subject, ok := subjects[s.Title]
	if !ok {
		t.Fatalf("%s: no type for %q is tested; add it to subjects", file, cmp.Or(s.Title, path.Base(ref)))
	}
	subject.hold(t, data, want)
	return want
}

func (c contract) value(t *testing.T, file string, s schema, data jsontext.Value) any {
	t.Helper()
	switch {
	case s.Ref != "":
		return c.check(t, file, s.Ref, data)
	case s.Properties != nil || s.Values != nil:
		members, object := map[string]jsontext.Value{}, map[string]any{}
		if err := jsonv2.Unmarshal(data, &members); err != nil {
			t.Fatal(err)
		}
		for name, value := range members {
			if sub, ok := s.Properties[name]; ok {
				object[name] = c.value(t, file, sub, value)
			} else if s.Values != nil {
				object[name] = c.value(t, file, *s.Values, value)
			}
		}
		return object
	case s.Items != nil:
		elements, array := []jsontext.Value{}, []any{}
		if err := jsonv2.Unmarshal(data, &elements); err != nil {
			t.Fatal(err)
		}
		for _, value := range elements {
			array = append(array, c.value(t, file, *s.Items, value))
		}
		return array
	}
	data = bytes.TrimSpace(data)
	if data.Kind() == '0' {
		return json.Number(data)
	}
	text, err := jsontext.AppendUnquote(nil, data)
	if err != nil {
		t.Fatalf("%.40s: %v", data, err)
	}
	return string(text)
}

// What the contract doesn't allow, and a decoder could take for something else.
func TestDecodeRefuses(t *testing.T) {
	const completed = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15Z","webhook_id":"w","data":` + data + `}`
	tests := []struct {
		name    string
		replace string
		by      string
		err     string
	}{
		{"null for a text", `"robot_id":"r"`, `"robot_id":null`, "null"},
		{"null for an optional text", `"browser_id":"b"`, `"browser_id":null`, "null"},
		{"null for an integer", `"total_rows":1`, `"total_rows":null`, "null"},
		{"null for an optional integer", `"user_id":108`, `"user_id":null`, "null"},
		{"null for a time", `"started_at":"2025-05-29T15:52:30Z"`, `"started_at":null`, "null"},
		{"null for an object", `"metadata":{"browser_id":"b","user_id":108}`, `"metadata":null`, "null"},
		{"null for an optional object", `"status":"success"`, `"status":"success","error":null`, "null"},
		{"null for rows", `"captured_texts":[{"Price":"$1"}]`, `"captured_texts":null`, "null"},
		{"null for a row", `{"Price":"$1"}`, `null`, "null"},
		{"null for a cell", `"$1"`, `null`, "null"},
		{"null for lists", `"captured_lists":{}`, `"captured_lists":null`, "null"},
		{"null for a list", `"captured_lists":{}`, `"captured_lists":{"list_0":null}`, "null"},
		{"null for an event_type", `"run_completed"`, `null`, "null"},
		{"an integer as text", `"total_rows":1`, `"total_rows":"1"`, "not an integer"},
		{"a fraction", `"total_rows":1`, `"total_rows":1.5`, "not an integer"},
		{"a tiny number", `"total_rows":1`, `"total_rows":1e-99999999999999999999`, "not an integer"},
		{"a number for a time", `"started_at":"2025-05-29T15:52:30Z"`, `"started_at":1748533950`, "number"},
		{"a text twice", `"robot_id":"r"`, `"robot_id":"r","robot_id":"r"`, "duplicate"},
		{"an event_type twice", `"run_completed",`, `"run_completed","event_type":"run_failed",`, "duplicate"},
		{"an escaped name twice", `"robot_id":"r"`, `"robot_id":"r","robot\u005fid":"r"`, "duplicate"},
		{"a cell twice", `{"Price":"$1"}`, `{"Price":"$1","Price":"$2"}`, "duplicate"},
		{"twice in what isn't known", `"robot_id":"r"`, `"robot_id":"r","x":[{"y":1,"y":2}]`, "duplicate"},
		{"bytes that are not UTF-8", `"$1"`, "\"\xff\"", "UTF-8"},
		{"half a surrogate pair", `"$1"`, `"\ud83d"`, "surrogate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload := strings.Replace(completed, tt.replace, tt.by, 1)
			if payload == completed {
				t.Fatalf("%s is not in the payload", tt.replace)
			}
			before := webhook.RunCompleted{WebhookID: "before"}
			for by, unmarshal := range map[string]func([]byte, any) error{
				"encoding/json":      json.Unmarshal,
				"go-json-experiment": func(data []byte, v any) error { return jsonv2.Unmarshal(data, v) },
			} {
				e := before
				if err := unmarshal([]byte(payload), &e); err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%s: %v; want an error with %q", by, err, tt.err)
				}
				if !reflect.DeepEqual(e, before) {
					t.Errorf("%s decoded a part: %v", by, e)
				}
			}
			if e, status := dispatch([]byte(payload)); e != nil || status != 400 {
				t.Errorf("the dispatcher answers %d; want 400", status)
			}
		})
	}
	if e, status := dispatch([]byte(completed)); e == nil || status != 204 {
		t.Errorf("as it is, the dispatcher answers %d; want 204", status)
	}
}

// Members whose names differ from the contract's in case are others, wherever they
// stand: what they say decides neither which event it is, nor what it holds.
func TestOtherSpellings(t *testing.T) {
	spellings := map[string]func(string) string{
		"upper case": strings.ToUpper,
		"capitals":   func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
		"snake case": func(s string) string {
			return regexp.MustCompile("[A-Z]").ReplaceAllStringFunc(s, func(c string) string { return "_" + strings.ToLower(c) })
		},
		"no underscore": func(s string) string { return strings.ReplaceAll(s, "_", "") },
		"a long s":      func(s string) string { return strings.ReplaceAll(s, "s", "\u017f") }, // which encoding/json takes for an s
	}
	for name, other := range map[string]string{"run_completed": "run_failed", "run_failed": "run_completed"} {
		plain := sample(t, name)
		want, _ := dispatch(plain)
		for spelling, of := range spellings {
			for _, first := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s in %s, first %v", name, spelling, first), func(t *testing.T) {
					payload := misspelt(t, jsontext.NewDecoder(bytes.NewReader(plain)), of, first, other)
					if bytes.Equal(payload, plain) {
						t.Fatal("nothing was added")
					}
					if !conformance.Valid(payload) {
						t.Fatalf("it doesn't conform: %s", payload)
					}
					got, status := dispatch(payload)
					if diff := gocmp.Diff(want, got); status != 204 || diff != "" {
						t.Errorf("status %d (-want +got):\n%s\n%s", status, diff, payload)
					}
				})
			}
		}
	}
}

// misspelt returns the value that comes next with another value for each member of an
// object, but for rows, under another spelling of its name, before or behind it.
func misspelt(t *testing.T, in *jsontext.Decoder, spell func(string) string, first bool, value string) []byte {
	t.Helper()
	read := func() jsontext.Value {
		v, err := in.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		return v.Clone()
	}
	if in.PeekKind() != '{' {
		return read()
	}
	var out []string
	if _, err := in.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for in.PeekKind() != '}' {
		token, err := in.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		name := token.String()
		var of []byte
		if strings.HasPrefix(name, "captured_") {
			of = read()
		} else {
			of = misspelt(t, in, spell, first, value)
		}
		members := []string{fmt.Sprintf("%q:%s", name, of)}
		if odd := spell(name); odd != name {
			members = append(members, fmt.Sprintf("%q:%q", odd, value))
		}
		if first {
			slices.Reverse(members)
		}
		out = append(out, members...)
	}
	if _, err := in.ReadToken(); err != nil {
		t.Fatal(err)
	}
	return []byte("{" + strings.Join(out, ",") + "}")
}

const data = `{"robot_id":"r","run_id":"u","robot_name":"n","status":"success",
	"started_at":"2025-05-29T15:52:30Z","finished_at":"2025-05-29T15:53:15Z",
	"extracted_data":{"captured_texts":[{"Price":"$1"}],"captured_lists":{},
		"total_rows":1,"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0},
	"metadata":{"browser_id":"b","user_id":108}}`

// Decoding keeps nothing of what a variable held.
func TestDecodeIntoUsed(t *testing.T) {
	row := webhook.Row{"Price": "$1"}
	if err := json.Unmarshal([]byte(`{"Rank":"2"}`), &row); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(webhook.Row{"Rank": "2"}, row); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInteger(t *testing.T) {
	tests := []struct {
		text webhook.Integer
		want int64
		ok   bool
	}{
		{"", 0, true},
		{"0", 0, true},
		{"-0.0", 0, true},
		{"0e99999999999999999999", 0, true},
		{"2", 2, true},
		{"2.0", 2, true},
		{"1e2", 100, true},
		{"1E+02", 100, true},
		{"12.50e1", 125, true},
		{"200e-2", 2, true},
		{"-1.5e1", -15, true},
		{"9223372036854775807", 9223372036854775807, true},
		{"-9223372036854775808", -9223372036854775808, true},
		{"9223372036854775808", 0, false},
		{"1e400", 0, false},
		{"1e99999999999999999999", 0, false},
		{"1.5", 0, false},
		{"1e-1", 0, false},
		{"01", 0, false},
		{"two", 0, false},
		{"{}", 0, false},
	}
	for _, tt := range tests {
		if got, ok := tt.text.Int64(); got != tt.want || ok != tt.ok {
			t.Errorf("%q is %d, %t; want %d, %t", tt.text, got, ok, tt.want, tt.ok)
		}
	}
	if got := webhook.NewInteger(-108); got != "-108" {
		t.Errorf("NewInteger(-108) is %q", got)
	}
	for _, bad := range []webhook.Integer{"1.5", "two", "{}", `"1"`} {
		if got, err := json.Marshal(bad); err == nil {
			t.Errorf("%q is encoded as %s", bad, got)
		}
	}
}

// What is made in Go is encoded as the contract wants it.
func TestEncode(t *testing.T) {
	for want, v := range map[string]any{
		`{"captured_lists":{},"captured_lists_count":0,"captured_texts":[],"captured_texts_count":0,"screenshots_count":3,"total_rows":0}`: webhook.ExtractedData{ScreenshotsCount: webhook.NewInteger(3)},
		`{"a":"","b":"2","c":"3"}`: webhook.Row{"c": "3", "a": "", "b": "2"},
		`{}`:                       webhook.Row(nil),
	} {
		got, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
