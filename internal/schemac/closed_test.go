package schemac_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v5 "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/internal/schemac"
	"github.com/runhooks/runhooks/jsonschema"
)

// A payload that conforms, to be changed.
const plainPayload = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
"data":{"robot_id":"r","run_id":"w1","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{"user_id":108},"extracted_data":{"captured_lists":{},
"total_rows":1,"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[{"a":"b"}]}}}`

// Where keywords are added, in the documented and in the observed schema.
var (
	root          = [2]string{".", "."}
	runID         = [2]string{"/$defs/RunCompletedData/properties/run_id", "/$defs/ObservedRunCompletedData/properties/run_id"}
	metadata      = [2]string{"/$defs/RunCompletedMetadata", "/$defs/ObservedRunCompletedMetadata"}
	members       = [2]string{metadata[0] + "/properties", metadata[1] + "/properties"}
	userID        = [2]string{members[0] + "/user_id", members[1] + "/user_id/anyOf/0"}
	captured      = [2]string{"/$defs/ExtractedData/properties/captured_texts", "/$defs/ObservedExtractedData/properties/captured_texts/anyOf/0"}
	row           = [2]string{"/$defs/Row", "/$defs/ObservedRow"}
	documentedOne = func(at [2]string) [2]string { return [2]string{at[0], ""} }
	observedOne   = func(at [2]string) [2]string { return [2]string{"", at[1]} }
)

// By whatever keyword the schemas of an event are extended, in both layers or in one
// of them, either they are not compiled, or the judge says of a payload that breaks
// it what jsonschema/v5 does, and notes the keyword.
func TestClosed(t *testing.T) {
	var judged []*alteration
	for _, a := range []*alteration{
		// Compiled.
		{at: runID, keyword: "maxLength", value: `2`, was: `"w1"`, is: `"w12"`, judged: true},
		{at: documentedOne(runID), keyword: "maxLength", value: `2`, was: `"w1"`, is: `"w12"`, judged: true},
		{at: observedOne(runID), keyword: "maxLength", value: `2`, was: `"w1"`, is: `"w12"`, judged: true},
		{at: runID, keyword: "pattern", value: `"^w"`, was: `"w1"`, is: `"\u0031"`, judged: true},
		{at: runID, keyword: "minLength", value: `2`, was: `"w1"`, is: `"w"`, judged: true},
		{at: userID, keyword: "maximum", value: `108`, was: `108`, is: `109`, judged: true},
		{at: userID, keyword: "exclusiveMaximum", value: `109`, was: `108`, is: `109`, judged: true},
		{at: documentedOne(userID), keyword: "exclusiveMinimum", value: `107`, was: `108`, is: `107`, judged: true},
		{at: userID, keyword: "enum", value: `[107, 108]`, was: `108`, is: `109`, judged: true},
		{at: userID, keyword: "const", value: `108.0`, was: `108`, is: `109`, judged: true},
		{at: metadata, keyword: "not", value: `{"required": ["b"]}`, was: `108`, is: `108,"b":1`, judged: true},
		{at: metadata, keyword: "not", value: `{"type": "object", "required": ["b"]}`, was: `108`, is: `108,"b":1`, judged: true},
		{at: documentedOne(metadata), keyword: "required", value: `["user_id"]`, was: `"user_id":108`, is: ``, judged: true},
		{at: metadata, keyword: "allOf", value: `[{"if": {"required": ["b"]}, "then": {"required": ["c"]}}]`, was: `108`, is: `108,"b":1`, notes: "required", judged: true},
		{at: metadata, keyword: "allOf", value: `[{"if": {"type": "object", "required": ["b"]}, "then": {"type": "object", "required": ["c"]}}]`, was: `108`, is: `108,"b":1`, notes: "required", judged: true},
		{at: documentedOne(metadata), keyword: "allOf", value: `[{"if": {"required": ["b"]}, "then": {"required": ["c"]}}]`, was: `108`, is: `108,"b":1`, notes: "required", judged: true},
		{at: row, keyword: "additionalProperties", value: `{"type": "string", "maxLength": 1}`, was: `"b"`, is: `"bc"`, notes: "maxLength", judged: true},
		{at: captured, keyword: "x-captured-once", value: `true`, was: `[{"a":"b"}]`, is: `[{"a":"b"},{},{"a":"b"},{},{}]`, judged: true},
		{at: observedOne(members), keyword: "b", value: `{"x-public-url": true}`, was: `108`, is: `108,"b":["http://a/"]`, notes: "x-public-url", judged: true},
		{at: observedOne(metadata), keyword: "x-holds", value: `{"when": {"user_id": "a"}, "any": ["b"]}`, was: `108`, is: `"a"`, judged: true},
		{at: documentedOne(root), keyword: "x-no-nul", value: `true`, was: `"T"`, is: `"\u0000"`, judged: true},
		{at: root, keyword: "x-safe-integers", value: `true`, was: `"T"`, is: `"T","b":9007199254740993`, judged: true},
		{at: captured, keyword: "maxItems", value: `1`, was: `[{"a":"b"}]`, is: `[{"a":"b"},{}]`, judged: true},

		// Refused.
		{at: runID, keyword: "format", value: `"hostname"`},
		{at: runID, keyword: "format", value: `"int64"`},
		{at: userID, keyword: "multipleOf", value: `2`},
		{at: runID, keyword: "oneOf", value: `[{"minLength": 1}, {"minLength": 3}]`},
		{at: runID, keyword: "not", value: `{"const": "w2"}`},
		{at: members, keyword: "browser_id", value: `false`},
		{at: members, keyword: "b", value: `{"$ref": "#"}`},
		{at: captured, keyword: "uniqueItems", value: `true`},
		{at: captured, keyword: "contains", value: `{"required": ["a"]}`},
		{at: captured, keyword: "prefixItems", value: `[{"required": ["a"]}]`},
		{at: captured, keyword: "unevaluatedItems", value: `false`},
		{at: captured, keyword: "enum", value: `[[{"a":"b"}]]`},
		{at: captured, keyword: "const", value: `[{"a":"b"}]`},
		{at: captured, keyword: "not", value: `{"type": "array", "items": {"required": ["c"]}}`},
		{at: metadata, keyword: "not", value: `{"required": ["c"], "properties": {"c": {"items": {"type": "string"}}}}`},
		{at: metadata, keyword: "not", value: `{"required": ["b", "c"]}`},
		{at: metadata, keyword: "allOf", value: `[{"if": {"required": ["b"]}, "then": {"type": "array"}}]`},
		{at: metadata, keyword: "additionalProperties", value: `false`},
		{at: metadata, keyword: "minProperties", value: `1`},
		{at: metadata, keyword: "patternProperties", value: `{"^b": false}`},
		{at: metadata, keyword: "propertyNames", value: `{"maxLength": 7}`},
		{at: metadata, keyword: "unevaluatedProperties", value: `false`},
		{at: metadata, keyword: "dependentRequired", value: `{"b": ["c"]}`},
		{at: metadata, keyword: "dependentSchemas", value: `{"b": {"required": ["c"]}}`},
		{at: runID, keyword: "x-colour", value: `"red"`},
		{at: runID, keyword: "x-no-nul", value: `true`},
		{at: root, keyword: "x-no-nul", value: `false`},
		{at: root, keyword: "x-captured-once", value: `true`},
		{at: row, keyword: "x-captured-once", value: `true`},
		{at: row, keyword: "additionalProperties", value: `{"type": "string", "x-public-url": true}`},
		{at: metadata, keyword: "x-holds", value: `{"when": {"user_id": "a"}}`},
		{at: metadata, keyword: "x-holds", value: `{"when": {"user_id": "a"}, "any": ["b"]}`},
		{at: runID, keyword: "maxlength", value: `2`},
		{at: runID, keyword: "format", value: `"colour"`},
		{at: runID, keyword: "x-usual-format", value: `"colour"`},
		{at: runID, keyword: "x-placeholder", value: `1`},
		{at: captured, keyword: "x-plain-text", value: `true`},
		{at: members, keyword: "b", value: strings.Repeat(`{"items":`, 14) + `{"type":"null"}` + strings.Repeat(`}`, 14)},
		{at: observedOne(runID), keyword: "x-dialect", value: `{"code": "dialect.local-time", "severity": "fatal"}`},
		{at: observedOne(runID), keyword: "x-dialect", value: `{"code": "dialect.local-time", "colour": "red"}`},
		{at: observedOne(runID), keyword: "x-dialect", value: `{}`},
	} {
		docs := a.documents(t)
		files, err := schemac.Compile(docs, schemac.Options{
			Package: fmt.Sprintf("p%d", len(judged)), AssertFormat: true, Strict: true,
			Events: []schemac.Event{{Documented: docs[0].Path, Observed: docs[1].Path}},
		})
		var e *schemac.Error
		switch {
		case a.judged && err != nil:
			t.Errorf("%s is not compiled: %v", a, err)
		case a.judged:
			a.files = files
			judged = append(judged, a)
		case err == nil:
			t.Errorf("%s is compiled", a)
		case !errors.As(err, &e):
			t.Errorf("%s: the error says no place: %v", a, err)
		}
	}
	outcomes := judge(t, judged)
	for i, a := range judged {
		for n, payload := range []string{plainPayload, a.breaking()} {
			for _, got := range outcomes[i][n] {
				if want := a.outcome(t, payload); got.Outcome != want {
					t.Errorf("%s: outcome %d, want %d: %s", a, got.Outcome, want, payload)
				}
			}
		}
		if got := outcomes[i][1][1]; !strings.Contains(got.Notes, " "+a.keywordOfNote()+" ") {
			t.Errorf("%s: no note of it: %s", a, got.Notes)
		}
	}
}

// An alteration adds a keyword to the schemas, or replaces it.
type alteration struct {
	at             [2]string
	keyword, value string
	was, is        string // the change by which the payload breaks it
	notes          string // the keyword that is noted, if not that
	judged         bool   // rather than refused
	files          map[string][]byte
}

func (a *alteration) String() string {
	return fmt.Sprintf("%s: %s at %q", a.keyword, a.value, a.at)
}

func (a *alteration) keywordOfNote() string {
	if a.notes != "" {
		return a.notes
	}
	return a.keyword
}

func (a *alteration) breaking() string { return strings.Replace(plainPayload, a.was, a.is, 1) }

// documents returns the schemas of run_completed as they are altered: first the
// documented one.
func (a *alteration) documents(t *testing.T) (docs []schemac.Document) {
	t.Helper()
	for i, file := range []string{"v1/run-completed.json", "observed/run-completed.json"} {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if a.at[i] != "" {
			var doc any
			if err := json.Unmarshal(text, &doc); err != nil {
				t.Fatal(err)
			}
			s := doc
			for _, token := range strings.Split(a.at[i], "/")[1:] {
				switch v := s.(type) {
				case map[string]any:
					s = v[token]
				case []any:
					s = v[0]
				}
			}
			s.(map[string]any)[a.keyword] = json.RawMessage(a.value)
			if text, err = json.Marshal(doc); err != nil {
				t.Fatal(err)
			}
		}
		docs = append(docs, schemac.Document{Path: file, URI: jsonschema.Base + file, Data: text, Func: []string{"First", "Second"}[i]})
	}
	return docs
}

// outcome returns what jsonschema/v5 says of a payload, by the constants of package
// scan.
func (a *alteration) outcome(t *testing.T, payload string) int {
	t.Helper()
	compiler := v5.NewCompiler()
	compiler.Draft, compiler.AssertFormat = v5.Draft2020, true
	docs := a.documents(t)
	for _, doc := range docs {
		if err := compiler.AddResource(doc.URI, bytes.NewReader(doc.Data)); err != nil {
			t.Fatal(err)
		}
	}
	var value any
	if err := json.Unmarshal([]byte(payload), &value); err != nil {
		t.Fatal(err)
	}
	const refused, observed, documented = 1, 2, 3
	switch {
	case compiler.MustCompile(docs[1].URI).Validate(value) != nil:
		return refused
	case compiler.MustCompile(docs[0].URI).Validate(value) != nil:
		return observed
	}
	return documented
}

// A judgement is what a judge that was generated says of a payload.
type judgement struct {
	Outcome int
	Notes   string
}

// judge builds the judges as one program. It returns, for each, what it says of the
// plain payload and of the one that breaks the rule: both at once and to explain.
func judge(t *testing.T, all []*alteration) (said [][2][2]judgement) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var imports, calls strings.Builder
	for i, a := range all {
		for name, data := range a.files {
			write(fmt.Sprintf("p%d/%s", i, name), string(data))
		}
		fmt.Fprintf(&imports, "\t\"closed/p%d\"\n", i)
		fmt.Fprintf(&calls, `	for n, payload := range []string{%q, %q} {
		for k := range 2 {
			notes := p%d.Notes{Explain: k == 1}
			said[%[3]d][n][k].Outcome = int(p%[3]d.Events[0].Judge([]byte(payload), &notes))
			for _, note := range notes.List {
				said[%[3]d][n][k].Notes += fmt.Sprint(" ", note.Rule.Keyword, " ")
			}
		}
	}
`, plainPayload, a.breaking(), i)
	}
	write("go.mod", "module closed\n\ngo 1.26\n")
	write("main.go", fmt.Sprintf("package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\"\n\n%s)\n\n"+
		"type judgement struct {\n\tOutcome int\n\tNotes string\n}\n\nfunc main() {\n\tvar said [%d][2][2]judgement\n%s\tjson.NewEncoder(os.Stdout).Encode(said)\n}\n",
		imports.String(), len(all), calls.String()))
	cmd := exec.Command("go", "run", "-gcflags=-N -l", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("go run: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	return said
}
