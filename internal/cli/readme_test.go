package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/pkg/signature"
)

// between returns what the README has between two texts.
func between(t *testing.T, start, end string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(readme), start)
	text, _, closed := strings.Cut(text, end)
	if !ok || !closed {
		t.Fatalf("the README has nothing between %q and %q", start, end)
	}
	return text
}

// TestReadmeOutput: what the README says a check of files in a clone prints is what
// it prints.
func TestReadmeOutput(t *testing.T) {
	args, want, _ := strings.Cut(between(t, "$ runhooks check ", "```\n"), "\n")
	t.Chdir("../..")
	var got, errOut strings.Builder
	cli.Run(t.Context(), append([]string{"check"}, strings.Fields(args)...), strings.NewReader(""), &got, &errOut)
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("%s\n(-README +output):\n%s", errOut.String(), diff)
	}
}

// TestReadmeCaptures: whoever has no payloads and makes some as the README says has
// what its commands for a folder of captures work on.
func TestReadmeCaptures(t *testing.T) {
	script := "set -e\nmkdir captures\n" + between(t, "```\nmkdir captures\n", "```\n") + `
runhooks check --as receiver captures/
runhooks check --against observed 'captures/**/*.json'
runhooks normalize captures/ --rows prices.csv
test -s prices.csv
`
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-c", script)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+onPath(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("the commands end with %v:\n%s", err, out)
	}
}

// TestReadmeListen: what the README says a listener shows is what it shows, but for
// what is different each time.
func TestReadmeListen(t *testing.T) {
	const secret = "whsec_Zmlyc3Qgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
	t.Setenv("RUNHOOKS_SECRET", "")
	want := between(t, "$ runhooks listen\n", "```\n")
	url, end := startListener(t, "--secret", secret, "--count", "2")
	for _, flags := range [][]string{{"--secret", secret}, nil} {
		args := append([]string{"trigger", "run_failed", "--to", url}, flags...)
		cli.Run(t.Context(), args, strings.NewReader(""), io.Discard, io.Discard)
	}
	shown, _, _ := strings.Cut(end(), "\n\n1 payload: ")
	if diff := cmp.Diff(timeless(want), timeless(shown+"\n")); diff != "" {
		t.Errorf("(-README +output):\n%s", diff)
	}
}

// TestReadmePrograms: the programs that the README shows compile.
func TestReadmePrograms(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*cli.Patience) // it may have all to compile
	defer cancel()
	programs := 0
	for i, block := range strings.Split(string(readme), "```go\n")[1:] {
		program, _, _ := strings.Cut(block, "```\n")
		programs++
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(ctx, "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("program %d: %v\n%s", i+1, err, out)
		}
	}
	if programs < 3 {
		t.Errorf("the README has %d programs", programs)
	}
}

// buildProgram builds the program that the README has under a heading, as
// printed, and returns its file.
func buildProgram(t *testing.T, heading string) string {
	t.Helper()
	_, program, _ := strings.Cut(between(t, "\n"+heading+"\n", "\n```\n\n"), "```go\n")
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("the program under %q doesn't build: %v\n%s", heading, err, out)
	}
	return binary
}

// needsFree skips the test, or fails it where nothing may be skipped, if somebody
// listens at the address that the README names.
func needsFree(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err == nil {
		listener.Close()
		return
	}
	taken := fmt.Sprintf("the README's programs use %s, which is taken; end what listens there, and run the test again: %v", address, err)
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal(taken)
	}
	t.Skip(taken)
}

// programDeadline is how long a program of the README may take, with all that the
// test does to it.
const programDeadline = time.Minute

// TestReadmeSender: the program that the README has for sending events reaches a
// listener; and where there is none, it shows each attempt, and ends.
func TestReadmeSender(t *testing.T) {
	t.Setenv("RUNHOOKS_SECRET", signature.NewSecret().Text())
	program := buildProgram(t, "### Send events")
	needsFree(t, "127.0.0.1:9000")
	ctx, cancel := context.WithTimeout(t.Context(), programDeadline)
	defer cancel()

	out, err := exec.CommandContext(ctx, program).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("without a listener, the program ends with %v", err)
	}
	for _, want := range []string{
		`WARN attempt unreachable event_id=evt_\w+ endpoint=http://127.0.0.1:9000 attempt=1 .*connection refused.* next_in=1s`,
		`WARN attempt unreachable event_id=evt_\w+ endpoint=http://127.0.0.1:9000 attempt=2 .*connection refused.* next_in=2s`,
		`ERROR attempt unreachable event_id=evt_\w+ endpoint=http://127.0.0.1:9000 attempt=3 .*connection refused`,
		`the event is not delivered: attempt 3, the last one: unreachable while connecting: .*connection refused`,
	} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("without a listener, the program doesn't show %s:\n%s", want, out)
		}
	}

	_, end := startListener(t, "--addr", "127.0.0.1:9000", "--count", "1")
	out, err = exec.CommandContext(ctx, program).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("INFO attempt accepted event_id=evt_")) {
		t.Fatalf("the program ends with %v:\n%s", err, out)
	}
	shown := end()
	for _, want := range []string{"run_failed  conforms  → 204", "signature verified"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the listener doesn't show %q:\n%s", want, shown)
		}
	}
}

// TestReadmeReceiver: the program that the README has for receiving events takes
// one of runhooks trigger.
func TestReadmeReceiver(t *testing.T) {
	t.Setenv("RUNHOOKS_SECRET", signature.NewSecret().Text())
	program := buildProgram(t, "### Receive events")
	needsFree(t, "127.0.0.1:8080")
	ctx, cancel := context.WithTimeout(t.Context(), programDeadline)
	defer cancel()

	var out bytes.Buffer
	receiver := exec.CommandContext(ctx, program)
	receiver.Stdout, receiver.Stderr = &out, &out
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = receiver.Wait() }()

	code, shown := 2, new(strings.Builder)
	trying := time.NewTicker(20 * time.Millisecond) // until it listens
	defer trying.Stop()
	for code == 2 {
		select {
		case <-ended:
			t.Fatalf("the program ended:\n%s\nand trigger showed:\n%s", out.String(), shown)
		case <-trying.C:
		}
		shown.Reset()
		args := []string{"trigger", "run_completed", "--to", "http://127.0.0.1:8080/events"}
		code = cli.Run(ctx, args, strings.NewReader(""), shown, shown)
	}
	cancel()
	<-ended
	if code != 0 {
		t.Errorf("trigger ends with %d:\n%s\nand the program printed:\n%s", code, shown, out.String())
	}
}

// timeless returns output without what is different each time, and without sizes,
// which an optional member more in the contract changes.
func timeless(output string) string {
	for pattern, instead := range map[string]string{
		`\d\d:\d\d:\d\d`:    "TIME",
		`[\d.]+ m?s\b`:      "DURATION",
		`run [0-9a-f-]{36}`: "run UUID",
		`evt_\w+`:           "ID",
		`127\.0\.0\.1:\d+`:  "ADDRESS",
		`\b\d+ B\b`:         "SIZE",
	} {
		output = regexp.MustCompile(pattern).ReplaceAllString(output, instead)
	}
	return output
}

// TestReadmeChecker: the program that the README has for checking a payload prints
// what its comment says.
func TestReadmeChecker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), programDeadline)
	defer cancel()
	got, err := exec.CommandContext(ctx, buildProgram(t, "### Check a payload")).CombinedOutput()
	if err != nil {
		t.Errorf("the program ends with %v", err)
	}
	want := strings.ReplaceAll(between(t, "\t// Output:\n", "}\n"), "\t// ", "")
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-README +output):\n%s", diff)
	}
}
