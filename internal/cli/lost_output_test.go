package cli_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/internal/skiptest"
)

// lost runs a command whose output can't be written, as "lost command [arg…]": the
// disk is full.
func lost(ts *testscript.TestScript, neg bool, args []string) {
	mustLose(ts, neg, args, "> /dev/full", "no space left on device")
}

// broken runs a command whose output is a pipe that nobody reads, as "broken command
// [arg…]".
func broken(ts *testscript.TestScript, neg bool, args []string) {
	// The pipe is opened for both, so that this waits for nobody, then for writing
	// alone, which is all that is left.
	mustLose(ts, neg, args, "9<>pipe >pipe 9>&-", "broken pipe", "mkfifo pipe; ")
}

// mustLose runs a command with its output redirected, which has to fail for that reason.
func mustLose(ts *testscript.TestScript, neg bool, args []string, redirected, reason string, before ...string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: lost command [arg…]")
	}
	script := strings.Join(before, "") + `"$@" ` + redirected
	err := ts.Exec("sh", append([]string{"-c", script, "sh"}, args...)...)
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch said := ts.ReadFile("stderr"); {
	case !ok:
		ts.Fatalf("it ended with %v, want exit code 2", err)
	case exit.ExitCode() != 2 || strings.Count(said, reason) != 1:
		ts.Fatalf("it ended with %v and said %q, want exit code 2 and once %q", err, said, reason)
	}
}

// TestLostOutput: a script has each command lose its output.
func TestLostOutput(t *testing.T) {
	script, err := os.ReadFile("testdata/script/lost_output.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range cli.Commands() {
		if !strings.Contains(string(script), "\nlost "+command) {
			t.Errorf("lost_output.txtar has no line for %s", command)
		}
	}
}

// TestListenLostOutput: a listener that can't show what arrives doesn't go on as if it
// did.
func TestListenLostOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		skiptest.Missing(t, "/dev/full")
	}
	defer full.Close()
	r := startTo(t, full, nil, "listen", "--addr", "127.0.0.1:0")
	url := strings.TrimPrefix(r.until("listening on "), "listening on ")
	response, err := http.Post(url, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	r.until("the output can't be written: no space left on device")
	if code := r.ended(); code != 2 {
		t.Errorf("exit code %d", code)
	}
}
