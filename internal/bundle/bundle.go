// Package bundle makes the documents that other teams take: documents that are
// complete in themselves, and whose schemas have names that a code generator
// can use.
//
// The sources are JSON Schemas, and an OpenAPI document that refers to them.
// Every schema that a $ref reaches gets a place of its own in the one document,
// under its title (under its key, where it is a component already), and every
// $ref is rewritten to that place. Inline schemas stay inline.
//
// [Dist] makes all that openapi/dist holds. Beside the plain bundles these are
// variants for tools that know less of OpenAPI or of JSON Schema.
//
// The output depends on nothing but the bytes of the sources. It keeps their
// order; named schemas stand in the order in which they are first referred to.
package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// A Document is an OpenAPI document or a JSON Schema that is complete in itself.
// Its variants are transforms of this one tree.
type Document struct {
	source string // the name it was loaded by, for the header
	root   *yaml.Node
}

// Load reads the OpenAPI document called name in fsys, and every schema it
// refers to, into one document.
//
// A $ref to another file is a relative name, resolved inside fsys, with an
// RFC 6901 pointer as its fragment; nothing is ever fetched. Errors say which
// file and line they are about.
func Load(fsys fs.FS, name string) (*Document, error) {
	b := newBundler(fsys, name, componentPrefix)
	root, err := b.document()
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return &Document{source: name, root: root}, nil
}

// LoadSchema reads the JSON Schema called name in fsys, and every schema it
// refers to, into one schema of draft 2020-12, with the others in its $defs.
// Files are resolved and errors are worded as by [Load].
//
// It holds no keyword that JSON Schema doesn't define, since validators are
// known to refuse those: x-dialect, without which an observed schema is hard to
// follow, becomes a $comment.
func LoadSchema(fsys fs.FS, name string) (*Document, error) {
	b := newBundler(fsys, name, defsPrefix)
	root, err := b.standalone()
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	return &Document{source: name, root: root}, nil
}

// These begin the pointers to named schemas: in an OpenAPI document, and in a
// JSON Schema.
const (
	componentPrefix = "/components/schemas/"
	defsPrefix      = "/$defs/"
)

// componentName is what OpenAPI allows as the name of a component.
var componentName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// A place is where a schema stands in the sources: a file, and an RFC 6901
// pointer into it.
type place struct{ file, pointer string }

func (p place) String() string { return p.file + "#" + p.pointer }

// component is the name of the component that p is in the OpenAPI document
// called main, or "".
func (p place) component(main string) string {
	name, ok := strings.CutPrefix(p.pointer, componentPrefix)
	if !ok || p.file != main || strings.Contains(name, "/") {
		return ""
	}
	return name
}

type bundler struct {
	fsys    fs.FS
	main    string                // the document that is being made complete
	prefix  string                // begins the pointers to named schemas
	self    string                // the name of the schema that is the document; "" in OpenAPI
	files   map[string]*yaml.Node // what has been read, by name
	names   map[place]string      // which component a schema has become; "" while that is being found out
	origins map[string]place      // where a component comes from
	schemas map[string]*yaml.Node // the components
	order   []string              // their names, as first referred to
	twins   []twin
}

func newBundler(fsys fs.FS, main, prefix string) *bundler {
	return &bundler{
		fsys:    fsys,
		main:    main,
		prefix:  prefix,
		files:   map[string]*yaml.Node{},
		names:   map[place]string{},
		origins: map[string]place{},
		schemas: map[string]*yaml.Node{},
	}
}

// A twin is a schema whose name was taken already. It has to be the same.
type twin struct {
	name   string
	place  place
	schema *yaml.Node
}

// document gives a copy of the OpenAPI document with its components complete.
func (b *bundler) document() (*yaml.Node, error) {
	source, err := b.file(b.main)
	if err != nil {
		return nil, err
	}
	root, err := b.openapi(source)
	if err != nil {
		return nil, err
	}
	// The document's own components, of which some may not be referred to.
	for key, schema := range pairs(lookup(lookup(source, "components"), "schemas")) {
		if _, err := b.component(place{b.main, componentPrefix + key.Value}, schema); err != nil {
			return nil, err
		}
	}
	schemas, err := b.named()
	if err != nil {
		return nil, err
	}
	if len(schemas.Content) > 0 {
		components := lookup(root, "components")
		if components == nil {
			components = mapping()
			set(root, "components", components)
		}
		set(components, "schemas", schemas)
	}
	return root, nil
}

