package pages

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/bidi"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// What a page shows of a payload is bounded, whatever the payload is.
const (
	maxPayloadText     = 200 << 10 // bytes of the text
	maxPayloadParts    = 20_000    // elements of the text
	maxPayloadFindings = 100
	maxPayloadTables   = 20
	maxTableRows       = 200
	maxTableColumns    = 40
	maxTableCells      = 10_000 // of all tables
	maxCell            = 500    // columns of text
	maxTreeNodes       = 2_000
	maxTreeChildren    = 100 // of one node
	maxTreeDepth       = 64
	maxTreeText        = 1_000 // columns of one value
	excerptRoom        = 120   // bytes on either side of a place
)

// A payload is what the template "payload" shows: the findings, and the payload as
// tables, as a tree and as text. All texts in it are safe to show: what doesn't print
// is spelled out.
type payload struct {
	Size string
	// Judged says whether there is a report, which gives the fields up to More.
	Judged bool
	// Canonical says that it is an event in the canonical form, which the contract doesn't
	// judge.
	Canonical bool
	EventType string
	Verdict   conformance.Verdict
	Findings  []payloadFinding
	Truncated bool
	More      int // findings that are not shown

	Tables     []payloadTable
	MoreTables int

	Tree     *treeNode // nil if the payload isn't JSON
	TreeFull bool      // the tree has all that it may have, and nodes are left out

	Text []textRun
	// Shown is how much of the payload Text has, if not all.
	Shown string

	// Download is the path of the whole payload. The caller sets it, or leaves it
	// empty if there is none.
	Download string
}

// A payloadFinding is a finding, with its place in the text or, if the text ends
// before it, with an excerpt.
type payloadFinding struct {
	conformance.Finding
	N       int // from 1
	InText  bool
	Mark    int // N of the first finding at this place, which has the mark
	Excerpt []textRun
	Alike   string // what it stands for besides this place
}

// A payloadTable has the rows of one group that a run captured.
type payloadTable struct {
	Kind, Name  string // Kind is "Captured texts" or "Captured list"
	Rows        int
	Columns     []string
	MoreColumns bool
	Cells       [][]tableCell
	MoreRows    int
}

type tableCell struct {
	Text         string
	Null, Absent bool
}

// A treeNode is a JSON value: a leaf with its text, or an object or an array.
type treeNode struct {
	Name     string // of a member, or the number of an element
	Named    bool
	Kind     string // "object", "array", "string", "number" or "literal"
	Text     string // of a leaf; of others, how many children there are
	Open     bool
	Children []treeNode
	More     int // children that are left out
}

// A textRun is a part of the text, in a mark or between marks.
type textRun struct {
	Mark  *textMark
	Parts []textPart
}

// A textMark is a place that findings are about.
type textMark struct {
	N        int // of the first finding
	Severity conformance.Severity
	Words    string
}

// A textPart is text of one kind.
type textPart struct {
	Text string
	Odd  bool // characters that don't print, spelled out
	RTL  bool // it is written from right to left, and must not reorder what is around it
}

// payloadView returns what a page shows of a payload, of which there may be a report.
func payloadView(body []byte, rep *conformance.Report) payload {
	p := payload{Size: size(len(body))}
	e := canonicalEvent(body)
	if e != nil {
		rep, p.Canonical, p.EventType = nil, true, report.Visible(e.RawType, 60)
	} else if rep == nil || rep.Verdict != conformance.Invalid {
		e, _ = event.Parse(body) // what is not an event has no rows
	}
	end := cutAt(body, maxPayloadText)
	var marks []placedMark
	if rep != nil {
		p.Judged, p.Verdict, p.Truncated = true, rep.Verdict, rep.Truncated
		p.EventType = report.Visible(rep.EventType, 60)
		p.More = max(0, len(rep.Findings)-maxPayloadFindings)
		findings := slices.SortedStableFunc(slices.Values(rep.Findings[:len(rep.Findings)-p.More]),
			func(a, b conformance.Finding) int { return cmp.Compare(a.Offset, b.Offset) })
		p.Findings, marks = placed(body, findings)
	}
	var shown int
	p.Text, shown = textOf(body, 0, end, marks)
	if shown < len(body) {
		p.Shown = size(shown)
	}
	for i := range p.Findings {
		f := &p.Findings[i]
		if f.InText = f.Offset < shown || shown == len(body); !f.InText {
			f.Excerpt = excerptOf(body, f.Offset, marks)
		}
	}
	p.Tree, p.TreeFull = treeOf(body)
	if e != nil {
		p.Tables, p.MoreTables = tablesOf(e)
	}
	return p
}

// canonicalEvent returns the event of its canonical form, as the service writes it, or nil.
// A payload doesn't begin like that.
func canonicalEvent(body []byte) *event.Event {
	e := new(event.Event)
	if !bytes.HasPrefix(body, []byte(`{"version":1,`)) || e.UnmarshalJSON(body) != nil {
		return nil
	}
	return e
}

