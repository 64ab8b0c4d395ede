package diagnose

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/pkg/signature"
)

// A body is what may have been signed instead of the body.
type body struct {
	data  []byte
	wrong string // what was done; "" for the body itself
	next  string
}

// large is the size from which on only what is most usual is tried, for the memory
// that all of it would take.
const large = 1 << 20

const (
	asSent = "sign the bytes that are sent, and verify those that arrive, before anything reads, decodes or rewrites them"
	asSeen = "save the body as it arrives, byte for byte; runhooks listen --record FILE.har does"
)

// bodies returns the body, and what it may have been before or after something usual
// was done to it, each once.
func bodies(data []byte) []body {
	all := []body{{data: data}}
	seen := map[string]bool{string(data): true}
	add := func(changed []byte, wrong, next string) {
		if changed == nil || seen[string(changed)] {
			return
		}
		seen[string(changed)] = true
		all = append(all, body{changed, wrong, next})
	}

	trimmed := bytes.TrimRight(data, "\r\n")
	add(trimmed, "the signature is over the body without the end of line after it", "an editor, echo or a here-document adds one: "+asSeen)
	add(append(slices.Clone(data), '\n'), "the signature is over the body with a line feed after it", asSent+"; or "+asSeen)
	add(append(slices.Clone(trimmed), '\r', '\n'), "the signature is over the body with CR LF after it", asSent)
	add(bytes.TrimSpace(data), "the signature is over the body without the white space around it", asSent)
	unix := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	add(unix, "the signature is over the body with line feeds for CR LF", "something rewrites ends of lines: "+asSent)
	add(bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")), "the signature is over the body with CR LF for line feeds", "something rewrites ends of lines: "+asSent)
	add(bytes.ReplaceAll(unix, []byte("\n"), nil), "the signature is over the body without its line feeds", "curl --data removes them: send with --data-binary")

	if len(data) <= large {
		charsets(data, add)
		wrappings(data, add)
		reserialised(data, styles, add)
	} else {
		reserialised(data, styles[:2], add)
	}
	if len(data) > 0 {
		all = append(all, body{[]byte{}, "the signature is over an empty body", "something has read the body before it was signed or verified: keep its bytes"})
	}
	return all
}

func charsets(data []byte, add func(changed []byte, wrong, next string)) {
	const bom = "\xef\xbb\xbf"
	const next = "read and write the body as bytes, not as text"
	if rest, ok := bytes.CutPrefix(data, []byte(bom)); ok {
		add(rest, "the signature is over the body without its byte order mark", next)
	} else {
		add(append([]byte(bom), data...), "the signature is over the body with a byte order mark before it", next)
	}
	for name, order := range map[string]binary.ByteOrder{"UTF-16LE": binary.LittleEndian, "UTF-16BE": binary.BigEndian} {
		if len(data)%2 == 0 && (bytes.Contains(data, []byte{0, '"'}) || bytes.Contains(data, []byte{'"', 0})) {
			var units []uint16
			for i := 0; i < len(data); i += 2 {
				units = append(units, order.Uint16(data[i:]))
			}
			add([]byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")), "the body here is "+name+", and the signature is of it in UTF-8", next)
		}
	}
	if !utf8.Valid(data) {
		add([]byte(strings.ToValidUTF8(string(data), "\uFFFD")), "the signature is over the body with U+FFFD for bytes that are not UTF-8", next)
		var each []byte
		for _, b := range data {
			each = utf8.AppendRune(each, rune(b))
		}
		add(each, "the body here is Latin-1, and the signature is of it in UTF-8", next)
		add(fromWindows(data), "the body here is Windows-1252, and the signature is of it in UTF-8", next)
		return
	}
	if ascii(data) {
		return
	}
	var each []byte // each byte as if it were a character
	for _, b := range data {
		each = utf8.AppendRune(each, rune(b))
	}
	add(each, "the signature is over the body with its UTF-8 taken for Latin-1 and encoded again", next)
	add(fromWindows(data), "the signature is over the body with its UTF-8 taken for Windows-1252 and encoded again", next)
	var latin, question, units []byte
	fits := true
	for _, r := range string(data) {
		if r > 0xff {
			fits = false
		} else {
			latin = append(latin, byte(r))
		}
		if r > 0x7f {
			question = append(question, '?')
		} else {
			question = append(question, byte(r))
		}
		units = append(units, byte(r))
	}
	if fits {
		// Either the signature is of Latin-1, or the body here was Latin-1 or UTF-8 twice.
		if utf8.Valid(latin) {
			add(latin, "the body here is UTF-8 that was taken for Latin-1 and encoded again", next)
		}
		add(latin, "the signature is over the body in Latin-1", "encode the body as UTF-8 before signing: Content-Type's charset changes nothing")
	}
	add(question, "the signature is over the body with question marks for what is not ASCII", next)
	add(units, "the signature is over the body with one byte for each character, which loses those beyond Latin-1", next)
}

// fromWindows decodes Windows-1252.
func fromWindows(data []byte) []byte {
	const high = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	table := []rune(high)
	var out []byte
	for _, b := range data {
		if b >= 0x80 && b < 0xa0 {
			out = utf8.AppendRune(out, table[b-0x80])
			continue
		}
		out = utf8.AppendRune(out, rune(b))
	}
	return out
}

func ascii(data []byte) bool {
	return !slices.ContainsFunc(data, func(b byte) bool { return b >= 0x80 })
}

// wrappings undoes what the body may have been wrapped in when it was saved.
func wrappings(data []byte, add func(changed []byte, wrong, next string)) {
	var text string
	if json.Unmarshal(data, &text) == nil {
		add([]byte(text), "the body here is the JSON text of the one that was signed", asSeen)
	}
	if quoted, err := json.Marshal(string(data)); err == nil {
		add(quoted, "the signature is over the body as JSON text: it was encoded twice", asSent)
	}
	if decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(data))); err == nil && len(decoded) > 0 {
		add(decoded, "the body here is the base64 of the one that was signed", "decode it first, as for isBase64Encoded of a cloud function")
	}
	add([]byte(base64.StdEncoding.EncodeToString(data)), "the signature is over the base64 of the body", asSent)
	if unescaped, err := url.QueryUnescape(string(data)); err == nil {
		add([]byte(unescaped), "the body here is percent-encoded, and the signature is over what it decodes to", asSeen)
		if _, value, ok := strings.Cut(unescaped, "="); ok {
			add([]byte(value), "the body here is a form, and the signature is over its value", "send JSON, as application/json")
		}
	}
	if plain, ok := unzip(data); ok {
		add(plain, "the body here is gzip, and the signature is over what it decompresses to", "undo the content encoding before verifying")
	}
}

