package conformance

import (
	"bytes"
	"hash/maphash"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/internal/validate"
)

// Some annotations are about all that is in a value, and the judge notes of them only that
// there may be something to say. What is here looks for it. All of it takes a payload that
// is JSON, and time and memory in proportion to it.

// within adds a finding for each string, name or number in the value of a note that breaks
// what is said of the value; those that differ only by indices of arrays are one. It tells
// whether there are any.
func (w *writer) within(n *validate.Note, t *wording) (found bool) {
	base := w.notes.Path(n)
	way := base // to what is looked at
	var hashes []uint64
	var groups map[uint64]int // the draft of those that are alike
	if c := w.payload[n.At]; c == '{' || c == '[' {
		way, hashes, groups = slices.Clone(base), make([]uint64, len(base)), map[uint64]int{}
	}
	report := func(at int, isName bool) {
		mark := len(w.text)
		if !w.breaks(n.Rule.Keyword, t, at, isName) {
			w.text = w.text[:mark]
			return
		}
		found = true
		key := uint64(0) // of what is at the way itself
		if len(hashes) > 0 {
			key = hashes[len(hashes)-1]
		}
		if isName {
			key = ^key
		}
		if i, ok := groups[key]; ok && !w.notes.Each {
			w.text = w.text[:mark]
			d := &w.drafts[i]
			if d.Count++; d.Count == 1 {
				d.Count = 2
				w.path(w.payload, way, true)
				d.pattern = w.written()
				w.size += d.pattern.len()
				w.kept = w.from
			}
			return
		}
		if groups != nil {
			groups[key] = len(w.drafts)
		}
		d := w.draft()
		d.Code, d.Severity, d.Hint, d.Offset = t.Code, t.Severity, t.hint(w.as), at
		d.message = w.written()
		w.path(w.payload, way, false)
		d.pointer = w.written()
		w.fit(d)
	}
	// The last of way is that of the value; within an object it is the offset of the last
	// name, or 0 before the first, and within an array it is below 0.
	hash := func() {
		last, of := len(way)-1, [2]uint64{}
		if last > 0 {
			of[0] = hashes[last-1]
		}
		if at := way[last]; at >= 0 {
			of[1] = maphash.Bytes(seed, stringAt(w.payload, int(at)))
		}
		hashes[last] = maphash.Comparable(seed, of)
	}
	name := false // whether a string is one
	for i := n.At; !w.full; {
		switch c := w.payload[i]; c {
		case '{', '[':
			name = c == '{'
			way, hashes = append(way, 0), append(hashes, 0)
			if c == '[' {
				way[len(way)-1] = ^validate.Token(0)
				hash()
			}
			i++
		case '}', ']':
			way, hashes, name = way[:len(way)-1], hashes[:len(hashes)-1], false
			i++
		case ',':
			if last := &way[len(way)-1]; *last < 0 {
				*last--
			} else {
				name = true
			}
			i++
		case ':':
			name = false
			i++
		case ' ', '\t', '\n', '\r':
			i++
		default:
			if name {
				way[len(way)-1] = validate.Token(i)
				hash()
			}
			if c == '"' || c == '-' || c <= '9' {
				report(i, name)
			}
			i = valueEnd(w.payload, i)
		}
		if len(way) == len(base) {
			break
		}
	}
	return found
}

// breaks writes the message that what is at an offset breaks a keyword, and reports whether
// it does.
func (w *writer) breaks(keyword string, t *wording, at int, isName bool) bool {
	isText := w.payload[at] == '"'
	switch keyword {
	case "x-no-nul":
		if !isText || !hasNUL(stringAt(w.payload, at)) {
			return false
		}
		if isName {
			w.write("the name of the member", t.after)
		} else {
			w.write("the text", t.after)
		}
	case "x-safe-integers":
		if isText || !unsafeInteger(numberAt(w.payload, at)) {
			return false
		}
		w.text = appendDigits(w.text, numberAt(w.payload, at))
		w.write(t.after)
	case "x-public-url":
		if !isText || isName {
			return false
		}
		why := unreachable(string(w.unquote(stringAt(w.payload, at))))
		if why == "" {
			return false
		}
		w.text = appendQuoted(w.text, w.payload[at:])
		w.write(": ", why)
	}
	return true
}

