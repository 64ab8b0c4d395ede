//go:build !wasmmodule

package event

import "github.com/runhooks/runhooks/internal/validate"

// accepts tells of a payload that it isn't invalid. The generated validators are a
// hundred times faster than the judge. What they are not sure of is for it to say.
func accepts(payload []byte) bool {
	return validate.RunEvent(payload) || validate.ObservedRunEvent(payload)
}
