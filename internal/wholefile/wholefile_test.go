package wholefile_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/runhooks/runhooks/internal/skiptest"
	"github.com/runhooks/runhooks/internal/wholefile"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "wholefile")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a.txt")
	fmt.Println(wholefile.Write(path, []byte("all of it\n"), 0o644))
	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output:
	// <nil>
	// all of it
}

func ExampleWriteBy() {
	dir, err := os.MkdirTemp("", "wholefile")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "a.txt")
	fmt.Println(wholefile.WriteBy(path, 0o644, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, "all of it")
		return err
	}))
	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output:
	// <nil>
	// all of it
}

// What a function that fails has written, nobody sees.
func TestWriteByFails(t *testing.T) {
	dir := t.TempDir()
	path, broken := filepath.Join(dir, "a"), errors.New("broken")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := wholefile.WriteBy(path, 0o644, func(w io.Writer) error {
		if _, err := io.WriteString(w, "new"); err != nil {
			t.Error(err)
		}
		return broken
	})
	if err != broken {
		t.Errorf("error %v, want %v", err, broken)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files: %v, %v", files, err)
	}
}

func TestWrite(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("private", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("private", "link"); err != nil {
		skiptest.Missing(t, "symbolic links")
	}
	for _, path := range []string{"private", "link", "new"} {
		if err := wholefile.Write(path, []byte("of "+path), 0o644); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "of "+path {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if info, err := os.Stat("private"); err != nil || info.Mode() != 0o600 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	if to, err := os.Readlink("link"); to != "private" || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 3 {
		t.Errorf("files: %v, %v", files, err)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "no", "file"), fs.ErrNotExist},
		{dir, nil},
	} {
		err := wholefile.Write(tt.path, nil, 0o644)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.path, err)
		}
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			t.Errorf("the error has the path %s", path.Path)
		}
	}
}
