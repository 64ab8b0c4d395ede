package event_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/event"
)

func TestCollapse(t *testing.T) {
	at := func(seconds int) time.Time { return finished.Add(time.Duration(seconds) * time.Second) }
	success := func(id string, seconds int) *event.Event {
		return &event.Event{Type: event.RunCompleted, Timestamp: at(seconds), Run: event.Run{ID: id, Status: event.StatusSuccess}}
	}
	failure := func(id string, seconds int, message, kind, stack string) *event.Event {
		return &event.Event{
			Type: event.RunFailed, Timestamp: at(seconds), Run: event.Run{ID: id, Status: event.StatusFailed},
			Error: &event.Error{Message: message, Type: kind, Stack: stack},
		}
	}
	completedFailure := failure("a", 2, "m", "t", "s")
	completedFailure.Type = event.RunCompleted
	trial := success("a", 0)
	trial.Type = event.Test
	partial := failure("a", 0, "m", "t", "s")
	partial.Partial = event.Flag{Known: true}
	rows := failure("a", 0, "m", "", "")
	rows.TextGroups = []event.Group{{Rows: []event.Row{{}}}}
	sentLater := failure("a", 1, "m", "t", "s")
	for _, tt := range []struct {
		name     string
		events   []*event.Event
		want     int // the event to go by, of one run
		reversed bool
	}{
		{"one", []*event.Event{success("a", 0)}, 0, false},
		{"the richer failure", []*event.Event{failure("a", 0, "m", "", ""), failure("a", 1, "m", "t", "s")}, 1, false},
		{"the richer failure, first", []*event.Event{failure("a", 0, "m", "t", "s"), failure("a", 1, "longer", "", "")}, 0, false},
		{"the one with partial data", []*event.Event{failure("a", 0, "m", "t", "longer"), partial}, 1, false},
		{"the one with rows", []*event.Event{failure("a", 0, "m", "t", ""), rows}, 1, false},
		{"the longer stack", []*event.Event{failure("a", 0, "m", "t", "s"), failure("a", 1, "m", "t", "ss")}, 1, false},
		{"the earlier one", []*event.Event{sentLater, failure("a", 0, "m", "t", "s")}, 1, false},
		{"a success, then a failure", []*event.Event{success("a", 0), failure("a", 1, "m", "", "")}, 1, true},
		{"that arrive the other way round", []*event.Event{failure("a", 1, "m", "", ""), success("a", 0)}, 0, true},
		{"both at once", []*event.Event{failure("a", 0, "m", "", ""), success("a", 0)}, 0, true},
		{"a failure, then a success", []*event.Event{success("a", 1), failure("a", 0, "m", "", "")}, 1, false},
		{"a run_completed that failed", []*event.Event{success("a", 0), completedFailure}, 1, true},
		{"a success between failures", []*event.Event{failure("a", 0, "m", "t", ""), success("a", 1), failure("a", 2, "m", "", "")}, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := []event.Ending{{Event: tt.events[tt.want], Events: tt.events, SuccessThenFailure: tt.reversed}}
			if diff := cmp.Diff(want, event.Collapse(tt.events)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	t.Run("several runs", func(t *testing.T) {
		b0, a0, b1 := success("b", 0), failure("a", 0, "m", "", ""), failure("b", 1, "m", "", "")
		want := []event.Ending{
			{Event: b1, Events: []*event.Event{b0, b1}, SuccessThenFailure: true},
			{Event: a0, Events: []*event.Event{a0}},
			{Event: trial, Events: []*event.Event{trial}},
		}
		if diff := cmp.Diff(want, event.Collapse([]*event.Event{b0, a0, b1, trial})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("none", func(t *testing.T) {
		if got := event.Collapse(nil); len(got) != 0 {
			t.Errorf("%v", got)
		}
	})
	t.Run("in any order", func(t *testing.T) {
		events := []*event.Event{
			success("a", 0), success("a", 3), partial, rows, sentLater, completedFailure,
			failure("a", 0, "m", "t", "s"), failure("a", 0, "m", "", ""), failure("a", 5, "m", "t", "ss"),
		}
		for i, e := range events {
			e.Payload = []byte{byte(i)}
		}
		want := event.Collapse(events)[0]
		random := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			shuffled := slices.Clone(events)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got := event.Collapse(shuffled)[0]
			if got.Event != want.Event || got.SuccessThenFailure != want.SuccessThenFailure {
				t.Fatalf("%q counts, not %q", got.Event.Payload, want.Event.Payload)
			}
		}
	})
}
