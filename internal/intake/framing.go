package intake

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A LinesError says that a source which should have one payload a line has one that goes
// over several: it is pretty-printed.
type LinesError struct {
	// First is the line on which it starts, and Last that on which it ends, or 0 if that
	// wasn't looked for.
	First, Last int
	// More reports whether something follows it, or may.
	More bool
}

// Error says on which lines.
func (e *LinesError) Error() string {
	if e.Last == 0 {
		return fmt.Sprintf("not one payload per line: what starts on line %d goes on over the next ones", e.First)
	}
	return fmt.Sprintf("not one payload per line: the first takes up lines %d to %d", e.First, e.Last)
}

// spread says so if the first payload of w, which should be a line, is spread over several.
// A line that is broken is for others to report.
func spread(w *window) error {
	dec := jsontext.NewDecoder(&cursor{w, 0}, lenient...)
	if kind := dec.PeekKind(); kind != '{' && kind != '[' {
		return nil
	}
	err := dec.SkipValue()
	end := int(dec.InputOffset())
	cut := errors.Is(err, io.ErrUnexpectedEOF) && len(w.buf) == sniffSize // as far as it goes, it is one
	if err != nil && !cut {
		return nil
	}
	if cut {
		end = len(w.buf)
	}
	start := len(w.buf) - len(bytes.TrimLeft(w.buf, " \t\r\n"))
	ends := []byte("\n")
	if !bytes.Contains(w.buf[start:end], ends) && !endsLine(w, end) {
		ends = []byte("\r")
	}
	breaks := bytes.Count(w.buf[start:end], ends)
	first := 1 + bytes.Count(w.buf[:start], ends)
	switch {
	case breaks == 0:
		return nil
	case cut:
		return &LinesError{First: first, More: true}
	}
	more := false
	for i := end; !more && w.holds(i+1); i++ {
		more = !isBlank(w.buf[i : i+1])
	}
	return &LinesError{First: first, Last: first + breaks, More: more}
}

// endsLine reports whether nothing but white space stands between offset i of w and a \n.
func endsLine(w *window, i int) bool {
	for w.holds(i+1) && w.buf[i] != '\n' && isBlank(w.buf[i:i+1]) {
		i++
	}
	return w.holds(i+1) && w.buf[i] == '\n'
}

// lineEnd returns what ends the lines of w: \n or, as if it came from an old Macintosh, \r.
// A \r within a line is white space of JSON, so it ends the first line only if that is
// complete.
func lineEnd(w *window) byte {
	blank := true
	for i := 0; w.holds(i + 1); i++ {
		switch c := w.buf[i]; {
		case c == '\n':
			return '\n'
		case c != '\r':
			blank = blank && isBlank(w.buf[i:i+1])
		case !blank && w.holds(i+2) && w.buf[i+1] != '\n':
			dec := jsontext.NewDecoder(bytes.NewReader(w.buf[:i]), lenient...)
			if dec.SkipValue() == nil && isBlank(w.buf[dec.InputOffset():i]) {
				return '\r'
			}
			return '\n'
		}
	}
	return '\n'
}

// A wide encoding has code units of 2 or 4 bytes.
type wide struct {
	name  string
	order binary.ByteOrder
	unit  int // in bytes
}

// wideOf tells in which wide encoding w is, by its byte order mark, or by the zero bytes
// around the first character, which in JSON is one of ASCII.
func wideOf(w *window) (wide, bool) {
	if !w.holds(2) {
		return wide{}, false
	}
	b := w.buf
	if b[0] != 0 && b[1] != 0 && !bytes.HasPrefix(b, []byte("\xff\xfe")) && !bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return wide{}, false
	}
	w.holds(4)
	b = append(append(make([]byte, 0, 4), w.buf[:min(4, len(w.buf))]...), 1, 1)[:4]
	little, big := wide{"UTF-16", binary.LittleEndian, 2}, wide{"UTF-16", binary.BigEndian, 2}
	switch zero := [4]bool{b[0] == 0, b[1] == 0, b[2] == 0, b[3] == 0}; {
	case bytes.Equal(b, []byte("\x00\x00\xfe\xff")), zero == [4]bool{true, true, true, false}:
		return wide{"UTF-32", binary.BigEndian, 4}, true
	case bytes.Equal(b, []byte("\xff\xfe\x00\x00")), zero == [4]bool{false, true, true, true}:
		return wide{"UTF-32", binary.LittleEndian, 4}, true
	case bytes.HasPrefix(b, []byte("\xff\xfe")), !zero[0] && zero[1]:
		return little, true
	case bytes.HasPrefix(b, []byte("\xfe\xff")), zero[0] && !zero[1]:
		return big, true
	}
	return wide{}, false
}

