package portability

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kindOf returns what a document is. The error names what is neither OpenAPI nor
// JSON Schema, and says what to do with it.
func kindOf(root *yaml.Node) (Kind, error) {
	switch {
	case root.Kind == yaml.SequenceNode:
		return "", errors.New("is a list, neither an OpenAPI document nor a JSON Schema; give each document a file of its own")
	case root.Kind != yaml.MappingNode:
		return kindOfScalar(root)
	}
	if version := lookup(root, "openapi"); version != nil {
		kind, err := kindOfVersion(version)
		return kind, cmp.Or(err, hasContent(root))
	}
	if schema := lookup(root, "$schema"); schema != nil && metaschema.MatchString(schema.Value) {
		return JSONSchema, nil
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i].Value
		if plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(key)); plain == "openapi" {
			return "", fmt.Errorf("has the member %.100q, which is spelled openapi", key)
		}
	}
	for _, f := range others {
		if f.matches(root) {
			return "", fmt.Errorf("is %s; %s", f.is, f.next)
		}
	}
	if isSchema(root) {
		return JSONSchema, nil
	}
	for _, key := range []string{"paths", "webhooks", "components"} {
		if lookup(root, key) != nil {
			return "", fmt.Errorf("has %s and no member openapi; add the version, such as openapi: 3.1.1", key)
		}
	}
	for _, key := range []string{"content", "delete", "get", "in", "parameters", "patch", "post", "put", "responses", "schemas"} {
		if lookup(root, key) != nil {
			return "", fmt.Errorf("has %s, like a part of an OpenAPI document, and no member openapi; lint the document into which it is bundled", key)
		}
	}
	return "", unknown(root)
}

func kindOfScalar(root *yaml.Node) (Kind, error) {
	switch root.ShortTag() {
	case "!!bool":
		return JSONSchema, nil
	case "!!null":
		return "", errors.New("is empty")
	case "!!str":
		return "", errors.New("is text, neither an OpenAPI document nor a JSON Schema")
	}
	return "", fmt.Errorf("is only %.100q, neither an OpenAPI document nor a JSON Schema", root.Value)
}

// openapiVersion is a version of OpenAPI; people leave out the last number.
var openapiVersion = regexp.MustCompile(`^3\.([0-2])(?:[.-].*)?$`)

func kindOfVersion(version *yaml.Node) (Kind, error) {
	if version.Kind != yaml.ScalarNode {
		return "", errors.New("has a member openapi that is not a version, such as 3.1.1")
	}
	m := openapiVersion.FindStringSubmatch(version.Value)
	if m == nil {
		return "", fmt.Errorf("is OpenAPI %.100q; 3.0, 3.1 and 3.2 are known", version.Value)
	}
	return map[string]Kind{"0": OpenAPI30, "1": OpenAPI31, "2": OpenAPI32}[m[1]], nil
}

// hasContent returns an error for an OpenAPI document that has nothing to lint but
// what it calls by another name.
func hasContent(root *yaml.Node) error {
	for _, key := range []string{"paths", "webhooks", "components"} {
		if lookup(root, key) != nil {
			return nil
		}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch key := root.Content[i].Value; key {
		case "$self", "externalDocs", "info", "jsonSchemaDialect", "openapi", "security", "servers", "tags":
		default:
			if !strings.HasPrefix(key, "x-") {
				return fmt.Errorf("has the member %.100q, which OpenAPI doesn't know, and none of paths, webhooks and components", key)
			}
		}
	}
	return nil
}

// metaschema is the $schema of a JSON Schema. In other files it names the schema of
// the file, for editors.
var metaschema = regexp.MustCompile(`^https?://(json-schema\.org/(draft|schema)|spec\.openapis\.org/oas/|jsonschema\.net/)`)

// An other is a kind of document that is known, and not linted.
type other struct {
	members  []string // all of these
	is, next string
}

func (o other) matches(root *yaml.Node) bool {
	return !slices.ContainsFunc(o.members, func(name string) bool { return lookup(root, name) == nil })
}

