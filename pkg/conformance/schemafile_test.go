package conformance_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// prices says that list_0's rows have a Price that is a number.
const prices = `{
  "properties": {"data": {"properties": {"extracted_data": {"properties": {"captured_lists": {
    "required": ["list_0"],
    "properties": {"list_0": {"items": {
      "required": ["Price"],
      "properties": {"Price": {"type": "number"}}
    }}}
  }}}}}}
}`

func compile(t *testing.T, name, text string) *conformance.Schema {
	t.Helper()
	s, err := conformance.CompileSchema(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemas: what breaks a schema of the user's own is invalid, and told at its place.
func TestSchemas(t *testing.T) {
	// on is a schema for the rows of list_0.
	on := func(rows string) string {
		return `{"$defs":{"rows":` + rows + `},"properties":{"data":{"properties":{"extracted_data":{"properties":{"captured_lists":{"properties":{"list_0":{"$ref":"#/$defs/rows"}}}}}}}}}`
	}
	const at = " at /data/extracted_data/captured_lists/list_0"
	for _, tt := range []struct {
		name, schema, rows string
		want               []string
	}{
		{"as it should be", prices, `[{"Price":3}]`, nil},
		{"a text", prices, `[{"Price":"$3,999.00"}]`, []string{
			`3:111: error: schema.type: the schema s.json: expected a number, found the string "$3,999.00"` + at + `/0/Price`}},
		{"two missing", prices, `[{"Price":3},{},{"Prize":4}]`, []string{
			`3:114: error: schema.required: the schema s.json: the member "Price" is missing` + at + `/1/Price and /data/extracted_data/captured_lists/list_0/*/Price: 2`}},
		{"const and enum", on(`{"items":{"properties":{"a":{"const":"x"},"b":{"enum":["x",1,null]}}}}`), `[{"a":"y","b":"y"}]`, []string{
			`3:107: error: schema.const: the schema s.json: expected the string "x", found the string "y"` + at + `/0/a`,
			`3:115: error: schema.enum: the schema s.json: expected "x", the number 1 or null, found the string "y"` + at + `/0/b`}},
		{"format", on(`{"items":{"format":"uri"}}`), `["a"]`, []string{
			`3:102: error: schema.format: the schema s.json: expected text of format uri, found the string "a"` + at + `/0`}},
		{"minimum and minLength", on(`{"prefixItems":[{"minimum":1.5},{"minLength":1},{"minLength":2}]}`), `[1,"","a"]`, []string{
			`3:102: error: schema.minimum: the schema s.json: expected 1.5 or more, found the number 1` + at + `/0`,
			`3:104: error: schema.min-length: the schema s.json: expected text that is not empty, found the string ""` + at + `/1`,
			`3:107: error: schema.min-length: the schema s.json: expected at least 2 characters, found the string "a"` + at + `/2`}},
		{"a pattern", on(`{"items":{"pattern":"^\\d+$"}}`), `["1","a"]`, []string{
			`3:106: error: schema.keyword: the schema s.json: expected text that matches "^\d+$", found the string "a"` + at + `/1`}},
		{"additionalProperties", on(`{"items":{"properties":{"a":true},"additionalProperties":false}}`), `[{"a":1,"b":2,"c/d":3}]`, []string{
			`3:109: error: schema.not-allowed: the schema s.json: the member "b" is not allowed here` + at + `/0/b`,
			`3:115: error: schema.not-allowed: the schema s.json: the member "c/d" is not allowed here` + at + `/0/c~1d`}},
		{"unevaluatedProperties", on(`{"items":{"properties":{"a":true},"unevaluatedProperties":false}}`), `[{"a":1,"%2F~b":2}]`, []string{
			`3:117: error: schema.keyword: the schema s.json: no value is allowed here` + at + `/0/%2F~0b`}},
		{"propertyNames", on(`{"items":{"propertyNames":{"enum":["a"]}}}`), `[{"b":2}]`, []string{
			`3:103: error: schema.enum: the schema s.json: expected "a", found the string "b"` + at + `/0/b`}},
		{"members that are false", on(`{"items":{"properties":{"type":false,"x-counts":false}}}`), `[{"type":1,"x-counts":2}]`, []string{
			`3:110: error: schema.keyword: the schema s.json: no value is allowed here` + at + `/0/type`,
			`3:123: error: schema.keyword: the schema s.json: no value is allowed here` + at + `/0/x-counts`}},
		{"contains", on(`{"contains":{"const":1}}`), `[2,3]`, []string{
			`3:101: error: schema.keyword: the schema s.json: valid must be >= 1, but got 0` + at}},
		{"dependentRequired", on(`{"items":{"dependentRequired":{"a":["b"]}}}`), `[{"a":2}]`, []string{
			`3:102: error: schema.keyword: the schema s.json: property 'b' is required, if 'a' property exists` + at + `/0`}},
		{"anyOf", on(`{"items":{"anyOf":[{"type":"number"},{"properties":{"kind":{"const":"a"}}},{"properties":{"kind":{"const":"b"},"n":{"type":"number"}}}]}}`),
			`[{"kind":"b","n":"c"}]`, []string{
				`3:118: error: schema.type: the schema s.json: expected a number, found the string "c"` + at + `/0/n`}},
		{"an older draft", `{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"data":{"definitions":{"a":{"type":"array"}},"$ref":"#/properties/data/definitions/a"}}}`, `[]`, []string{
			`2:8: error: schema.type: the schema s.json: expected an array, found an object at /data`}},
		{"the contract's own", `{"$id":"https://example.com/s","properties":{"data":{"properties":{"extracted_data":{"properties":{"captured_lists":{"additionalProperties":{"items":
			{"$ref":"https://runhooks.github.io/runhooks/schemas/v1/run-completed.json#/$defs/Row"}}}}}}}}}`, `[{"a":1}]`, []string{
			`3:107: error: schema.type: the schema s.json: expected a string, found the number 1` + at + `/0/a`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			payload := around(tt.rows)
			report := conformance.Checker{Schemas: []*conformance.Schema{compile(t, "s.json", tt.schema)}}.Check(payload)
			checkReport(t, payload, report)
			var own []conformance.Finding
			for _, f := range report.Findings {
				if strings.Contains(f.Message, "s.json") {
					own = append(own, f)
				}
			}
			if diff := cmp.Diff(tt.want, lines(own)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.want != nil && report.Verdict != conformance.Invalid {
				t.Errorf("it %s", report.Verdict)
			}
		})
	}
}

// TestSchemaOfARobot: a schema with a Robot is for its payloads, in whichever spelling
// they name it.
func TestSchemaOfARobot(t *testing.T) {
	never := compile(t, "never.json", `{"properties":{"data":false}}`)
	never.Robot = "r1"
	for name, broken := range map[string]bool{"robot_id": true, "robotId": true, "workflow_id": true, "robot": false} {
		for _, id := range []string{"r1", "r2"} {
			report := conformance.Checker{Schemas: []*conformance.Schema{never}}.Check([]byte(`{"event_type":"run_completed","data":{"` + name + `":"` + id + `"}}`))
			if got := strings.Contains(strings.Join(lines(report.Findings), "\n"), "never.json"); got != (broken && id == "r1") {
				t.Errorf("%s %s: %v", name, id, got)
			}
		}
	}
}

// TestEachOfASchema: each lists what is grouped otherwise, and there is an end to either.
func TestEachOfASchema(t *testing.T) {
	schemas := []*conformance.Schema{compile(t, "s.json", prices)}
	payload := around(`[` + strings.Repeat(`{"Price":"x"},`, 12_000) + `{}]`)
	grouped := conformance.Checker{Schemas: schemas, Engine: conformance.JSONSchema}.Check(payload)
	each := conformance.Checker{Schemas: schemas, Engine: conformance.JSONSchema, Each: true}.Check(payload)
	if n := len(grouped.Findings); n != 2 || grouped.Findings[0].Count != 12_000 || grouped.Truncated {
		t.Errorf("%d findings: %v", n, grouped.Findings)
	}
	if n := len(each.Findings); n < 1_000 || n > 10_000 || each.Findings[0].Count != 0 || !each.Truncated {
		t.Errorf("each: %d findings, truncated: %v", n, each.Truncated)
	}
}

// TestSchemasOfTheContract: the contract's own schemas, given as a user's, refuse what
// the documented layer refuses, and change nothing where there is no JSON.
func TestSchemasOfTheContract(t *testing.T) {
	own := compile(t, "contract.json", `{"$ref":"https://runhooks.github.io/runhooks/schemas/v1/run-event.json"}`)
	for _, v := range vectors.All() {
		plain := conformance.Check(v.Payload)
		report := conformance.Checker{Schemas: []*conformance.Schema{own}}.Check(v.Payload)
		if hasFamily(plain, "json") {
			if diff := cmp.Diff(plain, report); diff != "" {
				t.Errorf("%s (-without +with):\n%s", v.Name, diff)
			}
			continue
		}
		if (plain.Verdict == conformance.Conforms) != (report.Verdict == conformance.Conforms) || len(report.Findings) < len(plain.Findings) {
			if !strings.Contains(strings.Join(lines(report.Findings), "\n"), "too deep") { // for a schema of one's own
				t.Errorf("%s: %s with it, %s without: %v", v.Name, report.Verdict, plain.Verdict, report.Findings)
			}
		}
		checkReport(t, v.Payload, report)
	}
}

func TestCompileSchema(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"syntax", "{\n \"type\": \"object\",\n}", `s.json:2:18: invalid character ',' at start of value`},
		{"empty", "", `s.json:1:1: the payload ends too early`},
		{"twice", `{"type": "object", "type": "array"}`, `s.json:1:20: duplicate object member name`},
		{"metaschema", "{\n \"properties\": {\"a b\": {\"type\": \"colour\"}}\n}", `s.json:2:33: /properties/a b/type: value must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		{"no schema", `[1]`, `s.json:1:1: the schema: expected object or boolean, but got array`},
		{"a pattern", `{"pattern": "(?<a"}`, `s.json:1:13: /pattern: '(?<a' is not valid 'regex'`},
		{"outside", `{"$ref": "https://example.com/row.json"}`, `s.json: "https://example.com/row.json" is not in the file, and nothing is fetched: put it under $defs; $schema may be draft 4, 6, 7, 2019-09 or 2020-12`},
		{"another file", `{"$ref": "../row.json"}`, `s.json: "schema:///row.json" is not in the file, and nothing is fetched: put it under $defs; $schema may be draft 4, 6, 7, 2019-09 or 2020-12`},
		{"a draft", `{"$schema": "https://json-schema.org/draft/next/schema"}`, `s.json: "https://json-schema.org/draft/next/schema" is not in the file, and nothing is fetched: put it under $defs; $schema may be draft 4, 6, 7, 2019-09 or 2020-12`},
		{"nothing there", `{"$ref": "#/$defs/a"}`, `s.json: schema:///s.json#/$defs/a not found`},
		{"a loop", `{"$ref": "#"}`, `s.json: infinite loop schema:///s.json#/$ref`},
		{"a format", `{"format": "colour"}`, `s.json: the format "colour" is not one that can be judged`},
		{"a number", `{"minimum": 1e999999999}`, `s.json: it has too many values, or a number of too many digits`},
	} {
		if _, err := conformance.CompileSchema("s.json", []byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v\nwant %s", tt.name, err, tt.want)
		}
	}
	if _, err := conformance.CompileSchema("\x1b[2J\u202e", nil); err == nil || harmful(err.Error()) != "" {
		t.Errorf("%v", err)
	}
	for _, text := range []string{`true`, `{"$schema": "http://json-schema.org/draft-04/schema#", "id": "a"}`, `{"x-mine": {"type": 5}, "readOnly": true}`} {
		compile(t, "s.json", text)
	}
}

// FuzzCompileSchema looks for a schema that panics, or that judges payloads forever.
func FuzzCompileSchema(f *testing.F) {
	f.Add([]byte(prices), []byte(`{"data":{"extracted_data":{"captured_lists":{"list_0":[{}]}}}}`))
	f.Add([]byte(`{"$dynamicAnchor":"a","items":{"$dynamicRef":"#a"},"contains":{"minimum":2},"uniqueItems":true}`), []byte(`[1,[2]]`))
	f.Add([]byte(`{"$schema":"http://json-schema.org/draft-04/schema#","dependencies":{"a":["b"]},"minimum":1,"exclusiveMinimum":true}`), []byte(`{"a":1}`))
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		s, err := conformance.CompileSchema("s.json", text)
		if err != nil {
			return
		}
		checkReport(t, payload, conformance.Checker{Schemas: []*conformance.Schema{s}}.Check(payload))
	})
}
