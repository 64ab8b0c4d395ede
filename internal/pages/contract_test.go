package pages_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/openapi"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// The page is the whole contract: each member, with its description, each ruling and
// each code.
func TestContract(t *testing.T) {
	l := newLab(t)
	p := l.browser().get("/contract").is(t, http.StatusOK) // signed out
	text := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(p.body)

	members := 0
	for _, file := range []string{"v1/run-completed.json", "v1/run-failed.json"} {
		source, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(source, &root); err != nil {
			t.Fatal(err)
		}
		walk(root, func(schema map[string]any) {
			// Conditions are shown at the members that depend on them, in words of the page's own.
			for _, condition := range []string{"if", "then", "else"} {
				delete(schema, condition)
			}
			if description, ok := schema["description"].(string); ok && !strings.Contains(text, description) {
				t.Errorf("%s: the page doesn't have %q", file, description)
			}
			properties, _ := schema["properties"].(map[string]any)
			for name := range properties {
				members++
				if !strings.Contains(text, "<code>"+name+"</code>") {
					t.Errorf("%s: the page doesn't have %s", file, name)
				}
			}
		})
	}
	if members < 30 {
		t.Errorf("the schemas have %d members: the test does not find them", members)
	}
	c, err := reference.Read()
	if err != nil {
		t.Fatal(err)
	}
	unmarked := strings.NewReplacer("<code>", "`", "</code>", "`").Replace(text)
	for _, ruling := range c.Rulings {
		for _, want := range []string{`id="ruling-` + ruling.ID + `"`, `href="#ruling-` + ruling.ID + `"`, ruling.Title, ruling.Page, ruling.Ruling, ruling.Reason, ruling.Servers} {
			if !strings.Contains(unmarked, want) {
				t.Errorf("the ruling %s: the page doesn't have %q", ruling.ID, want)
			}
		}
	}
	for _, rule := range conformance.Rules() {
		for _, want := range []string{`id="` + string(rule.Code) + `"`, rule.Summary, rule.Detail, rule.Hint} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page doesn't have %q", rule.Code, want)
			}
		}
	}
	// What the schemas say in other words.
	for _, want := range []string{
		`string, always "run_failed"`,
		`string: "success", "failed" or "test"`,
		"string, date-time", "string, not empty", "integer, int64, 0 or more",
		`<a href="#run_completed.data.extracted_data.captured_texts">array of objects</a>`,
		`<a href="#run_completed.data.extracted_data.captured_texts">object of arrays of objects</a>`,
		`<code>extracted_data</code> <span class="chip">Unless status is "failed"</span>`,
		`<code>error</code> <span class="chip">Only if status is "failed"</span>`,
		"In run_completed it is <code>robot_id</code>",
		`"robot_name": "Test Robot"`, // of a whole payload
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page doesn't have %q", want)
		}
	}
	// Each link within the page leads somewhere.
	for _, link := range strings.Split(p.body, `href="#`)[1:] {
		id, _, _ := strings.Cut(link, `"`)
		if strings.Count(p.body, `id="`+id+`"`) != 1 {
			t.Errorf("#%s leads to %d places", id, strings.Count(p.body, `id="`+id+`"`))
		}
	}
}

// walk calls visit for each object of a JSON document.
func walk(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(value)
		for _, member := range value {
			walk(member, visit)
		}
	case []any:
		for _, element := range value {
			walk(element, visit)
		}
	}
}

func TestContractFiles(t *testing.T) {
	l := newLab(t)
	b := l.browser()
	page := b.get("/contract").is(t, http.StatusOK)
	err := fs.WalkDir(openapi.Dist, "dist", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		path := "/contract/" + file
		page.has(t, `href="`+path+`"`)
		want, err := fs.ReadFile(openapi.Dist, file)
		if err != nil {
			return err
		}
		p := b.get(path).is(t, http.StatusOK)
		if p.body != string(want) {
			t.Errorf("%s is not the file", path)
		}
		if got := p.header.Get("Content-Disposition"); got != `attachment; filename="`+entry.Name()+`"` {
			t.Errorf("%s: Content-Disposition %s", path, got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/contract/dist/service.yaml": "application/yaml", "/contract/dist/service.json": "application/json", "/contract/dist/README.md": "text/markdown; charset=utf-8",
	} {
		if got := b.get(path).header.Get("Content-Type"); got != want {
			t.Errorf("%s: Content-Type %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"/contract/dist/", "/contract/dist/json-schema-draft-07", "/contract/dist/json-schema-draft-07/", "/contract/dist/..%2fopenapi.go", "/contract/dist/none.yaml"} {
		b.get(path).is(t, http.StatusNotFound)
	}
}
