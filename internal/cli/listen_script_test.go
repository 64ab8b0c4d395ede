package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/runhooks/runhooks/internal/cli"
)

// A background is a runhooks listen or serve that a script has started.
type background struct {
	ctx    context.Context // which ends a process that lives longer than any script takes
	cmd    *exec.Cmd
	out    bytes.Buffer
	errOut bytes.Buffer
	read   chan struct{} // closed when errOut is complete
}

type backgroundKey string

// listen starts a listener on a free port, as "listen NAME [flag…]", waits until
// it is ready, and puts its URL into $NAME, its host and port into $NAME_ADDR, and its
// port into $NAME_PORT.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: listen NAME [flag…]")
	}
	inBackground(ts, args[0], append([]string{"listen", "--addr", "127.0.0.1:0"}, args[1:]...))
}

// serve starts a service on a free port, as "serve NAME [flag…]", which may deliver to
// this machine. It does as listen, and makes it the service that clients ask.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve NAME [flag…]")
	}
	inBackground(ts, args[0], append([]string{"serve", "--addr", "127.0.0.1:0", "--allow", "127.0.0.0/8", "--log-format", "text"}, args[1:]...))
	ts.Setenv("RUNHOOKS_SERVER", ts.Getenv(args[0]))
}

// inBackground starts a command that says where it listens.
func inBackground(ts *testscript.TestScript, name string, args []string) {
	b := &background{read: make(chan struct{})}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeout(context.Background(), cli.Patience)
	ts.Defer(cancel)
	b.cmd = exec.CommandContext(b.ctx, os.Args[0], args...)
	b.cmd.Dir = ts.MkAbs(".")
	b.cmd.Env = append(os.Environ(), asCommand+"=1")
	for _, variable := range []string{"RUNHOOKS_SECRET", "RUNHOOKS_FORWARD_SECRET", "RUNHOOKS_DATA", "RUNHOOKS_STORE", "RUNHOOKS_KEY", "HTTP_PROXY", "HTTPS_PROXY"} {
		b.cmd.Env = append(b.cmd.Env, variable+"="+ts.Getenv(variable))
	}
	b.cmd.Stdout = &b.out
	errOut, err := b.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(b.cmd.Start())
	lines := bufio.NewReader(errOut)
	url, ready := "", false
	for !ready {
		line, err := lines.ReadString('\n')
		b.errOut.WriteString(line)
		if err != nil {
			ts.Fatalf("it isn't ready: %s", b.errOut.String())
		}
		url, ready = strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	}
	go func() {
		defer close(b.read)
		_, _ = io.Copy(&b.errOut, lines)
	}()
	ts.Setenv(name, url)
	addr, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	ts.Setenv(name+"_ADDR", addr)
	_, port, err := net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(name+"_PORT", port)
	backgrounds(ts)[name] = b
}

// until runs a command again and again, as "until [-N] PATTERN command [arg…]", until
// it ends well and its output matches, on N lines if that is given. "! until" waits for
// output that doesn't match.
func until(ts *testscript.TestScript, neg bool, args []string) {
	times := 1
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		var err error
		times, err = strconv.Atoi(args[0][1:])
		ts.Check(err)
		args = args[1:]
	}
	if len(args) < 2 {
		ts.Fatalf("usage: until [-N] PATTERN command [arg…]")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.Now().Add(cli.Patience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && (len(pattern.FindAllString(ts.ReadFile("stdout"), -1)) >= times) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q doesn't come, or go: %v", args[0], err)
		}
		<-again.C
	}
}

// id puts the id of an object into a variable, as "id NAME FILE [TEXT]": of the first
// line of JSON, or the first that has the text.
func id(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: id NAME FILE [TEXT]")
	}
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		var object struct{ ID string }
		if len(args) > 2 && !strings.Contains(line, args[2]) || json.Unmarshal([]byte(line), &object) != nil {
			continue
		}
		ts.Setenv(args[0], object.ID)
		return
	}
	ts.Fatalf("%s has no such object", args[1])
}

// found puts what a pattern finds first in a file into a variable, as "found NAME FILE
// PATTERN".
func found(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: found NAME FILE PATTERN")
	}
	text := regexp.MustCompile("(?m)" + args[2]).FindString(ts.ReadFile(args[1]))
	if text == "" {
		ts.Fatalf("%s doesn't have %s", args[1], args[2])
	}
	ts.Setenv(args[0], text)
}

// interrupt ends what was started, as "interrupt NAME", and writes what it said
// to NAME.out and NAME.err. It has to exit with 0.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	b := named(ts, neg, args)
	ts.Check(b.cmd.Process.Signal(os.Interrupt))
	b.end(ts, args[0])
}

// ended waits for what ends of itself, and otherwise does as interrupt.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	named(ts, neg, args).end(ts, args[0])
}

func (b *background) end(ts *testscript.TestScript, name string) {
	<-b.read
	err := b.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(name+".out"), b.out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(name+".err"), b.errOut.Bytes(), 0o600))
	if b.ctx.Err() != nil {
		ts.Fatalf("it didn't end within %v; seen until then:\n%s%s", cli.Patience, b.out.String(), b.errOut.String())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		ts.Fatalf("exit code %d: %s", exit.ExitCode(), b.errOut.String())
	}
	ts.Check(err)
}

func named(ts *testscript.TestScript, neg bool, args []string) *background {
	if neg || len(args) != 1 || backgrounds(ts)[args[0]] == nil {
		ts.Fatalf("which of those that were started? %q", args)
	}
	return backgrounds(ts)[args[0]]
}

func backgrounds(ts *testscript.TestScript) map[string]*background {
	return ts.Value(backgroundKey("")).(map[string]*background)
}
