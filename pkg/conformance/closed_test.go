package conformance

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/jsonschema"
)

// A payload that conforms, to be changed.
const plainPayload = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w1",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{"user_id":108},"extracted_data":{"captured_lists":{},
"total_rows":1,"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[{"a":"b"}]}}}`

// The places of the schemas at which keywords are added, in both layers.
var (
	webhookID = [2]string{"run-completed.json/properties/webhook_id", "run-completed.json/properties/webhook_id"}
	metadata  = [2]string{"run-completed.json/$defs/RunCompletedMetadata", "run-completed.json/$defs/ObservedRunCompletedMetadata"}
	browserID = [2]string{metadata[0] + "/properties", metadata[1] + "/properties"}
	userID    = [2]string{metadata[0] + "/properties/user_id", metadata[1] + "/properties/user_id"}
	captured  = [2]string{"run-completed.json/$defs/ExtractedData/properties/captured_texts", "run-completed.json/$defs/ObservedExtractedData/properties/captured_texts"}
	row       = [2]string{"run-completed.json/$defs/Row", "run-completed.json/$defs/ObservedRow"}
	union     = [2]string{"run-event.json", "run-event.json"}
)

// TestClosed: by whatever keyword the schemas are extended, a payload that breaks
// it doesn't conform: either the keyword is judged as the judge of record has it, or
// the schemas are refused.
func TestClosed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		at      [2]string
		keyword string
		value   string
		was, is string // the change by which the payload breaks it
		code    Code   // of its finding; none where the contract is refused
	}{
		// Judged.
		{"maxLength", webhookID, "maxLength", `2`, `"w1"`, `"w12"`, "schema.keyword"},
		{"pattern", webhookID, "pattern", `"^w"`, `"w1"`, `"1"`, "schema.keyword"},
		{"minLength", webhookID, "minLength", `2`, `"w1"`, `"w"`, "schema.min-length"},
		{"a format", webhookID, "format", `"hostname"`, `"w1"`, `"-"`, "schema.format"},
		{"maximum", userID, "maximum", `108`, `108`, `109`, "schema.keyword"},
		{"exclusiveMaximum", userID, "exclusiveMaximum", `109`, `108`, `109`, "schema.keyword"},
		{"exclusiveMinimum", userID, "exclusiveMinimum", `107`, `108`, `107`, "schema.keyword"},
		{"minimum", userID, "minimum", `108`, `108`, `107`, "schema.minimum"},
		{"multipleOf", userID, "multipleOf", `2`, `108`, `109`, "schema.keyword"},
		{"an enum of numbers", userID, "enum", `[107, 108]`, `108`, `109`, "schema.enum"},
		{"a const that is a number", userID, "const", `108.0`, `108`, `109`, "schema.const"},
		{"oneOf", webhookID, "oneOf", `[{"const": "w1"}, {"const": "w2"}]`, `"w1"`, `"w3"`, "schema.const"},
		{"oneOf, twice", webhookID, "oneOf", `[{"minLength": 1}, {"minLength": 3}]`, `"w1"`, `"w12"`, "schema.keyword"},
		{"not", webhookID, "not", `{"const": "w2"}`, `"w1"`, `"w2"`, "schema.keyword"},
		{"not, by a keyword that the judge is asked of", webhookID, "not", `{"maxLength": 1}`, `"w1"`, `"w"`, "schema.keyword"},
		{"not, of a member", metadata, "not", `{"required": ["b"]}`, `108`, `108,"b":1`, "schema.not-allowed"},
		{"a member that is false", browserID, "browser_id", `false`, `108`, `108,"browser_id":"b"`, "schema.keyword"},
		{"a rule of cells", row, "additionalProperties", `{"type": "string", "maxLength": 1}`, `"b"`, `"bc"`, "schema.keyword"},
		{"anyOf", userID, "anyOf", `[{"maximum": 108}, {"multipleOf": 1000}]`, `108`, `109`, "schema.keyword"},
		{"if", metadata, "allOf", `[{"if": {"required": ["b"]}, "then": {"required": ["c"]}}]`, `108`, `108,"b":1`, "schema.required"},

		{"hostile text", webhookID, "maxLength", `2`, `"w1"`, `"\u001b[2J\u009b\u202e` + strings.Repeat("w", 1<<20) + `"`, "schema.keyword"},
		{"a hostile name", metadata, "not", `{"required": ["b"]}`, `108`, `108,"b":1,"\u001b[2J\u009b\u202e":1`, "schema.not-allowed"},

		// Refused.
		{"maxItems", captured, "maxItems", `1`, `[{"a":"b"}]`, `[{"a":"b"},{}]`, ""},
		{"minItems", captured, "minItems", `1`, `[{"a":"b"}]`, `[]`, ""},
		{"uniqueItems", captured, "uniqueItems", `true`, `[{"a":"b"}]`, `[{},{}]`, ""},
		{"contains", captured, "contains", `{"required": ["a"]}`, `[{"a":"b"}]`, `[{}]`, ""},
		{"prefixItems", captured, "prefixItems", `[{"required": ["a"]}]`, `[{"a":"b"}]`, `[{}]`, ""},
		{"unevaluatedItems", captured, "unevaluatedItems", `false`, ``, ``, ""},
		{"an enum of arrays", captured, "enum", `[[{"a":"b"}]]`, `"b"`, `"c"`, ""},
		{"a const that is an array", captured, "const", `[{"a":"b"}]`, `"b"`, `"c"`, ""},
		{"not, of elements", captured, "not", `{"type": "array", "items": {"required": ["c"]}}`, `"a"`, `"c"`, ""},
		{"not, of elements within", metadata, "not", `{"required": ["c"], "properties": {"c": {"items": {"type": "string"}}}}`, `108`, `108,"c":["d"]`, ""},
		{"if, of elements", captured, "if", `{"items": {"required": ["c"]}}`, ``, ``, ""},
		{"oneOf, of elements", captured, "oneOf", `[{"items": {"type": "object"}}, {"items": {"required": ["c"]}}]`, `"a"`, `"c"`, ""},
		{"additionalProperties", metadata, "additionalProperties", `false`, `108`, `108,"b":1`, ""},
		{"minProperties", metadata, "minProperties", `1`, `"user_id":108`, ``, ""},
		{"maxProperties", metadata, "maxProperties", `1`, `108`, `108,"b":1`, ""},
		{"patternProperties", metadata, "patternProperties", `{"^b": false}`, `108`, `108,"b":1`, ""},
		{"propertyNames", metadata, "propertyNames", `{"maxLength": 7}`, `108`, `108,"too-long":1`, ""},
		{"unevaluatedProperties", metadata, "unevaluatedProperties", `false`, `108`, `108,"b":1`, ""},
		{"dependentRequired", metadata, "dependentRequired", `{"b": ["c"]}`, `108`, `108,"b":1`, ""},
		{"dependentSchemas", metadata, "dependentSchemas", `{"b": {"required": ["c"]}}`, `108`, `108,"b":1`, ""},
		{"$ref, to where it stands", browserID, "b", `{"$ref": "#"}`, `108`, `108,"b":1`, ""},
		{"a rule of the union", union, "maxProperties", `4`, `"data"`, `"b":1,"data"`, ""},
		{"an annotation of the union", union, "x-colour", `"red"`, ``, ``, ""},
		{"an annotation", webhookID, "x-colour", `"red"`, ``, ``, ""},
		{"a misspelt keyword", webhookID, "maxlength", `2`, ``, ``, ""},
		{"a format that is not known", webhookID, "format", `"colour"`, ``, ``, ""},
		{"a usual format that is not known", webhookID, "x-usual-format", `"colour"`, ``, ``, ""},
		{"a code that is not registered", webhookID, "x-dialect", `{"code": "dialect.colour"}`, ``, ``, ""},
		{"a severity that is none", webhookID, "x-dialect", `{"code": "dialect.local-time", "severity": "fatal"}`, ``, ``, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := extend(t, tt.at, tt.keyword, tt.value)
			breaking := strings.Replace(plainPayload, tt.was, tt.is, 1)
			if tt.was != tt.is {
				if got := byJudge(t, files, plainPayload); got != Conforms {
					t.Errorf("the judge says %s of the payload as it was", got)
				}
				if got := byJudge(t, files, breaking); got != Invalid {
					t.Errorf("the judge says %s of the payload that breaks it", got)
				}
			}
			c, err := newContract(files)
			if tt.code == "" {
				if err == nil || !strings.Contains(err.Error(), jsonschema.Base) || !strings.Contains(err.Error(), tt.keyword) {
					t.Fatalf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if report := by(t, c, plainPayload); report.Verdict != Conforms {
				t.Errorf("%s as it was: %v", report.Verdict, report.Findings)
			}
			report := by(t, c, breaking)
			if report.Verdict != Invalid {
				t.Errorf("%s: %v", report.Verdict, report.Findings)
			}
			told := false
			for _, f := range report.Findings {
				if _, ok := f.Code.Rule(); !ok || f.Severity == "" || f.Message == "" || f.Hint == "" {
					t.Errorf("%+v", f)
				}
				if text := f.Message + f.Hint; len(text) > 4_000 || strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }) {
					t.Errorf("%s: %.300q", f.Code, text)
				}
				told = told || f.Code == tt.code && f.Severity == SeverityError
			}
			if !told {
				t.Errorf("no error is %s: %v", tt.code, report.Findings)
			}
		})
	}
}

