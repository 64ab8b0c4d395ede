// Package openapi_test holds the OpenAPI documents, the source and what is
// bundled from it, to OpenAPI 3.1 and to the schemas.
package openapi_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	schemav5 "github.com/santhosh-tekuri/jsonschema/v5"
	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/runhooks/runhooks/jsonschema"
)

var documents = []string{"webhooks.yaml", "dist/webhooks.yaml", "dist/webhooks.json"}

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
	for _, name := range documents {
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
	for _, name := range documents {
		loader := openapi3.NewLoader()
		loader.IsExternalRefsAllowed = true // files: the documents hold no other
		doc, err := loader.LoadFromFile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !doc.IsOpenAPI31OrLater() {
			t.Errorf("%s: is %s; want 3.1", name, doc.OpenAPI)
		}
		// Examples are validated by default, and as JSON Schema 2020-12.
		err = doc.Validate(loader.Context, openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := slices.Sorted(maps.Keys(doc.Webhooks)); !slices.Equal(got, []string{"run_completed", "run_failed"}) {
			t.Errorf("%s: webhooks %q", name, got)
		}
	}
}

func TestFormsAgree(t *testing.T) {
	if diff := cmp.Diff(read(t, "dist/webhooks.yaml"), read(t, "dist/webhooks.json")); diff != "" {
		t.Errorf("dist/webhooks: YAML and JSON differ (-YAML +JSON):\n%s", diff)
	}
}

// The examples are the two samples of the page that documents the events.
func TestSamples(t *testing.T) {
	union := read(t, "../jsonschema/v1/run-event.json")
	samples := at(t, union, "examples").([]any)
	for _, name := range documents {
		doc := read(t, name)
		for i, keys := range [][]string{{"run_completed", "completed"}, {"run_failed", "failed"}} {
			got := at(t, doc, "webhooks", keys[0], "post", "requestBody", "content", "application/json", "examples", keys[1], "value")
			if diff := cmp.Diff(samples[i], got); diff != "" {
				t.Errorf("%s: the example of %s is not the page's (-page +example):\n%s", name, keys[0], diff)
			}
		}
	}
}

// Each component is a schema that compiles, has examples of itself, and says
// what its source says.
func TestComponents(t *testing.T) {
	const url = "https://example.com/webhooks.json"
	data, err := os.ReadFile("dist/webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	c := schemav5.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(url, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	compile := func(name string) *schemav5.Schema {
		schema, err := c.Compile(url + "#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("%s: %#v", name, err)
		}
		return schema
	}
	for name, component := range at(t, read(t, "dist/webhooks.json"), "components", "schemas").(map[string]any) {
		schema := compile(name)
		for i, example := range at(t, component, "examples").([]any) {
			if err := schema.Validate(example); err != nil {
				t.Errorf("%s/examples/%d: %#v", name, i, err)
			}
		}
	}

	files, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	union := compile("RunEvent")
	source := schemav5.NewCompiler()
	source.AssertFormat = true
	for _, file := range files {
		data, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := source.AddResource(jsonschema.Base+file, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	judge, err := source.Compile(jsonschema.Base + "v1/run-event.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for i, example := range at(t, read(t, "../jsonschema/"+file), "examples").([]any) {
			got, want := union.Validate(example) == nil, judge.Validate(example) == nil
			if got != want || want != (file[:2] == "v1") {
				t.Errorf("%s, example %d: the bundle says %t, the schema %t", file, i, got, want)
			}
		}
	}
}
