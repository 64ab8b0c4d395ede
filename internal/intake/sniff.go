package intake

import (
	"bytes"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// sniffSize is how much of a source is looked at to tell its form. A first line
// that is longer makes it JSON.
const sniffSize = 1 << 20

// bom is the byte order mark of UTF-8.
const bom = "\ufeff"

// lenient are the options for looking into JSON whose faults are for others to
// report.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// sniff tells the form of what w starts with, and reads no further than it must:
// standard input may still be open when the first payloads are there. It is
//
//   - HAR if it is an object with a member "log", itself an object with one of
//     the members "version", "creator", "entries";
//   - NDJSON if its first line that is not blank is one object or array, and
//     another line that is not blank follows;
//   - JSON otherwise.
func sniff(w *window) Form {
	start := 0
	if w.holds(len(bom)) && bytes.HasPrefix(w.buf, []byte(bom)) {
		start = len(bom)
	}
	dec := jsontext.NewDecoder(&cursor{w, start}, lenient...)
	isHAR := false
	var err error
	switch dec.PeekKind() {
	case '[':
		err = dec.SkipValue()
	case '{':
		_, err = object(dec, func(name string) error {
			if name != "log" {
				return dec.SkipValue()
			}
			_, err := object(dec, func(name string) error {
				switch name {
				case "version", "creator", "entries":
					isHAR = true
					return errStop
				}
				return dec.SkipValue()
			})
			return err
		})
	default:
		return JSON
	}
	switch {
	case isHAR:
		return HAR
	case err != nil:
		return JSON
	}
	end := start + int(dec.InputOffset())
	if bytes.Contains(bytes.TrimLeft(w.buf[start:end], " \t\r\n"), []byte("\n")) {
		return JSON
	}
	for newLine := false; w.holds(end + 1); end++ {
		switch w.buf[end] {
		case ' ', '\t', '\r':
		case '\n':
			newLine = true
		default:
			if newLine {
				return NDJSON
			}
			return JSON
		}
	}
	return JSON
}

// object reads an object, and calls member for each name to read the value. It
// reports false, and skips the value, if that is not an object.
func object(dec *jsontext.Decoder, member func(name string) error) (bool, error) {
	if dec.PeekKind() != '{' {
		return false, dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return false, err
	}
	for dec.PeekKind() != '}' { // nor is it where there is a fault: ReadToken tells
		name, err := dec.ReadToken()
		if err != nil {
			return true, err
		}
		if err := member(name.String()); err != nil {
			return true, err
		}
	}
	_, err := dec.ReadToken()
	return true, err
}

// A window shows the start of r before it is read, up to sniffSize bytes of it.
type window struct {
	r   io.Reader
	buf []byte // what has been read ahead
	err error  // what reading ahead ended with
}

// holds reports whether the window shows n bytes, reading what is missing.
func (w *window) holds(n int) bool {
	for len(w.buf) < n {
		if w.err != nil || len(w.buf) == sniffSize {
			return false
		}
		w.buf = slices.Grow(w.buf, 4<<10)
		n, err := w.r.Read(w.buf[len(w.buf):min(cap(w.buf), sniffSize)])
		w.buf, w.err = w.buf[:len(w.buf)+n], err
	}
	return true
}

// Read reads on from the start of r.
func (w *window) Read(p []byte) (int, error) {
	if len(w.buf) > 0 {
		n := copy(p, w.buf)
		w.buf = w.buf[n:]
		return n, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	return w.r.Read(p)
}

// A cursor reads a window without using it up.
type cursor struct {
	w   *window
	pos int
}

func (c *cursor) Read(p []byte) (int, error) {
	if !c.w.holds(c.pos + 1) {
		return 0, io.EOF
	}
	n := copy(p, c.w.buf[c.pos:])
	c.pos += n
	return n, nil
}
