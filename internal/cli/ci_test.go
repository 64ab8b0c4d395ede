package cli_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/runhooks/runhooks/internal/cli"
)

// The jobs that others include do what they say: their own shell scripts are run,
// with a runhooks that is this one.
func TestForOthersCI(t *testing.T) {
	var action struct {
		Runs struct {
			Steps []struct {
				Run string            `yaml:"run"`
				Env map[string]string `yaml:"env"`
			} `yaml:"steps"`
		} `yaml:"runs"`
	}
	var gitlab map[string]struct {
		Variables map[string]string `yaml:"variables"`
		Script    []string          `yaml:"script"`
	}
	var hooks []struct {
		Entry string `yaml:"entry"`
	}
	for file, v := range map[string]any{"action.yml": &action, "templates/gitlab-ci.yml": &gitlab, ".pre-commit-hooks.yaml": &hooks} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	steps := action.Runs.Steps
	job := gitlab["runhooks-check"]
	scripts := map[string]struct {
		script, output string
		env            []string
	}{
		"action": {steps[len(steps)-1].Run, "::error file=", []string{"PATHS=good bad/*.json", "AGAINST=documented", "FAIL_ON=error", "BASELINE="}},
		"gitlab": {
			strings.Join(job.Script[1:], "\n") + "\nexit=$?; cat runhooks.xml; exit $exit", "<testsuite", []string{"RUNHOOKS_PATHS=good bad/*.json", "RUNHOOKS_AGAINST=documented"},
		},
		"pre-commit": {hooks[0].Entry + ` "$@"`, "~ bad/odd.json", nil},
	}
	for name, tt := range scripts {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, payload := range map[string][]byte{
				"good/fine.json": sample(t, "page.run-failed"), "bad/odd.json": sample(t, "dialect.field-case"),
			} {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), payload, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			run := func(args []string, env ...string) (string, int) {
				ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
				defer cancel()
				cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", tt.script, "sh"}, args...)...)
				cmd.Dir = dir
				cmd.WaitDelay = time.Second // for what the shell has started
				cmd.Env = append(os.Environ(), append([]string{"PATH=" + command(t) + ":" + os.Getenv("PATH"), asCommand + "=1"}, env...)...)
				out, _ := cmd.CombinedOutput()
				if ctx.Err() != nil {
					t.Fatalf("it didn't end within %v; seen until then:\n%s", cli.Patience, out)
				}
				return string(out), cmd.ProcessState.ExitCode()
			}
			out, code := run([]string{"good/fine.json", "bad/odd.json"}, tt.env...)
			if code != 1 || !strings.Contains(out, tt.output) {
				t.Errorf("exit code %d, want 1, and %q:\n%s", code, tt.output, out)
			}
			good := append([]string{}, tt.env...)
			for i := range good {
				good[i] = strings.Replace(good[i], "good bad/*.json", "good", 1)
			}
			if out, code := run([]string{"good/fine.json"}, good...); code != 0 {
				t.Errorf("exit code %d, want 0:\n%s", code, out)
			}
		})
	}
}

// command gives a folder in which this test is the program runhooks.
func command(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "runhooks")); err != nil {
		t.Fatal(err)
	}
	return dir
}
