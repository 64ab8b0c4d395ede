package portability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// parse reads YAML or JSON into a tree that knows its lines and columns, and
// returns whether it is YAML. A file whose name says JSON has to be JSON.
func parse(name string, document []byte) (root *yaml.Node, isYAML bool, err error) {
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(document, mark))) == 0:
		return nil, false, errors.New("is empty")
	case json.Valid(document):
		// Not as YAML, which takes no tabs, and no surrogates in escapes.
		p := &jsonParser{
			data: document,
			// That a name occurs twice is for a rule to say, with its place.
			decoder: jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true)),
			line:    1, column: 1,
		}
		root, err := p.value()
		return root, false, err
	}
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonc", ".json5":
		return nil, false, notJSON(document)
	}
	root, err = parseYAML(document)
	return root, true, err
}

var mark = []byte("\uFEFF") // UTF-8's byte order mark

// notJSON says where a document stops being strict JSON, and why.
func notJSON(document []byte) error {
	if bytes.HasPrefix(document, mark) {
		return errors.New("is not strict JSON: it begins with a byte order mark; save it without one")
	}
	if bytes.HasPrefix(document, []byte("\xFE\xFF")) || bytes.HasPrefix(document, []byte("\xFF\xFE")) {
		return errors.New("is not strict JSON: it is UTF-16; save it as UTF-8")
	}
	if start := bytes.TrimLeft(document, " \t\r\n"); bytes.IndexByte([]byte("{[/"), start[0]) < 0 {
		return errors.New("is not JSON; if it is YAML, let its name end in .yaml")
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true))
	err := decoder.SkipValue()
	offset := int(decoder.InputOffset())
	reason := "another value follows the first; each needs a file of its own"
	if err != nil {
		reason = "it ends too early"
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			offset = int(syntax.ByteOffset)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				reason = syntax.Err.Error()
			}
		}
	}
	offset += len(document[offset:]) - len(bytes.TrimLeft(document[offset:], " \t\r\n"))
	rest := document[offset:]
	switch {
	case bytes.HasPrefix(rest, []byte("//")), bytes.HasPrefix(rest, []byte("/*")), bytes.HasPrefix(rest, []byte("#")):
		reason = "a comment, which JSON doesn't have; remove it"
	case bytes.HasPrefix(rest, []byte(",")):
		reason = "a comma after which nothing follows; remove it"
	case err == nil && len(rest) > 0 && bytes.IndexByte([]byte(`{["`), rest[0]) < 0:
		reason = "text follows the value"
	}
	before := document[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return fmt.Errorf("is not strict JSON, in line %d, column %d: %s", line, column, reason)
}

// versionDirective is a %YAML directive of YAML 1; its last group is the minor version.
var versionDirective = regexp.MustCompile(`(?m)^(?:\x{FEFF})?%YAML[ \t]+1\.([0-9]+)`)

// meantAsJSON is how a JSON object begins, maybe after a comment.
var meantAsJSON = regexp.MustCompile(`^\s*(\{\s*["/]|/[/*])`)

// parseYAML reads the one document of a file.
func parseYAML(file []byte) (*yaml.Node, error) {
	// The parser refuses every version but 1.1, and reads all alike.
	if m := versionDirective.FindSubmatchIndex(file); m != nil {
		file = bytes.Clone(file)
		copy(file[m[2]:m[3]], strings.Repeat("0", m[3]-m[2]-1)+"1")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	var document, next yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("is empty")
	case err != nil && meantAsJSON.Match(file):
		return nil, notJSON(file) // rather than what YAML has against it
	case err != nil:
		return nil, fmt.Errorf("is neither JSON nor YAML: %w", err)
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		return nil, fmt.Errorf("holds several YAML documents, the second in line %d; give each a file of its own", next.Content[0].Line)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("is not YAML after its first document: %w", err)
	}
	root := document.Content[0]
	if root.Style&yaml.FlowStyle != 0 {
		// JSON with comments is YAML of another meaning.
		if line := comment(root); line > 0 {
			return nil, fmt.Errorf("has in line %d a comment as in JavaScript, which neither JSON nor YAML has; remove it", line)
		}
	}
	return root, nil
}

// comment returns the line of the first text without quotes in which // or /* begins
// a word, or 0.
func comment(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode && n.Style == 0 && javaScriptComment.MatchString(n.Value) {
		return n.Line
	}
	for _, child := range n.Content {
		if line := comment(child); line > 0 {
			return line
		}
	}
	return 0
}

var javaScriptComment = regexp.MustCompile(`(^|\s)/[/*]`)

// lookup returns the value that a mapping has for key, or nil.
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
		return nil, fmt.Errorf("is not strict JSON: %w", err)
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
