package cli_test

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestBinary: the program has the vectors that it shows, and not the whole suite,
// which is several times as large. On Linux it is static, so that it runs in an image
// of nothing else.
func TestBinary(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*cli.Patience) // it may have all to compile
	defer cancel()
	program := filepath.Join(t.TempDir(), "runhooks")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "../../cmd/runhooks")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
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
	if runtime.GOOS != "linux" {
		return
	}
	parts, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a part %v: it is not static", part.Type)
		}
	}
}
