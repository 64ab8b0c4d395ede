package portability

import (
	"fmt"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// What parsers of YAML 1.1 and 1.2 read differently: PyYAML, SnakeYAML and Psych are
// of 1.1. Neither y nor n is here: 1.1 has them as booleans, but these parsers don't.
var (
	oldBoolean = regexp.MustCompile(`^([yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF)$`)
	oldNumber  = regexp.MustCompile(`^[-+]?(` +
		`0[0-9_]+` + // octal in 1.1
		`|0o[0-7]+` + // octal in 1.2
		`|0b[01_]+` +
		`|[0-9]+(_[0-9_]*)+` +
		`|[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?` + // of base 60
		`|[0-9]+[eE][-+]?[0-9]+|[0-9]*\.[0-9]*[eE][0-9]+` + // text in 1.1, without a point or a sign
		`)$`)
)

// source looks at how a document is written, before its aliases are followed:
// each place is looked at once.
func (l *linter) source(of *place, n *yaml.Node, isYAML bool) {
	if isYAML {
		l.tag(of, n)
	}
	switch n.Kind {
	case yaml.ScalarNode:
		if isYAML {
			l.scalar(of, n)
		}
	case yaml.SequenceNode:
		elements(of, n, func(at *place, value *yaml.Node) { l.source(at, value, isYAML) })
	case yaml.MappingNode:
		lines := make(map[string]int, len(n.Content)/2)
		members(of, n, func(at *place, key, value *yaml.Node) {
			if key.Kind == yaml.ScalarNode {
				if line, ok := lines[key.Value]; ok && key.Tag != "!!merge" {
					l.add("duplicate-key", at, key, fmt.Sprintf("%.100q for the second time, after line %d", key.Value, line))
				}
				lines[key.Value] = key.Line
			}
			if isYAML {
				l.key(at, key)
			}
			l.source(at, value, isYAML)
		})
	}
}

// key looks at the name of a member.
func (l *linter) key(at *place, key *yaml.Node) {
	switch {
	case key.Kind == yaml.AliasNode:
	case key.Kind != yaml.ScalarNode:
		l.add("unquoted-key", at, key, "a key that is not text, but a mapping or a list")
	case key.Tag == "!!merge":
		l.add("merge-key", at, key, "")
	case l.scalar(at, key), key.Style != 0, key.Tag == "!!str":
	case at.parent != nil && at.parent.token == "responses":
		l.add("unquoted-key", at, key, fmt.Sprintf("the status code %.100s without quotes", key.Value))
	default:
		l.add("unquoted-key", at, key, fmt.Sprintf("%.100q as a key is %s", key.Value, words[key.Tag]))
	}
}

var words = map[string]string{"!!int": "a number", "!!float": "a number", "!!bool": "a boolean", "!!null": "null"}

// scalar looks at a value or a key without quotes, and tells whether it found
// something.
func (l *linter) scalar(at *place, n *yaml.Node) bool {
	switch {
	case n.Style != 0:
		return false
	case oldBoolean.MatchString(n.Value):
		l.add("yaml-boolean", at, n, n.Value+" is a boolean in YAML 1.1, and text in 1.2")
	case n.Tag == "!!timestamp":
		l.add("yaml-date", at, n, fmt.Sprintf("%.40s is a date in YAML 1.1, and text in 1.2", n.Value))
	case oldNumber.MatchString(n.Value):
		l.add("yaml-number", at, n, fmt.Sprintf("%.40s is read in two ways", n.Value))
	default:
		return false
	}
	return true
}

// tag looks for a tag that somebody wrote.
func (l *linter) tag(at *place, n *yaml.Node) {
	if n.Style&yaml.TaggedStyle == 0 {
		return
	}
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map":
		return
	}
	l.add("yaml-tag", at, n, "the tag "+strconv.Quote(n.Tag))
}
