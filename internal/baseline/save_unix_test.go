//go:build unix

package baseline_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/skiptest"
)

// A named pipe gets the baseline, and stays what it is.
func TestSaveToNamedPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	path := "pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	// Open for reading and writing, a pipe waits for nobody.
	reader, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := recorded().Save(path); err != nil {
		t.Fatal(err)
	}
	if err := reader.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(saved))
	if n, err := io.ReadFull(reader, got); err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if diff := cmp.Diff(saved, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("it has become %v, %v", info, err)
	}
}

// A named pipe that nobody reads would keep a check from ending.
func TestSaveToNamedPipeWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	saved := make(chan error, 1)
	go func() { saved <- recorded().Save(path) }()
	select {
	case err := <-saved:
		if want := "baseline " + path + " can't be written: nobody reads the named pipe; start its reader first"; err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	case <-time.After(time.Minute):
		t.Error("it waits for a reader")
	}
}

func TestSaveHeedsUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "known.json")
	if err := recorded().Save(path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info, err)
	}
}

func TestSaveToDevice(t *testing.T) {
	before, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := recorded().Save(os.DevNull); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(os.DevNull)
	if err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("it has become %v, %v; want %v", after, err, before)
	}
}

// A full disk is the reason that is told, and what was there before stays.
func TestSaveToFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		skiptest.Missing(t, "/dev/full")
	}
	if err := recorded().Save("/dev/full"); err == nil || err.Error() != "baseline /dev/full can't be written: no space left on device" {
		t.Errorf("got %v", err)
	}
}
