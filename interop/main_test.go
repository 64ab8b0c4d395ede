package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	all := fmt.Sprint(languages)
	for only, want := range map[string]string{
		"":                     all,
		"rust,golang":          "[rust golang]",
		"bindings/npm":         "[bindings/npm node bindings/npm deno bindings/npm bun]",
		"bindings/pypi,python": "[bindings/pypi python]",
		"go":                   "-only go: there is no such folder; there are " + all,
	} {
		chosen, err := choose(only)
		got := fmt.Sprint(chosen)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q chooses %s, want %s", only, got, want)
		}
	}
}

// Languages of one lane run one after the other, those of others beside them, and what
// comes of them is in the order of the page.
func TestRunLanes(t *testing.T) {
	chosen := []language{{lane: "a", folder: "1"}, {lane: "b", folder: "2"}, {lane: "a", folder: "3"}, {lane: "c", folder: "4"}}
	for _, lanes := range []int{0, 1, 2, 8} {
		var running sync.Map
		// The first of each of two lanes ends when the other has begun.
		begun := map[string]chan struct{}{"1": make(chan struct{}), "2": make(chan struct{})}
		results := options{lanes: lanes}.runLanes(chosen, func(l language) result {
			if other, twice := running.LoadOrStore(l.lane, l.folder); twice {
				t.Errorf("%d lanes: %s runs beside %s of its lane", lanes, l.folder, other)
			}
			defer running.Delete(l.lane)
			if lanes > 1 && begun[l.folder] != nil {
				close(begun[l.folder])
				<-begun["1"]
				<-begun["2"]
			}
			return result{failures: []string{l.folder}}
		})
		var got []string
		for _, r := range results {
			got = append(got, r.failures...)
		}
		if want := []string{"1", "2", "3", "4"}; !slices.Equal(got, want) {
			t.Errorf("%d lanes: results of %q, want %q", lanes, got, want)
		}
	}
}

// Without its toolchain, a language is skipped by name, and that is a failure where
// all is required.
func TestSkips(t *testing.T) {
	// All that a script may use before it looks for its toolchain.
	bin := t.TempDir()
	for _, tool := range []string{"sh", "dirname", "pwd"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for _, language := range languages {
		if language.folder == "golang" {
			continue // what runs this test is there
		}
		for _, required := range []bool{false, true} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(bin, "sh"), filepath.Join(language.folder, "run.sh"))
			cmd.Env = []string{"PATH=" + bin, "REQUIRE_ALL="}
			if required {
				cmd.Env = []string{"PATH=" + bin, "REQUIRE_ALL=1"}
			}
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if (err != nil) != required || stdout.String() != "" ||
				!strings.HasPrefix(stderr.String(), "SKIP interop/"+language.folder+": ") {
				t.Errorf("%s, required %t: error %v, %q, %q", language.folder, required, err, stdout.String(), stderr.String())
			}
		}
	}
}

// Without a service, its clients have nobody to call, which is a failure where all is
// required.
func TestSkipsCalls(t *testing.T) {
	bin := t.TempDir()
	for _, tool := range []string{"sh", "dirname"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	// Toolchains that are whatever a script asks for.
	for _, tool := range []string{"go", "node", "npm", "python3", "java", "javac", "mvn"} {
		if err := os.WriteFile(filepath.Join(bin, tool), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, language := range languages {
		if slices.Contains([]string{"rust", "cpp", "php", "ruby", "http"}, language.folder) || language.tool != "" {
			continue // it has no client that takes the document, or none that is tried
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, filepath.Join(bin, "sh"), filepath.Join(language.folder, "run.sh"))
		cmd.Env = []string{"PATH=" + bin, "REQUIRE_ALL=1"}
		out, err := cmd.CombinedOutput()
		want := "SKIP interop/" + language.folder + ": no SERVICE_URL for clients to call\n"
		if err == nil || string(out) != want {
			t.Errorf("%s: error %v, %q, want %q", language.folder, err, out, want)
		}
	}
}
