package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/modfile"
	modulepath "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// row matches a row of the table of docs/release.md: what follows go get, and the
// modules that it adds.
var row = regexp.MustCompile("(?m)^\\| `(-tool )?([\\w./-]+)` \\| (\\d+) \\| (.*) \\|$")

// TestFetch publishes a release on a file system, and does with it what the
// documentation says, in empty modules, where nothing is replaced.
func TestFetch(t *testing.T) {
	text := string(read(t, "../../docs/release.md"))
	rows := row.FindAllStringSubmatch(text, -1)
	if len(rows) == 0 || len(rows) != strings.Count(text, "\n| `"+module)+strings.Count(text, "\n| `-tool ") {
		t.Fatalf("docs/release.md has %d rows that can be read, and others", len(rows))
	}
	dir := released(t)
	nested, err := published(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append([]string{"."}, nested...) {
		packages, err := command(filepath.Join(dir, m), nil, "go", "list", "./...")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range strings.Fields(packages) {
			if strings.HasPrefix(path, module+"/pkg/") && !strings.Contains(text, "| `"+path+"` |") {
				t.Errorf("docs/release.md has no row for %s", path)
			}
		}
	}
	env := stranger(t, publish(t, dir))
	binary := filepath.Join(t.TempDir(), "bin")
	do := func(dir, name string, args ...string) string {
		t.Helper()
		out, err := command(dir, append(env, "GOBIN="+binary), name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}

	t.Run("go install", func(t *testing.T) {
		empty := t.TempDir()
		for _, version := range []string{mock, "latest"} {
			do(empty, "go", "install", module+"/cmd/runhooks@"+version)
			if out := do(empty, filepath.Join(binary, "runhooks"), "version"); !strings.HasPrefix(out, "runhooks "+mock+" ") {
				t.Errorf("go install @%s: runhooks version says %s", version, out)
			}
		}
	})
	for _, r := range rows {
		tool, path := r[1] != "", r[2]
		t.Run(path, func(t *testing.T) {
			dir := t.TempDir()
			do(dir, "go", "mod", "init", "example.com/stranger")
			if tool {
				do(dir, "go", "get", "-tool", path+"@"+mock)
				if out := do(dir, "go", "tool", "runhooks", "version"); !strings.HasPrefix(out, "runhooks "+mock+" ") {
					t.Errorf("go tool runhooks version says %s", out)
				}
			} else {
				do(dir, "go", "get", path+"@"+mock)
			}
			added := requires(t, dir)
			if want := fmt.Sprintf("%d | `%s`", len(added), strings.Join(added, "`, `")); r[3]+" | "+r[4] != want {
				t.Errorf("docs/release.md says that it adds\n  %s | %s, it adds\n  %s", r[3], r[4], want)
			}
			if tool || path == module { // of which nothing can be imported
				return
			}
			program := fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", path)
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o666); err != nil {
				t.Fatal(err)
			}
			do(dir, "go", "vet", "./...")
			do(dir, "go", "mod", "tidy")
			for _, m := range requires(t, dir) {
				if !slices.Contains(added, m) {
					t.Errorf("go mod tidy adds %s", m)
				}
			}
			// go mod tidy also has a look at the tests of what is imported.
			sums := string(read(t, dir, "go.sum"))
			for _, driver := range []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5"} {
				if strings.Contains(sums, driver) && !slices.Contains(added, driver) {
					t.Errorf("go.sum has the database driver %s", driver)
				}
			}
		})
	}
}

// requires returns the modules that the go.mod in dir requires.
func requires(t *testing.T, dir string) (paths []string) {
	t.Helper()
	file, err := modfile.Parse("go.mod", read(t, dir, "go.mod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Require {
		paths = append(paths, r.Mod.Path)
	}
	slices.Sort(paths)
	return paths
}

// publish makes a module proxy that has the release in dir: the module at the root,
// and those that are published beside it. It returns the proxy's folder.
func publish(t *testing.T, dir string) string {
	t.Helper()
	proxy := t.TempDir()
	nested, err := published(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append([]string{""}, nested...) {
		version := modulepath.Version{Path: strings.TrimSuffix(module+"/"+m, "/"), Version: mock}
		at := filepath.Join(proxy, filepath.FromSlash(version.Path), "@v")
		if err := os.MkdirAll(at, 0o777); err != nil {
			t.Fatal(err)
		}
		info, err := json.Marshal(map[string]any{"Version": mock, "Time": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{
			"list": []byte(mock + "\n"), mock + ".info": info, mock + ".mod": read(t, dir, m, "go.mod"),
		} {
			if err := os.WriteFile(filepath.Join(at, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		packed, err := os.Create(filepath.Join(at, mock+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		// As the go command does it for a tag.
		if err := zip.CreateFromVCS(packed, version, dir, "HEAD", m); err != nil {
			t.Fatal(err)
		}
		if err := packed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return proxy
}

// stranger returns the environment of somebody who has the modules on proxy, and
// all others from where this machine has them, but nothing of ours.
func stranger(t *testing.T, proxy string) []string {
	t.Helper()
	values, err := command(".", nil, "go", "env", "GOMODCACHE", "GOPROXY")
	if err != nil {
		t.Fatal(err)
	}
	cache, upstream, _ := strings.Cut(values, "\n")
	return []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy) + ",file://" + filepath.ToSlash(cache) + "/cache/download," + upstream,
		"GOMODCACHE=" + t.TempDir(),
		"GOFLAGS=-modcacherw", // so that the test can remove it
		"GOWORK=off", "GOSUMDB=off", "GOPRIVATE=", "GONOPROXY=",
	}
}
