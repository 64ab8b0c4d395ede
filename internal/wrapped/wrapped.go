// Package wrapped finds events that stand in something else: in what a workflow tool, a
// queue or a recorder puts around a request, in an array, or in text that holds JSON. It
// goes by event_type alone, so it also finds them in wrappings that nobody has named.
package wrapped

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/internal/validate"
)

const (
	// MaxEvents is the most events that are looked for in one document.
	MaxEvents = 1 << 17
	// maxDepth is how many levels of arrays and objects may be around an event, and
	// maxTexts how many of text that holds JSON. Each level of text is read once more.
	maxDepth = 12
	maxTexts = 3
	// longestName is the length of a name beyond which it is not the name of a wrapping.
	longestName = 256
)

// Events are those that were found in a document, in its order.
type Events struct {
	List []Event
	// Shape is what the document is, such as "a request as n8n shows it", where it is of a
	// kind that is known, whether or not there are events in it.
	Shape string
	// Empty is how many items there are that hold no event, of the arrays whose other items do.
	Empty int
	// Complete is false if there are more events than were asked for.
	Complete bool
}

// An Event is an object whose event_type is one of the contract's.
type Event struct {
	// Data is what to judge: a part of the document, or of what a text in it holds. It
	// may be cut off if the text is.
	Data []byte
	// Base64 tells that the event is in a text in base64.
	Base64 bool

	at   int     // offset of Data in the document or the text
	text *text   // in which it stands, if not in the document itself
	way  []token // to it, through texts
	// starts are where it starts in each of the texts around it, from the innermost.
	starts [maxTexts]mark
}

// A mark is a place in a text: the offsets in what it holds, and in how that is written.
type mark struct{ plain, raw int }

// A token is one step on the way to a value: an index as its complement, or the offset of
// a name in what text says.
type token struct {
	at   int
	text *text
}

// A text is a string of JSON that holds JSON.
type text struct {
	in     *text // in which it stands itself
	at     int   // the offset of raw there
	raw    []byte
	plain  []byte // what it holds
	base64 bool
	lead   int  // how much of raw, with its quote, stands before what is in base64
	read   mark // how far [text.locate] has got for the last event
}

// IsText reports whether the event is in text that holds JSON.
func (e *Event) IsText() bool { return e.text != nil }

// Tokens is how many steps it takes from the document to the event: none if the
// document is the event, or a text that holds it.
func (e *Event) Tokens() int { return len(e.way) }

// IsItem reports whether the last of these steps is to the item of an array.
func (e *Event) IsItem() bool { return len(e.way) > 0 && e.way[len(e.way)-1].at < 0 }

// Pointer returns the RFC 6901 pointer to the event. It goes on into a text as if that
// were the JSON that it holds.
func (e *Event) Pointer(document []byte) string {
	var pointer []byte
	for _, t := range e.way {
		if t.at < 0 {
			pointer = strconv.AppendInt(append(pointer, '/'), int64(^t.at), 10)
			continue
		}
		in := document
		if t.text != nil {
			in = t.text.plain
		}
		raw := in[t.at:]
		name, _ := jsontext.AppendUnquote(nil, raw[:stringEnd(raw)])
		pointer = jsonpointer.Append(pointer, string(name))
	}
	return string(pointer)
}

// Offsets replaces offsets in e.Data, in rising order, by those in the document: within a
// text by those of how it is written there.
func (e *Event) Offsets(offsets []int) {
	for i := range offsets {
		offsets[i] += e.at
	}
	for t, i := e.text, 0; t != nil; t, i = t.in, i+1 {
		t.locate(offsets, e.starts[i])
	}
}

// settle finds the starts of the event, which comes after those that had it before.
func (e *Event) settle() {
	offset := []int{e.at}
	for t, i := e.text, 0; t != nil; t, i = t.in, i+1 {
		t.read = t.locate(offset, t.read)
		e.starts[i] = t.read
	}
}

