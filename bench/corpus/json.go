package corpus

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/go-json-experiment/json/jsontext"
)

// A value is nil, a string, an int, a literal, a bool, an object or an array.
type value any

type array []value

// A literal is a number as it is written.
type literal string

// An object keeps its members in the order in which they are written.
type object []member

type member struct {
	name  string
	value value
}

// sorted returns o with the members of it and of all objects below it in the
// order of their names.
func (o object) sorted() object {
	out := make(object, len(o))
	for i, m := range o {
		out[i] = member{m.name, sortMembers(m.value)}
	}
	slices.SortFunc(out, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return out
}

func sortMembers(v value) value {
	switch v := v.(type) {
	case object:
		return v.sorted()
	case array:
		out := make(array, len(v))
		for i, e := range v {
			out[i] = sortMembers(e)
		}
		return out
	}
	return v
}

// A style is how a language's library writes JSON.
type style struct {
	comma, colon string
	indent       string // for each level; "" writes no line breaks
	ascii        bool   // write what isn't ASCII as \u escapes
}

var (
	compact = style{comma: ",", colon: ":"}                // JSON.stringify(v)
	pretty  = style{comma: ",", colon: ": ", indent: "  "} // JSON.stringify(v, null, 2)
	python  = style{comma: ", ", colon: ": ", ascii: true} // json.dumps(v)
)

// write returns v as JSON text.
func (s style) write(v value) []byte { return s.append(nil, v, 0) }

func (s style) append(dst []byte, v value, level int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case literal:
		return append(dst, v...)
	case string:
		return s.appendString(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case bool:
		return strconv.AppendBool(dst, v)
	case object:
		if len(v) == 0 {
			return append(dst, "{}"...)
		}
		dst = append(dst, '{')
		for i, m := range v {
			dst = s.appendSeparator(dst, i, level+1)
			dst = s.appendString(dst, m.name)
			dst = append(dst, s.colon...)
			dst = s.append(dst, m.value, level+1)
		}
		return append(s.appendBreak(dst, level), '}')
	case array:
		if len(v) == 0 {
			return append(dst, "[]"...)
		}
		dst = append(dst, '[')
		for i, e := range v {
			dst = s.appendSeparator(dst, i, level+1)
			dst = s.append(dst, e, level+1)
		}
		return append(s.appendBreak(dst, level), ']')
	}
	panic("corpus: a value of no JSON type")
}

// appendSeparator appends what stands before the i-th member or element.
func (s style) appendSeparator(dst []byte, i, level int) []byte {
	if i > 0 {
		dst = append(dst, s.comma...)
	}
	return s.appendBreak(dst, level)
}

func (s style) appendBreak(dst []byte, level int) []byte {
	if s.indent == "" {
		return dst
	}
	dst = append(dst, '\n')
	for range level {
		dst = append(dst, s.indent...)
	}
	return dst
}

// appendString escapes what JSON.stringify and json.dumps escape.
func (s style) appendString(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r > '~' && s.ascii:
			if r > 0xFFFF {
				high, low := utf16.EncodeRune(r)
				dst = appendEscape(appendEscape(dst, high), low)
			} else {
				dst = appendEscape(dst, r)
			}
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}

// read returns the value of one JSON text.
func read(text []byte) (value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, errors.New("there is more than one JSON text")
	}
	return v, nil
}

func readValue(d *jsontext.Decoder) (value, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return token.String(), nil
	case '0':
		return literal(token.String()), nil
	case '[':
		out := array{}
		for d.PeekKind() != ']' {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err := d.ReadToken()
		return out, err
	}
	out := object{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		// A token is only good until the next one is read.
		m := member{name: name.String()}
		if m.value, err = readValue(d); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	_, err = d.ReadToken()
	return out, err
}

func appendEscape(dst []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[unit>>12&15], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