// cutAt returns n, or less so that no code point of body is cut in two.
func cutAt(body []byte, n int) int {
	if n >= len(body) {
		return len(body)
	}
	for i := n; i > max(0, n-utf8.UTFMax); i-- {
		if utf8.RuneStart(body[i]) {
			return i
		}
	}
	return n
}

// A placedMark is a mark with its place in the payload.
type placedMark struct {
	at   int
	mark textMark
}

// placed returns findings, which are in the order of their places, and the marks of
// these places.
func placed(body []byte, findings []conformance.Finding) (shown []payloadFinding, marks []placedMark) {
	rank := []conformance.Severity{conformance.SeverityError, conformance.SeverityWarning, conformance.SeverityInfo}
	for i, f := range findings {
		f.Offset = min(max(f.Offset, 0), len(body))
		f.Pointer = report.Visible(f.Pointer, 300)
		words := fmt.Sprintf("%s: %s", f.Severity, f.Message)
		if last := len(marks) - 1; last >= 0 && marks[last].at == f.Offset {
			m := &marks[last].mark
			m.Words += "\n" + words
			if slices.Index(rank, f.Severity) < slices.Index(rank, m.Severity) {
				m.Severity = f.Severity
			}
		} else {
			marks = append(marks, placedMark{f.Offset, textMark{N: i + 1, Severity: f.Severity, Words: words}})
		}
		shown = append(shown, payloadFinding{
			Finding: f, N: i + 1, Mark: marks[len(marks)-1].mark.N, Alike: report.Visible(report.Alike(f), 300),
		})
	}
	return shown, marks
}

// textOf returns body[from:to] with the marks that are in it, and where what it
// returns ends, which is before to if there are too many parts.
func textOf(body []byte, from, to int, marks []placedMark) (runs []textRun, end int) {
	room := maxPayloadParts
	at := from
	add := func(until int, mark *textMark) bool {
		parts, n := partsOf(string(body[at:until]), room)
		if mark != nil && len(parts) == 0 { // after the last byte
			parts = []textPart{{Text: "(end)", Odd: true}}
		}
		if len(parts) > 0 {
			runs = append(runs, textRun{mark, parts})
		}
		room -= len(parts)
		at += n
		return at == until
	}
	for i := range marks {
		m := &marks[i]
		if m.at < at || m.at > to || m.at == to && to < len(body) {
			continue
		}
		if !add(m.at, nil) {
			return runs, at
		}
		until := m.at + report.Token(body[m.at:to])
		if i+1 < len(marks) {
			until = min(until, marks[i+1].at)
		}
		if !add(until, &m.mark) {
			return runs, at
		}
	}
	add(to, nil)
	return runs, at
}

// excerptOf returns the surroundings of a place.
func excerptOf(body []byte, at int, marks []placedMark) []textRun {
	from, to := cutAt(body, max(0, at-excerptRoom)), cutAt(body, min(len(body), at+excerptRoom))
	here := slices.DeleteFunc(slices.Clone(marks), func(m placedMark) bool { return m.at != at })
	for i := range here {
		here[i].mark.N = 0 // a mark that nothing links to
	}
	runs, _ := textOf(body, from, max(to, at), here)
	return runs
}

// partsOf divides s into up to room parts, and says how many bytes of s they are.
func partsOf(s string, room int) (parts []textPart, size int) {
	for size < len(s) && len(parts) < room {
		rest := s[size:]
		if n := plain(rest); n > 0 {
			parts = append(parts, textPart{Text: rest[:n]})
			size += n
		} else if n := rightToLeft(rest); n > 0 {
			parts = append(parts, textPart{Text: rest[:n], RTL: true})
			size += n
		} else {
			text, n := odd(rest)
			parts = append(parts, textPart{Text: text, Odd: true})
			size += n
		}
	}
	return parts, size
}

// odd returns the characters at the start of s that don't print, spelled out, and how
// many bytes of s they are.
func odd(s string) (text string, n int) {
	var b strings.Builder
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !isOdd(s[n:], r, size) {
			break
		}
		text, _, _ := report.Glyph(s[n:])
		b.WriteString(text)
		n += size
	}
	return b.String(), n
}

// plain is how many bytes at the start of s are shown as they are, in their order.
func plain(s string) (n int) {
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if isOdd(s[n:], r, size) || isRTL(r) {
			break
		}
		n += size
	}
	return n
}

// isOdd says whether r, the first code point of s, doesn't print.
func isOdd(s string, r rune, size int) bool {
	switch {
	case r == '\n', r == '\t', strings.HasPrefix(s, "\r\n"):
		return false
	case r == utf8.RuneError && size == 1: // not UTF-8
		return true
	}
	return !strconv.IsPrint(r)
}

