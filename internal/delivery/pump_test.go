package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/pkg/emitter"
)

func TestOrder(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.Ordered = true })
		l.does["a"] = func(a arrival) answer {
			if a.n <= 3 {
				return answer{status: 500}
			}
			return answer{status: 200, after: time.Second}
		}
		published := l.publish(r, "robot", 301)
		head := published[0]
		l.wait(5 * time.Minute)
		// The head is tried three times alone. It is exhausted, and the others go on.
		want := append([]string{head, head}, published...)
		got := ids(l.at("a"))
		if diff := cmp.Diff(want[:len(got)], got); diff != "" || len(got) < 100 {
			l.Errorf("%d arrived (-want +got):\n%s", len(got), diff)
		}
		l.wait(5 * time.Minute)
		if diff := cmp.Diff(want, ids(l.at("a"))); diff != "" {
			l.Errorf("arrived (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[delivery.State]int{delivery.Exhausted: 1, delivery.Delivered: 300}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestRateLimit(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.RateLimit = 10 })
		l.publish(r, "robot", 200)
		l.wait(10 * time.Second)
		if n := len(l.at("a")); n < 95 || n > 102 {
			l.Errorf("%d attempts in 10 s, want about 100", n)
		}
		l.wait(11 * time.Second)
		if n := len(l.at("a")); n != 200 {
			l.Errorf("%d attempts, want all 200", n)
		}
	})
}

// TestFairness: endpoints that hang have no effect on one that doesn't, not even if
// nothing is known of it yet.
func TestFairness(t *testing.T) {
	for _, test := range []struct {
		known       bool
		maxInFlight int
	}{{true, 400}, {false, 1200}} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			inLab(t, func(l *lab) {
				r := l.run(memory.New(), func(o *delivery.Options) { o.MaxInFlight = test.maxInFlight })
				l.endpoint(r, "robot", "a", nil)
				var published []string
				if test.known {
					published = l.publish(r, "robot", 1)
				}
				const hanging = 1000
				for i := range hanging {
					host := fmt.Sprint("hangs", i)
					l.endpoint(r, host, host, nil)
					l.mu.Lock() // there may be attempts to the other endpoint
					l.does[host] = hangs
					l.mu.Unlock()
				}
				for i := range hanging {
					l.publish(r, fmt.Sprint("hangs", i), 5)
				}
				l.wait(2 * time.Second)
				for range 50 {
					published = append(published, l.publish(r, "robot", 1)...)
					l.wait(100 * time.Millisecond)
					if diff := cmp.Diff(published, ids(l.at("a"))); diff != "" {
						l.Fatalf("arrived 100 ms later (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// TestMuchWaiting: what doesn't fit into memory waits in the store.
func TestMuchWaiting(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), func(o *delivery.Options) { o.MaxBytes = 20_000 })
		l.endpoint(r, "robot", "a", nil)
		l.does["a"] = func(arrival) answer { return answer{status: 200, after: 100 * time.Millisecond} }
		published := l.publish(r, "robot", 1000)
		l.wait(time.Minute)
		if diff := cmp.Diff(published, ids(l.at("a")), anyOrder); diff != "" {
			l.Errorf("arrived (-want +got):\n%s", diff)
		}
	})
}

func TestSettingsCountForTheNextAttempt(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", nil)
		l.does["a"] = answers(500)
		l.publish(r, "robot", 1)
		l.wait(time.Second)
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.URL, e.Sealed = "https://b/", []byte("Bearer b") })
		l.wait(20 * time.Second)
		if got := l.at("b"); len(got) != 1 || got[0].header.Get("Authorization") != "Bearer b" {
			l.Errorf("at the new URL arrived %+v", got)
		}
		attempts, err := r.store.Attempts(l.Context(), l.deliveries(r.store, "ep-a")[0].ID)
		if err != nil || len(attempts) != 2 {
			l.Fatal(attempts, err)
		}
		want := `{"url":"https://b/","request_headers":{"Authorization":["***"]},"timings":{"total_us":0}}`
		if got := string(attempts[1].Detail); got != want {
			l.Errorf("the detail is %s\nwant %s", got, want)
		}
	})
}

