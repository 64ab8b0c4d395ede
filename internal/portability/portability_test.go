package portability

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lint gives the rules that a document breaks, each with its place.
func lint(t *testing.T, document string) []string {
	t.Helper()
	report, err := Lint([]byte(document))
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
// the tools break on the one, and not on the other, is for interop to see.
func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range Rules() {
		if seen[rule.ID] {
			t.Errorf("%s is there twice", rule.ID)
		}
		seen[rule.ID] = true
		if rule.Severity != Error && rule.Severity != Warning || rule.Summary == "" || rule.Instead == "" || len(rule.Breaks) == 0 {
			t.Errorf("%s lacks something: %+v", rule.ID, rule)
		}
		report, err := Lint([]byte(readFile(t, "testdata/"+rule.ID+".yaml")))
		if err != nil {
			t.Errorf("%s: %v", rule.ID, err)
			continue
		}
		findings := report.Findings
		if len(findings) != 1 || findings[0].Rule != rule.ID || findings[0].Severity != rule.Severity {
			t.Errorf("%s: its document gives %+v", rule.ID, findings)
		}
		if got := lint(t, readFile(t, "testdata/"+rule.ID+".fixed.yaml")); len(got) > 0 {
			t.Errorf("%s: the fixed document gives %q", rule.ID, got)
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
// make lint: conditions and webhooks, which dist also offers without; and that the
// sources refer to one another, and have the discriminator that OpenAPI needs, since
// dist is what is given to tools.
func TestOurOwn(t *testing.T) {
	tests := []struct {
		glob    string
		allowed []string
	}{
		{"../../openapi/dist/*.yaml", []string{"condition", "webhooks-only"}},
		{"../../openapi/dist/*.json", []string{"condition", "webhooks-only"}},
		{"../../openapi/dist/*/*.yaml", []string{"condition"}},
		{"../../openapi/dist/*/*.json", []string{"condition"}},
		{"../../jsonschema/*/*.json", []string{"condition", "ref-to-file", "ref-to-defs", "discriminator-in-schema"}},
		{"../../openapi/*.yaml", []string{"webhooks-only", "ref-to-file"}},
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
		{"aliases are not followed", "title: T\nproperties: {a: &a {const: 1}, b: *a}\n", []string{"const-without-type /properties/a/const"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lint(t, tt.document)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Places are the same in YAML and in JSON: of what is wrong, or of its key, in
// code points.
func TestPlaces(t *testing.T) {
	for name, document := range map[string]string{
		"YAML": "title: T\nproperties:\n  a: { \"é😀\": 1, const: 2 }\n",
		"JSON": "{\"title\": \"T\",\n\"properties\":\n  {\"a\" :[], \"b\": {\"é😀\": 1, \"const\": 2}}}",
	} {
		report, err := Lint([]byte(document))
		if err != nil || len(report.Findings) != 1 {
			t.Fatalf("%s: %+v, %v", name, report, err)
		}
		findings := report.Findings
		want := map[string][2]int{"YAML": {3, 17}, "JSON": {3, 28}}[name]
		if got := [2]int{findings[0].Line, findings[0].Column}; got != want {
			t.Errorf("%s: at %v, want %v", name, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct{ document, want string }{
		{"", "is empty"},
		{"[]", "is no object"},
		{"a: b: c", "neither JSON nor YAML: yaml: mapping values are not allowed in this context"},
		{`{"a": 1, "a": 2}`, `not strict JSON: `},
		{"title: A\na:\n  b: {}\n  c: {}\n  b: {}\n", `has "b" twice in one mapping, in lines 3 and 5`},
		{"swagger: '2.0'", "is Swagger 2.0"},
		{"openapi: 4.0.0", `is OpenAPI "4.0.0"; 3.0 and 3.1 are known`},
		{strings.Repeat(" ", MaxBytes+1), "has 16777217 bytes; at most 16777216 are read"},
	}
	for _, tt := range tests {
		_, err := Lint([]byte(tt.document))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%.20q: error %v, want %s…", tt.document, err, tt.want)
		}
	}
}

// However much is wrong, and however deep, what is said of it has bounds.
func TestBounds(t *testing.T) {
	many := `{"title": "T", "allOf": [` + strings.Repeat(`{"const": 1},`, 2*MaxFindings) + `{}]}`
	long := `{"title": "T", "properties": {"` + strings.Repeat("x", MaxBytes/2) + `": {"allOf": [` + strings.Repeat(`{"const": 1},`, 100) + `{}]}}}`
	deep := strings.Repeat(`{"const": 1, "items": `, 9000) + "{}" + strings.Repeat("}", 9000)
	for name, document := range map[string]string{"many": many, "long": long, "deep": deep} {
		report, err := Lint([]byte(document))
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
	if _, err := Lint([]byte(strings.Repeat("[", 100_000))); err == nil {
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
	f.Fuzz(func(t *testing.T, document []byte) {
		report, err := Lint(document)
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
