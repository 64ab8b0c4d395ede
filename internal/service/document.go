package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v5"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/jsonpointer"
	"github.com/runhooks/runhooks/openapi"
	"github.com/runhooks/runhooks/pkg/conformance"
)

const documentName = "dist/service.json"

// A document is what the API's document says of its operations, compiled once.
type document struct {
	operations []*operation
	// endpoint and inlet are the schemas of their settings, and defaults has those that
	// an endpoint has where they don't say.
	endpoint *jsonschema.Schema
	inlet    *jsonschema.Schema
	defaults api.EndpointCreate
	// samples have the operational events' examples, by event_type.
	samples map[string]json.RawMessage
}

// An operation is one of the document's.
type operation struct {
	id, method, path string
	// role is what a token needs; empty if no token is needed.
	role       string
	parameters map[string]parameter // of the query, by name
	// mediaType and body are those of the request's body, if it has one.
	mediaType string
	body      *jsonschema.Schema
}

type parameter struct {
	kind   string // integer, boolean or string
	schema *jsonschema.Schema
}

// The parts of the document that are read here.
type (
	documentJSON struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Parameters map[string]parameterJSON `json:"parameters"`
			Schemas    map[string]struct {
				Examples   []json.RawMessage `json:"examples"`
				Properties map[string]struct {
					Const   string          `json:"const"`
					Default json.RawMessage `json:"default"`
				} `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	operationJSON struct {
		OperationID string                 `json:"operationId"`
		Security    *[]map[string][]string `json:"security"`
		Parameters  []parameterJSON        `json:"parameters"`
		RequestBody *struct {
			Content map[string]json.RawMessage `json:"content"`
		} `json:"requestBody"`
	}
	parameterJSON struct {
		Ref    string `json:"$ref"`
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema struct {
			Type string `json:"type"`
		} `json:"schema"`
	}
)

func loadDocument() (*document, error) {
	text, err := openapi.Dist.ReadFile(documentName)
	if err != nil {
		return nil, err
	}
	var doc documentJSON
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft2020
	compiler.AssertFormat = true
	if err := compiler.AddResource(documentName, bytes.NewReader(text)); err != nil {
		return nil, err
	}
	d := &document{samples: map[string]json.RawMessage{}}
	for path, item := range doc.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue // of the path, which the generated server reads
			}
			var o operationJSON
			if err := json.Unmarshal(raw, &o); err != nil {
				return nil, err
			}
			at := documentName + "#/paths/" + url.PathEscape(jsonpointer.Escape(path)) + "/" + method
			op := &operation{
				id: o.OperationID, method: strings.ToUpper(method), path: path,
				role: "admin", parameters: map[string]parameter{},
			}
			if o.Security != nil {
				op.role = ""
				for _, s := range *o.Security {
					op.role = s["bearerToken"][0]
				}
			}
			for i, p := range o.Parameters {
				schema := fmt.Sprintf("%s/parameters/%d/schema", at, i)
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = doc.Components.Parameters[name]
					schema = documentName + "#/components/parameters/" + name + "/schema"
				}
				if p.In != "query" {
					continue
				}
				compiled, err := compiler.Compile(schema)
				if err != nil {
					return nil, err
				}
				op.parameters[p.Name] = parameter{p.Schema.Type, compiled}
			}
			if o.RequestBody != nil {
				for mediaType := range o.RequestBody.Content {
					op.mediaType = mediaType
					op.body, err = compiler.Compile(at + "/requestBody/content/" + jsonpointer.Escape(mediaType) + "/schema")
					if err != nil {
						return nil, err
					}
				}
			}
			d.operations = append(d.operations, op)
		}
	}
	for _, s := range doc.Components.Schemas {
		if t := s.Properties["event_type"].Const; t != "" {
			d.samples[t] = s.Examples[0]
		}
	}
	defaults := map[string]json.RawMessage{}
	for name, p := range doc.Components.Schemas["EndpointCreate"].Properties {
		if p.Default != nil {
			defaults[name] = p.Default
		}
	}
	if text, err = json.Marshal(defaults); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &d.defaults); err != nil {
		return nil, err
	}
	if d.endpoint, err = compiler.Compile(documentName + "#/components/schemas/EndpointCreate"); err != nil {
		return nil, err
	}
	d.inlet, err = compiler.Compile(documentName + "#/components/schemas/InletCreate")
	return d, err
}

// check holds a request to its operation: parameters of the query, and the body,
// which it returns. The generated server can then read both without an error.
func (op *operation) check(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	if !isText(r.URL.Path) {
		return nil, notFound()
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problemf(http.StatusBadRequest, "the query of the URL can't be read")
	}
	for name, values := range query {
		p, ok := op.parameters[name]
		if !ok {
			return nil, problemf(http.StatusBadRequest, "there is no parameter %.40q here", name)
		}
		if len(values) != 1 {
			return nil, problemf(http.StatusBadRequest, "the parameter %s is given twice", name)
		}
		if err := p.check(values[0]); err != nil {
			return nil, problemf(http.StatusBadRequest, "the parameter %s is wrong: %v", name, err)
		}
	}
	if op.body == nil {
		return nil, nil
	}
	if p := mediaType(r, op.mediaType); p != nil {
		return nil, p
	}
	body, p := readBody(w, r, maxSettings)
	if p != nil {
		return nil, p
	}
	value, findings := parseJSON(body)
	if findings == nil {
		findings = violations(op.body, value, body)
	}
	if findings != nil {
		return nil, invalid("the body is not what this operation takes", findings)
	}
	// To the generated server, 10.0 and 1e1 are not whole numbers.
	plain, err := json.Marshal(value)
	if err != nil {
		panic(err) // it was made of JSON
	}
	r.Body = io.NopCloser(bytes.NewReader(plain))
	return body, nil
}

// isText says whether databases can compare something with s.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func (p *parameter) check(text string) error {
	if !isText(text) {
		return errors.New("it has a NUL character, or is not UTF-8")
	}
	var value any = text
	var err error
	switch p.kind {
	case "integer":
		var n int
		n, err = strconv.Atoi(text)
		value = float64(n)
	case "boolean":
		value, err = text == "true", nil
		if text != "true" && text != "false" {
			return errors.New("it has to be true or false")
		}
	}
	if err != nil {
		return errors.New("it has to be a whole number")
	}
	var invalid *jsonschema.ValidationError
	if errors.As(p.schema.Validate(value), &invalid) {
		return errors.New(violationText(leaves(invalid)[0]))
	}
	return nil
}

// mediaType refuses a body of another media type than want. A charset, which can
// only be UTF-8, doesn't matter.
func mediaType(r *http.Request, want string) *problem {
	given := r.Header.Get("Content-Type")
	if given == want {
		return nil
	}
	if got, _, err := mime.ParseMediaType(given); err != nil || got != want {
		return problemf(http.StatusUnsupportedMediaType, "the body has to be %s; say so in Content-Type", want)
	}
	return nil
}

// uncompressed refuses a body that is compressed.
func uncompressed(r *http.Request) *problem {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return problemf(http.StatusUnsupportedMediaType, "the body is compressed; send it as it is")
	}
	return nil
}

// readBody reads a body of up to limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *problem) {
	if p := uncompressed(r); p != nil {
		return nil, p
	}
	return readWhole(w, r, limit)
}

// readWhole reads a body as it was sent, of up to limit bytes.
func readWhole(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *problem) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	// What is declared is believed as far as it costs little.
	const believed = 1 << 20
	body := make([]byte, 0, min(max(r.ContentLength, 0), believed)+bytes.MinRead)
	buffer := bytes.NewBuffer(body)
	n, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if body = buffer.Bytes(); err == nil && n < r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		return nil, problemf(http.StatusBadRequest, "the body did not arrive as a whole")
	}
	return body, nil
}

func tooLarge(limit int64) *problem {
	return problemf(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes, which is the limit", limit)
}

// parseJSON reads strict JSON: no bad UTF-8, no name twice.
func parseJSON(body []byte) (any, []conformance.Finding) {
	var value any
	err := jsonv2.Unmarshal(body, &value)
	if err == nil {
		return value, nil
	}
	finding := conformance.Finding{
		Code: "json.syntax", Severity: conformance.SeverityError, Message: "this is not JSON",
		Hint: "send one JSON document, in UTF-8 and without a name that is there twice",
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			finding.Code, finding.Message = "json.duplicate-key", "a name is there twice"
		}
		finding.Pointer = string(syntax.JSONPointer)
		finding.Offset = int(syntax.ByteOffset)
	}
	finding.Line, finding.Column = position(body, finding.Offset)
	return nil, []conformance.Finding{finding}
}

// violations returns what a schema has against a value, which was read from body,
// or nil.
func violations(schema *jsonschema.Schema, value any, body []byte) []conformance.Finding {
	var found *jsonschema.ValidationError
	err := schema.Validate(value)
	if err == nil {
		return nil
	}
	if !errors.As(err, &found) {
		return []conformance.Finding{finding(body, "", "schema.keyword", "this can't be judged")}
	}
	var findings []conformance.Finding
	for _, leaf := range leaves(found) {
		keyword := leaf.KeywordLocation[strings.LastIndexByte(leaf.KeywordLocation, '/')+1:]
		findings = append(findings, finding(body, leaf.InstanceLocation, "schema."+kebab(keyword), violationText(leaf)))
	}
	slices.SortStableFunc(findings, func(a, b conformance.Finding) int { return a.Offset - b.Offset })
	return findings
}

// finding makes a finding about the place of a body that a pointer leads to.
func finding(body []byte, pointer, code, message string) conformance.Finding {
	f := conformance.Finding{
		Code: conformance.Code(code), Severity: conformance.SeverityError, Pointer: pointer, Message: message,
		Offset: locate(body, jsontext.Pointer(pointer)),
	}
	f.Line, f.Column = position(body, f.Offset)
	return f
}

// leaves returns what the others follow from.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// violationText says what is wrong, and nothing of a value: it may be secret. (Of
// the messages of jsonschema, those about these two keywords quote it.)
func violationText(e *jsonschema.ValidationError) string {
	switch e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:] {
	case "format":
		switch {
		case strings.HasSuffix(e.Message, "'date-time'"):
			return "this is not a time such as 2026-01-02T15:04:05Z"
		case strings.HasSuffix(e.Message, "'uri'"):
			return "this is not a URL such as https://example.com/events"
		}
		return "this does not have the format that is asked for"
	case "pattern":
		return "this has characters that are not allowed"
	case "additionalProperties":
		return "there is no such member: " + strings.TrimSuffix(strings.TrimPrefix(e.Message, "additionalProperties "), " not allowed")
	case "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems":
		return boundText(e)
	case "type":
		if is, ok := kinds[strings.TrimPrefix(strings.SplitN(e.Message, ",", 2)[0], "expected ")]; ok {
			return "this has to be " + is
		}
	}
	return e.Message
}

// kinds are the types of JSON in words.
var kinds = map[string]string{
	"integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
	"array": "a list", "object": "an object",
}

// boundText says what a bound is. In the messages of jsonschema, the first number is
// the bound, and the second what was found.
func boundText(e *jsonschema.ValidationError) string {
	numbers := inMessage.FindAllString(e.Message, 2)
	if len(numbers) < 2 {
		return e.Message
	}
	for i, text := range numbers {
		if f, err := strconv.ParseFloat(text, 64); err == nil && f < 1e18 { // not as 2.592e+06
			numbers[i] = strconv.FormatFloat(f, 'f', -1, 64)
		}
	}
	bound, found := numbers[0], numbers[1]
	switch keyword := e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]; {
	case keyword == "minimum":
		return "this has to be at least " + bound + ", and is " + found
	case keyword == "maximum":
		return "this has to be at most " + bound + ", and is " + found
	case found == "0":
		return "this must not be empty"
	case keyword == "minLength":
		return "this has to have at least " + bound + " characters, and has " + found
	case keyword == "maxLength":
		return "this has to have at most " + bound + " characters, and has " + found
	case keyword == "minItems":
		return "this has to have at least " + bound + " entries, and has " + found
	default:
		return "this has to have at most " + bound + " entries, and has " + found
	}
}

var inMessage = regexp.MustCompile(`-?[0-9][0-9.]*(e[+-][0-9]+)?`)

func kebab(keyword string) string {
	var b strings.Builder
	for _, c := range keyword {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('-')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// locate returns the offset of what a pointer leads to: of a member's value, or of
// what would have it.
func locate(body []byte, pointer jsontext.Pointer) int {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	best, bestLen := 0, -1
	for {
		kind := d.PeekKind()
		if kind <= 0 {
			return best
		}
		// Between tokens there are white space, a colon and a comma.
		start := int(d.InputOffset())
		start += len(body[start:]) - len(bytes.TrimLeft(body[start:], " \t\r\n:,"))
		if _, err := d.ReadToken(); err != nil {
			return best
		}
		if kind == '}' || kind == ']' {
			continue
		}
		// At an opening brace the pointer is that of the object.
		if at := d.StackPointer(); len(at) > bestLen && (at == pointer || at.Contains(pointer)) && !isName(d) {
			best, bestLen = start, len(at)
			if at == pointer {
				return best
			}
		}
	}
}

// isName says that the last token is a member's name.
func isName(d *jsontext.Decoder) bool {
	kind, n := d.StackIndex(d.StackDepth())
	return kind == '{' && n%2 == 1
}

// position returns the line and the column, in code points, of an offset.
func position(body []byte, offset int) (line, column int) {
	before := body[:min(max(offset, 0), len(body))]
	line = bytes.Count(before, []byte("\n")) + 1
	return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
}