func TestPause(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxInFlight = 1 })
		l.does["a"] = func(arrival) answer { return answer{status: 200, after: time.Second} }
		published := l.publish(r, "robot", 100)
		l.wait(9500 * time.Millisecond)
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.State = delivery.Paused })
		l.wait(10 * time.Second)
		if n := len(l.at("a")); n != 10 {
			l.Errorf("%d attempts, want 10 before the pause and none after", n)
		}
		published = append(published, l.publish(r, "robot", 10)...)
		l.wait(10 * time.Second)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 10, delivery.Held: 100}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.State = delivery.Active })
		l.wait(10 * time.Second)
		if n := len(l.at("a")); n != 10 {
			l.Errorf("%d attempts, want 10: what is held waits to be recovered", n)
		}
		if _, err := r.store.CreateJob(l.Context(), delivery.Job{Kind: delivery.Recover, EndpointID: "ep-a"}, delivery.Audit{}); err != nil {
			l.Fatal(err)
		}
		r.Changed("ep-a")
		l.wait(3 * time.Minute)
		if diff := cmp.Diff(published, ids(l.at("a")), anyOrder); diff != "" {
			l.Errorf("arrived (-want +got):\n%s", diff)
		}
	})
}

// TestOwnFaults: what is no fault of the endpoint's uses up no attempt, and doesn't
// change what is known of the endpoint.
func TestOwnFaults(t *testing.T) {
	for name, fault := range map[string]answer{
		"no descriptors": {err: fmt.Errorf("dial: %w", syscall.EMFILE), phase: emitter.Connecting},
		"proxy":          {err: errors.New("refused"), phase: emitter.Proxying},
	} {
		for _, ordered := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", ordered: ", ordered), func(t *testing.T) {
				inLab(t, func(l *lab) {
					r := l.run(memory.New(), nil)
					l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.MaxAttempts, e.Ordered = 1, ordered })
					well := time.Now().Add(10 * time.Minute)
					l.does["a"] = func(arrival) answer {
						if time.Now().Before(well) {
							return fault
						}
						return answer{status: 200}
					}
					l.publish(r, "robot", 20)
					l.wait(10 * time.Minute)
					if n := len(l.at("a")); n < 20 || n > 60 {
						l.Errorf("%d attempts in 10 minutes", n)
					}
					if h, err := r.store.Health(l.Context(), "ep-a"); err != nil || h != (delivery.Health{}) {
						l.Errorf("the health is %+v, %v", h, err)
					}
					l.wait(time.Minute)
					if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 20}, l.states(r.store, "ep-a")); diff != "" {
						l.Errorf("states (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

func TestBrokenSecret(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.Sealed = []byte("broken") })
		l.publish(r, "robot", 20)
		l.wait(time.Minute)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Pending: 20}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
		l.update(r, "ep-a", func(e *delivery.Endpoint) { e.Sealed = nil })
		l.wait(time.Minute)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 20}, l.states(r.store, "ep-a")); diff != "" {
			l.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

func TestGracefulStop(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), func(o *delivery.Options) { o.Grace = 10 * time.Second })
		for host, after := range map[string]time.Duration{"soon": 5 * time.Second, "late": 25 * time.Second} {
			l.endpoint(r, host, host, nil)
			l.mu.Lock()
			l.does[host] = func(arrival) answer { return answer{status: 200, after: after} }
			l.mu.Unlock()
			l.publish(r, host, 1)
		}
		l.wait(time.Second)
		began := time.Now()
		r.stop()
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			l.Errorf("stopping took %v, want the grace of 10s", took)
		}
		if _, err := r.Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{Type: "run_failed", RobotID: "soon"}}}); !errors.Is(err, delivery.ErrStopped) {
			l.Errorf("Publish after the end: %v", err)
		}
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 1}, l.states(r.store, "ep-soon")); diff != "" {
			l.Errorf("soon (-want +got):\n%s", diff)
		}
		for _, d := range l.deliveries(r.store, "ep-late") {
			if d.State != delivery.Pending || d.Round != 0 {
				l.Errorf("what was given up is %+v", d)
			}
		}
		// The next process finds them free.
		l.does["late"] = nil
		l.run(r.store, nil)
		l.wait(2 * time.Second)
		if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 1}, l.states(r.store, "ep-late")); diff != "" {
			l.Errorf("late (-want +got):\n%s", diff)
		}
	})
}

