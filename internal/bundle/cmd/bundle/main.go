// Bundle writes the documents of openapi/dist from their sources.
//
//	bundle ROOT SOURCE DIR
//
// SOURCE, an OpenAPI document, and the new files' directory DIR are slash-
// separated names below ROOT, so that no output can depend on where ROOT is.
package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/runhooks/runhooks/internal/bundle"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bundle ROOT SOURCE DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes SOURCE's bundle into dir, as YAML and as JSON.
func run(root, source, dir string) error {
	doc, err := bundle.Load(os.DirFS(root), source)
	if err != nil {
		return err
	}
	asYAML, err := doc.YAML()
	if err != nil {
		return err
	}
	asJSON, err := doc.JSON()
	if err != nil {
		return err
	}
	dir = filepath.Join(root, filepath.FromSlash(dir))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, strings.TrimSuffix(path.Base(source), path.Ext(source)))
	if err := os.WriteFile(name+".yaml", asYAML, 0o644); err != nil {
		return err
	}
	return os.WriteFile(name+".json", asJSON, 0o644)
}
