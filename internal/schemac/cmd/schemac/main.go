// Schemac compiles the JSON Schema documents in some folders of a folder to a Go
// package:
//
//	schemac [-event DOCUMENTED=OBSERVED]... SCHEMAS DIR FOLDER...
//
// Each document gets a function, named by its title, and each event, of which the
// paths of two documents are given, a judge. The package is named like DIR, and
// format is asserted. A keyword or a format that it doesn't know is an error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/runhooks/runhooks/internal/schemac"
)

func main() {
	var events []schemac.Event
	flag.Func("event", "an event to judge, by its documented and its observed `schema`", func(v string) error {
		documented, observed, ok := strings.Cut(v, "=")
		if !ok {
			return fmt.Errorf("it is not DOCUMENTED=OBSERVED")
		}
		events = append(events, schemac.Event{Documented: documented, Observed: observed})
		return nil
	})
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: schemac [-event DOCUMENTED=OBSERVED]... SCHEMAS DIR FOLDER...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 3 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), flag.Args()[2:], events); err != nil {
		fmt.Fprintln(os.Stderr, "schemac:", err)
		os.Exit(1)
	}
}

func run(schemas, dir string, folders []string, events []schemac.Event) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	fsys := os.DirFS(schemas)
	var paths []string
	for _, folder := range folders {
		found, err := fs.Glob(fsys, folder+"/*.json")
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: there are no schemas in %s", schemas, folder)
		}
		paths = append(paths, found...)
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
	files, err := schemac.Compile(docs, schemac.Options{
		Package: filepath.Base(dir), AssertFormat: true, Strict: true, Events: events,
	})
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
