package pages

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/openapi"
)

// showContract answers with the reference of the two events. All of it is read
// from the schemas, from the registry of codes and from the downloads themselves.
func (p *Pages) showContract(w http.ResponseWriter, r *http.Request, _ *session) error {
	c, err := contract()
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "contract", view{Title: "Contract", Here: "contract", Data: c})
}

// contractFile answers with one of the files for other tools, to be saved.
func (p *Pages) contractFile(w http.ResponseWriter, r *http.Request, _ *session) error {
	c, err := contract()
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	file, ok := c.files[name]
	if !ok {
		return &problem{Status: http.StatusNotFound, Detail: "There is no such file: the page of the contract lists them all."}
	}
	w.Header().Set("Content-Type", mediaTypes[path.Ext(name)])
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", path.Base(name)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	return nil
}

// mediaTypes are those of the downloads.
var mediaTypes = map[string]string{
	".json": "application/json",
	".yaml": "application/yaml", // RFC 9512
	".md":   "text/markdown; charset=utf-8",
}

// A contractReference is what the page of the contract shows.
type contractReference struct {
	*reference.Contract
	Downloads []download

	files map[string][]byte // of openapi.Dist, by their paths below dist
}

// A download is a document that there is as YAML and as JSON.
type download struct {
	Name  string // its path without the extension
	About string
}

// contract reads the contract, once. It is embedded, and a test reads it, too: the
// error is for whoever edits it.
var contract = sync.OnceValues(func() (*contractReference, error) {
	read, err := reference.Read()
	if err != nil {
		return nil, err
	}
	c := &contractReference{Contract: read, files: map[string][]byte{}}
	err = c.readFiles()
	return c, err
})

// readFiles reads the files for other tools, and describes them: OpenAPI before the
// schemas, which are in folders.
func (c *contractReference) readFiles() error {
	err := fs.WalkDir(openapi.Dist, "dist", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(openapi.Dist, file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, "dist/")
		if mediaTypes[path.Ext(name)] == "" {
			return fmt.Errorf("%s: the type of such files is not known", file)
		}
		c.files[name] = text
		if path.Ext(name) != ".json" {
			return nil // each document exists as JSON
		}
		about, err := aboutFile(text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		c.Downloads = append(c.Downloads, download{Name: strings.TrimSuffix(name, ".json"), About: about})
		return nil
	})
	slices.SortStableFunc(c.Downloads, func(a, b download) int {
		return cmp.Compare(strings.Count(a.Name, "/"), strings.Count(b.Name, "/"))
	})
	return err
}

// aboutFile returns in a few words what a document says: the first sentence of a
// schema's description, or of OpenAPI its title and what is in it.
func aboutFile(text []byte) (string, error) {
	var doc struct {
		OpenAPI         string
		Info            struct{ Title string }
		Paths, Webhooks map[string]any
		Description     string
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return "", err
	}
	if doc.OpenAPI != "" {
		return fmt.Sprintf("%s: OpenAPI %s with %s and %s", doc.Info.Title, doc.OpenAPI,
			counted(len(doc.Paths), "path"), counted(len(doc.Webhooks), "webhook")), nil
	}
	about, _, _ := strings.Cut(doc.Description, ". ")
	return strings.TrimSuffix(about, "."), nil
}

// counted returns a number of things, such as "no paths", "1 path" or "2 paths".
func counted(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
