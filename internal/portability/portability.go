// Package portability finds what in an OpenAPI document or a JSON Schema is known
// to break code generators and validators, although the specifications allow it.
//
// [Rules] is the table of these idioms: each with the tools and versions that
// break on it, how, and what to write instead. [Lint] looks for them.
package portability

import (
	"cmp"
	"fmt"
	"slices"
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

// A Report is what there is to say of a document.
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

// Lint looks for broken rules in a document, YAML or JSON: OpenAPI 3.0 or 3.1
// where it has a member openapi, a JSON Schema of any draft otherwise. No other
// file is read.
//
// The error says why the bytes are no such document.
func Lint(document []byte) (Report, error) {
	if len(document) > MaxBytes {
		return Report{}, fmt.Errorf("has %d bytes; at most %d are read", len(document), MaxBytes)
	}
	root, err := parse(document)
	if err != nil {
		return Report{}, err
	}
	kind, err := kindOf(root)
	if err != nil {
		return Report{}, err
	}
	l := &linter{kind: kind, report: Report{Kind: kind}, room: MaxBytes}
	if kind == JSONSchema {
		l.document(root)
	} else {
		l.openapi(nil, root)
	}
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return l.report, nil
}
