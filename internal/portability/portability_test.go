package portability

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lint gives the rules that a document breaks, each with its place.
func lint(t *testing.T, document string) []string {
	t.Helper()
	report, err := Lint("", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range report.Findings {
		all = append(all, f.Rule+" "+f.Pointer)
	}
	return all
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Each rule has a document that breaks it and no other, and one that doesn't. That
// the tools break on the one, and not on the other, is for interop to see. What is no
// better in the fixed document is said here: titles leave a condition a condition.
func TestRules(t *testing.T) {
	remains := map[string]string{"no-paths": "webhooks-only", "untitled-condition": "condition"}
	seen := map[string]bool{}
	for _, rule := range Rules() {
		if seen[rule.ID] {
			t.Errorf("%s is there twice", rule.ID)
		}
		seen[rule.ID] = true
		if rule.Severity != Error && rule.Severity != Warning || rule.Summary == "" || rule.Instead == "" || len(rule.Breaks) == 0 {
			t.Errorf("%s lacks something: %+v", rule.ID, rule)
		}
		report, err := Lint("", []byte(readFile(t, "testdata/"+rule.ID+".yaml")))
		if err != nil {
			t.Errorf("%s: %v", rule.ID, err)
			continue
		}
		findings := slices.DeleteFunc(report.Findings, func(f Finding) bool { return f.Rule == remains[rule.ID] })
		if len(findings) != 1 || findings[0].Rule != rule.ID || findings[0].Severity != rule.Severity {
			t.Errorf("%s: its document gives %+v", rule.ID, findings)
		}
		fixed := lint(t, readFile(t, "testdata/"+rule.ID+".fixed.yaml"))
		if other, ok := remains[rule.ID]; ok && (len(fixed) != 1 || !strings.HasPrefix(fixed[0], other+" ")) || !ok && len(fixed) > 0 {
			t.Errorf("%s: the fixed document gives %q", rule.ID, fixed)
		}
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2*len(seen) {
		t.Errorf("testdata has %d documents for %d rules", len(files), len(seen))
	}
}

// The versions in the table are those of the go.mod of interop, where the tool is
// there.
func TestVersions(t *testing.T) {
	gomod := readFile(t, "../../interop/go.mod")
	for tool, module := range map[string]string{
		"oapi-codegen": "github.com/oapi-codegen/oapi-codegen/v2",
		"kin-openapi":  "github.com/getkin/kin-openapi",
	} {
		for _, rule := range Rules() {
			for _, b := range rule.Breaks {
				if b.Tool == tool && !strings.Contains(gomod, module+" v"+b.Version+"\n") {
					t.Errorf("%s: the table speaks of %s %s, and interop/go.mod has another; see if it still breaks", rule.ID, tool, b.Version)
				}
			}
		}
	}
}

// Our own documents pass. What is allowed is listed here and nowhere else but in
// make lint. Of conditions, webhooks, ranges of status codes and const, dist also offers
// a document without: receiver-3.0, which lacks them all. That the sources refer to one
// another is allowed since dist is what is given to tools.
func TestOurOwn(t *testing.T) {
	tests := []struct {
		glob    string
		allowed []string
	}{
		{"../../openapi/dist/receiver-3.0.*", nil},
		{"../../openapi/dist/receiver.*", []string{"condition", "status-range", "const-in-union"}},
		{"../../openapi/dist/webhooks.*", []string{"condition", "status-range", "const-in-union", "webhooks-only"}},
		{"../../openapi/dist/service.*", []string{"status-range"}},
		{"../../openapi/dist/*/*.yaml", []string{"condition"}},
		{"../../openapi/dist/*/*.json", []string{"condition"}},
		{"../../jsonschema/*/*.json", []string{"condition", "ref-to-file", "ref-to-defs"}},
		{"../../openapi/*.yaml", []string{"webhooks-only", "ref-to-file", "status-range"}},
	}
	for _, tt := range tests {
		files, err := filepath.Glob(tt.glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", tt.glob, err)
		}
		allowed := map[string]bool{}
		for _, rule := range tt.allowed {
			allowed[rule] = true
		}
		for _, file := range files {
			for _, finding := range lint(t, readFile(t, file)) {
				if rule, _, _ := strings.Cut(finding, " "); !allowed[rule] {
					t.Errorf("%s: %s", file, finding)
				}
			}
		}
	}
}

func TestLint(t *testing.T) {
	tests := []struct {
		name     string
		document string
		want     []string
	}{
		{"a JSON Schema, with tabs and a surrogate pair", "{\n\t\"title\": \"\\ud83d\\ude00\",\n\t\"const\": 1, \"$defs\": {\"a/b\": {\"enum\": [1]}}}",
			[]string{"const-without-type /const", "enum-without-type /$defs/a~1b/enum"}},
		{"names are not keywords", `{"title": "T", "properties": {"const": {}, "enum": {}, "if": {}, "x-go-a": {}, "example": {}, "nullable": {}}}`, nil},
		{"values are not schemas", `{"title": "T", "type": "object", "const": {"const": 1}, "default": {"enum": []}, "examples": [{"const": 1}]}`, nil},
		{"booleans where every tool knows them", `{"title": "T", "additionalProperties": false, "unevaluatedProperties": false}`, nil},
		{"booleans where not", `{"title": "T", "items": false, "properties": {"a": true}, "anyOf": [true], "not": false}`,
			[]string{"boolean-schema /items", "boolean-schema /properties/a", "boolean-schema /anyOf/0", "boolean-schema /not"}},
		{"null beside one type", `{"title": "T", "type": ["string", "null"]}`, nil},
		{"exclusiveMinimum of draft-04", `{"title": "T", "minimum": 0, "exclusiveMinimum": true}`, nil},
		{"titled objects have a name in JSON Schema", `{"title": "T", "properties": {"a": {"title": "A", "properties": {}}, "b": {"properties": {}}}}`,
			[]string{"inline-object /properties/b"}},
		{"a union of a string and a number", "openapi: 3.1.0\ncomponents: {schemas: {A: {oneOf: [{type: string}, {type: integer}]}}}", nil},
		{"const of a member that no discriminator names", `openapi: 3.1.1
components:
  schemas:
    U: {oneOf: [{$ref: "#/components/schemas/A"}, {$ref: "#/components/schemas/B~1b"}, {$ref: "other.yaml#/components/schemas/C"}], discriminator: {propertyName: kind}}
    V: {anyOf: [{$ref: "#/components/schemas/A"}, {type: object}], discriminator: {propertyName: kind}}
    A: {type: object, properties: {kind: {type: string, const: a}, other: {type: string, const: a}}}
    B/b: {type: object, properties: {kind: {type: string, const: b}}}
    C: {type: object, properties: {kind: {type: string, const: c}}}
`, []string{"ref-to-defs /components/schemas/U/oneOf/2/$ref",
			"const-in-union /components/schemas/A/properties/kind/const", "const-in-union /components/schemas/B~1b/properties/kind/const"}},
		{"titles of conditions", `{"title": "T", "allOf": [
			{"if": {}, "then": {}}, {"if": {"title": "a"}, "then": {"title": "b"}},
			{"if": {"title": "a"}, "then": {}, "else": {"description": "b"}}, {"if": {"title": "a"}, "else": {"title": "b"}}]}`,
			[]string{"condition /allOf/0/if", "untitled-condition /allOf/0/if", "condition /allOf/1/if", "untitled-condition /allOf/1/if",
				"condition /allOf/2/if", "untitled-condition /allOf/2/if", "condition /allOf/3/if"}},
		{"ranges of status codes, and what only looks like them", `openapi: 3.0.3
paths: {/a: {post: {operationId: a, responses: {4XX: {}, 5xx: {}, "404": {}, default: {}}}}}
components: {responses: {2XX: {}}, schemas: {A: {properties: {3XX: {}}}}}
`, []string{"status-range /paths/~1a/post/responses/4XX", "status-range /paths/~1a/post/responses/5xx"}},
		{"webhooks without paths, and with none in them", "openapi: 3.1.1\nwebhooks: {a: {}}\n", []string{"no-paths /webhooks", "webhooks-only /webhooks"}},
		{"an empty member webhooks", "openapi: 3.1.1\nwebhooks: {}\n", nil},
		{"what 3.0 lacks", "openapi: 3.0.3\ncomponents: {schemas: {A: {type: [string], nullable: true, example: x, if: {}, $defs: {}}}}",
			[]string{"not-in-3.0 /components/schemas/A/type", "not-in-3.0 /components/schemas/A/if", "not-in-3.0 /components/schemas/A/$defs"}},
		{"schemas anywhere in OpenAPI", `openapi: 3.1.0
paths: {/a: {post: {operationId: a, parameters: [{schema: {const: 1}}], responses: {"200": {headers: {H: {schema: {enum: [1]}}}, content: {a/b: {schema: {type: object, properties: {}}, example: {schema: {const: 1}}}}}},
  callbacks: {c: {x: {put: {responses: {}}}}}, x-go-name: A}}}
`, []string{
			"const-without-type /paths/~1a/post/parameters/0/schema/const",
			"enum-without-type /paths/~1a/post/responses/200/headers/H/schema/enum",
			"inline-object /paths/~1a/post/responses/200/content/a~1b/schema",
			"no-operation-id /paths/~1a/post/callbacks/c/x/put",
			"go-extension /paths/~1a/post/x-go-name",
		}},
		{"aliases", "title: T\nproperties: {a: &a {const: 1}, b: *a}\n",
			[]string{"const-without-type /properties/a/const", "const-without-type /properties/b/const"}},
		{"an alias of an alias, and as a key", "title: T\nproperties: {a: &a {items: &i {const: 1}}, b: {items: *i}, &k c: {}, d: {properties: {*k : {const: 1}}, title: D}}\n",
			[]string{"const-without-type /properties/a/items/const", "const-without-type /properties/b/items/const",
				"const-without-type /properties/d/properties/c/const"}},
		{"merge keys", "title: T\n$defs:\n  A: &a {title: A, const: 1}\n  B: &b {type: string, <<: *a}\n  C: {<<: [*b, {minLength: 1, const: 2}]}\n",
			[]string{"const-without-type /$defs/A/const", "merge-key /$defs/B/<<", "merge-key /$defs/C/<<"}},
		{"a merge key that hides nothing", "title: T\nproperties:\n  a:\n    <<: {type: string}\n    const: x\n", []string{"merge-key /properties/a/<<"}},
		{"a merge key in quotes is a name", "title: T\nproperties: {\"<<\": {const: 1}}\n", []string{"const-without-type /properties/<</const"}},
		{"an alias for a schema of OpenAPI", "openapi: 3.1.1\nx-a: &a {const: 1}\ncomponents: {schemas: {A: *a}}\n", []string{"const-without-type /components/schemas/A/const"}},
		{"a URL is no comment", "{title: T, description: http://example.org//a, $id: https://example.org/, examples: [a//b]}", nil},
		{"a list by an alias", "title: T\nx-types: &t [string, integer]\nproperties: {a: {type: *t}}\n", []string{"type-list /properties/a/type"}},
		{"a boolean by an alias", "title: T\ndefault: &yes true\nnot: *yes\n", []string{"boolean-schema /not"}},

		{"booleans of YAML 1.1", "title: T\nenum: [yes, No, ON, off, \"no\", 'yes', true, y, n, Nein]\ntype: string\nproperties: {on: {}, \"off\": {}}\ndescription: NO\n",
			[]string{"yaml-boolean /enum/0", "yaml-boolean /enum/1", "yaml-boolean /enum/2", "yaml-boolean /enum/3", "yaml-boolean /properties/on", "yaml-boolean /description"}},
		{"numbers", "title: T\ntype: string\nenum: [0123, 0o17, 0b11, 1_000, 12:30, 190:20:30.5, 12e3, 1.5e3, 08, 0, -1, 1.5, 0x1F, 1.5e+3, \"0123\", 12:30 Uhr, 1.2.3, '12:30', 1-2]\n",
			[]string{"yaml-number /enum/0", "yaml-number /enum/1", "yaml-number /enum/2", "yaml-number /enum/3", "yaml-number /enum/4",
				"yaml-number /enum/5", "yaml-number /enum/6", "yaml-number /enum/7", "yaml-number /enum/8"}},
		{"dates", "title: T\nexamples: [2026-11-28, 2026-11-28T10:00:00Z, \"2026-11-28\", 2026-11, 28.11.2026, !!str 2026-11-28]\n",
			[]string{"yaml-date /examples/0", "yaml-date /examples/1"}},
		{"keys", "openapi: 3.0.3\npaths: {/a: {get: {operationId: a, responses: {200: {}, \"201\": {}, 4XX: {}, default: {}}}}}\n" +
			"components: {schemas: {A: {properties: {1: {}, 1.5: {}, true: {}, null: {}, ~: {}, 2026-11-28: {}, ? [a] : {}}}}}\n",
			[]string{"unquoted-key /paths/~1a/get/responses/200", "status-range /paths/~1a/get/responses/4XX", "unquoted-key /components/schemas/A/properties/1", "unquoted-key /components/schemas/A/properties/1.5",
				"unquoted-key /components/schemas/A/properties/true", "unquoted-key /components/schemas/A/properties/null",
				"unquoted-key /components/schemas/A/properties/~0", "yaml-date /components/schemas/A/properties/2026-11-28", "unquoted-key /components/schemas/A/properties/"}},
		{"a key three times", "title: T\na: &a {}\ntitle: U\ntitle: V\ntype: string\n", []string{"duplicate-key /title", "duplicate-key /title"}},
		{"a key twice in JSON: the last counts", `{"title": "T", "const": 1, "type": "object", "type": ["string", "object"]}`, []string{"duplicate-key /type", "type-list /type"}},
		{"JSON has none of the traps of YAML", `{"title": "no", "enum": ["yes", 12e3, "2026-11-28"], "type": "string"}`, nil},
		{"tags", "title: !!str T\nproperties: {a: !include a.yaml, b: !!map {}, c: !<tag:example.org,2026:x> {}, d: !!binary aGk=}\n",
			[]string{"yaml-tag /properties/a", "yaml-tag /properties/c", "yaml-tag /properties/d"}},
		{"null as a type", "title: T\nproperties: {a: {type: null}, b: {type: ~}, c: {type: \"null\"}, d: {type: [null, string]}, e: {enum: [null], type: \"null\"}}\n",
			[]string{"null-type /properties/a/type", "null-type /properties/b/type", "null-type /properties/d/type/0"}},
		{"null as a type in JSON", `{"title": "T", "type": ["string", null]}`, []string{"null-type /type/1"}},
		{"versions as numbers", "openapi: 3.1\ninfo: {title: T, version: 2}\n", []string{"unquoted-version /openapi", "unquoted-version /info/version"}},
		{"versions as numbers, in JSON", `{"openapi": 3.0, "info": {"version": 1.0}, "paths": {}}`, []string{"unquoted-version /openapi", "unquoted-version /info/version"}},
		{"a version that is a date", "openapi: 3.0.3\ninfo: {version: 2026-11-28}\n", []string{"yaml-date /info/version"}},
		{"a directive with two digits", "%YAML 1.10\n---\ntitle: T\n", []string{"yaml-directive "}},
		{"UTF-16", string(utf16le("%YAML 1.1\n---\ntitle: T\nconst: 1\n")), []string{"const-without-type /const"}},
		{"a directive in a text", "title: T\ndescription: |\n  %YAML 1.2\n", nil},
		{"the end of a document is no second one", "---\ntitle: T\n...\n", nil},
		{"a byte order mark before YAML", "\uFEFFtitle: T\nconst: 1\n", []string{"const-without-type /const"}},

		{"OpenAPI 3.2", "openapi: 3.2.0\npaths: {/a: {query: {responses: {}}, additionalOperations: {COPY: {}}, post: {operationId: a, responses: {default: {content: {a/b: {itemSchema: {const: 1}}}}}}}}\n",
			[]string{"openapi-3.2 /openapi", "no-operation-id /paths/~1a/query", "no-operation-id /paths/~1a/additionalOperations/COPY", "const-without-type /paths/~1a/post/responses/default/content/a~1b/itemSchema/const"}},
		{"draft-07", `{"$schema": "http://json-schema.org/draft-07/schema#", "title": "T", "definitions": {"A": {"const": 1}},
			"dependencies": {"a": {"properties": {"b": {"const": 2}}}, "c": ["d"]}, "items": [{"const": 3}], "additionalItems": {"const": 4}}`,
			[]string{"const-without-type /definitions/A/const", "const-without-type /dependencies/a/properties/b/const",
				"const-without-type /items/0/const", "const-without-type /additionalItems/const"}},
		{"draft-04", `{"$schema": "http://json-schema.org/draft-04/schema#", "id": "a", "title": "T", "minimum": 0, "exclusiveMinimum": true}`, nil},
		{"a boolean schema", "true", []string{"boolean-schema "}},
		{"a schema that says nothing", "{}", []string{"untitled "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lint(t, tt.document)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func utf16le(text string) []byte {
	encoded := []byte("\xFF\xFE")
	for _, r := range text {
		encoded = append(encoded, byte(r), 0)
	}
	return encoded
}

// Places are the same in YAML and in JSON: of what is wrong, or of its key, in
// code points.
func TestPlaces(t *testing.T) {
	for name, document := range map[string]string{
		"YAML":      "title: T\nproperties:\n  a: { \"é😀\": 1, const: 2 }\n",
		"alias":     "title: T\nx-a: &a\n  { \"é😀\": 1, const: 2 }\nproperties:\n  a: *a\n",
		"directive": "# c\n%YAML 1.2\n---\ntitle: T\n",
		"merge key": "title: T\nx-a: &a\n  {   const: 2 }\nproperties:\n  a: { \"<<\": 1, <<: *a }\n",
		"JSON":      "{\"title\": \"T\",\n\"properties\":\n  {\"a\" :[], \"b\": {\"é😀\": 1, \"const\": 2}}}",
	} {
		report, err := Lint("", []byte(document))
		findings := slices.DeleteFunc(report.Findings, func(f Finding) bool { return f.Rule == "merge-key" })
		if err != nil || len(findings) != 1 {
			t.Fatalf("%s: %+v, %v", name, report, err)
		}
		want := map[string][2]int{"YAML": {3, 17}, "alias": {3, 14}, "directive": {2, 1}, "merge key": {3, 7}, "JSON": {3, 28}}[name]
		if got := [2]int{findings[0].Line, findings[0].Column}; got != want {
			t.Errorf("%s: at %v, want %v", name, got, want)
		}
	}
}

// What is neither OpenAPI nor JSON Schema is named, with what to do about it.
func TestErrors(t *testing.T) {
	tests := []struct{ name, document, want string }{
		{"", "", "is empty"},
		{"a.json", " \n", "is empty"},
		{"a.yaml", "# only a comment\n", "is empty"},
		{"", "---\n", "is empty"},
		{"a.json", "null", "is empty"},
		{"", "[]", "is a list, neither an OpenAPI document nor a JSON Schema; give each document a file of its own"},
		{"", "- openapi: 3.1.1\n", "is a list, "},
		{"", "Hello", "is text, neither"},
		{"", "42", `is only "42", neither`},
		{"", "a: b: c", "is neither JSON nor YAML: yaml: mapping values are not allowed in this context"},
		{"", "title: A\n--- \ntitle: B\n", "holds several YAML documents, the second in line 3; give each a file of its own"},
		{"", "title: A\n---\n", "holds several YAML documents"},
		{"", "title: A\n---\n{", "is not YAML after its first document: "},
		{"", "{title: A}\n{title: B}\n", "is not YAML after its first document: "},
		{"", "a: &a {b: *a}", "has in line 1 what contains itself by an alias; refer to it by $ref"},
		{"", "title: T\nallOf: &a [{type: string}, *a]", "has in line 2 what contains itself by an alias"},
		{"", "a: &a\n  <<: *a\n", "has in line 1 what contains itself by an alias"},
		{"", "a: 1\n<<: 2\n", "has in line 2 a merge key << of what is not a mapping"},
		{"", "<<: [{}, [x]]\n", "has in line 1 a merge key << of what is not a mapping"},
		{"", "a: *unknown\n", "is neither JSON nor YAML: yaml: unknown anchor 'unknown' referenced"},

		{"a.json", "{\n// c\n\"openapi\": \"3.1.1\"}", "is not strict JSON, in line 2, column 1: a comment, which JSON doesn't have; remove it"},
		{"a.JSON", "/* c */ {}", "is not strict JSON, in line 1, column 1: a comment"},
		{"", "{\"openapi\": \"3.1.1\", // c\n\"components\": {\"schemas\": {\"A\": {\"const\": 1}}}}", "is not strict JSON, in line 1, column 22: a comment, which JSON doesn't have; remove it"},
		{"", "{\"title\": \"T\",\n\"minimum\": 1 // c\n}", "has in line 2 a comment as in JavaScript, which neither JSON nor YAML has; remove it"},
		{"", "{\"title\": \"T\", /* c */ \"const\": 1}", "has in line 1 a comment as in JavaScript"},
		{"", "{title: T, a: b: c}", "is neither JSON nor YAML: yaml: "},
		{"", "// c\n{\"title\": \"T\"}", "is not strict JSON, in line 1, column 1: a comment"},
		{"a.jsonc", "{\"é\": 1, # c\n}", "is not strict JSON, in line 1, column 10: a comment"},
		{"a.json5", "{title: 'T'}", "is not strict JSON, in line 1, column 3: "},
		{"a.json", "title: T\n", "is not JSON; if it is YAML, let its name end in .yaml"},
		{"a.json", `{"title": "T",}`, "is not strict JSON, in line 1, column 14: a comma after which nothing follows; remove it"},
		{"a.json", `{"title": "T"`, "is not strict JSON, in line 1, column 14: it ends too early"},
		{"a.json", `{"title": "T"} {}`, "is not strict JSON, in line 1, column 16: another value follows the first; each needs a file of its own"},
		{"a.json", `{"title": "T"} }`, "is not strict JSON, in line 1, column 16: text follows the value"},
		{"a.json", `{"title": NaN}`, "is not strict JSON, in line 1, column 11: "},
		{"a.json", "\uFEFF{}", "is not strict JSON: it begins with a byte order mark; save it without one"},
		{"a.json", "\xFF\xFE{\x00}\x00", "is not strict JSON: it is UTF-16; save it as UTF-8"},
		{"a.json", "{\"title\": \"\xff\"}", "is not strict JSON: "},

		{"", "swagger: '2.0'", "is Swagger 2.0; convert it to OpenAPI 3 first"},
		{"", "openapi: 4.0.0", `is OpenAPI "4.0.0"; 3.0, 3.1 and 3.2 are known`},
		{"", "openapi: 3.10", `is OpenAPI "3.10"; `},
		{"", "openapi: {{ version }}", "has a member openapi that is not a version, such as 3.1.1"},
		{"", "openapi:\n", `is OpenAPI ""; `},
		{"", "openapi: 3.1.1\ninfo: {}\ncomponent: {schemas: {A: {const: 1}}}", `has the member "component", which OpenAPI doesn't know, and none of paths, `},
		{"", "OpenAPI: 3.1.1\npaths: {}", `has the member "OpenAPI", which is spelled openapi`},
		{"", "openApi: 3.1.1", `has the member "openApi", which is spelled openapi`},
		{"", "open_api: 3.1.1", `has the member "open_api", which is spelled openapi`},
		{"", "opanapi: 3.1.1\ninfo: {}\npaths: {}", "has paths and no member openapi; add the version, such as openapi: 3.1.1"},
		{"", "components: {schemas: {}}", "has components and no member openapi; "},
		{"", "get: {responses: {}}", "has get, like a part of an OpenAPI document, and no member openapi; lint the document into which it is bundled"},
		{"", "name: a\nin: query\nschema: {type: string}", "has in, like a part of an OpenAPI document, "},
		{"", "schemas: {A: {type: object}}", "has schemas, like a part of an OpenAPI document, "},
		{"", "asyncapi: 3.0.0\ninfo: {}\nchannels: {}\ncomponents: {}", "is an AsyncAPI document; "},
		{"", "overlay: 1.0.0\nactions: []", "is an OpenAPI Overlay; apply it, "},
		{"", "arazzo: 1.0.1\nworkflows: []", "is an Arazzo description; "},
		{"", `{"event_type": "run_failed", "data": {}}`, "is an event payload; runhooks check judges payloads"},
		{"", `{"log": {"version": "1.2", "entries": []}}`, "is a log or recording, such as HAR; "},
		{"", `{"info": {"schema": "https://schema.getpostman.com/x"}, "item": []}`, "is a Postman collection; "},
		{"", "apiVersion: v1\nkind: ConfigMap", "is a Kubernetes object; "},
		{"package.json", `{"name": "a", "version": "1.0.0", "type": "module"}`, "is a manifest of a package"},
		{"", `{"$schema": "https://json.schemastore.org/tsconfig", "compilerOptions": {}}`, `is neither an OpenAPI document nor a JSON Schema: it has "$schema", "compilerOptions"; `},
		{"", `{"type": "Feature", "properties": {"a": "b"}, "geometry": {}}`, "is neither an OpenAPI document nor a JSON Schema: "},
		{"", `{"id": 1, "total": 2, "items": [{}], "next": null}`, `is neither an OpenAPI document nor a JSON Schema: it has "id", "total", "items", …; `},
		{"", "Title: T\nType: object\n", "is neither an OpenAPI document nor a JSON Schema: "},
		{"", "A: {type: object}\nB: {type: string}\n", "is a set of schemas, and no schema itself; put them below $defs"},
		{"", strings.Repeat(" ", MaxBytes+1), "has 16777217 bytes; at most 16777216 are read"},
	}
	for _, tt := range tests {
		_, err := Lint(tt.name, []byte(tt.document))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %.40q: error %v, want %s…", tt.name, tt.document, err, tt.want)
		}
	}
}

// JSON Schemas of all sorts are known without $schema.
func TestSchemas(t *testing.T) {
	for _, document := range []string{
		`{"title": "T"}`,
		`{"type": "object"}`,
		`{"type": ["string", "null"], "name": "is no keyword"}`,
		`{"properties": {}}`,
		`{"$ref": "a.json#/definitions/b"}`,
		`{"definitions": {"a": true}, "version": 1}`,
		`{"oneOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {}}}`,
		`{"enum": ["a"], "description": "D"}`,
		`{"const": 1, "x-go-type": "T"}`,
		`{"$schema": "http://json-schema.org/schema#", "name": "N", "version": 1}`,
		`{"$schema": "https://json-schema.org/draft/2020-12/schema"}`,
		`{"$schema": "https://example.org/own-dialect", "type": "string"}`,
		`{"$id": "https://example.org/a", "if": {"required": ["a"]}, "then": false}`,
	} {
		if report, err := Lint("a.json", []byte(document)); err != nil || report.Kind != JSONSchema {
			t.Errorf("%s: %q, %v", document, report.Kind, err)
		}
	}
}

// Aliases make of a small file as many values as they like, but not here.
func TestAliasesAreBounded(t *testing.T) {
	laughs := "title: T\nx-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
	for i := 1; i < 40; i++ {
		laughs += fmt.Sprintf("x-%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	var merges strings.Builder
	merges.WriteString("title: T\nx-a: &a\n")
	for i := range 3000 {
		fmt.Fprintf(&merges, "  k%d: 1\n", i)
	}
	merges.WriteString("x-b:\n" + strings.Repeat("- <<: *a\n", 1000))
	var deep strings.Builder
	deep.WriteString("title: T\nx-0: &a0 {}\n")
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&deep, "x-%d: &a%d %s*a%d%s\n", i, i, strings.Repeat("[", 1000), i-1, strings.Repeat("]", 1000))
	}
	for want, document := range map[string]string{
		"has aliases that stand for more than 1048576 values; ": laughs,
		"has merge keys that add more than 1048576 members; ":   merges.String(),
		"is nested deeper than 10000 levels, in line ":          deep.String(),
	} {
		_, err := Lint("", []byte(document))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s…", err, want)
		}
	}
	// As many as people write are fine, and found each.
	report, err := Lint("", []byte("title: T\nx-a: &a {const: 1}\nanyOf:\n"+strings.Repeat("- *a\n", 5000)))
	if err != nil || len(report.Findings) != 5000 {
		t.Errorf("%d findings, %v", len(report.Findings), err)
	}
}

// However much is wrong, and however deep, what is said of it has bounds.
func TestBounds(t *testing.T) {
	many := `{"title": "T", "allOf": [` + strings.Repeat(`{"const": 1},`, 2*MaxFindings) + `{}]}`
	long := `{"title": "T", "properties": {"` + strings.Repeat("x", MaxBytes/2) + `": {"allOf": [` + strings.Repeat(`{"const": 1},`, 100) + `{}]}}}`
	deep := strings.Repeat(`{"const": 1, "items": `, 9000) + "{}" + strings.Repeat("}", 9000)
	for name, document := range map[string]string{"many": many, "long": long, "deep": deep} {
		report, err := Lint("", []byte(document))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bytes := 0
		for _, f := range report.Findings {
			bytes += len(f.Pointer)
		}
		if !report.Truncated || len(report.Findings) == 0 || len(report.Findings) > MaxFindings || bytes > 2*MaxBytes {
			t.Errorf("%s: %d findings with %d bytes of pointers, truncated: %t", name, len(report.Findings), bytes, report.Truncated)
		}
	}
	if _, err := Lint("", []byte(strings.Repeat("[", 100_000))); err == nil {
		t.Error("100,000 levels are accepted")
	}
}

// Whatever the bytes, linting ends, and every finding has a place in them.
func FuzzLint(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../../openapi/dist/receiver-3.0.json", "../../jsonschema/v1/run-completed.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [*a]\n---\n<<: [{no: 0123}]\n"))
	f.Fuzz(func(t *testing.T, document []byte) {
		report, err := Lint("", document)
		if (err == nil) == (report.Kind == "") || err != nil && report.Findings != nil {
			t.Fatalf("%+v, error %v", report, err)
		}
		for _, f := range report.Findings {
			if _, ok := Lookup(f.Rule); !ok || f.Line < 1 || f.Column < 1 {
				t.Fatalf("%+v", f)
			}
		}
	})
}
