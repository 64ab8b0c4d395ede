package event_test

import (
	"slices"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// An event is an empty success if and only if a check of its payload says so.
func TestEmptySuccessIsWhatACheckSays(t *testing.T) {
	empty := 0
	for _, v := range vectors.All() {
		if v.Verdict == "invalid" {
			continue
		}
		e, err := event.Parse(v.Payload)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		want := slices.ContainsFunc(conformance.Check(v.Payload).Findings, func(f conformance.Finding) bool { return f.Code == "data.empty-success" })
		if got := e.EmptySuccess(); got != want {
			t.Errorf("%s: EmptySuccess is %v, and a check says %v", v.Name, got, want)
		}
		if want {
			empty++
		}
	}
	if empty < 10 {
		t.Errorf("%d vectors are empty successes; want 10 or more", empty)
	}
}
