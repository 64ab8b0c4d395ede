package cli

import (
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/sample"
)

// listShapes lists what --as can send: of the release that it names, or of all.
func (o *triggerOptions) listShapes(s streams) error {
	server, release, err := sample.Maxun(), "", error(nil)
	if o.as != "" {
		if server, release, err = sample.ParseServer(o.as); err != nil {
			return fmt.Errorf("--as: %w", err)
		}
	}
	if !strings.Contains(o.as, "@") {
		release = "" // all of them
	}
	rows := [][]string{{"shape", "event", "releases", "what it is"}}
	for _, shape := range server.Shapes {
		var since []string
		for _, form := range shape.Forms {
			since = append(since, form.Since)
		}
		if release != "" {
			form, ok := shape.As(release)
			if !ok {
				continue
			}
			since = []string{form.Since}
		}
		event := shape.Event()
		if n := len(shape.Forms[0].Payloads); n > 1 {
			event = number(n, "event")
		}
		if o.format == "json" {
			if err := writeLine(s.out, shapeJSON{"maxun", shape.Name, shape.Event(), since, shape.About}); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{shape.Name, event, strings.Join(since, " "), shape.About})
	}
	if o.format == "json" {
		return nil
	}
	var b strings.Builder
	t := styled(s.out, o.color)
	fmt.Fprintf(&b, "maxun, whose known releases are: %s\n\n", strings.Join(server.Releases, ", "))
	widths := make([]int, len(rows[0])-1)
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], len(row[i]))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		for i, width := range widths {
			fmt.Fprintf(&line, "%-*s  ", width, row[i])
		}
		line.WriteString(row[len(widths)])
		text := line.String()
		if n == 0 {
			text = t.Paint(report.Dim, text)
		}
		b.WriteString(text + "\n")
	}
	b.WriteString("\nEach shape is sent as the newest of its releases sends it, up to the release that you ask for.\n" +
		"Send one with: runhooks trigger crawl --as maxun@0.0.43 --to URL\n")
	_, err = s.out.Write([]byte(b.String()))
	return err
}

// shapeJSON is a shape in the JSON form.
type shapeJSON struct {
	Server    string   `json:"server"`
	Shape     string   `json:"shape"`
	EventType string   `json:"event_type"`
	KnownOf   []string `json:"known_of"`
	About     string   `json:"about"`
}
