package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// A ledger counts what there is in a payload or an event: each text, number, truth
// value and null, and the names that senders make up. It knows nothing of how
// payloads are parsed. Empty texts don't count, for they are as good as absent,
// and neither do containers.
type ledger map[string]int

func (l ledger) text(s string) {
	if s != "" {
		l["text "+s]++
	}
}

func (l ledger) name(s string) { l["name "+s]++ }

// number enters a number by its value: 5.0 and 50e-1 are the same as 5.
func (l ledger) number(n string) {
	sign, rest := "", n
	if rest[0] == '-' {
		sign, rest = "-", rest[1:]
	}
	mantissa, power, _ := strings.Cut(strings.ToLower(rest), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	if significant == "" {
		l["number 0"]++
		return
	}
	exponent := 0
	if power != "" {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			l["number "+n]++
			return
		}
	}
	exponent += len(digits) - len(significant) - len(fraction)
	l[fmt.Sprintf("number %s%se%d", sign, significant, exponent)]++
}

// json enters all of a JSON text. Names are entered if they are not known.
func (l ledger) json(t *testing.T, text []byte, known map[string]bool) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	l.value(v, known)
}

func (l ledger) value(v any, known map[string]bool) {
	switch v := v.(type) {
	case nil:
		l["null"]++
	case bool:
		l[fmt.Sprint(v)]++
	case string:
		l.text(v)
	case json.Number:
		l.number(string(v))
	case []any:
		for _, element := range v {
			l.value(element, known)
		}
	case map[string]any:
		for name, element := range v {
			if !known[name] {
				l.name(name)
			}
			l.value(element, known)
		}
	}
}

// event enters all that a value of an event's holds, but for what is derived from
// something else in it.
func (l ledger) event(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Interface().(type) {
	case event.Time:
		l.text(x.Raw)
		return
	case event.Count:
		if x.Known {
			l.number(strconv.FormatInt(x.Value, 10))
		}
		return
	case event.Flag:
		if x.Known {
			l[fmt.Sprint(x.Value)]++
		}
		return
	case event.Error:
		l.text(x.RawMessage)
		l.text(x.Type)
		l.text(x.RawStack)
		return
	case event.Cell:
		l.name(x.Name)
		if x.Null {
			l["null"]++
		}
		l.text(x.Text)
		return
	case event.Group:
		l.name(x.Name)
		if x.Null {
			l["null"]++
		}
		l.event(t, reflect.ValueOf(x.Rows))
		return
	case event.Link:
		l.json(t, x.Raw, nil)
		return
	case event.Crawl:
		l.name(x.Name)
		if x.Pages == nil {
			l.json(t, x.Value, nil)
		}
		l.event(t, reflect.ValueOf(x.Pages))
		return
	case event.Search:
		if x.Value[0] != '{' {
			l.name(x.Name)
			l.json(t, x.Value, nil)
			return
		}
		x.Value = nil
		l.name(x.Name)
		x.Name = ""
		v = reflect.ValueOf(x)
	case json.RawMessage:
		return // accounted for with what it is part of
	case event.Member:
		name := x.Pointer[strings.LastIndexByte(x.Pointer, '/')+1:]
		l.name(jsonpointer.Unescape(name))
		l.json(t, x.Value, nil)
		return
	}
	switch v.Kind() {
	case reflect.String:
		l.text(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			l.event(t, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			l.event(t, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "Type", "Timestamp", "Payload": // RawType and RawTimestamp have them
			default:
				l.event(t, v.Field(i))
			}
		}
	default:
		t.Fatalf("%s is not accounted for", v.Type())
	}
}

// memberNames are all names that the schemas have a member for, anywhere.
var memberNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, element := range v {
				visit(element)
			}
		case map[string]any:
			properties, _ := v["properties"].(map[string]any)
			for name := range properties {
				names[name] = true
			}
			sent, _ := v["x-sent-as"].(map[string]any)
			for _, pointer := range sent {
				for name := range strings.SplitSeq(pointer.(string), "/") {
					names[name] = true
				}
			}
			for _, element := range v {
				visit(element)
			}
		}
	}
	files, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			panic(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			panic(err)
		}
		visit(v)
	}
	return names
})

// account holds an event to its payload: whatever the payload says is in the
// event, as often, and the event says nothing else.
func account(t *testing.T, payload []byte, e *event.Event) {
	t.Helper()
	sent, read := ledger{}, ledger{}
	sent.json(t, payload, memberNames())
	read.event(t, reflect.ValueOf(*e))
	// What is a number in the payload is the same in digits.
	for _, text := range []string{e.Run.UserID, e.Run.RobotName, e.EndpointID} {
		if text != "" && sent["text "+text] < read["text "+text] {
			read["text "+text]--
			read.number(text)
		}
	}
	for _, item := range slices.Sorted(maps.Keys(sent)) {
		if sent[item] > read[item] {
			t.Errorf("lost: %q is there %d times of %d", item, read[item], sent[item])
		}
	}
	for _, item := range slices.Sorted(maps.Keys(read)) {
		if read[item] > sent[item] && !strings.HasPrefix(item, "name ") {
			t.Errorf("made up: %q is there %d times instead of %d", item, read[item], sent[item])
		}
	}
	if !bytes.Equal(e.Payload, payload) {
		t.Error("the payload is another one")
	}
}

func TestAccountForVectors(t *testing.T) {
	accepted := 0
	for _, v := range vectors.All() {
		t.Run(v.Name, func(t *testing.T) {
			e, err := event.Parse(v.Payload)
			if v.Verdict == "invalid" {
				if err == nil {
					t.Fatal("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			accepted++
			account(t, v.Payload, e)
			deviations := 0
			for _, f := range v.Expectation.Findings {
				if f.Severity == "error" {
					deviations++
				}
			}
			got := 0
			for _, f := range e.Deviations() {
				got += max(1, f.Count)
			}
			if got != deviations {
				t.Errorf("%d deviations, want %d", got, deviations)
			}
			if diff := cmp.Diff(v.Verdict, string(e.Report().Verdict)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if accepted < 100 {
		t.Errorf("only %d vectors were accepted", accepted)
	}
}

func TestAccountForObserved(t *testing.T) {
	for _, p := range judgetest.Captured(t) {
		t.Run(p.Name, func(t *testing.T) {
			e, err := event.Parse(p.Text)
			if err != nil {
				t.Fatal(err)
			}
			account(t, p.Text, e)
			if len(e.Deviations()) == 0 {
				t.Error("there are no deviations")
			}
			for _, m := range e.Extra {
				if string(m.Value) != "null" {
					t.Errorf("%s has no field: %s", m.Pointer, m.Value)
				}
			}
			if e.Run.ID == "" || e.Run.RobotID == "" || e.Run.Status == "" || e.Timestamp.IsZero() {
				t.Errorf("the run is %+v, at %v", e.Run, e.Timestamp)
			}
		})
	}
}

// TestLedger: the accounting itself finds what is lost.
func TestLedger(t *testing.T) {
	payload := []byte(`{"a":[1,"x",{"b":null}],"c":5.0e1,"d":false,"e":""}`)
	got := ledger{}
	got.json(t, payload, map[string]bool{"a": true})
	want := ledger{
		"number 1e0": 1, "text x": 1, "name b": 1, "null": 1, "name c": 1, "number 5e1": 1,
		"name d": 1, "false": 1, "name e": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
