package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	schemav5 "github.com/santhosh-tekuri/jsonschema/v5"
	schemav6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/jsonschema"
)

// An object is a JSON object as the tests walk it.
type object = map[string]any

// sources gives every schema document by its path.
func sources(t *testing.T) map[string]object {
	t.Helper()
	files, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas (%v)", err)
	}
	docs := map[string]object{}
	for _, file := range files {
		data, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		var doc object
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		docs[file] = doc
	}
	return docs
}

// judges is every validator that the schemas are held to, as a function that
// validates a value against the schema at a URL. That the schemas pass their
// meta-schema, and refer to nothing outside, is seen to first.
func judges(t *testing.T, docs map[string]object) map[string]func(url string, value any) error {
	t.Helper()
	v5 := schemav5.NewCompiler()
	v5.AssertFormat = true
	v5.LoadURL = func(url string) (io.ReadCloser, error) { return nil, fmt.Errorf("%s is not a schema of ours", url) }
	v6 := schemav6.NewCompiler()
	v6.AssertFormat()
	v6.UseLoader(schemav6.SchemeURLLoader{})
	for file, doc := range docs {
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if err := v5.AddResource(jsonschema.Base+file, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if err := v6.AddResource(jsonschema.Base+file, doc); err != nil {
			t.Fatal(err)
		}
	}
	for file := range docs {
		if _, err := v5.Compile(jsonschema.Base + file); err != nil {
			t.Fatalf("v5: %s: %#v", file, err)
		}
		if _, err := v6.Compile(jsonschema.Base + file); err != nil {
			t.Fatalf("v6: %s: %v", file, err)
		}
	}
	return map[string]func(string, any) error{
		"v5": func(url string, value any) error {
			schema, err := v5.Compile(url)
			if err != nil {
				return err
			}
			return schema.Validate(value)
		},
		"v6": func(url string, value any) error {
			schema, err := v6.Compile(url)
			if err != nil {
				return err
			}
			return schema.Validate(value)
		},
	}
}

// walk calls visit with every schema in a document: with its pointer, and
// whether it declares something, which what is under if or not does not.
func walk(schema any, pointer string, declares bool, visit func(pointer string, schema any, declares bool)) {
	visit(pointer, schema, declares)
	s, ok := schema.(object)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s)) {
		at := pointer + "/" + key
		switch key {
		case "items", "additionalProperties", "then", "else":
			walk(s[key], at, declares, visit)
		case "if", "not":
			walk(s[key], at, false, visit)
		case "allOf", "anyOf", "oneOf":
			for i, sub := range s[key].([]any) {
				walk(sub, fmt.Sprintf("%s/%d", at, i), declares, visit)
			}
		case "properties", "$defs":
			for name, sub := range s[key].(object) {
				walk(sub, at+"/"+name, declares, visit)
			}
		}
	}
}

// resolve gives the schema that a $ref in file means.
func resolve(t *testing.T, docs map[string]object, file, ref string) object {
	t.Helper()
	name, pointer, _ := strings.Cut(ref, "#")
	if name != "" {
		file = path.Join(path.Dir(file), name)
	}
	var node any = docs[file]
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if token != "" {
			parent, _ := node.(object)
			node = parent[token]
		}
	}
	schema, ok := node.(object)
	if !ok {
		t.Fatalf("%s: %s is no schema", file, ref)
	}
	return schema
}

func TestMetaSchema(t *testing.T) {
	docs := sources(t)
	for name, judge := range judges(t, docs) {
		for file := range docs {
			if err := judge(jsonschema.Base+file, object{}); err == nil {
				t.Errorf("%s accepts {} as %s", name, file)
			}
		}
	}
}

func TestNames(t *testing.T) {
	titles := map[string]string{}
	for file, doc := range sources(t) {
		if got, want := doc["$id"], jsonschema.Base+file; got != want {
			t.Errorf("%s: $id is %v, want %s", file, got, want)
		}
		if got, want := doc["$schema"], "https://json-schema.org/draft/2020-12/schema"; got != want {
			t.Errorf("%s: $schema is %v, want %s", file, got, want)
		}
		walk(doc, "", true, func(pointer string, schema any, _ bool) {
			if parent := path.Base(path.Dir(pointer)); pointer != "" && parent != "$defs" {
				return
			}
			title, _ := schema.(object)["title"].(string)
			if title == "" || pointer != "" && title != path.Base(pointer) {
				t.Errorf("%s#%s: the title is %q; want the name", file, pointer, title)
			}
			if other, taken := titles[title]; taken {
				t.Errorf("%s#%s: the title %q is also that of %s", file, pointer, title, other)
			}
			titles[title] = file + "#" + pointer
		})
	}
}

