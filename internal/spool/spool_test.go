package spool_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/runhooks/runhooks/internal/spool"
)

func Example() {
	var f spool.File
	defer f.Close()
	at, err := f.Append([]byte("later"))
	if err != nil {
		log.Fatal(err)
	}
	text := make([]byte, 5)
	if _, err := f.ReadAt(text, at); err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output: later
}

// What is appended is there, and what is replaced is replaced, in memory and in the file.
func TestFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var f spool.File
	var places []int64
	want := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 100_000) }
	for i := range 50 {
		at, err := f.Append(bytes.Repeat([]byte{0xff}, 100_000))
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, at)
		if i > 0 { // the last one is in memory, or just went to the file
			if _, err := f.WriteAt(want(i-1), places[i-1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := make([]byte, 100_000)
	for i, at := range places[:49] {
		if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, want(i)) {
			t.Errorf("entry %d has %x…, %v", i, got[:4], err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestNoRoom(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	var f spool.File
	if _, err := f.Append(make([]byte, 2<<20)); err == nil && os.TempDir() == "/nonexistent" {
		t.Error("2 MiB are kept without a file")
	}
}