// standalone gives a copy of the JSON Schema with all that it refers to.
func (b *bundler) standalone() (*yaml.Node, error) {
	source, err := b.file(b.main)
	if err != nil {
		return nil, err
	}
	if title := lookup(source, "title"); title != nil {
		b.self = title.Value // component reports where there is none
	}
	name, err := b.component(place{b.main, ""}, source)
	if err != nil {
		return nil, err
	}
	root := mapping()
	set(root, "$schema", text("https://json-schema.org/draft/2020-12/schema"))
	root.Content = append(root.Content, b.schemas[name].Content...)
	defs, err := b.named()
	if err != nil {
		return nil, err
	}
	if len(defs.Content) > 0 {
		set(root, "$defs", defs)
	}
	return root, nil
}

// named gives the schemas that have become components, but for the document
// itself.
func (b *bundler) named() (*yaml.Node, error) {
	for _, t := range b.twins {
		if !equal(b.schemas[t.name], t.schema) {
			return nil, fmt.Errorf("%s and %s are both called %s, but differ; change the title of one",
				b.origins[t.name], t.place, t.name)
		}
	}
	schemas := mapping()
	for _, name := range b.order {
		if name != b.self {
			set(schemas, name, b.schemas[name])
		}
	}
	return schemas, nil
}

// openapi copies a part of the OpenAPI document. Of what it does not know it
// changes nothing.
func (b *bundler) openapi(n *yaml.Node) (*yaml.Node, error) {
	return rebuild(n, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch {
		case key == "schema":
			return b.schema(b.main, value)
		case key == "schemas": // of components; document puts them in last
			return verbatim(value), nil
		case key == "example", key == "examples", strings.HasPrefix(key, "x-"):
			return verbatim(value), nil
		case key == "$ref":
			pointer, ok := strings.CutPrefix(value.Value, "#")
			if !ok {
				return nil, b.errorf(b.main, value, "only schemas can be referred to in another file, not %q", value.Value)
			}
			if _, err := b.at(place{b.main, pointer}); err != nil {
				return nil, b.errorf(b.main, value, "%w", err)
			}
			return verbatim(value), nil
		default:
			return b.openapi(value)
		}
	})
}

// kept are the extensions of ours that leave the house with a schema. The rest
// (those that ADR 4 lists) tell our own checker what descriptions tell everyone else.
// A unit, though, is part of what a number means.
var kept = map[string]bool{"x-unit": true}

// schema copies a schema of the given file, with its refs rewritten.
func (b *bundler) schema(file string, n *yaml.Node) (*yaml.Node, error) {
	sub := func(n *yaml.Node) (*yaml.Node, error) { return b.schema(file, n) }
	schema, err := rebuild(n, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch key {
		case "$schema", "$id", "$defs", "$comment":
			// They make the schema a document of its own, with its own base
			// for refs. It no longer is one.
			return nil, nil
		case "$anchor", "$dynamicAnchor", "$dynamicRef":
			return nil, b.errorf(file, value, "%s is not supported; refer to a schema by its pointer", key)
		case "$ref":
			return b.ref(file, value)
		case "discriminator":
			if b.self != "" {
				return nil, b.errorf(file, value, "discriminator is not a keyword of JSON Schema; say it in the OpenAPI document")
			}
			return rebuild(value, func(key string, value *yaml.Node) (*yaml.Node, error) {
				if key != "mapping" {
					return verbatim(value), nil
				}
				return rebuild(value, func(_ string, value *yaml.Node) (*yaml.Node, error) {
					return b.ref(file, value)
				})
			})
		}
		if strings.HasPrefix(key, "x-") && (b.self != "" || !kept[key]) {
			return nil, nil
		}
		return subschemas(key, value, sub)
	})
	if dialect := lookup(n, "x-dialect"); err == nil && dialect != nil && b.self != "" {
		schema.Content = append([]*yaml.Node{text("$comment"), comment(dialect)}, schema.Content...)
	}
	return schema, err
}

// comment words x-dialect as text, such as "x-dialect: dialect.field-case,
// member robotId, instead-of robot_id".
func comment(dialect *yaml.Node) *yaml.Node {
	words := []string{}
	for key, value := range pairs(dialect) {
		if key.Value == "code" {
			words = append([]string{value.Value}, words...)
		} else {
			words = append(words, key.Value+" "+value.Value)
		}
	}
	return text("x-dialect: " + strings.Join(words, ", "))
}

// ref gives the $ref to the component that the schema at n, a reference in the
// given file, becomes.
func (b *bundler) ref(file string, n *yaml.Node) (*yaml.Node, error) {
	name, err := b.referred(file, n)
	if err != nil {
		return nil, err
	}
	if name == b.self {
		return text("#"), nil
	}
	return text("#" + b.prefix + name), nil
}

// referred gives the name of the component that the schema at n, a reference in
// the given file, becomes.
func (b *bundler) referred(file string, n *yaml.Node) (string, error) {
	target, err := resolve(file, n.Value)
	if err != nil {
		return "", b.errorf(file, n, "%w", err)
	}
	schema, err := b.at(target)
	if err != nil {
		return "", b.errorf(file, n, "%w", err)
	}
	return b.component(target, schema)
}

