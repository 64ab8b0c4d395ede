package report

import (
	"bufio"
	"fmt"
	"strconv"

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
	Terminal
	out  *bufio.Writer
	opts Options

	wrote, spaced bool   // whether anything stands above, and whether it needs an empty line below
	code          string // the first code for which a payload failed
}

func (w *textWriter) Payload(p Payload) error {
	if failing, _ := p.failing(); w.code == "" && len(failing) > 0 {
		w.code = string(failing[0].Code)
	}
	switch {
	case w.opts.Verbose, !p.Passed:
	case w.opts.Quiet, !p.Single && p.Verdict == conformance.Conforms && len(p.Findings) == 0:
		return nil
	}

	w.space(len(p.Findings) > 0)
	mark, style := Mark(p.Verdict)
	fmt.Fprintf(w.out, "%s %s  %s", w.Paint(style, mark), w.Paint(Bold, Visible(p.name(), maxText)),
		w.Paint(style, string(p.Verdict)))
	if p.EventType != "" {
		fmt.Fprintf(w.out, "  %s", w.Paint(Dim, Visible(p.EventType, 40)))
	}
	if p.Known > 0 {
		fmt.Fprint(w.out, w.Paint(Dim, "  "+count(p.Known, "known finding")+" set aside"))
	}
	fmt.Fprintln(w.out)
	w.findings(w.out, p)
	return nil
}

func (w *textWriter) Flush() error { return w.out.Flush() }

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
	fmt.Fprintf(w.out, "%s %s  %s  %s\n", w.Paint(Red, "!"), w.Paint(Bold, Visible(source, maxText)),
		w.Paint(Red, "unreadable"), Visible(reason(source, err), maxText))
	return nil
}

func (w *textWriter) Close(s Summary) error {
	w.space(true)
	fmt.Fprintln(w.out, w.Paint(Bold, s.line()))
	for _, line := range s.remarks(w.opts.Against) {
		fmt.Fprintln(w.out, line)
	}
	if len(s.Stale) > 0 {
		fmt.Fprintln(w.out, "no longer found, but still in the baseline; run again with --write-baseline to shrink it:")
		for _, e := range s.Stale[:min(len(s.Stale), maxStale)] {
			fmt.Fprintf(w.out, "  %s %s %s", Visible(e.Source, maxText), Visible(e.Code, maxText), Visible(e.Pointer, maxText))
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
		fmt.Fprintf(w.out, "%s says more about a code\n", w.Paint(Bold, "runhooks explain "+w.code))
	}
	return w.out.Flush()
}
