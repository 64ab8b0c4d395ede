package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many levels of arrays and objects a payload may have. One that has
// more is invalid, with a finding of code json.too-deep.
const MaxDepth = 1000

const (
	bom    = "\xef\xbb\xbf"
	spaces = " \t\r\n" // RFC 8259, section 2
)

// parse reads payload as one strict I-JSON document (RFC 7493): into the
// values that encoding/json gives with UseNumber, or into findings of family
// json. Duplicates, bad UTF-8 and lone surrogates are all found in one pass; a
// syntax error ends it.
func parse(payload []byte) (v any, found []draft, truncated bool) {
	p := &parser{src: payload}
	if bytes.HasPrefix(payload, []byte("\xff\xfe")) || bytes.HasPrefix(payload, []byte("\xfe\xff")) {
		p.report("json.invalid-utf8", 0, "the payload is UTF-16 or UTF-32; JSON that is exchanged is UTF-8 (RFC 8259, section 8.1)")
		return nil, p.found, false
	}
	if rest, ok := bytes.CutPrefix(payload, []byte(bom)); ok {
		p.report("json.byte-order-mark", 0, "the payload starts with a byte order mark")
		p.src, p.base = rest, len(bom)
	}
	if len(bytes.Trim(p.src, spaces)) == 0 {
		d := p.report("json.syntax", len(p.src), "there is no JSON here: the payload is empty")
		d.Hint = "send the event as the body of the request"
		return nil, p.found, false
	}
	// The decoder is lenient about what this parser finds and tells itself,
	// so that one bad string doesn't hide the next.
	p.dec = jsontext.NewDecoder(bytes.NewBuffer(p.src),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	p.text = string(p.src)
	v, err := p.value()
	switch {
	case errors.Is(err, errTooDeep): // reported where it was met
	case err != nil:
		p.syntax(err)
	default:
		p.trailing()
	}
	return v, p.found, p.truncated
}

type parser struct {
	src   []byte // the payload without its byte order mark
	text  string // a copy of src, of which the strings that are read are parts
	base  int    // length of that mark
	dec   *jsontext.Decoder
	path  []string // of the value that is being read
	found []draft
	taken quota // of findings
	// truncated is true where there may be more findings than are kept.
	truncated bool
}

var errTooDeep = errors.New("too deep")

// report drafts a finding at the value that is being read, and gives it to be
// completed. Once there are too many it is kept no longer.
func (p *parser) report(code Code, offset int, format string, args ...any) *draft {
	if p.truncated {
		return &draft{}
	}
	at := pointer(p.path)
	p.truncated = !p.taken.take(1, len(at))
	p.found = append(p.found, draft{
		Finding: Finding{
			Code:     code,
			Severity: SeverityError,
			Pointer:  at,
			Offset:   p.base + offset,
			Message:  fmt.Sprintf(format, args...),
			Hint:     registry[code].Hint,
		},
		located: true,
	})
	return &p.found[len(p.found)-1]
}

// value reads one value. After an error p.path leads to the innermost array or
// object that was open.
func (p *parser) value() (v any, err error) {
	switch kind := p.dec.PeekKind(); kind {
	case '{', '[':
		if p.dec.StackDepth() == MaxDepth {
			p.path = nil
			p.report("json.too-deep", p.upcoming(kind), "more than %d levels of arrays and objects", MaxDepth)
			return nil, errTooDeep
		}
		if kind == '{' {
			return p.object()
		}
		return p.array()
	case '"':
		v, _, err = p.string()
	case '0':
		var raw jsontext.Value
		raw, err = p.dec.ReadValue()
		end := int(p.dec.InputOffset())
		v = boundedNumber(p.text[end-len(raw) : end])
	default:
		var token jsontext.Token
		token, err = p.dec.ReadToken()
		if err == nil && token.Kind() != 'n' {
			v = token.Bool()
		}
	}
	if err != nil && len(p.path) > 0 {
		p.path = p.path[:len(p.path)-1]
	}
	return v, err
}

func (p *parser) object() (any, error) {
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	object := make(map[string]any)
	for {
		switch p.dec.PeekKind() {
		case '"':
			name, start, err := p.string()
			if err != nil {
				return nil, err
			}
			p.path = append(p.path, name)
			if _, ok := object[name]; ok {
				p.report("json.duplicate-key", start, "the object has a member %s already", quote(name))
			}
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			p.path = p.path[:len(p.path)-1]
			object[name] = v
		default: // the end of the object, or an error
			_, err := p.dec.ReadToken()
			return object, err
		}
	}
}

func (p *parser) array() (any, error) {
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	array := []any{}
	for p.dec.PeekKind() != ']' {
		p.path = append(p.path, strconv.Itoa(len(array)))
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		p.path = p.path[:len(p.path)-1]
		array = append(array, v)
	}
	_, err := p.dec.ReadToken()
	return array, err
}

// string reads a string, and reports what no I-JSON string may hold. It gives
// the text and the offset of its opening quote.
func (p *parser) string() (s string, start int, err error) {
	start = p.upcoming('"')
	raw, err := p.dec.ReadValue()
	if err != nil {
		raw = p.cutOff(start, err)
	}
	bad := invalidUTF8(raw)
	if bad >= 0 {
		p.report("json.invalid-utf8", start+bad, "the byte 0x%02X is not UTF-8 here", raw[bad])
	}
	if i := loneSurrogate(raw); i >= 0 {
		p.report("json.lone-surrogate", start+i, "%s is half of a surrogate pair", raw[i:i+6])
	}
	if err != nil {
		return "", start, err
	}
	if bad < 0 && bytes.IndexByte(raw, '\\') < 0 {
		return p.text[start+1 : start+len(raw)-1], start, nil
	}
	unquoted, _ := jsontext.AppendUnquote(nil, raw) // errors are reported above
	return string(unquoted), start, nil
}

// cutOff returns the string that starts at start as far as it goes, where err ended
// it.
func (p *parser) cutOff(start int, err error) []byte {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) { // an I/O error, which a buffer doesn't give
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && !bytes.HasPrefix(p.src[syntax.ByteOffset:], []byte(`\`)) {
		return p.src[start:] // also with the half of a character at its end
	}
	return p.src[start:syntax.ByteOffset]
}

// upcoming is the offset of the delimiter that PeekKind announced.
func (p *parser) upcoming(delimiter jsontext.Kind) int {
	i := int(p.dec.InputOffset())
	return i + bytes.IndexByte(p.src[i:], byte(delimiter))
}

// syntax reports err, which the decoder gave.
func (p *parser) syntax(err error) {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) { // an I/O error, which a buffer doesn't give
		p.report("json.syntax", int(p.dec.InputOffset()), "%v", err)
		return
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		p.report("json.syntax", len(p.src), "the payload ends too early: %s", p.unclosed())
		return
	}
	at := int(syntax.ByteOffset)
	rest := p.src[at:]
	if rest[0] == ',' {
		if after := bytes.TrimLeft(rest[1:], spaces); len(after) > 0 && (after[0] == '}' || after[0] == ']') {
			d := p.report("json.syntax", at, "a comma before the closing %q: JSON has no trailing commas", after[0])
			d.Hint = "remove the comma"
			return
		}
	}
	p.report("json.syntax", at, "%v", syntax.Err)
}

// unclosed names what is still open at the end of the payload.
func (p *parser) unclosed() string {
	if p.dec.StackDepth() == 0 {
		return "its value is not complete"
	}
	kind, _ := p.dec.StackIndex(p.dec.StackDepth())
	what := "object"
	if kind == '[' {
		what = "array"
	}
	if len(p.path) == 0 {
		return "its " + what + " is not closed"
	}
	return fmt.Sprintf("the %s at %s is not closed", what, quote(pointer(p.path)))
}

// trailing reports what stands behind the document.
func (p *parser) trailing() {
	end := int(p.dec.InputOffset())
	rest := bytes.TrimLeft(p.src[end:], spaces)
	if len(rest) > 0 {
		p.report("json.trailing-data", len(p.src)-len(rest), "the payload goes on after the end of its document")
	}
}

// invalidUTF8 gives the index of the first byte of b that is not UTF-8, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
}

// loneSurrogate returns the index in raw, a JSON string that is well-formed as
// far as it goes, of the first escape that is half of a surrogate pair, or -1.
func loneSurrogate(raw []byte) int {
	for i := 0; ; {
		next := bytes.IndexByte(raw[i:], '\\')
		if next < 0 {
			return -1
		}
		i += next
		if raw[i+1] != 'u' {
			i += 2
			continue
		}
		switch escape := raw[i:]; {
		case isSurrogate(escape, 0xD800) && isSurrogate(escape[6:], 0xDC00):
			i += 12
		case isSurrogate(escape, 0xD800) || isSurrogate(escape, 0xDC00):
			return i
		default:
			i += 6
		}
	}
}

// isSurrogate tells whether b starts with the escape of a surrogate from base
// (0xD800 high, 0xDC00 low) to base+0x3FF.
func isSurrogate(b []byte, base uint64) bool {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return err == nil && unit-base < 0x400
}

// maxNumber bounds a number's digits, and its exponent either way.
const maxNumber = 1000

// boundedNumber returns a number that every assertion about size, sign or
// integrality judges as it would raw, and that is cheap to compute with. One that
// has no more than maxNumber significant digits, and is that close to 1, stays
// what it is; another becomes one of its kind, and ends in approximate.
// (math/big refuses 1e1000001, and 1e1000000 has a million digits.)
func boundedNumber(raw string) json.Number {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(raw), "e")
	power := int64(0)
	if exponent != "" {
		// Out of its range ParseInt returns the nearest number within. No payload
		// has as many digits as the bound.
		power, _ = strconv.ParseInt(exponent, 10, 64)
		power = max(-1<<40, min(power, 1<<40))
	}
	if len(mantissa) <= maxNumber && -maxNumber <= power && power <= maxNumber {
		return json.Number(raw)
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
		return json.Number(sign + significant + "e" + strconv.FormatInt(smallest, 10))
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
	return json.Number(sign + kind + approximate)
}

// approximate is the end of a number that stands for another one.
const approximate = "E+000"
