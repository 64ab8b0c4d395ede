// Command site writes the project's site: static files, for any server of such, also
// below a path. It is a page that checks payloads in the browser, by the module that the
// packages of other languages are made of, and contract.html, which shows the contract.
// The schemas are there, too, each at its $id.
//
//	go run ./internal/site -out site
//	go run ./internal/site -serve 127.0.0.1:8000
//	go run ./internal/site -contract contract.html
//
// make docs builds the module first. The site is copied, but for the module, which is
// compressed, and the samples, which are vectors.
package main

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/runhooks/runhooks/vectors"
)

//go:embed static
var static embed.FS

func main() {
	out := flag.String("out", "site", "the `folder` to write the site to")
	serve := flag.String("serve", "", "serve the folder at this `address`, as 127.0.0.1:8000, and write nothing")
	contract := flag.String("contract", "", "write only the page of the contract, to this `file`")
	flag.Parse()
	var err error
	if *contract != "" {
		err = writeContract(*contract)
	} else {
		err = run(*out, *serve)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}

func run(out, address string) error {
	if address != "" {
		if _, err := os.Stat(filepath.Join(out, "index.html")); err != nil {
			return fmt.Errorf("%s has no site (make docs writes it): %w", out, err)
		}
		fmt.Printf("%s is at http://%s/\n", out, address)
		server := &http.Server{Addr: address, Handler: handler(os.DirFS(out)), ReadHeaderTimeout: 10 * time.Second}
		return server.ListenAndServe()
	}
	files, err := build(os.DirFS("."))
	if err != nil {
		return err
	}
	for name, data := range files {
		file := filepath.Join(out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil { //nolint:gosec // everybody may read it
			return err
		}
	}
	fmt.Printf("%s has the site. To look at it: go run ./internal/site -out %s -serve 127.0.0.1:8000\n", out, out)
	return nil
}

// writeContract writes the page of the contract where there is no page that checks
// payloads beside it.
func writeContract(file string) error {
	page, err := contractHTML(os.DirFS("."), "")
	if err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o644) //nolint:gosec // everybody may read it
}

// handler serves a site as a server should: with the policy of each page as a header,
// too, and with that of index.html for its files, as a worker needs to have one.
func handler(site fs.FS) http.Handler {
	policies := map[string]string{}
	pages, _ := fs.Glob(site, "*.html") // the pattern is a good one
	for _, name := range pages {
		page, _ := fs.ReadFile(site, name) // without a policy, nothing is allowed
		policies["/"+name] = policyOf(page)
	}
	files := http.FileServerFS(site)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy, ok := policies[r.URL.Path]
		if !ok {
			policy = policies["/index.html"]
		}
		w.Header().Set("Content-Security-Policy", policy+"; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	})
}

var policyMeta = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]+)">`)

// policyOf returns the policy that a page states.
func policyOf(page []byte) string {
	if m := policyMeta.FindSubmatch(page); m != nil {
		return string(m[1])
	}
	return "default-src 'none'"
}

// build returns the files of the site, by their paths, out of a checkout in which the
// module is built.
func build(checkout fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	entries, err := static.ReadDir("static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if files[e.Name()], err = static.ReadFile("static/" + e.Name()); err != nil {
			return nil, err
		}
	}
	for name, from := range map[string]string{
		"page.css":  "internal/pages/static/page.css",
		"icon.svg":  "internal/pages/static/icon.svg",
		"create.js": "bindings/npm/create.js",
	} {
		if files[name], err = fs.ReadFile(checkout, from); err != nil {
			return nil, err
		}
	}
	if err := addSchemas(checkout, files); err != nil {
		return nil, err
	}
	if files["contract.html"], err = contractHTML(checkout, "./"); err != nil {
		return nil, fmt.Errorf("contract.html: %w", err)
	}
	module, err := fs.ReadFile(checkout, "bindings/wasm/runhooks.wasm")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: make wasm builds it", err)
	} else if err != nil {
		return nil, err
	}
	if files["runhooks.wasm.gz"], err = compress(module); err != nil {
		return nil, err
	}
	return files, addSamples(files)
}

// published are the folders of the checkout that the site has, and where: each schema is
// at its $id, and what other languages' tools take is beside them, by the names of
// runhooks schema.
var published = []struct{ from, to string }{
	{"jsonschema", "schemas"},
	{"openapi/dist", "schemas/openapi"},
	{"vectors/expectation.schema.json", "schemas/vectors/expectation.schema.json"},
}

func addSchemas(checkout fs.FS, files map[string][]byte) error {
	for _, p := range published {
		err := fs.WalkDir(checkout, p.from, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) == ".go" {
				return err
			}
			files[p.to+strings.TrimPrefix(file, p.from)], err = fs.ReadFile(checkout, file)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func compress(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return packed.Bytes(), err
}

// A sample is a vector that the page offers.
type sample struct {
	Title string `json:"title"`
	File  string `json:"file"` // by which the page asks for it
}

type samples struct {
	Group   string   `json:"group"`
	Samples []sample `json:"samples"`
}

// offered are the samples: what the contract documents, each shape that servers send,
// and what goes wrong. A File is the name of the vector here.
var offered = []samples{
	{"As documented", []sample{
		{"A run that completed", "page.run-completed"},
		{"A run that failed", "page.run-failed"},
		{"A success without data", "data.empty-success"},
		{"Rows that are repeated", "data.repeated-rows"},
	}},
	{"From real servers", []sample{
		{"Texts and lists, started by hand", "wild.ui-extract"},
		{"Started by a schedule", "wild.scheduled-extract"},
		{"Started over the API: nothing in it", "wild.api-nothing"},
		{"Scrape: text, Markdown, links", "wild.ui-scrape"},
		{"Crawl: pages", "wild.0.0.43-crawl"},
		{"Search: results", "wild.0.0.43-search"},
		{"A document", "wild.document-extract"},
		{"A failure with a part of the data", "wild.failed-partial-data"},
		{"A failure before the run started", "wild.failed-before-start"},
		{"A failure in the colours of a terminal", "wild.api-failed"},
		{"A test event", "wild.test"},
		{"German times", "wild.locale-de"},
		{"Arabic times", "wild.locale-ar"},
		{"Release 0.0.15: a null cell", "wild.extract-0.0.15-null-cell"},
		{"Release 0.0.24: lists with holes", "wild.extract-0.0.24-list-holes"},
		{"Release 0.0.30: a map of texts", "wild.extract-0.0.30"},
		{"Release 0.0.39: screenshots only", "wild.0.0.39-screenshots-only"},
		{"A fork: everything in extracted_data", "wild.fork-scrape"},
	}},
	{"Broken", []sample{
		{"A trailing comma", "page.run-completed-as-printed"},
		{"Everything at once", "rule.everything-at-once"},
		{"Cut off within a row", "truncated.in-row"},
		{"A name twice", "json.duplicate-key"},
		{"Members at the top level", "rule.completed-flat"},
	}},
}

func addSamples(files map[string][]byte) error {
	payloads := map[string][]byte{}
	for _, v := range vectors.All() {
		payloads[v.Name] = v.Payload
	}
	var index []samples
	for _, group := range offered {
		var list []sample
		for _, s := range group.Samples {
			payload, ok := payloads[s.File]
			if !ok {
				return fmt.Errorf("there is no vector %s", s.File)
			}
			file := "samples/" + s.File + ".json"
			files[file] = payload
			list = append(list, sample{s.Title, file})
		}
		index = append(index, samples{group.Group, list})
	}
	text, err := json.MarshalIndent(index, "", "  ")
	files["samples.json"] = append(text, '\n')
	return err
}
