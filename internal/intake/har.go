package intake

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/wrapped"
)

// readHAR emits the bodies of the POST requests of an HTTP archive (HAR 1.2:
// log.entries[].request.postData.text), of those to urls if there are any. It holds no
// more of it than one body: everything else is clipped on its way to the decoder.
func readHAR(in io.Reader, limit int64, urls []string, note func(string), emit func(Payload) error) error {
	buf := bufio.NewReader(in)
	clip := &clipper{r: buf, limit: skimLimit}
	// HAR 1.2 asks its readers to pass over a byte order mark.
	if start, _ := buf.Peek(len(bom)); string(start) == bom {
		buf.Discard(len(bom))
		clip.drop(int64(len(bom)))
	}
	h := &harReader{dec: jsontext.NewDecoder(clip, lenient...), clip: clip, limit: limit, urls: urls, emit: emit}
	err := h.archive()
	if clip.err != nil {
		return clip.err
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return &ArchiveError{clip.origin(syntax.ByteOffset), syntax.Err.Error()}
	}
	switch err {
	case nil:
		return h.outcome(note)
	case io.EOF:
		return h.expected("an object with a member log")
	}
	return err
}

// An ArchiveError says why a source is no HTTP archive.
type ArchiveError struct {
	offset int64 // in bytes from the start of the source
	what   string
}

// Error says where, and what is wrong there.
func (e *ArchiveError) Error() string {
	return fmt.Sprintf("not an HTTP archive: byte %d: %s", e.offset, e.what)
}

// A BodyError says which bodies of an archive can't be read.
type BodyError struct{ what string }

// Error says which, and what is wrong with them.
func (e *BodyError) Error() string { return e.what }

type harReader struct {
	dec   *jsontext.Decoder
	clip  *clipper
	limit int64
	urls  []string
	emit  func(Payload) error

	complete  bool   // log.entries was there
	posts     int    // requests by POST, to one of urls
	bodyless  int    // of these, those without a body
	lost      int    // of these, those that did have one when they were sent
	firstLost string // the pointer to the first of these
	other     string // the first URL that is like none of urls
	undecoded error  // the first body that is not what its encoding says
}

