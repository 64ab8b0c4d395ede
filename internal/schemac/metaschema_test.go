package schemac_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/internal/schemac"
)

// v6 returns what jsonschema/v6 says of a document.
func v6(t *testing.T, schema string) (*schemav6.Schema, error) {
	t.Helper()
	v, err := schemav6.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := schemav6.NewCompiler()
	if err := c.AddResource("https://example.com/a.json", v); err != nil {
		t.Fatal(err)
	}
	return c.Compile("https://example.com/a.json")
}

// What jsonschema/v6 refuses is an error that says where, for which keyword, and
// why.
func TestRefused(t *testing.T) {
	tests := []struct{ name, schema, want string }{
		{"no types", `{"type": []}`,
			"a.json#: type: minItems: got 0, want 1; value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'"},
		{"no type", `{"items": {"type": "text"}}`,
			"a.json#/items: type: got string, want array; value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'"},
		{"a type twice", `{"type": ["null", "null"]}`,
			"a.json#: type: items at 0 and 1 are equal; value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'"},
		{"not a boolean", `{"properties": {"a/b": {"uniqueItems": "yes"}}}`, "a.json#/properties/a~1b: uniqueItems: got string, want boolean"},
		{"a name twice", `{"allOf": [true, {"required": ["a", "b", "a"]}]}`, "a.json#/allOf/1: required: items at 0 and 2 are equal"},
		{"not a name", `{"required": ["a", 1]}`, "a.json#: required: got number, want string"},
		{"an anchor as $id", `{"$id": "#foo"}`, "a.json#: $id: '#foo' does not match pattern '^[^#]*#?$'"},
		{"a fragment of an $id", `{"$defs": {"d": {"$id": "b.json#/c"}}}`, "a.json#/$defs/d: $id: 'b.json#/c' does not match pattern '^[^#]*#?$'"},
		{"an anchor", `{"$anchor": "1"}`, "a.json#: $anchor: '1' does not match pattern '^[A-Za-z_][-A-Za-z0-9._]*$'"},
		{"a pattern", `{"properties": {"type": {"pattern": "("}}}`, "a.json#/properties/type: pattern: '(' is not valid regex: error parsing regexp: missing closing ): `(`"},
		{"a pattern of names", `{"patternProperties": {"[": {}}}`, "a.json#: patternProperties: '[' is not valid regex: error parsing regexp: missing closing ]: `[`"},
		{"in a definition that is not used", `{"$defs": {"d": {"pattern": "("}}}`, "a.json#/$defs/d: pattern: '(' is not valid regex: error parsing regexp: missing closing ): `(`"},
		{"where only a reference finds it", `{"$ref": "#/x-d", "x-d": {"maxItems": -1}}`, "a.json#/x-d: maxItems: minimum: got -1, want 0"},
		{"a count", `{"minLength": 1.5}`, "a.json#: minLength: got number, want integer"},
		{"a divisor", `{"multipleOf": 0}`, "a.json#: multipleOf: exclusiveMinimum: got 0, want 0"},
		{"a text", `{"maximum": "1"}`, "a.json#: maximum: got string, want number"},
		{"no values", `{"enum": {}}`, "a.json#: enum: got object, want array"},
		{"no schemas", `{"anyOf": []}`, "a.json#: anyOf: minItems: got 0, want 1"},
		{"not a schema", `{"not": {"prefixItems": [1]}}`, "a.json#/not/prefixItems/0: schema: got number, want boolean or object"},
		{"not a document", `"a"`, "a.json#: schema: got string, want boolean or object"},
		{"not members", `{"properties": []}`, "a.json#: properties: got array, want object"},
		{"not names", `{"dependentRequired": {"a": [1]}}`, "a.json#: dependentRequired: got number, want string"},
		{"not a title", `{"title": 1}`, "a.json#: title: got number, want string"},
		{"several", `{"uniqueItems": 1, "type": 1, "items": {"type": 1}}`,
			"a.json#: type: got number, want array; value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'"},
		{"a reference to nowhere", `{"items": {"$ref": "#/$defs/a"}}`, "a.json#/items: $ref: there is no schema #/$defs/a"},
		{"an $id twice", `{"$defs": {"a": {"$id": "b.json"}, "b": {"$id": "b.json"}}}`, "a.json#/$defs/b: $id: https://example.com/b.json names two schemas"},
		{"an anchor twice", `{"$defs": {"a": {"$anchor": "c"}, "b": {"$anchor": "c"}}}`, "a.json#/$defs/b: $anchor: https://example.com/a.json#c names two schemas"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := v6(t, test.schema); err == nil {
				t.Error("jsonschema/v6 doesn't refuse it")
			}
			if _, err := compile(test.schema); err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// Whatever value a keyword has: what jsonschema/v6 refuses, isn't compiled.
func TestRefusedValues(t *testing.T) {
	keywords := []string{
		"$id", "$schema", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "$defs",
		"prefixItems", "items", "contains", "additionalProperties", "properties", "patternProperties",
		"dependentSchemas", "propertyNames", "if", "then", "else", "allOf", "anyOf", "oneOf", "not",
		"unevaluatedItems", "unevaluatedProperties", "type", "const", "enum", "multipleOf", "maximum",
		"exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems",
		"minItems", "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required",
		"dependentRequired", "title", "description", "default", "deprecated", "readOnly", "writeOnly", "examples",
		"format", "contentEncoding", "contentMediaType", "contentSchema", "definitions", "dependencies",
		"$recursiveAnchor", "$recursiveRef",
	}
	values := []string{
		`null`, `true`, `0`, `-1`, `1.5`, `2.0`, `""`, `"a"`, `"yes"`, `"#foo"`, `"#/a~2"`, `"%"`, `"("`, `"string"`,
		`"https://example.com/b.json"`, `"https://example.com/a.json#"`,
		`[]`, `[1]`, `["a"]`, `["a", "a"]`, `["string"]`, `["string", "string"]`, `[{}]`, `[true, 1]`,
		`{}`, `{"a": 1}`, `{"a": true}`, `{"a": ["b", "b"]}`, `{"(": true}`, `{"type": []}`, `{"a": {"uniqueItems": "yes"}}`,
	}
	refused, accepted := 0, 0
	for _, keyword := range keywords {
		for _, value := range values {
			for _, around := range []string{`{"properties": {"a": {%s%q: %s}}}`, `{"$defs": {"a": {%s%q: %s}}}`} {
				with := ""
				switch keyword {
				case "minContains", "maxContains":
					with = `"contains": true, `
				case "then", "else":
					with = `"if": {"const": 1}, `
				}
				schema := fmt.Sprintf(around, with, keyword, value)
				_, refusal := v6(t, schema)
				if _, err := compile(schema); refusal != nil {
					refused++
					if err == nil {
						t.Errorf("%s is compiled", schema)
					}
				} else if err == nil {
					accepted++
				}
			}
		}
	}
	if refused < 500 || accepted < 500 {
		t.Errorf("%d are refused and %d compiled: too few to tell anything", refused, accepted)
	}
}

// A document that has no function is held to it, too.
func TestRefusedOther(t *testing.T) {
	for _, test := range []struct{ name, b, want string }{
		{"a value", `{"$defs": {"n": {"type": []}}}`, "b.json#/$defs/n: type"},
		{"a dialect", `{"$schema": "https://example.com/dialect", "$defs": {"n": {}}}`, "b.json#: $schema: the compiler knows "},
		{"a reference", `{"items": {"$ref": "c.json"}, "$defs": {"n": {}}}`, `a.json: failing loading "https://example.com/c.json"`},
		{"JSON", `{`, "b.json: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := schemac.Compile([]schemac.Document{
				{Path: "a.json", URI: "https://example.com/a.json", Data: []byte(`{"$ref": "b.json#/$defs/n"}`), Func: "A"},
				{Path: "b.json", URI: "https://example.com/b.json", Data: []byte(test.b)},
			}, schemac.Options{Package: "p", Strict: true})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A format is judged, or refused where formats are asserted.
func TestFormats(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, asserted := range []bool{false, true} {
			for _, format := range []string{"date-time", "email", "colour", ""} {
				schema := fmt.Sprintf(`{"items": {"format": %q}}`, format)
				docs := []schemac.Document{{Path: "a.json", URI: "https://example.com/a.json", Data: []byte(schema), Func: "A"}}
				_, err := schemac.Compile(docs, schemac.Options{Package: "p", AssertFormat: asserted, Strict: strict})
				var e *schemac.Error
				refused := errors.As(err, &e) && e.Keyword == "format" && e.Schema == "a.json#/items"
				if want := asserted && format != "date-time"; refused != want || (err != nil) != want {
					t.Errorf("%q, asserted: %v, strict: %v: got %v", format, asserted, strict, err)
				}
			}
		}
	}
}
