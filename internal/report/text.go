package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// What a report for people shows of one list, at most. The formats for
// machines show everything.
const (
	maxFindings = 50 // of one payload
	maxStale    = 20
	fewPayloads = 10 // are seen at a glance, if no finding is in two of them
	maxFound    = 20 // lines of the summary, which --format summary shows whole
)

// textWriter writes for people.
type textWriter struct {
	Terminal
	out  *bufio.Writer
	opts Options
	// sums reports whether payloads are summed up only.
	sums bool
	line []byte // used again and again

	wrote, spaced bool   // whether anything stands above, and whether it needs an empty line below
	code          string // the first code for which a payload failed

	// A report for a receiver keeps what it says of payloads until the end, since the
	// codes come first, and of the first payload also what it says only if there is no
	// other.
	below    spool
	payloads int
	only     []byte
}

func (w *textWriter) receives() bool { return w.opts.As == conformance.Receiver }

// to is where payloads are listed.
func (w *textWriter) to() io.Writer {
	if w.receives() {
		return &w.below
	}
	return w.out
}

func (w *textWriter) Payload(p Payload) error {
	if w.code == "" && !p.Passed {
		if failing, _ := p.failing(); len(failing) > 0 {
			w.code = string(failing[0].Code)
		}
	}
	w.payloads++
	only := false
	switch {
	case w.sums:
		return nil
	case w.opts.Verbose, !p.Passed:
	case w.receives() && !w.opts.Quiet:
		if only = true; w.payloads > 1 {
			return nil
		}
	case w.opts.Quiet, !p.Single && p.Verdict == conformance.Conforms && len(p.Findings) == 0:
		return nil
	}

	if !only {
		w.space(len(p.Findings) > 0)
	}
	mark, style := Mark(p.Verdict)
	b := w.appendPainted(w.line[:0], style, mark)
	b = append(b, ' ')
	b = appendVisible(w.start(b, Bold), p.appendName(nil), maxText)
	b = append(w.end(b), "  "...)
	b = w.appendPainted(b, style, string(p.Verdict))
	if p.EventType != "" {
		b = appendVisible(w.start(append(b, "  "...), Dim), []byte(p.EventType), 40)
		b = w.end(b)
	}
	if p.Known > 0 {
		b = w.appendPainted(b, Dim, "  "+count(p.Known, "known finding")+" set aside")
	}
	b = w.appendFindings(append(b, '\n'), p)
	w.line = b
	if only {
		w.only = slices.Clone(b)
		return nil
	}
	_, err := w.to().Write(b)
	return err
}

func (w *textWriter) Flush() error { return w.out.Flush() }

// space separates what follows from what stands above by an empty line, if
// either is more than a line.
func (w *textWriter) space(long bool) {
	if w.wrote && (long || w.spaced) {
		fmt.Fprintln(w.to())
	}
	w.wrote, w.spaced = true, long
}

func (w *textWriter) Unreadable(source string, err error) error {
	w.space(false)
	fmt.Fprintf(w.to(), "%s %s  %s  %s\n", w.Paint(Red, "!"), w.Paint(Bold, Visible(source, maxText)),
		w.Paint(Red, "unreadable"), Visible(reason(source, err), maxText))
	return nil
}

