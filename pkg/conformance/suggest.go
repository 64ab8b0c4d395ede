package conformance

import (
	"bytes"
	"fmt"
	"iter"
	"unicode"
	"unicode/utf8"
)

// explain returns a hint on a member of object, at pointer at, that the contract
// doesn't name there: what it may have been meant to be, or what is known of
// it.
func (e *examination) explain(at, name string, object map[string]any) string {
	documented := e.arm.members[at]
	absent := func(yield func(string) bool) {
		for member := range documented {
			if _, ok := object[member]; !ok && !yield(member) {
				return
			}
		}
	}
	if near := nearest(name, absent); near != "" {
		if hint := e.spelling(at, name, near); hint != "" {
			return hint
		}
		return fmt.Sprintf("did you mean %s?", quote(near))
	}
	alike := e.arm.spelled[string(fold(nil, name))]
	for _, m := range alike {
		if m.object == at {
			return fmt.Sprintf("%s is there already, under the name that the contract gives it", quote(m.name))
		}
	}
	if s := e.arm.known[at][name]; s != nil && s.Description != "" {
		return "known from servers: " + s.Description
	}
	if len(alike) > 0 {
		return "the contract has it at " + alike[0].object + "/" + pointerEscapes.Replace(alike[0].name)
	}
	return registry["contract.unknown-member"].Hint
}

// lookAlike returns a hint on what stands in object in place of a missing member.
func (e *examination) lookAlike(at, missing string, object map[string]any) string {
	documented := e.arm.members[at]
	strangers := func(yield func(string) bool) {
		for name := range object {
			if documented[name] == nil && !yield(name) {
				return
			}
		}
	}
	near := nearest(missing, strangers)
	if near == "" {
		return ""
	}
	if hint := e.spelling(at, near, missing); hint != "" {
		return hint
	}
	return fmt.Sprintf("there is a member %s: did you mean %s?", quote(near), quote(missing))
}

// spelling tells whose spelling name is, where another event has a member of
// that name in the place where this one has documented; "" where none has.
func (e *examination) spelling(at, name, documented string) string {
	for _, other := range e.contract.arms {
		if other != e.arm && other.members[at][name] != nil {
			return fmt.Sprintf("`%s` is how %s spells it; here it is `%s`", name, other.event, documented)
		}
	}
	return ""
}

// nearest returns the candidate that name was most likely meant to be, or "". Of
// equals the first in order of the alphabet wins.
func nearest(name string, candidates iter.Seq[string]) string {
	var buffers [2][64]byte
	best, least := "", 1+min(2, len(name)/3)
	folded := fold(buffers[0][:0], name)
	for c := range candidates {
		d := distance(folded, fold(buffers[1][:0], c), least+1)
		if d < least || d == least && best != "" && c < best {
			best, least = c, d
		}
	}
	return best
}

// A spot is where the contract names a member.
type spot struct{ object, name string }

// spellings index members, given by the pointer of their object, by their names
// without case and separators.
func spellings[V any](members map[string]map[string]V) map[string][]spot {
	index := make(map[string][]spot)
	for _, object := range sortedKeys(members) {
		for _, name := range sortedKeys(members[object]) {
			folded := string(fold(nil, name))
			index[folded] = append(index[folded], spot{object, name})
		}
	}
	return index
}

// fold appends name without case and separators to b.
func fold(b []byte, name string) []byte {
	for _, r := range name {
		switch {
		case r == '_' || r == '-' || r == ' ':
		case r < utf8.RuneSelf:
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			b = append(b, byte(r))
		default:
			b = utf8.AppendRune(b, unicode.ToLower(r))
		}
	}
	return b
}

// distance is the number of characters to insert, delete or replace between a
// and b, or limit if it is that or more.
func distance(a, b []byte, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	if bytes.Equal(a, b) {
		return 0
	}
	row := append(make([]int, 0, 64), make([]int, len(b)+1)...)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return min(row[len(b)], limit)
}
