package portability

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// A linter walks a document and notes what it finds. It follows no $ref: each
// place is looked at once.
type linter struct {
	kind   Kind
	report Report
	room   int // for how many more bytes of pointers there is room

	// What no single place tells: a const is in a union if a discriminator, wherever
	// it stands, names its member.
	discriminating map[member]bool
	consts         []constant
}

// A member is one of the properties of a schema in components.
type member struct{ schema, name string }

// A constant is a const that is all that a member may be.
type constant struct {
	of  member
	at  *place
	key *yaml.Node
}

// A place is where in a document something stands: nil is its root. Only what is
// found needs it as a pointer, which may be long.
type place struct {
	parent *place
	token  string
}

func (p *place) below(token string) *place { return &place{p, token} }

// String gives the RFC 6901 pointer.
func (p *place) String() string {
	var tokens []string
	for ; p != nil; p = p.parent {
		tokens = append(tokens, p.token)
	}
	slices.Reverse(tokens)
	return jsonpointer.Join(tokens)
}

// add notes that the rule called id is broken at n, which is its value or its
// key.
func (l *linter) add(id string, at *place, n *yaml.Node, message string) {
	rule, ok := Lookup(id)
	if !ok {
		panic("portability: there is no rule " + id) // the table lacks it; a test has one document a rule
	}
	if message == "" {
		message = rule.Summary
	}
	if len(l.report.Findings) == MaxFindings || l.room <= 0 {
		l.report.Truncated = true
		return
	}
	pointer := at.String()
	l.room -= len(pointer)
	l.report.Findings = append(l.report.Findings, Finding{id, rule.Severity, pointer, n.Line, n.Column, message})
}

// members calls visit for each member of a mapping.
func members(of *place, n *yaml.Node, visit func(at *place, key, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		visit(of.below(name.Value), n.Content[i], n.Content[i+1])
	}
}

// elements calls visit for each element of a list.
func elements(of *place, n *yaml.Node, visit func(at *place, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return
	}
	for i, value := range n.Content {
		visit(of.below(strconv.Itoa(i)), value)
	}
}

// openapi looks at a part of an OpenAPI document that is no schema.
func (l *linter) openapi(of *place, n *yaml.Node) {
	elements(of, n, l.openapi)
	if of == nil {
		if webhooks := lookup(n, "webhooks"); webhooks != nil && len(webhooks.Content) > 0 {
			paths := lookup(n, "paths")
			if paths == nil {
				l.add("no-paths", of.below("webhooks"), webhooks, "")
			}
			if paths == nil || len(paths.Content) == 0 {
				l.add("webhooks-only", of.below("webhooks"), webhooks, "")
			}
		}
		l.versions(n)
	}
	members(of, n, func(at *place, key, value *yaml.Node) {
		switch name := key.Value; {
		case name == "schema", name == "itemSchema":
			l.schema(at, value, typed)
		case name == "schemas" && of != nil && of.parent == nil && of.token == "components":
			members(at, value, func(at *place, _, schema *yaml.Node) { l.schema(at, schema, named) })
		case name == "example", name == "examples":
		case strings.HasPrefix(name, "x-"):
			l.extension(at, key)
		case name == "$ref":
			l.ref(at, value)
		default:
			if name == "responses" && (of == nil || of.parent != nil) { // those of components have names
				l.responses(at, value)
			}
			additional := of != nil && of.token == "additionalOperations"
			if (additional || isOperation(name, value)) && lookup(value, "operationId") == nil {
				l.add("no-operation-id", at, key, "")
			}
			l.openapi(at, value)
		}
	})
}

// versions looks at the version of OpenAPI, and at that of the API.
func (l *linter) versions(root *yaml.Node) {
	isNumber := func(n *yaml.Node) bool {
		return n != nil && n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!int" || n.ShortTag() == "!!float")
	}
	version := lookup(root, "openapi")
	at := (*place)(nil).below("openapi")
	if isNumber(version) {
		l.add("unquoted-version", at, version, "")
	}
	if l.kind == OpenAPI32 {
		l.add("openapi-3.2", at, version, "")
	}
	if version := lookup(lookup(root, "info"), "version"); isNumber(version) {
		l.add("unquoted-version", (*place)(nil).below("info").below("version"), version, "")
	}
}

