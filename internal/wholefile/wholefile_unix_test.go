//go:build unix

package wholefile_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/runhooks/runhooks/internal/skiptest"
	"github.com/runhooks/runhooks/internal/wholefile"
)

// A full disk is the reason that is told.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		skiptest.Missing(t, "/dev/full")
	}
	if err := wholefile.Write("/dev/full", []byte("a"), 0o644); err != syscall.ENOSPC {
		t.Errorf("got %v", err)
	}
}

// What can't be written whole leaves the old file, and no other. A limit of file sizes
// stands in for a full disk, in a process of its own.
func TestWriteKeepsTheOldFile(t *testing.T) {
	if os.Getenv("LIMITED") != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(wholefile.Write("file", make([]byte, 101), 0o644))
		os.Exit(0)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	limited := exec.Command(program, "-test.run=^TestWriteKeepsTheOldFile$")
	limited.Env = append(os.Environ(), "LIMITED=1")
	if out, err := limited.Output(); err != nil || string(out) != "file too large\n" {
		t.Errorf("got %s, %v", out, err)
	}
	if text, err := os.ReadFile("file"); err != nil || string(text) != "old" {
		t.Errorf("it became %q, %v", text, err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 1 {
		t.Errorf("files left: %v, %v", files, err)
	}
}
