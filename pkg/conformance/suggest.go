package conformance

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/validate"
)

// names are what the contract names of one event, to suggest from.
type names struct {
	event string
	// spelled are the documented members, by what [fold] makes of their names, in
	// order of their pointers.
	spelled map[string][]spelling
}

type spelling struct{ object, name string }

// An object is a place of an event at which the contract names members.
type object struct {
	*names
	pointer string
	members []known           // in the order of the bits of [validate.Note.Has]
	others  map[string]string // the other event that has a member of a name here
}

// A known name is that of a member, or a value of an enum.
type known struct {
	name       []byte
	documented bool
	// hints are for a sender and a receiver on a member that isn't documented, unless one
	// that is like it is absent; or empty.
	hints [2]string
	near  uint64 // a bit for each documented member of the object that is like it
	folded
}

// objects are all objects that the contract names members of.
var objects = sync.OnceValue(func() map[*validate.Object]*object {
	all := make(map[*validate.Object]*object)
	for _, event := range validate.Events {
		n := &names{event.Name, make(map[string][]spelling)}
		first := make(map[string]*object) // by pointer
		described := make(map[string]string)
		for _, o := range event.Objects {
			here := &object{names: n, pointer: o.Pointer, others: make(map[string]string)}
			for _, m := range o.Members {
				k := newKnown(m.Name)
				k.documented = m.Documented
				here.members = append(here.members, k)
				if at := o.Pointer + "/" + m.Name; first[o.Pointer] == nil {
					described[at] = m.Description
					if m.Documented {
						n.spelled[string(k.text)] = append(n.spelled[string(k.text)], spelling{o.Pointer, m.Name})
					}
				}
			}
			if first[o.Pointer] == nil {
				first[o.Pointer] = here
			}
			for _, k := range first[o.Pointer].members { // whose names are known, too
				if !slices.ContainsFunc(here.members, func(other known) bool { return bytes.Equal(other.name, k.name) }) {
					here.members = append(here.members, k)
				}
			}
			for _, other := range validate.Events {
				for _, o := range other.Objects {
					if other != event && o.Pointer == here.pointer {
						for _, m := range o.Members {
							if m.Documented && here.others[m.Name] == "" {
								here.others[m.Name] = other.Name
							}
						}
					}
				}
			}
			all[o] = here
		}
		for _, list := range n.spelled {
			slices.SortFunc(list, func(a, b spelling) int {
				return cmp.Or(cmp.Compare(a.object, b.object), cmp.Compare(a.name, b.name))
			})
		}
		for _, o := range event.Objects {
			here := all[o]
			for i := range here.members {
				if k := &here.members[i]; !k.documented {
					k.near = here.like(*k, true)
					at := here.pointer + "/" + string(k.name)
					k.hints = [2]string{here.alike(k.folded, at, described[at], Sender), here.alike(k.folded, at, described[at], Receiver)}
				}
			}
		}
	}
	return all
})

func newKnown(name string) known {
	return known{name: []byte(name), folded: newFolded(nil, []byte(name))}
}

// like returns a bit for each member that is like a name, of those that are documented
// or of the others.
func (o *object) like(name known, documented bool) (bits uint64) {
	for i, m := range o.members {
		s := newSearch(name)
		if s.consider(m.name, m.folded); s.found() && m.documented == documented {
			bits |= 1 << i
		}
	}
	return bits
}

// alike returns a hint on a name that is like none of the members that are absent: where
// the contract has it, or the description of what servers mean by it; or "". A receiver
// reads it at the pointer at, or under the name that is quoted there.
func (o *object) alike(f folded, at, description string, as Role) string {
	alike := o.spelled[string(f.text)]
	for _, m := range alike {
		if m.object == o.pointer {
			if as == Receiver {
				return "read " + quote(m.name) + ", which is also there"
			}
			return quote(m.name) + " is there already, under the name that the contract gives it"
		}
	}
	switch {
	case description != "" && as == Receiver:
		return "known data: read it from " + at + ". " + description
	case description != "":
		return "known from servers: " + description
	case len(alike) > 0:
		hint := "the contract has it at " + alike[0].object + "/" + jsonpointer.Escape(alike[0].name)
		if as == Receiver {
			hint += "; here, read it from " + at
		}
		return hint
	}
	return ""
}

// spelling returns a hint that says whose spelling name is, where another event has a
// member of that name in the place where this one has documented; or "".
func (o *object) spelling(name, documented []byte, as Role) string {
	if other := o.others[string(name)]; other != "" {
		if as == Receiver {
			return "read it from " + o.pointer + "/" + string(name) + ", as " + other + " spells it"
		}
		return "`" + string(name) + "` is how " + other + " spells it; here it is `" + string(documented) + "`"
	}
	return ""
}

// longestName is how long a name may be to be like one of the contract.
const longestName = 256

// A search looks for what a name was most likely meant to be.
type search struct {
	folded
	near []byte // the nearest candidate yet, or nil
	most int    // how far away a nearer one may be
}

func newSearch(name known) search {
	return search{folded: name.folded, most: min(2, len(name.name)/3)}
}

func (s *search) found() bool { return len(s.near) > 0 }

// consider enters a candidate. Of equals the first in order of the alphabet wins.
func (s *search) consider(name []byte, f folded) {
	if bits.OnesCount64(s.letters^f.letters) > 2*s.most { // an edit takes a letter, adds one, or both
		return
	}
	if d := distance(s.text, f.text, s.most+1); d < s.most || d == s.most && (s.near == nil || bytes.Compare(name, s.near) < 0) {
		s.near, s.most = name, d
	}
}

// A folded name is one without case and separators, and the set of its letters.
type folded struct {
	text    []byte
	letters uint64
}

// newFolded folds a name into the room behind b.
func newFolded(b, name []byte) folded {
	f := folded{text: fold(b, name)}
	for _, c := range f.text {
		f.letters |= 1 << (c & 63)
	}
	return f
}

// fold appends name without case and separators to b.
func fold(b, name []byte) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(name[i:])
			b = utf8.AppendRune(b, unicode.ToLower(r))
			i += size
			continue
		case c == '_' || c == '-' || c == ' ':
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		default:
			b = append(b, c)
		}
		i++
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
	row := append(make([]int16, 0, 32), make([]int16, len(b)+1)...)
	for j := range row {
		row[j] = int16(j)
	}
	for i := range len(a) {
		diagonal, least := row[0], int16(i+1)
		row[0] = least
		for j := range len(b) {
			if a[i] != b[j] {
				diagonal++
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal)
			least = min(least, row[j+1])
		}
		if int(least) >= limit {
			return limit
		}
	}
	return min(int(row[len(b)]), limit)
}
