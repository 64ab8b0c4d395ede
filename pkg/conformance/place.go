package conformance

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A draft is a finding whose place in the payload is not known yet.
type draft struct {
	Finding
	at      []string // reference tokens of the value it stands at
	name    bool     // it stands at the name of that member, not at its value
	located bool     // Offset is set
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1") // RFC 6901, section 3

// pointer returns the RFC 6901 pointer of reference tokens.
func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(t))
	}
	return b.String()
}

// child returns the tokens of a member of the value at tokens; it shares no
// memory with them.
func child(tokens []string, name string) []string {
	return append(slices.Clip(tokens), name)
}

// settle returns drafts their places in payload, and puts them in document
// order.
func settle(payload []byte, drafts []draft) []Finding {
	locate(payload, drafts)
	slices.SortFunc(drafts, func(a, b draft) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Pointer, b.Pointer),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	drafts = slices.CompactFunc(drafts, func(a, b draft) bool {
		return a.Code == b.Code && a.Pointer == b.Pointer && a.Offset == b.Offset
	})
	findings := make([]Finding, len(drafts))
	line, lineStart, column, done := 1, 0, 1, 0
	for i, d := range drafts {
		if n := bytes.Count(payload[done:d.Offset], []byte("\n")); n > 0 {
			line += n
			lineStart = done + bytes.LastIndexByte(payload[done:d.Offset], '\n') + 1
			column, done = 1, lineStart
		}
		column += codePoints(payload[done:d.Offset])
		done = d.Offset
		d.Line, d.Column = line, column
		findings[i] = d.Finding
	}
	return findings
}

// codePoints counts them, each byte of what isn't UTF-8 for one. It is
// utf8.RuneCount without the copy that this makes of what isn't ASCII.
func codePoints(b []byte) (n int) {
	for i := 0; i < len(b); n++ {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(b[i:])
		i += size
	}
	return n
}

// locate finds the offsets of all drafts in one pass over payload, as far as there
// are any. It is strict JSON wherever a draft is not located yet.
func locate(payload []byte, drafts []draft) {
	var sought []*draft
	for i := range drafts {
		if !drafts[i].located {
			sought = append(sought, &drafts[i])
		}
	}
	if len(sought) == 0 {
		return
	}
	slices.SortFunc(sought, func(a, b *draft) int { return slices.Compare(a.at, b.at) })
	l := locator{src: payload, left: len(sought), dec: jsontext.NewDecoder(bytes.NewBuffer(payload),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	l.value(sought, 0, 0)
}

type locator struct {
	src  []byte
	dec  *jsontext.Decoder
	left int // how many drafts have no offset yet
}

// upcoming is the offset of the next token: what separates it from the one
// before is white space and at most one comma or colon.
func (l *locator) upcoming() int {
	i := int(l.dec.InputOffset())
	for i < len(l.src) && strings.IndexByte(spaces+",:", l.src[i]) >= 0 {
		i++
	}
	return i
}

// value passes over one value of so many levels down, whose member name began at
// nameAt. The drafts are those at it and within it, sorted by where they are.
func (l *locator) value(drafts []*draft, level, nameAt int) {
	at := l.upcoming()
	for len(drafts) > 0 && len(drafts[0].at) == level {
		d := drafts[0]
		d.Offset, d.located = at, true
		if d.name {
			d.Offset = nameAt
		}
		drafts = drafts[1:]
		l.left--
	}
	kind := l.dec.PeekKind()
	if len(drafts) == 0 || kind != '{' && kind != '[' {
		l.dec.SkipValue()
		return
	}
	l.dec.ReadToken()
	var index []byte
	for i := 0; l.left > 0 && l.dec.PeekKind() != '}' && l.dec.PeekKind() != ']'; i++ {
		start, token := l.upcoming(), index
		if kind == '{' {
			raw, err := l.dec.ReadValue()
			if err != nil {
				return
			}
			token = raw[1 : len(raw)-1]
			if bytes.IndexByte(raw, '\\') >= 0 {
				token, _ = jsontext.AppendUnquote(nil, raw)
			}
		} else {
			index = strconv.AppendInt(index[:0], int64(i), 10)
			token = index
		}
		from := sort.Search(len(drafts), func(i int) bool { return drafts[i].at[level] >= string(token) })
		to := from
		for to < len(drafts) && drafts[to].at[level] == string(token) {
			to++
		}
		l.value(drafts[from:to], level+1, start)
	}
	l.dec.ReadToken()
}