// unzip undoes gzip, up to the size that an event may have.
func unzip(data []byte) ([]byte, bool) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, false
	}
	plain, err := io.ReadAll(io.LimitReader(z, signature.DefaultMaxBytes))
	return plain, err == nil
}

// A style is how a library writes JSON.
type style struct {
	name          string
	item, colon   string // separators
	indent        string
	sorted        func(a, b string) int // nil keeps the order
	escape        func(r rune, b []byte) []byte
	asIs, numbers bool // strings as they stand; numbers as doubles
}

var styles = []style{
	{name: "without white space, as it stands otherwise", item: ",", colon: ":", asIs: true},
	{name: "as JavaScript's JSON.stringify writes it", item: ",", colon: ":", escape: plainly, numbers: true},
	{name: "as JSON.stringify with an indent of 2 writes it", item: ",", colon: ": ", indent: "  ", escape: plainly, numbers: true},
	{name: "as JSON.stringify with an indent of 4 writes it", item: ",", colon: ": ", indent: "    ", escape: plainly, numbers: true},
	{name: "with an indent of tabs", item: ",", colon: ": ", indent: "\t", escape: plainly},
	{name: "without white space and with plain text", item: ",", colon: ":", escape: plainly},
	{name: "as Python's json.dumps writes it", item: ", ", colon: ": ", escape: asASCII},
	{name: "as Python's json.dumps with ensure_ascii=False writes it", item: ", ", colon: ": ", escape: plainly},
	{name: "as Python's json.dumps with separators=(',', ':') writes it", item: ",", colon: ":", escape: asASCII},
	{name: "as Python's json.dumps with sort_keys=True writes it", item: ", ", colon: ": ", escape: asASCII, sorted: strings.Compare},
	{name: "as Python's json.dumps with indent=2 writes it", item: ",", colon: ": ", indent: "  ", escape: asASCII},
	{name: "as Python's json.dumps with indent=4 writes it", item: ",", colon: ": ", indent: "    ", escape: asASCII},
	{name: "as PHP's json_encode writes it", item: ",", colon: ":", escape: asPHP},
	{name: "as PHP's json_encode with JSON_UNESCAPED_SLASHES writes it", item: ",", colon: ":", escape: asASCII},
	{name: "as PHP's json_encode with JSON_UNESCAPED_UNICODE writes it", item: ",", colon: ":", escape: asPHPText},
	{name: "as PHP's json_encode with JSON_PRETTY_PRINT writes it", item: ",", colon: ": ", indent: "    ", escape: asPHP},
	{name: "as Go's json.Marshal of a struct writes it", item: ",", colon: ":", escape: asGo},
	{name: "as Go's json.Marshal of a map writes it, its names sorted", item: ",", colon: ":", escape: asGo, sorted: strings.Compare, numbers: true},
	{name: "with its names sorted", item: ",", colon: ":", escape: plainly, sorted: strings.Compare},
	{name: "with its names sorted, and a space after each comma and colon", item: ", ", colon: ": ", escape: plainly, sorted: strings.Compare},
	{name: "as PostgreSQL's jsonb returns it", item: ", ", colon: ": ", escape: plainly, sorted: func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}},
	{name: "as Gson writes it", item: ",", colon: ":", escape: asGson},
}

