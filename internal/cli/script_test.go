package cli_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/runhooks/runhooks/internal/cli"
)

// exitCode runs a command that must end with an exit code: code 2 runhooks …
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [arg…]")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// compress writes a file again with an extension, compressed.
func compress(to func(io.Writer) io.WriteCloser, extension string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		for _, name := range args {
			var packed bytes.Buffer
			w := to(&packed)
			_, err := io.WriteString(w, ts.ReadFile(name))
			ts.Check(err)
			ts.Check(w.Close())
			ts.Check(os.WriteFile(ts.MkAbs(name)+extension, packed.Bytes(), 0o600))
		}
	}
}

// table compares a file whose lines end in CRLF with one whose lines don't: table GOT WANT.
func table(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: table GOT WANT")
	}
	got, want := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	if strings.ReplaceAll(got, "\r\n", "\n") != want || !strings.HasSuffix(got, "\r\n") {
		ts.Fatalf("%s is\n%s\nwant\n%s", args[0], got, want)
	}
}

// mode checks who may do what to files: mode 600 FILE…
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE…")
	}
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

const (
	// asCommand is set in the environment of a test binary that is to be runhooks.
	asCommand = "RUNHOOKS_TEST_AS_COMMAND"
	// statusFile names a file to which runhooks then writes what the system
	// knows of the process at its end. (What its parent is told of its memory
	// includes that of the parent.)
	statusFile = "RUNHOOKS_TEST_STATUS_FILE"
)

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		runhooks()
	}
	// With the race detector a program sleeps for a second before it ends, and here are
	// hundreds of them.
	if err := os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=50")); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"runhooks": runhooks})
}

func runhooks() {
	code := cli.Main()
	if path := os.Getenv(statusFile); path != "" {
		status, err := os.ReadFile("/proc/self/status")
		if err == nil {
			err = os.WriteFile(path, status, 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
	os.Exit(code)
}

// TestScripts runs the command line as people do. The scripts read as its
// documentation.
func TestScripts(t *testing.T) {
	vectors, err := filepath.Abs("../../vectors")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Condition:           condition,
		Deadline:            time.Now().Add(10 * cli.Patience), // of all scripts
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":      exitCode,
			"listen":    listen,
			"outbox":    outbox,
			"serve":     serve,
			"proxy":     proxy,
			"newer":     newer,
			"until":     until,
			"mode":      mode,
			"id":        id,
			"found":     found,
			"lost":      lost,
			"broken":    broken,
			"database":  database,
			"contents":  contents,
			"table":     table,
			"ended":     ended,
			"interrupt": interrupt,
			"gzip":      compress(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, ".gz"),
			"zstd": compress(func(w io.Writer) io.WriteCloser {
				z, err := zstd.NewWriter(w)
				if err != nil {
					t.Fatal(err)
				}
				return z
			}, ".zst"),
			"utf16": compress(func(w io.Writer) io.WriteCloser {
				return transform.NewWriter(w, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder())
			}, ".16"),
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("VECTORS", vectors)
			env.Setenv("RUNHOOKS_DATA", filepath.Join(env.WorkDir, "data"))
			env.Values[backgroundKey("")] = make(map[string]*background)
			return nil
		},
	})
}
