package receiver_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestProblemsAreDocumented: the type of each problem leads to a heading.
func TestProblemsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	dispositions := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				dispositions[text] = true
			}
		}
		return true
	})
	// These are not problems, or tell of themselves as failed.
	for _, other := range []string{"accepted", "ignored", "duplicate", "panicked"} {
		if !dispositions[other] {
			t.Errorf("there is no disposition %s", other)
		}
		delete(dispositions, other)
	}
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(heading)
			if !dispositions[heading] {
				t.Errorf("docs/problems.md has %q, which is no disposition", heading)
			}
			delete(dispositions, heading)
		}
	}
	for disposition := range dispositions {
		t.Errorf("docs/problems.md lacks %s", disposition)
	}
}