// hasNUL reports whether a JSON string has an escape of U+0000. (Without one it can't have
// the character.)
func hasNUL(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return false
		}
		if bytes.HasPrefix(raw[i:], []byte(`\u0000`)) {
			return true
		}
		raw = raw[i+2:]
	}
}

// unsafeInteger reports whether a number is an integer beyond ±(2^53-1) that not every parser
// keeps. Those that read doubles keep one that is written with a fraction or an exponent if
// the double that they read is written as the same number: so it was one before.
func unsafeInteger(raw []byte) bool {
	exponent, plain := 0, true
	if e := bytes.IndexAny(raw, "eE"); e >= 0 {
		const far = 1 << 27 // a payload has fewer digits, and ten times as much is an int of 32 bits
		for _, c := range raw[e+1:] {
			if c-'0' <= 9 && exponent < far {
				exponent = exponent*10 + int(c-'0')
			}
		}
		if raw[e+1] == '-' {
			exponent = -exponent
		}
		raw, plain = raw[:e], false
	}
	raw = bytes.TrimPrefix(raw, []byte("-"))
	point := bytes.IndexByte(raw, '.')
	if point < 0 {
		point = len(raw)
	} else {
		plain = false
	}
	power := func(i int) int { // of ten, of the digit at i
		if i > point {
			i--
		}
		return point - 1 - i + exponent
	}
	const nonZero = "123456789"
	first, last := bytes.IndexAny(raw, nonZero), bytes.LastIndexAny(raw, nonZero)
	if first < 0 || power(last) < 0 {
		return false
	}
	const maxSafe = "9007199254740991"
	var room [len(maxSafe) + 1]byte // a double is written with 17 digits at most
	digits := room[:0]
	for _, c := range raw[first : last+1] {
		if c != '.' && len(digits) < len(room) {
			digits = append(digits, c)
		}
	}
	top := power(first)
	switch {
	case top < len(maxSafe)-1 || top == len(maxSafe)-1 && string(digits) <= maxSafe:
		return false
	case plain || top-power(last) >= len(room):
		return true
	}
	double, err := strconv.ParseFloat("."+string(digits)+"e"+strconv.Itoa(top+1), 64)
	written, _, _ := strings.Cut(strconv.FormatFloat(double, 'e', -1, 64), "e")
	return err != nil || strings.Replace(written, ".", "", 1) != string(digits)
}

// nothing reports whether an object holds nothing by a note of x-holds. What is extracted are
// rows, and texts: numbers and booleans are about it. A member that no schema names may be
// an identifier as well as a text, but an array or an object that is not empty is something.
func (w *writer) nothing(n *validate.Note) bool {
	for _, o := range w.notes.Operands(n) {
		if o.At >= 0 && w.holds(o.At) {
			return false
		}
	}
	for name, at := range w.members(n.In) {
		if c := w.payload[at]; c != '{' && c != '[' {
			continue
		}
		text := string(w.unquote(stringAt(w.payload, name)))
		named := slices.ContainsFunc(n.Rule.Object.Members, func(m validate.Member) bool { return m.Name == text })
		if !named && w.holds(at) {
			return false
		}
	}
	return true
}

// holds reports whether the value at an offset holds something.
func (w *writer) holds(at int) bool {
	switch w.payload[at] {
	case '"':
		return w.payload[at+1] != '"'
	case '[':
		for i := range w.items(at) {
			switch w.payload[i] {
			case '"', '[':
				if w.holds(i) {
					return true
				}
			case 'n':
			default:
				return true
			}
		}
	case '{':
		for _, i := range w.members(at) {
			if w.holds(i) {
				return true
			}
		}
	}
	return false
}

