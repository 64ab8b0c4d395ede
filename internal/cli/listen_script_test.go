package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/runhooks/runhooks/internal/cli"
)

// A background is a runhooks listen that a script has started.
type background struct {
	ctx    context.Context // which ends a listener that lives longer than any script takes
	cmd    *exec.Cmd
	out    bytes.Buffer
	errOut bytes.Buffer
	read   chan struct{} // closed when errOut is complete
}

type backgroundKey string

// listen starts a listener on a free port, as "listen NAME [flag…]", waits until
// it is ready, and puts its URL into $NAME and its host and port into $NAME_ADDR.
func listen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: listen NAME [flag…]")
	}
	b := &background{read: make(chan struct{})}
	var cancel context.CancelFunc
	b.ctx, cancel = context.WithTimeout(context.Background(), cli.Patience)
	ts.Defer(cancel)
	b.cmd = exec.CommandContext(b.ctx, os.Args[0], append([]string{"listen", "--addr", "127.0.0.1:0"}, args[1:]...)...)
	b.cmd.Dir = ts.MkAbs(".")
	b.cmd.Env = append(os.Environ(), asCommand+"=1", "RUNHOOKS_SECRET="+ts.Getenv("RUNHOOKS_SECRET"))
	b.cmd.Stdout = &b.out
	errOut, err := b.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(b.cmd.Start())
	lines := bufio.NewReader(errOut)
	line, err := lines.ReadString('\n')
	url, ready := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ready {
		rest, _ := io.ReadAll(lines)
		ts.Fatalf("the listener isn't ready: %s%s", line, rest)
	}
	b.errOut.WriteString(line)
	go func() {
		defer close(b.read)
		_, _ = io.Copy(&b.errOut, lines)
	}()
	ts.Setenv(args[0], url)
	addr, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	ts.Setenv(args[0]+"_ADDR", addr)
	backgrounds(ts)[args[0]] = b
}

// interrupt ends a listener, as "interrupt NAME", and writes what it said
// to NAME.out and NAME.err. It has to exit with 0.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	b := named(ts, neg, args)
	ts.Check(b.cmd.Process.Signal(os.Interrupt))
	b.end(ts, args[0])
}

// ended waits for a listener that ends of itself, and otherwise does as interrupt.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	named(ts, neg, args).end(ts, args[0])
}

func (b *background) end(ts *testscript.TestScript, name string) {
	<-b.read
	err := b.cmd.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(name+".out"), b.out.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(name+".err"), b.errOut.Bytes(), 0o600))
	if b.ctx.Err() != nil {
		ts.Fatalf("the listener didn't end within %v; seen until then:\n%s%s", cli.Patience, b.out.String(), b.errOut.String())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		ts.Fatalf("exit code %d: %s", exit.ExitCode(), b.errOut.String())
	}
	ts.Check(err)
}

func named(ts *testscript.TestScript, neg bool, args []string) *background {
	if neg || len(args) != 1 || backgrounds(ts)[args[0]] == nil {
		ts.Fatalf("which listener? %q", args)
	}
	return backgrounds(ts)[args[0]]
}

func backgrounds(ts *testscript.TestScript) map[string]*background {
	return ts.Value(backgroundKey("")).(map[string]*background)
}
