package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A command is a row of the table of whole processes: from its start to its
// exit, with the reading of the file.
type command struct {
	name string
	does string
	env  []string
	args []string // with the program before them; the file comes last
	// pkg is what the program is a version of, where it isn't ours.
	pkg string
}

// ourCommand is the one that the others are compared with. It comes first.
const ourCommand = "runhooks check"

// commands gives those to compare, with runhooks the path of that program.
func commands(runhooks string) []command {
	arch := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	blaze := filepath.Join("node", "node_modules", "@sourcemeta", "jsonschema", "build", "github-releases",
		"jsonschema-"+runtime.GOOS+"-"+arch)
	schemas := filepath.Join("..", "jsonschema", "v1")
	return []command{
		{
			name: ourCommand,
			does: "on all cores, as it comes",
			args: []string{runhooks, "check", "--quiet"},
		},
		{
			name: "runhooks check, one core",
			does: "`GOMAXPROCS=1`, `--jobs 1`",
			env:  []string{"GOMAXPROCS=1"},
			args: []string{runhooks, "check", "--quiet", "--jobs", "1"},
		},
		{
			name: "jsonschema validate (Blaze)",
			does: "the native program of @sourcemeta/jsonschema without its launcher, with `--fast --format-assertion`; on one core",
			args: []string{blaze, "validate", "--fast", "--format-assertion",
				"--resolve", filepath.Join(schemas, "run-completed.json"),
				"--resolve", filepath.Join(schemas, "run-failed.json"),
				filepath.Join(schemas, "run-event.json")},
			pkg: "@sourcemeta/jsonschema",
		},
	}
}

// available gives why the command can't be run, or nil.
func (c command) available() error {
	if _, err := os.Stat(c.args[0]); err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return nil
}

// A process is what one run of a command took.
type process struct {
	Wall     time.Duration `json:"wall"`
	CPU      time.Duration `json:"cpu"`
	Memory   int64         `json:"memory"` // largest resident size in bytes
	Accepted bool          `json:"accepted"`
	Output   string        `json:"output"`
}

// timeWord, as the first argument of this program, has it run the command of
// the other arguments and print the process as JSON.
const timeWord = "time"

// run runs the command by way of this program itself: Linux counts the size of
// the process that starts another for that one's, and this one holds corpora.
func (c command) run(file string) (process, error) {
	self, err := os.Executable()
	if err != nil {
		return process{}, err
	}
	args := append([]string{timeWord}, c.args...)
	cmd := exec.Command(self, append(args, file)...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return process{}, fmt.Errorf("%s: %w", c.args[0], err)
	}
	var p process
	if err := json.Unmarshal(out, &p); err != nil {
		return process{}, fmt.Errorf("%s: %w", c.args[0], err)
	}
	return p, nil
}

// timeCommand is the other end of run.
func timeCommand(args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	err := cmd.Run()
	p := process{Wall: time.Since(start), Accepted: err == nil, Output: lastLine(output.String())}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.Memory = int64(usage.Maxrss)
		if runtime.GOOS != "darwin" {
			p.Memory *= 1024
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// accepts judges one payload, in a file of its own.
func (c command) accepts(dir string) func([]byte) (bool, error) {
	file := filepath.Join(dir, "control.json")
	return func(payload []byte) (bool, error) {
		if err := os.WriteFile(file, payload, 0o644); err != nil {
			return false, err
		}
		p, err := c.run(file)
		return p.Accepted, err
	}
}

func (c command) printVersion() string {
	if c.pkg == "" {
		return ""
	}
	out, err := exec.Command(c.args[0], "--version").Output()
	if err != nil {
		return ""
	}
	return c.pkg + " " + strings.TrimSpace(string(out))
}
