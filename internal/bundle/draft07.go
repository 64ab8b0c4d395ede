package bundle

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Draft07 gives the same schema, one that [LoadSchema] gave, in draft-07 of JSON
// Schema: for tools that know no later one. It accepts the same. A keyword that
// draft-07 doesn't know is an error.
func (d *Document) Draft07() (*Document, error) {
	root, err := draft07(d.root)
	if err != nil {
		return nil, fmt.Errorf("bundle: %s, in draft-07: %w", d.source, err)
	}
	return &Document{source: d.source, root: root}, nil
}

// keywords07 are those that mean the same in draft-07 and in 2020-12.
var keywords07 = keywords(
	"$comment", "$defs", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "contains",
	"contentEncoding", "contentMediaType", "default", "description", "else", "enum", "examples", "exclusiveMaximum",
	"exclusiveMinimum", "format", "if", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
	"minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties",
	"properties", "propertyNames", "readOnly", "required", "then", "title", "type", "uniqueItems", "writeOnly",
)

func draft07(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.ScalarNode {
		return verbatim(n), nil
	}
	schema := mapping()
	for key, value := range pairs(allOfRef(n)) {
		name := key.Value
		if !keywords07[name] {
			return nil, fmt.Errorf("there is no %s", name)
		}
		copied, err := subschemas(name, value, draft07)
		if err != nil {
			return nil, err
		}
		switch name {
		case "$schema":
			copied = text("http://json-schema.org/draft-07/schema#")
		case "$defs":
			name = "definitions"
		case "$ref":
			if pointer, ok := strings.CutPrefix(value.Value, "#"+defsPrefix); ok {
				copied = text("#/definitions/" + pointer)
			}
		}
		set(schema, name, copied)
	}
	return schema, nil
}

// keywords makes a set.
func keywords(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// allOfRef gives a schema that says the same without anything beside its $ref,
// which in OpenAPI 3.0 and in draft-07 would not count.
func allOfRef(n *yaml.Node) *yaml.Node {
	target := lookup(n, "$ref")
	if target == nil || len(n.Content) == 2 {
		return n
	}
	all := &yaml.Node{Kind: yaml.SequenceNode}
	moved := mapping()
	set(moved, "$ref", target)
	all.Content = append(all.Content, moved)
	if more := lookup(n, "allOf"); more != nil {
		all.Content = append(all.Content, more.Content...)
	}
	schema := mapping()
	for key, value := range pairs(n) {
		if key.Value != "$ref" && key.Value != "allOf" {
			set(schema, key.Value, value)
		}
	}
	set(schema, "allOf", all)
	return schema
}
