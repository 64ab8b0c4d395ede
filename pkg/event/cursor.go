package event

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A cursor reads a text that is known to be one strict JSON document, from its
// start on. It may be set back to where it was.
type cursor struct {
	text string
	at   int
}

// peek returns the first byte of what comes next, and moves there.
func (c *cursor) peek() byte {
	for c.text[c.at] <= ' ' {
		c.at++
	}
	return c.text[c.at]
}

// open enters the array or object that comes next.
func (c *cursor) open() {
	c.peek()
	c.at++
}

// more reports whether the array or object has another element, and moves there;
// or leaves it.
func (c *cursor) more() bool {
	switch c.peek() {
	case ']', '}':
		c.at++
		return false
	case ',':
		c.at++
	}
	return true
}

// name reads the name of a member, and moves to its value.
func (c *cursor) name() string {
	name := c.string()
	c.peek()
	c.at++ // the colon
	c.peek()
	return name
}

// string reads the string that comes next.
func (c *cursor) string() string {
	c.peek()
	start := c.at
	plain := c.skipString()
	if plain {
		return c.text[start+1 : c.at-1]
	}
	unquoted, _ := jsontext.AppendUnquote(nil, c.text[start:c.at]) // strict, so without error
	return string(unquoted)
}

// skipString passes a string, and reports whether it is free of escapes.
func (c *cursor) skipString() (plain bool) {
	c.at++
	end := strings.IndexByte(c.text[c.at:], '"')
	if strings.IndexByte(c.text[c.at:c.at+end], '\\') < 0 {
		c.at += end + 1
		return true
	}
	for {
		i := strings.IndexAny(c.text[c.at:], `"\`)
		c.at += i + 1
		if c.text[c.at-1] == '"' {
			return false
		}
		c.at++ // what is escaped
	}
}

// nothing reports whether an empty text, array or object comes next.
func (c *cursor) nothing() bool {
	var last byte
	switch c.peek() {
	case '"':
		return c.text[c.at+1] == '"'
	case '[':
		last = ']'
	case '{':
		last = '}'
	default:
		return false
	}
	return strings.TrimLeft(c.text[c.at+1:], " \t\r\n")[0] == last
}

// raw passes the value that comes next, and gives where it is.
func (c *cursor) raw() (start, end int) {
	first := c.peek()
	start = c.at
	switch first {
	case '"':
		c.skipString()
	case '{', '[':
		depth := 0
		for {
			switch c.text[c.at] {
			case '"':
				c.skipString()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			c.at++
			if depth == 0 {
				break
			}
		}
	default: // a number, or one of the three names
		for c.at < len(c.text) && !strings.ContainsRune(",]} \t\r\n", rune(c.text[c.at])) {
			c.at++
		}
	}
	return start, c.at
}

// number reads the number that comes next as it is written, if there is one.
func (c *cursor) number() (written string, ok bool) {
	if b := c.peek(); b != '-' && (b < '0' || b > '9') {
		return "", false
	}
	start, end := c.raw()
	return c.text[start:end], true
}

// integer returns a JSON number as the int64 that it is, if it is one: so are 5.0
// and 1e2.
func integer(number string) (n int64, ok bool) {
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		return n, true
	}
	mantissa, exponent := number, 0
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		var err error
		mantissa = number[:i]
		if exponent, err = strconv.Atoi(number[i+1:]); err != nil {
			return 0, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimRight(whole+fraction, "0")
	exponent += len(whole) - len(digits) // of the last digit left
	switch {
	case digits == "" || digits == "-":
		return 0, true
	case exponent < 0 || exponent > len("9223372036854775807"):
		return 0, false
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", exponent), 10, 64)
	return n, err == nil
}
