package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An earlier is the build of another commit.
type earlier struct {
	commit  string
	dir     string // has all of it
	program string // runhooks
	worker  string // a worker of this tree, with the packages of that one
}

// buildEarlier builds from a commit, in a folder of its own, which the caller removes.
func buildEarlier(commit string) (e earlier, err error) {
	if e.commit, err = output("git", "-C", "..", "rev-parse", "--verify", "--short", commit+"^{commit}"); err != nil {
		return e, err
	}
	if e.dir, err = os.MkdirTemp("", "runhooks-"+e.commit+"-"); err != nil {
		return e, err
	}
	e.program, e.worker = filepath.Join(e.dir, "runhooks"), filepath.Join(e.dir, "worker")
	tree := filepath.Join(e.dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return e, err
	}
	archive, modules := filepath.Join(e.dir, "tree.tar"), filepath.Join(e.dir, "go.mod")
	for _, args := range [][]string{
		{"git", "-C", "..", "archive", "--output", archive, e.commit},
		{"tar", "-xf", archive, "-C", tree},
		{"go", "build", "-C", tree, "-o", e.program, "./cmd/runhooks"},
		{"cp", "go.mod", "go.sum", e.dir},
		{"go", "mod", "edit", "-replace", "github.com/runhooks/runhooks=" + tree, modules},
		{"go", "build", "-mod=mod", "-modfile", modules, "-o", e.worker, "./worker"},
	} {
		if _, err := output(args...); err != nil {
			return e, err
		}
	}
	return e, nil
}

// output runs a command, and returns what it prints, or an error with what it said.
func output(args ...string) (string, error) {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, text)
	}
	return text, nil
}

// compared are the functions of package ours that are measured in both builds, each with
// the corpora that it judges.
var compared = []struct {
	name string
	on   kind
}{{"Valid", conforming}, {"Check", either}, {"ObservedRunEvent", deviating}}

// pairs returns a row for each function and build. All of them run in workers, so that they
// differ in nothing but the build.
func pairs(commit string) []subject {
	var all []subject
	for _, c := range compared {
		for _, build := range []struct {
			suffix, does string
			worker       func(*workers) (*worker, error)
		}{
			{atCommit, "built from " + commit, func(w *workers) (*worker, error) { return w.before() }},
			{thisBuild, "built from this tree", func(w *workers) (*worker, error) { return w.after() }},
		} {
			all = append(all, subject{
				name:  c.name + build.suffix,
				does:  c.name + " in a process of its own, " + build.does,
				on:    c.on,
				lists: c.name == "Check",
				start: func(w *workers) (runner, error) {
					started, err := build.worker(w)
					if err != nil {
						return nil, err
					}
					return workerRunner{worker: started, subject: c.name}, nil
				},
			})
		}
	}
	return all
}
