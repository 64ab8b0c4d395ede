package report

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// What a report for people shows of one list, at most. The formats for
// machines show everything.
const (
	maxFindings = 50 // of one payload
	maxStale    = 20
)

// textWriter writes for people.
type textWriter struct {
	out  *bufio.Writer
	opts Options

	wrote, spaced bool   // whether anything stands above, and whether it needs an empty line below
	code          string // the first code for which a payload failed
}

// An sgr is the parameters of the escape sequence that sets a style.
type sgr string

const (
	bold   sgr = "1"
	dim    sgr = "2"
	red    sgr = "31"
	green  sgr = "32"
	yellow sgr = "33"
	cyan   sgr = "36"
)

// paint gives s in that style, where the report has colour.
func (w *textWriter) paint(style sgr, s string) string {
	if !w.opts.Color || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

func verdictMark(v conformance.Verdict) (mark string, style sgr) {
	switch v {
	case conformance.Conforms:
		return "✓", green
	case conformance.Deviates:
		return "~", yellow
	}
	return "✗", red
}

func severityStyle(s conformance.Severity) sgr {
	switch s {
	case conformance.Error:
		return red
	case conformance.Warning:
		return yellow
	}
	return cyan
}

func (w *textWriter) Payload(p Payload) error {
	if failing, _ := p.failing(); w.code == "" && len(failing) > 0 {
		w.code = failing[0].Code
	}
	switch {
	case w.opts.Verbose, !p.Passed:
	case w.opts.Quiet, !p.Single && p.Verdict == conformance.Conforms && len(p.Findings) == 0:
		return nil
	}

	w.space(len(p.Findings) > 0)
	mark, style := verdictMark(p.Verdict)
	fmt.Fprintf(w.out, "%s %s  %s", w.paint(style, mark), w.paint(bold, visible(p.name(), maxText)),
		w.paint(style, string(p.Verdict)))
	if p.EventType != "" {
		fmt.Fprintf(w.out, "  %s", w.paint(dim, visible(p.EventType, 40)))
	}
	if p.Known > 0 {
		fmt.Fprint(w.out, w.paint(dim, "  "+count(p.Known, "known finding")+" set aside"))
	}
	fmt.Fprintln(w.out)
	for _, f := range p.Findings[:min(len(p.Findings), maxFindings)] {
		w.finding(p, f)
	}
	if more := len(p.Findings) - maxFindings; more > 0 {
		fmt.Fprintf(w.out, "  … and %s (--format json shows all)\n", count(more, "more finding"))
	}
	if p.Truncated {
		fmt.Fprintln(w.out, "  … and there may be more: with so many, the check looked no further")
	}
	return nil
}

func (w *textWriter) Flush() error { return w.out.Flush() }

func (w *textWriter) finding(p Payload, f conformance.Finding) {
	style := severityStyle(f.Severity)
	fmt.Fprintf(w.out, "  %s %s %s %s\n", w.paint(style, string(f.Severity)), w.paint(bold, f.Code),
		w.paint(dim, fmt.Sprintf("%d:%d", p.line(f), f.Column)), visible(f.Message, maxText))

	number := fmt.Sprintf("%6d", p.line(f))
	gutter := strings.Repeat(" ", len(number)) + w.paint(dim, " │ ")
	room := w.opts.Width - len(number) - len(" │ ")
	pointer := visible(f.Pointer, maxText)
	switch {
	case p.Data != nil:
		e := excerptAt(p.Data, f.Offset, room)
		fmt.Fprintf(w.out, "%s%s%s%s\n", w.paint(dim, number+" │ "), e.before, w.paint(style, e.at), e.after)
		caret := "^" + strings.Repeat("~", e.span-1)
		fmt.Fprintf(w.out, "%s%s%s", gutter, strings.Repeat(" ", e.indent), w.paint(style, caret))
		if e.indent+e.span+1+columns(pointer) > room && pointer != "" {
			fmt.Fprintf(w.out, "\n%s%s\n", gutter, w.paint(dim, pointer))
		} else {
			fmt.Fprintln(w.out, strings.TrimRight(" "+w.paint(dim, pointer), " "))
		}
	case pointer != "":
		fmt.Fprintf(w.out, "%s%s\n", gutter, w.paint(dim, pointer))
	}
	if f.Hint != "" {
		fmt.Fprintf(w.out, "%s%s %s\n", gutter, w.paint(bold, "hint:"), visible(f.Hint, maxText))
	}
}

// space separates what follows from what stands above by an empty line, if
// either is more than a line.
func (w *textWriter) space(long bool) {
	if w.wrote && (long || w.spaced) {
		fmt.Fprintln(w.out)
	}
	w.wrote, w.spaced = true, long
}

func (w *textWriter) Unreadable(source string, err error) error {
	w.space(false)
	fmt.Fprintf(w.out, "%s %s  %s  %s\n", w.paint(red, "!"), w.paint(bold, visible(source, maxText)),
		w.paint(red, "unreadable"), visible(reason(source, err), maxText))
	return nil
}

func (w *textWriter) Close(s Summary) error {
	w.space(true)
	fmt.Fprintln(w.out, w.paint(bold, s.line()))
	for _, line := range s.remarks(w.opts.Against) {
		fmt.Fprintln(w.out, line)
	}
	if len(s.Stale) > 0 {
		fmt.Fprintln(w.out, "no longer found, but still in the baseline; run again with --write-baseline to shrink it:")
		for _, e := range s.Stale[:min(len(s.Stale), maxStale)] {
			fmt.Fprintf(w.out, "  %s %s %s", visible(e.Source, maxText), visible(e.Code, maxText), visible(e.Pointer, maxText))
			if e.Count > 1 {
				fmt.Fprint(w.out, " ×"+strconv.Itoa(e.Count))
			}
			fmt.Fprintln(w.out)
		}
		if more := len(s.Stale) - maxStale; more > 0 {
			fmt.Fprintf(w.out, "  … and %d more\n", more)
		}
	}
	if w.code != "" {
		fmt.Fprintf(w.out, "%s says more about a code\n", w.paint(bold, "runhooks explain "+w.code))
	}
	return w.out.Flush()
}
