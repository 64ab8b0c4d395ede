package conformance

import "github.com/runhooks/runhooks/internal/validate"

// Reaches reports whether the verdict on payload is worst or better: for [Conforms] whether
// a sender may emit the payload, for [Deviates] whether a receiver should survive it. If it
// does, and neither Strict nor Engine nor Schemas are set, that allocates nothing, and
// takes about as long as reading the bytes.
func (c Checker) Reaches(payload []byte, worst Verdict) bool {
	if !c.Strict && c.Engine == "" && len(c.Schemas) == 0 { // which the validators know nothing of
		if worst == Conforms && validate.RunEvent(payload) || worst == Deviates && validate.ObservedRunEvent(payload) {
			return true
		}
	}
	verdict := c.Check(payload).Verdict
	return verdict == Conforms || verdict == worst || worst == Invalid
}