// A narrower reads a wide encoding as UTF-8, without its byte order mark. Half a surrogate
// pair becomes the three bytes that it would have in UTF-8 if that allowed it, so that the
// payload is judged for it.
type narrower struct {
	wide
	r       io.Reader
	raw     [4 << 10]byte
	held    int    // bytes of raw that are not decoded yet
	text    []byte // that is not read yet
	buf     []byte // room for text
	started bool
	err     error
}

func (n *narrower) Read(p []byte) (int, error) {
	for len(n.text) == 0 {
		if n.err != nil {
			return 0, n.err
		}
		read, err := n.r.Read(n.raw[n.held:])
		n.held += read
		n.decode(err != nil)
		if n.err = err; err == io.EOF && n.held > 0 {
			n.err = &wideError{n.name}
		}
	}
	c := copy(p, n.text)
	n.text = n.text[c:]
	return c, nil
}

// decode makes text of what is held, but for a part of a character if more may follow.
func (n *narrower) decode(last bool) {
	raw := n.raw[:n.held]
	n.buf = n.buf[:0]
	for len(raw) >= n.unit {
		r, size := rune(0), n.unit
		if n.unit == 4 {
			r = rune(min(n.order.Uint32(raw), utf8.MaxRune+1))
		} else if r = rune(n.order.Uint16(raw)); utf16.IsSurrogate(r) && r < 0xdc00 {
			if len(raw) < 4 && !last {
				break
			}
			if len(raw) >= 4 {
				if pair := utf16.DecodeRune(r, rune(n.order.Uint16(raw[2:]))); pair != utf8.RuneError {
					r, size = pair, 4
				}
			}
		}
		raw = raw[size:]
		switch {
		case !n.started && r == 0xfeff:
		case utf16.IsSurrogate(r):
			n.buf = append(n.buf, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
		case r > utf8.MaxRune:
			n.buf = append(n.buf, 0xff)
		default:
			n.buf = utf8.AppendRune(n.buf, r)
		}
		n.started = true
	}
	n.text = n.buf
	n.held = copy(n.raw[:], raw)
}

// A wideError says that a source in a wide encoding ends within a character.
type wideError struct{ name string }

func (e *wideError) Error() string { return "broken " + e.name + ": it ends within a character" }

// foreign names what w holds if that is known to be neither JSON nor compressed in a way
// that is read, or is "".
func foreign(w *window) string {
	if !w.holds(1) || bytes.IndexByte([]byte(" \t\r\n{[\""), w.buf[0]) >= 0 {
		return ""
	}
	for _, f := range []struct{ start, name string }{
		{"\x1f\x8b", "data that is compressed twice"},
		{"\x28\xb5\x2f\xfd", "data that is compressed twice"},
		{"PK\x03\x04", "a zip archive"},
		{"BZh", "bzip2 data"},
		{"\xfd7zXZ\x00", "xz data"},
		{"\x04\x22\x4d\x18", "lz4 data"},
		{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
		{"SQLite format 3\x00", "a database of SQLite"},
		{"PAR1", "Parquet data"},
		{"Obj\x01", "Avro data"},
	} {
		if w.holds(len(f.start)) && bytes.HasPrefix(w.buf, []byte(f.start)) {
			return f.name
		}
	}
	const magic = 257 // where a tar archive says what it is
	if w.holds(magic+5) && string(w.buf[magic:magic+5]) == "ustar" {
		return "a tar archive"
	}
	return ""
}

// A foreignError says that a source is of a kind that is not read.
type foreignError struct{ name string }

func (e *foreignError) Error() string { return "it is " + e.name }

// A gunzip reads gzip data of any number of members. Zero bytes may follow each, as they
// do where data was written in blocks, such as to a tape.
type gunzip struct {
	buf *bufio.Reader
	*gzip.Reader
}

func newGunzip(buf *bufio.Reader) (*gunzip, error) {
	z, err := gzip.NewReader(buf)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gunzip{buf, z}, nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	for {
		n, err := g.Reader.Read(p)
		if err != io.EOF || n > 0 {
			return n, noEOF(err, n)
		}
		for {
			c, err := g.buf.ReadByte()
			if err != nil {
				return 0, err
			}
			if c != 0 {
				break
			}
		}
		if err := g.buf.UnreadByte(); err != nil {
			return 0, err
		}
		if err := g.Reader.Reset(g.buf); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		g.Reader.Multistream(false)
	}
}

// noEOF passes on an error that came with n bytes, but for the end of a member.
func noEOF(err error, n int) error {
	if n > 0 && err == io.EOF {
		return nil
	}
	return err
}
