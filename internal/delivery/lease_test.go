package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

func named(name string) func(*delivery.Options) {
	return func(o *delivery.Options) { o.Name = name }
}

// byNode counts the arrivals at a host by the node that made them.
func byNode(arrivals []arrival) map[string]int {
	n := map[string]int{}
	for _, a := range arrivals {
		n[a.node]++
	}
	return n
}

func TestTwoNodes(t *testing.T) {
	inLab(t, func(l *lab) {
		a, b := l.run(l.db.Node(), named("a")), l.run(l.db.Node(), named("b"))
		l.endpoint(a, "robot", "h", nil)
		l.endpoint(a, "robot", "ordered", func(e *delivery.Endpoint) { e.Ordered = true })
		l.does["h"] = func(arrival) answer { return answer{status: 200, after: 29 * time.Second} }
		var published []string
		for range 10 {
			published = append(published, l.publish(a, "robot", 1)...)
			published = append(published, l.publish(b, "robot", 1)...)
		}
		l.wait(2 * time.Second)
		if diff := cmp.Diff(published, ids(l.at("ordered"))); diff != "" {
			l.Errorf("arrived (-want +got):\n%s", diff)
		}
		l.wait(5 * time.Minute)
		if len(l.doubled) > 0 {
			l.Errorf("attempts overlapped: %v", l.doubled)
		}
		for _, host := range []string{"h", "ordered"} {
			if diff := cmp.Diff(published, ids(l.at(host)), anyOrder); diff != "" {
				l.Errorf("arrived at %s (-want +got):\n%s", host, diff)
			}
			if n := byNode(l.at(host)); len(n) != 1 {
				l.Errorf("attempts to %s by node: %v, want one owner", host, n)
			}
		}
	})
}

// TestTakeover: what a killed node owned, others deliver.
func TestTakeover(t *testing.T) {
	inLab(t, func(l *lab) {
		var dead atomic.Bool
		a := l.db.Node()
		a.Fault = func(context.Context, string, bool) error {
			if dead.Load() {
				return errors.New("the process is no more")
			}
			return nil
		}
		first := l.run(a, named("a"))
		l.endpoint(first, "robot", "h", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		l.does["h"] = func(arrival) answer { return answer{status: 200, after: time.Second} }
		l.publish(first, "robot", 100)
		second := l.run(l.db.Node(), named("b"))
		l.wait(10 * time.Second)
		dead.Store(true)
		a.Kill()
		l.wait(2 * time.Second)
		if n := byNode(l.at("h"))["b"]; n == 0 {
			l.Error("the other node has not taken over after 2 s")
		}
		l.wait(3 * time.Minute)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 100}, l.states(second.store, "ep-h")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// TestNoAttemptAfterTheLease: a node that can't renew its lease starts nothing when
// another may own its endpoints.
func TestNoAttemptAfterTheLease(t *testing.T) {
	inLab(t, func(l *lab) {
		var away atomic.Bool
		a := l.db.Node()
		a.Fault = func(_ context.Context, method string, _ bool) error {
			if away.Load() {
				return errors.New("no route to host")
			}
			return nil
		}
		first := l.run(a, named("a"))
		l.endpoint(first, "robot", "h", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		l.does["h"] = func(arrival) answer { return answer{status: 200, after: 100 * time.Millisecond} }
		l.publish(first, "robot", 500)
		second := l.run(l.db.Node(), named("b"))
		l.wait(time.Second)
		away.Store(true)
		lost := time.Now()
		l.wait(20 * time.Second)
		var lastOfA, firstOfB time.Time
		for _, at := range l.at("h") {
			if at.node == "a" {
				lastOfA = at.at
			} else if firstOfB.IsZero() {
				firstOfB = at.at
			}
		}
		if firstOfB.IsZero() || firstOfB.Sub(lost) > memory.TTL+time.Second {
			l.Errorf("the other node took over after %v, want within %v", firstOfB.Sub(lost), memory.TTL+time.Second)
		}
		if !lastOfA.Before(firstOfB) {
			l.Errorf("the last attempt of a started at %v, and the first of b at %v", lastOfA, firstOfB)
		}
		away.Store(false)
		l.wait(2 * time.Minute)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 500}, l.states(second.store, "ep-h")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		if err := first.Ready(l.Context()); err != nil {
			l.Errorf("the node that was away: %v", err)
		}
	})
}

func TestRebalance(t *testing.T) {
	inLab(t, func(l *lab) {
		a := l.run(l.db.Node(), named("a"))
		for i := range 100 {
			host := fmt.Sprint("h", i)
			l.endpoint(a, "robot", host, func(e *delivery.Endpoint) { e.RateLimit = 1 })
		}
		l.publish(a, "robot", 60)
		l.wait(time.Second)
		l.run(l.db.Node(), named("b"))
		l.wait(10 * time.Second)
		l.mu.Lock()
		l.arrivals = nil
		l.mu.Unlock()
		l.wait(10 * time.Second)
		l.mu.Lock()
		n := byNode(l.arrivals)
		l.mu.Unlock()
		if n["a"] < 300 || n["b"] < 300 {
			l.Errorf("attempts by node: %v, want about half each", n)
		}
		l.wait(2 * time.Minute)
		if len(l.doubled) > 0 {
			l.Errorf("attempts overlapped: %v", l.doubled)
		}
		for i := range 100 {
			if states := l.states(a.store, fmt.Sprint("ep-h", i)); states[delivery.Delivered] != 60 {
				l.Errorf("states of h%d: %v", i, states)
			}
		}
	})
}

// TestLateOutcome: an attempt that ends after its endpoint went to another node is
// kept, and changes nothing.
func TestLateOutcome(t *testing.T) {
	inLab(t, func(l *lab) {
		a := l.db.Node()
		first := l.run(a, named("a"))
		l.endpoint(first, "robot", "h", nil)
		l.does["h"] = func(at arrival) answer {
			if at.node == "a" {
				return answer{status: 500, after: 10 * time.Second}
			}
			return answer{status: 200}
		}
		l.publish(first, "robot", 1)
		second := l.run(l.db.Node(), named("b"))
		l.wait(time.Second)
		a.Kill() // it lives, but the others don't know
		l.wait(20 * time.Second)
		d := l.deliveries(second.store, "ep-h")[0]
		attempts, err := second.store.Attempts(l.Context(), d.ID)
		if err != nil {
			l.Fatal(err)
		}
		late := 0
		for _, at := range attempts {
			if at.Late {
				late++
			}
		}
		if d.State != delivery.Delivered || len(attempts) != 2 || late != 1 {
			l.Errorf("the delivery is %+v\nits attempts %+v", d, attempts)
		}
	})
}