// locate replaces offsets in what the text holds by those in what it stands in. It reads on
// from a mark, and returns how far it got.
func (t *text) locate(offsets []int, from mark) mark {
	if t.base64 {
		for i, n := range offsets {
			offsets[i] = t.at + min(t.lead+n/3*4+n%3, len(t.raw)-1)
		}
		return from
	}
	from.raw = max(from.raw, 1) // behind the quote
	for i, n := range offsets {
		for from.plain < n && from.raw < len(t.raw)-1 {
			size, written := unit(t.raw[from.raw:])
			if from.plain+size > n {
				break // within what an escape stands for
			}
			from = mark{from.plain + size, from.raw + written}
		}
		offsets[i] = t.at + from.raw
	}
	return from
}

// unit returns how many bytes of text the first byte or escape of raw stands for, and how
// many it is written with.
func unit(raw []byte) (size, written int) {
	switch {
	case raw[0] != '\\':
		return 1, 1
	case raw[1] != 'u':
		return 1, 2
	}
	const one = len(`\u0000`)
	r := hex4(raw[2:])
	if utf16.IsSurrogate(r) {
		if bytes.HasPrefix(raw[one:], []byte(`\u`)) && utf16.DecodeRune(r, hex4(raw[one+2:])) != utf8.RuneError {
			return utf8.UTFMax, 2 * one
		}
		return 3, one // as Unquote has it
	}
	return utf8.RuneLen(r), one
}

// Find returns up to limit events of a document. Those within an event are part of it. If
// the document is an event itself, that is the only one. What is not JSON has none.
//
// It takes time in proportion to the document, and memory for what its texts hold.
func Find(document []byte, limit int) Events {
	f := &finder{limit: limit}
	d := decoder(document)
	err := f.value(d, &place{doc: document})
	found := Events{List: f.found, Complete: !errors.Is(err, errEnough)}
	if err != nil && found.Complete {
		return Events{Complete: true}
	}
	for i := range found.List {
		found.List[i].settle()
	}
	found.Shape, found.Empty = shape(f.tells), f.empty
	return found
}

var errEnough = errors.New("there are as many events as were asked for")

