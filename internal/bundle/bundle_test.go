package bundle_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/bundle"
)

// root is the top of the repository, where the sources are.
const root = "../.."

// tree makes the files of a test: an OpenAPI document, api/doc.yaml, that ends
// in the given lines, and schemas.
func tree(doc string, schemas map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"api/doc.yaml": {Data: []byte("openapi: 3.1.1\n" + doc)}}
	for name, schema := range schemas {
		fsys[name] = &fstest.MapFile{Data: []byte(schema)}
	}
	return fsys
}

// use is a document that refers to each of the given schemas.
func use(refs ...string) string {
	var b strings.Builder
	b.WriteString("webhooks:\n")
	for i, ref := range refs {
		b.WriteString("  w" + string(rune('0'+i)) + ": { schema: { $ref: \"" + ref + "\" } }\n")
	}
	return b.String()
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name    string
		doc     string
		schemas map[string]string
		want    string // the YAML after "openapi"
	}{
		{
			name: "names, refs and order",
			doc:  use("../s/b.json", "../s/a.json"),
			schemas: map[string]string{
				"s/a.json": `{"$schema": "x", "$id": "https://example.com/a", "title": "A", "type": "object"}`,
				"s/b.json": `{"title": "B", "properties": {"z": {"$ref": "#/$defs/Z"}, "a": {"$ref": "a.json"}}, "$defs": {"Z": {"title": "Zed", "items": {"$ref": "#"}}}}`,
			},
			want: `
webhooks:
  w0:
    schema:
      $ref: '#/components/schemas/B'
  w1:
    schema:
      $ref: '#/components/schemas/A'
components:
  schemas:
    B:
      title: B
      properties:
        z:
          $ref: '#/components/schemas/Zed'
        a:
          $ref: '#/components/schemas/A'
    Zed:
      title: Zed
      items:
        $ref: '#/components/schemas/B'
    A:
      title: A
      type: object
`,
		},
		{
			name: "own components keep their names, and may be names of files",
			doc: `components:
  headers: {H: {schema: {type: string}}}
  schemas:
    A: {$ref: ../s/a.json}
    Local: {type: object, properties: {schema: {$ref: "#/components/schemas/A"}}}
`,
			schemas: map[string]string{"s/a.json": `{"title": "A"}`},
			want: `
components:
  headers:
    H:
      schema:
        type: string
  schemas:
    A:
      title: A
    Local:
      type: object
      properties:
        schema:
          $ref: '#/components/schemas/A'
`,
		},
		{
			name: "discriminators refer too",
			doc:  use("../s/u.json"),
			schemas: map[string]string{
				"s/u.json": `{"title": "U", "oneOf": [{"$ref": "a.json"}], "discriminator": {"propertyName": "t", "mapping": {"a": "a.json"}}}`,
				"s/a.json": `{"title": "A"}`,
			},
			want: `
webhooks:
  w0:
    schema:
      $ref: '#/components/schemas/U'
components:
  schemas:
    U:
      title: U
      oneOf:
        - $ref: '#/components/schemas/A'
      discriminator:
        propertyName: t
        mapping:
          a: '#/components/schemas/A'
    A:
      title: A
`,
		},
		{
			name: "values are not schemas, and names are not keywords",
			doc:  use("../s/a.json"),
			schemas: map[string]string{
				"s/a.json": `{"title": "A", "x-counts": "b", "x-unit": "rows", "properties": {"$id": {"type": "string"}, "x-counts": true, "examples": {"$ref": "#/$defs/B"}},
					"const": {"$ref": "nowhere", "$id": 1}, "examples": [{"$ref": "nowhere", "x-counts": 1}], "$defs": {"B": {"title": "B"}}}`,
			},
			want: `
webhooks:
  w0:
    schema:
      $ref: '#/components/schemas/A'
components:
  schemas:
    A:
      title: A
      x-unit: rows
      properties:
        $id:
          type: string
        x-counts: true
        examples:
          $ref: '#/components/schemas/B'
      const:
        $ref: nowhere
        $id: 1
      examples:
        - $ref: nowhere
          x-counts: 1
    B:
      title: B
`,
		},
		{
			name: "one name for two equal schemas, even if they recur",
			doc:  use("../s/a.json", "../s/b.json"),
			schemas: map[string]string{
				"s/a.json": `{"title": "A", "items": {"$ref": "#"}}`,
				"s/b.json": `{"title": "A", "items": {"$ref": "#"}}`,
			},
			want: `
webhooks:
  w0:
    schema:
      $ref: '#/components/schemas/A'
  w1:
    schema:
      $ref: '#/components/schemas/A'
components:
  schemas:
    A:
      title: A
      items:
        $ref: '#/components/schemas/A'
`,
		},
		{
			name: "text stays text for readers of YAML 1.1",
			doc:  `info: {a: "yes", b: "1:30", c: "2024-12-15", d: "on", "n": No way, e: "", f: "a\nb", g: 1.50, h: true, i: null, j: "#x"}`,
			want: `
info:
  a: "yes"
  b: "1:30"
  c: "2024-12-15"
  d: "on"
  "n": No way
  e: ""
  f: |-
    a
    b
  g: 1.50
  h: true
  i: null
  j: '#x'
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := bundle.Load(tree(tt.doc, tt.schemas), "api/doc.yaml")
			if err != nil {
				t.Fatal(err)
			}
			got, err := doc.YAML()
			if err != nil {
				t.Fatal(err)
			}
			want := "# Generated from api/doc.yaml by internal/bundle; do not edit.\nopenapi: \"3.1.1\"" + tt.want
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct {
		name    string
		doc     string
		schemas map[string]string
		want    string
	}{
		{"no such file", use("../s/a.json"), nil, `api/doc.yaml:3: open s/a.json: file does not exist`},
		{"no such place", use("../s/a.json#/$defs/B"), map[string]string{"s/a.json": `{}`},
			`api/doc.yaml:3: s/a.json#/$defs/B: there is no such place (nothing is called "$defs")`},
		{"an anchor", use("../s/a.json#b"), map[string]string{"s/a.json": `{}`},
			`api/doc.yaml:3: s/a.json#b: the fragment is not a JSON pointer`},
		{"a URL", use("https://example.com/a.json"), nil,
			`api/doc.yaml:3: "https://example.com/a.json" is not a relative file name; nothing is fetched`},
		{"no title", use("../s/a.json"), map[string]string{"s/a.json": "\n{}"},
			`s/a.json:2: s/a.json# has no title to name it by; add one`},
		{"a title that is no name", use("../s/a.json"), map[string]string{"s/a.json": `{"title": "A B"}`},
			`s/a.json:1: "A B" can't be the name of a component; use letters, digits, '.', '_' and '-'`},
		{"two of one name", use("../s/a.json", "../s/b.json"),
			map[string]string{"s/a.json": `{"title": "A"}`, "s/b.json": `{"title": "A", "type": "object"}`},
			`s/a.json# and s/b.json# are both called A, but differ; change the title of one`},
		{"a component and a file of one name", "components: {schemas: {A: {type: string}}}\n" + use("../s/a.json"),
			map[string]string{"s/a.json": `{"title": "A"}`},
			`s/a.json# and api/doc.yaml#/components/schemas/A are both called A, but differ; change the title of one`},
		{"a component that renames a file", "components: {schemas: {B: {$ref: ../s/a.json}}}\n",
			map[string]string{"s/a.json": `{"title": "A"}`},
			`api/doc.yaml:2: component B refers to a schema called A; give both one name`},
		{"refs in a circle", "components: {schemas: {A: {$ref: '#/components/schemas/B'}, B: {$ref: '#/components/schemas/A'}}}\n", nil,
			`api/doc.yaml:2: api/doc.yaml#/components/schemas/A refers to itself, and to nothing else`},
		{"a ref of something else to a file", "components: {responses: {A: {$ref: a.yaml}}}\n", nil,
			`api/doc.yaml:2: only schemas can be referred to in another file, not "a.yaml"`},
		{"a ref of something else to nothing", "components: {responses: {A: {$ref: '#/components/responses/B'}}}\n", nil,
			`api/doc.yaml:2: api/doc.yaml#/components/responses/B: there is no such place (nothing is called "B")`},
		{"$dynamicRef", use("../s/a.json"), map[string]string{"s/a.json": `{"title": "A", "$dynamicRef": "#a"}`},
			`s/a.json:1: $dynamicRef is not supported; refer to a schema by its pointer`},
		{"a member twice", use("../s/a.json"), map[string]string{"s/a.json": "{\"title\": \"A\",\n\"title\": \"B\"}"},
			`api/doc.yaml:3: s/a.json:2: key "title" is there twice`},
		{"an alias", "info: &a {}\nother: *a\n", nil, `api/doc.yaml:3: alias *a has no form in JSON; write it out`},
		{"a date", "info: {a: 2024-12-15}\n", nil, `api/doc.yaml:2: 2024-12-15, a !!timestamp, has no form in JSON; quote it`},
		{"a number of YAML's", "info: {a: 0x10}\n", nil, `api/doc.yaml:2: 0x10, a !!int, has no form in JSON; quote it`},
		{"a key that is a number", "info: {200: a}\n", nil, `api/doc.yaml:2: key 200 is not a string; quote it`},
		{"not an object", use("../s/a.json"), map[string]string{"s/a.json": `true`}, `api/doc.yaml:3: s/a.json: not an object`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bundle.Load(tree(tt.doc, tt.schemas), "api/doc.yaml")
			if err == nil {
				t.Fatalf("no error; want %s", tt.want)
			}
			if diff := cmp.Diff("bundle: "+tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
