package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
)

// A cell is a text in a table, of anybody's, with its style.
type cell struct {
	text  string
	style report.Style
}

// plain returns cells without a style.
func plain(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i].text = text
	}
	return cells
}

// maxCell bounds a cell, in columns.
const maxCell = 80

// writeTable writes rows in columns as wide as their widest cell, without secrets,
// below a heading if there is one.
func writeTable(out io.Writer, t report.Terminal, heading []string, rows [][]cell) error {
	if heading != nil {
		head := plain(heading...)
		for i := range head {
			head[i].style = report.Dim
		}
		rows = append([][]cell{head}, rows...)
	}
	var widths []int
	for _, row := range rows {
		widths = append(widths, make([]int, len(row)-min(len(row), len(widths)))...)
		for i := range row {
			row[i].text = report.Visible(redact.Text(row[i].text), maxCell)
			widths[i] = max(widths[i], report.Columns(row[i].text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, c := range row {
			text := c.text
			if c.style != "" {
				text = t.Paint(c.style, text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-report.Columns(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// agoText returns how long ago a time was, or in how long it will be, in one unit.
func agoText(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	d := now.Sub(at)
	before, after := "", " ago"
	if d < 0 {
		d, before, after = -d, "in ", ""
	}
	unit := func(d, unit time.Duration, name string) string {
		return fmt.Sprintf("%s%d%s%s", before, d/unit, name, after)
	}
	switch {
	case d < time.Second:
		return "now"
	case d < 2*time.Minute:
		return unit(d, time.Second, "s")
	case d < 2*time.Hour:
		return unit(d, time.Minute, "m")
	case d < 48*time.Hour:
		return unit(d, time.Hour, "h")
	}
	return unit(d, day, "d")
}
