// Schemac compiles the JSON Schema documents below a folder to a Go package:
//
//	schemac SCHEMAS DIR
//
// Each document gets a function, named by its title. The package is named like
// DIR, and format is asserted.
package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runhooks/runhooks/internal/schemac"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: schemac SCHEMAS DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "schemac:", err)
		os.Exit(1)
	}
}

func run(schemas, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	fsys := os.DirFS(schemas)
	paths, err := fs.Glob(fsys, "*/*.json")
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("%s: there are no schemas in its folders", schemas)
	}
	var docs []schemac.Document
	for _, p := range paths {
		data, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		var head struct {
			ID    string `json:"$id"`
			Title string `json:"title"`
		}
		if err := json.Unmarshal(data, &head); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		docs = append(docs, schemac.Document{Path: p, URI: head.ID, Data: data, Func: head.Title})
	}
	files, err := schemac.Compile(docs, schemac.Options{Package: filepath.Base(dir), AssertFormat: true})
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
