package validate_test

import (
	"strings"
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
			event := "run_completed"
			if strings.Contains(string(v.Payload), `"run_failed"`) {
				event = "run_failed"
			}
			one := map[string]func([]byte) bool{"run_completed": validate.RunCompleted, "run_failed": validate.RunFailed}[event]
			if conforms(v.Payload) && !one(v.Payload) {
				t.Errorf("%s refuses what the union accepts", event)
			}
		})
	}
}
