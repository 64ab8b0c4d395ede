package event_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// derived matches the values of the canonical form that the payload doesn't have as they
// are.
var derived = regexp.MustCompile(`^/(version|type|provenance/.*)$|/instant$|` +
	`^/(texts|lists)/\d+/(name|null|columns/\d+)$|^/content/(crawls|searches)/\d+/name$|/extra/\d+/pointer$`)

// traced holds the provenance of an event to both of its forms: each value of the
// canonical form that isn't derived comes from a member that has it.
func traced(t *testing.T, payload []byte) {
	t.Helper()
	e, err := event.Parser{Provenance: true}.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := event.Parse(payload)
	if err != nil {
		t.Fatal(err)
	}
	origins := make(map[string]string)
	for _, o := range e.Provenance {
		if was, twice := origins[o.Canonical]; twice {
			t.Errorf("%s comes from %s, and from %s", o.Canonical, was, o.Payload)
		}
		origins[o.Canonical] = o.Payload
	}
	form, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, e)
	e.Provenance = nil
	if !reflect.DeepEqual(e, plain) {
		t.Error("without provenance the event is another one")
	}
	sent, canonical := leaves(t, payload, nil), leaves(t, form, origins)
	for pointer, value := range canonical {
		from, ok := origins[pointer]
		delete(origins, pointer)
		stripped := !ok && strings.HasPrefix(pointer, "/error/")
		switch {
		case ok == derived.MatchString(pointer) && !stripped:
			t.Errorf("%s comes from %q", pointer, from)
		case ok && !same(value, sent[from]):
			t.Errorf("%s is %v, and comes from %s, which is %v", pointer, value, from, sent[from])
		}
	}
	if len(origins) > 0 {
		t.Errorf("the canonical form has no %q", slices.Sorted(maps.Keys(origins)))
	}
}

// same reports whether a value is that of the payload: a number may be text there, or
// written differently.
func same(canonical, sent any) bool {
	if reflect.DeepEqual(canonical, sent) {
		return true
	}
	if number, ok := sent.(json.Number); ok {
		if text, ok := canonical.(string); ok {
			return text == string(number)
		}
		a, err := strconv.ParseFloat(string(number), 64)
		whole, _ := canonical.(json.Number)
		b, err2 := strconv.ParseFloat(string(whole), 64)
		return err == nil && err2 == nil && a == b
	}
	return false
}

// leaves returns the values of a JSON text by their pointers: all of them, or with
// origins those that hold no others, and those that have an origin as they are.
func leaves(t *testing.T, text []byte, origins map[string]string) map[string]any {
	all := make(map[string]any)
	var visit func(pointer string, v any)
	visit = func(pointer string, v any) {
		_, whole := origins[pointer]
		if origins == nil || whole {
			all[pointer] = v
		}
		if whole {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				visit(pointer+"/"+jsonpointer.Escape(name), member)
			}
		case []any:
			for i, element := range v {
				visit(pointer+"/"+strconv.Itoa(i), element)
			}
		default:
			all[pointer] = v
		}
	}
	visit("", decoded(t, text))
	return all
}

func TestProvenance(t *testing.T) {
	for _, v := range vectors.All() {
		if v.Canonical != nil && !strings.HasPrefix(v.Name, "depth.") {
			t.Run(v.Name, func(t *testing.T) { traced(t, v.Payload) })
		}
	}
	for name, payload := range map[string]string{"conflicts": conflicts, "misfits": misfits, "results": results} {
		t.Run(name, func(t *testing.T) { traced(t, []byte(payload)) })
	}
}

func TestProvenanceOfCaptured(t *testing.T) {
	for _, c := range judgetest.Captured(t) {
		t.Run(c.Name, func(t *testing.T) { traced(t, c.Text) })
	}
}
