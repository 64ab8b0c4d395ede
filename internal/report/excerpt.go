package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Glyph returns the first code point of s as it may be shown, how many columns
// of a terminal that takes, and how many bytes of s it stands for. What does
// not print is spelt out: control characters, of which escape sequences are
// made; format characters, which reorder text or hide in it; odd spaces; and
// bytes that are not UTF-8.
func Glyph(s string) (text string, columns, size int) {
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

// Columns is how many columns the visible form of s takes.
func Columns(s string) (n int) {
	for len(s) > 0 {
		_, c, size := Glyph(s)
		n += c
		s = s[size:]
	}
	return n
}

// maxText bounds, in columns, what is shown of one message, name or pointer.
const maxText = 1000

// Visible returns s as text that can do no harm where it is shown: see [Glyph].
// It is one line, of at most limit columns, with … where it was cut. Marks
// take no columns, so that bytes are bounded, too, at what no text needs.
func Visible(s string, limit int) string {
	var b strings.Builder
	b.Grow(min(len(s), limit))
	for n := 0; len(s) > 0; {
		text, c, size := Glyph(s)
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

// excerptReach bounds how many bytes before and after its place an excerpt
// looks at, so that a line of gigabytes costs no more than a short one.
const excerptReach = 2048

// excerptAt cuts out what fits in room columns around the JSON token at offset.
func excerptAt(data []byte, offset, room int) excerpt {
	offset = min(max(offset, 0), len(data))
	start, end := max(0, offset-excerptReach), min(len(data), offset+excerptReach)
	s, at := string(data[start:end]), offset-start
	// A code point that the reach cuts in two is not looked at.
	first, last := 0, len(s)
	if start > 0 {
		first = utf8.UTFMax
	}
	if end < len(data) {
		last -= utf8.UTFMax
	}
	ends := func(i int) bool { return strings.HasPrefix(s[i:], "\n") || strings.HasPrefix(s[i:], "\r\n") }
	if at > 0 && s[at-1] == '\r' && ends(at) {
		at-- // between the two characters of a line break
	}

	// Half of the room is for what follows, from the place on; what precedes
	// gets the rest, and what that leaves goes to what follows again.
	lo, hi, used := at, at, 0
	forward := func(limit int) {
		for hi < last && !ends(hi) {
			_, c, size := Glyph(s[hi:])
			if used+c > limit {
				return
			}
			used, hi = used+c, hi+size
		}
	}
	room = max(room-2, 24) // 2 for …
	forward(room / 2)
	for lo > first && s[lo-1] != '\n' {
		_, size := utf8.DecodeLastRuneInString(s[:lo])
		_, c, _ := Glyph(s[lo-size : lo])
		if used+c > room {
			break
		}
		used, lo = used+c, lo-size
	}
	forward(room)

	cutLeft := lo > 0 && s[lo-1] != '\n'
	for cutLeft && lo < at {
		_, c, size := Glyph(s[lo:at])
		if c > 0 {
			break
		}
		lo += size // a mark whose letter was cut off would land on the …
	}
	const whole = 2 * excerptReach // columns enough for all of s[lo:hi]
	mark := at + Token(s[at:hi])
	e := excerpt{
		before: Visible(s[lo:at], whole), at: Visible(s[at:mark], whole), after: Visible(s[mark:hi], whole),
		indent: Columns(s[lo:at]), span: max(Columns(s[at:mark]), 1),
	}
	if cutLeft {
		e.before, e.indent = "…"+e.before, e.indent+1
	}
	if hi < len(s) && !ends(hi) {
		e.after += "…"
	}
	return e
}

// Token is the length of the JSON token that s starts with, as far as s shows
// it: a whole string, number or literal, an escape within a string, or one code
// point of anything else.
func Token(s string) int {
	if len(s) == 0 {
		return 0
	}
	if strings.HasPrefix(s, `\u`) {
		n := len(`\u`)
		for n < min(len(`\u0000`), len(s)) && strings.IndexByte("0123456789abcdefABCDEF", s[n]) >= 0 {
			n++
		}
		return n
	}
	if s[0] == '"' {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(s)
	}
	n := strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+-._", r))
	})
	if n < 0 {
		return len(s)
	}
	_, size := utf8.DecodeRuneInString(s)
	return max(n, size)
}
