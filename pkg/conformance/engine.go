//go:build !wasmmodule

package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/jsonschema"
)

// references evaluate the two layers, the documented one first.
var references = sync.Pool{New: func() any {
	e, err := newReference(jsonschema.FS)
	if err != nil {
		panic(fmt.Sprintf("conformance: the embedded schemas can't be compiled: %v", err))
	}
	return e
}}

func newReference(files fs.FS) (*evaluator, error) {
	e := newEvaluator(files)
	return e, cmp.Or(e.compile(jsonschema.Base+"v1/run-event.json"), e.compile(jsonschema.Base+"observed/run-event.json"))
}

// reference is Check by the engine JSONSchema.
func (c Checker) reference(payload []byte) Report {
	e := references.Get().(*evaluator)
	defer references.Put(e)
	return c.refer(e, payload)
}

func (c Checker) refer(e *evaluator, payload []byte) (report Report) {
	report = Report{Verdict: Invalid, Findings: []Finding{}}
	d, refused := readDocument(payload)
	if refused != nil {
		refused.Hint = registry[refused.Code].hint(c.As)
		report.Findings = inOrder(payload, append(report.Findings, *refused))
		return report
	}
	report.EventType, _ = d.at("/event_type").value.(string)
	documented, err := e.evaluate(0, d)
	if err == nil && documented == nil {
		report.Verdict = Conforms
	} else if err == nil {
		var observed []fault
		if observed, err = e.evaluate(1, d); err == nil && observed == nil {
			report.Verdict = Deviates
		}
	}
	report.Findings, report.Truncated = c.word(d, documented, "")
	if err != nil {
		report.Findings = []Finding{{
			Code: "json.too-large", Severity: SeverityError, Line: 1, Column: 1,
			Message: err.Error(), Hint: "have it judged by the default engine, which has no such limit",
		}}
	}
	c.withSchemas(payload, &report)
	return report
}

// A document is strict JSON, read by jsontext.
type document struct {
	src   []byte
	dec   *jsontext.Decoder
	nodes map[string]*node // of all values, by pointer
	open  string           // the pointer of the innermost array or object that isn't closed
	depth int              // of arrays and objects
	paths int              // the length of all pointers together
	huge  bool             // it has a number of very many digits
}

// A node is a value of a document, and where it is.
type node struct {
	pointer, pattern string // with * for each index of an array
	offset           int
	name             int // offset of the name where it is a member's
	value            any // as encoding/json has it with UseNumber
}

// at returns the value at a pointer, or an empty node.
func (d *document) at(pointer string) *node {
	if p := d.nodes[pointer]; p != nil {
		return p
	}
	return new(node)
}

// located returns the value at a location of v5: a pointer that is percent-encoded.
func (d *document) located(location string) *node {
	pointer, _ := url.PathUnescape(location)
	return d.at(pointer)
}

var errDepth = fmt.Errorf("more than %d levels of arrays and objects", MaxDepth)

// readDocument reads payload as I-JSON (RFC 7493). If it is not, there is a finding.
func readDocument(payload []byte) (*document, *Finding) {
	d := &document{src: payload, nodes: make(map[string]*node), dec: jsontext.NewDecoder(bytes.NewBuffer(payload))}
	_, err := d.read("", "", 0)
	f := &Finding{Code: "json.syntax", Severity: SeverityError, Offset: int(d.dec.InputOffset())}
	if err == nil {
		rest := bytes.TrimLeft(payload[f.Offset:], spaces)
		if len(rest) == 0 {
			return d, nil
		}
		f.Code, f.Offset = "json.trailing-data", len(payload)-len(rest)
		err = errors.New("the payload goes on after the end of its document")
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		f.Pointer, f.Offset, err = string(syntax.JSONPointer), int(syntax.ByteOffset), syntax.Err
	}
	switch {
	case f.Code == "json.trailing-data":
	case err == errDepth:
		f.Code, f.Offset = "json.too-deep", d.upcoming()
	case bytes.HasPrefix(payload, []byte(bom)):
		f.Code, f.Offset, err = "json.byte-order-mark", 0, errors.New("the payload starts with a byte order mark")
	case bytes.HasPrefix(payload, []byte("\xff\xfe")), bytes.HasPrefix(payload, []byte("\xfe\xff")):
		f.Code, err = "json.invalid-utf8", errors.New("the payload is UTF-16 or UTF-32")
	case errors.Is(err, jsontext.ErrDuplicateName):
		f.Code = "json.duplicate-key"
	case err.Error() == "invalid UTF-8":
		f.Code = "json.invalid-utf8"
	case strings.HasPrefix(err.Error(), "invalid surrogate pair"):
		f.Code = "json.lone-surrogate"
	default:
		f.Pointer = d.open
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			f.Offset, err = len(payload), errors.New("the payload ends too early")
		}
	}
	f.Message, f.Hint = err.Error(), registry[f.Code].Hint
	return d, f
}

// upcoming is the offset of the next token.
func (d *document) upcoming() int {
	i := int(d.dec.InputOffset())
	for i < len(d.src) && strings.IndexByte(spaces+",:", d.src[i]) >= 0 {
		i++
	}
	return i
}

// read reads the next value, which is at a pointer, and whose name is at an offset.
func (d *document) read(pointer, pattern string, name int) (value any, err error) {
	kind := d.dec.PeekKind()
	p := &node{pointer: pointer, pattern: pattern, offset: d.upcoming(), name: name}
	d.nodes[pointer] = p
	d.paths += len(pointer)
	if kind == '{' || kind == '[' {
		if d.dec.StackDepth() == MaxDepth {
			return nil, errDepth
		}
		p.value, err = d.readAll(kind, pointer, pattern)
		return p.value, err
	}
	token, err := d.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch kind {
	case '"':
		p.value = token.String()
	case '0':
		number := boundedNumber(token.String()) // v5 computes with all digits
		p.value, d.huge = json.Number(number), d.huge || number != token.String()
	case 't', 'f':
		p.value = kind == 't'
	}
	return p.value, nil
}

// readAll reads an array or an object.
func (d *document) readAll(kind jsontext.Kind, pointer, pattern string) (any, error) {
	if _, err := d.dec.ReadToken(); err != nil {
		return nil, err
	}
	around := d.open
	d.open, d.depth = pointer, max(d.depth, d.dec.StackDepth())
	members, items := make(map[string]any), []any{}
	for d.dec.PeekKind() != kind+2 { // } or ]
		name, token, like := d.upcoming(), strconv.Itoa(len(items)), "*"
		if kind == '{' {
			text, err := d.dec.ReadToken()
			if err != nil {
				return nil, err
			}
			token = text.String()
			like = jsonpointer.Escape(token)
		}
		if d.large() { // and won't be judged
			if err := d.dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		value, err := d.read(pointer+"/"+jsonpointer.Escape(token), pattern+"/"+like, name)
		if err != nil {
			return nil, err
		}
		if kind == '{' {
			members[token] = value
		} else {
			items = append(items, value)
		}
	}
	d.open = around
	_, err := d.dec.ReadToken()
	if kind == '{' {
		return members, err
	}
	return items, err
}
