package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	schemav5 "github.com/santhosh-tekuri/jsonschema/v5"
	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/vectors"
)

// A schema is one that dist holds, at a pointer into a file.
type schema struct{ file, pointer string }

func (s schema) String() string { return s.file + "#" + s.pointer }

// judges compile a schema with each validator, as functions that say whether a
// value is accepted. Both check a schema against its meta-schema first, and
// nothing is fetched: each file has to be complete in itself.
func judges(t *testing.T, of schema) map[string]func(value any) bool {
	t.Helper()
	const base = "https://example.com/"
	data, err := os.ReadFile(of.file)
	if err != nil {
		t.Fatal(err)
	}
	v5 := schemav5.NewCompiler()
	v5.AssertFormat = true
	v5.LoadURL = func(url string) (io.ReadCloser, error) { return nil, fmt.Errorf("%s is another file", url) }
	if err := v5.AddResource(base+of.file, bytes.NewReader(data)); err != nil {
		t.Fatalf("%s: %v", of.file, err)
	}
	judge5, err := v5.Compile(base + of.String())
	if err != nil {
		t.Fatalf("v5: %#v", err)
	}

	doc, err := schemav6.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", of.file, err)
	}
	v6 := schemav6.NewCompiler()
	v6.AssertFormat()
	v6.UseLoader(schemav6.SchemeURLLoader{})
	if err := v6.AddResource(base+of.file, doc); err != nil {
		t.Fatalf("%s: %v", of.file, err)
	}
	judge6, err := v6.Compile(base + of.String())
	if err != nil {
		t.Fatalf("v6: %v", err)
	}
	return map[string]func(any) bool{
		"v5": func(value any) bool { return judge5.Validate(value) == nil },
		"v6": func(value any) bool { return judge6.Validate(value) == nil },
	}
}

// A vector is a payload that validators have something to say of: strict JSON,
// with numbers that v5 can compute with.
type vector struct {
	name                 string
	payload              []byte
	value                any
	eventType            string
	documented, observed bool // whether the layer accepts it
}

// strictVectors gives those of the vectors.
func strictVectors(t *testing.T) []vector {
	t.Helper()
	var all []vector
	for _, v := range vectors.All() {
		if !judgetest.Strict(v.Payload) {
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(v.Payload))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if isHuge(value) {
			continue
		}
		object, _ := value.(map[string]any)
		eventType, _ := object["event_type"].(string)
		all = append(all, vector{v.Name, v.Payload, value, eventType, v.Verdict == "conforms", v.Verdict != "invalid"})
	}
	if len(all) < 300 {
		t.Fatalf("saw only %d vectors", len(all))
	}
	return all
}

// isHuge reports whether v5 would break on a number in value, as it does where
// the exponent has many digits.
func isHuge(value any) bool {
	switch v := value.(type) {
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		return len(exponent) > 5
	case map[string]any:
		for _, member := range v {
			if isHuge(member) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, isHuge)
	}
	return false
}

// Every schema of dist gives the verdict that the vectors demand of the schema
// that it is made from: but for OpenAPI 3.0, of which TestAcceptsMore tells.
func TestVerdicts(t *testing.T) {
	isCompleted := func(v vector) bool { return v.eventType == "run_completed" }
	isFailed := func(v vector) bool { return v.eventType == "run_failed" }
	// The observed schema of run_completed also takes the test event.
	isCompletedOrTest := func(v vector) bool { return isCompleted(v) || v.eventType == "webhook_test" }
	documented := func(v vector) bool { return v.documented }
	observed := func(v vector) bool { return v.observed }
	both := func(a, b func(vector) bool) func(vector) bool {
		return func(v vector) bool { return a(v) && b(v) }
	}

	want := map[schema]func(vector) bool{}
	for _, file := range []string{"dist/webhooks.json", "dist/receiver.json"} {
		want[schema{file, "/components/schemas/RunEvent"}] = documented
		want[schema{file, "/components/schemas/RunCompleted"}] = both(documented, isCompleted)
		want[schema{file, "/components/schemas/RunFailed"}] = both(documented, isFailed)
	}
	for _, draft := range []string{"2020-12", "draft-07"} {
		dir := "dist/json-schema-" + draft + "/"
		want[schema{dir + "run-event.json", ""}] = documented
		want[schema{dir + "run-completed.json", ""}] = both(documented, isCompleted)
		want[schema{dir + "run-failed.json", ""}] = both(documented, isFailed)
		want[schema{dir + "observed-run-event.json", ""}] = observed
		want[schema{dir + "observed-run-completed.json", ""}] = both(observed, isCompletedOrTest)
		want[schema{dir + "observed-run-failed.json", ""}] = both(observed, isFailed)
	}

	all := strictVectors(t)
	for of, want := range want {
		t.Run(of.String(), func(t *testing.T) {
			accepted := 0
			for name, accepts := range judges(t, of) {
				for _, v := range all {
					got := accepts(v.value)
					if got != want(v) {
						t.Errorf("%s: accepts %s: %t, want %t", name, v.name, got, want(v))
					}
					if got {
						accepted++
					}
				}
			}
			if accepted == 0 || accepted == 2*len(all) {
				t.Errorf("%d of %d verdicts are yes", accepted, 2*len(all))
			}
		})
	}
}

