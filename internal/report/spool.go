package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how many bytes a spool keeps in memory: most reports are
// shorter, and need no place for a temporary file.
const spoolMemory = 1 << 20

// A spool holds what can't be written yet. It is empty as its zero value,
// grows into a temporary file, and stays at its first error.
type spool struct {
	buf  bytes.Buffer // what comes after the bytes of file
	file *os.File
	err  error
}

func (s *spool) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.buf.Write(p)
	if s.buf.Len() > spoolMemory {
		s.spill()
	}
	return len(p), s.err
}

// spill moves what is in memory to the file.
func (s *spool) spill() {
	if s.file == nil {
		file, err := os.CreateTemp("", "runhooks-report-*")
		if err != nil {
			s.err = fmt.Errorf("a report of this length needs a temporary file: %w", err)
			return
		}
		// Where the system allows it the name goes at once, so that not even a
		// kill leaves the file behind; where not, close removes it.
		_ = os.Remove(file.Name())
		s.file = file
	}
	if _, err := s.buf.WriteTo(s.file); err != nil {
		s.err = fmt.Errorf("write a temporary file: %w", err)
	}
}

// moveTo writes all that the spool holds to w, and empties it.
func (s *spool) moveTo(w io.Writer) error {
	if s.err != nil {
		return s.err
	}
	if s.file == nil {
		_, err := s.buf.WriteTo(w)
		return err
	}
	if s.spill(); s.err != nil {
		return s.err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(w, s.file); err != nil {
		return err
	}
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return err
}

// close lets go of the file.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if rm := os.Remove(s.file.Name()); !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	s.file = nil
	return err
}

// jsonLines are JSON texts, one a line, that can't be written yet.
type jsonLines struct{ spool }

func (l *jsonLines) add(text []byte) error {
	l.Write(text)
	_, err := l.Write([]byte("\n")) // an error of the spool stays
	return err
}

// each hands over every line, and empties l.
func (l *jsonLines) each(take func(line []byte)) error {
	var rest []byte
	return l.moveTo(writerFunc(func(p []byte) {
		for {
			line, after, found := bytes.Cut(p, []byte("\n"))
			if rest = append(rest, line...); !found {
				return
			}
			take(rest)
			rest, p = rest[:0], after
		}
	}))
}

// A writerFunc writes without an error.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// closeSpools lets go of each spool and adds to *err what goes wrong with it.
func closeSpools(err *error, spools ...*spool) {
	for _, s := range spools {
		*err = errors.Join(*err, s.close())
	}
}
