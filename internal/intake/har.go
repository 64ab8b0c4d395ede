package intake

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// readHAR emits the bodies of the POST requests of an HTTP archive (HAR 1.2:
// log.entries[].request.postData.text). It holds no more of it than one body:
// everything else is clipped on its way to the decoder.
func readHAR(in io.Reader, limit int64, emit func(Payload) error) error {
	buf := bufio.NewReader(in)
	clip := &clipper{r: buf, limit: skimLimit}
	// HAR 1.2 asks its readers to pass over a byte order mark.
	if start, _ := buf.Peek(len(bom)); string(start) == bom {
		buf.Discard(len(bom))
		clip.drop(int64(len(bom)))
	}
	h := &harReader{dec: jsontext.NewDecoder(clip, lenient...), clip: clip, limit: limit, emit: emit}
	err := h.archive()
	if clip.err != nil {
		return clip.err
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return &harError{clip.origin(syntax.ByteOffset), syntax.Err.Error()}
	}
	if err == nil {
		err = h.undecoded
	}
	return err
}

// A harError says why a source is no HTTP archive.
type harError struct {
	offset int64 // in bytes from the start of the source
	what   string
}

func (e *harError) Error() string {
	return fmt.Sprintf("not an HTTP archive: byte %d: %s", e.offset, e.what)
}

type harReader struct {
	dec   *jsontext.Decoder
	clip  *clipper
	limit int64
	emit  func(Payload) error

	complete  bool  // log.entries was there
	undecoded error // the first body that is not what its encoding says
}

