package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/runhooks/runhooks/internal/cli"
)

// The jobs that others include do what they say: their own shell scripts are run,
// with a runhooks that is this one, over files whose names are awkward.
func TestForOthersCI(t *testing.T) {
	var action struct {
		Inputs map[string]struct {
			Default string `yaml:"default"`
		} `yaml:"inputs"`
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
	readYAML(t, "../../action.yml", &action)
	readYAML(t, "../../templates/gitlab-ci.yml", &gitlab)
	step := action.Runs.Steps[len(action.Runs.Steps)-1]
	actionEnv := map[string]string{}
	for name, value := range step.Env {
		input := strings.TrimSuffix(strings.TrimPrefix(value, "${{ inputs."), " }}")
		if _, ok := action.Inputs[input]; !ok {
			t.Fatalf("%s is %s, which is not an input", name, value)
		}
		actionEnv[name] = action.Inputs[input].Default
	}
	job := gitlab["runhooks-check"]

	tests := []struct {
		name   string
		inputs map[string]string // by the names that the action has in its environment
		code   int
		has    []string // in the log
		hasNot []string
		action []string // in the action's log, besides
		gitlab []string // in the job's log or its report, besides
	}{
		{
			name:   "one of two deviates",
			inputs: map[string]string{"PATHS": "good bad/*.json"},
			code:   1, has: []string{"~ bad/odd.json", "2 payloads: 1 conforms"},
			action: []string{"::error file=bad/odd.json,"}, gitlab: []string{"<testsuite"},
		},
		{name: "all conform", inputs: map[string]string{"PATHS": "good"}, code: 0, has: []string{"1 payload: 1 conforms"}, hasNot: []string{"::error"}},
		{
			name:   "quotes, lines and blanks",
			inputs: map[string]string{"PATHS": "  good\n\t'with space/a b.json'\n\"with space/*.ndjson\"  -dash.json\n"},
			code:   0, has: []string{"4 payloads: 4 conform"},
		},
		{
			name:   "nothing in a path is a command",
			inputs: map[string]string{"PATHS": "good '$(touch made)' '`touch made`;touch made'"},
			code:   2, has: []string{"$(touch made)  unreadable", "`touch made`;touch made  unreadable"}, action: []string{"::error title=runhooks::not everything"},
		},
		{
			name:   "arguments",
			inputs: map[string]string{"PATHS": "good bad", "ARGS": `--schema "with space/own schema.json" --verbose`},
			code:   1, has: []string{"2 payloads: 0 conform", "2 invalid", "own schema.json"},
		},
		{name: "an argument can't choose the form", inputs: map[string]string{"PATHS": "good", "ARGS": "--format html"}, code: 0, has: []string{"1 payload: 1 conforms"}, hasNot: []string{"<html"}},
		{name: "deviations are accepted", inputs: map[string]string{"PATHS": "bad", "AGAINST": "observed"}, code: 0, has: []string{"1 payload: 0 conform, 1 deviates"}},
		{name: "a baseline with a space", inputs: map[string]string{"PATHS": "bad", "BASELINE": "with space/known.json"}, code: 0, has: []string{"1 payload: 0 conform, 1 deviates"}},
		{name: "warnings fail", inputs: map[string]string{"PATHS": "warned", "FAIL_ON": "warning"}, code: 1, has: []string{"data.count-mismatch"}},
		{name: "an argument that isn't one", inputs: map[string]string{"PATHS": "good", "ARGS": "--nonsense"}, code: 2, has: []string{"--nonsense"}, action: []string{"::error"}},
		{name: "no path", code: 2, has: []string{"nothing to check: "}, action: []string{"::error title=runhooks::nothing"}},
		{name: "blanks", inputs: map[string]string{"PATHS": " \n "}, code: 2, has: []string{"nothing to check: "}},
		{name: "an open quote", inputs: map[string]string{"PATHS": "it's"}, code: 2, has: []string{"are its quotes closed?"}},
		{name: "an open quote in an argument", inputs: map[string]string{"PATHS": "good", "ARGS": `"`}, code: 2, has: []string{"are its quotes closed?"}},
		{name: "a glob that matches nothing", inputs: map[string]string{"PATHS": "none/*.json"}, code: 2, has: []string{"none/*.json  unreadable  no file matches"}, action: []string{"::error"}},
		{name: "a file without payloads", inputs: map[string]string{"PATHS": "empty.ndjson"}, code: 2, has: []string{"nothing was checked"}, action: []string{"::error"}},
		{name: "a directory without payloads", inputs: map[string]string{"PATHS": "empty"}, code: 2, has: []string{"no payload files in this directory"}},
	}
	for _, tt := range tests {
		t.Run("action/"+tt.name, func(t *testing.T) {
			dir := awkward(t)
			env := maps.Clone(actionEnv)
			maps.Copy(env, tt.inputs)
			env["SARIF"] = "with space/findings.sarif"
			log, code := shell(t, dir, env, "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			holds(t, log, append(tt.has, tt.action...), append(tt.hasNot, "\nmade"))
			// What the text says is not a command.
			if stop := regexp.MustCompile(`(?s)::stop-commands::([0-9a-f]{32})\n.*\n::([0-9a-f]{32})::\n`).FindStringSubmatch(log); tt.code == 1 && (stop == nil || stop[1] != stop[2]) {
				t.Errorf("commands are not stopped and resumed:\n%s", log)
			}
			sarif, err := os.ReadFile(filepath.Join(dir, env["SARIF"]))
			if want := tt.code < 2; want && (err != nil || !strings.Contains(string(sarif), `"version":"2.1.0"`)) {
				t.Errorf("the SARIF file: %v\n%.300s", err, sarif)
			}
		})
		t.Run("gitlab/"+tt.name, func(t *testing.T) {
			dir := awkward(t)
			env := maps.Clone(job.Variables)
			for name, value := range tt.inputs {
				if _, ok := env["RUNHOOKS_"+name]; !ok {
					t.Fatalf("the job has no variable RUNHOOKS_%s", name)
				}
				env["RUNHOOKS_"+name] = value
			}
			log, code := shell(t, dir, env, "sh", "-e", "-c", strings.Join(job.Script[1:], "\n"))
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			report, err := os.ReadFile(filepath.Join(dir, "runhooks.xml"))
			if tt.code < 2 && err != nil || err == nil && len(report) == 0 {
				t.Errorf("the report: %d bytes, %v", len(report), err)
			}
			holds(t, log, tt.has, append(tt.hasNot, "\nmade"))
			holds(t, string(report), tt.gitlab, nil)
		})
	}
}

// awkward makes a folder of payloads, whose names are hard on shells.
func awkward(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	good, odd := sample(t, "page.run-failed"), sample(t, "dialect.field-case")
	for file, content := range map[string][]byte{
		"good/fine.json": good, "with space/a b.json": good, "with space/c d.ndjson": oneLine(t, good), "-dash.json": good,
		"bad/odd.json": odd, "warned/count.json": sample(t, "data.count-mismatch"), "empty.ndjson": nil, "empty/readme.txt": []byte("none"),
		"with space/own schema.json": []byte(`{"required": ["no_such_member"]}`),
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, dir, nil, "runhooks", "check", "--write-baseline", "with space/known.json", "bad")
	return dir
}

// shell runs a program in a folder, with a runhooks that is this test. It returns what
// it writes, and its exit code.
func shell(t *testing.T, dir string, env map[string]string, program string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	defer cancel()
	path := command(t)
	if program == "runhooks" {
		program = filepath.Join(path, program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second // for what it has started
	cmd.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"), asCommand+"=1")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, _ := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("it didn't end within %v; seen until then:\n%s", cli.Patience, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func holds(t *testing.T, text string, has, hasNot []string) {
	t.Helper()
	for _, want := range has {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	for _, unwanted := range hasNot {
		if strings.Contains(text, unwanted) {
			t.Errorf("has %q:\n%s", unwanted, text)
		}
	}
}

func readYAML(t *testing.T, file string, v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, file)), v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// oneLine returns a payload as a line of NDJSON.
func oneLine(t *testing.T, payload []byte) []byte {
	t.Helper()
	var line bytes.Buffer
	if err := json.Compact(&line, payload); err != nil {
		t.Fatal(err)
	}
	return append(line.Bytes(), '\n')
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
