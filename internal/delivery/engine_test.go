package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

var anyOrder = cmpopts.SortSlices(func(a, b string) bool { return a < b })

func TestDelivers(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", nil)
		l.endpoint(r, "robot", "b", func(e *delivery.Endpoint) { e.Events = []string{"run_completed"} })
		l.endpoint(r, "other", "c", nil)
		published := l.publish(r, "robot", 5)
		l.wait(time.Millisecond)
		if diff := cmp.Diff(published, ids(l.at("a")), anyOrder); diff != "" {
			l.Errorf("arrived (-want +got):\n%s", diff)
		}
		if n := len(l.at("b")) + len(l.at("c")); n > 0 {
			l.Errorf("%d attempts to endpoints that get none of these events", n)
		}
		first := l.at("a")[0].payload
		if want := `{"event_type":"run_failed","timestamp":"2000-01-01T00:00:00.000Z","webhook_id":"ep-a","data":{`; !strings.HasPrefix(first, want) {
			l.Errorf("the payload is %s\nwant %s…", first, want)
		}
		l.wait(time.Second)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 5}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		attempts, err := r.store.Attempts(l.Context(), l.deliveries(r.store, "ep-a")[0].ID)
		if err != nil || len(attempts) != 1 || attempts[0].Status != 200 || attempts[0].N != 1 || attempts[0].Node != "node" {
			l.Errorf("attempts: %+v, %v", attempts, err)
		}
	})
}

func TestSchedule(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", nil)
		l.does["a"] = answers(500)
		l.publish(r, "robot", 1)
		l.wait(10 * time.Minute)
		got := l.at("a")
		if len(got) != 3 {
			l.Fatalf("%d attempts, want 3", len(got))
		}
		for i, want := range []time.Duration{10 * time.Second, 100 * time.Second} {
			pause := got[i+1].at.Sub(got[i].at)
			if pause < want || pause > want+want/10+time.Second {
				l.Errorf("pause %d is %v, want %v and up to a tenth more", i, pause, want)
			}
			if got[i].payload != got[i+1].payload || got[i].eventID != got[i+1].eventID {
				l.Error("an attempt sent something else than the one before")
			}
		}
		d := l.deliveries(r.store, "ep-a")[0]
		if d.State != delivery.Exhausted || d.Attempts != 3 || d.Reason == "" {
			l.Errorf("the delivery is %+v", d)
		}
	})
}
