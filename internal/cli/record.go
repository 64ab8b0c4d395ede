package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/runhooks/runhooks/internal/recording"
)

// A recorder adds what arrives to a file: payloads, one a line, or whole requests to an
// HTTP archive.
type recorder struct {
	mu      sync.Mutex
	file    *os.File          // of lines
	archive *recording.Writer // or this
}

// Close closes the file.
func (r *recorder) Close() {
	if r.archive != nil {
		r.archive.Close()
		return
	}
	r.file.Close()
}

// keepsRequests reports whether whole requests are recorded, also those that are refused.
func (r *recorder) keepsRequests() bool { return r != nil && r.archive != nil }

// recordRequest adds a request and its answer, if that is what is recorded.
func (r *recorder) recordRequest(req recording.Request) error {
	if !r.keepsRequests() {
		return nil
	}
	if err := r.archive.Add(req); err != nil {
		return recordError(r.archive.Name(), err)
	}
	return nil
}

// openRecorder opens a file to add to, or makes one. Payloads may hold what is
// not for everybody's eyes, so it is for its owner alone.
func openRecorder(name string, secrets bool) (*recorder, error) {
	if strings.HasSuffix(name, ".har") {
		archive, err := recording.Open(name, version(), secrets)
		if err != nil {
			return nil, recordError(name, err)
		}
		return &recorder{archive: archive}, nil
	}
	if info, err := os.Stat(name); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		// Without a reader, this would wait for one, or the pipe fill up.
		file, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, syscall.ENXIO) {
			return nil, recordError(name, errors.New("nobody reads the named pipe; start its reader first"))
		} else if err != nil {
			return nil, recordError(name, err)
		}
		return &recorder{file: file}, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, recordError(name, err)
	}
	// A line that was cut short must not take in the first of ours.
	last := make([]byte, 1)
	if size, err := file.Seek(0, io.SeekEnd); err == nil && size > 0 {
		if _, err := file.ReadAt(last, size-1); err == nil && last[0] != '\n' {
			if _, err := file.Write([]byte("\n")); err != nil {
				file.Close()
				return nil, recordError(name, err)
			}
		}
	}
	return &recorder{file: file}, nil
}

// record adds a payload. An empty one leaves no line, and a nil recorder does
// nothing.
func (r *recorder) record(payload []byte) error {
	if r == nil || r.keepsRequests() {
		return nil
	}
	line := oneLine(payload)
	if len(bytes.Trim(line, " \t\r")) == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.file.Write(append(line, '\n')); err != nil { // at once, so that a reader finds whole lines
		return recordError(r.file.Name(), err)
	}
	return nil
}

func recordError(name string, err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("can't record to %s: %v", name, err)
}

// oneLine gives a payload as one line, without its end, so that a check says the
// same of it: what is one line stays as it is. Elsewhere line feeds are white
// space, for which spaces do as well; those in a string, which make it no JSON,
// become carriage returns, which JSON has no more room for. So offsets stay, and
// what isn't JSON doesn't become any.
func oneLine(payload []byte) []byte {
	line := bytes.Clone(bytes.TrimRight(payload, "\r\n"))
	if bytes.IndexByte(line, '\n') < 0 {
		return line
	}
	inString := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			inString = !inString
		case c == '\\' && inString && i+1 < len(line) && line[i+1] != '\n':
			i++ // the escape's second byte
		case c == '\n' && inString:
			line[i] = '\r'
		case c == '\n':
			line[i] = ' '
		}
	}
	return line
}
