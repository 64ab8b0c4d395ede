// Contractmd writes docs/contract.md: what package reference reads of the contract.
package main

import (
	"bytes"
	_ "embed"
	"log"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/runhooks/runhooks/internal/reference"
	"github.com/runhooks/runhooks/pkg/conformance"
)

//go:embed contract.md.tmpl
var page string

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: contractmd FILE")
	}
	contract, err := reference.Read()
	if err != nil {
		log.Fatal(err)
	}
	text, err := write(contract)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil {
		log.Fatal(err)
	}
}

// markdown escapes what Markdown would take for its own in a sentence or a cell.
var markdown = strings.NewReplacer("|", `\|`, "_", `\_`, "<", "&lt;", "[", `\[`, "*", `\*`)

// text escapes a text, but for the code in it, which stands between backticks.
func text(text string) string {
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = markdown.Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// code returns a text as code in a cell of a table.
func code(text string) string { return "`" + strings.ReplaceAll(text, "|", `\|`) + "`" }

// finding links a code to its section in docs/findings.md.
func finding(of conformance.Code) string {
	return "[`" + string(of) + "`](findings.md#" + strings.ReplaceAll(string(of), ".", "") + ")"
}

// about says what a ruling is about: the paths of both events, or of the one that it names.
func about(ruling *reference.Ruling) string {
	var paths, events []string
	for _, place := range ruling.Where {
		path := "the payload"
		if place.Path != "" {
			path = code(place.Path)
		}
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
		if !slices.Contains(events, place.Event) {
			events = append(events, place.Event)
		}
	}
	text := strings.Join(paths, ", ")
	if len(events) == 1 {
		text += " of " + code(events[0])
	}
	return text
}

// write returns the page.
func write(c *reference.Contract) ([]byte, error) {
	t, err := template.New("contract").Funcs(template.FuncMap{
		"finding": finding,
		"text":    text,
		"code":    code,
		"about":   about,
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, c); err != nil {
		return nil, err
	}
	return append(bytes.TrimSpace(out.Bytes()), '\n'), nil
}