var others = []other{
	{[]string{"swagger"}, "Swagger 2.0", "convert it to OpenAPI 3 first"},
	{[]string{"asyncapi"}, "an AsyncAPI document", "lint the schemas of its messages, each in a file of its own"},
	{[]string{"overlay"}, "an OpenAPI Overlay", "apply it, and lint the document that comes of it"},
	{[]string{"arazzo"}, "an Arazzo description", "lint the OpenAPI documents that it names as sources"},
	{[]string{"event_type"}, "an event payload", "runhooks check judges payloads"},
	{[]string{"log"}, "a log or recording, such as HAR", "runhooks check --input har judges the payloads in a HAR file"},
	{[]string{"info", "item"}, "a Postman collection", "export it as OpenAPI first"},
	{[]string{"apiVersion", "kind"}, "a Kubernetes object", "lint its schemas, each in a file of its own"},
	{[]string{"name", "version"}, "a manifest of a package, such as package.json", "give the OpenAPI document or JSON Schema"},
	{[]string{"name", "dependencies"}, "a manifest of a package, such as package.json", "give the OpenAPI document or JSON Schema"},
}

// jsonTypes are the types of JSON Schema.
var jsonTypes = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// isSchema tells a JSON Schema that doesn't say so by $schema. It has a keyword that
// few other files have, or nothing but keywords; and more of them have values that the
// keyword can have than others.
func isSchema(root *yaml.Node) bool {
	strong, fit, misfit, foreign := false, 0, 0, 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, root.Content[i+1]
		fits, telling := true, false
		switch key {
		case "type":
			telling = true
			fits = isType(value) || value.Kind == yaml.SequenceNode && all(value.Content, isType)
		case "$anchor", "$dynamicRef", "$recursiveRef", "$ref":
			telling = true
			fits = value.ShortTag() == "!!str"
		case "$defs", "definitions", "dependentSchemas", "patternProperties", "properties":
			telling = true
			fits = value.Kind == yaml.MappingNode && (len(value.Content) == 0 || slices.ContainsFunc(value.Content, isObjectOrBoolean))
		case "allOf", "anyOf", "oneOf", "prefixItems":
			telling = true
			fits = value.Kind == yaml.SequenceNode && all(value.Content, isObjectOrBoolean)
		case "items":
			fits = isObjectOrBoolean(value) || value.Kind == yaml.SequenceNode && all(value.Content, isObjectOrBoolean)
		case "additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "not", "propertyNames", "then",
			"unevaluatedItems", "unevaluatedProperties":
			fits = isObjectOrBoolean(value)
		case "enum", "examples", "required":
			fits = value.Kind == yaml.SequenceNode
		case "exclusiveMaximum", "exclusiveMinimum", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains",
			"minItems", "minLength", "minProperties", "minimum", "multipleOf", "deprecated", "nullable", "readOnly", "uniqueItems", "writeOnly":
			fits = value.Kind == yaml.ScalarNode && value.ShortTag() != "!!str"
		case "$comment", "$id", "contentEncoding", "contentMediaType", "description", "format", "id", "pattern", "title":
			fits = value.Kind == yaml.ScalarNode
		case "$schema", "const", "default", "dependencies", "dependentRequired", "discriminator", "example":
		default:
			if !strings.HasPrefix(key, "x-") {
				foreign++
			}
			continue
		}
		if fits {
			fit++
			strong = strong || telling
		} else {
			misfit++
		}
	}
	return strong && fit > misfit || foreign == 0 && misfit == 0
}

func isType(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && slices.Contains(jsonTypes, n.Value)
}

func isObjectOrBoolean(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool"
}

func all(nodes []*yaml.Node, is func(*yaml.Node) bool) bool {
	return !slices.ContainsFunc(nodes, func(n *yaml.Node) bool { return !is(n) })
}

// unknown says of an object what it has, since nothing says what it is.
func unknown(root *yaml.Node) error {
	var names []string
	schemas := true
	for i := 0; i+1 < len(root.Content); i += 2 {
		names = append(names, fmt.Sprintf("%.30q", root.Content[i].Value))
		schemas = schemas && root.Content[i+1].Kind == yaml.MappingNode && isSchema(root.Content[i+1])
	}
	if schemas {
		return errors.New("is a set of schemas, and no schema itself; put them below $defs, or lint the document into which they are bundled")
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return fmt.Errorf("is neither an OpenAPI document nor a JSON Schema: it has %s; an OpenAPI document has openapi, "+
		"and a schema has $schema, or type, properties and the like", strings.Join(names, ", "))
}
