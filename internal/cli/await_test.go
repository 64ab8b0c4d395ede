package cli

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Patience is how long a test waits for what takes a moment.
const Patience = time.Minute

// Await returns what comes from a channel. If nothing does, it fails the test and
// says what was awaited, and what was seen until then.
func Await[T any](t testing.TB, what string, from <-chan T, seen func() string) T {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatalf("%s didn't come within %v; seen until then:\n%s", what, Patience, seen())
		panic("unreachable")
	}
}

// An Output keeps what a command writes while a test reads it.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Commands are the command lines of all commands, without arguments.
func Commands() (all []string) {
	root := newRoot(streams{})
	root.InitDefaultCompletionCmd()
	var add func(*cobra.Command)
	add = func(command *cobra.Command) {
		if command.Runnable() && command != root {
			all = append(all, command.CommandPath())
		}
		for _, sub := range command.Commands() {
			add(sub)
		}
	}
	add(root)
	return all
}
