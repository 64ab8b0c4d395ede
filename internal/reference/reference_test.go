package reference

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func read(t *testing.T) *Contract {
	t.Helper()
	c, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// find returns the member at a place, or fails.
func find(t *testing.T, c *Contract, event, path string) Member {
	t.Helper()
	for _, e := range c.Events {
		for _, o := range e.Objects {
			for _, m := range slices.Concat(o.Members, o.Additions) {
				if e.Name == event && m.Path == path {
					return m
				}
			}
		}
	}
	t.Fatalf("%s has no %s", event, path)
	return Member{}
}

// Whatever names a member, a difference or a unit in the schemas is in what is read.
func TestComplete(t *testing.T) {
	c := read(t)
	for _, e := range c.Events {
		members, codes := map[string]string{}, map[conformance.Code]bool{}
		for _, o := range e.Objects {
			for _, m := range slices.Concat(o.Members, o.Additions) {
				members[m.Name] = m.Unit
				for _, d := range m.Differences {
					codes[d.Code] = true
					members[d.SentAs] = m.Unit
				}
			}
			for _, d := range o.Differences {
				codes[d.Code] = true
			}
		}
		file := strings.ReplaceAll(e.Name, "_", "-") + ".json"
		schemas := 0
		for _, layer := range []string{"v1/", "observed/"} {
			walk(t, layer+file, func(s map[string]any) {
				schemas++
				if dialect, ok := s["x-dialect"].(map[string]any); ok {
					if code := dialect["code"].(string); !codes[conformance.Code(code)] {
						t.Errorf("%s%s: %s is nowhere", layer, file, code)
					}
				}
				properties, _ := s["properties"].(map[string]any)
				for name, property := range properties {
					unit, ok := members[name]
					if !ok {
						t.Errorf("%s%s: %s is nowhere", layer, file, name)
					}
					if want, _ := property.(map[string]any)["x-unit"].(string); want != "" && unit != want {
						t.Errorf("%s%s: the unit of %s is %q, want %q", layer, file, name, unit, want)
					}
				}
			})
		}
		if schemas < 80 {
			t.Errorf("%s: only %d schemas were found", file, schemas)
		}
	}
}

// walk calls visit for each object of a schema's file but what examples hold.
func walk(t *testing.T, file string, visit func(map[string]any)) {
	t.Helper()
	text, err := fs.ReadFile(jsonschema.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	var descend func(any)
	descend = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			visit(value)
			for name, member := range value {
				if name != "examples" {
					descend(member)
				}
			}
		case []any:
			for _, element := range value {
				descend(element)
			}
		}
	}
	descend(root)
}

// A difference stands at the member that it is about, whatever servers call it, and
// at the one whose elements it is about.
func TestDifferences(t *testing.T) {
	c := read(t)
	for _, test := range []struct {
		event, path string
		want        []string
	}{
		{"run_completed", "event_type", []string{"dialect.test-event error"}},
		{"run_completed", "data.robot_id", []string{"dialect.field-case error as robotId", "dialect.old-name error as workflow_id"}},
		{"run_completed", "data.finished_at", []string{"dialect.local-time error", "dialect.field-case error as finishedAt"}},
		{"run_completed", "data.extracted_data", []string{"dialect.failed-with-data error", "dialect.member-absent error"}},
		{"run_completed", "data.extracted_data.captured_lists", []string{
			"dialect.lists-array error", "dialect.null-list error", "dialect.old-name error as list_items", "dialect.null-cell error",
		}},
		{"run_completed", "data.extracted_data.crawl_data", nil},
		{"run_failed", "data.error.message", nil},
		{"run_failed", "data.started_at", []string{"dialect.local-time warning"}},
		{"run_failed", "data.metadata.userId", []string{
			"dialect.user-id-string error", "dialect.null-member error", "dialect.field-case warning as user_id",
		}},
	} {
		var got []string
		for _, d := range find(t, c, test.event, test.path).Differences {
			text := string(d.Code) + " " + string(d.Severity)
			if d.SentAs != "" {
				text += " as " + d.SentAs
			}
			got = append(got, text)
			if rule, _ := d.Code.Rule(); d.Meaning != rule.Summary {
				t.Errorf("%s means %q", d.Code, d.Meaning)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", test.path, test.event, diff)
		}
	}
}

// Rulings quote the page word for word: testdata/page.txt is the text of
// https://docs.maxun.dev/api/webhooks.
func TestRulingsQuoteThePage(t *testing.T) {
	text, err := os.ReadFile("testdata/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	quoted, code := regexp.MustCompile("“([^”]+)”"), regexp.MustCompile("`([^`]+)`")
	quotes := 0
	for _, r := range read(t).Rulings {
		// What is code in the other parts may be the contract's or a server's.
		all := append(quoted.FindAllStringSubmatch(r.Page+r.Ruling+r.Reason+r.Servers, -1), code.FindAllStringSubmatch(r.Page, -1)...)
		for _, quote := range all {
			quotes++
			if !strings.Contains(page, quote[1]) {
				t.Errorf("%s: the page doesn't say %q", r.ID, quote[1])
			}
		}
		if len(all) == 0 && !strings.HasPrefix(r.Page, "The page says nothing about ") {
			t.Errorf("%s: nothing of the page is quoted", r.ID)
		}
		if strings.Count(r.Page, "`")%2 != 0 || strings.Count(r.Page, "“") != strings.Count(r.Page, "”") {
			t.Errorf("%s: a quote doesn't end: %s", r.ID, r.Page)
		}
	}
	if quotes < 100 {
		t.Errorf("only %d quotes were found", quotes)
	}
}

// A type is told with all that the schema says of it, in words.
func TestTypes(t *testing.T) {
	c := read(t)
	for path, want := range map[string]string{
		"event_type":                         `string, always "run_completed"`,
		"timestamp":                          "string, date-time",
		"webhook_id":                         "string, not empty",
		"data":                               "object",
		"data.robot_name":                    "string",
		"data.status":                        `string: "success", "failed" or "test"`,
		"data.extracted_data.captured_texts": "array of objects",
		"data.extracted_data.captured_lists": "object of arrays of objects",
		"data.extracted_data.total_rows":     "integer, int64, 0 or more",
		"data.metadata.user_id":              "integer, int64",
	} {
		if got := find(t, c, "run_completed", path).Type; got != want {
			t.Errorf("%s is a %s; want %s", path, got, want)
		}
	}
}

// What stands in the schemas of our own is an error if it is not whole.
func TestRulingsThatAreNone(t *testing.T) {
	const whole = `{"id": "a", "title": "t", "page": "p", "ruling": "r", "reason": "w"}`
	var r namedRuling
	if err := json.Unmarshal([]byte(whole), &r); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`5`, `{}`, strings.Replace(whole, "reason", "reasons", 1), strings.Replace(whole, `"p"`, `""`, 1)} {
		if err := json.Unmarshal([]byte(text), new(namedRuling)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
	stated := &schema{Rulings: []namedRuling{r}}
	c := &Contract{}
	if _, err := c.rulings(stated, Place{}); err == nil {
		t.Error("a ruling that is stated nowhere was found")
	}
	if err := c.state(stated); err != nil {
		t.Fatal(err)
	}
	if err := c.state(&schema{Items: stated}); err == nil {
		t.Error("a ruling was stated twice")
	}
}
