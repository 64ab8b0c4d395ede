//go:build unix

package cli_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/runhooks/runhooks/internal/skiptest"
)

// TestCheckSignal: a check ends at the first signal while it waits for an input that
// may never come, and reports what it found until then. However many jobs are asked
// for, there are no more than CPUs.
func TestCheckSignal(t *testing.T) {
	const line = `{"event_type":"run_failed"}` + "\n"
	fifo := filepath.Join(t.TempDir(), "pipe.ndjson")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0) // which waits for nobody, and keeps it open
	if err != nil {
		skiptest.Missing(t, "named pipes")
	}
	defer pipe.Close()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			if _, err := io.WriteString(pipe, line); err != nil {
				t.Fatal(err)
			}
			r, process := startProcess(t, "check", "--format", "ndjson", "--jobs", "999999999", fifo)
			r.until(`"index":0`)
			if threads, err := os.ReadDir("/proc/" + strconv.Itoa(process.Pid) + "/task"); err == nil && len(threads) > 100 {
				t.Errorf("it has %d threads", len(threads))
			}
			if err := process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if last := r.until(`"summary"`); !strings.Contains(last, `"payloads":1,`) || !strings.Contains(last, `"interrupted":true`) {
				t.Errorf("%s", last)
			}
			if code := r.ended(); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
		})
	}
}

// TestNormalizeSignal: an event is written as soon as its line is there. Rows wait for all
// columns, so none are written of some of the events.
func TestNormalizeSignal(t *testing.T) {
	dir := t.TempDir()
	fifo, rows := filepath.Join(dir, "pipe.ndjson"), filepath.Join(dir, "rows.csv")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	pipe, err := os.OpenFile(fifo, os.O_RDWR, 0) // which waits for nobody, and keeps it open
	if err != nil {
		skiptest.Missing(t, "named pipes")
	}
	defer pipe.Close()
	line := append(bytes.ReplaceAll(sample(t, "page.run-failed"), []byte("\n"), nil), '\n')
	for _, tt := range []struct {
		flags []string
		seen  string // before the signal
		last  string
	}{
		{nil, `{"version":1,"type":"run_failed"`, "runhooks: 2 payloads: interrupted, 1 invalid"},
		{[]string{"--rows", rows}, "", "runhooks: interrupted, so nothing was written"},
	} {
		r, process := startProcess(t, append([]string{"normalize", fifo}, tt.flags...)...)
		if _, err := pipe.Write(line); err != nil {
			t.Fatal(err)
		}
		if tt.seen != "" {
			r.until(tt.seen)
		}
		if _, err := pipe.WriteString("{\n"); err != nil {
			t.Fatal(err)
		}
		r.until("pipe.ndjson:2  invalid") // so both were read
		if err := process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		r.until(tt.last)
		if code := r.ended(); code != 2 {
			t.Errorf("exit code %d, want 2", code)
		}
	}
	if _, err := os.Stat(rows); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a table of some of the rows: %v", err)
	}
}