// component makes the schema at p a component, unless it is one already, and
// gives its name.
func (b *bundler) component(p place, schema *yaml.Node) (string, error) {
	if name, ok := b.names[p]; ok {
		if name == "" {
			return "", b.errorf(p.file, schema, "%s refers to itself, and to nothing else", p)
		}
		return name, nil
	}
	b.names[p] = ""

	key := p.component(b.main)
	if target := lookup(schema, "$ref"); target != nil && len(schema.Content) == 2 {
		// Another name of a schema: no component of its own.
		name, err := b.referred(p.file, target)
		if err != nil {
			return "", err
		}
		if key != "" && key != name {
			return "", b.errorf(p.file, schema, "component %s refers to a schema called %s; give both one name", key, name)
		}
		b.names[p] = name
		return name, nil
	}

	name := key
	if name == "" {
		title := lookup(schema, "title")
		if title == nil {
			return "", b.errorf(p.file, schema, "%s has no title to name it by; add one", p)
		}
		name = title.Value
	}
	if !componentName.MatchString(name) {
		return "", b.errorf(p.file, schema, "%q can't be the name of a component; use letters, digits, '.', '_' and '-'", name)
	}
	b.names[p] = name
	_, taken := b.origins[name]
	if !taken {
		b.origins[name] = p
		b.order = append(b.order, name)
	}
	copied, err := b.schema(p.file, schema)
	if err != nil {
		return "", err
	}
	if taken {
		b.twins = append(b.twins, twin{name, p, copied})
	} else {
		b.schemas[name] = copied
	}
	return name, nil
}

// resolve gives the place that ref means in the given file.
func resolve(file, ref string) (place, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return place{}, fmt.Errorf("%q is not a reference: %w", ref, err)
	}
	if u.Scheme != "" || u.Host != "" || path.IsAbs(u.Path) {
		return place{}, fmt.Errorf("%q is not a relative file name; nothing is fetched", ref)
	}
	if u.Path != "" {
		file = path.Join(path.Dir(file), u.Path)
	}
	return place{file, u.Fragment}, nil
}

// at gives the node at p.
func (b *bundler) at(p place) (*yaml.Node, error) {
	n, err := b.file(p.file)
	if err != nil {
		return nil, err
	}
	tokens, ok := jsonpointer.Split(p.pointer)
	if !ok {
		return nil, fmt.Errorf("%s: the fragment is not a JSON pointer", p)
	}
	for _, token := range tokens {
		if n = lookup(n, token); n == nil {
			return nil, fmt.Errorf("%s: there is no such place (nothing is called %q)", p, token)
		}
	}
	return n, nil
}

// file reads the YAML or JSON document called name, once.
func (b *bundler) file(name string) (*yaml.Node, error) {
	if n, ok := b.files[name]; ok {
		return n, nil
	}
	data, err := fs.ReadFile(b.fsys, name)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: not an object", name)
	}
	if err := b.check(name, doc.Content[0]); err != nil {
		return nil, err
	}
	b.files[name] = doc.Content[0]
	return doc.Content[0], nil
}

// check reports what YAML can say and JSON can't.
func (b *bundler) check(file string, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return b.errorf(file, n, "alias *%s has no form in JSON; write it out", n.Value)
	case yaml.ScalarNode:
		if _, ok := scalarJSON(n); !ok {
			return b.errorf(file, n, "%s, a %s, has no form in JSON; quote it", n.Value, n.ShortTag())
		}
	case yaml.MappingNode:
		seen := map[string]bool{}
		for key := range pairs(n) {
			if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
				return b.errorf(file, key, "key %s is not a string; quote it", key.Value)
			}
			if seen[key.Value] {
				return b.errorf(file, key, "key %q is there twice", key.Value)
			}
			seen[key.Value] = true
		}
	}
	for _, child := range n.Content {
		if err := b.check(file, child); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundler) errorf(file string, n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", file, n.Line, fmt.Errorf(format, args...))
}

// equal tells whether two trees say the same in the same order.
func equal(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value &&
		slices.EqualFunc(a.Content, b.Content, equal)
}

// YAML gives the document as YAML, under a line that says what it is made from.
func (d *Document) YAML() ([]byte, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "# Generated from %s by internal/bundle; do not edit.\n", d.source)
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(d.root); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", d.source, err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", d.source, err)
	}
	return buf.Bytes(), nil
}

// JSON gives the document as JSON, its members in the order of the YAML.
func (d *Document) JSON() ([]byte, error) {
	var buf bytes.Buffer
	if err := json.Indent(&buf, appendJSON(nil, d.root), "", "  "); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", d.source, err)
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}
