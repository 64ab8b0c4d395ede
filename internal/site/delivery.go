package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/internal/ordered"
	"github.com/runhooks/runhooks/openapi"
)

// A delivery is what the OpenAPI document says around the payloads: how they are
// delivered, in which headers, and what the answers mean.
type delivery struct {
	Title, Summary, Version string
	About                   template.HTML
	Chapters                []chapter
	Operations              map[string]operation // by event
	Media                   string               // the type of the body
	Body                    template.HTML
	Headers                 []field
	Answers                 []answer
	Problem                 []problemObject // the body of an answer that has one, and what is in it
}

// An operation says when an event is sent.
type operation struct {
	Summary string
	About   template.HTML
}

// A field is a header of a delivery or of an answer, or a member of an answer's body.
type field struct {
	Name     string
	Type     string
	Required bool
	Unit     string
	About    template.HTML
	Example  string
}

// An answer is what a receiver may answer with.
type answer struct {
	Status  string // such as 410 or 4XX
	Title   string
	About   template.HTML
	Headers []field
	Media   string // the type of its body, or ""
	Example template.HTML
}

// A problemObject is an object in the body of an answer.
type problemObject struct {
	Name    string
	About   template.HTML
	Members []field
}

// document is as much of OpenAPI as there is to read.
type document struct {
	Info struct {
		Title, Summary, Version, Description string
	}
	Webhooks   ordered.Object[struct{ Post post }]
	Components struct {
		Parameters map[string]parameter
		Headers    map[string]parameter
		Responses  map[string]response
		Schemas    map[string]json.RawMessage
	}
}

type post struct {
	Summary, Description string
	Parameters           []ref
	RequestBody          struct {
		Description string
		Content     ordered.Object[struct{}]
	}
	Responses ordered.Object[ref]
}

type ref struct {
	Ref string `json:"$ref"`
}

// name is that of the component that is referred to.
func (r ref) name() string { return path.Base(r.Ref) }

type parameter struct {
	Name, Description string
	Required          bool
	Schema            value
	Example           json.RawMessage
}

// A value is a schema of the body of an answer, or of a header.
type value struct {
	ref
	Description string
	Type        string
	MinLength   int
	Minimum     *int
	Enum        []string
	Required    []string
	Properties  ordered.Object[value]
	Items       *value
	Unit        string            `json:"x-unit"`
	Examples    []json.RawMessage `json:"examples"`
}

type response struct {
	Description string
	Headers     ordered.Object[ref]
	Content     ordered.Object[struct {
		Schema   ref
		Example  json.RawMessage
		Examples ordered.Object[struct{ Value json.RawMessage }]
	}]
}

// readDelivery reads the document of the webhooks.
func readDelivery() (*delivery, error) {
	text, err := fs.ReadFile(openapi.Dist, "dist/webhooks.json")
	if err != nil {
		return nil, err
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Webhooks) == 0 {
		return nil, errors.New("the document has no webhooks")
	}
	d := &delivery{Title: doc.Info.Title, Summary: doc.Info.Summary, Version: doc.Info.Version, Operations: map[string]operation{}}
	if d.About, d.Chapters, err = chapters(doc.Info.Description); err != nil {
		return nil, err
	}
	first := doc.Webhooks[0].Value.Post
	for _, w := range doc.Webhooks {
		post := w.Value.Post
		if !slices.Equal(post.Parameters, first.Parameters) || !slices.Equal(post.Responses, first.Responses) {
			return nil, fmt.Errorf("%s has other headers or answers than %s, and the page has room for one list", w.Name, doc.Webhooks[0].Name)
		}
		about, err := prose(post.Description)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
		d.Operations[w.Name] = operation{post.Summary, about}
	}
	if len(first.RequestBody.Content) != 1 {
		return nil, errors.New("the page has room for one type of a body")
	}
	d.Media, d.Body = first.RequestBody.Content[0].Name, phrase(first.RequestBody.Description)
	for _, p := range first.Parameters {
		d.Headers = append(d.Headers, doc.Components.Parameters[p.name()].field(""))
	}
	for _, r := range first.Responses {
		a, err := doc.answer(r.Name, r.Value.name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		d.Answers = append(d.Answers, a)
	}
	d.Problem, err = doc.problem("Problem")
	return d, err
}

func (p parameter) field(name string) field {
	h := field{Name: p.Name, Type: p.Schema.kind(), Required: p.Required, Unit: p.Schema.Unit, About: phrase(p.Description)}
	if name != "" {
		h.Name = name
	}
	// A header has no quotes, and keeps the digits of its number.
	if h.Example = string(p.Example); strings.HasPrefix(h.Example, `"`) {
		_ = json.Unmarshal(p.Example, &h.Example) // a document that was read
	}
	return h
}

// kind describes the type of a value.
func (v *value) kind() string {
	switch {
	case len(v.Enum) > 0:
		return v.Type + ": " + strings.Join(v.Enum, ", ")
	case v.Items != nil && v.Items.Ref != "":
		return v.Type + " of " + v.Items.name()
	case v.MinLength > 0:
		return v.Type + ", not empty"
	case v.Minimum != nil:
		return fmt.Sprintf("%s, %d or more", v.Type, *v.Minimum)
	}
	return v.Type
}

// answer describes the answer of a status.
func (doc *document) answer(status, component string) (answer, error) {
	r, ok := doc.Components.Responses[component]
	if !ok {
		return answer{}, fmt.Errorf("there is no answer %q", component)
	}
	a := answer{Status: status, Title: spaced(component), About: phrase(r.Description)}
	for _, h := range r.Headers {
		a.Headers = append(a.Headers, doc.Components.Headers[h.Value.name()].field(h.Name))
	}
	for _, content := range r.Content {
		a.Media = content.Name
		example := content.Value.Example
		if len(content.Value.Examples) > 0 {
			example = content.Value.Examples[0].Value.Value
		}
		if example != nil {
			html, err := coloured(example)
			if err != nil {
				return answer{}, err
			}
			a.Example = html
		}
	}
	return a, nil
}

// problem describes an object of the components, and those that it consists of.
func (doc *document) problem(component string) ([]problemObject, error) {
	var v value
	if err := json.Unmarshal(doc.Components.Schemas[component], &v); err != nil {
		return nil, fmt.Errorf("%s: %w", component, err)
	}
	o := problemObject{Name: component, About: phrase(v.Description)}
	list := []problemObject{}
	for _, p := range v.Properties {
		m := field{
			Name: p.Name, Type: p.Value.kind(), Required: slices.Contains(v.Required, p.Name), Unit: p.Value.Unit, About: phrase(p.Value.Description),
		}
		if len(p.Value.Examples) > 0 && p.Value.Items == nil {
			m.Example = string(p.Value.Examples[0])
		}
		o.Members = append(o.Members, m)
		if p.Value.Items != nil && p.Value.Items.Ref != "" {
			inner, err := doc.problem(p.Value.Items.name())
			if err != nil {
				return nil, err
			}
			list = append(list, inner...)
		}
	}
	return append([]problemObject{o}, list...), nil
}

// spaced returns the words of a name such as TooManyRequests: "Too many requests".
func spaced(name string) string {
	var out strings.Builder
	for i, r := range name {
		if i > 0 && 'A' <= r && r <= 'Z' {
			out.WriteByte(' ')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// coloured returns JSON that is not a payload, in colours.
func coloured(text json.RawMessage) (template.HTML, error) {
	c := colourist{link: func(string) string { return "" }}
	err := c.write(bytes.TrimSpace(text), "", "")
	return template.HTML(c.out.String()), err //nolint:gosec // the colourist escapes
}
