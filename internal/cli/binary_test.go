package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestBinaryLeavesOutTheSuite: the program has the vectors that it shows, and not
// the whole suite, which is several times as large.
func TestBinaryLeavesOutTheSuite(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*cli.Patience) // it may have all to compile
	defer cancel()
	program := filepath.Join(t.TempDir(), "runhooks")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "../../cmd/runhooks").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"invalid/json.syntax.json": true,
		"deviates/wild.test.json":  true,
		"invalid/json.n-array-":    false,
		"page.run-completed":       false,
	} {
		if got := bytes.Contains(binary, []byte(name)); got != want {
			t.Errorf("the vector %s is in the binary: %v, want %v", name, got, want)
		}
	}
	t.Logf("%d bytes", len(binary))
}
