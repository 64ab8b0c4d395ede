package sample

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/jsonschema"
)

// A schema is what a sample needs to know of one. What else a schema says, the
// sample has to keep by its examples: a test holds it to all of the contract.
type schema struct {
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Type       string             `json:"type"`
	Const      jsontext.Value     `json:"const"`
	Enum       []jsontext.Value   `json:"enum"`
	Examples   []jsontext.Value   `json:"examples"`
	Format     string             `json:"format"`
	MinLength  int                `json:"minLength"`
	Minimum    jsontext.Value     `json:"minimum"`
	MinItems   int                `json:"minItems"`
	Items      *schema            `json:"items"`
	Properties properties         `json:"properties"`
	Required   []string           `json:"required"`
	If         *schema            `json:"if"`
	Then       *schema            `json:"then"`
	Else       *schema            `json:"else"`
	Not        *schema            `json:"not"`
}

// properties are those of a schema, in its order.
type properties []property

type property struct {
	name   string
	schema *schema
}

func (p *properties) UnmarshalJSON(text []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		member := property{name: name.String()}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if err := json.Unmarshal(value, &member.schema); err != nil {
			return err
		}
		*p = append(*p, member)
	}
	return nil
}

func (p properties) get(name string) *schema {
	for _, member := range p {
		if member.name == name {
			return member.schema
		}
	}
	return nil
}

// schemas are documents by the path of their file.
type schemas map[string]*schema

// documentedSchemas are those of the contract's documented layer.
var documentedSchemas = sync.OnceValue(func() schemas {
	all, err := readSchemas(jsonschema.FS, "v1")
	if err != nil {
		panic(err) // the embedded files are broken; tests read them all
	}
	return all
})

func readSchemas(files fs.FS, dir string) (schemas, error) {
	names, err := fs.Glob(files, path.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	all := make(schemas)
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		s := new(schema)
		if err := json.Unmarshal(text, s); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = s
	}
	return all, nil
}

// eventType is the event whose schema s is, or "".
func (s *schema) eventType() string {
	var event string
	if member := s.Properties.get("event_type"); member != nil && member.Const != nil {
		_ = json.Unmarshal(member.Const, &event) // "" where it is not text
	}
	return event
}

func documentedEvents() []string {
	var events []string
	for _, s := range documentedSchemas() {
		if event := s.eventType(); event != "" {
			events = append(events, event)
		}
	}
	slices.Sort(events)
	return events
}

// documented gives a payload of an event as its schema's examples have it.
func documented(event string) ([]byte, error) {
	all := documentedSchemas()
	for file, s := range all {
		if s.eventType() == event {
			w := walk{all, file}
			sample, err := w.sample(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			return sample, sample.Compact()
		}
	}
	return nil, fmt.Errorf("the contract has no event %q", event)
}

// A walk goes through one document, and through those that it refers to.
type walk struct {
	all  schemas
	file string
}

// sample gives a value that s accepts: an object of its members, and for
// anything else what s allows alone, its first example, or the least that its
// type allows.
func (w walk) sample(s *schema) (jsontext.Value, error) {
	switch {
	case s.Ref != "":
		to, target, err := w.resolve(s.Ref)
		if err != nil {
			return nil, err
		}
		return to.sample(target)
	case s.Const != nil:
		return s.Const.Clone(), nil
	case s.Properties != nil:
		return w.object(s)
	case len(s.Examples) > 0:
		return s.Examples[0].Clone(), nil
	case len(s.Enum) > 0:
		return s.Enum[0].Clone(), nil
	}
	switch s.Type {
	case "object":
		return jsontext.Value("{}"), nil
	case "array":
		return w.array(s)
	case "string":
		if s.Format == "date-time" {
			return jsontext.Value(`"2025-05-29T15:53:15.595Z"`), nil
		}
		return jsontext.Value(`"` + strings.Repeat("x", s.MinLength) + `"`), nil
	case "integer", "number":
		if s.Minimum != nil {
			return s.Minimum.Clone(), nil
		}
		return jsontext.Value("0"), nil
	case "boolean":
		return jsontext.Value("true"), nil
	}
	return jsontext.Value("null"), nil
}

func (w walk) array(s *schema) (jsontext.Value, error) {
	array := jsontext.Value("[")
	for i := range max(s.MinItems, 1) {
		if s.Items == nil {
			break
		}
		item, err := w.sample(s.Items)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, item...)
	}
	return append(array, ']'), nil
}

// object gives all members that s names, in its order, but for those that a
// condition on the others forbids.
func (w walk) object(s *schema) (jsontext.Value, error) {
	members := make(map[string]jsontext.Value)
	for _, member := range s.Properties {
		value, err := w.sample(member.schema)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member.name, err)
		}
		members[member.name] = value
	}
	if s.If != nil {
		consequence := s.Else
		if s.If.holds(members) {
			consequence = s.Then
		}
		if consequence != nil && consequence.Not != nil {
			for _, name := range consequence.Not.Required {
				delete(members, name)
			}
		}
	}
	object := jsontext.Value("{")
	for _, member := range s.Properties {
		value, ok := members[member.name]
		if !ok {
			continue
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		name, err := jsontext.AppendQuote(nil, member.name)
		if err != nil {
			return nil, err
		}
		object = append(append(append(object, name...), ':'), value...)
	}
	return append(object, '}'), nil
}

// holds reports whether an object of these members fulfils a condition: that it
// has some of them, and that some have a certain value.
func (s *schema) holds(members map[string]jsontext.Value) bool {
	for _, name := range s.Required {
		if members[name] == nil {
			return false
		}
	}
	for _, member := range s.Properties {
		value, ok := members[member.name]
		if ok && member.schema.Const != nil && !bytes.Equal(value, member.schema.Const) {
			return false
		}
	}
	return true
}

// resolve gives what a reference means: other.json, or #/$defs/Name.
func (w walk) resolve(ref string) (walk, *schema, error) {
	file, def, inside := strings.Cut(ref, "#/$defs/")
	if file != "" {
		w.file = path.Join(path.Dir(w.file), file)
	}
	target := w.all[w.file]
	if target != nil && inside {
		target = target.Defs[def]
	}
	if target == nil {
		return w, nil, fmt.Errorf("$ref %q leads nowhere", ref)
	}
	return w, target, nil
}
