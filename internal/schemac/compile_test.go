package schemac_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/schemac"
	"github.com/runhooks/runhooks/jsonschema"
)

func compile(schema string) (map[string][]byte, error) {
	docs := []schemac.Document{{Path: "a.json", URI: "https://example.com/a.json", Data: []byte(schema), Func: "A"}}
	return schemac.Compile(docs, schemac.Options{Package: "p", AssertFormat: true})
}

// What can't be compiled is an error that says where, and for which keyword.
func TestErrors(t *testing.T) {
	tests := []struct{ name, schema, where, keyword string }{
		{"unevaluated", `{"properties": {"a": {"unevaluatedProperties": false}}}`, "a.json#/properties/a", "unevaluatedProperties"},
		{"dynamic", `{"items": {"$dynamicRef": "#node"}}`, "a.json#/items", "$dynamicRef"},
		{"format", `{"anyOf": [{"format": "email"}]}`, "a.json#/anyOf/0", "format"},
		{"reference", `{"not": {"$ref": "b.json"}}`, "a.json#/not", "$ref"},
		{"circle", `{"allOf": [{"$ref": "#"}]}`, "a.json#", "$ref"},
		{"dialect", `{"$schema": "http://json-schema.org/draft-07/schema#"}`, "a.json#", "$schema"},
		{"value", `{"minLength": "1"}`, "a.json#", "minLength"},
		{"pattern", `{"pattern": "(?=a)"}`, "a.json#", "pattern"},
		{"no schema has it", `{"items": {"uniqueItems": true}}`, "a.json#/items", "uniqueItems"},
		{"array", `{"enum": ["a", []]}`, "a.json#", "enum"},
		{"schema", `{"items": [true]}`, "a.json#/items", "schema"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := compile(test.schema)
			var e *schemac.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an Error", err)
			}
			// A circle may be found from any schema that is in it.
			if e.Keyword != test.keyword || !strings.HasPrefix(e.Schema, test.where) {
				t.Errorf("got %v, want %s: %s", err, test.where, test.keyword)
			}
		})
	}
}

// Annotations, and keywords that JSON Schema doesn't know, assert nothing.
func TestAnnotations(t *testing.T) {
	files, err := compile(`{"title": "T", "x-unit": "rows", "discriminator": {"propertyName": "a"}, "examples": [1]}`)
	if err != nil {
		t.Fatal(err)
	}
	if code := string(files["a.gen.go"]); !strings.Contains(code, "value(b,") {
		t.Errorf("not any value is accepted:\n%s", code)
	}
}

// Where the compiler is strict, what it doesn't know is an error; otherwise it
// asserts nothing. What it knows is none, whether or not it asserts something.
func TestStrict(t *testing.T) {
	for _, tt := range []struct{ name, schema, where, keyword string }{
		{"a misspelt keyword", `{"properties": {"a": {"maxlength": 1}}}`, "a.json#/properties/a", "maxlength"},
		{"an annotation", `{"anyOf": [{"x-colour": "red"}]}`, "a.json#/anyOf/0", "x-colour"},
		{"what only OpenAPI has", `{"discriminator": {"propertyName": "a"}}`, "a.json#", "discriminator"},
		{"what it knows", `{"$id": "https://example.com/a.json", "$comment": "c", "title": "T", "x-unit": "rows", "x-dialect": {"code": "a.b"},
			"format": "date-time", "maxLength": 30, "$defs": {"d": {"x-unused": 1}}}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			docs := []schemac.Document{{Path: "a.json", URI: "https://example.com/a.json", Data: []byte(tt.schema), Func: "A"}}
			_, err := schemac.Compile(docs, schemac.Options{Package: "p", AssertFormat: true, Strict: true})
			if _, err := compile(tt.schema); err != nil {
				t.Errorf("not strict: %v", err)
			}
			if tt.where == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *schemac.Error
			if !errors.As(err, &e) || e.Keyword != tt.keyword || e.Schema != tt.where {
				t.Errorf("got %v, want %s: %s", err, tt.where, tt.keyword)
			}
		})
	}
}

// Compiling twice gives the same bytes.
func TestCompileIsDeterministic(t *testing.T) {
	var docs []schemac.Document
	paths, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		data, err := fs.ReadFile(jsonschema.FS, p)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, schemac.Document{Path: p, URI: jsonschema.Base + p, Data: data, Func: strings.NewReplacer("/", "", "-", "", ".json", "").Replace("F" + p)})
	}
	options := schemac.Options{Package: "p", AssertFormat: true}
	first, err := schemac.Compile(docs, options)
	if err != nil {
		t.Fatal(err)
	}
	second, err := schemac.Compile(docs, options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}
