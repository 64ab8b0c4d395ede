package sample

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

var noon = time.Date(2026, 7, 8, 12, 0, 0, 123e6, time.UTC)

func seeded(seed uint64) Maker {
	return Maker{Rand: rand.New(rand.NewPCG(seed, 0)), Now: func() time.Time { return noon }}
}

func TestEvents(t *testing.T) {
	want := []string{"run_completed", "run_failed", "webhook_test"}
	if diff := cmp.Diff(want, Events()); diff != "" {
		t.Error(diff)
	}
}

// There is nothing to say about a documented sample, also no warning.
func TestDocumented(t *testing.T) {
	for _, event := range documentedEvents() {
		m := seeded(1)
		payload, err := m.Documented(event)
		if err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		report := conformance.Check(payload)
		if report.EventType != event || report.Verdict != conformance.Conforms || len(report.Findings) > 0 {
			t.Errorf("%s: %+v\n%s", event, report, payload)
		}
		var envelope struct{ Timestamp string }
		if err := json.Unmarshal(payload, &envelope); err != nil || envelope.Timestamp != "2026-07-08T12:00:00.123Z" {
			t.Errorf("%s: the timestamp is %q, %v", event, envelope.Timestamp, err)
		}
		if again, err := seeded(1).Documented(event); err != nil || !bytes.Equal(payload, again) {
			t.Errorf("%s: the same seed makes another payload: %v", event, err)
		}
		if next, err := m.Documented(event); err != nil || bytes.Equal(payload, next) {
			t.Errorf("%s: the next payload is the same: %v", event, err)
		}
	}
	if _, err := seeded(1).Documented("webhook_test"); err == nil {
		t.Error("webhook_test is documented")
	}
}

// Each shape of each release has the deviations of what was captured, and nothing of
// its ids and times.
func TestAs(t *testing.T) {
	for _, s := range Maxun().Shapes {
		for _, form := range s.Forms {
			payloads, err := seeded(1).As("maxun@"+form.Since, s.Name)
			if err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
			captured := form.Read()
			if len(payloads) != len(captured) || len(payloads) == 0 {
				t.Fatalf("%s has %d payloads, of %d", s.Name, len(payloads), len(captured))
			}
			for i, payload := range payloads {
				asCaptured(t, form.Payloads[i], captured[i], payload, i == 0)
			}
		}
	}
}

func asCaptured(t *testing.T, name string, captured, payload []byte, alone bool) {
	t.Helper()
	codes := func(payload []byte) string {
		report := conformance.Check(payload)
		all := []string{report.EventType, string(report.Verdict)}
		for _, f := range report.Findings {
			all = append(all, string(f.Code)+" "+f.Pointer)
		}
		return strings.Join(all, "\n")
	}
	if diff := cmp.Diff(codes(captured), codes(payload)); diff != "" {
		t.Errorf("%s (-captured +sample):\n%s", name, diff)
	}
	if !strings.Contains(codes(payload), "deviates") {
		t.Errorf("%s doesn't deviate", name)
	}
	// The form of what was made fresh is the same.
	var a, b any
	if err := json.Unmarshal(captured, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &b); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, payload)
	}
	compare(a, b, func(x, y string) {
		switch {
		case isUUID(x) && (!isUUID(y) || x == y), strings.Contains(x, "2026") && x == y:
			t.Errorf("%s: %q became %q", name, x, y)
		case !isUUID(x) && !strings.Contains(x, "2026") && x != y && alone:
			t.Errorf("%s: %q became %q", name, x, y)
		}
	})
}

// What one run sends is of one run.
func TestAsOneRun(t *testing.T) {
	for name, types := range map[string][]event.Type{
		"failed-twice":          {event.RunFailed, event.RunFailed},
		"completed-then-failed": {event.RunCompleted, event.RunFailed},
	} {
		payloads, err := seeded(1).As("maxun", name)
		if err != nil || len(payloads) != 2 {
			t.Fatalf("%s: %d payloads, %v", name, len(payloads), err)
		}
		var runs []event.Run
		for i, payload := range payloads {
			e, err := event.Parse(payload)
			if err != nil || e.Type != types[i] {
				t.Fatalf("%s: %v, %v", name, e, err)
			}
			runs = append(runs, event.Run{ID: e.Run.ID, RobotID: e.Run.RobotID, RobotName: e.Run.RobotName, BrowserID: e.EndpointID})
		}
		if runs[0] != runs[1] {
			t.Errorf("%s is of two runs: %v", name, runs)
		}
	}
}

// compare visits the texts that stand in the same place of two values.
func compare(a, b any, visit func(x, y string)) {
	switch a := a.(type) {
	case map[string]any:
		for name, value := range a {
			compare(value, b.(map[string]any)[name], visit)
		}
	case []any:
		for i, value := range a {
			compare(value, b.([]any)[i], visit)
		}
	case string:
		visit(a, b.(string))
	}
}

