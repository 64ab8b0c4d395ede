// Package scan is what generated validators run on: it reads strict JSON from
// bytes, without building anything. internal/schemac compiles and tests it
// here, and copies what a validator needs of it into that validator's package.
//
// A function that reads a value gets the payload b and the index i at which the
// value starts, and returns the index behind it, or one of two answers below 0:
//
//   - no: the value breaks the schema. That is certain if the bytes are JSON,
//     which somebody else sees to: a payload is accepted only after each byte
//     of it was read by a function that gave an index.
//   - unsure: the bytes aren't strict JSON, or it takes more to judge them than
//     is done here.
//
// The third answer, full, is unsure of a special kind: the same may work with
// more memory.
//
// Strict means I-JSON (RFC 7493): UTF-8 without a byte order mark, no lone
// surrogates, no two members of one name, and at most maxDepth levels.
package scan

import (
	"encoding/binary"
	"math/bits"
)

const (
	no     = -1
	unsure = -2
	full   = -3
)

// maxDepth is how many levels of arrays and objects a payload may have.
const maxDepth = 1000

// Eight bytes at a time: a word holds them with the first one lowest.
const (
	ones   = 0x0101010101010101
	highs  = 0x8080808080808080
	blanks = ' ' * ones
)

// word returns the eight bytes at i. (With a capacity that is known, the compiler
// doesn't care for slices that are empty and behind the end.)
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// special has the high bit set of each byte of w that ends plain text: a quote,
// a backslash, a control character, or what isn't ASCII. Bits above the lowest
// of those, and bits that aren't high, may be set without reason.
//
// A quote and the control characters are what is at most 0x20 once the bit that
// a quote has above 0x20 is flipped, so one subtraction finds them all.
func special(w uint64) uint64 {
	return ((w ^ ('"'-' ')*ones) - (' '+1)*ones) | ((w ^ '\\'*ones) - ones) | w
}

// plain16 tells how many of the 16 bytes of s come before the first that is special.
func plain16(s []byte) int {
	s = s[:16]
	m0, m1 := special(word(s, 0)), special(word(s, 8))
	n := 0
	if m0&highs == 0 {
		n = 8
		m0 = m1
	}
	return n + bits.TrailingZeros64(m0&highs)>>3
}

// space returns the index of the first byte from i on that isn't white space.
func space(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return skipSpace(b, i)
}

// skipSpace is space where there is some. Without it, space can be inlined.
//
//go:noinline
func skipSpace(b []byte, i int) int {
	const blank = 1<<' ' | 1<<'\n' | 1<<'\r' | 1<<'\t'
	for i < len(b) && b[i] <= ' ' && uint64(1)<<b[i]&blank != 0 {
		i++
		for i+16 <= len(b) && b[i] == ' ' { // the indentation of a line
			s := b[i : i+16 : i+16]
			n, x := 0, word(s, 0)^blanks
			if x == 0 {
				n, x = 8, word(s, 8)^blanks
			}
			n += bits.TrailingZeros64(x) >> 3
			i += n
			if n < 16 {
				break
			}
		}
	}
	return i
}

// text reads a string.
func text(b []byte, i int, m *memory) int {
	if i >= len(b) || b[i] != '"' {
		return no
	}
	return textEnd(b, i+1, m)
}

// nonEmpty reads a string of one code point or more.
func nonEmpty(b []byte, i int, m *memory) int {
	if i+1 >= len(b) || b[i] != '"' || b[i+1] == '"' {
		return no
	}
	// Most of them are UUIDs, of 36 bytes.
	if i+38 <= len(b) && b[i+37] == '"' {
		s := b[i+1 : i+37 : i+37]
		if (special(word(s, 0))|special(word(s, 8))|special(word(s, 16))|special(word(s, 24))|special(word(s, 28)))&highs == 0 {
			return i + 38
		}
	}
	return textEnd(b, i+1, m)
}

// textEnd reads a string from i on, which is behind its opening quote.
func textEnd(b []byte, i int, m *memory) int {
	for i+64 <= len(b) {
		s := b[i : i+64 : i+64]
		n := plain(s)
		i += n
		if n == 64 {
			continue
		}
		if s[n] == '"' {
			return i + 1
		}
		break
	}
	return oddText(b, i, m)
}

