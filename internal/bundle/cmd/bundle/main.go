// Bundle writes the files of openapi/dist from their sources.
//
//	bundle ROOT
//
// ROOT is the root of the repository. No output depends on where that is.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/runhooks/runhooks/internal/bundle"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bundle ROOT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := bundle.Dist(os.DirFS(root))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := filepath.Join(root, "openapi", "dist", filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, file.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