func TestEveryMemberIsDescribed(t *testing.T) {
	docs := sources(t)
	members := 0
	for file, doc := range docs {
		walk(doc, "", true, func(pointer string, schema any, declares bool) {
			parent := path.Base(path.Dir(pointer))
			if !declares || pointer != "" && parent != "properties" && parent != "$defs" {
				return
			}
			members++
			s, ok := schema.(object)
			if !ok {
				t.Errorf("%s#%s: not an object", file, pointer)
				return
			}
			if ref, ok := s["$ref"].(string); ok {
				s = resolve(t, docs, file, ref)
			}
			if d, _ := s["description"].(string); !strings.HasSuffix(d, ".") {
				t.Errorf("%s#%s: the description %q is no sentence", file, pointer, d)
			}
			if examples, _ := s["examples"].([]any); len(examples) == 0 {
				t.Errorf("%s#%s: there is no example", file, pointer)
			}
			// A number with a bound is a quantity; one without is an identifier.
			if _, bounded := s["minimum"]; bounded && s["x-unit"] == nil {
				t.Errorf("%s#%s: a quantity needs x-unit", file, pointer)
			}
		})
	}
	if members < 50 {
		t.Errorf("saw only %d members", members)
	}
}

func TestExamples(t *testing.T) {
	docs := sources(t)
	for name, judge := range judges(t, docs) {
		examples := 0
		for file, doc := range docs {
			walk(doc, "", true, func(pointer string, schema any, _ bool) {
				s, _ := schema.(object)
				list, _ := s["examples"].([]any)
				for i, example := range list {
					examples++
					if err := judge(jsonschema.Base+file+"#"+pointer, example); err != nil {
						t.Errorf("%s: %s#%s/examples/%d: %v", name, file, pointer, i, err)
					}
				}
			})
		}
		if examples < 50 {
			t.Errorf("%s: saw only %d examples", name, examples)
		}
	}
}

// What conforms must be accepted by the superset, as a whole and in its parts.
func TestObservedAcceptsWhatIsDocumented(t *testing.T) {
	docs := sources(t)
	for name, judge := range judges(t, docs) {
		for file, doc := range docs {
			layer, base := path.Split(file)
			if layer != "v1/" {
				continue
			}
			observed := docs["observed/"+base]
			if observed == nil {
				t.Fatalf("%s has no observed counterpart", file)
			}
			walk(doc, "", true, func(pointer string, schema any, _ bool) {
				s, _ := schema.(object)
				at := ""
				if path.Base(path.Dir(pointer)) == "$defs" {
					def := "Observed" + path.Base(pointer)
					if observed["$defs"].(object)[def] == nil {
						return // the superset uses the documented one
					}
					at = "/$defs/" + def
				} else if pointer != "" {
					return
				}
				for i, example := range s["examples"].([]any) {
					if err := judge(jsonschema.Base+"observed/"+base+"#"+at, example); err != nil {
						t.Errorf("%s: observed/%s#%s rejects %s#%s/examples/%d: %v", name, base, at, file, pointer, i, err)
					}
				}
			})
		}
	}
}

func TestDialects(t *testing.T) {
	keys := []string{"code", "instead-of", "member", "missing", "receiver", "severity"}
	dialects := 0
	for file, doc := range sources(t) {
		walk(doc, "", true, func(pointer string, schema any, _ bool) {
			s, _ := schema.(object)
			d, ok := s["x-dialect"]
			if !ok {
				return
			}
			dialects++
			if strings.HasPrefix(file, "v1/") {
				t.Errorf("%s#%s: x-dialect in the documented layer", file, pointer)
			}
			dialect, _ := d.(object)
			if code, _ := dialect["code"].(string); !strings.HasPrefix(code, "dialect.") {
				t.Errorf("%s#%s: the code is %q", file, pointer, code)
			}
			for key, value := range dialect {
				if !slices.Contains(keys, key) {
					t.Errorf("%s#%s: x-dialect has a member %q; want of %q only", file, pointer, key, keys)
				}
				if _, ok := value.(string); !ok {
					t.Errorf("%s#%s: x-dialect: %s is not a string", file, pointer, key)
				}
			}
			if severity, ok := dialect["severity"]; ok && severity != "warning" && severity != "info" {
				t.Errorf("%s#%s: severity is %v; the default is error", file, pointer, severity)
			}
			if path.Base(path.Dir(pointer)) != "anyOf" {
				t.Errorf("%s#%s: x-dialect outside a branch of anyOf", file, pointer)
			}
		})
	}
	if dialects == 0 {
		t.Error("saw no x-dialect")
	}
}

