package portability

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// The bounds of what aliases and merge keys make of a document: how many values
// more than it has, and how deep. A file of a few lines can stand for billions.
const (
	maxExpanded = 1 << 20
	maxDepth    = 10_000
)

// An expander puts in place of each alias of a tree what it stands for, and in
// place of each merge key the members that it adds. What several aliases stand
// for remains one node, at its own line and column.
type expander struct {
	seen   map[*yaml.Node]extent // of those that have an anchor: no other is met twice
	own    int                   // how many nodes the document has itself
	merged int                   // how many members merge keys have looked at
}

// An extent is how many values there are in a tree, and how deep it is. It is
// zero while the tree is being expanded.
type extent struct{ values, depth int }

// expand changes the tree. The error says why there is no end to it.
func expand(root *yaml.Node) error {
	e := &expander{seen: map[*yaml.Node]extent{}}
	all, err := e.node(root)
	if err != nil {
		return err
	}
	if all.values > e.own+maxExpanded {
		return fmt.Errorf("has aliases that stand for more than %d values; write schemas once, and refer to them by $ref", maxExpanded)
	}
	return nil
}

func (e *expander) node(n *yaml.Node) (extent, error) {
	if n.Anchor != "" {
		if size, ok := e.seen[n]; ok {
			if size == (extent{}) {
				return size, fmt.Errorf("has in line %d what contains itself by an alias; refer to it by $ref", n.Line)
			}
			return size, nil
		}
		e.seen[n] = extent{}
	}
	e.own++
	size := extent{values: 1, depth: 1}
	for i, child := range n.Content {
		if child.Kind == yaml.AliasNode {
			child = child.Alias
			n.Content[i] = child
		}
		inner, err := e.node(child)
		if err != nil {
			return size, err
		}
		size.values = min(size.values+inner.values, 1<<29) // far above the bound, and their sum is no overflow in 32 bits
		size.depth = max(size.depth, inner.depth+1)
	}
	if size.depth > maxDepth {
		return size, fmt.Errorf("is nested deeper than %d levels, in line %d", maxDepth, n.Line)
	}
	if n.Kind == yaml.MappingNode && !isPlain(n) {
		if err := e.merge(n); err != nil {
			return size, err
		}
	}
	if n.Anchor != "" {
		e.seen[n] = size
	}
	return size, nil
}

// isPlain tells that a mapping has no merge key, and no key twice.
func isPlain(n *yaml.Node) bool {
	keys := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Tag == "!!merge" || keys[key.Value] {
			return false
		}
		keys[key.Value] = true
	}
	return true
}

// merge gives a mapping the members that its merge keys add. Its own come before
// these, and the first of several mappings before the others. Of members of one name
// the last is taken, as most parsers do.
func (e *expander) merge(n *yaml.Node) error {
	at := map[string]int{} // where a key stands in content
	var content, sources []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			from := []*yaml.Node{value}
			if value.Kind == yaml.SequenceNode {
				from = value.Content
			}
			for _, source := range from {
				if source.Kind != yaml.MappingNode {
					return fmt.Errorf("has in line %d a merge key << of what is not a mapping", key.Line)
				}
			}
			sources = append(sources, from...)
			continue
		}
		if j, ok := at[key.Value]; ok {
			content[j], content[j+1] = key, value
			continue
		}
		at[key.Value] = len(content)
		content = append(content, key, value)
	}
	for _, source := range sources {
		e.merged += len(source.Content)/2 + 1
		if e.merged > maxExpanded {
			return fmt.Errorf("has merge keys that add more than %d members; write schemas once, and refer to them by $ref", maxExpanded)
		}
		for i := 0; i+1 < len(source.Content); i += 2 {
			key := source.Content[i]
			if _, ok := at[key.Value]; !ok {
				at[key.Value] = len(content)
				content = append(content, key, source.Content[i+1])
			}
		}
	}
	n.Content = content
	return nil
}
