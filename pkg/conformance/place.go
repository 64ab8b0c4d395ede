package conformance

import (
	"bytes"
	"cmp"
	"slices"
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

// pointer gives the RFC 6901 pointer of reference tokens.
func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(t))
	}
	return b.String()
}

// child gives the tokens of a member of the value at tokens; it shares no
// memory with them.
func child(tokens []string, name string) []string {
	return append(slices.Clip(tokens), name)
}

// settle gives drafts their places in payload, and puts them in document
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
		column += utf8.RuneCount(payload[done:d.Offset])
		done = d.Offset
		d.Line, d.Column = line, column
		findings[i] = d.Finding
	}
	return findings
}

// A spot is a place that some draft wants to know the offset of.
type spot struct {
	children map[string]*spot
	drafts   []*draft
}

// locate finds the offsets of all drafts in one pass over payload, which is
// strict JSON wherever a draft is not located yet.
func locate(payload []byte, drafts []draft) {
	root := &spot{}
	for i := range drafts {
		d := &drafts[i]
		if d.located {
			continue
		}
		s := root
		for _, token := range d.at {
			next := s.children[token]
			if next == nil {
				next = &spot{}
				if s.children == nil {
					s.children = make(map[string]*spot)
				}
				s.children[token] = next
			}
			s = next
		}
		s.drafts = append(s.drafts, d)
	}
	if root.children != nil || root.drafts != nil {
		l := locator{payload, jsontext.NewDecoder(bytes.NewBuffer(payload),
			jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
		l.value(root, 0)
	}
}

type locator struct {
	src []byte
	dec *jsontext.Decoder
}

// upcoming is the offset of the next token: what separates it from the one
// before is white space and at most one comma or colon.
func (l *locator) upcoming() int {
	i := int(l.dec.InputOffset())
	return i + len(l.src[i:]) - len(bytes.TrimLeft(l.src[i:], spaces+",:"))
}

// value passes over one value, whose member name began at nameAt.
func (l *locator) value(s *spot, nameAt int) {
	at := l.upcoming()
	for _, d := range s.drafts {
		d.Offset, d.located = at, true
		if d.name {
			d.Offset = nameAt
		}
	}
	kind := l.dec.PeekKind()
	if s.children == nil || (kind != '{' && kind != '[') {
		l.dec.SkipValue()
		return
	}
	l.dec.ReadToken()
	for i := 0; l.dec.PeekKind() != '}' && l.dec.PeekKind() != ']'; i++ {
		start, token := l.upcoming(), ""
		if kind == '{' {
			name, err := l.dec.ReadToken()
			if err != nil {
				return
			}
			token = name.String()
		} else {
			token = strconv.Itoa(i)
		}
		if next := s.children[token]; next != nil {
			l.value(next, start)
		} else if l.dec.SkipValue() != nil {
			return
		}
	}
	l.dec.ReadToken()
}
