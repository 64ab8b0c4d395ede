package conformance

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// stringAt returns the JSON string that starts at an offset of the payload, as it is
// written.
func stringAt(payload []byte, at int) []byte {
	i := at + 1
	for payload[i] != '"' {
		if payload[i] == '\\' {
			i++
		}
		i++
	}
	return payload[at : i+1]
}

// numberAt returns the JSON number that starts at an offset of the payload.
func numberAt(payload []byte, at int) []byte {
	end := at
	for end < len(payload) && strings.IndexByte("+-.0123456789Ee", payload[end]) >= 0 {
		end++
	}
	return payload[at:end]
}

// appendValue names the value at an offset of the payload, for people. A negative
// offset is that of a value which isn't there.
func appendValue(b, payload []byte, at int) []byte {
	if at < 0 {
		return append(b, "null"...)
	}
	switch payload[at] {
	case '{':
		return append(b, "an object"...)
	case '[':
		return append(b, "an array"...)
	case '"':
		return appendQuoted(append(b, "the string "...), payload[at:])
	case 't':
		return append(b, "true"...)
	case 'f':
		return append(b, "false"...)
	case 'n':
		return append(b, "null"...)
	}
	return appendDigits(append(b, "the number "...), numberAt(payload, at))
}

// appendDigits appends a number as a message shows it.
func appendDigits(b, raw []byte) []byte {
	if len(raw) < 16 && !strings.ContainsAny(string(raw), "eE") {
		return append(b, raw...)
	}
	n := boundedNumber(string(raw))
	if strings.HasSuffix(n, approximate) {
		return append(b, "(of very many digits)"...)
	}
	return append(b, shorten(n)...)
}

// maxQuoted is how many code points of a payload's text a message repeats.
const maxQuoted = 60

