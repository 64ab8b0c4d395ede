package portability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// parse reads YAML or JSON into a tree that knows its lines and columns.
func parse(document []byte) (*yaml.Node, error) {
	if json.Valid(document) {
		// Not as YAML, which takes no tabs, and no surrogates in escapes.
		p := &jsonParser{data: document, decoder: jsontext.NewDecoder(bytes.NewReader(document)), line: 1, column: 1}
		return p.value()
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("neither JSON nor YAML: %w", err)
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("is empty")
	}
	return doc.Content[0], unique(doc.Content[0])
}

// unique gives an error if two members of a mapping have one name (YAML 1.2.2, section
// 3.2.1.3). A parser takes either, or fails.
func unique(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		lines := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode {
				continue
			}
			if line, ok := lines[key.Value]; ok {
				return fmt.Errorf("has %.100q twice in one mapping, in lines %d and %d", key.Value, line, key.Line)
			}
			lines[key.Value] = key.Line
		}
	}
	for _, child := range n.Content {
		if err := unique(child); err != nil {
			return err
		}
	}
	return nil
}

// kindOf tells what a document is.
func kindOf(root *yaml.Node) (Kind, error) {
	if root.Kind != yaml.MappingNode {
		return "", errors.New("is no object: neither OpenAPI nor a JSON Schema that has something to lint")
	}
	if lookup(root, "swagger") != nil {
		return "", errors.New("is Swagger 2.0; convert it to OpenAPI 3 first")
	}
	version := lookup(root, "openapi")
	switch {
	case version == nil:
		return JSONSchema, nil
	case strings.HasPrefix(version.Value, "3.0."):
		return OpenAPI30, nil
	case strings.HasPrefix(version.Value, "3.1."):
		return OpenAPI31, nil
	}
	return "", fmt.Errorf("is OpenAPI %q; 3.0 and 3.1 are known", version.Value)
}

// lookup gives the value that a mapping has for key, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// A jsonParser builds of JSON the tree that a YAML parser would.
type jsonParser struct {
	data         []byte
	decoder      *jsontext.Decoder
	offset       int // of what line and column are about
	line, column int
}

func (p *jsonParser) value() (*yaml.Node, error) {
	p.skip()
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: p.line, Column: p.column}
	token, err := p.decoder.ReadToken()
	if err != nil {
		return nil, fmt.Errorf("not strict JSON: %w", err)
	}
	switch token.Kind() {
	case '{', '[':
		n.Kind = yaml.MappingNode
		if token.Kind() == '[' {
			n.Kind = yaml.SequenceNode
		}
		for p.decoder.PeekKind() != '}' && p.decoder.PeekKind() != ']' {
			child, err := p.value()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err := p.decoder.ReadToken()
		return n, err
	case '"':
		n.Tag, n.Value = "!!str", token.String()
	case 't', 'f':
		n.Tag, n.Value = "!!bool", token.String()
	case 'n':
		n.Tag, n.Value = "!!null", "null"
	default:
		n.Tag, n.Value = "!!float", token.String()
	}
	return n, nil
}

// skip moves line and column on to where the next value starts.
func (p *jsonParser) skip() {
	start := int(p.decoder.InputOffset())
	for start < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[start]) >= 0 {
		start++
	}
	passed := p.data[p.offset:start]
	if i := bytes.LastIndexByte(passed, '\n'); i >= 0 {
		p.line += bytes.Count(passed, []byte("\n"))
		p.column = 1
		passed = passed[i+1:]
	}
	p.column += utf8.RuneCount(passed)
	p.offset = start
}
