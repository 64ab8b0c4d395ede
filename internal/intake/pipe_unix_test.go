//go:build unix

package intake_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/skiptest"
)

// pipe makes a pipe that has a name, as a source.
func pipe(t *testing.T) intake.Source {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe.ndjson")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	sources, _, errs := intake.Expand(t.Context(), []string{name})
	if len(sources) != 1 || len(errs) > 0 {
		t.Fatalf("sources %v, errors %v", sources, errs)
	}
	return sources[0]
}

// A directory's pipes and sockets are left out, and so is what leads to them: they may
// never end. The one that is named is read.
func TestExpandPipeInDirectory(t *testing.T) {
	name := pipe(t).Path
	dir := filepath.Dir(name)
	link, socket := filepath.Join(dir, "link.json"), filepath.Join(dir, "socket.json")
	if err := os.Symlink("pipe.ndjson", link); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		skiptest.Missing(t, "sockets")
	}
	defer listener.Close()
	for _, arg := range []string{dir, filepath.Join(dir, "*")} {
		sources, skipped, errs := intake.Expand(t.Context(), []string{arg})
		want := []intake.Skipped{
			{Name: link, Why: "is not a regular file"},
			{Name: name, Why: "is not a regular file"},
			{Name: socket, Why: "is not a regular file"},
		}
		if len(sources) > 0 || len(errs) != 1 || !slices.Equal(skipped, want) {
			t.Errorf("%s: sources %v, skipped %v, errors %v", arg, sources, skipped, errs)
		}
	}
	sources, skipped, errs := intake.Expand(t.Context(), []string{dir, name})
	if len(sources) != 1 || sources[0].Path != name || len(skipped) != 2 || len(errs) != 1 {
		t.Errorf("the pipe named: sources %v, skipped %v, errors %v", sources, skipped, errs)
	}
}

// A file that is found and empty is not read on, if what is read of others is written
// to it: there would be no end.
func TestReadFoundEmpty(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.ndjson", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]int{".": 0, "*.ndjson": 0, "a.ndjson": 1} {
		sources, _, errs := intake.Expand(t.Context(), []string{arg})
		if len(sources) != 1 || len(errs) > 0 {
			t.Fatalf("%s: sources %v, errors %v", arg, sources, errs)
		}
		if err := os.WriteFile("a.ndjson", []byte("{}\n"), 0); err != nil {
			t.Fatal(err)
		}
		n := 0
		for b, err := range new(intake.Reader).Read(t.Context(), sources[0]) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(b.Payloads)
		}
		if n != want {
			t.Errorf("%s: %d payloads, want %d", arg, n, want)
		}
		if err := os.Truncate("a.ndjson", 0); err != nil {
			t.Fatal(err)
		}
	}
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
			skiptest.Missing(t, "named pipes")
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
