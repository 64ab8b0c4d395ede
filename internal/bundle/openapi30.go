package bundle

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// OpenAPI30 gives the same document in OpenAPI 3.0.3, for tools that know no
// later one.
//
// It accepts all that the original accepts, and more: 3.0 has no if, then and
// else, so what they say is left out, and the description says so. Everything
// else is said in other words: const as an enum of one, the first of examples as
// example, the type null as nullable. Ranges of statuses, such as 4XX, are replaced by
// statuses, because many generators for 3.0 don't know them. What has no words in 3.0,
// such as webhooks, is an error.
func (d *Document) OpenAPI30() (*Document, error) {
	root, err := withoutRanges(d.root)
	if err == nil {
		root, err = openapi30(root)
	}
	if err != nil {
		return nil, fmt.Errorf("bundle: %s, as OpenAPI 3.0: %w", d.source, err)
	}
	return &Document{source: d.source, root: root}, nil
}

func openapi30(n *yaml.Node) (*yaml.Node, error) {
	return rebuild(n, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch key {
		case "openapi":
			return text("3.0.3"), nil
		case "info":
			return info30(value)
		case "jsonSchemaDialect":
			return nil, nil // the only dialect is that of 3.0
		case "webhooks":
			return nil, errors.New("there are no webhooks; make a receiver of them first")
		case "components":
			return components30(value)
		}
		return parts30(value)
	})
}

func info30(n *yaml.Node) (*yaml.Node, error) {
	info := mapping()
	for key, v := range pairs(n) {
		switch key.Value {
		case "summary":
			continue
		case "description":
			if summary := value(n, "summary"); summary != "" {
				v = text(strings.TrimSuffix(summary, ".") + ".\n\n" + v.Value)
			}
		case "license":
			license := mapping()
			for key, v := range pairs(v) {
				if key.Value == "identifier" {
					// SPDX: one license, not an expression.
					if strings.ContainsAny(v.Value, " ()") {
						return nil, fmt.Errorf("the license %q has no URL", v.Value)
					}
					set(license, "url", text("https://spdx.org/licenses/"+v.Value+".html"))
					continue
				}
				set(license, key.Value, verbatim(v))
			}
			v = license
		}
		set(info, key.Value, verbatim(v))
	}
	return info, nil
}

func components30(n *yaml.Node) (*yaml.Node, error) {
	return rebuild(n, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch key {
		case "pathItems":
			return nil, errors.New("components has no pathItems")
		case "schemas":
			return rebuild(value, func(name string, schema *yaml.Node) (*yaml.Node, error) {
				s, err := schema30(schema)
				if err != nil {
					return nil, fmt.Errorf("component %s: %w", name, err)
				}
				return s, nil
			})
		}
		return parts30(value)
	})
}

// parts30 copies what is no schema, with the schemas in it in words of 3.0.
func parts30(n *yaml.Node) (*yaml.Node, error) {
	return rebuild(n, func(key string, value *yaml.Node) (*yaml.Node, error) {
		switch {
		case key == "schema":
			return schema30(value)
		case key == "example", key == "examples", strings.HasPrefix(key, "x-"):
			return verbatim(value), nil
		}
		return parts30(value)
	})
}

// keywords30 are those of a Schema Object that 3.0 knows and that mean the same
// there.
var keywords30 = keywords(
	"additionalProperties", "allOf", "anyOf", "default", "deprecated", "description", "discriminator", "enum",
	"example", "externalDocs", "format", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
	"minLength", "minProperties", "minimum", "multipleOf", "not", "nullable", "oneOf", "pattern", "properties",
	"readOnly", "required", "title", "type", "uniqueItems", "writeOnly", "xml",
)

// conditionNote ends the description of a schema that has lost its condition.
const conditionNote = "OpenAPI 3.0 has no if, then and else, so this schema also accepts what breaks that rule."

// schema30 puts a schema in words of OpenAPI 3.0.
func schema30(n *yaml.Node) (*yaml.Node, error) {
	if n.Kind == yaml.ScalarNode {
		return nil, fmt.Errorf("a schema can't be %s; write {} or not", n.Value)
	}
	if n = allOfRef(n); len(n.Content) == 2 && lookup(n, "$ref") != nil {
		return verbatim(n), nil
	}
	schema := mapping()
	for key, v := range pairs(n) {
		switch key.Value {
		case "const":
			if lookup(n, "enum") != nil {
				return nil, errors.New("const beside enum; one says it all")
			}
			set(schema, "enum", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{verbatim(v)}})
		case "examples":
			if len(v.Content) > 0 {
				set(schema, "example", verbatim(v.Content[0]))
			}
		case "type":
			name, nullable, err := type30(v)
			if err != nil {
				return nil, err
			}
			set(schema, "type", text(name))
			if nullable {
				set(schema, "nullable", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
			}
		case "if", "then", "else":
		default:
			if !keywords30[key.Value] && !strings.HasPrefix(key.Value, "x-") {
				return nil, fmt.Errorf("there is no %s", key.Value)
			}
			copied, err := subschemas(key.Value, v, schema30)
			if key.Value == "additionalProperties" && v.Kind == yaml.ScalarNode {
				copied, err = verbatim(v), nil
			}
			if err != nil {
				return nil, err
			}
			if key.Value == "not" && mentions(v, "if") {
				return nil, errors.New("if below not can't be left out: less would be accepted")
			}
			set(schema, key.Value, copied)
		}
	}
	if lookup(n, "if") != nil {
		set(schema, "description", text(strings.TrimSpace(value(schema, "description")+" "+conditionNote)))
	}
	return schema, nil
}

// type30 gives the one type that 3.0 has a place for, and whether null is
// another.
func type30(n *yaml.Node) (name string, nullable bool, err error) {
	types := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		types = n.Content
	}
	for _, t := range types {
		switch {
		case t.Value == "null":
			nullable = true
		case name == "":
			name = t.Value
		default:
			return "", false, errors.New("there is one type, not a list; write anyOf")
		}
	}
	if name == "" {
		return "", false, errors.New("there is no type null; allow it beside another type")
	}
	return name, nullable, nil
}

// mentions tells whether key occurs anywhere in n.
func mentions(n *yaml.Node, key string) bool {
	if lookup(n, key) != nil {
		return true
	}
	for _, child := range n.Content {
		if mentions(child, key) {
			return true
		}
	}
	return false
}
