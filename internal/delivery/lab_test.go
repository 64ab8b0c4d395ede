package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// body is one that conforms.
const body = `{"event_type":"run_failed","data":{"robotId":"robot","runId":"run","robotName":"Name","status":"failed",` +
	`"startedAt":"2026-01-02T03:04:05.678Z","finishedAt":"2026-01-02T03:05:05.678Z",` +
	`"error":{"message":"m","type":"t","stack":"s"}}}`

// An answer is what an endpoint of a lab does with an attempt.
type answer struct {
	status     int // 0 is none
	after      time.Duration
	retryAfter time.Duration
	err        error
	phase      emitter.Phase
}

func answers(status int) func(arrival) answer {
	return func(arrival) answer { return answer{status: status} }
}

func hangs(arrival) answer { return answer{after: time.Hour} }

// An arrival is an attempt as an endpoint sees it.
type arrival struct {
	host    string
	n       int // of the attempts to the host, from 1
	eventID string
	payload string
	header  http.Header
	at      time.Time // since the lab's start: Unix epoch plus that
	node    string
}

// A lab is engines in a bubble, over a shared memory, and endpoints that do what
// they are told.
type lab struct {
	*testing.T
	db    *memory.DB
	start time.Time

	mu       sync.Mutex
	does     map[string]func(arrival) answer // by host
	arrivals []arrival
	flying   map[string]int // attempts under way, by event and host
	doubled  []string       // attempts that overlapped
}

// inLab runs f in a bubble.
func inLab(t *testing.T, f func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(&lab{T: t, db: memory.NewDB(), start: time.Now(), does: map[string]func(arrival) answer{}, flying: map[string]int{}})
	})
}

// A running engine.
type running struct {
	*delivery.Engine
	store *memory.Store
	stop  func()
}

// run starts an engine over a store, until the test ends.
func (l *lab) run(store *memory.Store, change func(*delivery.Options)) *running {
	l.Helper()
	return l.runOver(store, store, change)
}

// runOver starts an engine over a store that is another in all but what a test
// watches.
func (l *lab) runOver(over delivery.Store, store *memory.Store, change func(*delivery.Options)) *running {
	l.Helper()
	o := delivery.Options{
		Name: "node", Deliver: true,
		Unseal: func(e *delivery.Endpoint) (delivery.Sealed, error) {
			if string(e.Sealed) == "broken" {
				return delivery.Sealed{}, errors.New("no such key")
			}
			h := http.Header{}
			if len(e.Sealed) > 0 {
				h.Set("Authorization", string(e.Sealed))
			}
			return delivery.Sealed{Header: h}, nil
		},
	}
	if change != nil {
		change(&o)
	}
	e := delivery.New(over, o)
	e.SetTransmit(l.transmit(o.Name))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			l.Errorf("Run: %v", err)
		}
	}()
	r := &running{Engine: e, store: store, stop: sync.OnceFunc(func() { cancel(); <-ended })}
	l.Cleanup(r.stop)
	synctest.Wait()
	return r
}

