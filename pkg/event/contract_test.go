package event_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// The tests of this file follow a documented member from its schema to all that
// has to know it and is not generated, and name what doesn't. "Change a documented
// member" in CONTRIBUTING.md is what they hold to.

// A schema is what the tests read of one.
type schema struct {
	Ref        string             `json:"$ref"`
	Const      any                `json:"const"`
	Enum       []any              `json:"enum"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Examples   []any              `json:"examples"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	AllOf      []*schema          `json:"allOf"`
	AnyOf      []*schema          `json:"anyOf"`
	If         *schema            `json:"if"`
	Then       *schema            `json:"then"`
	Else       *schema            `json:"else"`
	Not        *schema            `json:"not"`
	Defs       map[string]*schema `json:"$defs"`
	Canonical  string             `json:"x-canonical"`
	Counts     string             `json:"x-counts"`
	Sums       []string           `json:"x-sums"`
}

// A contract is the schemas of both layers, by their files.
type contract map[string]*schema

func loadContract(t *testing.T) contract {
	t.Helper()
	files, err := fs.Glob(jsonschema.FS, "*/run-*.json")
	if err != nil {
		t.Fatal(err)
	}
	c := contract{}
	for _, file := range files {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		c[file] = new(schema)
		if err := json.Unmarshal(text, c[file]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return c
}

// events returns the documented events: each type, and its file.
func (c contract) events() map[event.Type]string {
	events := map[event.Type]string{}
	for file, s := range c {
		if strings.HasPrefix(file, "v1/") && s.Properties["event_type"] != nil {
			events[event.Type(s.Properties["event_type"].Const.(string))] = file
		}
	}
	return events
}

// follow returns the schema that s stands for, and where it is.
func (c contract) follow(file, at string, s *schema) (string, string, *schema) {
	if s.Ref == "" {
		return file, at, s
	}
	target, fragment, _ := strings.Cut(s.Ref, "#")
	if target != "" {
		file = path.Join(path.Dir(file), target)
	}
	return file, file + "#" + fragment, c[file].Defs[strings.TrimPrefix(fragment, "/$defs/")]
}

// A documented is a member that the contract documents.
type documented struct {
	name    string
	pointer string // in a payload
	at      string // of its schema
	schema  *schema
}

// members returns the documented members of an event, by their pointers.
func (c contract) members(file string) map[string]documented {
	members := map[string]documented{}
	c.visit(file, file+"#", c[file], "", members)
	return members
}

func (c contract) visit(file, at string, s *schema, pointer string, members map[string]documented) {
	for name, sub := range s.Properties {
		m := documented{name: name, pointer: pointer + "/" + name, at: at + "/properties/" + name}
		subFile, subAt, target := c.follow(file, m.at, sub)
		m.schema = target
		if sub.Canonical != "" {
			m.name = sub.Canonical
		}
		members[m.pointer] = m
		c.visit(subFile, subAt, target, m.pointer, members)
	}
}

// A place is what a layer knows of an object.
type place struct {
	at    string // of the schema to which a member is to be added
	names map[string]bool
}

// places returns the objects that a file names members of, by their pointers.
func (c contract) places(file string) map[string]*place {
	places := map[string]*place{}
	var visit func(file, at string, s *schema, pointer string)
	visit = func(file, at string, s *schema, pointer string) {
		file, at, s = c.follow(file, at, s)
		for name, sub := range s.Properties {
			if places[pointer] == nil {
				places[pointer] = &place{at: at, names: map[string]bool{}}
			}
			places[pointer].names[name] = true
			visit(file, at+"/properties/"+name, sub, pointer+"/"+name)
		}
		for i, sub := range s.AllOf {
			visit(file, fmt.Sprintf("%s/allOf/%d", at, i), sub, pointer)
		}
		for i, sub := range s.AnyOf {
			visit(file, fmt.Sprintf("%s/anyOf/%d", at, i), sub, pointer)
		}
		for at, sub := range map[string]*schema{at + "/then": s.Then, at + "/else": s.Else} {
			if sub != nil {
				visit(file, at, sub, pointer)
			}
		}
	}
	visit(file, file+"#", c[file], "")
	return places
}

// A choice is a value for a member with an enum. The zero choice is the first
// value of each.
type choice struct {
	pointer string
	value   any
}

func (c choice) String() string {
	if c.pointer == "" {
		return "as it is"
	}
	return fmt.Sprintf("%s is %v", c.pointer, c.value)
}

// choices returns one for each value of each enum.
func choices(members map[string]documented) []choice {
	all := []choice{{}}
	for _, pointer := range slices.Sorted(maps.Keys(members)) {
		for _, value := range members[pointer].schema.Enum {
			all = append(all, choice{pointer, value})
		}
	}
	return all
}

// sample returns a value of s that has every member that it may have. The texts,
// times and numbers differ from one another where the contract lets them.
func (c contract) sample(file string, s *schema, pointer string, chosen choice, n *int) any {
	file, _, s = c.follow(file, "", s)
	*n++
	switch {
	case s.Const != nil:
		return s.Const
	case pointer == chosen.pointer && chosen.value != nil:
		return chosen.value
	case s.Enum != nil:
		return s.Enum[0]
	case s.Properties != nil:
		object := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			object[name] = c.sample(file, s.Properties[name], pointer+"/"+name, chosen, n)
		}
		for _, name := range s.without(object) {
			delete(object, name)
		}
		return object
	case s.Type == "integer" && s.Counts == "" && s.Sums == nil:
		return float64(*n)
	case s.Type == "string" && s.Format == "date-time":
		return time.Date(2025, 5, 29, 15, 0, *n, 0, time.UTC).Format(time.RFC3339)
	case s.Type == "string" && s.Format == "":
		return "text " + strconv.Itoa(*n)
	default:
		return s.Examples[0]
	}
}

// without returns the members that the condition of s doesn't allow in object.
func (s *schema) without(object map[string]any) []string {
	if s.If == nil {
		return nil
	}
	branch := s.Then
	for name, is := range s.If.Properties {
		if object[name] != is.Const {
			branch = s.Else
		}
	}
	return branch.Not.Required
}

// at returns the value at a pointer without escapes.
func at(v any, pointer string) (value any, ok bool) {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := v.(map[string]any)
		if v, ok = object[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

// TestEveryDocumentedMember: what the contract documents is accepted by the
// observed layer, has a field, and is still there in Documented.
func TestEveryDocumentedMember(t *testing.T) {
	c := loadContract(t)
	for typ, file := range c.events() {
		t.Run(string(typ), func(t *testing.T) {
			members := c.members(file)
			report := once(t)
			observed := "observed/" + path.Base(file)
			places := c.places(observed)
			for pointer, m := range members {
				object, name := path.Split(pointer)
				p := places[strings.TrimSuffix(object, "/")]
				if p == nil {
					report("%s: jsonschema/%s describes no object at %s", m.at, observed, object)
				} else if !p.names[name] {
					report("%s: jsonschema/%s lacks it: describe it in properties", m.at, p.at)
				}
			}

			seen := map[string]bool{}
			for _, chosen := range choices(members) {
				n := 0
				sent := c.sample(file, c[file], "", chosen, &n)
				payload, err := json.Marshal(sent)
				if err != nil {
					t.Fatal(err)
				}
				if verdict := conformance.Check(payload); verdict.Verdict != conformance.Conforms {
					t.Fatalf("%s: the sample of this test doesn't conform: %v\n%s", chosen, verdict.Findings, payload)
				}
				if !judgetest.Judge(payload).Observed {
					where := observed
					if p := places[path.Dir(chosen.pointer)]; p != nil {
						where = p.at + "/properties/" + path.Base(chosen.pointer)
					}
					report("%s: jsonschema/%s refuses %v", members[chosen.pointer].at, where, chosen.value)
				}
				e, err := event.Parse(payload)
				if err != nil {
					report("where %s: %v", chosen, err)
					continue
				}
				for _, extra := range e.Extra {
					report("%s: it has no field: add one to package event, and its line to fields in pkg/event/parse.go", members[extra.Pointer].at)
				}
				text, err := e.Documented()
				if err != nil {
					report("where %s, Documented fails: %v", chosen, err)
					continue
				}
				var got any
				if err := json.Unmarshal(text, &got); err != nil {
					t.Fatal(err)
				}
				for pointer, m := range members {
					want, ok := at(sent, pointer)
					if !ok {
						continue
					}
					seen[pointer] = true
					if m.schema.Properties != nil {
						continue // by its members
					}
					if value, ok := at(got, pointer); !ok {
						report("%s: Documented drops it: see Event.Documented and document.write in pkg/event/build.go", m.at)
					} else if !cmp.Equal(want, value) {
						report("%s: Documented has %v for %v: see Event.Documented and document.write in pkg/event/build.go", m.at, value, want)
					}
				}
			}
			for pointer, m := range members {
				if !seen[pointer] {
					t.Errorf("%s: no sample of this test has it", m.at)
				}
			}
		})
	}
}

// once reports each failure once.
func once(t *testing.T) func(format string, args ...any) {
	said := map[string]bool{}
	return func(format string, args ...any) {
		t.Helper()
		if text := fmt.Sprintf(format, args...); !said[text] {
			said[text] = true
			t.Error(text)
		}
	}
}

// TestEveryDocumentedMemberIsSent: the events that are built have all that is
// documented, and each value of an enum.
func TestEveryDocumentedMemberIsSent(t *testing.T) {
	c := loadContract(t)
	for typ, file := range c.events() {
		t.Run(string(typ), func(t *testing.T) {
			members := c.members(file)
			report := once(t)
			sent := map[string]bool{}
			what := "event.Completed"
			if typ == event.RunFailed {
				what = "event.Failed"
			}
			for _, chosen := range choices(members) {
				lacks := "%s: " + what + " in pkg/event/build.go can't say that %s"
				var e *event.Event
				var err error
				var ok bool
				if typ == event.RunFailed {
					var f event.Failed
					ok = c.fillEvent(file, &f, chosen)
					e, err = event.NewRunFailed(f)
				} else {
					var f event.Completed
					ok = c.fillEvent(file, &f, chosen)
					e, err = event.NewRunCompleted(f)
				}
				if !ok {
					report(lacks+": there is no field of that name", members[chosen.pointer].at, chosen)
					continue
				}
				if err != nil {
					report("where %s: %v", chosen, err)
					continue
				}
				var payload any
				if err := json.Unmarshal(e.Payload, &payload); err != nil {
					t.Fatal(err)
				}
				for pointer := range members {
					if _, ok := at(payload, pointer); ok {
						sent[pointer] = true
					}
				}
				if value, _ := at(payload, chosen.pointer); chosen.pointer != "" && value != chosen.value {
					report(lacks, members[chosen.pointer].at, chosen)
				}
			}
			for pointer, m := range members {
				if !sent[pointer] {
					report("%s: %s has no field for it, or document.write doesn't write it; both are in pkg/event/build.go", m.at, what)
				}
			}
		})
	}
}

// fillEvent sets all fields of a Completed or a Failed that may be set together,
// and the one that the choice is about. It returns false if there is none.
func (c contract) fillEvent(file string, of any, chosen choice) (ok bool) {
	n := 0
	v := reflect.ValueOf(of).Elem()
	fill(v, &n)
	members := c.members(file)
	// Other texts than those of an enum would be refused.
	for pointer, m := range members {
		if m.schema.Enum == nil {
			continue
		}
		value := m.schema.Enum[0]
		if pointer == chosen.pointer {
			value = chosen.value
		}
		field := v.FieldByNameFunc(func(name string) bool {
			return strings.EqualFold(name, strings.ReplaceAll(m.name, "_", ""))
		})
		if text, isText := value.(string); isText && field.IsValid() && field.Kind() == reflect.String {
			field.SetString(text)
			ok = ok || pointer == chosen.pointer
		}
	}
	data := members["/data"].schema
	object := map[string]any{}
	if status := v.FieldByName("Status"); status.IsValid() {
		object["status"] = status.String()
	}
	for _, name := range data.without(object) {
		for i := range v.NumField() {
			field := v.Field(i)
			if extracted := field.Kind() == reflect.Slice || field.Kind() == reflect.Int; extracted && name == "extracted_data" {
				field.SetZero()
			}
			if _, isError := field.Interface().(*event.Error); isError && name == "error" {
				field.SetZero()
			}
		}
	}
	return ok || chosen.pointer == ""
}

// fill sets v and all in it, to values that differ. Texts are digits, which do for
// numbers, too. Flags stay false, since a cell that is null has no text.
func fill(v reflect.Value, n *int) {
	*n++
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = time.Date(2025, 5, 29, 15, 0, *n, 0, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strconv.Itoa(100 + *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	}
}

// TestStatuses: each status that is documented is a constant, and there are no
// others.
func TestStatuses(t *testing.T) {
	c := loadContract(t)
	want := map[string]bool{}
	for _, file := range c.events() {
		s := c.members(file)["/data/status"].schema
		for _, value := range append(slices.Clone(s.Enum), s.Const) {
			if value != nil {
				want[value.(string)] = true
			}
		}
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for spec := range ast.Preorder(parsed) {
		if spec, ok := spec.(*ast.ValueSpec); ok {
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Status" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				got[value] = true
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the constants of event.Status in pkg/event/event.go are not the statuses of jsonschema/v1 (-schema +constants):\n%s", diff)
	}
}
