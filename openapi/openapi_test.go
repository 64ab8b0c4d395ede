// Package openapi_test holds the OpenAPI documents and the JSON Schemas of dist,
// and the source of the former, to their specifications and to the contract.
package openapi_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	schemav5 "github.com/santhosh-tekuri/jsonschema/v5"
	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// documents are the OpenAPI documents, with the version of each.
var documents = map[string]string{
	"webhooks.yaml":          "3.1",
	"dist/webhooks.yaml":     "3.1",
	"dist/webhooks.json":     "3.1",
	"dist/receiver.yaml":     "3.1",
	"dist/receiver.json":     "3.1",
	"dist/receiver-3.0.yaml": "3.0",
	"dist/receiver-3.0.json": "3.0",
}

// read gives a YAML or JSON file as encoding/json would.
func read(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var raw, value any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if data, err = json.Marshal(raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

// at gives what stands below the given keys.
func at(t *testing.T, value any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		object, _ := value.(map[string]any)
		if value = object[key]; value == nil {
			t.Fatalf("nothing is called %q of %q", key, keys)
		}
	}
	return value
}

func TestMetaSchema(t *testing.T) {
	const url = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
	data, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	v5 := schemav5.NewCompiler()
	v5.AssertFormat = true
	if err := v5.AddResource(url, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	judge5, err := v5.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := schemav6.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	v6 := schemav6.NewCompiler()
	v6.AssertFormat()
	if err := v6.AddResource(url, meta); err != nil {
		t.Fatal(err)
	}
	judge6, err := v6.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	for name, version := range documents {
		if version != "3.1" {
			continue
		}
		doc := read(t, name)
		if err := judge5.Validate(doc); err != nil {
			t.Errorf("v5: %s: %#v", name, err)
		}
		if err := judge6.Validate(doc); err != nil {
			t.Errorf("v6: %s: %v", name, err)
		}
	}
	// The judges are awake.
	broken := map[string]any{"openapi": "3.1.1", "info": map[string]any{"title": "x"}, "webhooks": map[string]any{}}
	if judge5.Validate(broken) == nil || judge6.Validate(broken) == nil {
		t.Error("info without version passes")
	}
}

func TestKinOpenAPI(t *testing.T) {
	for name, version := range documents {
		loader := openapi3.NewLoader()
		loader.IsExternalRefsAllowed = true // files: the documents hold no other
		doc, err := loader.LoadFromFile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(doc.OpenAPI, version+".") {
			t.Errorf("%s: is %s; want %s", name, doc.OpenAPI, version)
		}
		// Examples are validated by default; of 3.1, as JSON Schema 2020-12.
		err = doc.Validate(loader.Context, openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := slices.Concat(slices.Sorted(maps.Keys(doc.Webhooks)), slices.Sorted(maps.Keys(doc.Paths.Map())))
		want := []string{"run_completed", "run_failed"}
		if strings.Contains(name, "receiver") {
			want = []string{"/events"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: webhooks and paths (-want +got):\n%s", name, diff)
		}
	}
}

func TestFormsAgree(t *testing.T) {
	files, err := filepath.Glob("dist/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := filepath.Glob("dist/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, schemas...)
	if len(files) != 4+14 {
		t.Errorf("saw %d files: %q", len(files), files)
	}
	for _, file := range files {
		asJSON := strings.TrimSuffix(file, ".yaml") + ".json"
		if diff := cmp.Diff(read(t, file), read(t, asJSON)); diff != "" {
			t.Errorf("%s and the JSON differ (-YAML +JSON):\n%s", file, diff)
		}
	}
}

// The examples are the two samples of the page that documents the events.
func TestSamples(t *testing.T) {
	union := read(t, "../jsonschema/v1/run-event.json")
	samples := at(t, union, "examples").([]any)
	for name := range documents {
		doc := read(t, name)
		for i, of := range []struct{ webhook, example string }{{"run_completed", "completed"}, {"run_failed", "failed"}} {
			operation := []string{"webhooks", of.webhook}
			if strings.Contains(name, "receiver") {
				operation = []string{"paths", "/events"}
			}
			got := at(t, doc, append(operation, "post", "requestBody", "content", "application/json", "examples", of.example, "value")...)
			if diff := cmp.Diff(samples[i], got); diff != "" {
				t.Errorf("%s: the example of %s is not the page's (-page +example):\n%s", name, of.webhook, diff)
			}
		}
	}
}

// RunEvent is the schema of both events, and what only OpenAPI has.
func TestUnionIsTheSchemas(t *testing.T) {
	schema := read(t, "../jsonschema/v1/run-event.json").(map[string]any)
	maps.DeleteFunc(schema, func(key string, _ any) bool { return key[0] == '$' || strings.HasPrefix(key, "x-") })
	for _, branch := range schema["oneOf"].([]any) {
		branch := branch.(map[string]any)
		branch["$ref"] = "../jsonschema/v1/" + branch["$ref"].(string)
	}
	component := at(t, read(t, "webhooks.yaml"), "components", "schemas", "RunEvent").(map[string]any)
	if component["discriminator"] == nil {
		t.Error("RunEvent has no discriminator")
	}
	delete(component, "discriminator")
	if diff := cmp.Diff(schema, component); diff != "" {
		t.Errorf("RunEvent is not run-event.json (-run-event.json +RunEvent):\n%s", diff)
	}
}

// The service's document and its bundle are valid, and so are their examples.
func TestServiceIsValid(t *testing.T) {
	for _, name := range []string{"service.yaml", "dist/service.yaml", "dist/service.json"} {
		loader := openapi3.NewLoader()
		loader.IsExternalRefsAllowed = true
		doc, err := loader.LoadFromFile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := doc.Validate(loader.Context, openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := []string{"delivery_exhausted", "endpoint_disabled", "endpoint_failing", "endpoint_recovered", "event_set_aside"}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(doc.Webhooks))); diff != "" {
			t.Errorf("%s: webhooks (-want +got):\n%s", name, diff)
		}
	}
}
