package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Found is the findings of many payloads that have the same code and are about
// the same member.
type Found struct {
	Code conformance.Code `json:"code"`
	// Severity is the worst of them.
	Severity conformance.Severity `json:"severity"`
	// Member is their pointer, with * for the index of an array.
	Member string `json:"member"`
	// Payloads is how many payloads have it, and Findings how often it is found.
	Payloads int `json:"payloads"`
	Findings int `json:"findings"`
	// Source and Line are where it is found first: in a HAR, where its payload
	// starts.
	Source string `json:"source"`
	Line   int    `json:"line"`

	level conformance.Severity // the worst of them
	hint  string               // of the first
	last  int                  // the last payload that has it, from 1
}

// A FoundCode is the findings of many payloads that have the same code.
type FoundCode struct {
	Code               conformance.Code
	Payloads, Findings int

	level conformance.Severity // the worst of them
	hints []foundHint
	last  int
}

// A foundHint is a hint, and the members on which it is, the most frequent first. Of
// several members, it is the same but for the pointer in it.
type foundHint struct {
	text, alike string
	members     []string
}

// What a Tally tells apart at most: strangers name members, at any length.
const (
	maxTally      = 10_000
	maxTallyBytes = 4 << 20 // of their pointers

	maxRecent        = 1000
	maxRecentPointer = 200 // bytes
)

// A Tally sums up the findings of many payloads, by code and member. Its zero value
// is empty and ready to use.
type Tally struct {
	rows  map[string]*Found // by code and member
	codes map[conformance.Code]*FoundCode
	// recent are the rows by code and pointer, most of which come again and again.
	recent    map[place]*Found
	payloads  int
	bytes     int
	truncated bool
	key       []byte // used again and again
}

// A place is a code, and the pattern or the pointer of a finding.
type place struct {
	code    conformance.Code
	pointer string
}

// Add adds the findings of one payload.
func (t *Tally) Add(p Payload) {
	t.payloads++
	for i := range p.Findings {
		f := &p.Findings[i]
		level := p.level(f)
		t.addCode(f, level)
		pointer := f.Pattern
		if pointer == "" {
			pointer = f.Pointer
		}
		row := t.recent[place{f.Code, pointer}]
		if row == nil {
			if row = t.row(p, f, pointer); row == nil {
				t.truncated = true
				continue
			}
		}
		if rank(f.Severity) < rank(row.Severity) {
			row.Severity = f.Severity
		}
		if rank(level) < rank(row.level) {
			row.level = level
		}
		row.Findings += Places(*f)
		if row.last != t.payloads {
			row.last = t.payloads
			row.Payloads++
		}
	}
}

// row returns the row of a finding with that pattern or pointer, or nil if there are too
// many.
func (t *Tally) row(p Payload, f *conformance.Finding, pointer string) *Found {
	if t.rows == nil {
		t.rows, t.recent = map[string]*Found{}, map[place]*Found{}
	}
	t.key = append(append(t.key[:0], f.Code...), 0)
	t.key = appendMember(t.key, pointer)
	row := t.rows[string(t.key)]
	if row == nil {
		if len(t.rows) == maxTally || t.bytes+len(t.key) > maxTallyBytes {
			return nil
		}
		key := string(t.key)
		t.bytes += len(key)
		line, _ := p.place(*f)
		row = &Found{Code: f.Code, Severity: f.Severity, Member: key[len(f.Code)+1:], Source: p.Source, Line: line,
			level: p.level(f), hint: strings.Clone(f.Hint)}
		t.rows[key] = row
	}
	if len(t.recent) < maxRecent && len(pointer) <= maxRecentPointer {
		t.recent[place{f.Code, strings.Clone(pointer)}] = row
	}
	return row
}

// appendMember appends a pointer, with * for each token that may be the index of an
// array. Whether it is one, and not a name, a pointer doesn't tell.
func appendMember(dst []byte, pointer string) []byte {
	for len(pointer) > 0 {
		end := strings.IndexByte(pointer[1:], '/') + 1
		if end == 0 {
			end = len(pointer)
		}
		if token := pointer[1:end]; strings.Trim(token, "0123456789") == "" && token != "" {
			dst = append(dst, "/*"...)
		} else {
			dst = append(dst, pointer[:end]...)
		}
		pointer = pointer[end:]
	}
	return dst
}

// Found returns the sums, those of most payloads first, and whether there is more
// than a Tally tells apart.
func (t *Tally) Found() (found []Found, truncated bool) {
	for _, row := range t.rows {
		found = append(found, *row)
	}
	slices.SortFunc(found, func(a, b Found) int {
		return cmp.Or(b.Payloads-a.Payloads, b.Findings-a.Findings, rank(a.Severity)-rank(b.Severity),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Member, b.Member))
	})
	return found, t.truncated
}

// addCode counts a finding by its code. There are few codes: nobody else names any.
func (t *Tally) addCode(f *conformance.Finding, level conformance.Severity) {
	c := t.codes[f.Code]
	if c == nil {
		if t.codes == nil {
			t.codes = map[conformance.Code]*FoundCode{}
		}
		c = &FoundCode{Code: f.Code, level: level}
		t.codes[f.Code] = c
	}
	if rank(level) < rank(c.level) {
		c.level = level
	}
	c.Findings += Places(*f)
	if c.last != t.payloads {
		c.last = t.payloads
		c.Payloads++
	}
}

// Codes returns the sums by code, with the hints on the members: what fails payloads
// first, then that of most payloads.
func (t *Tally) Codes() (codes []FoundCode) {
	found, _ := t.Found()
	for _, c := range t.codes {
		c := *c
		for _, row := range found {
			if row.Code != c.Code {
				continue
			}
			alike := row.hint
			if row.Member != "" {
				alike = strings.ReplaceAll(alike, row.Member, "there")
			}
			i := slices.IndexFunc(c.hints, func(h foundHint) bool { return h.alike == alike })
			if i < 0 {
				i = len(c.hints)
				c.hints = append(c.hints, foundHint{text: row.hint, alike: alike})
			}
			c.hints[i].members = append(c.hints[i].members, row.Member)
		}
		codes = append(codes, c)
	}
	fails := func(c FoundCode) int { return min(rank(c.level), 1) }
	slices.SortFunc(codes, func(a, b FoundCode) int {
		return cmp.Or(fails(a)-fails(b), b.Payloads-a.Payloads, b.Findings-a.Findings, cmp.Compare(a.Code, b.Code))
	})
	return codes
}

// members are a set of codes and members.
type members struct {
	all map[place]bool
	key []byte // used again and again
}

// add enters the code and member of a finding, unless there are so many. It reports
// whether they are entered now.
func (m *members) add(f *conformance.Finding, most int) bool {
	pointer := f.Pattern
	if pointer == "" {
		pointer = f.Pointer
	}
	m.key = appendMember(m.key[:0], pointer)
	if len(m.all) == most || m.all[place{f.Code, string(m.key)}] {
		return false
	}
	if m.all == nil {
		m.all = map[place]bool{}
	}
	m.all[place{f.Code, string(m.key)}] = true
	return true
}

// rank orders severities and levels, the worst first.
func rank(s conformance.Severity) int {
	switch s {
	case conformance.SeverityError:
		return 0
	case conformance.SeverityWarning:
		return 1
	case notice:
		return 2
	}
	return 3
}