// appendQuoted is [quote] of the JSON string with which raw starts.
func appendQuoted(b, raw []byte) []byte {
	for i, c := range raw[1:min(len(raw), 2+maxQuoted)] {
		if c == '"' {
			return append(b, raw[:i+2]...)
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	// No code point takes more bytes than a pair of escapes.
	text, _ := jsontext.AppendUnquote(nil, raw[:min(len(raw), (maxQuoted+2)*len(`\ud83d\ude00`))])
	return strconv.AppendQuote(b, shorten(string(text)))
}

// quote returns text from a payload in quotes, cut where it is long. What does not
// print is an escape of Go's: controls, of which escape sequences are made; marks of
// direction, which reorder text; separators of lines; and bytes that are not UTF-8.
// Messages and hints repeat nothing of a payload without it, but digits.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	n := 0
	for i := range s {
		if n == maxQuoted {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// alternatives lists names as an English choice.
func alternatives(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func article(noun string) string {
	if noun != "" && strings.IndexByte("aeiou", noun[0]) >= 0 {
		return "an " + noun
	}
	return "a " + noun
}

// codePoints counts them, each byte of what isn't UTF-8 for one.
func codePoints(b []byte) (n int) {
	for len(b) > 0 {
		switch {
		case len(b) >= 8 && binary.LittleEndian.Uint64(b)&0x8080808080808080 == 0:
			n += 8
			b = b[8:]
		case b[0] < utf8.RuneSelf:
			n++
			b = b[1:]
		default:
			_, size := utf8.DecodeRune(b)
			n++
			b = b[size:]
		}
	}
	return n
}

// newlines counts them.
func newlines(b []byte) int {
	if runtime.GOARCH == "wasm" { // for which bytes.Count looks at one byte at a time
		return newlinesByWord(b)
	}
	return bytes.Count(b, []byte("\n"))
}

func newlinesByWord(b []byte) (n int) {
	const low = 0x7f7f7f7f7f7f7f7f // bits of each byte
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b) ^ 0x0a0a0a0a0a0a0a0a
		n += bits.OnesCount64(^(x&low + low | x | low)) // a bit for each byte that is 0
	}
	return n + bytes.Count(b, []byte("\n"))
}

// integer returns the value of the number at an offset of the payload. It is large if
// it doesn't fit in n. What has a fraction, or is no number, is not ok.
func integer(payload []byte, at int) (n int64, large *big.Int, ok bool) {
	if at < 0 {
		return 0, nil, false
	}
	raw := numberAt(payload, at)
	if len(raw) == 0 {
		return 0, nil, false
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil, true
	}
	r, ok := new(big.Rat).SetString(boundedNumber(string(raw)))
	if !ok || !r.IsInt() {
		return 0, nil, false
	}
	if r.Num().IsInt64() {
		return r.Num().Int64(), nil, true
	}
	return 0, r.Num(), true
}

// rowsAt counts the rows of the value at an offset of the payload, and their cells. The
// rows are those of an array, or of the arrays in a map or an array. A negative offset is
// that of no value.
func rowsAt(payload []byte, at int) (n, cells int64) {
	if at < 0 {
		return 0, 0
	}
	return rows(lenient(payload[at:]))
}

func rows(d *jsontext.Decoder) (n, cells int64) {
	switch d.PeekKind() {
	case '[':
		d.ReadToken()
		for kind := d.PeekKind(); kind != ']' && kind != 0; kind = d.PeekKind() { // 0 after an error
			switch kind {
			case '[':
				d.ReadToken()
				for kind := d.PeekKind(); kind != ']' && kind != 0; kind = d.PeekKind() {
					n++
					cells += rowCells(d)
				}
				d.ReadToken()
			case 'n':
				d.SkipValue()
			default:
				n++
				cells += rowCells(d)
			}
		}
		d.ReadToken()
	case '{':
		d.ReadToken()
		for d.PeekKind() == '"' {
			d.ReadToken()
			inside, cellsInside := rows(d)
			n, cells = n+inside, cells+cellsInside
		}
		d.ReadToken()
	default:
		d.SkipValue()
	}
	return n, cells
}

// rowCells reads a row, and returns the number of its cells.
func rowCells(d *jsontext.Decoder) (n int64) {
	if d.PeekKind() != '{' {
		d.SkipValue()
		return 0
	}
	d.ReadToken()
	for d.PeekKind() == '"' {
		d.ReadToken()
		d.SkipValue()
		n++
	}
	d.ReadToken()
	return n
}

// maxNumber bounds a number's digits, and its exponent either way.
const maxNumber = 1000

// boundedNumber returns a number that every assertion about size, sign or
// integrality judges as it would raw, and that is cheap to compute with. One that
// has no more than maxNumber significant digits, and is that close to 1, stays
// what it is; another becomes one of its kind, and ends in approximate.
// (math/big refuses 1e1000001, and 1e1000000 has a million digits.)
func boundedNumber(raw string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(raw), "e")
	power := int64(0)
	if exponent != "" {
		// Out of its range ParseInt returns the nearest number within. No payload
		// has as many digits as the bound.
		power, _ = strconv.ParseInt(exponent, 10, 64)
		power = max(-1<<40, min(power, 1<<40))
	}
	if len(mantissa) <= maxNumber && -maxNumber <= power && power <= maxNumber {
		return raw
	}
	sign := ""
	if mantissa[0] == '-' {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(whole+fraction, "0")
	significant := strings.TrimLeft(digits, "0")
	if significant == "" {
		return "0"
	}
	smallest := int64(len(whole)-len(digits)) + power // the power of ten of the last digit
	largest := smallest + int64(len(significant)) - 1 // and of the first
	if len(significant) <= maxNumber && -maxNumber <= smallest && largest <= maxNumber {
		return sign + significant + "e" + strconv.FormatInt(smallest, 10)
	}
	var kind string
	switch {
	case smallest >= 0: // a whole number, and a large one
		kind = "1" + strings.Repeat("0", maxNumber)
	case largest >= maxNumber:
		kind = "1" + strings.Repeat("0", maxNumber) + ".5"
	case largest >= 0:
		kind = significant[:largest+1] + ".5"
	default:
		kind = "0.5"
	}
	return sign + kind + approximate
}

// approximate is the end of a number that stands for another one.
const approximate = "E+000"
