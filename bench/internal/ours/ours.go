// Package ours is what the benchmarks call of Runhooks. It builds with this tree, and
// with those of before.
package ours

import (
	"fmt"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// Findings is the error of a judge that says all that is wrong with a payload: how
// many things it said.
type Findings int

func (f Findings) Error() string { return fmt.Sprintf("%d findings", int(f)) }

type refusal string

func (r refusal) Error() string { return string(r) }

// Judges are by name. Each returns nil for a payload that it accepts.
var Judges = map[string]func(payload []byte) error{
	"Valid": func(payload []byte) error {
		if !conformance.Valid(payload) {
			return refusal("does not conform")
		}
		return nil
	},
	"Check": func(payload []byte) error {
		if report := conformance.Check(payload); report.Verdict != conformance.Conforms {
			return Findings(len(report.Findings))
		}
		return nil
	},
	"ObservedRunEvent": func(payload []byte) error {
		if !validate.ObservedRunEvent(payload) {
			return refusal("is invalid")
		}
		return nil
	},
}