// oddText is textEnd for strings with escapes or more than ASCII, and for those
// that end with the payload.
func oddText(b []byte, i int, m *memory) int {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\' && i+72 <= len(b):
			return escapedText(b, i, m)
		case c == '\\':
			i = escapes(b, i, m)
		case c < ' ':
			return unsure
		case c < 0x80 && i+16 <= len(b):
			i += plain16(b[i : i+16])
		case c < 0x80:
			i++
		default:
			i = multibyte(b, i)
		}
		if i < 0 {
			return unsure
		}
	}
	return unsure
}

// escapedText is textEnd for strings with escapes. It goes from one special byte
// to the next by a bit for each of 64, so that it takes no branch that depends on
// how far they are from each other.
func escapedText(b []byte, i int, m *memory) int {
	for i+72 <= len(b) {
		start := i
		i += 64
		for rest := specials(b[start:i]); rest != 0; {
			at := start + bits.TrailingZeros64(rest)
			w := word(b, at)
			end := at + 1
			switch c := byte(w); {
			case c == '"':
				return end
			case w&0xFFFF == '\\'|'u'<<8:
				digits := uint32(w >> 16)
				if !hexadecimal(digits) {
					return unsure
				}
				end = at + 6
				if digits&0xDF == 'D' && digits>>8&0xFF >= '8' {
					end = surrogates(b, at)
				} else if digits == zeros {
					m.nul = true
				}
			case c == '\\':
				if !escaped[byte(w>>8)] {
					return unsure
				}
				end = at + 2
			case c < ' ':
				return unsure
			case c >= 0x80:
				end = multibyte(b, at)
			}
			if end < 0 {
				return unsure
			}
			if end >= start+64 {
				i = end
				break
			}
			rest &= ^uint64(0) << uint(end-start)
		}
	}
	return oddText(b, i, m)
}

// Characters of two and of three bytes, four and two of them in a word, as UTF-8
// has them: the bits that say so, and what these are. Of three bytes, those of
// inThird are 0 in an overlong form, and surrogate in half of a surrogate pair.
const (
	twosMask   = 0xC0E0C0E0C0E0C0E0
	twos       = 0x80C080C080C080C0
	threesMask = 0xC0C0F0C0C0F0
	threes     = 0x8080E08080E0
	inThird    = 0x200F
	surrogate  = 0x200D
)

// multibyte reads characters that aren't ASCII from i on, where one starts.
func multibyte(b []byte, i int) int {
	for i+8 <= len(b) {
		w := word(b, i)
		first, second := w&inThird, w>>24&inThird
		switch {
		case w&threesMask == threes && first != 0 && first != surrogate && second != 0 && second != surrogate:
			i += 6 // Chinese, Japanese, Korean
		case w&0x80 == 0:
			return i
		case w&twosMask == twos && (w&0x001E001E001E001E+0x001E001E001E001E)&0x0020002000200020 == 0x0020002000200020:
			i += 8 // Greek, Cyrillic, Hebrew, Arabic
		case w&0xC0C0F0 == 0x8080E0 && first != 0 && first != surrogate:
			i += 3
		case w&0xC0E0 == 0x80C0 && w&0x1E != 0:
			i += 2
		default:
			if i = character(b, i); i < 0 {
				return unsure
			}
		}
	}
	for i < len(b) && b[i] >= 0x80 {
		if i = character(b, i); i < 0 {
			return unsure
		}
	}
	return i
}

// character reads one character of UTF-8 that isn't ASCII, by table 3-7 of the
// Unicode standard, "Well-Formed UTF-8 Byte Sequences".
func character(b []byte, i int) int {
	at := func(k, low, high int) bool {
		return i+k < len(b) && low <= int(b[i+k]) && int(b[i+k]) <= high
	}
	switch c := b[i]; {
	case 0xC2 <= c && c <= 0xDF && at(1, 0x80, 0xBF):
		return i + 2
	case c == 0xE0 && at(1, 0xA0, 0xBF) && at(2, 0x80, 0xBF),
		c == 0xED && at(1, 0x80, 0x9F) && at(2, 0x80, 0xBF),
		0xE1 <= c && c <= 0xEF && c != 0xED && at(1, 0x80, 0xBF) && at(2, 0x80, 0xBF):
		return i + 3
	case c == 0xF0 && at(1, 0x90, 0xBF) && at(2, 0x80, 0xBF) && at(3, 0x80, 0xBF),
		0xF1 <= c && c <= 0xF3 && at(1, 0x80, 0xBF) && at(2, 0x80, 0xBF) && at(3, 0x80, 0xBF),
		c == 0xF4 && at(1, 0x80, 0x8F) && at(2, 0x80, 0xBF) && at(3, 0x80, 0xBF):
		return i + 4
	}
	return unsure
}

