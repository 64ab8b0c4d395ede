package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// jsonVersion changes when a reader of the JSON forms would have to change.
const jsonVersion = 1

// jsonPayload is a payload in the JSON forms. Lines are those of the source,
// as in [Payload.line].
type jsonPayload struct {
	Source string `json:"source"`
	Index  int    `json:"index"`
	Line   int    `json:"line"`
	// EventType is empty where the payload has none.
	EventType string                `json:"event_type"`
	Verdict   conformance.Verdict   `json:"verdict"`
	Findings  []conformance.Finding `json:"findings"`
	Truncated bool                  `json:"truncated,omitempty"`
	At        string                `json:"at,omitempty"`
	Known     int                   `json:"known,omitempty"`
}

func newJSONPayload(p Payload) jsonPayload {
	findings := slices.Clone(p.Findings)
	for i, f := range findings {
		findings[i].Line = p.line(f)
	}
	if findings == nil {
		findings = []conformance.Finding{}
	}
	return jsonPayload{
		Source: p.Source, Index: p.Index, Line: max(p.Line, 1),
		EventType: p.EventType, Verdict: p.Verdict, Findings: findings, Truncated: p.Truncated,
		At: p.At, Known: p.Known,
	}
}

type jsonSummary struct {
	Payloads    int  `json:"payloads"`
	Conforms    int  `json:"conforms"`
	Deviates    int  `json:"deviates"`
	Invalid     int  `json:"invalid"`
	Unreadable  int  `json:"unreadable"`
	Known       int  `json:"known,omitempty"`
	Interrupted bool `json:"interrupted,omitempty"`
}

func newJSONSummary(s Summary) jsonSummary {
	return jsonSummary{
		Payloads: s.Payloads, Conforms: s.Conforms, Deviates: s.Deviates, Invalid: s.Invalid,
		Unreadable: s.Unreadable, Known: s.Known, Interrupted: s.Interrupted,
	}
}

// Marshal returns v as JSON, on one line and without its end. In strings, whatever
// does not print is an escape: a terminal or the log of a CI server that shows the
// JSON finds nothing in it to obey, and a reader of it the same values.
func Marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return escape(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), nil
}

// escape escapes what encoding/json leaves as it is, and does not print: DEL, the
// controls of C1, marks of direction and other format characters, and odd spaces.
// In JSON they stand in strings only.
func escape(text []byte) []byte {
	var b []byte
	done := 0
	for i := 0; i < len(text); {
		if text[i] < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if !strconv.IsPrint(r) {
			b = append(b, text[done:i]...)
			for _, unit := range utf16.AppendRune(nil, r) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
			done = i + size
		}
		i += size
	}
	return append(b, text[done:]...)
}

// writeJSON writes v on one line, without a line break.
func writeJSON(w io.Writer, v any) error {
	text, err := Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// A jsonList collects what will be the elements of an array, one a line.
type jsonList struct {
	spool
	n int
}

func (l *jsonList) add(v any) error {
	if l.n++; l.n > 1 {
		fmt.Fprint(&l.spool, ",")
	}
	fmt.Fprint(&l.spool, "\n  ")
	return writeJSON(&l.spool, v)
}

// jsonWriter writes one object, the summary first.
type jsonWriter struct {
	out                  *bufio.Writer
	payloads, unreadable jsonList
}

func (w *jsonWriter) Payload(p Payload) error { return w.payloads.add(newJSONPayload(p)) }

// Flush writes nothing: the summary, which comes first, isn't known yet.
func (w *jsonWriter) Flush() error { return nil }

func (w *jsonWriter) Unreadable(source string, err error) error {
	return w.unreadable.add(struct {
		Source  string `json:"source"`
		Message string `json:"message"`
	}{source, reason(source, err)})
}

func (w *jsonWriter) Close(s Summary) (err error) {
	defer closeSpools(&err, &w.payloads.spool, &w.unreadable.spool)
	fmt.Fprintf(w.out, "{\"version\":%d,\n \"summary\":", jsonVersion)
	if err := writeJSON(w.out, newJSONSummary(s)); err != nil {
		return err
	}
	if err := writeArray(w.out, "payloads", &w.payloads); err != nil {
		return err
	}
	if w.unreadable.n > 0 {
		if err := writeArray(w.out, "unreadable", &w.unreadable); err != nil {
			return err
		}
	}
	if len(s.Stale) > 0 {
		fmt.Fprint(w.out, ",\n \"stale\":")
		if err := writeJSON(w.out, s.Stale); err != nil {
			return err
		}
	}
	fmt.Fprint(w.out, "}\n")
	return w.out.Flush()
}

// writeArray writes the list as a member that is not the first of its object.
func writeArray(w io.Writer, name string, l *jsonList) error {
	fmt.Fprintf(w, ",\n %q:[", name)
	if err := l.moveTo(w); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, "]")
	return err
}

// ndjsonWriter writes one object a payload, as it comes, and the summary last.
type ndjsonWriter struct{ out *bufio.Writer }

func (w *ndjsonWriter) line(v any) error {
	if err := writeJSON(w.out, v); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.out)
	return err
}

func (w *ndjsonWriter) Flush() error { return w.out.Flush() }

func (w *ndjsonWriter) Payload(p Payload) error { return w.line(newJSONPayload(p)) }

func (w *ndjsonWriter) Unreadable(source string, err error) error {
	return w.line(struct {
		Source     string `json:"source"`
		Unreadable string `json:"unreadable"`
	}{source, reason(source, err)})
}

func (w *ndjsonWriter) Close(s Summary) error {
	err := w.line(struct {
		Version int          `json:"version"`
		Summary jsonSummary  `json:"summary"`
		Stale   []StaleEntry `json:"stale,omitempty"`
	}{jsonVersion, newJSONSummary(s), s.Stale})
	return cmp.Or(err, w.out.Flush())
}