// repeats writes the message that rows come again, with others behind them, if they do: of
// a map of names to rows, all rows of one name are the first rows of another; of an array,
// each part from one row that is like the first row to the next one starts with all rows
// of the part before it, and has more. One row of one cell, and one row of an array, may be
// there twice by chance. Rows are alike if they are the same bytes.
func (w *writer) repeats(n *validate.Note, t *wording) bool {
	if w.payload[n.At] == '[' {
		var rows []uint64
		for i, end := range w.items(n.At) {
			rows = append(rows, maphash.Bytes(seed, w.payload[i:end]))
		}
		var last []uint64 // part
		for from := 0; from < len(rows); {
			size := 1 + slices.Index(rows[from+1:], rows[0])
			if size == 0 {
				size = len(rows) - from
			}
			part := rows[from : from+size]
			if len(part) <= len(last) || !slices.Equal(last, part[:len(last)]) {
				return false
			}
			if from += size; from == len(rows) && len(last) > 1 {
				w.write("from row ", strconv.Itoa(from-size), " on, the ", strconv.Itoa(len(last)), " rows before it", t.after)
				return true
			}
			last = part
		}
		return false
	}
	type rows struct {
		hash  uint64
		count int
	}
	read := func(at int, each func(rows)) (all rows, cells int) {
		if w.payload[at] != '[' {
			return rows{}, 0
		}
		for i, end := range w.items(at) {
			all = rows{maphash.Comparable(seed, [2]uint64{all.hash, maphash.Bytes(seed, w.payload[i:end])}), all.count + 1}
			each(all)
			if w.payload[i] == '{' && cells < 2 {
				for range w.members(i) {
					cells++
				}
			}
		}
		return all, cells
	}
	lists := map[rows]int{} // the last that has these rows
	for name, at := range w.members(n.At) {
		if all, cells := read(at, func(rows) {}); cells > 1 {
			lists[all] = name
		}
	}
	for name, at := range w.members(n.At) {
		of, count := -1, 0
		all, _ := read(at, func(r rows) {
			if other, ok := lists[r]; ok && other != name {
				of, count = other, r.count
			}
		})
		if of < 0 {
			continue
		}
		w.text = appendQuoted(w.text, w.payload[name:])
		verb, link := " starts with the ", " of "
		if count == all.count {
			verb, link = " holds the same ", " as "
		}
		if w.write(verb); count > 1 {
			w.write(strconv.Itoa(count), " rows", link)
		} else {
			w.write("row", link)
		}
		w.text = appendQuoted(w.text, w.payload[of:])
		return true
	}
	return false
}

// items yields the offsets of the items of the array at an offset, and those behind them.
func (w *writer) items(at int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := w.next(at + 1); w.payload[i] != ']'; {
			end := valueEnd(w.payload, i)
			if !yield(i, end) {
				return
			}
			i = w.next(end)
		}
	}
}

// members yields the offsets of the names and the values of the object at an offset.
func (w *writer) members(at int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := w.next(at + 1); w.payload[i] != '}'; {
			value := w.next(valueEnd(w.payload, i))
			if !yield(i, value) {
				return
			}
			i = w.next(valueEnd(w.payload, value))
		}
	}
}

// next returns the offset of what comes next, but for spaces, commas and colons.
func (w *writer) next(i int) int {
	for strings.IndexByte(spaces+",:", w.payload[i]) >= 0 {
		i++
	}
	return i
}

// valueEnd returns the offset behind the value at an offset of a payload.
func valueEnd(payload []byte, i int) int {
	for depth := 0; ; {
		switch payload[i] {
		case '"':
			i += len(stringAt(payload, i))
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ' ', '\t', '\n', '\r', ',', ':':
			i++
		default:
			for i++; i < len(payload) && strings.IndexByte(spaces+",]}", payload[i]) < 0; i++ {
			}
		}
		if depth == 0 {
			return i
		}
	}
}
