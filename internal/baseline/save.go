package baseline

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// CheckTarget returns an error if [File.Save] to path would destroy what is
// there: a file that has something in it and is not a baseline.
func CheckTarget(path string) error {
	_, err := targetOf(path)
	return saveError(path, err)
}

// Save writes the file to path, one finding a line, in the order of
// [File.Entries]. A regular file has to be a baseline, of any version, or empty;
// it is replaced as a whole or not at all, and keeps its mode. A symbolic link to
// one stays. What is not a regular file, as a device or a named pipe, is written
// to.
func (f *File) Save(path string) error {
	return saveError(path, f.save(path))
}

func saveError(path string, err error) error {
	// Its path may be that of a temporary file, which the caller did not name.
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err != nil {
		return fmt.Errorf("baseline %s can't be written: %w", path, err)
	}
	return nil
}

func (f *File) save(path string) error {
	to, err := targetOf(path)
	if err != nil {
		return err
	}
	text, err := f.text()
	if err != nil {
		return err
	}
	if to.through {
		// Without O_NONBLOCK, a named pipe would wait for a reader.
		file, err := os.OpenFile(to.path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if errors.Is(err, syscall.ENXIO) {
			return errors.New("nobody reads the named pipe; start its reader first")
		} else if err != nil {
			return err
		}
		_, err = file.Write(text)
		return cmp.Or(err, file.Close())
	}
	// Not by os.CreateTemp: who may read a new file, the user's umask says.
	temp, err := os.OpenFile(filepath.Join(filepath.Dir(to.path), ".baseline-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already if all went well
	_, err = temp.Write(text)
	if to.mode != 0 {
		err = cmp.Or(err, temp.Chmod(to.mode))
	}
	err = cmp.Or(err, temp.Sync())
	if err := cmp.Or(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), to.path)
}

// text returns what the file is to hold.
func (f *File) text() ([]byte, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "{\n  \"version\": %d,\n  \"findings\": [", version)
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	separator := "\n    "
	for _, e := range f.Entries() {
		buf.WriteString(separator)
		if err := enc.Encode(e); err != nil {
			return nil, err
		}
		buf.Truncate(buf.Len() - 1) // the line end that Encode adds
		separator = ",\n    "
	}
	if len(f.counts) > 0 {
		buf.WriteString("\n  ")
	}
	buf.WriteString("]\n}\n")
	return buf.Bytes(), nil
}

// A target is where a baseline is to be written.
type target struct {
	path    string      // the file itself, where a link leads to it
	mode    fs.FileMode // that it has, and is to keep; 0 where there is no file yet
	through bool        // it is not a regular file, and so is written to and not replaced
}

// targetOf returns the target at path. It is an error if that is something else
// than a baseline.
func targetOf(path string) (target, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return target{}, errors.New("it is a link that leads nowhere; remove it, or name another file")
		}
		return target{path: path}, nil
	}
	switch {
	case err != nil:
		return target{}, err
	case info.IsDir():
		return target{}, errors.New("it is a directory; name a file")
	case !info.Mode().IsRegular():
		return target{path: path, through: true}, nil
	}
	ok, err := replaceable(path)
	if err != nil {
		return target{}, err
	}
	if !ok {
		return target{}, errors.New("it is there, and is not a baseline; remove it, or name another file")
	}
	file, err := filepath.EvalSymlinks(path)
	return target{path: file, mode: info.Mode().Perm()}, err
}

// replaceable tells whether a regular file is empty, or a baseline of any version.
func replaceable(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	var content struct {
		Version  *int              `json:"version"`
		Findings []json.RawMessage `json:"findings"`
	}
	decoder := json.NewDecoder(file)
	if err := decoder.Decode(&content); err != nil || content.Version == nil || content.Findings == nil {
		return err == io.EOF, nil
	}
	_, err = decoder.Token() // what follows a baseline is somebody's data
	return err == io.EOF, nil
}
