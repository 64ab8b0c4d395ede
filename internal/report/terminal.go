package report

import (
	"fmt"
	"strconv"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Terminal is where people read. It is what the text report is made of, and
// what commands are that show payloads in ways of their own.
type Terminal struct {
	// Color reports whether there are colours.
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
	return string(t.end(append(t.start(nil, style), s...)))
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
func (t Terminal) Findings(p Payload) string { return string(t.appendFindings(nil, p)) }

func (t Terminal) appendFindings(dst []byte, p Payload) []byte {
	var scratch [20]byte
	var number []byte // of the line
	for i := range p.Findings[:min(len(p.Findings), maxFindings)] {
		f := &p.Findings[i]
		if i == 0 || f.Line != p.Findings[i-1].Line {
			number = strconv.AppendInt(scratch[:0], int64(p.line(*f)), 10)
		}
		dst = t.appendFinding(dst, &p, f, number)
	}
	if more := len(p.Findings) - maxFindings; more > 0 {
		dst = fmt.Appendf(dst, "  … and %s (--format json shows all)\n", count(more, "more finding"))
	}
	if p.Truncated {
		dst = append(dst, "  … and there may be more: with so many, the check looked no further\n"...)
	}
	return dst
}

// appendFinding appends a finding at the line of that number: what is wrong, the line
// with its place, and below it the pointer and the hint. A report is as fast as this is.
func (t Terminal) appendFinding(dst []byte, p *Payload, f *conformance.Finding, number []byte) []byte {
	level, marked := p.level(f), p.marked(f)
	style := severityStyle(level)
	if marked {
		dst = append(t.appendPainted(dst, style, "✗"), ' ')
	} else {
		dst = append(dst, "  "...)
	}
	dst = t.appendPainted(dst, style, string(level))
	dst = append(dst, ' ')
	dst = t.appendPainted(dst, Bold, string(f.Code))
	dst = append(dst, ' ')
	dst = append(t.start(dst, Dim), number...)
	dst = append(dst, ':')
	dst = t.end(strconv.AppendInt(dst, int64(f.Column), 10))
	dst = append(dst, ' ')
	if marked {
		dst = append(t.appendPainted(dst, Bold, "decides:"), ' ')
	}
	dst = appendVisible(dst, []byte(f.Message), maxText)
	dst = append(dst, '\n')

	gutter := max(6, len(number))
	room := t.Width - gutter - len(" │ ")
	if p.Data != nil {
		e := excerptAt(p.Data, f.Offset, room)
		dst = appendRepeated(t.start(dst, Dim), ' ', gutter-len(number))
		dst = append(dst, number...)
		dst = t.end(append(dst, " │ "...))
		dst = e.appendBefore(dst)
		dst = t.appendShown(dst, style, e.at)
		dst = e.appendAfter(dst)
		dst = append(dst, '\n')
		dst = appendRepeated(t.appendGutter(dst, gutter), ' ', e.indent)
		dst = append(t.start(dst, style), '^')
		dst = t.end(appendRepeated(dst, '~', e.span-1))
		if f.Pointer != "" {
			if e.indent+e.span+1+columns([]byte(f.Pointer)) <= room {
				dst = append(dst, ' ')
			} else {
				dst = t.appendGutter(append(dst, '\n'), gutter)
			}
			dst = t.appendShown(dst, Dim, []byte(f.Pointer))
		}
		dst = append(dst, '\n')
	} else if f.Pointer != "" {
		dst = t.appendGutter(dst, gutter)
		dst = t.appendShown(dst, Dim, []byte(f.Pointer))
		dst = append(dst, '\n')
	}
	if f.Count > 1 {
		dst = t.appendGutter(dst, gutter)
		dst = append(appendVisible(dst, []byte(Alike(*f)), maxText), '\n')
	}
	if f.Hint != "" {
		dst = t.appendGutter(dst, gutter)
		dst = t.appendPainted(dst, Bold, "hint:")
		dst = append(dst, ' ')
		dst = appendVisible(dst, []byte(f.Hint), maxText)
		dst = append(dst, '\n')
	}
	return dst
}

// appendGutter appends what stands left of the lines that no number has.
func (t Terminal) appendGutter(dst []byte, columns int) []byte {
	dst = appendRepeated(dst, ' ', columns)
	return t.appendPainted(dst, Dim, " │ ")
}

// appendPainted appends what [Terminal.Paint] returns.
func (t Terminal) appendPainted(dst []byte, style Style, s string) []byte {
	if s == "" || style == "" {
		return append(dst, s...)
	}
	return t.end(append(t.start(dst, style), s...))
}

// appendShown appends the visible form of s in that style.
func (t Terminal) appendShown(dst []byte, style Style, s []byte) []byte {
	if len(s) == 0 {
		return dst
	}
	return t.end(appendVisible(t.start(dst, style), s, maxText))
}

// start begins a style, where there are colours, and end ends it.
func (t Terminal) start(dst []byte, style Style) []byte {
	if !t.Color {
		return dst
	}
	dst = append(dst, "\x1b["...)
	dst = append(dst, style...)
	return append(dst, 'm')
}

func (t Terminal) end(dst []byte) []byte {
	if !t.Color {
		return dst
	}
	return append(dst, "\x1b[0m"...)
}

func appendRepeated(dst []byte, c byte, n int) []byte {
	for range n {
		dst = append(dst, c)
	}
	return dst
}
