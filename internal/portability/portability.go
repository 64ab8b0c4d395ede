// Package portability finds what in an OpenAPI document or a JSON Schema is known
// to break code generators and validators, although the specifications allow it.
//
// [Rules] is the table of these idioms: each with the tools and versions that
// break on it, how, and what to write instead. [Lint] looks for them.
package portability

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A Severity says how much a finding weighs.
type Severity string

const (
	// Error: there is a way to say the same that every tool takes.
	Error Severity = "error"
	// Warning: there is none, or it is a matter of taste; tools make less of it
	// than it says.
	Warning Severity = "warning"
)

// A Kind says what a document is, which decides what its keywords mean.
type Kind string

// The kinds.
const (
	OpenAPI30  Kind = "OpenAPI 3.0"
	OpenAPI31  Kind = "OpenAPI 3.1"
	OpenAPI32  Kind = "OpenAPI 3.2"
	JSONSchema Kind = "JSON Schema"
)

// A Finding is one place of a document at which a rule is broken.
type Finding struct {
	// Rule is the ID of the rule; [Lookup] gives the rest of it.
	Rule     string
	Severity Severity
	// Pointer is an RFC 6901 pointer to what the finding is about. Line and
	// Column say where that is, or its key; both count from 1, Column in code
	// points.
	Pointer      string
	Line, Column int
	// Message says in a few words what is there.
	Message string
}

// A Report is what lint finds in a document.
type Report struct {
	Kind Kind
	// Findings stand in the order of their places.
	Findings []Finding
	// Truncated: there are more than [MaxFindings], or their pointers are
	// longer than all that may be linted.
	Truncated bool
}

// The bounds: of a document, and of what is said of it.
const (
	MaxBytes    = 16 << 20
	MaxFindings = 10_000
)

// Lint looks for broken rules in a document, YAML or JSON: OpenAPI 3.0, 3.1 or 3.2
// where it has a member openapi, otherwise a JSON Schema of any draft. No other
// file is read. A document whose name ends in .json has to be JSON.
//
// The error says why the bytes are not such a document, and what to do about it.
func Lint(name string, document []byte) (Report, error) {
	if len(document) > MaxBytes {
		return Report{}, fmt.Errorf("has %d bytes; at most %d are read", len(document), MaxBytes)
	}
	root, isYAML, err := parse(name, document)
	if err != nil {
		return Report{}, err
	}
	l := &linter{room: MaxBytes, discriminating: map[member]bool{}}
	if directive := versionDirective.FindIndex(document); isYAML && directive != nil {
		line := 1 + bytes.Count(document[:directive[0]], []byte("\n"))
		l.add("yaml-directive", nil, &yaml.Node{Line: line, Column: 1}, "")
	}
	l.source(nil, root, isYAML)
	if err := expand(root); err != nil {
		return Report{}, err
	}
	if l.kind, err = kindOf(root); err != nil {
		return Report{}, err
	}
	l.report.Kind = l.kind
	if l.kind == JSONSchema {
		l.document(root)
	} else {
		l.openapi(nil, root)
		l.constsInUnions()
	}
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.report, nil
}
