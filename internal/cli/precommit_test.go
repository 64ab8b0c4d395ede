//go:build precommit

package cli_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestPreCommit: the hooks get files of every form, all at once. "make test-pre-commit"
// installs pre-commit, and runs this.
func TestPreCommit(t *testing.T) {
	var hooks []map[string]any
	readYAML(t, "../../.pre-commit-hooks.yaml", &hooks)
	program := os.Getenv("PRE_COMMIT")
	if program == "" {
		t.Fatal("PRE_COMMIT is not set: run make test-pre-commit")
	}
	// Not cloned and built: the hooks are the same, and the runhooks is this one.
	for _, hook := range hooks {
		hook["language"] = "system"
	}
	run := func(t *testing.T, hook map[string]any, config map[string]any, args ...string) (string, int) {
		t.Helper()
		dir := awkward(t)
		for file, content := range map[string]string{
			"openapi.yaml": "openapi: 3.1.1\npaths: {}\ncomponents: {schemas: {A: {const: 1}}}\n", "notes.txt": "{}",
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		for _, more := range []string{"with space/own schema.json", "with space/known.json", "empty.ndjson"} {
			if err := os.Remove(filepath.Join(dir, more)); err != nil && more != "with space/known.json" {
				t.Fatal(err)
			}
		}
		if hook != nil {
			all := maps.Clone(hook)
			maps.Copy(all, config)
			text, err := yaml.Marshal(map[string]any{"repos": []any{map[string]any{"repo": "local", "hooks": []any{all}}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, ".pre-commit-config.yaml"), text, 0o666); err != nil {
				t.Fatal(err)
			}
			shell(t, dir, nil, "git", "init", "-q")
			shell(t, dir, nil, "git", "add", "--all")
		}
		return shell(t, dir, map[string]string{"PRE_COMMIT_HOME": t.TempDir()}, program, args...)
	}
	manifest, err := filepath.Abs("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, code := run(t, nil, nil, "validate-manifest", manifest); code != 0 {
		t.Fatalf("the manifest:\n%s", out)
	}
	tests := []struct {
		name   string
		hook   int
		config map[string]any
		code   int
		has    []string
	}{
		{"what a directory has", 0, map[string]any{"exclude": "^(bad|warned)/"}, 0, []string{"Passed"}},
		{"one summary", 0, nil, 1, []string{"Failed", "~ bad/odd.json", "6 payloads: 5 conform, 1 deviates"}},
		{"arguments", 0, map[string]any{"args": []string{"--against", "observed", "--fail-on", "warning", "--"}}, 1, []string{"data.count-mismatch", "6 payloads"}},
		{"one folder", 0, map[string]any{"files": "^good/", "verbose": true}, 0, []string{"1 payload: 1 conforms"}},
		{"nothing", 0, map[string]any{"files": "^none/"}, 0, []string{"(no files to check)Skipped"}},
		{"lint", 1, nil, 1, []string{"openapi.yaml:3:", "const-without-type", "1 document: 0 passed, 1 failed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, code := run(t, hooks[tt.hook], tt.config, "run", "--all-files", "--color", "never")
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			holds(t, out, tt.has, []string{"notes.txt"})
		})
	}
}