// escapes reads escapes from i on, where one starts, as long as there are such.
func escapes(b []byte, i int, m *memory) int {
	for i+1 < len(b) && b[i] == '\\' {
		if b[i+1] != 'u' {
			if !escaped[b[i+1]] {
				return unsure
			}
			i += 2
			continue
		}
		if i+6 > len(b) {
			return unsure
		}
		digits := binary.LittleEndian.Uint32(b[i+2:])
		if !hexadecimal(digits) {
			return unsure
		}
		if digits&0xDF != 'D' || digits>>8&0xFF < '8' {
			i += 6
			m.nul = m.nul || digits == zeros
			continue
		}
		if i = surrogates(b, i); i < 0 {
			return unsure
		}
	}
	if i < len(b) && b[i] == '\\' {
		return unsure
	}
	return i
}

// surrogates reads two escapes from i on that are a surrogate pair: the first half
// of one (D800 to DBFF), and the second (DC00 to DFFF).
func surrogates(b []byte, i int) int {
	if i+12 > len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
		return unsure
	}
	first, second := binary.LittleEndian.Uint32(b[i+2:]), binary.LittleEndian.Uint32(b[i+8:])
	if !hexadecimal(first) || !hexadecimal(second) ||
		first&0xDF != 'D' || first>>8&0xFF < '8' || first>>8&0xDF >= 'C' ||
		second&0xDF != 'D' || second>>8&0xDF < 'C' {
		return unsure
	}
	return i + 12
}

// zeros are the digits of U+0000.
const zeros = '0' | '0'<<8 | '0'<<16 | '0'<<24

// escaped tells which characters may stand behind a backslash, but for u.
var escaped = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// hexadecimal tells whether the four bytes of x are hexadecimal digits.
func hexadecimal(x uint32) bool {
	const highs = 0x80808080
	decimal := ^((x ^ 0x30303030) + 0x76767676) // 0 to 9 don't reach 0x80
	letter := (x | 0x20202020) ^ 0x60606060     // a to f are 1 to 6
	alphabetic := (letter + 0x7F7F7F7F) &^ (letter + 0x79797979)
	return x&highs == 0 && (decimal|alphabetic)&highs == highs
}

// literal reads null, true or false, which want is.
func literal(b []byte, i int, want string) int {
	if len(b)-i >= len(want) && string(b[i:i+len(want)]) == want {
		return i + len(want)
	}
	return no
}

// boolean reads true or false.
func boolean(b []byte, i int) int {
	if i < len(b) && b[i] == 't' {
		return literal(b, i, "true")
	}
	return literal(b, i, "false")
}

// null reads null.
func null(b []byte, i int) int { return literal(b, i, "null") }

// safeDigits is how many digits an integer has at least that is beyond 2^53-1.
const safeDigits = len("9007199254740992")

// digit tells whether there is a decimal digit at i.
func digit(b []byte, i int) bool { return i < len(b) && b[i]-'0' <= 9 }

