package validate_test

import (
	"testing"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// conforms and survives are the unions of both events.
func conforms(payload []byte) bool { return validate.RunEvent(payload) }
func survives(payload []byte) bool { return validate.ObservedRunEvent(payload) }

// slow are the vectors that are valid and yet not on the fast path, and why.
var slow = map[string]string{}

func TestVectors(t *testing.T) {
	for _, v := range vectors.All() {
		t.Run(v.Name, func(t *testing.T) {
			_, isSlow := slow[v.Name]
			if got, want := conforms(v.Payload), v.Verdict == string(conformance.Conforms) && !isSlow; got != want {
				t.Errorf("documented: %v, want %v: %s", got, want, v.Expectation.Description)
			}
			if got, want := survives(v.Payload), v.Verdict != string(conformance.Invalid) && !isSlow; got != want {
				t.Errorf("observed: %v, want %v: %s", got, want, v.Expectation.Description)
			}
			if conforms(v.Payload) && validate.RunCompleted(v.Payload) == validate.RunFailed(v.Payload) {
				t.Error("not one of the events accepts what the union accepts")
			}
		})
	}
}
