package report

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Glyph returns the first code point of s as it may be shown, how many columns
// of a terminal that takes, and how many bytes of s it stands for. What does
// not print is spelled out: control characters, of which escape sequences are
// made; format characters, which reorder text or hide in it; odd spaces; and
// bytes that are not UTF-8.
func Glyph(s string) (text string, columns, size int) {
	r, size := utf8.DecodeRuneInString(s)
	if printed(r, size) {
		return s[:size], runeColumns(r, []byte(s[:size])), size
	}
	text = spelled(r, s[:size])
	return text, len(text), size
}

// printed reports whether a code point of size bytes is shown as it is.
func printed(r rune, size int) bool {
	return strconv.IsPrint(r) && (r != utf8.RuneError || size != 1)
}

// spelled spells out a code point that doesn't print.
func spelled(r rune, s string) string {
	switch {
	case r == utf8.RuneError:
		return fmt.Sprintf(`\x%02x`, s[0])
	case r == '\t':
		return "    "
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\u{%x}`, r)
}

// glyph returns the columns and bytes of the first character of s that a user sees (UAX
// 29), such as a flag or an emoji with a skin tone, and whether it is shown as it is. One
// that isn't, for something in it doesn't print, is the first code point only.
func glyph(s []byte) (columns, size int, shown bool) {
	if c := s[0]; ' ' <= c && c <= '~' {
		return 1, 1, true
	}
	r, size := utf8.DecodeRune(s)
	cluster, _, columns, _ := uniseg.FirstGraphemeCluster(s[:min(len(s), longestCluster)], -1)
	switch {
	case len(cluster) > size && len(cluster) <= longestCluster-utf8.UTFMax && printedTogether(cluster, columns):
		return columns, len(cluster), true
	case printed(r, size):
		return runeColumns(r, s[:size]), size, true
	}
	return len(spelled(r, string(s[:size]))), size, false
}

// longestCluster bounds, in bytes, what is taken for one character: no language has
// longer ones.
const longestCluster = 64

// joiner joins emoji to one (ZWJ). Elsewhere it hides in text.
const joiner = '\u200d'

// printedTogether reports whether the code points of a cluster, which takes so many columns,
// are shown as they are.
func printedTogether(cluster []byte, columns int) bool {
	for i := 0; i < len(cluster); {
		r, size := utf8.DecodeRune(cluster[i:])
		next, _ := utf8.DecodeRune(cluster[i+size:])
		switch {
		case r == joiner && i > 0 && next != utf8.RuneError && !unicode.Is(unicode.M, next):
		case isSkinTone(r) && columns < 2: // on what has no skin, it is a character of its own
			return false
		case !printed(r, size):
			return false
		}
		i += size
	}
	return true
}

func isSkinTone(r rune) bool { return 0x1f3fb <= r && r <= 0x1f3ff }

// Eight bytes at once: a one in each of them, and the highest bit of each.
const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// beyondPlain has a high bit set if and only if some byte of w is not ASCII that prints.
func beyondPlain(w uint64) uint64 { return (w - ' '*eachByte) | (w + eachByte) }

// plain is how many bytes at the start of s are ASCII that prints: as many
// columns, which are shown as they are.
func plain(s []byte) int {
	n := 0
	for len(s)-n >= 8 && beyondPlain(binary.LittleEndian.Uint64(s[n:]))&highBits == 0 {
		n += 8
	}
	for n < len(s) && ' ' <= s[n] && s[n] <= '~' {
		n++
	}
	return n
}

// runeColumns is how many columns a terminal gives to a printable code point, which is
// text, by itself.
func runeColumns(r rune, text []byte) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me), 0x1160 <= r && r <= 0x11ff:
		return 0 // drawn on what stands before: marks; vowels and finals of Hangul
	case isSkinTone(r):
		return 2
	}
	_, _, columns, _ := uniseg.FirstGraphemeCluster(text, -1)
	return columns
}

// Columns is how many columns the visible form of s takes.
func Columns(s string) int { return columns([]byte(s)) }

func columns(s []byte) (n int) {
	for len(s) > 0 {
		c := plain(s)
		size := c
		if c == 0 {
			c, size, _ = glyph(s)
		}
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
	if len(s) <= limit && plain([]byte(s)) == len(s) {
		return s
	}
	return string(appendVisible(nil, []byte(s), limit))
}

// appendVisible appends what [Visible] returns.
func appendVisible(dst, s []byte, limit int) []byte {
	from := len(dst)
	for n := 0; len(s) > 0; {
		if run := plain(s[:min(len(s), limit-n)]); run > 0 {
			dst = append(dst, s[:run]...)
			n += run
			s = s[run:]
			continue
		}
		c, size, shown := glyph(s)
		text := s[:size]
		if !shown {
			r, _ := utf8.DecodeRune(s)
			text = []byte(spelled(r, string(text)))
		}
		if n += c; n > limit || len(dst)-from > 4*limit {
			return append(dst, "…"...)
		}
		dst = append(dst, text...)
		s = s[size:]
	}
	return dst
}

// An excerpt is one line of a payload around a place in it. Together, before, at
// and after are the line, but for an end that was cut; see [excerpt.text] for
// their visible form.
type excerpt struct {
	before, at, after   []byte
	cutBefore, cutAfter bool
	// indent is the columns of before; span those of at, and at least 1.
	indent, span int
}

// excerptReach bounds how many bytes before and after its place an excerpt
// looks at, so that a line of gigabytes costs no more than a short one.
const excerptReach = 2048

// excerptAt cuts out what fits in room columns around the JSON token at offset.
// It keeps parts of data.
func excerptAt(data []byte, offset, room int) excerpt {
	offset = min(max(offset, 0), len(data))
	start, end := max(0, offset-excerptReach), min(len(data), offset+excerptReach)
	s, at := data[start:end], offset-start
	// A code point that the reach cuts in two is not looked at.
	first, last := 0, len(s)
	if start > 0 {
		first = utf8.UTFMax
	}
	if end < len(data) {
		last -= utf8.UTFMax
	}
	ends := func(i int) bool { return s[i] == '\n' || s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n' }
	if at > 0 && at < len(s) && s[at-1] == '\r' && s[at] == '\n' {
		at-- // between the two characters of a line break
	}

	// Half of the room is for what follows, from the place on; what precedes
	// gets the rest, and what that leaves goes to what follows again.
	lo, hi, used := at, at, 0
	forward := func(limit int) {
		for hi < last && !ends(hi) {
			c := plain(s[hi:min(last, max(hi, hi+limit-used))])
			size := c
			if c == 0 {
				c, size, _ = glyph(s[hi:])
			}
			if used+c > limit {
				return
			}
			used, hi = used+c, hi+size
		}
	}
	room = max(room-2, 24) // 2 for …
	forward(room / 2)
	if from := max(first, at-(room-used)); plain(s[from:at]) == at-from {
		used, lo = used+at-from, from
	} else {
		columns, size := lastColumns(s[first+bytes.LastIndexByte(s[first:at], '\n')+1:at], room-used)
		used, lo = used+columns, at-size
	}
	forward(room)

	e := excerpt{cutBefore: lo > 0 && s[lo-1] != '\n', cutAfter: hi < len(s) && !ends(hi)}
	for e.cutBefore && lo < at {
		c, size, _ := glyph(s[lo:at])
		if c > 0 {
			break
		}
		lo += size // a mark whose letter was cut off would land on the …
	}
	mark := at + Token(s[at:hi])
	e.before, e.at, e.after = s[lo:at], s[at:mark], s[mark:hi]
	e.indent, e.span = columns(e.before), max(columns(e.at), 1)
	if e.cutBefore {
		e.indent++
	}
	return e
}

// lastColumns returns the columns and bytes of the characters at the end of s that fit in
// room columns.
func lastColumns(s []byte, room int) (columns, size int) {
	// Where a character begins, only what stands before it tells. A little is mostly
	// enough, if it begins with ASCII.
	from := max(0, len(s)-4*room)
	for from > 0 && from < len(s) && s[from] >= utf8.RuneSelf {
		from++
	}
	for {
		type character struct{ columns, size int }
		line := make([]character, 0, 256)
		all := 0
		for i := from; i < len(s); {
			c, size, _ := glyph(s[i:])
			line = append(line, character{c, size})
			all += c
			i += size
		}
		if all <= room && from > 0 {
			from = 0
			continue
		}
		for i := len(line) - 1; i >= 0 && columns+line[i].columns <= room; i-- {
			columns, size = columns+line[i].columns, size+line[i].size
		}
		return columns, size
	}
}

// text returns the visible form of before, at and after, with … at an end that
// was cut.
func (e excerpt) text() (before, at, after string) {
	return string(e.appendBefore(nil)), string(appendVisible(nil, e.at, wholeExcerpt)), string(e.appendAfter(nil))
}

// wholeExcerpt is columns enough for all of an excerpt.
const wholeExcerpt = 2 * excerptReach

func (e excerpt) appendBefore(dst []byte) []byte {
	if e.cutBefore {
		dst = append(dst, "…"...)
	}
	return appendVisible(dst, e.before, wholeExcerpt)
}

func (e excerpt) appendAfter(dst []byte) []byte {
	if dst = appendVisible(dst, e.after, wholeExcerpt); e.cutAfter {
		dst = append(dst, "…"...)
	}
	return dst
}

// Token is the length of the JSON token that s starts with, as far as s shows
// it: a whole string, number or literal, an escape within a string, or one code
// point of anything else.
func Token(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	if bytes.HasPrefix(s, []byte(`\u`)) {
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
	for n, c := range s {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+-._", c) >= 0) {
			_, size := utf8.DecodeRune(s)
			return max(n, size)
		}
	}
	return len(s)
}
