package event

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/jsonschema"
)

// readSchemas reads what names.json has.
func readSchemas(schemas fs.FS) (map[string]schema, error) {
	found, err := fs.Glob(schemas, "*/*.json")
	if err != nil {
		return nil, err
	}
	files := make(map[string]schema)
	for _, file := range found {
		text, err := fs.ReadFile(schemas, file)
		if err != nil {
			return nil, err
		}
		var s schema
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		files[file] = s
	}
	return files, nil
}

// TestSchemasJSON: what was taken from the schemas is what they have now.
func TestSchemasJSON(t *testing.T) {
	want, err := readSchemas(jsonschema.FS)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]schema
	if err := json.Unmarshal(schemasJSON, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("go generate ./pkg/event writes names.json anew (-want +got):\n%s", diff)
	}
}

// TestFields: each field has a name in the schemas, each name a field, and each of
// the contract's names is its event's own.
func TestFields(t *testing.T) {
	n := loadNames()
	unnamed := maps.Clone(fields)
	var visit func(o *object)
	visit = func(o *object) {
		for _, m := range o.members {
			if m.object != nil {
				visit(m.object)
			} else if m.take == nil {
				t.Errorf("jsonschema has a member %s, and no field takes it: add one to package event, and its line to fields in pkg/event/parse.go", m.pointer)
			}
			delete(unnamed, m.pointer)
		}
	}
	visit(n.root)
	if len(unnamed) > 0 {
		t.Errorf("the schemas have no name for %q", slices.Sorted(maps.Keys(unnamed)))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(n.canonical))); diff != "" {
		t.Errorf("fields (-) and what x-sent-as of jsonschema/canonical names (+) differ:\n%s", diff)
	}
	want := map[string]Type{"run_completed": RunCompleted, "webhook_test": RunCompleted, "run_failed": RunFailed}
	if diff := cmp.Diff(want, n.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	data := n.root.members["data"].object
	for name, want := range map[string]struct {
		pointer string
		own     uint8
	}{
		"robot_id":    {"/data/robot_id", n.arms[RunCompleted]},
		"robotId":     {"/data/robot_id", n.arms[RunFailed]},
		"workflow_id": {"/data/robot_id", 0},
		"finishedAt":  {"/data/finished_at", 0},
		"finished_at": {"/data/finished_at", n.arms[RunCompleted] | n.arms[RunFailed]},
		"markdown":    {"/data/markdown", n.arms[RunCompleted]},
	} {
		if got := data.members[name]; got.pointer != want.pointer || got.own != want.own {
			t.Errorf("%s is %s, and own to %b; want %s and %b", name, got.pointer, got.own, want.pointer, want.own)
		}
	}
	for _, name := range []string{"text", "markdown", "html", "summary", "links"} {
		if got := data.members["extracted_data"].object.members[name]; got.pointer != "/data/"+name || got.own != 0 {
			t.Errorf("within extracted_data, %s is %s, and own to %b; want /data/%s and none", name, got.pointer, got.own, name)
		}
	}
}

// TestResultFields: each member of the canonical form of pages, searches and their
// results says what servers call it, and has a field that takes it.
func TestResultFields(t *testing.T) {
	text, err := fs.ReadFile(jsonschema.FS, canonicalFile)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for definition, fields := range map[string][]string{
		"CanonicalPage":         slices.Sorted(maps.Keys(pageFields)),
		"CanonicalSearch":       slices.Sorted(maps.Keys(searchFields)),
		"CanonicalSearchResult": slices.Sorted(maps.Keys(resultFields)),
	} {
		d := s.Defs[definition]
		if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(d.SentAs))); diff != "" {
			t.Errorf("%s: fields (-) and x-sent-as (+) differ:\n%s", definition, diff)
		}
		for name := range d.Properties {
			if !slices.Contains(append(fields, "name", "extra", "value"), name) {
				t.Errorf("%s: %s has no x-sent-as", definition, name)
			}
		}
	}
}

// TestBadNames: schemas that say what can't be are refused.
func TestBadNames(t *testing.T) {
	for _, tt := range []struct{ name, file, old, new, want string }{
		{"a name of two fields", "v1/run-failed.json", `"x-canonical": "run_id"`, `"x-canonical": "robot_name"`, "is both /data/"},
		{"no JSON", "v1/run-failed.json", `{`, `[`, "v1/run-failed.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			schemas := fstest.MapFS{}
			files, err := fs.Glob(jsonschema.FS, "*/*.json")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				text, err := fs.ReadFile(jsonschema.FS, file)
				if err != nil {
					t.Fatal(err)
				}
				if file == tt.file {
					if !strings.Contains(string(text), tt.old) {
						t.Fatalf("there is no %s", tt.old)
					}
					text = []byte(strings.Replace(string(text), tt.old, tt.new, 1))
				}
				schemas[file] = &fstest.MapFile{Data: text}
			}
			read, err := readSchemas(schemas)
			if err == nil {
				_, err = newNames(read)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v; want %q in it", err, tt.want)
			}
		})
	}
}

func TestInteger(t *testing.T) {
	for number, want := range map[string]string{
		"0": "0", "-0": "0", "0.0e999999999": "0", "5": "5", "5.0": "5", "1e2": "100", "1.5E+1": "15", "-120e-1": "-12",
		"9223372036854775807": "9223372036854775807", "9223372036854775808": "", "-9223372036854775808": "-9223372036854775808",
		"922337203685477580.7e1": "9223372036854775807", "1e19": "", "1e18": "1000000000000000000",
		"0.5": "", "1e-1": "", "1e999999999": "", "1e99999999999999999999": "", "1e-99999999999999999999": "",
	} {
		got := ""
		if n, ok := integer(number); ok {
			text, err := json.Marshal(n)
			if err != nil {
				t.Fatal(err)
			}
			got = string(text)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", number, got, want)
		}
	}
}