// extend returns the schemas with a keyword added, or replaced, at a place of each
// layer.
func extend(t *testing.T, at [2]string, keyword, value string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	paths, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range paths {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		layer, name, _ := strings.Cut(file, "/")
		where := at[0]
		if layer == "observed" {
			where = at[1]
		}
		if place, ok := strings.CutPrefix(where, name); ok {
			var doc map[string]any
			if err := json.Unmarshal(text, &doc); err != nil {
				t.Fatal(err)
			}
			schema := doc
			for _, token := range strings.Split(place, "/")[1:] {
				if schema, ok = schema[token].(map[string]any); !ok {
					t.Fatalf("%s has no %s", file, place)
				}
			}
			schema[keyword] = json.RawMessage(value)
			if text, err = json.Marshal(doc); err != nil {
				t.Fatal(err)
			}
		}
		files[file] = &fstest.MapFile{Data: text}
	}
	return files
}

// byJudge returns the verdict of the judge of record, which knows nothing of the
// checker, on a run_completed.
func byJudge(t *testing.T, files fs.FS, payload string) Verdict {
	t.Helper()
	value, found, _ := parse([]byte(payload))
	if len(found) > 0 {
		t.Fatal(found)
	}
	for _, layer := range []struct {
		name    string
		accepts Verdict
	}{{"v1", Conforms}, {"observed", Deviates}} {
		compiler := judge.NewCompiler()
		compiler.Draft = judge.Draft2020
		compiler.AssertFormat = true
		paths, err := fs.Glob(files, "*/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range paths {
			text, err := fs.ReadFile(files, file)
			if err != nil {
				t.Fatal(err)
			}
			if err := compiler.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		s, err := compiler.Compile(jsonschema.Base + layer.name + "/run-event.json")
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(value) == nil {
			return layer.accepts
		}
	}
	return Invalid
}

// by returns the report of a contract on a payload, without the generated validators.
func by(t *testing.T, c *contract, payload string) Report {
	t.Helper()
	value, found, _ := parse([]byte(payload))
	if len(found) > 0 {
		t.Fatal(found)
	}
	found, truncated := c.examine(value, false)
	return Checker{}.report([]byte(payload), eventType(value), found, truncated)
}

// TestVerdictIsClosed: a finding that nobody has foreseen makes a payload invalid.
func TestVerdictIsClosed(t *testing.T) {
	for _, f := range []Finding{
		{},
		{Severity: SeverityError},
		{Code: "schema.type"},
		{Code: "dialect.local-time"},
		{Code: "data.time-order", Severity: "fatal"},
		{Code: "colour.red", Severity: SeverityError},
	} {
		if v := verdict([]Finding{f}); v != Invalid {
			t.Errorf("%+v: %s", f, v)
		}
	}
	for _, code := range []Code{"", "schema.colour", "dialect.colour", "data.colour", "contract.colour"} {
		report := Checker{}.report([]byte("{}"), "", []draft{newDraft(code, nil)}, false)
		if f := report.Findings[0]; report.Verdict != Invalid || f.Code != "schema.keyword" || f.Severity != SeverityError || f.Hint == "" {
			t.Errorf("%q: %s: %+v", code, report.Verdict, f)
		}
	}
}