func (w *textWriter) Close(s Summary) (err error) {
	defer closeSpools(&err, &w.below)
	switch {
	case w.receives() && w.payloads == 1 && !w.sums:
		w.out.Write(w.only)
		w.wrote, w.spaced = w.wrote || len(w.only) > 0, true
	case w.receives() && len(s.Codes) > 0:
		w.codes(s)
		if w.wrote {
			fmt.Fprintln(w.out)
		}
		w.wrote, w.spaced = true, true
	}
	if err := w.below.moveTo(w.out); err != nil {
		return err
	}
	receives := w.receives()
	w.opts.As = "" // what follows comes last, and is not kept
	repeated := slices.ContainsFunc(s.Found, func(f Found) bool { return f.Payloads > 1 })
	if !receives && (w.sums || repeated || s.Payloads > fewPayloads) {
		w.table(s)
	}
	w.space(true)
	line := s.line()
	if w.opts.Quiet { // which doesn't look into what passes
		line = headline(s)
	}
	fmt.Fprintln(w.out, w.Paint(Bold, line))
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

// What the table of codes shows of one code, at most, if it isn't all that is asked for.
const (
	maxHints   = 8
	maxMembers = 4 // of a hint
	maxMember  = 200
)

// codes writes what was found, by code, and the hints on it.
func (w *textWriter) codes(s Summary) {
	fmt.Fprintln(w.out, w.Paint(Dim, "payloads  findings  what"))
	const indent = "                      "
	for _, c := range s.Codes {
		fmt.Fprintf(w.out, "%8s  %8s  %s %s\n", thousands(c.Payloads), thousands(c.Findings),
			w.Paint(severityStyle(c.level), string(c.level)), w.Paint(Bold, string(c.Code)))
		hints := c.hints
		if !w.sums {
			hints = hints[:min(len(hints), maxHints)]
		}
		for _, h := range hints {
			members := h.members
			if !w.sums {
				members = members[:min(len(members), maxMembers)]
			}
			names := make([]string, len(members))
			for i, member := range members {
				if names[i] = Visible(member, maxMember); member == "" {
					names[i] = "the whole payload"
				}
			}
			hint := h.alike
			if len(members) == 1 {
				hint = h.text
			}
			if len(members) > 1 || hint == h.alike { // the hint doesn't say where
				text := strings.Join(names, ", ")
				if more := len(h.members) - len(members); more > 0 {
					text += fmt.Sprintf(" and %s more", thousands(more))
				}
				fmt.Fprintf(w.out, "%s%s\n", indent, w.Paint(Dim, text))
			}
			fmt.Fprintf(w.out, "%s%s %s\n", indent, w.Paint(Bold, "hint:"), Visible(hint, maxText))
		}
		if more := len(c.hints) - len(hints); more > 0 {
			fmt.Fprintf(w.out, "%s… and %s more (--format summary shows all)\n", indent, thousands(more))
		}
	}
}

// table writes the findings of all payloads, by code and member.
func (w *textWriter) table(s Summary) {
	found := s.Found
	if !w.sums {
		found = found[:min(len(found), maxFound)]
	}
	if len(found) == 0 {
		return
	}
	w.space(true)
	head := []string{"payloads", "findings", "what", "first", "member"}
	rows := make([][]string, len(found))
	widths := make([]int, len(head))
	for i, name := range head[:4] {
		widths[i] = len(name)
	}
	for i, f := range found {
		rows[i] = []string{thousands(f.Payloads), thousands(f.Findings), string(f.level) + " " + string(f.Code),
			Visible(f.Source, maxText) + ":" + strconv.Itoa(f.Line), Visible(f.Member, maxText)}
		for k, text := range rows[i][:4] {
			widths[k] = max(widths[k], Columns(text))
		}
	}
	write := func(row []string, styles ...Style) {
		b := w.line[:0]
		for k, text := range row {
			pad := widths[k] - Columns(text)
			if k < 2 {
				b = appendRepeated(b, ' ', pad)
			}
			b = w.appendPainted(b, styles[k], text)
			if k < len(row)-1 {
				if k >= 2 {
					b = appendRepeated(b, ' ', pad)
				}
				b = append(b, "  "...)
			}
		}
		w.line = append(bytes.TrimRight(b, " "), '\n')
		w.out.Write(w.line) // its error stays, and Flush returns it
	}
	write(head, Dim, Dim, Dim, Dim, Dim)
	for i, f := range found {
		write(rows[i], "", "", severityStyle(f.level), "", Dim)
	}
	switch left := len(s.Found) - len(found); {
	case left > 0:
		fmt.Fprintf(w.out, "… and %s more (--format summary shows all)\n", thousands(left))
	case s.FoundTruncated:
		fmt.Fprintln(w.out, "… and there are more: with so many different members, the rest were not counted")
	}
}