// TestStopKeepsOutcomes: what came of the last attempts counts, however long it takes
// to write.
func TestStopKeepsOutcomes(t *testing.T) {
	inLab(t, func(l *lab) {
		store := memory.New()
		var slow atomic.Bool
		store.Fault = func(_ context.Context, method string, done bool) error {
			if method == "Commit" && !done && slow.CompareAndSwap(true, false) {
				time.Sleep(time.Second)
			}
			return nil
		}
		r := l.run(store, nil)
		for host, after := range map[string]time.Duration{"a": time.Second, "b": 1500 * time.Millisecond} {
			l.endpoint(r, "robot", host, nil)
			l.mu.Lock()
			l.does[host] = func(arrival) answer { return answer{status: 200, after: after} }
			l.mu.Unlock()
		}
		l.publish(r, "robot", 1)
		l.wait(500 * time.Millisecond)
		slow.Store(true) // which is writing what came of a when b's attempt ends
		r.stop()
		for _, d := range append(l.deliveries(store, "ep-a"), l.deliveries(store, "ep-b")...) {
			if d.State != delivery.Delivered {
				l.Errorf("after the end, the delivery is %+v", d)
			}
		}
	})
}

func TestCommitFailures(t *testing.T) {
	t.Run("one that can't be written", func(t *testing.T) {
		inLab(t, func(l *lab) {
			r := l.run(memory.New(), nil)
			l.endpoint(r, "robot", "a", nil)
			ps := make([]delivery.Publication, 9)
			for i := range ps {
				ps[i].Event = delivery.Event{Type: "run_failed", RobotID: "robot", Body: []byte(body)}
			}
			ps[4].Event.RunID = "\x00" // which databases can't hold
			published, err := r.Publish(l.Context(), ps)
			if err == nil || errors.Is(err, delivery.ErrUnavailable) {
				l.Errorf("the error is %v", err)
			}
			for i, p := range published {
				if (p.EventID == "") != (i == 4) {
					l.Errorf("publication %d: %+v", i, p)
				}
			}
			l.wait(time.Second)
			if n := len(l.at("a")); n != 8 {
				l.Errorf("%d arrived, want 8", n)
			}
		})
	})
	t.Run("the store is away", func(t *testing.T) {
		inLab(t, func(l *lab) {
			store := memory.New()
			from := time.Now().Add(500 * time.Millisecond)
			store.Fault = func(context.Context, string, bool) error {
				if since := time.Since(from); since >= 0 && since < time.Minute {
					return errors.New("connection refused")
				}
				return nil
			}
			r := l.run(store, nil)
			l.endpoint(r, "robot", "a", nil)
			l.does["a"] = func(arrival) answer { return answer{status: 200, after: time.Second} }
			published := l.publish(r, "robot", 20)
			l.wait(2500 * time.Millisecond)
			_, err := r.Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{Type: "run_failed", RobotID: "robot", Body: []byte(body)}}})
			if !errors.Is(err, delivery.ErrUnavailable) {
				l.Errorf("Publish: %v", err)
			}
			if err := r.Ready(l.Context()); !errors.Is(err, delivery.ErrUnavailable) {
				l.Errorf("Ready: %v", err)
			}
			l.wait(30 * time.Second)
			before := len(l.at("a"))
			l.wait(20 * time.Second)
			if after := len(l.at("a")); after != before {
				l.Errorf("%d attempts started without a lease", after-before)
			}
			l.wait(time.Minute)
			if err := r.Ready(l.Context()); err != nil {
				l.Errorf("Ready: %v", err)
			}
			if diff := cmp.Diff(map[delivery.State]int{delivery.Delivered: 20}, l.states(store, "ep-a")); diff != "" {
				l.Errorf("states (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(published, ids(l.at("a")), anyOrder); diff != "" {
				l.Errorf("arrived (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("more than is held", func(t *testing.T) {
		inLab(t, func(l *lab) {
			store := memory.New()
			store.Fault = func(ctx context.Context, method string, done bool) error {
				if method == "Commit" {
					time.Sleep(time.Second)
				}
				return nil
			}
			r := l.run(store, func(o *delivery.Options) { o.MaxBytes = 10_000 })
			event := delivery.Publication{Event: delivery.Event{Type: "run_failed", RobotID: "robot", Body: make([]byte, 4000)}}
			errs := make(chan error, 10)
			for range cap(errs) {
				go func() {
					_, err := r.Publish(l.Context(), []delivery.Publication{event})
					errs <- err
				}()
			}
			busy := 0
			for range cap(errs) {
				if err := <-errs; errors.Is(err, delivery.ErrBusy) {
					busy++
				} else if err != nil {
					l.Error(err)
				}
			}
			if busy < 5 || busy > 8 {
				l.Errorf("%d of %d were busy", busy, cap(errs))
			}
		})
	})
}

// TestNothingIsLost: whatever fails at random, in the end all is delivered.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(racetest.Some(20)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inLab(t, func(l *lab) { l.randomFaults(rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func (l *lab) randomFaults(random *rand.Rand) {
	calm := time.Now().Add(2 * time.Minute)
	chance := func(p float64) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Now().Before(calm) && random.Float64() < p
	}
	stores := []*memory.Store{l.db.Node(), l.db.Node()}
	var nodes []*running
	for i, s := range stores {
		s.Fault = func(_ context.Context, method string, done bool) error {
			switch {
			case method == "Endpoint":
				return nil
			case chance(0.02):
				return errors.New("a fault")
			case method == "Renew" && !done && chance(0.01):
				s.Kill()
			}
			if chance(0.1) {
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		}
		nodes = append(nodes, l.run(s, func(o *delivery.Options) { o.Name = fmt.Sprint("node", i) }))
	}
	const hosts = 6
	for i := range hosts {
		host := fmt.Sprint("h", i)
		l.endpoint(nodes[0], "robot", host, func(e *delivery.Endpoint) {
			e.MaxAttempts, e.Timeout, e.Ordered = 1000, 3*time.Second, i%2 == 0
			e.Delays = []time.Duration{time.Second, 5 * time.Second}
		})
		l.does[host] = func(arrival) answer {
			switch {
			case chance(0.2):
				return answer{status: 500}
			case chance(0.05):
				return answer{after: time.Hour}
			case chance(0.05):
				return answer{status: 429, retryAfter: 10 * time.Second}
			case chance(0.02):
				return answer{err: syscall.EMFILE}
			case chance(0.3):
				return answer{status: 200, after: 300 * time.Millisecond}
			}
			return answer{status: 200}
		}
	}
	accepted := map[string]bool{}
	for i := range 600 {
		published, err := nodes[i%2].Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{
			Type: "run_failed", RobotID: "robot", Body: []byte(body),
		}}})
		if err == nil {
			accepted[published[0].EventID] = true
		}
		l.wait(50 * time.Millisecond)
	}
	l.wait(20 * time.Minute)
	if len(accepted) < 300 {
		l.Errorf("only %d events were accepted", len(accepted))
	}
	for i := range hosts {
		host := fmt.Sprint("h", i)
		arrived := map[string]bool{}
		for _, a := range l.at(host) {
			arrived[a.eventID] = true
		}
		for id := range accepted {
			if !arrived[id] {
				l.Errorf("%s did not arrive at %s", id, host)
			}
		}
		for state, n := range l.states(stores[0], "ep-"+host) {
			if state != delivery.Delivered {
				l.Errorf("%d deliveries to %s are %s", n, host, state)
			}
		}
	}
}