// number reads a number.
func number(b []byte, i int, m *memory) int {
	if i >= len(b) || b[i] != '-' && b[i]-'0' > 9 {
		return no
	}
	if b[i] == '-' {
		i++
	}
	if !digit(b, i) {
		return unsure
	}
	if b[i] == '0' {
		i++
	} else {
		first := i
		for digit(b, i) {
			i++
		}
		m.long = m.long || i-first >= safeDigits
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digit(b, i) {
			return unsure
		}
		for digit(b, i) {
			i++
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && b[i] == '-' {
			i++
		} else {
			m.long = true // by its exponent
			if i < len(b) && b[i] == '+' {
				i++
			}
		}
		if !digit(b, i) {
			return unsure
		}
		for digit(b, i) {
			i++
		}
	}
	return i
}

// integer reads a number without a fraction, however it is written: 5.0 and 1e2
// are such.
func integer(b []byte, i int, m *memory) int {
	end := number(b, i, m)
	if end < 0 {
		return end
	}
	for j := i + 1; j < end; j++ { // the first byte is a sign or a digit
		if b[j]-'0' > 9 {
			if !parseDecimal(b[i:end]).isInteger() {
				return no
			}
			break
		}
	}
	return end
}

// natural reads an integer that is not below 0.
func natural(b []byte, i int, m *memory) int {
	if digit(b, i) {
		return integer(b, i, m)
	}
	end := integer(b, i, m)
	if end >= 0 && !parseDecimal(b[i:end]).isZero() {
		return no
	}
	return end
}

// A memory is what is remembered of a payload while it is read.
type memory struct {
	// names holds the hashes of names that objects have so far: of those that
	// are open, each behind that in which it stands. See remember.
	names []uint64
	// row is the members of the last row, of which the first known ones have
	// names that differ.
	row   []cell
	known int
	// distinct tells that all names are known to differ from others of their object.
	distinct bool
	// rows counts the rows of what was read last, for what notes are made.
	rows int
	// nul tells that a text or name has U+0000 in it, and long that a number may be
	// an integer beyond 2^53-1.
	nul, long bool
	// filled counts the rows of an object that says by x-holds what it holds.
	filled int
	// heads are the first rows of lists, a bit for each by its bytes, and repeated
	// tells that two had one bit.
	heads    uint64
	repeated bool
	notes    *Notes
	// name is room for a name without its escapes. Members that a schema
	// names are shorter than that.
	name [maxName]byte
}

// maxName is the length of memory.name.
const maxName = 64

// value reads any value, at a depth of so many levels. Its objects remember
// their names from base on.
func value(b []byte, i, depth, base int, m *memory) int {
	if i >= len(b) {
		return unsure
	}
	switch c := b[i]; c {
	case '"':
		return textEnd(b, i+1, m)
	case '{':
		return anyObject(b, i, depth, base, m)
	case '[':
		return anyArray(b, i, depth, base, m)
	case 't':
		i = literal(b, i, "true")
	case 'f':
		i = literal(b, i, "false")
	case 'n':
		i = literal(b, i, "null")
	default:
		i = number(b, i, m)
	}
	if i < 0 {
		return unsure
	}
	return i
}

func anyArray(b []byte, i, depth, base int, m *memory) int {
	if depth >= maxDepth {
		return unsure
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = value(b, i, depth+1, base, m); i < 0 {
			return i
		}
		if i = nextItem(b, i); i < 0 {
			return i
		}
		if b[i] == ']' {
			return i + 1
		}
	}
}

func anyObject(b []byte, i, depth, base int, m *memory) int {
	if depth >= maxDepth {
		return unsure
	}
	if i = firstMember(b, i); i < 0 {
		return i
	}
	top := base
	for n := 0; b[i] != '}'; n++ {
		end, hash := name(b, i, m)
		if end < 0 {
			return unsure
		}
		if top = m.remember(base, n, hash); top < 0 {
			return top
		}
		if i = memberValue(b, end); i < 0 {
			return i
		}
		if i = value(b, i, depth+1, top, m); i < 0 {
			return i
		}
		if i = nextMember(b, i); i < 0 {
			return i
		}
	}
	return i + 1
}

// nextItem goes from behind an item to the next one, or to the bracket that
// closes the array.
func nextItem(b []byte, i int) int {
	if i+1 < len(b) && b[i] == ',' && b[i+1] > ']' {
		return i + 1 // most items in rows are objects
	}
	return nextItemSpaced(b, i)
}

func nextItemSpaced(b []byte, i int) int {
	if i = space(b, i); i < len(b) {
		switch b[i] {
		case ']':
			return i
		case ',':
			if i = space(b, i+1); i < len(b) && b[i] != ']' {
				return i
			}
		}
	}
	return unsure
}

// firstMember goes from the opening brace of an object to its first name, or to
// its closing brace.
func firstMember(b []byte, i int) int {
	if i = space(b, i+1); i < len(b) && (b[i] == '"' || b[i] == '}') {
		return i
	}
	return unsure
}

// nextMember goes from behind a value to the next name, or to the closing brace
// of the object.
func nextMember(b []byte, i int) int {
	if i+1 < len(b) && b[i] == ',' && b[i+1] == '"' {
		return i + 1
	}
	return nextMemberSpaced(b, i)
}

func nextMemberSpaced(b []byte, i int) int {
	if i = space(b, i); i < len(b) {
		switch b[i] {
		case '}':
			return i
		case ',':
			if i = space(b, i+1); i < len(b) && b[i] == '"' {
				return i
			}
		}
	}
	return unsure
}

// memberValue goes from behind a name to its value.
func memberValue(b []byte, i int) int {
	if i = space(b, i); i < len(b) && b[i] == ':' {
		return space(b, i+1)
	}
	return unsure
}
