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
	on  kind
	// exit is the exit code to expect: 1 from a command that lists what is wrong.
	exit int
	// output is the file to which its output goes, or "" for none.
	output string
	// instead is read instead of the corpus, if it is not "".
	instead string
}

// The commands that others are compared with, on each kind of corpora. Each comes
// before the others.
const (
	ourCommand = "runhooks check"
	ourListing = "runhooks check, text to a file"
)

// Others that targets are about.
const (
	ourQuiet  = "runhooks check --quiet --against observed"
	writing   = "cat of that text to a file"
	atCommit  = ", before"
	thisBuild = ", after"
)

// commands returns the commands to compare. runhooks is the path of that program, and
// before that of an older build, if there is one. Files are written to dir.
func commands(runhooks, before, dir string) []command {
	var all []command
	for _, program := range []struct{ path, suffix string }{{runhooks, ""}, {before, atCommit}} {
		if program.path == "" {
			continue
		}
		text := filepath.Join(dir, "check"+strings.Trim(program.suffix, ", ")+".txt")
		all = append(all, command{
			name:   ourListing + program.suffix,
			does:   "all findings of all events, on all cores",
			args:   []string{program.path, "check"},
			on:     deviating,
			exit:   1,
			output: text,
		})
		if program.suffix == "" {
			all = append(all, command{
				name:    writing,
				does:    "reads the file that the row above wrote, and writes it again: what that can't be faster than",
				args:    []string{"cat"},
				on:      deviating,
				output:  filepath.Join(dir, "cat.txt"),
				instead: text,
			})
		}
		all = append(all, command{
			name: ourQuiet + program.suffix,
			does: "only what is invalid, which nothing is, on all cores",
			args: []string{program.path, "check", "--quiet", "--against", "observed"},
			on:   deviating,
		})
	}
	arch := map[string]string{"amd64": "x86_64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	blaze := filepath.Join("node", "node_modules", "@sourcemeta", "jsonschema", "build", "github-releases",
		"jsonschema-"+runtime.GOOS+"-"+arch)
	schemas := filepath.Join("..", "jsonschema", "v1")
	contract := []string{"--format-assertion",
		"--resolve", filepath.Join(schemas, "run-completed.json"),
		"--resolve", filepath.Join(schemas, "run-failed.json"),
		filepath.Join(schemas, "run-event.json")}
	return append(all,
		command{
			name: ourCommand,
			does: "on all cores, as it comes",
			args: []string{runhooks, "check", "--quiet"},
		},
		command{
			name: "runhooks check, one core",
			does: "`GOMAXPROCS=1`, `--jobs 1`",
			env:  []string{"GOMAXPROCS=1"},
			args: []string{runhooks, "check", "--quiet", "--jobs", "1"},
		},
		command{
			name: "jsonschema validate (Blaze)",
			does: "the native program of @sourcemeta/jsonschema without its launcher, with `--fast --format-assertion`; on one core",
			args: append([]string{blaze, "validate", "--fast"}, contract...),
			pkg:  "@sourcemeta/jsonschema",
		},
		command{
			name:   "jsonschema validate (Blaze), all errors",
			does:   "the same without `--fast`, and with `--continue --json`; on one core",
			args:   append([]string{blaze, "validate", "--continue", "--json"}, contract...),
			pkg:    "@sourcemeta/jsonschema",
			on:     deviating,
			exit:   2,
			output: filepath.Join(dir, "blaze.json"),
		},
	)
}

// available returns why the command can't be run, or nil.
func (c command) available() error {
	if _, err := exec.LookPath(c.args[0]); err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	return nil
}

// A process is what one run of a command took.
type process struct {
	Wall   time.Duration `json:"wall"`
	CPU    time.Duration `json:"cpu"`
	Memory int64         `json:"memory"` // largest resident size in bytes
	Exit   int           `json:"exit"`
	Output string        `json:"output"` // its last line, if it wasn't written to a file
}

// timeWord, as the first argument of this program, has it run a command and print
// the process as JSON. The next argument is the file for the command's output, or "",
// and those that follow are the command.
const timeWord = "time"

// run runs the command from a second process of this program: Linux counts the memory of
// the process that starts another as the other's, and this process holds corpora.
func (c command) run(file string) (process, error) {
	self, err := os.Executable()
	if err != nil {
		return process{}, err
	}
	if c.instead != "" {
		file = c.instead
	}
	args := append([]string{timeWord, c.output}, c.args...)
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
	cmd := exec.Command(args[1], args[2:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if args[0] != "" {
		file, err := os.Create(args[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer file.Close()
		cmd.Stdout = file
	}
	start := time.Now()
	err := cmd.Run()
	p := process{Wall: time.Since(start)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p.Exit, p.Output = cmd.ProcessState.ExitCode(), lastLine(output.String())
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
		return p.Exit == 0, err
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