// TestCancel: what is cancelled isn't attempted again, whether it is the head of an
// ordered endpoint and under way, or just being read from the store.
func TestCancel(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered: ", ordered), func(t *testing.T) {
			inLab(t, func(l *lab) {
				store := memory.New()
				r := new(running)
				cancel := func(id int64) {
					if _, err := store.Cancel(l.Context(), id, "by a person", delivery.Audit{}); err != nil {
						t.Error(err)
					}
					r.Changed("ep-a")
				}
				store.Fault = func(_ context.Context, method string, done bool) error {
					if method != "Due" || !done || ordered {
						return nil
					}
					// What the store returned is on its way.
					if d := l.deliveries(store, "ep-a")[0]; d.Attempts == 1 && d.State == delivery.Pending && !d.DueAt.After(time.Now()) {
						cancel(d.ID)
						time.Sleep(time.Second)
					}
					return nil
				}
				*r = *l.run(store, nil)
				l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.Ordered, e.MaxAttempts = ordered, 10 })
				l.does["a"] = func(a arrival) answer {
					if a.n == 1 {
						return answer{status: 500, after: 5 * time.Second}
					}
					return answer{status: 200}
				}
				published := l.publish(r, "robot", 1)
				if ordered {
					published = append(published, l.publish(r, "robot", 1)...)
					l.wait(time.Second)
					cancel(l.deliveries(store, "ep-a")[0].ID)
				}
				l.wait(30 * time.Minute)
				if diff := cmp.Diff(published, ids(l.at("a"))); diff != "" {
					t.Errorf("arrived (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestErased: nothing is sent of what was erased.
func TestErased(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprint("ordered: ", ordered), func(t *testing.T) {
			inLab(t, func(l *lab) {
				r := l.run(memory.New(), nil)
				l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.RateLimit, e.Ordered = 0.1, ordered })
				l.publish(r, "robot", 20)
				l.wait(15 * time.Second)
				if _, err := r.store.CreateJob(l.Context(), delivery.Job{Kind: delivery.Erase, RobotID: "robot"}, delivery.Audit{}); err != nil {
					t.Fatal(err)
				}
				r.Changed("")
				l.wait(time.Hour)
				if n := len(l.at("a")); n != 2 {
					t.Errorf("%d arrived, want the 2 of before", n)
				}
			})
		})
	}
}

