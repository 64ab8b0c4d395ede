package scan

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// A hash of a name is made of its bytes without escapes, eight at a time. Names
// that are equal have equal hashes. Two that differ may have, too, which makes
// unsure an object that has both.
const (
	seed   = 0x9E3779B97F4A7C15
	factor = 0xD6E8FEB86659FD93
)

func mix(hash, w uint64) uint64 {
	high, low := bits.Mul64(hash^w, factor)
	return high ^ low
}

// finish is never 0.
func finish(hash uint64, n int) uint64 { return mix(hash, uint64(n)+seed) | 1 }

// name reads a name, and returns the index behind it, and its hash.
func name(b []byte, i int, m *memory) (end int, hash uint64) {
	start := i + 1
	hash = seed
	for i = start; i+8 <= len(b); i += 8 {
		w := word(b, i)
		m := special(w) & highs
		if m == 0 {
			hash = mix(hash, w)
			continue
		}
		shift := bits.TrailingZeros64(m) &^ 7
		if byte(w>>shift) != '"' {
			break
		}
		i += shift >> 3
		return i + 1, finish(mix(hash, w&(1<<shift-1)), i-start)
	}
	return oddName(b, start, m)
}

// oddName is name for names with escapes or more than ASCII, and for those that
// end with the payload.
func oddName(b []byte, i int, m *memory) (end int, hash uint64) {
	if end = textEnd(b, i, m); end < 0 {
		return end, 0
	}
	hash = seed
	if bytes.IndexByte(b[i:end-1], '\\') < 0 && end+8 <= len(b) {
		start := i
		for ; i+8 < end; i += 8 {
			hash = mix(hash, word(b, i))
		}
		rest := end - 1 - i // 0 to 7
		return end, finish(mix(hash, word(b, i)&(1<<(8*rest)-1)), end-1-start)
	}
	n := 0 // bytes so far
	w := uint64(0)
	for i < end-1 {
		var buf [utf8.UTFMax]byte
		c := b[i : i+1]
		if c[0] == '\\' {
			c, i = unescaped(buf[:0], b, i)
		} else {
			i++
		}
		for _, c := range c {
			w |= uint64(c) << (n % 8 * 8)
			if n++; n%8 == 0 {
				hash = mix(hash, w)
				w = 0
			}
		}
	}
	return end, finish(mix(hash, w), n)
}

// unescaped appends to dst the byte, or the character of an escape, that is at i
// in a string that was read before, and returns the index behind it.
func unescaped(dst, b []byte, i int) ([]byte, int) {
	if b[i] != '\\' {
		return append(dst, b[i]), i + 1
	}
	switch c := b[i+1]; c {
	case 'u':
		r := hexadecimalRune(b[i+2:])
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(dst, r), i + 6
		}
		return utf8.AppendRune(dst, utf16.DecodeRune(r, hexadecimalRune(b[i+8:]))), i + 12
	case 'b':
		return append(dst, '\b'), i + 2
	case 'f':
		return append(dst, '\f'), i + 2
	case 'n':
		return append(dst, '\n'), i + 2
	case 'r':
		return append(dst, '\r'), i + 2
	case 't':
		return append(dst, '\t'), i + 2
	default:
		return append(dst, c), i + 2
	}
}

func hexadecimalRune(b []byte) (r rune) {
	for _, c := range b[:4] {
		if c > '9' {
			c += 9 // the low half of a letter is 1 to 6
		}
		r = r<<4 | rune(c&0xF)
	}
	return r
}

// unescaped returns what stands between the quotes at start and before end, without
// escapes. Of a name that is longer than a schema has any, it returns a part that
// is longer than that, too.
func (m *memory) unescaped(b []byte, start, end int) []byte {
	raw := b[start+1 : end-1]
	for _, c := range raw {
		if c == '\\' {
			return unescape(m.name[:0], b, start, end)
		}
	}
	return raw
}

// unescape appends to dst, as far as there is room for any character, what the
// string from start to end says, which was read before.
func unescape(dst, b []byte, start, end int) []byte {
	for i := start + 1; i < end-1 && len(dst)+utf8.UTFMax <= cap(dst); {
		dst, i = unescaped(dst, b, i)
	}
	return dst
}

// few is how many names are searched one by one. Where an object has more, they
// are in a table of twice their number or more.
const few = 32

// remember adds a hash to the n names of an object that has its names from base
// on. It returns the index behind them; or unsure, where the object has one of
// this hash; or full.
func (m *memory) remember(base, n int, hash uint64) (top int) {
	if m.distinct {
		return base
	}
	if n >= few {
		return m.rememberMany(base, n, hash)
	}
	top = base + n
	if top >= len(m.names) {
		return full
	}
	for _, h := range m.names[base:top] {
		if h == hash {
			return unsure
		}
	}
	m.names[top] = hash
	return top + 1
}

// rememberMany is remember for objects of many names. A table of 4×few hashes
// takes the place of the list, one of twice the size stands behind it, and so on.
func (m *memory) rememberMany(base, n int, hash uint64) (top int) {
	const smallest = 4 * few
	size := max(smallest, 2<<bits.Len(uint(n)))
	start := base + size - smallest
	top = start + size
	if top > len(m.names) {
		return full
	}
	table := m.names[start:top]
	switch {
	case n == few:
		list := [few]uint64(m.names[base:])
		clear(table)
		for _, h := range list {
			insert(table, h)
		}
	case size > smallest && n&(n-1) == 0: // the table before is half full
		clear(table)
		for _, h := range m.names[start-size/2 : start] {
			if h != 0 {
				insert(table, h)
			}
		}
	}
	if !insert(table, hash) {
		return unsure
	}
	return top
}

// insert adds a hash to a table that isn't full, if it isn't there.
func insert(table []uint64, hash uint64) bool {
	mask := uint64(len(table) - 1)
	for at := hash >> 32; ; at++ {
		switch p := &table[at&mask]; *p {
		case 0:
			*p = hash
			return true
		case hash:
			return false
		}
	}
}
