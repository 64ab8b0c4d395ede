package baseline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/runhooks/runhooks/internal/wholefile"
)

// CheckTarget returns an error if [File.Save] to path would destroy what is
// there: a file that has something in it and is not a baseline.
func CheckTarget(path string) error {
	return saveError(path, checkTarget(path))
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
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if err != nil {
		return fmt.Errorf("baseline %s can't be written: %w", path, err)
	}
	return nil
}

func (f *File) save(path string) error {
	if err := checkTarget(path); err != nil {
		return err
	}
	text, err := f.text(dirOf(path))
	if err != nil {
		return err
	}
	return wholefile.Write(path, text, 0o666)
}

// text returns what the file is to hold, in a directory.
func (f *File) text(dir string) ([]byte, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "{\n  \"version\": %d,\n  \"by\": %q,\n  \"findings\": [", version, cmp.Or(f.By, Place))
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	separator := "\n    "
	for _, e := range entries(dir, f.counts) {
		buf.WriteString(separator)
		var entry any = e
		if f.By == Code {
			entry = struct {
				Code    string `json:"code"`
				Pointer string `json:"pointer"`
			}{e.Code, e.Pointer}
		}
		if err := enc.Encode(entry); err != nil {
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

// checkTarget returns an error if at path is something else than a baseline.
func checkTarget(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return errors.New("it is a link that leads nowhere; remove it, or name another file")
		}
		return nil
	}
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory; name a file")
	case !info.Mode().IsRegular():
		return nil
	}
	ok, err := replaceable(path)
	if err == nil && !ok {
		err = errors.New("it is there, and is not a baseline; remove it, or name another file")
	}
	return err
}

// replaceable reports whether a regular file is empty, or a baseline of any version.
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
