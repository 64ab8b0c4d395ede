package main

import (
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
	// version are the arguments that print it.
	version []string
}

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
			name: "runhooks check",
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
			version: []string{"--version"},
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
	wall, cpu time.Duration
	memory    int64 // largest resident size in bytes
	accepted  bool
	output    string
}

func (c command) run(file string) (process, error) {
	cmd := exec.Command(c.args[0], append(c.args[1:len(c.args):len(c.args)], file)...)
	cmd.Env = append(os.Environ(), c.env...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	err := cmd.Run()
	p := process{wall: time.Since(start), accepted: err == nil, output: output.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return process{}, err
	}
	p.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		p.memory = int64(usage.Maxrss)
		if runtime.GOOS != "darwin" {
			p.memory *= 1024
		}
	}
	return p, nil
}

// accepts judges one payload, in a file of its own.
func (c command) accepts(dir string) func([]byte) (bool, error) {
	file := filepath.Join(dir, "control.json")
	return func(payload []byte) (bool, error) {
		if err := os.WriteFile(file, payload, 0o644); err != nil {
			return false, err
		}
		p, err := c.run(file)
		return p.accepted, err
	}
}

func (c command) printVersion() string {
	if c.version == nil {
		return ""
	}
	out, err := exec.Command(c.args[0], c.version...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
