package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
)

// What listen and trigger show has these parts in common.

// writeLine writes v as JSON on a line of its own, by one Write.
func writeLine(out io.Writer, v any) error {
	line, err := report.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(line, '\n'))
	return err
}

// writeParts writes parts with dots between them, indented, in as many lines as
// the terminal's width makes of them. It makes them fit to be shown, without
// secrets.
func writeParts(b *strings.Builder, t report.Terminal, parts []string) {
	const indent, dot = "  ", " · "
	var line string
	flush := func() {
		if line != "" {
			fmt.Fprintf(b, "%s%s\n", indent, t.Paint(report.Dim, line))
		}
	}
	for _, part := range parts {
		if part == "" {
			continue
		}
		part = report.Visible(redact.Text(part), 300)
		switch {
		case line == "":
			line = part
		case len(indent)+report.Columns(line)+len(dot)-1+report.Columns(part) > t.Width:
			flush()
			line = part
		default:
			line += dot + part
		}
	}
	flush()
}

// writeText writes text, indented and broken at white space to the terminal's
// width; its first line behind a lead such as "next:". It makes it fit to be
// shown, without secrets.
func writeText(b *strings.Builder, t report.Terminal, lead, text string, limit int) {
	const indent = "  "
	column := len(indent) + len(lead)
	b.WriteString(indent + t.Paint(report.Bold, lead))
	fresh := lead == "" // nothing stands on the line but its indent
	for word := range strings.FieldsSeq(report.Visible(redact.Text(text), limit)) {
		n := report.Columns(word)
		switch {
		case fresh:
		case column+1+n > t.Width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
		fresh = false
	}
	b.WriteByte('\n')
}

// number gives a number with its noun: 1 secret, 2 secrets.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// verb gives a number with its verb: 1 deviates, 2 deviate.
func verb(n int, infinitive string) string {
	if n == 1 {
		return "1 " + infinitive + "s"
	}
	return fmt.Sprintf("%d %s", n, infinitive)
}

// bytesText gives a size for people.
func bytesText(n int) string { return sizeText(int64(n)) }

// tookText gives a duration for people, in no more digits than are of interest.
func tookText(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", milliseconds(d))
}

// milliseconds gives a duration in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}
