// Command interop runs the programs of the languages here, each of which generates
// code from openapi/dist with the tools of its language, validates the vectors and
// takes events, and makes one page of what they report. "make interop" runs it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/runhooks/runhooks/interop/matrix"
)

// languages are the folders, in the order of the page.
var languages = []string{"golang", "typescript", "python", "java", "rust"}

func main() {
	only := flag.String("only", "", "run only these `folders`, separated by commas; the page is not written then")
	page := flag.String("page", "../docs/interop.md", "the `file` to write the page to")
	flag.Parse()
	if err := run(*only, *page); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(only, page string) error {
	var rows []matrix.Row
	var failed, skipped []string
	for _, language := range languages {
		if only != "" && !slices.Contains(strings.Split(only, ","), language) {
			continue
		}
		if _, err := os.Stat(filepath.Join(language, "run.sh")); err != nil {
			return fmt.Errorf("there is no %s/run.sh; run this in its own folder", language)
		}
		start := time.Now()
		fmt.Fprintf(os.Stderr, "interop: %s\n", language)
		more, err := runOne(language)
		fmt.Fprintf(os.Stderr, "interop: %s: %d rows in %.0f s\n", language, len(more), time.Since(start).Seconds())
		switch {
		case err != nil:
			failed = append(failed, fmt.Sprintf("%s: %v", language, err))
		case len(more) == 0:
			skipped = append(skipped, language)
		}
		rows = append(rows, more...)
	}
	text := preamble + matrix.Markdown(rows)
	fmt.Print(text)
	for _, r := range matrix.Unexplained(rows) {
		failed = append(failed, fmt.Sprintf("%s, %s: %s doesn't hold, and there is no note that says why", r.Language, r.Tool, r.Check))
	}
	if failed != nil {
		return errors.New(strings.Join(failed, "\n"))
	}
	if only != "" || skipped != nil {
		if skipped != nil {
			fmt.Fprintf(os.Stderr, "SKIP interop: %s\n", strings.Join(skipped, ", "))
		}
		return nil
	}
	return os.WriteFile(page, []byte(text), 0o644)
}

// runOne runs the program of one language. It gives no rows where it is skipped.
func runOne(language string) ([]matrix.Row, error) {
	cmd := exec.Command("sh", filepath.Join(language, "run.sh"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.Writer(os.Stderr)
	runErr := cmd.Run()
	rows, err := matrix.Read(&out)
	return rows, errors.Join(runErr, err)
}

const preamble = `# What works in other languages

"make interop" writes this page: it generates code from [openapi/dist](../openapi/dist) by the
tools of each language, compiles it, and has it read the [vectors](../vectors); and it sends
events to the receivers of [the guides](languages). A tool that can't do something is listed
with the reason.
`
