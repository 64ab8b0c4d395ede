// Package gen_test holds the generated code to its sources.
package gen_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Generating gives the same bytes wherever the tree is, and they are the ones
// that are committed.
func TestGenerate(t *testing.T) {
	if testing.Short() {
		t.Skip("runs go generate in a copy of the tree, which builds the generators; left out by -short")
	}
	// The generators may have to be fetched. What they do is done offline.
	for _, pins := range []string{"../go.mod", "../tools/codegen/go.mod"} {
		if out, err := exec.Command("go", "mod", "download", "-modfile="+pins).CombinedOutput(); err != nil {
			t.Fatalf("go mod download -modfile=%s: %v\n%s", pins, err, out)
		}
	}
	committed := contents(t, "..")
	root := filepath.Join(t.TempDir(), "another", "place with a space")
	for file, data := range committed {
		write(t, filepath.Join(root, file), data)
	}
	cmd := exec.Command("go", "generate", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go generate: %v\n%s", err, out)
	}
	if diff := cmp.Diff(committed, contents(t, root)); diff != "" {
		t.Errorf("in another folder, go generate ./... gives other files (-committed +generated):\n%s", diff)
	}
}

// built are the folders that make clean removes.
var built = []string{"bin", "generated", "node_modules", "target", "venv"}

// contents returns the files below root, by name, without what is built there.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || slices.Contains(built, base)) {
				return filepath.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
