package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/vectors"
)

// TestSchemasDecideAsTheJudge holds every schema of the contract to the judge of
// record, over every value of the vectors and over what they may be changed into.
func TestSchemasDecideAsTheJudge(t *testing.T) {
	values := map[string]any{} // by text
	for _, v := range vectors.All() {
		payload, findings, _ := parse(v.Payload)
		if len(findings) > 0 || len(v.Payload) > 2_000 {
			continue
		}
		compareToJudge(t, payload)
		descend(payload, func(value any, _ func(any)) {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			values[string(text)] = value
		})
	}
	for _, text := range sortedKeys(values) {
		for location, s := range loadContract().schemas {
			if got, want := s.holds(values[text]), s.Validate(s.shape.skeleton(values[text])) == nil; got != want {
				t.Fatalf("%s: %v, the judge says %v, of\n%s", location, got, want, text)
			}
		}
	}
}

// TestChangedPayloadsAreJudgedAlike changes each value of payloads into others,
// takes members away, and adds those that a schema names.
func TestChangedPayloadsAreJudgedAlike(t *testing.T) {
	names := map[string]bool{}
	for _, s := range loadContract().schemas {
		for name := range s.Properties {
			names[name] = true
		}
	}
	others := func() []any {
		return []any{nil, true, json.Number("5"), json.Number("-0"), json.Number("-1"), json.Number("5.0"), json.Number("-15e-1"),
			json.Number("1e999"), boundedNumber("-1e99999"), "", "x", "run_completed", "run_failed", "webhook_test", "success", "failed", "test",
			"2025-05-29T15:53:15Z", "2025-05-29 15:53:15Z", "6/25/2026, 3:53:15 PM", []any{}, []any{nil, []any{}}, map[string]any{},
			map[string]any{"l": []any{map[string]any{"c": nil}}}}
	}
	changed := []string{"page.run-completed", "page.run-failed", "wild.early-test", "wild.extract-0.0.24-list-holes",
		"wild.failed-with-data", "wild.ui-extract", "wild.ui-scrape"}
	for _, v := range vectors.All() {
		if !slices.Contains(changed, v.Name) {
			continue
		}
		payload, _, _ := parse(v.Payload)
		descend(payload, func(value any, replace func(any)) {
			for _, other := range others() {
				replace(other)
				compareToJudge(t, payload)
			}
			replace(value)
			object, ok := value.(map[string]any)
			if !ok {
				return
			}
			for name := range maps.Clone(object) {
				was := object[name]
				delete(object, name)
				compareToJudge(t, payload)
				object[name] = was
			}
			for name := range names {
				if _, ok := object[name]; !ok {
					object[name] = "x"
					compareToJudge(t, payload)
					delete(object, name)
				}
			}
		})
	}
}

// TestJudgeIsAsked: a rule that only the judge knows holds all the same.
func TestJudgeIsAsked(t *testing.T) {
	compiler := judge.NewCompiler()
	compiler.RegisterExtension("runhooks", nil, annotationCompiler{})
	for _, tt := range []struct{ schema, good, bad string }{
		{`{"type": "string", "maxLength": 2}`, `"ab"`, `"abc"`},
		{`{"type": "string", "minLength": 2}`, `"ab"`, `"a"`},
		{`{"oneOf": [{"type": "string"}, {"type": "string", "minLength": 1}]}`, `""`, `"a"`},
		{`{"allOf": [{"type": "number", "multipleOf": 2}]}`, `4`, `5`},
		{`{"enum": [null, 1]}`, `1`, `2`},
		{`{"properties": {"a": false}}`, `{}`, `{"a": 1}`},
		{`{"required": ["a"], "properties": {"a": {"pattern": "^b"}}}`, `{"a": "b"}`, `{"a": "c"}`},
	} {
		url := fmt.Sprintf("test:///%x", tt.schema)
		if err := compiler.AddResource(url, strings.NewReader(tt.schema)); err != nil {
			t.Fatal(err)
		}
		c := &contract{schemas: make(map[string]*schema)}
		s := c.enroll(compiler.MustCompile(url))
		for text, want := range map[string]bool{tt.good: true, tt.bad: false} {
			value, _, _ := parse([]byte(text))
			e := &examination{contract: c}
			e.judge(s, value)
			var r refusals
			r.count(s, value, 0)
			if s.holds(value) != want || r.any == want || len(e.violations) == 0 != want {
				t.Errorf("%s of %s: holds %v, refused %v, %d findings", tt.schema, text, s.holds(value), r.any, len(e.violations))
			}
		}
	}
}

// FuzzSchemas looks for a payload that is judged in another way than by the
// judge of record.
func FuzzSchemas(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 2_000 {
			f.Add(v.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if payload, findings, _ := parse(data); len(findings) == 0 {
			compareToJudge(t, payload)
		}
	})
}

// compareToJudge holds what is said of the skeleton of a payload by the layers of
// each arm, asking no more than has to be, to what it is if the judge of record
// is asked about all of it.
func compareToJudge(t *testing.T, payload any) {
	t.Helper()
	c := loadContract()
	for _, a := range c.arms {
		for _, s := range []*schema{a.documented, a.observed} {
			whole := &examination{contract: c, arm: a}
			whole.ask(s.Schema, s.shape.skeleton(payload), payload)
			parts := &examination{contract: c, arm: a}
			parts.judge(s, payload)
			got, want := findingsOf(parts.violations), findingsOf(whole.violations)
			if s.holds(payload) != (len(want) == 0) || !slices.Equal(got, want) {
				text, _ := json.Marshal(payload)
				t.Fatalf("%s: accepts: %v; what is wrong (-judge +checker):\n%s\nof\n%s",
					s.Location, s.holds(payload), cmp.Diff(want, got), text)
			}
		}
	}
}

func findingsOf(drafts []draft) []string {
	var all []string
	for _, d := range drafts {
		all = append(all, fmt.Sprintf("%s %q at %q (its name: %t): %s (%s)", d.Code, d.Pointer, d.at, d.name, d.Message, d.Hint))
	}
	slices.Sort(all)
	return all
}

// descend visits v and all values within, and lets each be replaced.
func descend(v any, visit func(v any, replace func(any))) {
	root := []any{v}
	var within func(v any, replace func(any))
	within = func(v any, replace func(any)) {
		visit(v, replace)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range sortedKeys(v) {
				within(v[name], func(other any) { v[name] = other })
			}
		case []any:
			for i := range v {
				within(v[i], func(other any) { v[i] = other })
			}
		}
	}
	within(v, func(other any) { root[0] = other })
}
