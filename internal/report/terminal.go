package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Terminal is where people read. It is what the text report is made of, and
// what commands are that show payloads in ways of their own.
type Terminal struct {
	// Color tells whether there are colours.
	Color bool
	// Width is in columns.
	Width int
}

// A Style is the parameters of the escape sequence that sets it (SGR, ECMA-48).
type Style string

// The styles.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint returns s in that style, where there are colours. What strangers wrote has
// to go through [Visible] first.
func (t Terminal) Paint(style Style, s string) string {
	if !t.Color || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

// Mark returns the sign of a verdict, and the style of both.
func Mark(v conformance.Verdict) (sign string, style Style) {
	switch v {
	case conformance.Conforms:
		return "✓", Green
	case conformance.Deviates:
		return "~", Yellow
	}
	return "✗", Red
}

func severityStyle(s conformance.Severity) Style {
	switch s {
	case conformance.SeverityError:
		return Red
	case conformance.SeverityWarning:
		return Yellow
	}
	return Cyan
}

// Findings returns the findings of a payload, as the text report has them below
// its name.
func (t Terminal) Findings(p Payload) string {
	var b strings.Builder
	t.findings(&b, p)
	return b.String()
}

func (t Terminal) findings(out io.Writer, p Payload) {
	for _, f := range p.Findings[:min(len(p.Findings), maxFindings)] {
		t.finding(out, p, f)
	}
	if more := len(p.Findings) - maxFindings; more > 0 {
		fmt.Fprintf(out, "  … and %s (--format json shows all)\n", count(more, "more finding"))
	}
	if p.Truncated {
		fmt.Fprintln(out, "  … and there may be more: with so many, the check looked no further")
	}
}

func (t Terminal) finding(out io.Writer, p Payload, f conformance.Finding) {
	style := severityStyle(f.Severity)
	fmt.Fprintf(out, "  %s %s %s %s\n", t.Paint(style, string(f.Severity)), t.Paint(Bold, string(f.Code)),
		t.Paint(Dim, fmt.Sprintf("%d:%d", p.line(f), f.Column)), Visible(f.Message, maxText))

	number := fmt.Sprintf("%6d", p.line(f))
	gutter := strings.Repeat(" ", len(number)) + t.Paint(Dim, " │ ")
	room := t.Width - len(number) - len(" │ ")
	pointer := Visible(f.Pointer, maxText)
	switch {
	case p.Data != nil:
		e := excerptAt(p.Data, f.Offset, room)
		fmt.Fprintf(out, "%s%s%s%s\n", t.Paint(Dim, number+" │ "), e.before, t.Paint(style, e.at), e.after)
		caret := "^" + strings.Repeat("~", e.span-1)
		fmt.Fprintf(out, "%s%s%s", gutter, strings.Repeat(" ", e.indent), t.Paint(style, caret))
		if e.indent+e.span+1+Columns(pointer) > room && pointer != "" {
			fmt.Fprintf(out, "\n%s%s\n", gutter, t.Paint(Dim, pointer))
		} else {
			fmt.Fprintln(out, strings.TrimRight(" "+t.Paint(Dim, pointer), " "))
		}
	case pointer != "":
		fmt.Fprintf(out, "%s%s\n", gutter, t.Paint(Dim, pointer))
	}
	if f.Hint != "" {
		fmt.Fprintf(out, "%s%s %s\n", gutter, t.Paint(Bold, "hint:"), Visible(f.Hint, maxText))
	}
}
