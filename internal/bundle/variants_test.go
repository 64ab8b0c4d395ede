package bundle_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/bundle"
)

// body is the YAML of a document, without the comment that heads it.
func body(t *testing.T, doc *bundle.Document) string {
	t.Helper()
	text, err := doc.YAML()
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n")
	return body
}

// wantError fails the test unless err says want, after the package's name.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", want)
	}
	if diff := cmp.Diff("bundle: "+want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoadSchema(t *testing.T) {
	fsys := fstest.MapFS{
		"s/u.json": {Data: []byte(`{"$schema": "x", "$id": "https://example.com/u", "title": "U", "oneOf": [{"$ref": "a.json"}, {"$ref": "#"}],
			"x-unit": "rows"}`)},
		"s/a.json": {Data: []byte(`{"title": "A", "properties": {"u": {"$ref": "u.json"}, "b": {"$ref": "#/$defs/B"}, "x-unit": {"type": "string"}},
			"$defs": {"B": {"title": "B", "anyOf": [{"type": "integer"}, {"x-dialect": {"member": "c", "code": "d.e"}, "type": "string"}]}}}`)},
	}
	doc, err := bundle.LoadSchema(fsys, "s/u.json")
	if err != nil {
		t.Fatal(err)
	}
	want := `$schema: https://json-schema.org/draft/2020-12/schema
title: U
oneOf:
  - $ref: '#/$defs/A'
  - $ref: '#'
$defs:
  A:
    title: A
    properties:
      u:
        $ref: '#'
      b:
        $ref: '#/$defs/B'
      x-unit:
        type: string
  B:
    title: B
    anyOf:
      - type: integer
      - $comment: 'x-dialect: d.e, member c'
        type: string
`
	if diff := cmp.Diff(want, body(t, doc)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	_, err = bundle.LoadSchema(fstest.MapFS{"a.json": {Data: []byte(`{}`)}}, "a.json")
	wantError(t, err, `a.json:1: a.json# has no title to name it by; add one`)
	_, err = bundle.LoadSchema(fstest.MapFS{"a.json": {Data: []byte(`{"title": "A", "discriminator": {"propertyName": "t"}}`)}}, "a.json")
	wantError(t, err, `a.json:1: discriminator is not a keyword of JSON Schema; say it in the OpenAPI document`)
}

func TestDraft07(t *testing.T) {
	load := func(schema string) *bundle.Document {
		doc, err := bundle.LoadSchema(fstest.MapFS{"s.json": {Data: []byte(schema)}}, "s.json")
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	doc, err := load(`{"title": "S", "additionalProperties": false, "properties": {
		"prefixItems": {"$ref": "#/$defs/T"},
		"a": {"$ref": "#/$defs/T", "description": "A.", "allOf": [{"minLength": 1}]},
		"b": {"type": ["string", "null"], "const": {"$ref": "#/$defs/T"}, "examples": ["x"]}},
		"if": {"required": ["a"]}, "then": {"not": {"$ref": "#"}}, "$defs": {"T": {"title": "T"}}}`).Draft07()
	if err != nil {
		t.Fatal(err)
	}
	want := `$schema: http://json-schema.org/draft-07/schema#
title: S
additionalProperties: false
properties:
  prefixItems:
    $ref: '#/definitions/T'
  a:
    description: A.
    allOf:
      - $ref: '#/definitions/T'
      - minLength: 1
  b:
    type:
      - string
      - "null"
    const:
      $ref: '#/$defs/T'
    examples:
      - x
if:
  required:
    - a
then:
  not:
    $ref: '#'
definitions:
  T:
    title: T
`
	if diff := cmp.Diff(want, body(t, doc)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(body(t, load(`{"title": "S"}`)), "draft-07") {
		t.Error("the original has changed")
	}

	_, err = load(`{"title": "S", "items": {"dependentRequired": {"a": ["b"]}}}`).Draft07()
	wantError(t, err, `s.json, in draft-07: there is no dependentRequired`)
}

// twoEvents are the webhooks of a document, each with its request body and
// more; and the components.
func twoEvents(a, b, mapping string) string {
	return `paths: {}
webhooks:
  a: {post: {operationId: onA, summary: An A, description: "About A.\n", ` + a + `}}
  b: {post: {operationId: onB, summary: A B, description: "About B.\n", ` + b + `}}
components:
  schemas:
    A: {type: object}
    B: {type: object}
    Union:
      description: Either.
      oneOf: [{$ref: "#/components/schemas/A"}, {$ref: "#/components/schemas/B"}]
      discriminator: {propertyName: t, mapping: {` + mapping + `}}
`
}

// takes is a request body with the schema called name, and an example of it.
func takes(name, example string) string {
	return `requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/` + name +
		`"}, examples: {` + example + `: {value: 1}}}}}, responses: {"200": {description: OK}}`
}

const bothMapped = `a: "#/components/schemas/A", b: "#/components/schemas/B"`

func TestReceiver(t *testing.T) {
	doc, err := bundle.Load(tree(twoEvents(takes("A", "x"), takes("B", "y"), bothMapped), nil), "api/doc.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before := body(t, doc)
	receiver, err := doc.Receiver()
	if err != nil {
		t.Fatal(err)
	}
	want := `openapi: "3.1.1"
paths:
  /events:
    post:
      operationId: receiveUnion
      summary: Receive an event
      description: |
        Either.

        ` + "`a`" + `: An A.
        About A.

        ` + "`b`" + `: A B.
        About B.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              $ref: '#/components/schemas/Union'
            examples:
              x:
                value: 1
              "y":
                value: 1
      responses:
        "200":
          description: OK
components:
`
	got := body(t, receiver)
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, body(t, doc)); diff != "" {
		t.Errorf("the original has changed (-before +after):\n%s", diff)
	}
}

func TestReceiverErrors(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		want string
	}{
		{"no webhooks", "info: {}\n", `there are no webhooks`},
		{"paths", strings.Replace(twoEvents(takes("A", "x"), takes("B", "y"), bothMapped), "paths: {}", "paths: {/: {}}", 1), `has paths of its own`},
		{"no union", twoEvents(takes("A", "x"), takes("B", "y"), `a: "#/components/schemas/A"`),
			`no component has a discriminator that maps the webhooks ["a" "b"]`},
		{"other responses", twoEvents(takes("A", "x"), strings.Replace(takes("B", "y"), "OK", "Fine", 1), bothMapped),
			`webhooks a and b differ in responses; one receiver can't have both`},
		{"something that only one has", twoEvents(takes("A", "x"), takes("B", "y")+", deprecated: true", bothMapped),
			`webhooks a and b differ in deprecated; one receiver can't have both`},
		{"the same name for two examples", twoEvents(takes("A", "x"), takes("B", "x"), bothMapped),
			`webhook b: example x is also one of another webhook`},
		{"no JSON", twoEvents(takes("A", "x"), strings.Replace(takes("B", "y"), "application/json", "text/plain", 1), bothMapped),
			`webhook b: its body is not application/json and nothing else`},
		{"another method", strings.Replace(twoEvents(takes("A", "x"), takes("B", "y"), bothMapped), "b: {post", "b: {put", 1),
			`webhook b: is not one POST and nothing else`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := bundle.Load(tree(tt.doc, nil), "api/doc.yaml")
			if err != nil {
				t.Fatal(err)
			}
			_, err = doc.Receiver()
			wantError(t, err, "api/doc.yaml: "+tt.want)
		})
	}
}

// component is a document of one schema.
func component(schema string) string {
	return "components: {schemas: {A: " + schema + ", B: {type: object}}}\n"
}

// responses is a document of one operation.
func responses(responses string) string {
	return "paths: {/: {post: {responses: {" + responses + "}}}}\n"
}

func TestOpenAPI30(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		want string // the YAML after "openapi"
	}{
		{
			name: "what is no schema",
			doc: `info: {title: T, summary: In short, description: At length, license: {name: MIT, identifier: MIT}, version: 1.0.0}
jsonSchemaDialect: https://json-schema.org/draft/2020-12/schema
paths: {/: {post: {parameters: [{name: h, in: header, schema: {const: a, type: string}}],
  requestBody: {content: {application/json: {schema: {type: string, examples: [a, b]}, examples: {e: {value: {const: 1}}}}}}}}}
`,
			want: `info:
  title: T
  description: |-
    In short.

    At length
  license:
    name: MIT
    url: https://spdx.org/licenses/MIT.html
  version: "1.0.0"
paths:
  /:
    post:
      parameters:
        - name: h
          in: header
          schema:
            enum:
              - a
            type: string
      requestBody:
        content:
          application/json:
            schema:
              type: string
              example: a
            examples:
              e:
                value:
                  const: 1
`,
		},
		{
			name: "null, and what stands beside a $ref",
			doc: component(`{type: [string, "null"], examples: [], not: {const: "", type: string}, x-unit: rows,
  additionalProperties: false, properties: {const: {$ref: "#/components/schemas/B", description: C.}}}`),
			want: `components:
  schemas:
    A:
      type: string
      nullable: true
      not:
        enum:
          - ""
        type: string
      x-unit: rows
      additionalProperties: false
      properties:
        const:
          description: C.
          allOf:
            - $ref: '#/components/schemas/B'
    B:
      type: object
`,
		},
		{
			name: "conditions become words",
			doc:  component(`{description: Either or., if: {required: [a]}, then: {required: [b]}, else: {required: [c]}}`),
			want: `components:
  schemas:
    A:
      description: Either or. OpenAPI 3.0 has no if, then and else, so this schema also accepts what breaks that rule.
    B:
      type: object
`,
		},
		{
			name: "ranges become statuses",
			doc: `paths: {/: {post: {description: "An operation.\n", responses: {
  "2XX": {$ref: "#/components/responses/Taken"}, "202": {description: Later.}, "410": {$ref: "#/components/responses/Gone"},
  "4XX": {$ref: "#/components/responses/Refused"}}}}}
components: {responses: {Taken: {description: Taken.}, Gone: {description: Gone.},
  Refused: {description: Refused., content: {text/plain: {examples: {a: {value: {status: 422}}, b: {value: {status: 401}}, c: {value: {status: 410}}}}}}}}
`,
			want: `paths:
  /:
    post:
      description: |
        An operation.

        A status that is not listed means what the listed ones with the same first digit mean.
      responses:
        "200":
          $ref: '#/components/responses/Taken'
        "204":
          $ref: '#/components/responses/Taken'
        "202":
          description: Later.
        "410":
          $ref: '#/components/responses/Gone'
        "401":
          description: Refused.
          content:
            text/plain:
              examples:
                b:
                  value:
                    status: 401
        "422":
          description: Refused.
          content:
            text/plain:
              examples:
                a:
                  value:
                    status: 422
components:
  responses:
    Taken:
      description: Taken.
    Gone:
      description: Gone.
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := bundle.Load(tree(tt.doc, nil), "api/doc.yaml")
			if err != nil {
				t.Fatal(err)
			}
			older, err := doc.OpenAPI30()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("openapi: \"3.0.3\"\n"+tt.want, body(t, older)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenAPI30Errors(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		want string
	}{
		{"webhooks", "webhooks: {a: {}}\n", `there are no webhooks; make a receiver of them first`},
		{"path items", "components: {pathItems: {a: {}}}\n", `components has no pathItems`},
		{"two licenses", "info: {license: {name: x, identifier: MIT OR Apache-2.0}}\n", `the license "MIT OR Apache-2.0" has no URL`},
		{"two types", component(`{type: [string, integer]}`), `component A: there is one type, not a list; write anyOf`},
		{"only null", component(`{items: {type: "null"}}`), `component A: there is no type null; allow it beside another type`},
		{"a keyword that 3.0 doesn't know", component(`{anyOf: [{patternProperties: {}}]}`), `component A: there is no patternProperties`},
		{"const and enum", component(`{const: a, enum: [a]}`), `component A: const beside enum; one says it all`},
		{"a boolean", component(`{properties: {a: true}}`), `component A: a schema can't be true; write {} or not`},
		{"a range of nothing", responses(`"4XX": {$ref: "#/components/parameters/P"}`) + "components: {parameters: {P: {name: p}}}\n",
			`#/components/parameters/P is not a response`},
		{"a range without an example", responses(`"4XX": {description: A.}`), `4XX has no example whose status could be listed`},
		{"a condition below not", component(`{not: {items: {if: {}, then: {}}}}`),
			`component A: if below not can't be left out: less would be accepted`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := bundle.Load(tree(tt.doc, nil), "api/doc.yaml")
			if err != nil {
				t.Fatal(err)
			}
			_, err = doc.OpenAPI30()
			wantError(t, err, "api/doc.yaml, as OpenAPI 3.0: "+tt.want)
		})
	}
}