// reserialised adds the body parsed and written again by each style.
func reserialised(data []byte, styles []style, add func(changed []byte, wrong, next string)) {
	dec := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := parse(dec)
	if err != nil {
		return
	}
	for _, s := range styles {
		again := s.write(nil, v, 0)
		add(again, "the signature is over the JSON "+s.name, "the JSON was parsed and written again between signing and here: "+asSent)
		add(append(again[:len(again):len(again)], '\n'), "the signature is over the JSON "+s.name+", with a line feed after it", "the JSON was parsed and written again between signing and here: "+asSent)
	}
}

// A value is one of JSON, with the order of its members.
type value struct {
	kind    jsontext.Kind
	raw     string // of numbers, literals, and strings with their quotes
	text    string // of strings
	names   []value
	members []value
}

func parse(dec *jsontext.Decoder) (value, error) {
	if dec.StackDepth() > 1000 {
		return value{}, fmt.Errorf("too deep")
	}
	kind := dec.PeekKind()
	if kind != '{' && kind != '[' {
		raw, err := dec.ReadValue()
		if err != nil {
			return value{}, err
		}
		v := value{kind: kind, raw: string(raw)}
		if kind == '"' {
			unquoted, err := jsontext.AppendUnquote(nil, raw)
			v.text = string(unquoted)
			return v, err
		}
		return v, nil
	}
	v := value{kind: kind}
	if _, err := dec.ReadToken(); err != nil {
		return v, err
	}
	for dec.PeekKind() != '}' && dec.PeekKind() != ']' {
		if kind == '{' {
			name, err := parse(dec)
			if err != nil {
				return v, err
			}
			v.names = append(v.names, name)
		}
		member, err := parse(dec)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, member)
	}
	_, err := dec.ReadToken()
	return v, err
}

func (s style) write(b []byte, v value, depth int) []byte {
	switch v.kind {
	case '"':
		return s.writeString(b, v)
	case '{', '[':
	case '0':
		return append(b, s.number(v.raw)...)
	default:
		return append(b, v.raw...)
	}
	order := make([]int, len(v.members))
	for i := range order {
		order[i] = i
	}
	if s.sorted != nil && v.kind == '{' {
		slices.SortStableFunc(order, func(i, j int) int { return s.sorted(v.names[i].text, v.names[j].text) })
	}
	b = append(b, byte(v.kind))
	line := func(depth int) {
		if s.indent != "" && len(order) > 0 {
			b = append(append(b, '\n'), strings.Repeat(s.indent, depth)...)
		}
	}
	for n, i := range order {
		if n > 0 {
			b = append(b, s.item...)
		}
		line(depth + 1)
		if v.kind == '{' {
			b = append(s.writeString(b, v.names[i]), s.colon...)
		}
		b = s.write(b, v.members[i], depth+1)
	}
	line(depth)
	return append(b, byte(v.kind)+2) // ] and } are two behind [ and {
}

func (s style) writeString(b []byte, v value) []byte {
	if s.asIs {
		return append(b, v.raw...)
	}
	b = append(b, '"')
	for _, r := range v.text {
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			if r < ' ' {
				b = fmt.Appendf(b, `\u%04x`, r)
				continue
			}
			b = s.escape(r, b)
		}
	}
	return append(b, '"')
}

// number writes a number as a double, where the style has only those.
func (s style) number(raw string) string {
	f, err := strconv.ParseFloat(raw, 64)
	if !s.numbers || err != nil || strings.Trim(raw, "0123456789") == "" && len(raw) < 16 {
		return raw
	}
	if abs := max(f, -f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strings.Replace(strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1), "e+0", "e+", 1)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func plainly(r rune, b []byte) []byte { return utf8.AppendRune(b, r) }

func asASCII(r rune, b []byte) []byte {
	switch {
	case r < 0x7f || r == 0x7f:
		return append(b, byte(r))
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

func asPHP(r rune, b []byte) []byte {
	if r == '/' {
		return append(b, '\\', '/')
	}
	return asASCII(r, b)
}

func asPHPText(r rune, b []byte) []byte {
	if r == '/' {
		return append(b, '\\', '/')
	}
	return separators(r, b)
}

// separators escapes the two that JavaScript once took for ends of lines.
func separators(r rune, b []byte) []byte {
	if r == '\u2028' || r == '\u2029' {
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return utf8.AppendRune(b, r)
}

func asGo(r rune, b []byte) []byte {
	if r == '<' || r == '>' || r == '&' {
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return separators(r, b)
}

func asGson(r rune, b []byte) []byte {
	if r == '=' || r == '\'' {
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return asGo(r, b)
}
