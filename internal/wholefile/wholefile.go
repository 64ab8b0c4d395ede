// Package wholefile writes files as a whole or not at all: if the disk is full, what was
// there before stays.
package wholefile

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write writes data to the file at path. A regular file that is there is replaced, and
// keeps its mode; a new one has the mode perm, as far as the umask allows. Where a link
// leads to a file, the link stays. What is not a regular file, such as a device or a
// named pipe, is written to. The error is without the path.
func Write(path string, data []byte, perm fs.FileMode) error {
	return WriteBy(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteBy does as [Write] with what a function writes, however long it is. If that
// returns an error, WriteBy returns it, and what was there before stays.
func WriteBy(path string, perm fs.FileMode, write func(io.Writer) error) error {
	return withoutPath(writeBy(path, perm, write))
}

func writeBy(path string, perm fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return syscall.EISDIR
	case !info.Mode().IsRegular():
		return writeThrough(path, write)
	default:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	// Not by os.CreateTemp: who may read a new file, the user's umask says.
	temp, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".runhooks-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already if all went well
	err = write(temp)
	if info != nil {
		err = cmp.Or(err, temp.Chmod(info.Mode().Perm()))
	}
	err = cmp.Or(err, temp.Sync())
	if err := cmp.Or(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

func writeThrough(path string, write func(io.Writer) error) error {
	// Without O_NONBLOCK, a named pipe would wait for a reader.
	file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return errors.New("nobody reads the named pipe; start its reader first")
	} else if err != nil {
		return err
	}
	return cmp.Or(write(file), file.Close())
}

// withoutPath returns the reason of an error: its path may be that of a temporary file,
// which the caller did not name.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
