package conformance

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/validate"
)

// MaxDepth is how many levels of arrays and objects a payload may have. One that has
// more is invalid, with a finding of code json.too-deep.
const MaxDepth = 1000

const (
	bom    = "\xef\xbb\xbf"
	spaces = " \t\r\n" // RFC 8259, section 2
)

// readJSON reads the payload as one strict I-JSON document (RFC 7493), and writes a
// finding of family json for each thing that keeps it from being one. Duplicates, bad
// UTF-8 and lone surrogates are all found in one pass; a syntax error ends it. It
// builds nothing: of each open object it keeps the hashes of the names. It reports
// whether it came to the end of the document, or of the members that it has.
func (w *writer) readJSON() (ended bool) {
	r := &jsonReader{w: w, src: w.payload}
	if bytes.HasPrefix(r.src, []byte("\xff\xfe")) || bytes.HasPrefix(r.src, []byte("\xfe\xff")) {
		if r.hint = "encode the payload as UTF-8"; r.w.as == Receiver {
			r.hint = "refuse it, or make UTF-8 of it before you parse it"
		}
		r.report("json.invalid-utf8", 0, "the payload is UTF-16 or UTF-32; JSON that is exchanged is UTF-8 (RFC 8259, section 8.1)")
		return false
	}
	if rest, ok := bytes.CutPrefix(r.src, []byte(bom)); ok {
		r.report("json.byte-order-mark", 0, "the payload starts with a byte order mark")
		r.src, r.base = rest, len(bom)
	}
	if len(bytes.Trim(r.src, spaces)) == 0 {
		if r.hint = "send the event as the body of the request"; r.w.as == Receiver {
			r.hint = "refuse it; a redirect is followed by some senders as a GET, which has no body"
		}
		r.report("json.syntax", len(r.src), "there is no JSON here: the payload is empty")
		return false
	}
	r.dec = lenient(r.src)
	if err := r.value(); err != nil {
		if !errors.Is(err, errReported) {
			r.syntax(err)
		}
		return r.ended
	}
	end := int(r.dec.InputOffset())
	if rest := bytes.TrimLeft(r.src[end:], spaces); len(rest) > 0 {
		r.report("json.trailing-data", len(r.src)-len(rest), "the payload goes on after the end of its document")
	}
	return true
}

