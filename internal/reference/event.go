package reference

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// readEvent reads an event from its two schemas.
func (c *Contract) readEvent(documented, observed *schema) (Event, error) {
	e := Event{Description: documented.Description}
	if s := documented.Properties.Get("event_type"); s != nil && s.Const != nil {
		e.Name = *s.Const
	}
	var example bytes.Buffer
	if err := json.Indent(&example, documented.Examples[0], "", "  "); err != nil {
		return Event{}, err
	}
	e.Example = example.String()
	differ, err := observe(observed)
	if err != nil {
		return Event{}, err
	}
	r := eventReader{contract: c, event: &e, defs: documented.Defs, places: map[string]string{}, differ: differ}
	err = r.object("", documented)
	e.Rulings, e.Objects[0].Rulings = e.Objects[0].Rulings, nil // those on the payload are on the event
	return e, err
}

// An eventReader reads the objects of an event, each once.
type eventReader struct {
	contract *Contract
	event    *Event
	defs     properties
	places   map[string]string // the IDs of objects, by their names in defs
	differ   *observation
}

// object describes the object at a path, and then the objects in it.
func (r *eventReader) object(at string, s *schema) (err error) {
	o := Object{ID: r.event.Name + "." + strings.TrimSuffix(at, elements), Path: at, Description: s.Description}
	if o.Rulings, err = r.contract.rulings(s, Place{r.event.Name, at}); err != nil {
		return err
	}
	type nested struct {
		at     string
		schema *schema
	}
	var inner []nested
	for _, p := range s.Properties {
		member, below := p.Value, join(at, p.Name)
		name, placed := r.within(member)
		if name != "" && !placed {
			r.places[name] = r.event.Name + "." + below
			path := below
			if member.Ref == "" {
				path += elements
			}
			inner = append(inner, nested{path, r.defs.Get(name)})
		}
		row, err := r.member(below, p, required(s, p.Name))
		if err != nil {
			return fmt.Errorf("%s: %w", below, err)
		}
		row.Object = r.places[name]
		row.Differences = r.differ.at[below]
		if !slices.ContainsFunc(inner, func(n nested) bool { return n.at == below+elements }) {
			row.Differences = distinct(slices.Concat(row.Differences, r.differ.at[below+elements]))
		}
		o.Members = append(o.Members, row)
	}
	if len(s.Properties) == 0 && s.Additional != nil {
		if o.Holds, err = r.typeOf(s.Additional); err != nil {
			return err
		}
		o.Differences = r.differ.at[at]
	}
	for _, p := range r.differ.members[at] {
		if slices.ContainsFunc(o.Members, func(m Member) bool { return m.Name == p.Name }) {
			continue
		}
		row, err := r.member(join(at, p.Name), p, "")
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		row.Type = ""
		row.Differences = r.differ.at[row.Path]
		o.Additions = append(o.Additions, row)
	}
	r.event.Objects = append(r.event.Objects, o)
	for _, n := range inner {
		if err := r.object(n.at, n.schema); err != nil {
			return err
		}
	}
	return nil
}

// member describes a member by itself.
func (r *eventReader) member(at string, p property, required string) (m Member, err error) {
	s := p.Value
	m = Member{Name: p.Name, Path: at, Required: required, Description: s.Description, Unit: s.Unit, Elsewhere: s.Canonical}
	if m.Rulings, err = r.contract.rulings(s, Place{r.event.Name, at}); err != nil {
		return m, err
	}
	if m.Type, err = r.typeOf(s); err != nil {
		return m, err
	}
	if s.Ref != "" {
		m.Description = r.defs.Get(path.Base(s.Ref)).Description
	}
	if len(s.Examples) > 0 {
		var example bytes.Buffer
		if err := json.Compact(&example, s.Examples[0]); err != nil {
			return m, err
		}
		m.Example = example.String()
	}
	return m, nil
}

// within returns the name in defs of the object that a value of s is or consists
// of, or "", and whether that is described already.
func (r *eventReader) within(s *schema) (name string, placed bool) {
	for s.Ref == "" {
		s = cmp.Or(s.Items, s.Additional)
		if s == nil {
			return "", false
		}
	}
	name = path.Base(s.Ref)
	_, placed = r.places[name]
	return name, placed
}

// typeOf describes the type of what conforms to s.
func (r *eventReader) typeOf(s *schema) (string, error) {
	if s.Ref != "" {
		def := r.defs.Get(path.Base(s.Ref))
		if def == nil {
			return "", fmt.Errorf("%s is not in this schema", s.Ref)
		}
		return def.Type, nil
	}
	switch {
	case s.Const != nil:
		return fmt.Sprintf("%s, always %q", s.Type, *s.Const), nil
	case len(s.Enum) > 0:
		return s.Type + ": " + oneOf(s.Enum), nil
	}
	text := s.Type
	if s.Format != "" {
		text += ", " + s.Format
	}
	if s.MinLength > 0 {
		text += ", not empty"
	}
	if s.Minimum != nil {
		text += fmt.Sprintf(", %d or more", *s.Minimum)
	}
	for _, of := range []*schema{s.Items, s.Additional} {
		if of != nil {
			inner, err := r.typeOf(of)
			return fmt.Sprintf("%s of %s", text, plural(inner)), err
		}
	}
	return text, nil
}

// plural returns the plural of a type: arrays of objects, of "array of objects".
func plural(text string) string {
	kind, rest, _ := strings.Cut(text, " ")
	return strings.TrimSuffix(kind+"s "+rest, " ")
}

// oneOf lists values: "a", "b" or "c".
func oneOf(values []string) string {
	var text strings.Builder
	for i, value := range values {
		switch {
		case i == 0:
		case i == len(values)-1:
			text.WriteString(" or ")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%q", value)
	}
	return text.String()
}

// required says whether objects of s have the member, or on what that depends.
func required(s *schema, name string) string {
	switch {
	case slices.Contains(s.Required, name):
		return "Required"
	case s.If == nil || len(s.If.Properties) != 1 || s.If.Properties[0].Value.Const == nil:
		return "Optional"
	}
	condition := fmt.Sprintf("%s is %q", s.If.Properties[0].Name, *s.If.Properties[0].Value.Const)
	switch {
	case s.Then != nil && slices.Contains(s.Then.Required, name):
		return "Only if " + condition
	case s.Else != nil && slices.Contains(s.Else.Required, name):
		return "Unless " + condition
	}
	return "Optional"
}
