package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonVersion changes when a reader of the JSON forms would have to change.
const jsonVersion = 1

// appendPayload appends a payload as the JSON forms have it. Lines are those of the
// source, as in [Payload.line]; event_type is empty where the payload has none.
func appendPayload(dst []byte, p Payload) []byte {
	dst = appendString(append(dst, `{"source":`...), p.Source)
	dst = strconv.AppendInt(append(dst, `,"index":`...), int64(p.Index), 10)
	dst = strconv.AppendInt(append(dst, `,"line":`...), int64(max(p.Line, 1)), 10)
	dst = appendString(append(dst, `,"event_type":`...), p.EventType)
	dst = appendString(append(dst, `,"verdict":`...), string(p.Verdict))
	dst = append(dst, `,"findings":[`...)
	for i := range p.Findings {
		f := &p.Findings[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"code":`...), string(f.Code))
		dst = appendString(append(dst, `,"severity":`...), string(f.Severity))
		dst = appendString(append(dst, `,"pointer":`...), f.Pointer)
		dst = strconv.AppendInt(append(dst, `,"line":`...), int64(p.line(*f)), 10)
		dst = strconv.AppendInt(append(dst, `,"column":`...), int64(f.Column), 10)
		dst = strconv.AppendInt(append(dst, `,"offset":`...), int64(f.Offset), 10)
		dst = appendString(append(dst, `,"message":`...), f.Message)
		if f.Hint != "" {
			dst = appendString(append(dst, `,"hint":`...), f.Hint)
		}
		if f.Count != 0 {
			dst = strconv.AppendInt(append(dst, `,"count":`...), int64(f.Count), 10)
		}
		if f.Pattern != "" {
			dst = appendString(append(dst, `,"pattern":`...), f.Pattern)
		}
		if !p.Passed && p.Policy.decides(p.Verdict, f) {
			dst = append(dst, `,"decides":true`...)
		}
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if p.Truncated {
		dst = append(dst, `,"truncated":true`...)
	}
	if p.At != "" {
		dst = appendString(append(dst, `,"at":`...), p.At)
	}
	if p.Within != "" {
		dst = appendString(append(dst, `,"within":`...), p.Within)
	}
	if p.Known != 0 {
		dst = strconv.AppendInt(append(dst, `,"known":`...), int64(p.Known), 10)
	}
	return append(dst, '}')
}

// appendString appends s as [Marshal] writes it.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		n := unescaped([]byte(s))
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', s[0])
		case r >= 0x7f && printed(r, size):
			dst = append(dst, s[:size]...)
		case r < ' ' && short[r] != 0:
			dst = append(dst, '\\', short[r])
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				dst = fmt.Appendf(dst, `\u%04x`, unit)
			}
		}
		s = s[size:]
	}
	return append(dst, '"')
}

// unescaped is how many bytes at the start of s are ASCII that stands in a JSON string
// as it is.
func unescaped(s []byte) int {
	const quote, backslash = '"' * eachByte, '\\' * eachByte
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(s[n:])
		if (beyondPlain(w)|((w^quote)-eachByte)|((w^backslash)-eachByte))&highBits != 0 {
			break
		}
	}
	for n < len(s) && ' ' <= s[n] && s[n] <= '~' && s[n] != '"' && s[n] != '\\' {
		n++
	}
	return n
}

// short are the controls that JSON has a letter for.
var short = [' ']byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

type jsonSummary struct {
	Payloads    int  `json:"payloads"`
	Conforms    int  `json:"conforms"`
	Deviates    int  `json:"deviates"`
	Invalid     int  `json:"invalid"`
	Unreadable  int  `json:"unreadable"`
	Known       int  `json:"known,omitempty"`
	Interrupted bool `json:"interrupted,omitempty"`
	// Findings are an empty array where there are none.
	Findings          []Found `json:"findings"`
	FindingsTruncated bool    `json:"findings_truncated,omitempty"`
}

func newJSONSummary(s Summary) jsonSummary {
	return jsonSummary{
		Payloads: s.Payloads, Conforms: s.Conforms, Deviates: s.Deviates, Invalid: s.Invalid,
		Unreadable: s.Unreadable, Known: s.Known, Interrupted: s.Interrupted,
		Findings: append([]Found{}, s.Found...), FindingsTruncated: s.FoundTruncated,
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
	text, err := Marshal(v)
	if err != nil {
		return err
	}
	return l.addText(text)
}

// addText adds an element that is JSON already.
func (l *jsonList) addText(text []byte) error {
	if l.n++; l.n > 1 {
		l.Write([]byte(","))
	}
	l.Write([]byte("\n  "))
	_, err := l.Write(text) // an error of the spool stays
	return err
}

// jsonWriter writes one object, the summary first.
type jsonWriter struct {
	out                  *bufio.Writer
	payloads, unreadable jsonList
	text                 []byte // used again and again
}

func (w *jsonWriter) Payload(p Payload) error {
	w.text = appendPayload(w.text[:0], p)
	return w.payloads.addText(w.text)
}

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
type ndjsonWriter struct {
	out  *bufio.Writer
	text []byte // used again and again
}

func (w *ndjsonWriter) line(v any) error {
	if err := writeJSON(w.out, v); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.out)
	return err
}

func (w *ndjsonWriter) Flush() error { return w.out.Flush() }

func (w *ndjsonWriter) Payload(p Payload) error {
	w.text = append(appendPayload(w.text[:0], p), '\n')
	_, err := w.out.Write(w.text)
	return err
}

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
