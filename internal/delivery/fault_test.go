package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/racetest"
)

// TestProcessesAreKilled: two processes deliver, commits fail, answers to them are
// lost, and one process after the other is killed and another started. Then
// everything that was accepted arrived or is visibly finished, and while no lease
// was lost, no two attempts of a delivery overlapped.
func TestProcessesAreKilled(t *testing.T) {
	for seed := range uint64(racetest.Some(10)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inLab(t, func(l *lab) { l.killProcesses(rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

// A process is a node that can be killed.
type process struct {
	*running
	dead atomic.Bool
}

var errDead = errors.New("the process was killed")

// process starts a process whose commits fail and whose answers are lost by chance.
func (l *lab) process(name string, chance func(float64) bool) *process {
	p := &process{}
	store := l.db.Node()
	store.Fault = func(_ context.Context, method string, _ bool) error {
		switch {
		case p.dead.Load():
			return errDead
		case method == "Join" || method == "Renew" || method == "Endpoint":
			return nil // the lease is kept
		case chance(0.05):
			return errors.New("a fault")
		case chance(0.1):
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	}
	p.running = l.run(store, func(o *delivery.Options) { o.Name = name })
	return p
}

// kill ends a process. Its attempts end before the others can take over.
func (l *lab) kill(p *process) {
	p.dead.Store(true)
	p.stop()
	p.store.Kill()
}

func (l *lab) killProcesses(random *rand.Rand) {
	calm := time.Now().Add(2 * time.Minute)
	chance := func(p float64) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Now().Before(calm) && random.Float64() < p
	}
	processes := []*process{l.process("p0", chance), l.process("p1", chance)}
	setUp := &running{store: l.db.Node()}
	hosts := []string{"well", "ordered", "fails", "hangs", "busy", "gone"}
	for _, host := range hosts {
		l.endpoint(setUp, "robot", host, func(e *delivery.Endpoint) {
			e.MaxAttempts, e.Timeout, e.Ordered = 4, 3*time.Second, host == "ordered"
			e.Delays = []time.Duration{time.Second, 5 * time.Second}
		})
		l.does[host] = func(arrival) answer {
			switch {
			case host == "fails" && chance(0.8), host == "ordered" && chance(0.2):
				return answer{status: 500}
			case host == "hangs" && chance(0.3):
				return hangs(arrival{})
			case host == "busy" && chance(0.3):
				return answer{status: 429, retryAfter: 5 * time.Second}
			case host == "gone" && chance(0.02):
				return answer{status: 410}
			case chance(0.3):
				return answer{status: 200, after: 300 * time.Millisecond}
			}
			return answer{status: 200}
		}
	}
	accepted := map[string]bool{}
	for i := range 400 {
		published, err := processes[i%2].Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{
			Type: "run_failed", RobotID: "robot", Body: []byte(body),
		}}})
		if err == nil {
			accepted[published[0].EventID] = true
		}
		l.wait(50 * time.Millisecond)
		if chance(0.02) {
			k := 0
			if chance(0.5) {
				k = 1
			}
			l.kill(processes[k])
			processes[k] = l.process(fmt.Sprint("p", i+2), chance)
		}
	}
	l.wait(30 * time.Minute)
	if len(accepted) < 200 {
		l.Errorf("only %d events were accepted", len(accepted))
	}
	if len(l.doubled) > 0 {
		l.Errorf("attempts overlapped: %v", l.doubled)
	}
	for _, host := range hosts {
		l.accounted(processes[0].store, host, accepted)
	}
}

// accounted checks that each event accepted was delivered, or visibly wasn't, and
// that nothing is pending for ever.
func (l *lab) accounted(s *memory.Store, host string, accepted map[string]bool) {
	l.Helper()
	ep, err := s.Endpoint(l.Context(), "ep-"+host)
	if err != nil {
		l.Fatal(err)
	}
	arrived := map[string]bool{}
	for _, a := range l.at(host) {
		arrived[a.eventID] = true
	}
	known := map[string]bool{}
	for _, d := range l.deliveries(s, ep.ID) {
		known[d.EventID] = true
		switch {
		case d.State == delivery.Pending:
			l.Errorf("%s to %s is pending for ever: %+v", d.EventID, host, d)
		case d.State == delivery.Held && ep.State == delivery.Active:
			l.Errorf("%s to %s, which is active, is held", d.EventID, host)
		case d.State == delivery.Exhausted && d.Reason == "":
			l.Errorf("%s to %s is exhausted, and no reason says why", d.EventID, host)
		case d.State == delivery.Delivered && !arrived[d.EventID]:
			l.Errorf("%s to %s is delivered, and did not arrive", d.EventID, host)
		}
	}
	for id := range accepted {
		if !known[id] {
			l.Errorf("%s was accepted, and has no delivery to %s", id, host)
		}
	}
}

// TestAnswerIsLost: an event whose commit's answer is late, and perhaps lost, is
// found in the store meanwhile. When the answer is there, or the commit repeated, it
// isn't attempted a second time.
func TestAnswerIsLost(t *testing.T) {
	broke := errors.New("the connection broke")
	for _, test := range []struct {
		ordered bool
		err     error
	}{{false, broke}, {true, broke}, {false, nil}, {true, nil}} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			inLab(t, func(l *lab) {
				store := memory.New()
				var lost atomic.Bool
				store.Fault = func(_ context.Context, method string, done bool) error {
					if method == "Commit" && done && lost.CompareAndSwap(true, false) {
						time.Sleep(10 * time.Second)
						return test.err
					}
					return nil
				}
				r := l.run(store, nil)
				l.endpoint(r, "robot", "h", func(e *delivery.Endpoint) { e.Ordered = test.ordered })
				l.does["h"] = func(arrival) answer { return answer{status: 200, after: 20 * time.Second} }
				published := l.publish(r, "robot", 1)
				lost.Store(true)
				published = append(published, l.publish(r, "robot", 1)...)
				l.wait(2 * time.Minute)
				if diff := cmp.Diff(published, ids(l.at("h"))); diff != "" {
					l.Errorf("arrived (-want +got):\n%s", diff)
				}
				if len(l.doubled) > 0 {
					l.Errorf("attempts overlapped: %v", l.doubled)
				}
			})
		})
	}
}
