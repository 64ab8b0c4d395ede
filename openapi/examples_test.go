package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// exampleFiles are the documents whose examples are looked at. The YAML beside each has
// the same (TestFormsAgree), and so have the sources (bundle's TestDistIsCurrent).
var exampleFiles = []string{"dist/webhooks.json", "dist/receiver.json", "dist/receiver-3.0.json", "dist/service.json"}

// An example is one of a document, with JSON pointers to it and to its schema.
type example struct {
	pointer, schema string
	value           any
}

// pointerTo gives the pointer to what has the given names below pointer.
func pointerTo(pointer string, names ...string) string {
	for _, name := range names {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	return pointer
}

// examplesBelow gives the examples of what stands at pointer: those of media types,
// parameters and headers, and with the schemas, those of schemas.
func examplesBelow(pointer string, value any, schemas bool) []example {
	var all []example
	switch value := value.(type) {
	case []any:
		for i, element := range value {
			all = append(all, examplesBelow(fmt.Sprintf("%s/%d", pointer, i), element, schemas)...)
		}
	case map[string]any:
		schema := pointer
		if _, ok := value["schema"]; ok {
			schema += "/schema"
		}
		if one, ok := value["example"]; ok {
			all = append(all, example{pointer + "/example", schema, one})
		}
		switch examples := value["examples"].(type) {
		case []any: // of a schema
			for i, one := range examples {
				all = append(all, example{fmt.Sprintf("%s/examples/%d", pointer, i), schema, one})
			}
		case map[string]any:
			for name, one := range examples {
				all = append(all, example{pointerTo(pointer, "examples", name), schema, one.(map[string]any)["value"]})
			}
		}
		for key, part := range value {
			switch key {
			case "example", "examples", "const", "default", "enum":
			case "schema", "schemas":
				if schemas {
					all = append(all, examplesBelow(pointerTo(pointer, key), part, schemas)...)
				}
			default:
				all = append(all, examplesBelow(pointerTo(pointer, key), part, schemas)...)
			}
		}
	}
	return all
}

// Every example conforms to its schema, and events do so by the project's own judge, too.
func TestExamplesConform(t *testing.T) {
	for _, file := range exampleFiles {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := schemav6.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		compiler := schemav6.NewCompiler()
		compiler.DefaultDraft(schemav6.Draft2020)
		compiler.AssertFormat()
		compiler.UseLoader(schemav6.SchemeURLLoader{})
		base := "https://example.com/" + file
		if err := compiler.AddResource(base, doc); err != nil {
			t.Fatal(err)
		}
		examples := examplesBelow("", doc, true)
		events := 0
		for _, e := range examples {
			schema, err := compiler.Compile(base + "#" + strings.ReplaceAll(url.PathEscape(e.schema), "%2F", "/"))
			if err != nil {
				t.Errorf("%s: %s: %v", file, e.schema, err)
				continue
			}
			if err := schema.Validate(e.value); err != nil {
				t.Errorf("%s: %s: %v", file, e.pointer, err)
			}
			object, _ := e.value.(map[string]any)
			if kind := object["event_type"]; (kind == "run_completed" || kind == "run_failed") && object["webhook_id"] != nil {
				events++
				payload, err := json.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				if report := conformance.Check(payload); report.Verdict != conformance.Conforms {
					t.Errorf("%s: %s: %s %v", file, e.pointer, report.Verdict, report.Findings)
				}
			}
		}
		if len(examples) < 30 || events < 4 && file != "dist/service.json" {
			t.Errorf("%s: saw only %d examples, %d of them events", file, len(examples), events)
		}
	}
}

// Every problem is shown with an example of its own, which has the status of the response
// that it stands in, and the title of that status. The example of an event stands where
// that event is sent.
func TestExamplesFitTheirPlace(t *testing.T) {
	for _, file := range exampleFiles {
		root := read(t, file).(map[string]any)
		problems, events := 0, 0
		for _, kind := range []string{"paths", "webhooks"} {
			items, _ := root[kind].(map[string]any)
			for name, item := range items {
				for method, operation := range item.(map[string]any) {
					operation, ok := operation.(map[string]any)
					if !ok {
						continue // the parameters of all methods
					}
					place := strings.Join([]string{file, kind, name, method}, " ")
					for _, e := range examplesBelow("", operation["requestBody"], false) {
						if kind != "webhooks" {
							continue
						}
						events++
						if got := at(t, e.value, "event_type"); got != name {
							t.Errorf("%s: %s is an example of %s", place, e.pointer, got)
						}
					}
					for status, response := range operation["responses"].(map[string]any) {
						if target, ok := response.(map[string]any)["$ref"].(string); ok {
							response = at(t, root, strings.Split(target, "/")[1:]...)
						}
						content, _ := response.(map[string]any)["content"].(map[string]any)
						problem, ok := content["application/problem+json"]
						if !ok {
							continue
						}
						examples := examplesBelow("", problem, false)
						if len(examples) == 0 {
							t.Errorf("%s: the response %s has no example", place, status)
						}
						for _, e := range examples {
							problems++
							if problem := misplaced(e.value, status); problem != "" {
								t.Errorf("%s: the response %s: %s %s", place, status, e.pointer, problem)
							}
						}
					}
				}
			}
		}
		if problems < 5 || events == 0 && file == "dist/webhooks.json" {
			t.Errorf("%s: saw only %d examples of problems, and %d of events", file, problems, events)
		}
	}
}

// misplaced says what is wrong with a problem that is an example of a response with the
// given status, which may be a range; "" if nothing is.
func misplaced(problem any, status string) string {
	object := problem.(map[string]any)
	code := int(object["status"].(float64))
	if got := fmt.Sprint(code); got != status && got[:1]+"XX" != status || code < 400 {
		return "has status " + got
	}
	// RFC 9110 has newer names of these than package http.
	title := map[int]string{413: "Content Too Large", 422: "Unprocessable Content"}[code]
	if title == "" {
		title = http.StatusText(code)
	}
	// RFC 9457, section 4.2.1: a problem of no type of its own has the name of its status.
	if object["type"] != "about:blank" || object["title"] != title {
		return fmt.Sprintf("is of type %v, called %q; want about:blank, %q", object["type"], object["title"], title)
	}
	return ""
}

// misplaced tells a problem that is where it doesn't belong.
func TestMisplaced(t *testing.T) {
	problem := func(status float64, title string) any {
		return map[string]any{"type": "about:blank", "title": title, "status": status}
	}
	for _, status := range []string{"422", "4XX"} {
		if got := misplaced(problem(422, "Unprocessable Content"), status); got != "" {
			t.Errorf("422 in %s: %s", status, got)
		}
	}
	for _, status := range []string{"410", "5XX"} {
		if misplaced(problem(422, "Unprocessable Content"), status) == "" {
			t.Errorf("422 fits %s", status)
		}
	}
	if misplaced(problem(410, "Unprocessable Content"), "410") == "" {
		t.Error("410 is called Unprocessable Content")
	}
}
