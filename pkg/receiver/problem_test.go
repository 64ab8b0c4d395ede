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
	outcomes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 {
			if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
				text, err := strconv.Unquote(value.Value)
				if err != nil {
					t.Fatal(err)
				}
				outcomes[text] = true
			}
		}
		return true
	})
	// These are no problems, or tell of themselves as failed.
	for _, other := range []string{"accepted", "ignored", "duplicate", "panicked"} {
		if !outcomes[other] {
			t.Errorf("there is no outcome %s", other)
		}
		delete(outcomes, other)
	}
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			heading = strings.TrimSpace(heading)
			if !outcomes[heading] {
				t.Errorf("docs/problems.md has %q, which is no outcome", heading)
			}
			delete(outcomes, heading)
		}
	}
	for outcome := range outcomes {
		t.Errorf("docs/problems.md lacks %s", outcome)
	}
}