// The other annotations name members, and are of the shape that the checker expects.
func TestAnnotations(t *testing.T) {
	seen := make(map[string]bool)
	for file, doc := range sources(t) {
		walk(doc, "", true, func(pointer string, schema any, _ bool) {
			s, _ := schema.(object)
			properties, _ := s["properties"].(object)
			names := func(keyword string, v any) {
				seen[keyword] = true
				list, ok := v.([]any)
				if keyword == "x-counts" || keyword == "x-not-before" {
					list, ok = []any{v}, true
				}
				if !ok || len(list) == 0 {
					t.Errorf("%s#%s: %s is no list", file, pointer, keyword)
				}
				for _, name := range list {
					if name, _ := name.(string); properties[name] == nil {
						t.Errorf("%s#%s: %s: there is no property %q", file, pointer, keyword, name)
					}
				}
			}
			if v, ok := s["x-usual"]; ok {
				names("x-usual", v)
				for _, name := range v.([]any) {
					if required, _ := s["required"].([]any); slices.Contains(required, name) {
						t.Errorf("%s#%s: x-usual: %s is required", file, pointer, name)
					}
				}
			}
			if v, ok := s["x-holds"].(object); ok {
				seen["x-holds"] = true
				other, _ := s["else"].(object)
				others, _ := other["properties"].(object)
				all := v["any"].([]any)
				for name := range v["when"].(object) {
					all = append(all, name)
				}
				for _, name := range all {
					if name, _ := name.(string); properties[name] == nil && others[name] == nil {
						t.Errorf("%s#%s: x-holds: there is no property %q", file, pointer, name)
					}
				}
			}
			if v, ok := s["x-sent-as"].(object); ok {
				seen["x-sent-as"] = true
				for name, pointer := range v {
					if pointer, _ := pointer.(string); properties[name] == nil || !strings.HasPrefix(pointer, "/") {
						t.Errorf("%s#%s: x-sent-as: %s: want a property, and its pointer", file, pointer, name)
					}
				}
			}
			for keyword, where := range map[string]string{"x-no-nul": "", "x-safe-integers": "", "x-public-url": pointer, "x-captured-once": pointer} {
				v, ok := s[keyword]
				if seen[keyword] = seen[keyword] || ok; ok && (v != true || pointer != where) {
					t.Errorf("%s#%s: %s: %v", file, pointer, keyword, v)
				}
			}
			for _, property := range properties {
				for _, keyword := range []string{"x-counts", "x-sums", "x-not-before"} {
					if v, ok := property.(object)[keyword]; ok {
						names(keyword, v)
					}
				}
			}
		})
	}
	for _, keyword := range []string{"x-usual", "x-counts", "x-sums", "x-not-before",
		"x-holds", "x-captured-once", "x-public-url", "x-no-nul", "x-safe-integers", "x-sent-as"} {
		if !seen[keyword] {
			t.Errorf("saw no %s", keyword)
		}
	}
}

// A documented member is called as run_completed calls it, or says by x-canonical how
// run_completed does. In the observed layer x-canonical is the pointer of the member
// that is the same in another object.
func TestCanonicalNames(t *testing.T) {
	docs := sources(t)
	const first = "v1/run-completed.json"
	canonical := membersOf(t, docs, first, docs[first], "")
	renamed, moved := 0, 0
	for file, doc := range docs {
		described := membersOf(t, docs, file, doc, "")
		for place, members := range described {
			for name, member := range members {
				c, annotated := member["x-canonical"]
				if !annotated {
					if strings.HasPrefix(file, "v1/") && canonical[place][name] == nil {
						t.Errorf("%s: %s/%s has no x-canonical, and %s has no such member", file, place, name, first)
					}
					continue
				}
				if pointer, _ := c.(string); strings.HasPrefix(file, "observed/") && strings.HasPrefix(pointer, "/") {
					object, member := path.Split(pointer)
					if described[strings.TrimSuffix(object, "/")][member] == nil {
						t.Errorf("%s: %s/%s: x-canonical is %s, which is not described there", file, place, name, pointer)
					}
					moved++
					continue
				}
				renamed++
				if c, _ := c.(string); canonical[place][c] == nil || c == name {
					t.Errorf("%s: %s/%s: x-canonical is %q; want another name, one of %s", file, place, name, c, first)
				}
				if !strings.HasPrefix(file, "v1/") {
					t.Errorf("%s: %s/%s: x-canonical outside the documented layer", file, place, name)
				}
			}
		}
	}
	if renamed == 0 || moved == 0 {
		t.Errorf("saw x-canonical of %d other names and %d other places", renamed, moved)
	}
}

// membersOf returns the members that schema names by properties of its own, and by those
// of then and else, and what these name, by the place of their object.
func membersOf(t *testing.T, docs map[string]object, file string, schema object, place string) map[string]map[string]object {
	all := map[string]map[string]object{}
	properties, _ := schema["properties"].(object)
	for name, sub := range properties {
		s, _ := sub.(object)
		if ref, ok := s["$ref"].(string); ok {
			s = resolve(t, docs, file, ref)
		}
		if all[place] == nil {
			all[place] = map[string]object{}
		}
		all[place][name] = s
		maps.Copy(all, membersOf(t, docs, file, s, place+"/"+name))
	}
	for _, keyword := range []string{"then", "else"} {
		sub, ok := schema[keyword].(object)
		if !ok {
			continue
		}
		for place, members := range membersOf(t, docs, file, sub, place) {
			if all[place] == nil {
				all[place] = map[string]object{}
			}
			maps.Copy(all[place], members)
		}
	}
	return all
}