// outcome tells what there is to say about the archive as a whole.
func (h *harReader) outcome(note func(string)) error {
	counts := fmt.Sprintf("%d POST requests", h.posts)
	if h.posts == 1 {
		counts = "1 POST request"
	}
	switch {
	case h.undecoded != nil:
		return h.undecoded
	case h.lost > 0:
		return &BodyError{fmt.Sprintf("%s, %d without the body that was sent: %s", counts, h.lost, h.firstLost)}
	case h.bodyless > 0:
		note(fmt.Sprintf("%s, %d without a body", counts, h.bodyless))
	case h.posts == 0 && h.other != "":
		note("no POST request is to a URL that was asked for; the first is to " + strconv.Quote(h.other))
	case h.posts == 0:
		note("no POST request is in it")
	}
	return nil
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
		return h.expected("nothing after the object")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// expected says what should stand where the decoder has got to.
func (h *harReader) expected(what string) error {
	return &ArchiveError{h.clip.origin(h.dec.InputOffset()), "expected " + what}
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

// A harRequest is what matters of a request.
type harRequest struct {
	method, url string
	size        int64 // of the body, as the archive or the request's headers say, or 0
	text        []byte
	line        int // on which text starts
	encoding    string
}

// entry emits the body of an entry, if it is a POST with one.
func (h *harReader) entry(i int) error {
	var r harRequest
	_, err := object(h.dec, func(name string) error {
		if name != "request" {
			return h.dec.SkipValue()
		}
		return h.request(&r)
	})
	if err != nil || !strings.EqualFold(r.method, "POST") {
		return err
	}
	if len(h.urls) > 0 && !slices.ContainsFunc(h.urls, func(glob string) bool { return isLike(r.url, glob) }) {
		h.other = cmp.Or(h.other, r.url)
		return nil
	}
	h.posts++
	p := Payload{Line: r.line, At: fmt.Sprintf("/log/entries/%d/request/postData/text", i)}
	if len(r.text) == 0 {
		if h.bodyless++; r.size > 0 {
			h.lost++
			h.firstLost = cmp.Or(h.firstLost, fmt.Sprintf("/log/entries/%d/request", i))
		}
		return nil
	}
	if err := h.decode(&p, r.text, r.encoding); err != nil {
		h.undecoded = cmp.Or(h.undecoded, err)
		return nil
	}
	if p.Size > h.limit {
		p.Data, p.TooLarge = nil, true
	}
	return h.emit(p)
}

// request reads a request, if it is one.
func (h *harReader) request(r *harRequest) error {
	_, err := object(h.dec, func(name string) (err error) {
		switch name {
		case "method":
			r.method, err = h.string()
		case "url":
			r.url, err = h.string()
		case "bodySize":
			var size int64
			size, err = h.number()
			r.size = max(r.size, size)
		case "headers":
			err = h.headers(r)
		case "postData":
			_, err = object(h.dec, func(name string) (err error) {
				switch name {
				case "text":
					r.text, r.line, err = h.text()
				case "encoding":
					r.encoding, err = h.string()
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
}

// headers reads those of a request, for the length of its body: browsers that don't keep a
// body may say that it had none.
func (h *harReader) headers(r *harRequest) error {
	if h.dec.PeekKind() != '[' {
		return h.dec.SkipValue()
	}
	if _, err := h.dec.ReadToken(); err != nil {
		return err
	}
	for h.dec.PeekKind() != ']' {
		var header, value string
		_, err := object(h.dec, func(name string) (err error) {
			switch name {
			case "name":
				header, err = h.string()
			case "value":
				value, err = h.string()
			default:
				err = h.dec.SkipValue()
			}
			return err
		})
		if err != nil {
			return err
		}
		if strings.EqualFold(header, "Content-Length") {
			size, _ := strconv.ParseInt(value, 10, 64)
			r.size = max(r.size, size)
		}
	}
	_, err := h.dec.ReadToken()
	return err
}

// decode makes a payload of a body as the archive has it: text, or in base64, and
// compressed if the request was.
func (h *harReader) decode(p *Payload, text []byte, encoding string) error {
	p.Data, p.Size = text, int64(len(text))
	named := strings.EqualFold(encoding, "base64")
	if named || bytes.HasPrefix(text, []byte("H4sI")) || bytes.HasPrefix(text, []byte("KLUv/")) { // gzip and zstd in base64
		if p.Size >= h.keepLimit() { // clipped, and so not to be decoded
			p.Size = h.limit + 1
			return nil
		}
		data, err := base64.RawStdEncoding.AppendDecode(nil, bytes.TrimRight(text, "=\r\n"))
		if err != nil && named {
			return fmt.Errorf("%s is not base64, though its encoding says so: %w", p.At, err)
		} else if err == nil {
			p.Data, p.Size = data, int64(len(data))
		}
	}
	if bytes.HasPrefix(p.Data, []byte("\x1f\u008b")) { // bytes as the characters of the same numbers
		p.Data = latin1(p.Data)
	}
	if bytes.HasPrefix(p.Data, []byte("\x1f\ufffd")) {
		return &BodyError{p.At + " is gzip data, of which the archive has lost some"}
	}
	if !isGzip(p.Data) && !isZstd(p.Data[:min(4, len(p.Data))]) {
		return nil
	}
	in, _, err := unpack(bytes.NewReader(p.Data))
	if err == nil {
		defer in.Close()
		p.Data, err = io.ReadAll(io.LimitReader(in, h.limit+1))
		p.Size = int64(len(p.Data))
	}
	if err != nil {
		return &BodyError{p.At + ": " + err.Error()}
	}
	return nil
}

// latin1 returns the bytes that are the numbers of the characters of text.
func latin1(text []byte) []byte {
	data := make([]byte, 0, len(text))
	for _, r := range string(text) {
		data = append(data, byte(r))
	}
	return data
}

// isLike reports whether text is like glob, in which * stands for any text.
func isLike(text, glob string) bool {
	parts := strings.Split(glob, "*")
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[last])
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

// number reads a value that matters only if it is a whole number.
func (h *harReader) number() (int64, error) {
	if h.dec.PeekKind() != '0' {
		return 0, h.dec.SkipValue()
	}
	value, err := h.dec.ReadValue()
	if err != nil {
		return 0, err
	}
	n, _ := strconv.ParseInt(string(value), 10, 64)
	return n, nil
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
	return wrapped.Unquote(value), line, nil
}

const (
	// skimLimit is how much of a string is kept where it does not matter, and
	// readAhead how much the decoder gets at a time, until it is in a string that
	// matters. Since that is less, the limit can be raised when such a string is
	// next: nothing of its start can have been clipped.
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
		// The decoder moves what it holds of a string each time that it gets more, so a
		// long one that is kept is read in ever larger parts.
		ahead := int64(readAhead)
		if c.limit > skimLimit {
			ahead = max(ahead, c.length)
		}
		n, err := c.r.Read(p[:min(int64(len(p)), ahead)])
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
				c.err = &ArchiveError{c.origin(c.passed), "a number or a stretch of whitespace of more than 1 MiB"}
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
