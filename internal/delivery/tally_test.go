package delivery_test

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

// TestTallies: attempts are counted by their hour and their outcome, whatever the store
// does for a while, and the last ones when the engine stops.
func TestTallies(t *testing.T) {
	inLab(t, func(l *lab) {
		store := memory.New()
		var away atomic.Bool
		store.Fault = func(_ context.Context, method string, done bool) error {
			if method == "AddActivity" && !done && away.Load() {
				return errors.New("no route to host")
			}
			return nil
		}
		r := l.run(store, nil)
		for _, host := range []string{"well", "ill", "odd"} {
			l.endpoint(r, "robot", host, nil)
		}
		l.does["ill"] = answers(500)
		l.does["odd"] = func(a arrival) answer {
			if a.n == 1 { // which is no fault of the endpoint
				return answer{err: syscall.EMFILE}
			}
			return answer{status: 200}
		}
		start := time.Now()
		l.publish(r, "robot", 1)
		check := func(when string, want map[string]delivery.Hours) {
			l.Helper()
			found, err := store.Activity(l.Context(), []string{"ep-well", "ep-ill", "ep-odd"})
			if err != nil {
				l.Fatal(err)
			}
			got := map[string]delivery.Hours{}
			for id, a := range found {
				got[id] = a.Hours
			}
			if diff := cmp.Diff(want, got); diff != "" {
				l.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		counts := func(before, now delivery.Counts) (h delivery.Hours) {
			h[22], h[23] = before, now
			return h
		}
		none, one := delivery.Counts{}, delivery.Counts{Succeeded: 1}
		l.wait(time.Millisecond)
		check("at once", map[string]delivery.Hours{"ep-well": {}, "ep-ill": {}, "ep-odd": {}})
		l.wait(6 * time.Second)
		check("after seconds", map[string]delivery.Hours{
			"ep-well": counts(none, one), "ep-ill": counts(none, delivery.Counts{Failed: 1}), "ep-odd": counts(none, one),
		})
		away.Store(true)
		l.wait(time.Hour)
		l.publish(r, "robot", 1)
		l.wait(2 * time.Second)
		away.Store(false)
		r.stop()
		check("when it has stopped", map[string]delivery.Hours{
			"ep-well": counts(one, one), "ep-ill": counts(delivery.Counts{Failed: 3}, delivery.Counts{Failed: 1}), "ep-odd": counts(one, one),
		})
		found, err := store.Activity(l.Context(), []string{"ep-ill", "ep-well"})
		if err != nil {
			l.Fatal(err)
		}
		if a := found["ep-ill"]; !a.LastSuccess.IsZero() || a.LastAttempt.Sub(start) < time.Hour {
			l.Errorf("last success %v, last attempt %v", a.LastSuccess, a.LastAttempt)
		}
		if a := found["ep-well"]; a.LastSuccess != a.LastAttempt || a.LastSuccess.Sub(start) < time.Hour {
			l.Errorf("last success %v, last attempt %v", a.LastSuccess, a.LastAttempt)
		}
	})
}