// TestSlowestRate: however low a rate is, it is kept.
func TestSlowestRate(t *testing.T) {
	inLab(t, func(l *lab) {
		r := l.run(memory.New(), nil)
		l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.RateLimit = 5e-324 })
		l.publish(r, "robot", 20)
		l.wait(time.Hour)
		if n := len(l.at("a")); n != 1 {
			t.Errorf("%d attempts in an hour, want 1", n)
		}
	})
}

// A peeked store tells since when it is asked for what is due.
type peeked struct {
	*memory.Store
	tell func(from map[string]time.Time)
}

func (p *peeked) Peek(ctx context.Context, from map[string]time.Time) (map[string]time.Time, error) {
	p.tell(from)
	return p.Store.Peek(ctx, from)
}

// TestPeeksMoveOn: the store is not asked again for what has been delivered long ago,
// but for now and then, and not for all endpoints at once.
func TestPeeksMoveOn(t *testing.T) {
	inLab(t, func(l *lab) {
		const endpoints, length = 50, 16 * time.Minute
		var whole, most int
		store := memory.New()
		r := l.runOver(&peeked{store, func(from map[string]time.Time) {
			n := 0
			for _, since := range from {
				if since.IsZero() {
					n++
				} else if age := time.Since(since); age > 20*time.Second {
					l.Errorf("asked for the last %v", age)
				}
			}
			if time.Since(l.start) > time.Minute {
				whole, most = whole+n, max(most, n)
			}
		}}, store, nil)
		for i := range endpoints {
			l.endpoint(r, fmt.Sprint(i), fmt.Sprint("h", i), nil)
		}
		for start := time.Now(); time.Since(start) < length; {
			for i := range endpoints {
				l.publish(r, fmt.Sprint(i), 1)
			}
			l.wait(20 * time.Second)
		}
		r.stop()
		if most > 2 {
			l.Errorf("%d endpoints at once were asked for all that is due", most)
		}
		if each := float64(whole) / endpoints; each < 2 || each > 4 {
			l.Errorf("an endpoint was asked %.1f times in %v for all that is due", each, length)
		}
	})
}
