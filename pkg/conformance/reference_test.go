package conformance

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/runhooks/runhooks/jsonschema"
)

// TestReferenceTakesSchemasAsTheyStand: by whatever keyword the schemas are extended, a
// payload that breaks it is refused by the reference, at its place.
func TestReferenceTakesSchemasAsTheyStand(t *testing.T) {
	const plain = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w1",
"data":{"robot_id":"r","run_id":"u","robot_name":"T","status":"success","started_at":"2025-05-29T15:52:30.595Z",
"finished_at":"2025-05-29T15:53:15.595Z","metadata":{"user_id":108},"extracted_data":{"captured_lists":{},
"total_rows":1,"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"captured_texts":[{"a":"b"}]}}}`
	const (
		webhookID = "run-completed.json/properties/webhook_id"
		metadata  = "run-completed.json/$defs/*RunCompletedMetadata"
		captured  = "run-completed.json/$defs/*ExtractedData/properties/captured_texts"
	)
	for _, tt := range []struct {
		at, keyword, value string
		was, is            string // the change by which the payload breaks it
		want               string
	}{
		{webhookID, "maxLength", `2`, `"w1"`, `"w12"`, `schema.keyword /webhook_id length must be <= 2, but got 3`},
		{webhookID, "pattern", `"^w"`, `"w1"`, `"1"`, `schema.keyword /webhook_id expected text that matches "^w", found the string "1"`},
		{webhookID, "format", `"hostname"`, `"w1"`, `"-"`, `schema.format /webhook_id expected text of format hostname, found the string "-"`},
		{webhookID, "oneOf", `[{"minLength":1},{"minLength":3}]`, `"w1"`, `"w12"`, `schema.keyword /webhook_id valid against schemas at indexes 0 and 1`},
		{webhookID, "not", `{"const":"w2"}`, `"w1"`, `"w2"`, `schema.keyword /webhook_id not failed`},
		{metadata, "not", `{"required":["b"]}`, `108`, `108,"b":1`, `schema.not-allowed /data/metadata/b the member "b" is not allowed here`},
		{metadata, "maxProperties", `1`, `108`, `108,"b":1`, `schema.keyword /data/metadata maximum 1 properties allowed, but found 2 properties`},
		{metadata, "patternProperties", `{"^b":false}`, `108`, `108,"b":1`, `schema.keyword /data/metadata/b no value is allowed here`},
		{metadata, "additionalProperties", `false`, `108`, `108,"b":1`, `schema.not-allowed /data/metadata/b the member "b" is not allowed here`},
		{metadata, "dependentSchemas", `{"b":{"required":["c"]}}`, `108`, `108,"b":1`, `schema.required /data/metadata/c the member "c" is missing`},
		{captured, "maxItems", `1`, `[{"a":"b"}]`, `[{"a":"b"},{}]`, `schema.keyword /data/extracted_data/captured_texts maximum 1 items required, but found 2 items`},
		{captured, "uniqueItems", `true`, `[{"a":"b"}]`, `[{},{}]`, `schema.keyword /data/extracted_data/captured_texts items at index 0 and 1 are equal`},
		{captured, "contains", `{"required":["a"]}`, `[{"a":"b"}]`, `[{}]`, `schema.keyword /data/extracted_data/captured_texts valid must be >= 1, but got 0`},
		{"run-event.json", "maxProperties", `4`, `"data"`, `"b":1,"data"`, `schema.keyword  maximum 4 properties allowed, but found 5 properties`},
	} {
		t.Run(tt.keyword, func(t *testing.T) {
			e, err := newReference(extended(t, tt.at, tt.keyword, tt.value))
			if err != nil {
				t.Fatal(err)
			}
			if report := (Checker{}).refer(e, []byte(plain)); report.Verdict != Conforms || len(report.Findings) > 0 {
				t.Errorf("as it was it is %s: %v", report.Verdict, report.Findings)
			}
			report := Checker{}.refer(e, []byte(strings.Replace(plain, tt.was, tt.is, 1)))
			got := ""
			for _, f := range report.Findings {
				got += strings.TrimSpace(string(f.Code)+" "+f.Pointer+" "+f.Message) + "\n"
			}
			if report.Verdict != Invalid || got != tt.want+"\n" {
				t.Errorf("%s:\n%swant\n%s", report.Verdict, got, tt.want)
			}
		})
	}
}

// extended returns the schemas with a keyword added at a place of each layer. A * in the
// place is Observed in that layer.
func extended(t *testing.T, at, keyword, value string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for layer, prefix := range map[string]string{"v1": "", "observed": "Observed"} {
		name, place, _ := strings.Cut(strings.Replace(at, "*", prefix, 1), "/")
		for _, file := range []string{"run-event.json", "run-completed.json", "run-failed.json"} {
			text, err := fs.ReadFile(jsonschema.FS, layer+"/"+file)
			if err != nil {
				t.Fatal(err)
			}
			if file == name {
				var doc map[string]any
				if err := json.Unmarshal(text, &doc); err != nil {
					t.Fatal(err)
				}
				schema := doc
				for _, token := range strings.FieldsFunc(place, func(r rune) bool { return r == '/' }) {
					schema = schema[token].(map[string]any)
				}
				schema[keyword] = json.RawMessage(value)
				if text, err = json.Marshal(doc); err != nil {
					t.Fatal(err)
				}
			}
			files[layer+"/"+file] = &fstest.MapFile{Data: text}
		}
	}
	return files
}
