package scan

// Rows of one list mostly have the same members in the same order, written the
// same way. So what stands between the values of a row (its punctuation, names
// and white space) is remembered, and compared with the next row's. Where the
// bytes are equal, the names are, and if those of the last row differ from each
// other, so do these.

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

// closed is what next gives at the end of a row.
const closed = -4

// next goes on in a row, of which k values were read: from its opening brace or
// from behind a value at i to the next value. It gives closed where the row has
// no more, and i is then at or before its brace.
func (m *memory) next(b []byte, i, k int) int {
	if k < m.known && i+16 <= len(b) {
		c := &m.row[k]
		s := b[i : i+16 : i+16]
		if (word(s, 0)^c.first)&c.firstMask|(word(s, 8)^c.second)&c.secondMask == 0 &&
			(c.length <= 16 || same(b, i, c.at, c.length)) {
			if at := i + c.length; at < len(b) && b[at] > ' ' { // no more white space
				return at
			}
		}
	}
	return m.learn(b, i, k)
}

// same tells whether the n bytes at i, of which there are more than 16, are
// those at j, which is less, if their first 16 are.
func same(b []byte, i, j, n int) bool {
	if i+n > len(b) {
		return false
	}
	if word(b, i+n-16)^word(b, j+n-16)|word(b, i+n-8)^word(b, j+n-8) != 0 {
		return false
	}
	for k := 16; k < n-16; k += 8 {
		if word(b, i+k) != word(b, j+k) {
			return false
		}
	}
	return true
}

// learn is next for what is not as in the last row, and remembers it.
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
	end, hash := name(b, i)
	if end < 0 {
		return unsure
	}
	if k >= len(m.row) {
		return full
	}
	// Two names of one hash have one bit, too. So most names are known to be
	// new without a look at the others.
	before, bit := uint64(0), uint64(1)<<(hash>>58)
	if k > 0 {
		last := &m.row[k-1]
		before = last.before | 1<<(last.hash>>58)
	}
	if before&bit != 0 {
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

// rowEnd gives the index behind a row of k values for which next gave closed.
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
	row := m.row[:m.known]
	for k := 0; ; k++ {
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
				i = textEnd(b, i)
			case s[n] == '"':
				i++
			default:
				i = oddText(b, i)
			}
			if i < 0 {
				return i
			}
		}
		if k > 0 && i < len(b) && b[i] == '}' {
			return i + 1
		}
		at := m.learn(b, i, k)
		switch {
		case at == closed:
			return rowEnd(b, i, k)
		case at < 0:
			return at
		case at >= len(b) || b[at] != '"':
			return no
		}
		if i = textEnd(b, at+1); i < 0 {
			return i
		}
		row = m.row[:m.known]
	}
}

// How much an entry point remembers: first as much as most payloads need, and
// then more. Only the most, which an object of many thousand members needs, is
// too large for the compiler to put it on the stack. Who has more names than that
// is sent to the slow path.
const (
	fewNames, fewCells   = 64, 24
	manyNames, manyCells = 2 << 10, 128
	wideNames, wideCells = 16 << 10, 1 << 10
	mostNames, mostCells = 64 << 10, 1 << 10
)

func exactlyOne(conds ...bool) bool {
	n := 0
	for _, c := range conds {
		if c {
			n++
		}
	}
	return n == 1
}