func (h *harReader) archive() error {
	ok, err := object(h.dec, func(name string) error {
		if name != "log" {
			return h.dec.SkipValue()
		}
		ok, err := object(h.dec, func(name string) error {
			if name != "entries" {
				return h.dec.SkipValue()
			}
			return h.entries()
		})
		if err == nil && !ok {
			return h.expected("an object as value of log")
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case !ok:
		return h.expected("an object with a member log")
	case !h.complete:
		return h.expected("log with a member entries")
	}
	if _, err := h.dec.ReadToken(); err == nil {
		return h.expected("nothing behind the object")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// expected says what should stand where the decoder has got to.
func (h *harReader) expected(what string) error {
	return &harError{h.clip.origin(h.dec.InputOffset()), "expected " + what}
}

func (h *harReader) entries() error {
	if h.dec.PeekKind() != '[' {
		if err := h.dec.SkipValue(); err != nil {
			return err
		}
		return h.expected("an array as value of log.entries")
	}
	if _, err := h.dec.ReadToken(); err != nil {
		return err
	}
	h.complete = true
	for i := 0; h.dec.PeekKind() != ']'; i++ {
		if err := h.entry(i); err != nil {
			return err
		}
	}
	_, err := h.dec.ReadToken()
	return err
}

// entry emits the body of an entry, if it is a POST with one.
func (h *harReader) entry(i int) error {
	var (
		method, encoding string
		text             []byte
		line             int
	)
	_, err := object(h.dec, func(name string) error {
		if name != "request" {
			return h.dec.SkipValue()
		}
		_, err := object(h.dec, func(name string) (err error) {
			switch name {
			case "method":
				method, err = h.string()
			case "postData":
				_, err = object(h.dec, func(name string) (err error) {
					switch name {
					case "text":
						text, line, err = h.text()
					case "encoding":
						encoding, err = h.string()
					default:
						err = h.dec.SkipValue()
					}
					return err
				})
			default:
				err = h.dec.SkipValue()
			}
			return err
		})
		return err
	})
	if err != nil || len(text) == 0 || !strings.EqualFold(method, "POST") {
		return err
	}

	p := Payload{Line: line, At: fmt.Sprintf("/log/entries/%d/request/postData/text", i), Data: text}
	p.Size = int64(len(text))
	if strings.EqualFold(encoding, "base64") {
		if p.Size >= h.keepLimit() { // clipped, and so not to be decoded
			p.Size = h.limit + 1
		} else {
			p.Data, err = base64.RawStdEncoding.AppendDecode(nil, bytes.TrimRight(text, "=\r\n"))
			if err != nil {
				if h.undecoded == nil {
					h.undecoded = fmt.Errorf("%s is not base64, though its encoding says so: %w", p.At, err)
				}
				return nil
			}
			p.Size = int64(len(p.Data))
		}
	}
	if p.Size > h.limit {
		p.Data, p.TooLarge = nil, true
	}
	return h.emit(p)
}

// keepLimit is how long the text of a body may be: base64 makes four bytes of
// three, and breaks its lines.
func (h *harReader) keepLimit() int64 { return h.limit + h.limit/2 + skimLimit }

// string reads a value that matters only if it is a string, and a short one.
func (h *harReader) string() (string, error) {
	if h.dec.PeekKind() != '"' {
		return "", h.dec.SkipValue()
	}
	token, err := h.dec.ReadToken()
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// text reads the text of a body, and gives the line on which it starts.
func (h *harReader) text() ([]byte, int, error) {
	h.clip.limit = h.keepLimit()
	defer func() { h.clip.limit = skimLimit }()
	if h.dec.PeekKind() != '"' {
		return nil, 0, h.dec.SkipValue()
	}
	// What has been read ahead starts with the colon before the text.
	ahead := h.dec.UnreadBuffer()
	ahead = ahead[bytes.IndexByte(ahead, '"'):]
	line := 1 + h.clip.lines - bytes.Count(ahead, []byte("\n"))
	value, err := h.dec.ReadValue()
	if err != nil {
		return nil, 0, err
	}
	return unquote(value), line, nil
}

// unquote gives the text of a JSON string that is known to be well-formed. Unlike
// [jsontext.AppendUnquote] it keeps what is not Unicode, so that the bytes are
// judged for it: bytes that are not UTF-8 stay as they are, and half a surrogate
// pair becomes the three bytes that it would have in UTF-8 if that allowed it.
func unquote(s []byte) []byte {
	s = s[1 : len(s)-1]
	text := make([]byte, 0, len(s))
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(text, s...)
		}
		text = append(text, s[:i]...)
		escape := s[i+1]
		s = s[i+2:]
		switch escape {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			r := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if bytes.HasPrefix(s, []byte(`\u`)) {
					pair = utf16.DecodeRune(r, hex4(s[2:]))
				}
				if pair == utf8.RuneError {
					text = append(text, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
					continue
				}
				r = pair
				s = s[6:]
			}
			text = utf8.AppendRune(text, r)
		default:
			text = append(text, escape)
		}
	}
}

// hex4 gives the code unit that the first four bytes of s spell in hexadecimal.
func hex4(s []byte) rune {
	n, _ := strconv.ParseUint(string(s[:4]), 16, 16)
	return rune(n)
}

const (
	// skimLimit is how much of a string is kept where it does not matter, and
	// readAhead how much the decoder gets at a time. Since that is less, the
	// limit can be raised when a string that matters is next: nothing of its
	// start can have been clipped.
	skimLimit = 8 << 10
	readAhead = 4 << 10
	// maxGap is the most that may stand between the strings and the brackets,
	// commas and colons: numbers, literals and whitespace.
	maxGap = 1 << 20
)

// A clipper passes JSON on with its long strings cut short, because a decoder
// holds each string as a whole, and an archive is mostly response bodies. What
// is JSON stays so, and what is not does not become it but for faults in what is
// cut off.
type clipper struct {
	r     io.Reader
	limit int64 // of a string: bytes, with an escape counted as one
	lines int   // ends of lines passed so far
	err   error // what r ended with, other than io.EOF

	inString bool
	length   int64 // of the string so far
	escape   int   // how much of an escape is to come
	gap      int   // how much passed since the last string or structural character

	passed int64 // bytes passed on
	cuts   []cut
}

// A cut is where bytes of the source were left out.
type cut struct {
	at int64 // in bytes passed on
	n  int64
}

// drop notes that n bytes of the source are left out here.
func (c *clipper) drop(n int64) {
	if last := len(c.cuts) - 1; last >= 0 && c.cuts[last].at == c.passed {
		c.cuts[last].n += n
		return
	}
	c.cuts = append(c.cuts, cut{c.passed, n})
}

// origin gives the offset in the source of what was passed on at offset.
func (c *clipper) origin(offset int64) int64 {
	n := offset
	for _, cut := range c.cuts {
		if cut.at > offset {
			break
		}
		n += cut.n
	}
	return n
}

func (c *clipper) Read(p []byte) (int, error) {
	for c.err == nil {
		n, err := c.r.Read(p[:min(len(p), readAhead)])
		if err != nil && err != io.EOF {
			c.err = err
		}
		if n = c.pass(p[:n]); n > 0 || err != nil || c.err != nil {
			return n, err
		}
	}
	return 0, c.err
}

// pass clips p in place and gives the length of what is left.
func (c *clipper) pass(p []byte) int {
	kept := 0
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
		switch {
		case c.escape > 0:
			c.escape--
			// The first byte of an escape; hexadecimal digits are never a u.
			if b == 'u' {
				c.escape = 4
			}
		case c.inString && b == '"':
			c.inString, c.length = false, 0
		case c.inString:
			c.length++
			if b == '\\' {
				c.escape = 1
			}
		default:
			switch b {
			case '"':
				c.inString, c.gap = true, 0
			case '{', '}', '[', ']', ',', ':':
				c.gap = 0
			default:
				c.gap++
			}
			if c.gap > maxGap {
				c.err = &harError{c.origin(c.passed), "a number or a stretch of whitespace of more than 1 MiB"}
				return kept
			}
		}
		if c.length > c.limit {
			c.drop(1)
			continue
		}
		p[kept] = b
		kept++
		c.passed++
	}
	return kept
}