// rightToLeft is how many bytes at the start of s are written from right to left: up
// to the last such character before the end of a text, a value or a line.
func rightToLeft(s string) (n int) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if isOdd(s[i:], r, size) || strings.ContainsRune("\"{}[]\r\n", r) {
			break
		}
		if i += size; isRTL(r) {
			n = i
		}
	}
	return n
}

// isRTL says whether a browser would write r, and what is beside it, from right to left.
func isRTL(r rune) bool {
	if r < 0x590 { // the first
		return false
	}
	properties, _ := bidi.LookupRune(r)
	class := properties.Class()
	return class == bidi.R || class == bidi.AL || class == bidi.AN
}

// treeOf returns the tree of a payload, or nil if it isn't JSON, and whether nodes are
// left out because there are too many.
func treeOf(body []byte) (root *treeNode, full bool) {
	t := treeReader{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		room:    maxTreeNodes,
	}
	root = new(treeNode)
	if err := t.read(root, 0); err != nil {
		return nil, false
	}
	if _, err := t.ReadToken(); err != io.EOF {
		return nil, false // there is more than one value
	}
	return root, t.full
}

// A treeReader reads a tree of up to room nodes. It reads over the rest.
type treeReader struct {
	*jsontext.Decoder
	room int
	full bool // there were more
}

func (t *treeReader) read(n *treeNode, depth int) error {
	t.room--
	kind := t.PeekKind()
	if kind != '{' && kind != '[' {
		return t.leaf(n, kind)
	}
	if _, err := t.ReadToken(); err != nil {
		return err
	}
	n.Kind, n.Open = "array", depth < 2
	if kind == '{' {
		n.Kind = "object"
	}
	count := 0
	for ; t.PeekKind() != '}' && t.PeekKind() != ']'; count++ {
		child := treeNode{Name: strconv.Itoa(count), Named: true}
		if kind == '{' {
			name, err := t.ReadToken()
			if err != nil {
				return err
			}
			child.Name = report.Visible(name.String(), 200)
		}
		if t.room == 0 || len(n.Children) == maxTreeChildren || depth == maxTreeDepth {
			if err := t.SkipValue(); err != nil {
				return err
			}
			n.More++
			t.full = t.full || t.room == 0
			continue
		}
		if err := t.read(&child, depth+1); err != nil {
			return err
		}
		n.Children = append(n.Children, child)
	}
	if _, err := t.ReadToken(); err != nil {
		return err
	}
	what := "item"
	if kind == '{' {
		what = "member"
	}
	if n.Text = fmt.Sprintf("%d %s", count, what); count != 1 {
		n.Text += "s"
	}
	return nil
}

func (t *treeReader) leaf(n *treeNode, kind jsontext.Kind) error {
	if kind == '"' {
		text, err := t.ReadToken()
		if err != nil {
			return err
		}
		n.Kind, n.Text = "string", report.Visible(text.String(), maxTreeText)
		return nil
	}
	value, err := t.ReadValue()
	if err != nil {
		return err
	}
	n.Kind, n.Text = "literal", report.Visible(string(value[:min(len(value), maxTreeText+1)]), maxTreeText)
	if kind == '0' {
		n.Kind = "number"
	}
	return nil
}

// tablesOf returns the rows that the run of an event captured, and how many groups of
// rows are left out.
func tablesOf(e *event.Event) (tables []payloadTable, more int) {
	room := maxTableCells
	add := func(kind string, groups []event.Group) {
		for _, g := range groups {
			switch {
			case len(g.Rows) == 0:
			case len(tables) == maxPayloadTables || room <= 0:
				more++
			default:
				t := tableOf(g, room)
				t.Kind = kind
				room -= len(t.Cells) * len(t.Columns)
				tables = append(tables, t)
			}
		}
	}
	add("Captured texts", e.TextGroups)
	add("Captured list", e.Lists)
	return tables, more
}

func tableOf(g event.Group, room int) payloadTable {
	t := payloadTable{Name: report.Visible(g.Name, 200), Rows: len(g.Rows)}
	rows := g.Rows[:min(len(g.Rows), maxTableRows)]
	column := map[string]int{}
	for _, row := range rows {
		for _, c := range row {
			if _, ok := column[c.Name]; ok {
				continue
			}
			if len(t.Columns) == maxTableColumns {
				t.MoreColumns = true
				continue
			}
			column[c.Name] = len(t.Columns)
			t.Columns = append(t.Columns, report.Visible(c.Name, 100))
		}
	}
	if len(t.Columns) > 0 {
		rows = rows[:min(len(rows), max(1, room/len(t.Columns)))]
	}
	for _, row := range rows {
		cells := make([]tableCell, len(t.Columns))
		for i := range cells {
			cells[i].Absent = true
		}
		for _, c := range row {
			if i, ok := column[c.Name]; ok {
				cells[i] = tableCell{Text: report.Visible(c.Text, maxCell), Null: c.Null}
			}
		}
		t.Cells = append(t.Cells, cells)
	}
	t.MoreRows = t.Rows - len(t.Cells)
	return t
}
