package event

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// names says which member of a payload is which field, as the schemas have it.
// The names of run_completed are the fields' own. Those of run_failed say by
// x-canonical which they are, and those that servers use instead say by x-dialect
// what they stand for. A member that stands elsewhere than the one that it is gives
// the pointer of that as x-canonical. Each name means the same in both events: a
// failure in snake_case is read as one in camelCase is.
type names struct {
	root   *object
	events map[string]Type // by event_type as sent
	arms   map[Type]uint8  // a bit for each
	// canonical has the pointer of each field in the canonical form, by its own.
	canonical map[string]string
	page      *shape[Page]
	search    *shape[Search]
	result    *shape[SearchResult]
}

// An object is one whose members have names.
type object struct {
	place   string // its JSON pointer, in a payload and in the fields
	members map[string]*member
}

// A member is a name in an object: that of a field, or of another object.
type member struct {
	pointer string // of the field
	field   int
	take    func(*reader) bool // nil for a member that has no field, which a test reports
	own     uint8              // the arms that call the field so
	object  *object
}

const eventTypeName = "event_type"

// canonicalFile is the schema of the canonical form.
const canonicalFile = "canonical/run-event.json"

// schemasJSON has what matters here of the schemas, by file: a ninth of them, since it is
// read when a program parses its first event.
//
//go:generate go run names_generate.go
//go:embed names.json
var schemasJSON []byte

// loadNames reads the embedded schemas, once.
var loadNames = sync.OnceValue(func() *names {
	var files map[string]schema
	err := json.Unmarshal(schemasJSON, &files)
	if err == nil {
		var n *names
		if n, err = newNames(files); err == nil {
			return n
		}
	}
	panic(fmt.Sprintf("event: the embedded contract can't be read: %v", err))
})

// A schema is what matters here of a JSON Schema.
type schema struct {
	Ref        string            `json:"$ref"`
	Const      any               `json:"const"`
	Properties map[string]schema `json:"properties"`
	AllOf      []schema          `json:"allOf"`
	AnyOf      []schema          `json:"anyOf"`
	Then       *schema           `json:"then"`
	Else       *schema           `json:"else"`
	Defs       map[string]schema `json:"$defs"`
	Canonical  string            `json:"x-canonical"`
	SentAs     map[string]string `json:"x-sent-as"`
	Dialect    struct {
		Member    string `json:"member"`
		InsteadOf string `json:"instead-of"`
	} `json:"x-dialect"`
}

// newNames takes the names from the schemas of all layers.
func newNames(files map[string]schema) (*names, error) {
	n := &names{events: make(map[string]Type), arms: make(map[Type]uint8)}
	indices := make(map[string]int)
	for i, pointer := range slices.Sorted(maps.Keys(fields)) {
		indices[pointer] = i
	}
	if len(indices) > 64 {
		return nil, fmt.Errorf("%d fields; a reader keeps track of 64", len(indices))
	}
	objects := make(map[string]*object)
	for _, file := range slices.Sorted(maps.Keys(files)) {
		layer, base := path.Split(file)
		name, _ := files[file].Properties[eventTypeName].Const.(string)
		event := Type(name)
		if layer != "v1/" || event == "" { // the union of the events has no event_type
			continue
		}
		n.arms[event] = 1 << len(n.arms)
		a := &survey{files: files, known: make(map[string]map[string]schema), standsFor: make(map[string]string)}
		for _, file := range []string{file, "observed/" + base} {
			a.visit(file, files[file], "")
			for s := range a.inPlace(file, files[file].Properties[eventTypeName]) {
				if name, _ := s.Const.(string); name != "" {
					n.events[name] = event
				}
			}
		}
		for place, members := range a.known {
			o := objects[place]
			if o == nil {
				o = &object{place: place, members: make(map[string]*member)}
				objects[place] = o
			}
			for name := range members {
				pointer, own := a.canonical(place, name)
				m := o.members[name]
				switch {
				case m == nil:
					m = &member{pointer: pointer}
					o.members[name] = m
				case m.pointer != pointer:
					return nil, fmt.Errorf("%s/%s is both %s and %s", place, name, m.pointer, pointer)
				}
				if own {
					m.own |= n.arms[event]
				}
			}
		}
	}
	for _, o := range objects {
		for _, m := range o.members {
			if m.object = objects[m.pointer]; m.object == nil {
				m.take, m.field = fields[m.pointer], indices[m.pointer]
			}
		}
	}
	n.root = objects[""]
	canonical := files[canonicalFile]
	n.canonical = make(map[string]string)
	canonicalPointers(canonical.Defs, canonical, "", n.canonical)
	n.page = shapeOf(canonical.Defs["CanonicalPage"], pageFields)
	n.search = shapeOf(canonical.Defs["CanonicalSearch"], searchFields)
	n.result = shapeOf(canonical.Defs["CanonicalSearchResult"], resultFields)
	return n, nil
}

