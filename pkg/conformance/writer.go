package conformance

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/validate"
)

// A writer writes the findings of one report. Their texts go into one buffer, which
// becomes a string once.
type writer struct {
	payload []byte
	as      Role
	notes   validate.Notes
	drafts  []draft
	text    []byte
	kept    int       // how much of text belongs to drafts
	from    int       // where in text the part begins that is being written
	folds   [2][]byte // room to fold names in
	plain   []byte    // room to unquote a text in
	sorted  []int     // the indices of drafts, in document order
	size    int       // of the texts of all findings
	full    bool      // there is more than fits
}

// A draft is a finding, of which some texts are still parts of [writer.text].
type draft struct {
	Finding
	pointer, message, hint, pattern span // empty where Finding has it
}

type span struct{ from, to int }

// A report has up to maxFindings, whose texts may be eight times as long as the payload
// together, but at least leastTexts and at most mostTexts.
const (
	maxFindings = 10_000
	leastTexts  = 64 << 10
	mostTexts   = 16 << 20
)

// written returns the part of w.text that was written since it was last called.
func (w *writer) written() span {
	s := span{w.from, len(w.text)}
	w.from = len(w.text)
	return s
}

func (s span) len() int { return s.to - s.from }

// path writes the RFC 6901 pointer of the value to which tokens lead, the offsets of
// names in src. If anyIndex, each index of an array is a *.
func (w *writer) path(src []byte, tokens []validate.Token, anyIndex bool) {
	for _, token := range tokens {
		switch {
		case token >= 0:
			w.member(src, int(token))
		case anyIndex:
			w.text = append(w.text, "/*"...)
		default:
			w.text = strconv.AppendInt(append(w.text, '/'), int64(^token), 10)
		}
	}
}

// member writes the name that stands at an offset of src in a pointer.
func (w *writer) member(src []byte, at int) {
	b := append(w.text, '/')
	for i, c := range src[at+1:] {
		switch {
		case c == '"':
			w.text = b
			return
		case c == '\\' || c >= utf8.RuneSelf || i == 1<<10: // it is escaped, or may be long
			raw := stringAt(src, at)
			if w.full = w.full || len(raw) > mostTexts; !w.full {
				text, _ := jsontext.AppendUnquote(nil, raw) // what is wrong in it is reported elsewhere
				w.text = jsonpointer.Append(slices.Grow(w.text, 1+2*len(text)), string(text))
			}
			return
		case c == '~':
			b = append(b, "~0"...)
		case c == '/':
			b = append(b, "~1"...)
		default:
			b = append(b, c)
		}
	}
}

// draft adds a finding, for now.
func (w *writer) draft() *draft {
	w.drafts = append(w.drafts, draft{})
	return &w.drafts[len(w.drafts)-1]
}

// fit takes back the last finding if there is no room for it.
func (w *writer) fit(d *draft) {
	w.size += len(d.Pointer) + len(d.Message) + len(d.Hint) + len(d.Pattern) +
		d.pointer.len() + d.message.len() + d.hint.len() + d.pattern.len()
	if w.full = w.full || len(w.drafts) > maxFindings || w.size > min(max(leastTexts, 8*len(w.payload)), mostTexts); w.full {
		w.drafts, w.text = w.drafts[:len(w.drafts)-1], w.text[:w.kept]
	}
	w.kept = len(w.text)
	w.from = w.kept
}

// findings returns what was added, in document order.
func (w *writer) findings() []Finding {
	text := string(w.text)
	w.sorted = w.sorted[:0]
	for i := range w.drafts {
		w.sorted = append(w.sorted, i)
		d := &w.drafts[i]
		for _, part := range [...]struct {
			of *string
			span
		}{{&d.Pointer, d.pointer}, {&d.Message, d.message}, {&d.Hint, d.hint}, {&d.Pattern, d.pattern}} {
			if part.len() > 0 {
				*part.of = text[part.from:part.to]
			}
		}
	}
	slices.SortFunc(w.sorted, func(i, j int) int { return byPlace(&w.drafts[i].Finding, &w.drafts[j].Finding) })
	findings := make([]Finding, 0, len(w.drafts))
	for _, i := range w.sorted {
		f := &w.drafts[i].Finding
		if n := len(findings); n > 0 {
			if last := &findings[n-1]; last.Offset == f.Offset && last.Code == f.Code && last.Pointer == f.Pointer {
				continue
			}
		}
		findings = append(findings, *f)
	}
	place(w.payload, findings)
	return findings
}

// byPlace compares findings by their order in the document.
func byPlace(a, b *Finding) int {
	if a.Offset != b.Offset {
		return a.Offset - b.Offset
	}
	return cmp.Or(strings.Compare(a.Pointer, b.Pointer),
		strings.Compare(string(a.Code), string(b.Code)), strings.Compare(a.Message, b.Message))
}

// place gives findings, which are in document order, their lines and columns.
func place(payload []byte, findings []Finding) {
	line, column, done := 1, 1, 0
	for i := range findings {
		f := &findings[i]
		if n := newlines(payload[done:f.Offset]); n > 0 {
			line += n
			column, done = 1, done+bytes.LastIndexByte(payload[done:f.Offset], '\n')+1
		}
		column += codePoints(payload[done:f.Offset])
		done = f.Offset
		f.Line, f.Column = line, column
	}
}

// inOrder puts findings in document order, and gives them their lines and columns.
func inOrder(payload []byte, findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int { return byPlace(&a, &b) })
	place(payload, findings)
	return findings
}

var writers = sync.Pool{New: func() any { return new(writer) }}

// release keeps w for the next report, unless it has grown large.
func (w *writer) release() {
	const large = 256 << 10
	if len(w.payload)+cap(w.text)+cap(w.plain) > large || cap(w.drafts)+cap(w.notes.List) > large/256 {
		return
	}
	*w = writer{
		notes: w.notes, drafts: w.drafts[:0], sorted: w.sorted, text: w.text[:0], plain: w.plain, folds: w.folds,
	}
	writers.Put(w)
}