// lenient returns a decoder that lets pass what jsonReader reports itself, so that one
// bad string doesn't hide the next.
func lenient(src []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(src),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

type jsonReader struct {
	w     *writer
	src   []byte // the payload without its byte order mark
	base  int    // length of that mark
	dec   *jsontext.Decoder
	path  []validate.Token // to the value that is being read
	open  []hashes         // of the names of the open arrays and objects
	ended bool             // all members of the document are read, if not its end
	hint  string           // of the next finding, in place of its rule's
}

// errReported ends the reading after an error that has a finding.
var errReported = errors.New("reported")

// report writes a finding at the value that is being read.
func (r *jsonReader) report(code Code, offset int, format string, args ...any) {
	if r.w.full {
		return
	}
	d := r.w.draft()
	d.Code, d.Severity, d.Offset = code, SeverityError, r.base+offset
	d.Hint, r.hint = cmp.Or(r.hint, registry[code].hint(r.w.as)), ""
	r.w.path(r.src, r.path, false)
	d.pointer = r.w.written()
	r.w.text = fmt.Appendf(r.w.text, format, args...)
	d.message = r.w.written()
	r.w.fit(d)
}

// value reads one value. After an error r.path leads to the innermost array or
// object that was open.
func (r *jsonReader) value() (err error) {
	switch kind := r.dec.PeekKind(); kind {
	case '{', '[':
		depth := r.dec.StackDepth()
		if depth == MaxDepth {
			r.path = nil
			r.report("json.too-deep", r.upcoming(kind), "more than %d levels of arrays and objects", MaxDepth)
			return errReported
		}
		if depth == len(r.open) {
			r.open = append(r.open, hashes{})
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
		if kind == '[' {
			return r.items()
		}
		err := r.members(depth)
		r.open[depth].clear()
		return err
	case '"':
		_, err = r.string()
	case '0':
		_, err = r.dec.ReadValue()
	default:
		_, err = r.dec.ReadToken()
	}
	if err != nil && len(r.path) > 0 {
		r.path = r.path[:len(r.path)-1]
	}
	return err
}

// members reads those of an open object, and its end.
func (r *jsonReader) members(depth int) error {
	for r.dec.PeekKind() == '"' {
		raw, err := r.string()
		if err != nil {
			return err
		}
		start := int(r.dec.InputOffset()) - len(raw)
		r.path = append(r.path, validate.Token(start))
		if len(raw) > mostTexts/16 && !utf8.Valid(raw) { // the decoder would make three times as much of it
			r.w.full = true
			return errReported
		}
		name := r.w.unquote(raw)
		if !r.open[depth].add(maphash.Bytes(seed, name)) {
			r.report("json.duplicate-key", start, "the object has a member %s already", quote(string(name)))
		}
		if err := r.value(); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	r.ended = depth == 0
	_, err := r.dec.ReadToken() // the end of the object, or an error
	return err
}

// items reads those of an open array, and its end.
func (r *jsonReader) items() error {
	for i := 0; r.dec.PeekKind() != ']'; i++ {
		r.path = append(r.path, ^validate.Token(i))
		if err := r.value(); err != nil {
			return err
		}
		r.path = r.path[:len(r.path)-1]
	}
	_, err := r.dec.ReadToken()
	return err
}

// string reads a string, and reports what no I-JSON string may hold. It returns the
// string as it is written, until the next one is read.
func (r *jsonReader) string() (raw []byte, err error) {
	start := r.upcoming('"')
	if raw, err = r.dec.ReadValue(); err != nil {
		raw = r.cutOff(start, err)
	}
	if bad := invalidUTF8(raw); bad >= 0 {
		r.report("json.invalid-utf8", start+bad, "the byte 0x%02X is not UTF-8 here", raw[bad])
	}
	if i := loneSurrogate(raw); i >= 0 {
		r.report("json.lone-surrogate", start+i, "%s is half of a surrogate pair", raw[i:i+6])
	}
	return raw, err
}

// cutOff returns the string that starts at start as far as it goes, where err ended
// it.
func (r *jsonReader) cutOff(start int, err error) []byte {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) { // an I/O error, which a buffer doesn't give
		return nil
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && !bytes.HasPrefix(r.src[syntax.ByteOffset:], []byte(`\`)) {
		return r.src[start:] // also with the half of a character at its end
	}
	return r.src[start:syntax.ByteOffset]
}

// upcoming is the offset of the delimiter that PeekKind announced.
func (r *jsonReader) upcoming(delimiter jsontext.Kind) int {
	i := int(r.dec.InputOffset())
	return i + bytes.IndexByte(r.src[i:], byte(delimiter))
}

// syntax reports err, which the decoder returned.
func (r *jsonReader) syntax(err error) {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) { // an I/O error, which a buffer doesn't give
		r.report("json.syntax", int(r.dec.InputOffset()), "%v", err)
		return
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		r.report("json.syntax", len(r.src), "the payload ends too early: %s", r.unclosed())
		return
	}
	at := int(syntax.ByteOffset)
	rest := r.src[at:]
	if rest[0] == ',' {
		if after := bytes.TrimLeft(rest[1:], spaces); len(after) > 0 && (after[0] == '}' || after[0] == ']') {
			if r.w.as != Receiver {
				r.hint = "remove the comma"
			}
			r.report("json.syntax", at, "a comma before the closing %q: JSON has no trailing commas", after[0])
			return
		}
	}
	if rest[0] == 0 {
		if r.hint = "encode the payload as UTF-8: zero bytes are what UTF-16 and UTF-32 have between ASCII"; r.w.as == Receiver {
			r.hint = "refuse it, or make UTF-8 of it before you parse it, if it is UTF-16 or UTF-32"
		}
		r.report("json.syntax", at, "a zero byte, which JSON in UTF-8 doesn't have")
		return
	}
	r.report("json.syntax", at, "%v", syntax.Err)
}

// unclosed names what is still open at the end of the payload.
func (r *jsonReader) unclosed() string {
	if r.dec.StackDepth() == 0 {
		return "its value is not complete"
	}
	kind, _ := r.dec.StackIndex(r.dec.StackDepth())
	what := "object"
	if kind == '[' {
		what = "array"
	}
	if len(r.path) == 0 {
		return "its " + what + " is not closed"
	}
	r.w.path(r.src, r.path, false)
	at := string(r.w.text[r.w.from:])
	r.w.text = r.w.text[:r.w.from]
	return fmt.Sprintf("the %s at %s is not closed", what, quote(at))
}

// seed makes the hashes of names such that nobody can write names of equal ones.
var seed = maphash.MakeSeed()

// hashes are a set of hashes of an object's names, none of them 0: an open table.
type hashes struct {
	slots []uint64 // 0 where nothing is
	n     int
}

// add enters h, and reports whether it is new.
func (s *hashes) add(h uint64) bool {
	if s.n >= len(s.slots)*7/8 {
		old := s.slots
		s.slots, s.n = make([]uint64, max(8, 2*len(old))), 0
		for _, h := range old {
			if h != 0 {
				s.add(h)
			}
		}
	}
	h = max(h, 1)
	for i := h; ; i++ {
		switch slot := &s.slots[i&uint64(len(s.slots)-1)]; *slot {
		case 0:
			*slot = h
			s.n++
			return true
		case h:
			return false
		}
	}
}

// clear empties s, for the next object of the same depth. A large table is given up:
// to clear it again and again would take longer than to read the payload.
func (s *hashes) clear() {
	if len(s.slots) > 256 {
		s.slots = nil
	} else if s.n > 0 {
		clear(s.slots)
	}
	s.n = 0
}

// invalidUTF8 returns the index of the first byte of b that is not UTF-8, or -1.
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
		switch r := codeUnit(raw[i:]); {
		case !utf16.IsSurrogate(r):
			i += 2
		case utf16.DecodeRune(r, codeUnit(raw[min(i+6, len(raw)):])) != utf8.RuneError:
			i += 12
		default:
			return i
		}
	}
}

// codeUnit returns what an escape at the start of b stands for, if it is one of \u.
func codeUnit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
