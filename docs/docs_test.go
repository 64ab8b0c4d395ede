// Package docs_test holds the guides to the code that they show, and all Markdown to
// what it links to.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shown matches a block of code that says which file it is.
var shown = regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n+```[a-z]*\n(.*?\n)```\n")

// The code in the guides is the code that "make interop" and the tests of
// examples/unsigned run.
func TestCodeIsThatOfFiles(t *testing.T) {
	guides, err := filepath.Glob("languages/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(guides) == 0 {
		t.Fatal("there are no guides")
	}
	guides = append(guides, "receive-unsigned.md")
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		blocks := shown.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 || len(blocks) != strings.Count(string(text), "<!-- file: ") {
			t.Errorf("%s: %d blocks are of files, and %d say so", guide, len(blocks), strings.Count(string(text), "<!-- file: "))
		}
		for _, block := range blocks {
			file, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(block[1])))
			if err != nil {
				t.Errorf("%s: %v", guide, err)
				continue
			}
			if string(file) != block[2] {
				t.Errorf("%s: the code of %s is not that of the file", guide, block[1])
			}
		}
	}
}