func decoder(src []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(src), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

type finder struct {
	limit int
	found []Event
	way   []token
	empty int // see [Events.Empty]
	// tells are the members of the objects around the first event, from the innermost, or
	// of the outermost objects while there is none.
	tells []uint64
}

// A place is the document or a text that is being read.
type place struct {
	doc   []byte
	text  *text
	depth int // of arrays and objects
	texts int
}

// value reads the next value.
func (f *finder) value(d *jsontext.Decoder, p *place) error {
	kind := d.PeekKind()
	switch {
	case kind == '"':
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		return f.string(raw, int(d.InputOffset())-len(raw), p)
	case kind != '{' && kind != '[' || p.depth == maxDepth:
		return d.SkipValue()
	}
	start := upcoming(d, p.doc)
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	p.depth++
	defer func() { p.depth-- }()
	mark, way, empty := len(f.found), len(f.way), f.empty
	if kind == '[' {
		without := 0
		for i := 0; d.PeekKind() != ']'; i++ {
			before := len(f.found)
			f.way = append(f.way[:way], token{^i, nil})
			if err := f.value(d, p); err != nil {
				return err
			}
			if len(f.found) == before {
				without++
			}
		}
		if f.way = f.way[:way]; len(f.found) > mark {
			f.empty += without
		}
		_, err := d.ReadToken()
		return err
	}
	isEvent, tells := false, uint64(0)
	err := f.members(d, p, &isEvent, &tells)
	f.way = f.way[:way]
	switch {
	case errors.Is(err, errEnough):
		return err
	case err != nil && (!isEvent || p.text == nil): // a document that is not JSON has no events
		return err
	case isEvent:
		e := Event{Data: p.doc[start:], at: start, text: p.text, way: slices.Clone(f.way)}
		for t := p.text; t != nil; t = t.in {
			e.Base64 = e.Base64 || t.base64
		}
		switch {
		case p.depth == 1 && p.text != nil:
			e.Data, e.at = p.doc, 0 // with what stands around it in the text, which must not be there
		case err == nil:
			e.Data = p.doc[start:d.InputOffset()]
		}
		f.empty = empty
		if f.found = append(f.found[:mark], e); mark == 0 {
			f.tells = f.tells[:0]
		}
		if len(f.found) == f.limit && (p.text != nil || p.depth > 1) {
			return errEnough
		}
		return err
	case mark == 0 && (len(f.found) > 0 || p.depth <= 2 && len(f.tells) < maxDepth):
		f.tells = append(f.tells, tells)
	}
	return nil
}

// members reads those of an object, and its end.
func (f *finder) members(d *jsontext.Decoder, p *place, isEvent *bool, tells *uint64) error {
	way := len(f.way)
	for d.PeekKind() == '"' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		at := int(d.InputOffset()) - len(raw)
		name := raw[1 : len(raw)-1]
		if len(raw) > longestName {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		*tells |= telling[string(name)]
		if string(name) == "event_type" {
			if *isEvent = false; d.PeekKind() == '"' {
				value, err := d.ReadValue()
				if err != nil {
					return err
				}
				*isEvent = isType(value)
				continue
			}
		}
		f.way = append(f.way[:way], token{at, p.text})
		if err := f.value(d, p); err != nil {
			return err
		}
	}
	_, err := d.ReadToken() // the end of the object, or an error
	return err
}

// isType reports whether a JSON string is an event_type of the contract, or known from
// servers.
func isType(raw []byte) bool {
	if len(raw) > longestName {
		return false
	}
	name, _ := jsontext.AppendUnquote(nil, raw)
	for _, event := range validate.Events {
		if slices.Contains(event.Types, string(name)) {
			return true
		}
	}
	return false
}

// string looks for events in a JSON string that stands at an offset.
func (f *finder) string(raw []byte, at int, p *place) error {
	if p.texts == maxTexts || p.depth > maxDepth {
		return nil
	}
	t := &text{in: p.text, at: at, raw: raw}
	switch start := bytes.TrimLeft(raw[1:], " "); {
	case (start[0] == '{' || start[0] == '[' || start[0] == '\\') && bytes.Contains(raw, eventType):
		t.plain = Unquote(raw)
	case isBase64JSON(start):
		t.base64, t.lead = true, len(raw)-len(start)
		t.plain = decode(bytes.TrimRight(Unquote(raw), "="))
	default:
		return nil
	}
	if !bytes.Contains(t.plain, eventType) {
		return nil
	}
	in := &place{doc: t.plain, text: t, depth: 0, texts: p.texts + 1}
	if err := f.value(decoder(t.plain), in); errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// isBase64JSON reports whether a text may be an object or an array in base64.
func isBase64JSON(text []byte) bool {
	for _, start := range [...]string{"ey", "ew", "W3", "Ww", "Wy"} { // {" and {\n; [{, [\n and [ with a space
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}

// decode returns what is in base64, of either alphabet, as far as it is.
func decode(coded []byte) []byte {
	coding := base64.RawStdEncoding
	if bytes.ContainsAny(coded, "-_") {
		coding = base64.RawURLEncoding
	}
	plain := make([]byte, coding.DecodedLen(len(coded)))
	n, _ := coding.Decode(plain, coded)
	return plain[:n]
}

var eventType = []byte("event_type")

// upcoming is the offset of the next value.
func upcoming(d *jsontext.Decoder, doc []byte) int {
	i := int(d.InputOffset())
	for i < len(doc) && bytes.IndexByte([]byte(" \t\r\n,:"), doc[i]) >= 0 {
		i++
	}
	return i
}

// stringEnd returns the length of the JSON string with which raw starts.
func stringEnd(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}
