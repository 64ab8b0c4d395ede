package report

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// glyph gives the first code point of s as it may be shown, how many columns
// of a terminal that takes, and how many bytes of s it stands for. What does
// not print is spelt out: control characters, of which escape sequences are
// made; format characters, which reorder text or hide in it; odd spaces; and
// bytes that are not UTF-8.
func glyph(s string) (text string, columns, size int) {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		text = fmt.Sprintf(`\x%02x`, s[0])
	case strconv.IsPrint(r):
		return s[:size], runeColumns(r), size
	case r == '\t':
		text = "    "
	case r == '\n':
		text = `\n`
	case r == '\r':
		text = `\r`
	case r <= 0xffff:
		text = fmt.Sprintf(`\u%04x`, r)
	default:
		text = fmt.Sprintf(`\u{%x}`, r)
	}
	return text, len(text), size
}

// runeColumns is how many columns a terminal gives to a printable code point.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me), 0x1160 <= r && r <= 0x11ff:
		return 0 // drawn on what stands before: marks; vowels and finals of Hangul
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// columns is how many columns the visible form of s takes.
func columns(s string) (n int) {
	for len(s) > 0 {
		_, c, size := glyph(s)
		n += c
		s = s[size:]
	}
	return n
}

// maxText bounds, in columns, what is shown of one message, name or pointer.
const maxText = 1000

// visible gives s as text that can do no harm where it is shown: see [glyph].
// It is one line, of at most limit columns, with … where it was cut. Marks
// take no columns, so that bytes are bounded, too, at what no text needs.
func visible(s string, limit int) string {
	var b strings.Builder
	for n := 0; len(s) > 0; {
		text, c, size := glyph(s)
		if n += c; n > limit || b.Len() > 4*limit {
			b.WriteString("…")
			break
		}
		b.WriteString(text)
		s = s[size:]
	}
	return b.String()
}

// An excerpt is one line of a payload around a place in it, in visible form.
// Together, before, at and after are the line, with … at an end that was cut.
type excerpt struct {
	before, at, after string
	// indent is the columns of before; span those of at, and at least 1.
	indent, span int
}

// excerptReach bounds how far from its place, in bytes, an excerpt looks for
// the ends of the line. It fills any terminal, and a line of gigabytes costs
// no more than one of this length.
const excerptReach = 4096

// excerptAt cuts out what fits in room columns around the JSON token at offset.
func excerptAt(data []byte, offset, room int) excerpt {
	offset = min(max(offset, 0), len(data))
	start, end := max(0, offset-excerptReach), min(len(data), offset+excerptReach)
	cutLeft, cutRight := start > 0, end < len(data)
	if i := bytes.LastIndexByte(data[start:offset], '\n'); i >= 0 {
		start, cutLeft = start+i+1, false
	}
	if i := bytes.IndexByte(data[offset:end], '\n'); i >= 0 {
		end, cutRight = offset+i, false
	}
	if end > start && data[end-1] == '\r' && !cutRight {
		end--
		offset = min(offset, end)
	}
	// A cut that fell within a code point moves past it.
	for i := 0; cutLeft && i < utf8.UTFMax-1 && start < offset && !utf8.RuneStart(data[start]); i++ {
		start++
	}
	for i := 0; cutRight && i < utf8.UTFMax-1 && end > offset && !utf8.RuneStart(data[end]); i++ {
		end--
	}

	type cell struct {
		text    string
		columns int
	}
	var cells []cell
	draw := func(s string) {
		for len(s) > 0 {
			text, c, size := glyph(s)
			cells = append(cells, cell{text, c})
			s = s[size:]
		}
	}
	mark := offset + token(data[offset:end])
	draw(string(data[start:offset]))
	from := len(cells)
	draw(string(data[offset:mark]))
	to := len(cells)
	draw(string(data[mark:end]))

	// Half of the room is for what follows, from the mark on; what precedes
	// gets the rest, and what that leaves goes to what follows again.
	lo, hi, used := from, from, 0
	forward := func(limit int) {
		for ; hi < len(cells) && used+cells[hi].columns <= limit; hi++ {
			used += cells[hi].columns
		}
	}
	room = max(room-2, 24) // 2 for …
	forward(room / 2)
	for ; lo > 0 && used+cells[lo-1].columns <= room; lo-- {
		used += cells[lo-1].columns
	}
	forward(room)
	for lo > 0 && lo < from && cells[lo].columns == 0 {
		lo++ // a mark whose letter was cut off would land on the …
	}

	join := func(cells []cell) (s string, n int) {
		var b strings.Builder
		for _, c := range cells {
			b.WriteString(c.text)
			n += c.columns
		}
		return b.String(), n
	}
	var e excerpt
	e.before, e.indent = join(cells[lo:from])
	e.at, e.span = join(cells[from:min(to, hi)])
	e.after, _ = join(cells[min(to, hi):hi])
	e.span = max(e.span, 1)
	if cutLeft || lo > 0 {
		e.before, e.indent = "…"+e.before, e.indent+1
	}
	if cutRight || hi < len(cells) {
		e.after += "…"
	}
	return e
}

// token is the length of the JSON token that b starts with, as far as b shows
// it: a whole string, number or literal, or one code point of anything else.
func token(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	if b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	n := bytes.IndexFunc(b, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-._", r))
	})
	if n < 0 {
		return len(b)
	}
	_, size := utf8.DecodeRune(b)
	return max(n, size)
}
