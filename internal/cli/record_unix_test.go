//go:build unix

package cli

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/skiptest"
)

// A named pipe is recorded to while somebody reads it, and waited for by nobody.
func TestRecordToNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.ndjson")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		skiptest.Missing(t, "named pipes")
	}
	if _, err := openRecorder(path, false); err == nil || !strings.HasSuffix(err.Error(), "nobody reads the named pipe; start its reader first") {
		t.Errorf("without a reader: %v", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r, err := openRecorder(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.file.Close()
	if err := r.record([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(reader).ReadString('\n'); line != "{}\n" || err != nil {
		t.Errorf("the reader gets %q, %v", line, err)
	}
	reader.Close()
	if err := r.record([]byte("{}")); err == nil {
		t.Error("recorded to nobody")
	}
}

func TestRecordToDevice(t *testing.T) {
	link := filepath.Join(t.TempDir(), "null.ndjson")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	r, err := openRecorder(link, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.file.Close()
	if err := r.record([]byte("{}")); err != nil {
		t.Error(err)
	}
}