// isOperation tells an operation of a path item from other members.
func isOperation(name string, n *yaml.Node) bool {
	switch name {
	case "delete", "get", "head", "options", "patch", "post", "put", "query", "trace":
		return lookup(n, "responses") != nil || lookup(n, "requestBody") != nil
	}
	return false
}

// statusRange is a key of responses that stands for many codes.
var statusRange = regexp.MustCompile(`^[1-5][Xx]{2}$`)

func (l *linter) responses(of *place, n *yaml.Node) {
	members(of, n, func(at *place, key, _ *yaml.Node) {
		if statusRange.MatchString(key.Value) {
			l.add("status-range", at, key, key.Value+" is a range of status codes")
		}
	})
}

func (l *linter) extension(at *place, key *yaml.Node) {
	if strings.HasPrefix(key.Value, "x-go-") {
		l.add("go-extension", at, key, key.Value+" is for one generator of one language")
	}
}

func (l *linter) ref(at *place, n *yaml.Node) {
	file, fragment, _ := strings.Cut(n.Value, "#")
	switch {
	case file == "":
	case fragment == "":
		l.add("ref-to-file", at, n, "")
	default:
		l.add("ref-to-defs", at, n, "")
	}
}

// A role is what a schema is there for.
type role int

const (
	named   role = iota // it has a name of its own
	typed               // it is the type of something, and has no name
	applied             // it says more of what another schema describes
)

// document looks at a JSON Schema.
func (l *linter) document(n *yaml.Node) {
	if n.Kind == yaml.MappingNode && lookup(n, "title") == nil {
		l.add("untitled", nil, n, "")
	}
	l.schema(nil, n, named)
}

// newer are the keywords that OpenAPI 3.0 doesn't have.
var newer = map[string]bool{
	"$anchor": true, "$comment": true, "$defs": true, "$dynamicAnchor": true, "$dynamicRef": true, "$id": true,
	"$schema": true, "const": true, "contains": true, "contentEncoding": true, "contentMediaType": true,
	"contentSchema": true, "dependentRequired": true, "dependentSchemas": true, "else": true, "examples": true,
	"if": true, "maxContains": true, "minContains": true, "patternProperties": true, "prefixItems": true,
	"propertyNames": true, "then": true, "unevaluatedItems": true, "unevaluatedProperties": true,
}

// schema looks at a schema and at those in it.
func (l *linter) schema(of *place, n *yaml.Node, as role) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		l.add("boolean-schema", of, n, "")
		return
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	if as == typed && lookup(n, "properties") != nil && lookup(n, "$ref") == nil && (l.kind != JSONSchema || lookup(n, "title") == nil) {
		l.add("inline-object", of, n, "")
	}
	members(of, n, func(at *place, key, value *yaml.Node) {
		l.keyword(n, at, key, value)
		l.subschemas(at, key.Value, value)
	})
}

