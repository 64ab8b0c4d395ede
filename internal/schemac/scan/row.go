package scan

// Rows of one list mostly have the same members in the same order, written the
// same way. So what stands between the values of a row (its punctuation, names
// and white space) is remembered, and compared with the next row's. Where the
// bytes are equal, the names are, and if those of the last row differ from each
// other, so do these.

import (
	"bytes"
	"sync"
)

// A cell is what stands before a value of a row: from the brace that opens the
// row or from behind the value before it, up to the value.
type cell struct {
	// The first two words, with 0 for what is behind the end.
	first, second         uint64
	firstMask, secondMask uint64
	at, length            int    // where it stands in the payload
	hash                  uint64 // of the name
	before                uint64 // a bit for each name before it, by its hash; see learn
}

// closed is what learn returns at the end of a row.
const closed = -4

// same tells whether the n bytes at i, of which there are more than 16, are
// those at j, which is less, if their first 16 are.
func same(b []byte, i, j, n int) bool {
	if i+n > len(b) {
		return false
	}
	if word(b, i+n-16) != word(b, j+n-16) || word(b, i+n-8) != word(b, j+n-8) {
		return false
	}
	for k := 16; k < n-16; k += 8 {
		if word(b, i+k) != word(b, j+k) {
			return false
		}
	}
	return true
}

// learn goes on in a row to its next value where that is not as in the last row,
// and remembers what stands before. It returns closed where the row has no more.
func (m *memory) learn(b []byte, i, k int) int {
	start := i
	if k == 0 {
		i = firstMember(b, i)
	} else {
		i = nextMember(b, i)
	}
	if i < 0 {
		return i
	}
	if b[i] == '}' {
		return closed
	}
	end, hash := name(b, i, m)
	if end < 0 {
		return unsure
	}
	if k >= len(m.row) {
		if !m.distinct {
			return full
		}
		return memberValue(b, end)
	}
	// Two names of one hash have one bit, too. So most names are known to be
	// new without a look at the others.
	before, bit := uint64(0), uint64(1)<<(hash>>58)
	if k > 0 {
		last := &m.row[k-1]
		before = last.before | 1<<(last.hash>>58)
	}
	if before&bit != 0 && !m.distinct {
		for j := range m.row[:k] {
			if m.row[j].hash == hash {
				return unsure
			}
		}
	}
	if end+1 < len(b) && b[end] == ':' && b[end+1] > ' ' {
		i = end + 1
	} else if i = memberValue(b, end); i < 0 {
		return i
	}
	c := &m.row[k]
	m.known = k + 1
	c.at, c.length, c.hash, c.before = start, i-start, hash, before
	s := b[start:]
	if len(s) < 16 {
		s = append(make([]byte, 0, 16), s...)[:16]
	}
	first, second := ^uint64(0), ^uint64(0)
	if n := c.length; n < 8 {
		first, second = 1<<(8*n)-1, 0
	} else if n < 16 {
		second = 1<<(8*(n-8)) - 1
	}
	c.firstMask, c.secondMask = first, second
	c.first, c.second = word(s, 0)&first, word(s, 8)&second
	return i
}

// rowEnd returns the index behind a row of k values for which learn returned closed.
func rowEnd(b []byte, i, k int) int {
	if k == 0 {
		i++
	}
	return space(b, i) + 1
}

// texts reads an object whose values are all strings, which is what a row is.
func texts(b []byte, i, depth int, m *memory) int {
	if i >= len(b) || b[i] != '{' {
		return no
	}
	if depth >= maxDepth {
		return unsure
	}
	i, _, _, other := m.cells(b, i, 0)
	if other {
		return no
	}
	return i
}

// cells goes on in a row, of which k values were read: from its opening brace or
// from behind a value at i, as long as the values are strings. It returns the index
// behind the row; or, of the first other value, its index, that of its name, and
// how many values come before it.
func (m *memory) cells(b []byte, i, k int) (at, name, n int, other bool) {
	row := m.row[:m.known]
	for ; ; k++ {
		// As long as it goes on like the last row.
		for k < len(row) && i+16 <= len(b) {
			c := &row[k]
			s := b[i : i+16 : i+16]
			if (word(s, 0)^c.first)&c.firstMask|(word(s, 8)^c.second)&c.secondMask != 0 ||
				c.length > 16 && !same(b, i, c.at, c.length) {
				break
			}
			at := i + c.length
			if at+65 > len(b) || b[at] != '"' {
				break
			}
			k++
			s = b[at+1 : at+65 : at+65]
			n := plain(s)
			i = at + 1 + n
			switch {
			case n == 64:
				i = textEnd(b, i, m)
			case s[n] == '"':
				i++
			default:
				i = oddText(b, i, m)
			}
			if i < 0 {
				return i, 0, 0, false
			}
		}
		if k > 0 && i < len(b) && b[i] == '}' {
			return i + 1, 0, 0, false
		}
		at := m.learn(b, i, k)
		switch {
		case at == closed:
			return rowEnd(b, i, k), 0, 0, false
		case at < 0:
			return at, 0, 0, false
		case at >= len(b):
			return unsure, 0, 0, false
		case b[at] != '"':
			return at, i + bytes.IndexByte(b[i:at], '"'), k, true
		}
		if i = textEnd(b, at+1, m); i < 0 {
			return i, 0, 0, false
		}
		row = m.row[:m.known]
	}
}

// How much is remembered: at first as much as most payloads need, and then more.
// Who has more names than the most is told unsure.
const (
	fewNames, fewCells   = 64, 24
	mostNames, mostCells = 256 << 10, 1 << 10
)

// rooms are the larger ones that were used before.
var rooms sync.Pool

// A room is what a memory keeps its names and rows in, where that has grown.
type room struct {
	names []uint64
	row   []cell
}

// grow makes the memory eight times as large, and forgets what is in it. It takes
// the room that was used so far, and returns the new one, or nil where there may be
// no larger. (A memory doesn't have its room: then all of it would escape.)
func (m *memory) grow(used *room) *room {
	size := 8 * len(m.names)
	leave(used)
	if size > mostNames {
		return nil
	}
	r, _ := rooms.Get().(*room)
	if r == nil || len(r.names) < size {
		r = &room{make([]uint64, size), make([]cell, min(8*len(m.row), mostCells))}
	}
	m.names, m.row, m.known, m.rows = r.names, r.row, 0, 0
	return r
}

// leave puts back a room.
func leave(r *room) {
	if r != nil {
		rooms.Put(r)
	}
}
