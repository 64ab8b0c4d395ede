package scan

import (
	"bytes"
	"encoding/binary"
)

// An Object is what a schema names of an object.
type Object struct {
	Schema  string   // its document and pointer: "v1/run-failed.json#/$defs/RunFailedData"
	Members []string // in the order of the bits of Remark.Has
}

// A Remark is about an object that has a member which its schema doesn't name,
// or lacks one that it mostly has.
type Remark struct {
	Object *Object
	// From Start to End the name of the unknown member stands, in its quotes.
	// For what the object lacks both are where the object starts.
	Start, End int
	// Has has a bit set for each of Object.Members that the object has.
	Has uint64

	settled bool
}

// note appends a remark, for which the members that the object has are yet to be
// settled. Where there is no room for it, there is more to say.
func (m *memory) note(o *Object, start, end int) {
	if m.noted == len(m.remarks) {
		m.odd = true
		return
	}
	m.remarks[m.noted] = Remark{Object: o, Start: start, End: end}
	m.noted++
}

// settle enters which members the object has to which remarks were made last.
func (m *memory) settle(o *Object, has uint64) {
	for i := range m.remarks[:m.noted] {
		if r := &m.remarks[i]; r.Object == o && !r.settled {
			r.Has, r.settled = has, true
		}
	}
}

// What follows is asked about values at i that were read before.

// says tells whether the string at i is want.
func says(b []byte, i int, want string) bool {
	if i+1+len(want) >= len(b) || b[i+1] != want[0] && b[i+1] != '\\' {
		return false
	}
	return textIs(b, i, text(b, i), want)
}

// isPlainText tells whether the string at i has no character that is used for
// the escape sequences of terminals. If not, it may all the same.
func isPlainText(b []byte, i int) bool {
	return !bytes.Contains(b[i:text(b, i)], []byte(`\u001`))
}

// isUUID tells whether the string at i is a UUID as RFC 9562, section 4, writes
// it, without escapes.
func isUUID(b []byte, i int) bool {
	const form = `"01234567-0123-0123-0123-0123456789ab"`
	if len(b)-i < len(form) {
		return false
	}
	s := b[i : i+len(form) : i+len(form)]
	digits := func(k int) bool { return hexadecimal(binary.LittleEndian.Uint32(s[k : k+4])) }
	return s[9] == '-' && s[14] == '-' && s[19] == '-' && s[24] == '-' && s[37] == '"' &&
		digits(1) && digits(5) && digits(10) && digits(15) && digits(20) && digits(25) && digits(29) && digits(33)
}

// inOrder tells whether of the date-times at i and j the first is not later. If
// not, it may be so all the same: they are compared only where they have the same
// zone.
func inOrder(b []byte, i, j int) bool {
	// In UTC with milliseconds, as JavaScript writes them. There are no escapes
	// then: they would make the string longer than that, or the time too short.
	const zulu = len(`"2006-01-02T15:04:05.000Z"`)
	if len(b)-i >= zulu && len(b)-j >= zulu {
		s, t := b[i:i+zulu:i+zulu], b[j:j+zulu:j+zulu]
		if s[zulu-1] == '"' && t[zulu-1] == '"' && s[zulu-2] == 'Z' && t[zulu-2] == 'Z' && s[11] == 'T' && t[11] == 'T' {
			return bytes.Compare(s, t) <= 0
		}
	}
	const local = len("2006-01-02T15:04:05")
	first, second := b[i+1:text(b, i)-1], b[j+1:text(b, j)-1]
	zone := func(s []byte) int {
		if len(s) > local && s[len(s)-1] == 'Z' {
			return len(s) - 1
		}
		return max(len(s)-len("+00:00"), local)
	}
	for _, s := range [][]byte{first, second} {
		if len(s) < local || s[10] != 'T' || bytes.IndexByte(s, '\\') >= 0 {
			return false
		}
	}
	m, n := zone(first), zone(second)
	return bytes.Equal(first[m:], second[n:]) && bytes.Compare(first[:m], second[:n]) <= 0
}

// count returns the number at i, an integer; or unsure, where it isn't plain digits
// or has more than 9 of them, which might not fit an int of 32 bits.
func count(b []byte, i int) (n int) {
	const most = 9
	for k, c := range b[i:min(i+most+1, len(b))] {
		switch {
		case c-'0' <= 9 && k < most:
			n = n*10 + int(c-'0')
		case c-'0' <= 9 || k == 0 || c == '.' || c|0x20 == 'e':
			return unsure
		default:
			return n
		}
	}
	return unsure
}

// addsUp tells whether the number at i is the sum of those at addends, as far as
// count knows them.
func addsUp(b []byte, i int, addends ...int) bool {
	rest := count(b, i)
	for _, at := range addends {
		n := count(b, at)
		if n < 0 || n > rest {
			return false
		}
		rest -= n
	}
	return rest == 0
}