func (l *lab) transmit(node string) delivery.Transmit {
	return func(ctx context.Context, to emitter.Endpoint, eventID string, payload []byte) (emitter.Attempt, error) {
		host := strings.TrimSuffix(strings.TrimPrefix(to.URL, "https://"), "/")
		l.mu.Lock()
		n := 1
		for _, a := range l.arrivals {
			if a.host == host {
				n++
			}
		}
		a := arrival{host: host, n: n, eventID: eventID, payload: string(payload), header: to.Header, at: time.Now(), node: node}
		l.arrivals = append(l.arrivals, a)
		key := eventID + " to " + host
		if l.flying[key]++; l.flying[key] > 1 {
			l.doubled = append(l.doubled, fmt.Sprintf("%s, by %s at %v", key, node, a.at.Sub(l.start)))
		}
		do := l.does[host]
		l.mu.Unlock()
		defer func() {
			l.mu.Lock()
			l.flying[key]--
			l.mu.Unlock()
		}()
		r := answer{status: 200}
		if do != nil {
			r = do(a)
		}
		attempt := emitter.Attempt{EventID: eventID, At: a.at, Status: r.status, RetryAfter: r.retryAfter, Err: r.err, Phase: r.phase}
		attempt.RequestHeader = to.Header
		timeout := to.Timeout
		if r.after > 0 {
			select {
			case <-time.After(min(r.after, timeout)):
			case <-ctx.Done():
				attempt.Phase = emitter.Waiting
				return attempt, fmt.Errorf("given up: %w", ctx.Err())
			}
		}
		attempt.Timings.Total = time.Since(a.at)
		switch {
		case r.after >= timeout:
			attempt.Status, attempt.Outcome, attempt.Phase = 0, emitter.Unreachable, emitter.Waiting
			attempt.Err = fmt.Errorf("it took longer than %v: %w", timeout, context.DeadlineExceeded)
		case r.status == 0:
			attempt.Outcome = emitter.Unreachable
		case r.status/100 == 2:
			attempt.Outcome = emitter.Accepted
		case r.status == 410:
			attempt.Outcome = emitter.Gone
		case r.retryAfter > 0:
			attempt.Outcome = emitter.Deferred
		default:
			attempt.Outcome = emitter.Refused
		}
		return attempt, nil
	}
}

// endpoint creates an endpoint of a robot at a host.
func (l *lab) endpoint(r *running, robot, host string, change func(*delivery.Endpoint)) delivery.Endpoint {
	l.Helper()
	ep := delivery.Endpoint{
		ID: "ep-" + host, RobotID: robot, URL: "https://" + host + "/", State: delivery.Active,
		MaxAttempts: 3, Delays: []time.Duration{10 * time.Second, 100 * time.Second}, Timeout: 30 * time.Second, MaxInFlight: 10,
	}
	if change != nil {
		change(&ep)
	}
	ep, err := r.store.CreateEndpoint(l.Context(), ep, delivery.Audit{})
	if err != nil {
		l.Fatal(err)
	}
	return ep
}

// update changes the settings of an endpoint, as the service does.
func (l *lab) update(r *running, id string, change func(*delivery.Endpoint)) {
	l.Helper()
	ep, err := r.store.Endpoint(l.Context(), id)
	if err != nil {
		l.Fatal(err)
	}
	change(&ep)
	if _, err := r.store.UpdateEndpoint(l.Context(), ep, delivery.Audit{}); err != nil {
		l.Fatal(err)
	}
	r.Changed(id)
}

// publish publishes n events of a robot, one after the other, and returns their
// ids.
func (l *lab) publish(r *running, robot string, n int) []string {
	l.Helper()
	var ids []string
	for range n {
		published, err := r.Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{
			Type: "run_failed", RobotID: robot, RunID: "run", Body: []byte(body),
		}}})
		if err != nil {
			l.Fatal(err)
		}
		ids = append(ids, published[0].EventID)
	}
	return ids
}

// wait lets time pass.
func (l *lab) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// at returns the arrivals at a host.
func (l *lab) at(host string) []arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []arrival
	for _, a := range l.arrivals {
		if a.host == host {
			some = append(some, a)
		}
	}
	return some
}

// ids returns the events of arrivals.
func ids(arrivals []arrival) []string {
	var all []string
	for _, a := range arrivals {
		all = append(all, a.eventID)
	}
	return all
}

// deliveries returns those of an endpoint, the oldest first.
func (l *lab) deliveries(s *memory.Store, endpoint string) []delivery.Delivery {
	l.Helper()
	all, err := s.Deliveries(l.Context(), delivery.DeliveryFilter{EndpointID: endpoint}, delivery.Page{})
	if err != nil {
		l.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// states counts the deliveries of an endpoint by their state.
func (l *lab) states(s *memory.Store, endpoint string) map[delivery.State]int {
	l.Helper()
	states := map[delivery.State]int{}
	for _, d := range l.deliveries(s, endpoint) {
		states[d.State]++
	}
	return states
}