// keyword looks at one keyword of a schema, for itself and beside the others.
func (l *linter) keyword(schema *yaml.Node, at *place, key, value *yaml.Node) {
	name := key.Value
	if l.kind == OpenAPI30 && (newer[name] || name == "type" && value.Kind == yaml.SequenceNode) {
		message := "OpenAPI 3.0 has no " + name
		if name == "type" {
			message = "OpenAPI 3.0 has one type, and nullable"
		}
		l.add("not-in-3.0", at, key, message)
		return
	}
	switch name {
	case "const", "enum":
		if lookup(schema, "type") == nil {
			l.add(name+"-without-type", at, key, "")
		}
		if of, ok := memberAt(at.parent); ok && name == "const" {
			l.consts = append(l.consts, constant{of, at, key})
		}
	case "type":
		types := 0
		null := func(at *place, t *yaml.Node) {
			if t.Kind == yaml.ScalarNode && t.ShortTag() == "!!null" {
				l.add("null-type", at, t, "")
			}
		}
		null(at, value)
		elements(at, value, func(at *place, t *yaml.Node) {
			null(at, t)
			if t.Value != "null" {
				types++
			}
		})
		if types > 1 {
			l.add("type-list", at, value, "")
		}
	case "exclusiveMinimum", "exclusiveMaximum":
		if tag := value.ShortTag(); tag == "!!int" || tag == "!!float" {
			l.add("exclusive-bound", at, key, name+" as a number")
		}
	case "patternProperties":
		l.add("pattern-properties", at, key, "")
	case "$ref":
		l.ref(at, value)
		if len(schema.Content) > 2 {
			l.add("ref-siblings", at, key, "")
		}
	case "oneOf":
		objects := 0
		elements(at, value, func(_ *place, branch *yaml.Node) {
			if lookup(branch, "$ref") != nil || lookup(branch, "properties") != nil {
				objects++
			}
		})
		// JSON Schema itself has no word for it.
		if objects > 1 && l.kind != JSONSchema && lookup(schema, "discriminator") == nil {
			l.add("union-without-discriminator", at, key, "")
		}
	case "$defs":
		if l.kind != JSONSchema {
			l.add("defs-in-openapi", at, key, "")
		}
	case "discriminator":
		if l.kind == JSONSchema {
			l.add("discriminator-in-schema", at, key, "")
			break
		}
		if name := lookup(value, "propertyName"); name != nil {
			l.discriminator(schema, name.Value)
		}
	case "nullable":
		if l.kind != OpenAPI30 {
			l.add("nullable-in-3.1", at, key, "")
		}
	case "example":
		if l.kind != OpenAPI30 {
			l.add("schema-example", at, key, "")
		}
	case "if":
		l.add("condition", at, key, "")
		if lookup(value, "title") == nil {
			l.add("untitled-condition", at, key, "if without title")
		} else if otherwise := lookup(schema, "else"); otherwise == nil {
			l.add("untitled-condition", at, key, "if without an else that has a title")
		} else if lookup(otherwise, "title") == nil {
			l.add("untitled-condition", at, key, "else without title")
		}
	default:
		l.extension(at, key)
	}
}

// discriminator notes the members by which the schemas of a union are told apart.
func (l *linter) discriminator(union *yaml.Node, name string) {
	for _, keyword := range []string{"oneOf", "anyOf"} {
		elements(nil, lookup(union, keyword), func(_ *place, branch *yaml.Node) {
			ref := lookup(branch, "$ref")
			if ref == nil {
				return
			}
			if schema, ok := strings.CutPrefix(ref.Value, "#/components/schemas/"); ok {
				l.discriminating[member{jsonpointer.Unescape(schema), name}] = true
			}
		})
	}
}

// memberAt tells that a place is /components/schemas/SCHEMA/properties/NAME.
func memberAt(p *place) (member, bool) {
	var tokens [5]string // from the last
	for i := range tokens {
		if p == nil {
			return member{}, false
		}
		tokens[i], p = p.token, p.parent
	}
	ok := p == nil && tokens[1] == "properties" && tokens[3] == "schemas" && tokens[4] == "components"
	return member{schema: tokens[2], name: tokens[0]}, ok
}

// constsInUnions looks at what is known of members once all has been looked at.
func (l *linter) constsInUnions() {
	for _, c := range l.consts {
		if l.discriminating[c.of] {
			l.add("const-in-union", c.at, c.key, "")
		}
	}
}

// subschemas looks at the schemas that the value of a keyword consists of.
func (l *linter) subschemas(at *place, keyword string, value *yaml.Node) {
	switch keyword {
	case "additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties":
		if value.Kind == yaml.MappingNode { // or a boolean, which every tool knows here
			l.schema(at, value, typed)
		}
	case "items":
		l.schema(at, value, typed)
		elements(at, value, func(at *place, schema *yaml.Node) { l.schema(at, schema, typed) }) // until draft 2019-09
	case "contains", "contentSchema", "else", "if", "not", "propertyNames", "then":
		l.schema(at, value, applied)
	case "allOf", "anyOf", "oneOf", "prefixItems":
		elements(at, value, func(at *place, schema *yaml.Node) { l.schema(at, schema, applied) })
	case "$defs", "definitions":
		members(at, value, func(at *place, _, schema *yaml.Node) { l.schema(at, schema, named) })
	case "properties", "patternProperties":
		members(at, value, func(at *place, _, schema *yaml.Node) { l.schema(at, schema, typed) })
	case "dependentSchemas", "dependencies": // until draft-07 the latter, whose values may be lists, too
		members(at, value, func(at *place, _, schema *yaml.Node) { l.schema(at, schema, applied) })
	}
}
