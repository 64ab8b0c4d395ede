package pagestest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What the pages embed of htmx is what npm has of the version in package.json.
func TestHtmxIsThatOfNpm(t *testing.T) {
	for ours, theirs := range map[string]string{
		"htmx.min.js":   "dist/htmx.min.js",
		"hx-sse.min.js": "dist/ext/hx-sse.min.js",
		"htmx.LICENSE":  "LICENSE",
	} {
		want := need(t, func() ([]byte, error) {
			text, err := os.ReadFile(filepath.Join("node_modules", "htmx.org", theirs))
			if errors.Is(err, fs.ErrNotExist) {
				err = missingError("htmx.org is not installed; make test-browser installs it")
			}
			return text, err
		})
		got, err := os.ReadFile(filepath.Join("..", "pages", "static", ours))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("internal/pages/static/%s differs: copy htmx.org's %s to it", ours, theirs)
		}
	}
}
