//go:build unix

package intake_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/runhooks/runhooks/internal/intake"
)

// pipe makes a pipe that has a name, as a source.
func pipe(t *testing.T) intake.Source {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe.ndjson")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	sources, errs := intake.Expand([]string{name})
	if len(sources) != 1 || len(errs) > 0 {
		t.Fatalf("sources %v, errors %v", sources, errs)
	}
	return sources[0]
}

func TestReadNamedPipe(t *testing.T) {
	src := pipe(t)
	go os.WriteFile(src.Path, []byte("{}\n[]\n"), 0)
	n := 0
	for b, err := range new(intake.Reader).Read(t.Context(), src) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(b.Payloads)
	}
	if n != 2 {
		t.Errorf("%d payloads", n)
	}
}

// A pipe that nobody writes to, or not to its end, doesn't hold a cancelled Read up.
func TestReadNamedPipeCancel(t *testing.T) {
	t.Run("not opened", func(t *testing.T) {
		src := pipe(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range new(intake.Reader).Read(ctx, src) {
			if err != context.Canceled {
				t.Error(err)
			}
		}
		// Lets go of the goroutine that opens it.
		if w, err := os.OpenFile(src.Path, os.O_RDWR, 0); err == nil {
			w.Close()
		}
	})
	t.Run("left open", func(t *testing.T) {
		src := pipe(t)
		ctx, cancel := context.WithCancel(t.Context())
		w, err := os.OpenFile(src.Path, os.O_RDWR, 0) // which waits for nobody
		if err != nil {
			t.Skip("no named pipes here:", err)
		}
		defer w.Close()
		if _, err := io.WriteString(w, "{}\n"); err != nil {
			t.Fatal(err)
		}
		var last error
		r := &intake.Reader{Progress: func(int64) { cancel() }}
		for _, err := range r.Read(ctx, src) {
			last = err
		}
		if last != context.Canceled {
			t.Errorf("ended with %v", last)
		}
	})
}