// canonicalPointers enters the members of an object of the canonical form, and those of
// the objects in it, by the pointers that x-sent-as gives.
func canonicalPointers(definitions map[string]schema, object schema, place string, into map[string]string) {
	for name, pointer := range object.SentAs {
		into[pointer] = place + "/" + canonicalName(name, object)
	}
	for name, member := range object.Properties {
		if _, sent := object.SentAs[name]; !sent && member.Ref != "" {
			canonicalPointers(definitions, definitions[strings.TrimPrefix(member.Ref, "#/$defs/")], place+"/"+name, into)
		}
	}
}

// canonicalName returns the pointer of a member within its object: a time is an object
// that has what was sent as raw.
func canonicalName(name string, object schema) string {
	if object.Properties[name].Ref == "#/$defs/CanonicalTime" {
		return name + "/raw"
	}
	return name
}

// A survey gathers the members that the schemas of one event name.
type survey struct {
	files     map[string]schema
	known     map[string]map[string]schema // by the place of their object
	standsFor map[string]string            // by pointer: the name that x-dialect gives for another
}

// visit enters the members of the value at place, to which s applies, and
// theirs. Arrays and maps have no members with names.
func (a *survey) visit(file string, s schema, place string) {
	for here := range a.inPlace(file, s) {
		if d := here.Dialect; d.InsteadOf != "" {
			a.standsFor[place+"/"+d.Member] = d.InsteadOf
		}
		for name, sub := range here.Properties {
			if a.known[place] == nil {
				a.known[place] = make(map[string]schema)
			}
			if was, ok := a.known[place][name]; !ok || was.Canonical == "" {
				a.known[place][name] = sub
			}
			a.visit(file, sub, place+"/"+name)
		}
	}
}

// inPlace yields s and the schemas that apply to the same value.
func (a *survey) inPlace(file string, s schema) func(yield func(schema) bool) {
	return func(yield func(schema) bool) {
		if s.Ref != "" {
			target, pointer, _ := strings.Cut(s.Ref, "#/$defs/")
			if target != "" {
				file = path.Join(path.Dir(file), target)
			}
			s = a.files[file].Defs[pointer]
		}
		if !yield(s) {
			return
		}
		subs := slices.Concat(s.AllOf, s.AnyOf)
		for _, sub := range []*schema{s.Then, s.Else} {
			if sub != nil {
				subs = append(subs, *sub)
			}
		}
		for _, sub := range subs {
			for deeper := range a.inPlace(file, sub) {
				if !yield(deeper) {
					return
				}
			}
		}
	}
}

// canonical returns the field of a name in place, and whether the event itself
// calls it so.
func (a *survey) canonical(place, name string) (pointer string, own bool) {
	own = true
	if other := a.standsFor[place+"/"+name]; other != "" {
		name, own = other, false
	}
	switch c := a.known[place][name].Canonical; {
	case strings.HasPrefix(c, "/"):
		return c, false
	case c != "":
		name = c
	}
	return place + "/" + name, own
}
