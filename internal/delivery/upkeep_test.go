package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

// TestOutbox: what a platform published in its own transaction is delivered if it
// conforms, and set aside otherwise.
func TestOutbox(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "", "operator", nil)
		l.endpoint(r, "robot", "a", nil)
		r.store.Post(body, "key")
		r.store.Post(body, "key")
		r.store.Post(strings.Replace(body, "run_failed", "run_lost", 1), "")
		l.wait(2 * time.Second)
		if n := len(l.at("a")); n != 1 {
			l.Errorf("%d arrived, want 1", n)
		}
		if diff := cmp.Diff([]string{"event_set_aside"}, l.told()); diff != "" {
			l.Errorf("the operator is told (-want +got):\n%s", diff)
		}
		aside, err := r.store.SetAsides(l.Context(), delivery.Page{})
		if err != nil || len(aside) != 1 || !strings.Contains(string(aside[0].Report), "event.type-unknown") {
			l.Errorf("set aside: %+v, %v", aside, err)
		}
	})
}

// TestStale: readiness says when deliveries are due for too long.
func TestStale(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.RateLimit = 0.1 })
		l.publish(r, "robot", 100)
		l.wait(time.Minute)
		if err := r.Ready(l.Context()); err != nil {
			l.Errorf("after a minute: %v", err)
		}
		l.wait(6 * time.Minute)
		if err := r.Ready(l.Context()); err == nil || !strings.Contains(err.Error(), "has been due since") {
			l.Errorf("after 7 minutes: %v", err)
		}
	})
}
