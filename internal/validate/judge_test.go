package validate_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// eventOf returns the event that a payload says it is, or nil.
func eventOf(payload []byte) *validate.Event {
	var head struct {
		EventType string `json:"event_type"`
	}
	if json.Unmarshal(payload, &head) != nil {
		return nil
	}
	for _, e := range validate.Events {
		if slices.Contains(e.Types, head.EventType) {
			return e
		}
	}
	return nil
}

// The outcome of a judge is the verdict, whether or not it is to explain it.
func TestJudge(t *testing.T) {
	verdicts := map[validate.Outcome]conformance.Verdict{
		validate.Documented: conformance.Conforms, validate.Observed: conformance.Deviates,
		validate.Refused: conformance.Invalid, validate.Unsure: conformance.Invalid,
	}
	for _, v := range vectors.All() {
		e := eventOf(v.Payload)
		if e == nil {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			var notes validate.Notes
			outcome := e.Judge(v.Payload, &notes)
			if got := verdicts[outcome]; string(got) != v.Verdict {
				t.Errorf("%s, want %s", got, v.Verdict)
			}
			if outcome == validate.Unsure {
				return // not strict JSON, which is what Explain asks for
			}
			notes.Explain = true
			if again := e.Judge(v.Payload, &notes); again != outcome {
				t.Errorf("to explain: %v, want %v", again, outcome)
			}
			if live := slices.ContainsFunc(notes.List, func(k validate.Note) bool { return k.Count > 0 }); !live && outcome != validate.Documented {
				t.Error("there is no note of why it is not as documented")
			}
		})
	}
}
