package judgetest

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// A Place is a token of a payload: a value, or the name of a member.
type Place struct {
	// Pointer leads to the value, or to the member whose name it is.
	Pointer string
	// Name: it is a name.
	Name bool
	// Names are the names of the members if it is an object, unescaped.
	Names []string
}

// Places returns what starts at each of some offsets of a payload, as jsontext has
// it. Where no token starts, or what is before it is no JSON, there is none. Names
// that are there twice, and bytes that are no UTF-8, are taken here.
func Places(payload []byte, offsets []int) map[int]Place {
	places := make(map[int]Place, len(offsets))
	wanted := slices.Sorted(slices.Values(offsets))
	var open []int // offset of each object and array that is being read
	d := jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		rest := bytes.TrimLeft(payload[d.InputOffset():], " \t\r\n,:")
		start := len(payload) - len(rest)
		in, n := d.StackIndex(d.StackDepth())
		token, err := d.ReadToken()
		if err != nil {
			return places
		}
		kind := token.Kind()
		name := in == '{' && n%2 == 0 && kind != '}'
		if name {
			if of, ok := places[open[len(open)-1]]; ok {
				of.Names = append(of.Names, token.String())
				places[open[len(open)-1]] = of
			}
		}
		if kind == '}' || kind == ']' {
			open = open[:len(open)-1]
		} else if _, ok := slices.BinarySearch(wanted, start); ok {
			places[start] = Place{Pointer: string(d.StackPointer()), Name: name}
		}
		if kind == '{' || kind == '[' {
			open = append(open, start)
		}
		if len(open) == 0 {
			return places
		}
	}
}