func TestReleases(t *testing.T) {
	for _, tt := range []struct{ server, name, want string }{ // want is a payload, or what the error says
		{"maxun", "run_completed", "wild.ui-extract"},
		{"maxun@0.0.15", "run_completed", "wild.extract-0.0.15"},
		{"maxun@v0.0.15", "extract", "wild.extract-0.0.15"},
		{"maxun@0.0.16", "extract", "wild.extract-0.0.15"},
		{"maxun@0.0.27", "extract", "wild.extract-0.0.24"},
		{"maxun@0.0.41", "scrape", "wild.ui-scrape-0.0.27"},
		{"maxun", "webhook_test", "wild.test"},
		{"maxun@0.0.41", "crawl", "what maxun 0.0.41 sends as crawl is not known: the first release that is known to is 0.0.43"},
		{"maxun@0.0.21", "extract", "what maxun 0.0.21 sends is not known: the releases that are known are 0.0.15, 0.0.16, "},
		{"maxun@1.0.0", "extract", "what maxun 1.0.0 sends is not known"},
		{"maxun@0.0", "extract", `"0.0" is not a release`},
		{"maxun@0.0.0.15", "extract", "is not a release"},
		{"maxun@0.0.x", "extract", "is not a release"},
		{"maxun@0.0.015", "extract", "is not a release"},
		{"maxun@", "extract", "is not a release"},
		{"Maxun", "extract", `there is no server "Maxun"`},
		{"", "extract", `there is no server ""`},
		{"maxun", "order_paid", `maxun has no event or shape "order_paid": there are extract, `},
	} {
		got := ""
		s, release, err := ParseServer(tt.server)
		if err == nil {
			var shape Shape
			if shape, err = s.Shape(tt.name); err == nil {
				form, _ := shape.As(release)
				got = strings.Join(form.Payloads, " ")
			}
		}
		if got == "" {
			_, err = seeded(1).As(tt.server, tt.name)
			if err == nil {
				t.Errorf("%s %s is not refused", tt.server, tt.name)
				continue
			}
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %s, want %s", tt.server, tt.name, got, tt.want)
		}
	}
}

// Forms are in the order of the releases, which are captured ones, and events too.
func TestMaxun(t *testing.T) {
	for _, s := range Maxun().Shapes {
		last := -1
		for _, form := range s.Forms {
			at := slices.Index(Maxun().Releases, form.Since)
			if at <= last {
				t.Errorf("%s: the place of %s is %d, after %d", s.Name, form.Since, at, last)
			}
			last = at
		}
		if !slices.Contains(Events(), s.Event()) || s.About == "" {
			t.Errorf("%+v", s)
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		ok         bool
	}{
		{"run_completed", "run_completed", true},
		{"RunFailed", "run_failed", true},
		{"run-failed", "run_failed", true},
		{"webhook test", "webhook_test", true},
		{"completed-then-failed", "completed-then-failed", true},
		{"crwl", "crawl", false},
		{"run_complete", "run_completed", false},
		{"run.failed", "run_failed", false},
		{"order_paid", "", false},
		{"", "", false},
	} {
		if got, ok := Find(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %q, %v, want %q, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// The walk knows schemas, and not these two.
func TestWalk(t *testing.T) {
	all, err := readSchemas(fstest.MapFS{
		"v1/a.json": {Data: []byte(`{
			"type": "object",
			"properties": {
				"z": {"type": "string", "const": "first"},
				"text": {"type": "string", "minLength": 2},
				"time": {"type": "string", "format": "date-time"},
				"one": {"enum": ["x", "y"]},
				"best": {"enum": ["x", "y"], "examples": ["y"]},
				"n": {"type": "integer", "minimum": 3},
				"x": {"type": "number"},
				"yes": {"type": "boolean"},
				"rows": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/Row"}},
				"list": {"type": "array"},
				"map": {"type": "object"},
				"any": {},
				"other": {"$ref": "b.json"},
				"gone": {"type": "string"}
			},
			"if": {"required": ["z"], "properties": {"z": {"const": "first"}}},
			"then": {"not": {"required": ["gone"]}},
			"else": {"not": {"required": ["n"]}},
			"$defs": {"Row": {"properties": {"\u00e4 \"b\"": {"examples": [1]}}}}
		}`)},
		"v1/b.json": {Data: []byte(`{"examples": [{"a": [1, 2]}]}`)},
		"v1/c.json": {Data: []byte(`{"properties": {"a": {"$ref": "#/$defs/None"}}}`)},
	}, "v1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := walk{all, "v1/a.json"}.sample(all["v1/a.json"])
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Compact(); err != nil {
		t.Fatal(err)
	}
	want := `{"z":"first","text":"xx","time":"2025-05-29T15:53:15.595Z","one":"x","best":"y","n":3,"x":0,"yes":true,` +
		`"rows":[{"ä \"b\"":1},{"ä \"b\"":1}],"list":[],"map":{},"any":null,"other":{"a":[1,2]}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if _, err := (walk{all, "v1/c.json"}).sample(all["v1/c.json"]); err == nil || !strings.Contains(err.Error(), "None") {
		t.Errorf("a reference to nowhere: %v", err)
	}
}
