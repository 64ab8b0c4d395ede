package bundle

import (
	"bytes"
	"encoding/json"
	"iter"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pairs gives the keys and values of a mapping; of anything else, nothing.
func pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

// lookup gives the value that a mapping has for key, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	for k, v := range pairs(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// set gives a mapping's key another value, or adds it at the end.
func set(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, text(key), value)
}

// mapping makes an empty mapping.
func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

// rebuild copies n. If it is a mapping, its values are what member makes of
// them, and where that is nil, the member is left out; the values of a list
// are treated as n itself is.
func rebuild(n *yaml.Node, member func(key string, value *yaml.Node) (*yaml.Node, error)) (*yaml.Node, error) {
	if n.Kind == yaml.ScalarNode {
		return verbatim(n), nil
	}
	copied := &yaml.Node{Kind: n.Kind, Tag: n.Tag}
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content {
			c, err := rebuild(child, member)
			if err != nil {
				return nil, err
			}
			copied.Content = append(copied.Content, c)
		}
		return copied, nil
	}
	for key, value := range pairs(n) {
		v, err := member(key.Value, value)
		if err != nil {
			return nil, err
		}
		if v != nil {
			copied.Content = append(copied.Content, text(key.Value), v)
		}
	}
	return copied, nil
}

// subschemas copies the value of a keyword of JSON Schema. The schemas that it
// consists of become what sub makes of them.
func subschemas(keyword string, value *yaml.Node, sub func(*yaml.Node) (*yaml.Node, error)) (*yaml.Node, error) {
	switch keyword {
	case "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
		"propertyNames", "then", "unevaluatedItems", "unevaluatedProperties":
		return sub(value)
	case "allOf", "anyOf", "oneOf", "prefixItems":
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, schema := range value.Content {
			s, err := sub(schema)
			if err != nil {
				return nil, err
			}
			list.Content = append(list.Content, s)
		}
		return list, nil
	case "$defs", "definitions", "dependentSchemas", "patternProperties", "properties": // whose keys are names
		return rebuild(value, func(_ string, value *yaml.Node) (*yaml.Node, error) { return sub(value) })
	}
	return verbatim(value), nil
}

// verbatim copies n in the style of the output: block style, no comments, and
// no quotes but those that are needed.
func verbatim(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return text(n.Value)
	}
	copied := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	for _, child := range n.Content {
		copied.Content = append(copied.Content, verbatim(child))
	}
	return copied
}

// notText matches what, without quotes, is text to a reader of YAML 1.2 but
// something else to one of YAML 1.1, as most are: yes is true, 1:30 is 90.
var notText = regexp.MustCompile(`^(?i:[-+.0-9<=~].*|y|n|yes|no|on|off|true|false|null|)$`)

// text makes a string, quoted if some reader would take it for another thing.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if notText.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// scalarJSON gives the JSON of a scalar, if it has one.
func scalarJSON(n *yaml.Node) (string, bool) {
	switch n.ShortTag() {
	case "!!str":
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		err := enc.Encode(n.Value)
		return strings.TrimSuffix(buf.String(), "\n"), err == nil
	case "!!null":
		return "null", true
	case "!!bool":
		return strings.ToLower(n.Value), true
	case "!!int", "!!float":
		return n.Value, json.Valid([]byte(n.Value))
	}
	return "", false
}

// appendJSON appends the JSON of a tree without white space. The tree is one
// that [bundler.check] has passed.
func appendJSON(buf []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		buf = append(buf, '{')
		for i, child := range n.Content {
			if i > 0 {
				buf = append(buf, ",:"[i%2])
			}
			buf = appendJSON(buf, child)
		}
		return append(buf, '}')
	case yaml.SequenceNode:
		buf = append(buf, '[')
		for i, child := range n.Content {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendJSON(buf, child)
		}
		return append(buf, ']')
	}
	s, _ := scalarJSON(n)
	return append(buf, s...)
}
