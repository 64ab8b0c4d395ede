// Command maxundoc writes docs/maxun.md: what Maxun sends, from the payloads of package
// sample.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

//go:embed guide.md.tmpl
var guide string

func main() {
	out := flag.String("out", "", "write to `FILE`")
	flag.Parse()
	text, err := write(sample.Maxun())
	if err == nil {
		err = os.WriteFile(*out, text, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type shape struct {
	Name, About string
	Forms       []form
}

type form struct {
	Since    string
	Payloads []payload
}

type payload struct {
	Of                           string // which of several it is: 1 of 2
	Event, Members, Holds, Codes string
	Payload                      string // "" where a newer form has it
}

type row struct {
	Name, Events string
	Cells        []string
}

// write returns the guide.
func write(server sample.Server) ([]byte, error) {
	data := struct {
		Releases string
		Request  sample.Request
		Columns  []string
		Rows     []row
		Shapes   []shape
	}{Releases: strings.Join(server.Releases, ", "), Request: server.Request, Columns: server.Releases}
	for _, s := range server.Shapes {
		described, err := describe(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		data.Shapes = append(data.Shapes, described)
		r := row{Name: s.Name, Events: "`" + s.Event() + "`"}
		if n := len(s.Forms[0].Payloads); n > 1 {
			r.Events = fmt.Sprintf("%d events", n)
		}
		for _, release := range server.Releases {
			cell := ""
			if slices.ContainsFunc(s.Forms, func(f sample.Form) bool { return f.Since == release }) {
				cell = "●"
			}
			r.Cells = append(r.Cells, cell)
		}
		data.Rows = append(data.Rows, r)
	}
	t, err := template.New("guide").Parse(guide)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return nil, err
	}
	return append(bytes.TrimSpace(out.Bytes()), '\n'), nil
}

func describe(s sample.Shape) (shape, error) {
	out := shape{Name: s.Name, About: strings.ToUpper(s.About[:1]) + s.About[1:]}
	for i, f := range s.Forms {
		next := form{Since: f.Since}
		all := f.Read()
		for n, text := range all {
			p, err := describePayload(text)
			if err != nil {
				return out, err
			}
			if len(all) > 1 {
				p.Of = fmt.Sprintf("%d of %d", n+1, len(all))
			}
			if i < len(s.Forms)-1 {
				p.Payload = ""
			}
			next.Payloads = append(next.Payloads, p)
		}
		out.Forms = append(out.Forms, next)
	}
	return out, nil
}

func describePayload(text []byte) (payload, error) {
	e, err := event.Parse(text)
	if err != nil {
		return payload{}, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return payload{}, err
	}
	return payload{
		Event: "`" + e.RawType + "`", Holds: strings.Join(holds(e), ", "),
		Codes: codes(text), Payload: indented.String(),
	}, nil
}

// holds says what the canonical event has, besides the run itself.
func holds(e *event.Event) []string {
	var parts []string
	add := func(n int, one, several string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, several))
		}
	}
	rows := 0
	for _, g := range e.Lists {
		rows += len(g.Rows)
	}
	add(len(e.Texts()), "row of texts", "rows of texts")
	add(rows, "row of lists", "rows of lists")
	for _, c := range []struct{ name, text string }{{"Markdown", e.Content.Markdown}, {"HTML", e.Content.HTML}, {"a summary", e.Content.Summary}} {
		if c.text != "" {
			parts = append(parts, c.name)
		}
	}
	add(len(e.Content.Links), "link", "links")
	if e.Content.VisibleScreenshot+e.Content.FullPageScreenshot != "" {
		parts = append(parts, "URLs of screenshots")
	}
	add(len(e.Content.Crawl), "named result of a crawl, in `crawl_data`", "named results of a crawl, in `crawl_data`")
	add(len(e.Content.Search), "named result of a search, in `search_data`", "named results of a search, in `search_data`")
	if e.Error != nil {
		parts = append(parts, "an error")
	}
	return parts
}

// codes lists the codes of the errors, each once, with links to what they mean.
func codes(text []byte) string {
	var found []string
	for _, f := range conformance.Check(text).Findings {
		link := fmt.Sprintf("[`%s`](findings.md#%s)", f.Code, strings.ReplaceAll(string(f.Code), ".", ""))
		if f.Severity == conformance.SeverityError && !slices.Contains(found, link) {
			found = append(found, link)
		}
	}
	return strings.Join(found, ", ")
}
