// Package spool keeps what can't be written yet and is too much for memory.
package spool

import (
	"errors"
	"fmt"
	"os"
)

// inMemory is how many bytes are kept in memory, so that little needs no file.
const inMemory = 1 << 20

// A File keeps bytes, in memory as long as they are few, and otherwise in a temporary
// file that is gone after [File.Close]. Its zero value is empty.
type File struct {
	buf     []byte // what comes after the bytes of file
	file    *os.File
	flushed int64 // bytes of file
}

// Append adds bytes at the end, and returns where they start.
func (f *File) Append(b []byte) (at int64, err error) {
	at = f.flushed + int64(len(f.buf))
	if f.buf = append(f.buf, b...); len(f.buf) > inMemory {
		err = f.flush()
	}
	return at, err
}

// flush moves what is in memory to the file.
func (f *File) flush() error {
	if f.file == nil {
		file, err := os.CreateTemp("", "runhooks-*")
		if err != nil {
			return fmt.Errorf("so much needs a temporary file: %w", err)
		}
		// Where the system allows it the name goes at once, so that not even a kill
		// leaves the file behind; where not, Close removes it.
		_ = os.Remove(file.Name())
		f.file = file
	}
	if _, err := f.file.WriteAt(f.buf, f.flushed); err != nil {
		return fmt.Errorf("write a temporary file: %w", err)
	}
	f.flushed += int64(len(f.buf))
	f.buf = f.buf[:0]
	return nil
}

// WriteAt replaces bytes that were appended at once. It implements [io.WriterAt].
func (f *File) WriteAt(b []byte, at int64) (n int, err error) {
	if at >= f.flushed {
		return copy(f.buf[at-f.flushed:], b), nil
	}
	return f.file.WriteAt(b, at)
}

// ReadAt reads bytes that were appended at once. It implements [io.ReaderAt].
func (f *File) ReadAt(b []byte, at int64) (n int, err error) {
	if at >= f.flushed {
		return copy(b, f.buf[at-f.flushed:]), nil
	}
	return f.file.ReadAt(b, at)
}

// Close removes the temporary file.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	if rm := os.Remove(f.file.Name()); !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}
