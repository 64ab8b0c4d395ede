package docs_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/bundle"
)

// An annotation is a keyword of ours, as a whole string.
var annotation = regexp.MustCompile(`^x-[a-z-]+$`)

// TestAnnotations: annotations.md has what the schemas have, in its table and as a
// section with an example, and all that the compiler and the bundler know is among it.
func TestAnnotations(t *testing.T) {
	page, err := os.ReadFile("annotations.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{} // what it says of dist
	for _, row := range regexp.MustCompile("(?m)^\\| \\[`(x-[a-z-]+)`\\]\\(#(x-[a-z-]+)\\) \\|.*\\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		if row[1] != row[2] {
			t.Errorf("%s leads to %s", row[1], row[2])
		}
		table[row[1]] = row[3]
	}
	listed := slices.Sorted(maps.Keys(table))

	var sections []string
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		sections = append(sections, name)
		if !strings.Contains(text, "```json\n") || !strings.Contains(text, `"`+name+`": `) {
			t.Errorf("the section on %s has no example", name)
		}
	}
	if diff := cmp.Diff(listed, sections); diff != "" {
		t.Errorf("the table and the sections differ (-table +sections):\n%s", diff)
	}

	used := map[string]bool{}
	for glob, keyword := range map[string]*regexp.Regexp{
		"../jsonschema/*/*.json": regexp.MustCompile(`"(x-[a-z-]+)":`),
		"../openapi/*.yaml":      regexp.MustCompile(`(?m)^ *(x-[a-z-]+):`),
	} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", glob, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, member := range keyword.FindAllSubmatch(text, -1) {
				used[string(member[1])] = true
			}
		}
	}
	if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("the page and the schemas differ (-page +schemas):\n%s", diff)
	}
	for _, file := range []string{"internal/schemac/schema.go", "internal/bundle/bundle.go"} {
		known := annotationsIn(t, "../"+file)
		if len(known) == 0 {
			t.Errorf("%s knows no annotation", file)
		}
		for name := range known {
			if table[name] == "" {
				t.Errorf("%s knows %s, which is not on the page", file, name)
			}
		}
	}
	for name, want := range table {
		if got := inDist(t, name); got != want {
			t.Errorf("the page says of %s in dist %q; it is %q", name, want, got)
		}
	}
}

// annotationsIn returns the annotations that a Go file names.
func annotationsIn(t *testing.T, file string) map[string]bool {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil && annotation.MatchString(text) {
				names[text] = true
			}
		}
		return true
	})
	return names
}

// inDist returns where dist has an annotation of a source, in the words of the page.
func inDist(t *testing.T, name string) string {
	t.Helper()
	sources := fstest.MapFS{
		"api.yaml": {Data: []byte("openapi: 3.1.1\ncomponents: {schemas: {A: {$ref: a.json}}}\n")},
		"a.json":   {Data: fmt.Appendf(nil, `{"title": "A", "anyOf": [{%q: {"code": "c"}}]}`, name)},
	}
	api, err := bundle.Load(sources, "api.yaml")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := bundle.LoadSchema(sources, "a.json")
	if err != nil {
		t.Fatal(err)
	}
	var where []string
	for _, d := range []struct {
		document *bundle.Document
		called   string
	}{{api, "OpenAPI"}, {schema, "JSON Schema"}} {
		text, err := d.document.JSON()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case bytes.Contains(text, fmt.Appendf(nil, "%q: ", name)):
			where = append(where, d.called)
		case bytes.Contains(text, fmt.Appendf(nil, `"$comment": "%s`, name)):
			where = append(where, "as a `$comment`")
		}
	}
	if where == nil {
		return "no"
	}
	return strings.Join(where, ", ")
}
