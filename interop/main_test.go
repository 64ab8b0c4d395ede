package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
