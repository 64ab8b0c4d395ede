package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/jsonschema"
)

// An arm is one event of the contract, in both layers.
type arm struct {
	event      string // the documented event_type
	documented *schema
	observed   *schema
	// members are the documented members by the pointer of their object, and
	// known the same of the observed layer.
	members map[string]map[string]*judge.Schema
	known   map[string]map[string]*judge.Schema
	// places are where objects stand of which there may be something to remark.
	places  map[string]place
	spelled map[string][]spot // the documented members by what their names have in common
}

// contract is the embedded contract, ready to judge with.
type contract struct {
	arms     []*arm
	byEvent  map[string]*arm    // by each event_type that a layer knows
	schemas  map[string]*schema // by location
	remarked atomic.Pointer[map[remarkKey]*draft]
}

// loadContract compiles the embedded schemas, once. A contract that can't be judged
// by is a mistake in this package, which its tests find; it must not be taken for
// one that accepts everything.
var loadContract = sync.OnceValue(func() *contract {
	c, err := newContract(jsonschema.FS)
	if err != nil {
		panic(fmt.Sprintf("conformance: the embedded contract can't be judged by: %v", err))
	}
	return c
})

// newContract compiles the schemas in files. The error says which keyword of which
// schema a payload can't be judged by.
func newContract(files fs.FS) (*contract, error) {
	compiler := judge.NewCompiler()
	compiler.Draft = judge.Draft2020
	compiler.AssertFormat = true
	compiler.ExtractAnnotations = true
	compiler.RegisterExtension("runhooks", nil, annotationCompiler{})
	paths, err := fs.Glob(files, "*/*.json")
	if err != nil {
		return nil, err
	}
	for _, file := range paths {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
			return nil, err
		}
	}
	c := &contract{
		byEvent: make(map[string]*arm),
		schemas: make(map[string]*schema),
	}
	c.remarked.Store(&map[remarkKey]*draft{})
	for _, file := range paths {
		name, ok := strings.CutPrefix(file, "v1/")
		if !ok {
			continue
		}
		documented, err := compiler.Compile(jsonschema.Base + "v1/" + name)
		if err != nil {
			return nil, err
		}
		observed, err := compiler.Compile(jsonschema.Base + "observed/" + name)
		if err != nil {
			return nil, err
		}
		event := documented.Properties["event_type"]
		if event == nil { // of the union of the events, nothing is judged but which it is
			if err := cmp.Or(isUnion(documented), isUnion(observed)); err != nil {
				return nil, err
			}
			continue
		}
		if err := cmp.Or(isFinite(documented), isFinite(observed)); err != nil {
			return nil, err
		}
		a := &arm{
			event:      event.Constant[0].(string),
			documented: c.enroll(documented),
			observed:   c.enroll(observed),
		}
		a.members = membersOf(a.documented.Schema)
		a.known = membersOf(a.observed.Schema)
		a.places = placesOf(a)
		a.spelled = spellings(a.members)
		c.arms = append(c.arms, a)
		c.byEvent[a.event] = a
		for s := range inPlace(a.observed.Properties["event_type"]) {
			if len(s.Constant) > 0 {
				c.byEvent[s.Constant[0].(string)] = a
			}
		}
	}
	for _, location := range sortedKeys(c.schemas) {
		if err := c.schemas[location].check(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// events are the documented values of event_type, sorted.
func (c *contract) events() []string {
	var names []string
	for _, a := range c.arms {
		names = append(names, a.event)
	}
	slices.Sort(names)
	return names
}

// A shape is what schemas name of a value: members, and members of members.
type shape struct {
	members map[string]*shape
}

// shapeOf returns what schemas that apply to one value name of it.
func shapeOf(schemas ...*judge.Schema) *shape {
	named := make(map[string][]*judge.Schema)
	for _, s := range schemas {
		for here := range inPlace(s) {
			for _, name := range here.Required {
				if _, ok := named[name]; !ok {
					named[name] = nil // that it is there counts, not what it is
				}
			}
			for name, sub := range here.Properties {
				named[name] = append(named[name], sub)
			}
		}
	}
	sh := &shape{members: make(map[string]*shape, len(named))}
	for name, subs := range named {
		sh.members[name] = shapeOf(subs...)
	}
	return sh
}

// skeleton returns v without the elements of its arrays and without the members
// that sh doesn't name. However large v is, its skeleton is no larger than the
// contract, and so are the errors of a judge that sees no more than that. What
// the skeleton lacks is judged one by one: the contract has no rule for an
// array or a map as a whole, but for its type.
func (sh *shape) skeleton(v any) any {
	switch v := v.(type) {
	case []any:
		return []any{}
	case map[string]any:
		bones := make(map[string]any, len(sh.members))
		for name, member := range sh.members {
			if value, ok := v[name]; ok {
				bones[name] = member.skeleton(value)
			}
		}
		return bones
	}
	return v
}

// inPlace yields s and the schemas that apply to the same value, whether or
// not they accept it.
func inPlace(s *judge.Schema) func(yield func(*judge.Schema) bool) {
	return func(yield func(*judge.Schema) bool) {
		var visit func(*judge.Schema) bool
		visit = func(s *judge.Schema) bool {
			if s == nil {
				return true
			}
			if !yield(s) || !visit(s.Ref) || !visit(s.Not) || !visit(s.If) || !visit(s.Then) || !visit(s.Else) {
				return false
			}
			for _, list := range [][]*judge.Schema{s.AllOf, s.AnyOf, s.OneOf} {
				for _, sub := range list {
					if !visit(sub) {
						return false
					}
				}
			}
			return true
		}
		visit(s)
	}
}

// subschemas yields the schemas that s holds or refers to.
func subschemas(s *judge.Schema) func(yield func(*judge.Schema) bool) {
	return func(yield func(*judge.Schema) bool) {
		all := slices.Concat([]*judge.Schema{s.Ref, s.Not, s.If, s.Then, s.Else, s.Items2020, rest(s)},
			s.AllOf, s.AnyOf, s.OneOf)
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			all = append(all, s.Properties[name])
		}
		for _, sub := range all {
			if sub != nil && !yield(sub) {
				return
			}
		}
	}
}

// rest is the schema of the members that s doesn't name, or nil.
func rest(s *judge.Schema) *judge.Schema {
	sub, _ := s.AdditionalProperties.(*judge.Schema)
	return sub
}

// membersOf indexes the members that s names, by the pointer of their object.
// It doesn't look into arrays and maps, whose members have no names.
func membersOf(s *judge.Schema) map[string]map[string]*judge.Schema {
	index := make(map[string]map[string]*judge.Schema)
	var visit func(s *judge.Schema, at string)
	visit = func(s *judge.Schema, at string) {
		for here := range inPlace(s) {
			for name, sub := range here.Properties {
				if index[at] == nil {
					index[at] = make(map[string]*judge.Schema)
				}
				if index[at][name] == nil || sub.Description != "" {
					index[at][name] = sub
				}
				visit(sub, at+"/"+pointerEscapes.Replace(name))
			}
		}
	}
	visit(s, "")
	return index
}

// annotations are the keywords of ours that the schemas carry. They assert
// nothing.
type annotations struct {
	dialect     *dialect
	counts      string     // the sibling whose rows the value counts
	sums        []string   // the siblings whose sum the value is
	notBefore   string     // the sibling that the time must not precede
	plainText   bool       // no terminal escapes are expected
	placeholder string     // what servers put where they know no value
	usualFormat string     // the format that values have, without a promise
	usual       []*dialect // that a member is missing that needn't be there
	keywords    []string   // all that the schema has, in order
}

// A dialect names the known deviation that a branch of the observed layer
// stands for.
type dialect struct {
	code      Code
	severity  Severity
	member    string // the member it is about, where that isn't the value itself
	insteadOf string // the documented name of that member
	missing   string // the member that is absent
	message   string // in which only {value} is left open
}

// A notice is a set of things that a walk over a schema may find.
type notice uint8

const (
	noticeError    notice = 1 << iota // dialect errors
	noticeOther                       // warnings and infos of annotations
	noticeMembers                     // members that are not named
	noticeElements                    // elements, which are judged one by one
)

func (a annotations) notice() notice {
	var n notice
	if a.dialect != nil {
		if a.dialect.severity == SeverityError {
			n |= noticeError
		} else {
			n |= noticeOther
		}
	}
	if a.counts != "" || a.sums != nil || a.notBefore != "" || a.plainText ||
		a.placeholder != "" || a.usualFormat != "" || a.usual != nil {
		n |= noticeOther
	}
	return n
}

func annotationsOf(s *judge.Schema) annotations {
	a, _ := s.Extensions["runhooks"].(annotations)
	return a
}

// Validate is what makes annotations an extension of the judge.
func (annotations) Validate(judge.ValidationContext, any) error { return nil }

type annotationCompiler struct{}

// Compile reads the annotations of one schema. A test of package jsonschema
// holds their shapes, so what isn't of its shape is as good as absent.
func (annotationCompiler) Compile(_ judge.CompilerContext, keywords map[string]any) (judge.ExtSchema, error) {
	a := annotations{keywords: sortedKeys(keywords)}
	for keyword, v := range keywords {
		switch keyword {
		case "x-dialect":
			a.dialect = newDialect(v)
		case "x-counts":
			a.counts, _ = v.(string)
		case "x-sums":
			list, _ := v.([]any)
			for _, name := range list {
				name, _ := name.(string)
				a.sums = append(a.sums, name)
			}
		case "x-not-before":
			a.notBefore, _ = v.(string)
		case "x-plain-text":
			a.plainText, _ = v.(bool)
		case "x-placeholder":
			a.placeholder, _ = v.(string)
		case "x-usual-format":
			a.usualFormat, _ = v.(string)
		case "x-usual":
			list, _ := v.([]any)
			for _, name := range list {
				name, _ := name.(string)
				a.usual = append(a.usual, newDialect(map[string]any{
					"code": "dialect.member-absent", "severity": string(SeverityInfo), "missing": name,
				}))
			}
		}
	}
	return a, nil
}

// The keywords that a contract may have. A payload can't be judged by any other:
// what it asserts would be left out.
var (
	// understood are those that schema.firm and schema.holds heed, and those that
	// assert nothing.
	understood = []string{
		"type", "const", "enum", "format", "minLength", "minimum", "required", "not", "anyOf",
		"$ref", "allOf", "if", "then", "else", "properties", "additionalProperties", "items",
		"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "discriminator",
		"x-dialect", "x-counts", "x-sums", "x-not-before", "x-plain-text", "x-placeholder",
		"x-usual-format", "x-usual", "x-unit", "x-canonical",
	}
	// asked are those of which the judge is asked: they look at nothing that the
	// skeleton of a value lacks.
	asked = []string{
		"maxLength", "pattern", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "oneOf",
	}
	// uniting are those of a union of events.
	uniting = []string{"$schema", "$id", "$comment", "title", "description", "examples", "discriminator", "oneOf", "anyOf"}
)

// check returns an error if s says something by which payloads can't be judged, or
// that would be left out.
func (s *schema) check() error {
	wrong := func(keyword, why string) error { return fmt.Errorf("%s: %s: %s", s.Location, keyword, why) }
	for _, keyword := range s.annotations.keywords {
		if !slices.Contains(understood, keyword) && !slices.Contains(asked, keyword) {
			return wrong(keyword, "payloads can't be judged by this keyword")
		}
	}
	if s.Format != "" && s.format == nil {
		return wrong("format", fmt.Sprintf("there is no format %q", s.Format))
	}
	if usual := s.annotations.usualFormat; usual != "" && judge.Formats[usual] == nil {
		return wrong("x-usual-format", fmt.Sprintf("there is no format %q", usual))
	}
	if d := s.annotations.dialect; d != nil {
		if _, ok := d.code.Rule(); !ok {
			return wrong("x-dialect", fmt.Sprintf("there is no code %q", d.code))
		}
		if !slices.Contains([]Severity{SeverityError, SeverityWarning, SeverityInfo}, d.severity) {
			return wrong("x-dialect", fmt.Sprintf("there is no severity %q", d.severity))
		}
	}
	if s.AdditionalProperties == false {
		return wrong("additionalProperties", "members that the contract doesn't name are always allowed")
	}
	// The skeleton of a value has no elements.
	for _, value := range slices.Concat(s.Enum, s.Constant) {
		switch value.(type) {
		case []any, map[string]any:
			return wrong("enum or const", "a value can't be compared with an array or an object")
		}
	}
	for _, sub := range append(slices.Clone(s.oneOf), s.not, s.condition) {
		if sub != nil && sub.noticing&noticeElements != 0 {
			return wrong("not, if or oneOf", "it can't depend on the elements of an array or a map")
		}
	}
	return nil
}

// isFinite returns an error if s leads back to itself. What is prepared of it would
// have no end.
func isFinite(s *judge.Schema) error {
	done := make(map[*judge.Schema]bool) // false while on the way
	var visit func(*judge.Schema) error
	visit = func(s *judge.Schema) error {
		if finite, seen := done[s]; finite {
			return nil
		} else if seen {
			return fmt.Errorf("%s: $ref: payloads can't be judged by a schema that refers back to itself", s.Location)
		}
		done[s] = false
		for sub := range subschemas(s) {
			if err := visit(sub); err != nil {
				return err
			}
		}
		done[s] = true
		return nil
	}
	return visit(s)
}

// isUnion returns an error if s says more of a payload than which event it is.
func isUnion(s *judge.Schema) error {
	for _, keyword := range annotationsOf(s).keywords {
		if !slices.Contains(uniting, keyword) {
			return fmt.Errorf("%s: %s: a union of events has no rules of its own", s.Location, keyword)
		}
	}
	for _, sub := range slices.Concat(s.OneOf, s.AnyOf) {
		if !slices.Equal(annotationsOf(sub).keywords, []string{"$ref"}) {
			return fmt.Errorf("%s: a union of events refers to them, and says nothing of its own", sub.Location)
		}
	}
	return nil
}

func newDialect(v any) *dialect {
	keywords, _ := v.(map[string]any)
	text := func(name string) string {
		s, _ := keywords[name].(string)
		return s
	}
	d := &dialect{
		code:      Code(text("code")),
		severity:  Severity(text("severity")),
		member:    text("member"),
		insteadOf: text("instead-of"),
		missing:   text("missing"),
	}
	if d.severity == "" {
		d.severity = SeverityError
	}
	d.message = strings.NewReplacer(
		"{member}", quote(d.member),
		"{documented}", quote(d.insteadOf),
		"{missing}", quote(d.missing),
	).Replace(registry[d.code].message)
	return d
}

// keyword splits the location of a keyword into that of its schema and its
// name.
func keyword(location string) (schema, name string) {
	i := strings.LastIndexByte(location, '/')
	if i < strings.IndexByte(location, '#') {
		return location, ""
	}
	return location[:i], location[i+1:]
}