// The canonical schemas of dist accept the canonical form of each vector, and no payload.
func TestCanonicalForms(t *testing.T) {
	for _, draft := range []string{"2020-12", "draft-07"} {
		of := schema{"dist/json-schema-" + draft + "/canonical-run-event.json", ""}
		for name, accepts := range judges(t, of) {
			forms := 0
			for _, v := range vectors.All() {
				if v.Canonical == nil {
					continue
				}
				for _, text := range [][]byte{v.Payload, v.Canonical} {
					decoder := json.NewDecoder(bytes.NewReader(text))
					decoder.UseNumber()
					var value any
					if err := decoder.Decode(&value); err != nil {
						t.Fatalf("%s: %v", v.Name, err)
					}
					if isHuge(value) {
						continue
					}
					_, payload := value.(map[string]any)["event_type"]
					if got := accepts(value); got == payload {
						t.Errorf("%s: %s accepts %s: %t, want %t", of, name, v.Name, got, !payload)
					}
					forms++
				}
			}
			if forms < 600 {
				t.Errorf("%s: saw only %d payloads and forms", of, forms)
			}
		}
	}
}

// The OpenAPI 3.0 document accepts all that conforms, and of the other vectors
// only those listed here.
func TestAcceptsMore(t *testing.T) {
	const statusRule = "3.0 has no if, then and else, so what status demands is only said in words"
	accepted := map[string]string{
		"dialect.failed-with-data":                   statusRule,
		"rule.status-failed-with-data-and-no-error":  statusRule,
		"rule.status-failed-without-error":           statusRule,
		"rule.status-success-with-error-and-no-data": statusRule,
		"rule.status-success-without-data":           statusRule,
		"rule.status-test-with-error":                statusRule,
		"schema.not-allowed":                         statusRule,
	}
	// kin-openapi as a validator, with formats: the contract's judge is
	// jsonschema/v5, and here the two differ in themselves.
	const (
		kinTime   = "the pattern by which kin-openapi checks date-time says so"
		kinNumber = "kin-openapi computes with float64"
		kinInt64  = "kin-openapi takes format: int64 for a bound, and the contract sets none"
	)
	kinDiffers := map[string]string{
		"number.1e400":                       kinNumber,
		"number.30-digits":                   kinInt64,
		"number.counts-beyond-double":        kinInt64,
		"number.counts-beyond-double-differ": kinInt64,
		"number.user-id-30-digits":           kinInt64,
		"number.1e-400":                      kinNumber,
		"number.almost-one":                  kinNumber,
		"number.minus-1e-400":                kinNumber,
		"time.leap-second-local":             kinTime,
		"time.leap-second-noon":              kinTime,
		"time.lower-case-t":                  kinTime,
		"time.lower-case-z":                  kinTime,
		"time.run-times-at-a-leap-second":    kinTime,
	}

	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile("dist/receiver-3.0.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kin := doc.Components.Schemas["RunEvent"].Value
	union := judges(t, schema{"dist/receiver-3.0.json", "/components/schemas/RunEvent"})

	got := map[string][]string{"v5": nil, "v6": nil, "kin": nil}
	seen := map[string]bool{}
	for _, v := range strictVectors(t) {
		tell := func(name string, accepts bool) {
			switch {
			case accepts == v.documented && (name != "kin" || kinDiffers[v.name] == ""):
			case accepts != v.documented && name == "kin" && kinDiffers[v.name] != "":
				seen[v.name] = true
			case accepts && accepted[v.name] != "":
				seen[v.name] = true
			default:
				got[name] = append(got[name], fmt.Sprintf("accepts %s: %t", v.name, accepts))
			}
		}
		tell("v5", union["v5"](v.value))
		tell("v6", union["v6"](v.value))
		var plain any // kin-openapi knows no json.Number
		err := json.Unmarshal(v.payload, &plain)
		tell("kin", err == nil && kin.VisitJSON(plain, openapi3.EnableFormatValidation()) == nil)
	}
	if diff := cmp.Diff(map[string][]string{"v5": nil, "v6": nil, "kin": nil}, got); diff != "" {
		t.Errorf("verdicts that are not explained:\n%s", diff)
	}
	for _, table := range []map[string]string{accepted, kinDiffers} {
		for name := range table {
			if !seen[name] {
				t.Errorf("%s is in the table, and has its verdict", name)
			}
		}
	}
}

// Every schema has examples of itself, but for problems, which responses have.
func TestComponents(t *testing.T) {
	examples := 0
	check := func(of schema, value any, list []any) {
		for name, accepts := range judges(t, of) {
			for i, example := range list {
				examples++
				if !accepts(example) {
					t.Errorf("%s: %s refuses example %d", of, name, i)
				}
			}
		}
		if len(list) == 0 {
			t.Errorf("%s: there is no example in %v", of, value)
		}
	}
	for _, file := range []string{"dist/webhooks.json", "dist/receiver.json", "dist/receiver-3.0.json"} {
		for name, component := range at(t, read(t, file), "components", "schemas").(map[string]any) {
			if name == "Problem" {
				continue // each response has its own examples, which TestExamples judges
			}
			list, _ := component.(map[string]any)["examples"].([]any)
			if example, ok := component.(map[string]any)["example"]; ok {
				list = []any{example}
			}
			check(schema{file, "/components/schemas/" + name}, component, list)
		}
	}
	for _, draft := range []struct{ name, defs string }{{"2020-12", "$defs"}, {"draft-07", "definitions"}} {
		for _, name := range []string{"run-event", "observed-run-event", "canonical-run-event"} {
			file := "dist/json-schema-" + draft.name + "/" + name + ".json"
			doc := read(t, file)
			check(schema{file, ""}, doc, at(t, doc, "examples").([]any))
			for title, def := range at(t, doc, draft.defs).(map[string]any) {
				check(schema{file, "/" + draft.defs + "/" + title}, def, at(t, def, "examples").([]any))
				if got := at(t, def, "title"); got != title {
					t.Errorf("%s: %s is called %s", file, title, got)
				}
			}
		}
	}
	if examples < 100 {
		t.Errorf("saw only %d examples", examples)
	}
}
