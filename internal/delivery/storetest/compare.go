package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Compare takes two empty stores through the same random steps, which depend on the
// seed alone, and fails where their answers differ in more than numbers and times.
func Compare(t *testing.T, seed uint64, steps int, a, b delivery.Store) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	worlds := [2]*world{newWorld(t, a), newWorld(t, b)}
	plan := &plan{Rand: r}
	var done []string
	for range steps {
		name, step := plan.next()
		done = append(done, name)
		x, y := step(worlds[0]), step(worlds[1])
		if x != y {
			t.Fatalf("after the seed %d and the steps\n%s\none store says\n%s\nand the other\n%s", seed, strings.Join(done, "\n"), x, y)
		}
	}
}

// A plan chooses steps. It knows of what it made by name, and not whether that still
// exists.
type plan struct {
	*rand.Rand
	endpoints  []string
	events     []string
	deliveries []string // event/endpoint
}

// A world is a store, and under which numbers it has what the plan knows by name.
type world struct {
	*bench
	numbers map[string]int64
	names   map[int64]string
	epochs  map[string]int64 // by endpoint, as long as it is owned
}

func newWorld(t *testing.T, s delivery.Store) *world {
	return &world{newBench(t, s), map[string]int64{}, map[int64]string{}, map[string]int64{}}
}

func pick[T any](p *plan, from []T) (zero T) {
	if len(from) == 0 {
		return zero
	}
	// Mostly what is young.
	return from[len(from)-1-int(float64(len(from))*p.Float64()*p.Float64())]
}

func said(err error) string {
	for _, known := range []error{delivery.ErrNotFound, delivery.ErrVersion, delivery.ErrURLTaken, delivery.ErrState} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err)
}

func (w *world) show(d delivery.Delivery) string {
	return fmt.Sprintf("%s/%s %s ordered=%t attempts=%d round=%d due=%t finished=%t reason=%t run=%s", d.EventID, d.EndpointID[30:], d.State, d.Ordered, d.Attempts, d.Round,
		d.State == delivery.Pending && !d.DueAt.IsZero(), d.State.Finished() && !d.FinishedAt.IsZero(), d.State.Finished() && d.Reason != "", d.RunID)
}

func (w *world) list(f delivery.DeliveryFilter, page int) string {
	var text []string
	var last int64
	for {
		ds, err := w.Deliveries(w.ctx, f, delivery.Page{Limit: page, Before: last})
		if err != nil {
			return said(err)
		}
		for _, d := range ds {
			if last != 0 && d.ID >= last {
				return fmt.Sprintf("delivery %d comes after %d", d.ID, last)
			}
			last = d.ID
			attempts, err := w.Attempts(w.ctx, d.ID)
			if err != nil {
				return said(err)
			}
			late := 0
			for _, a := range attempts {
				if a.Late {
					late++
				}
			}
			text = append(text, fmt.Sprintf("%s tried=%d late=%d", w.show(d), len(attempts), late))
		}
		if len(ds) < page {
			return strings.Join(text, "\n")
		}
	}
}

func (w *world) own(c delivery.Claim) { w.epochs[c.EndpointID] = c.Epoch }

// publish notes what a commit made.
func (w *world) published(ps []delivery.Published) string {
	var text []string
	for _, p := range ps {
		line := fmt.Sprintf("%t %t", p.Replayed, p.Conflict)
		if !p.Conflict {
			line += " " + p.EventID
		}
		var refs []string
		for _, r := range p.Deliveries {
			name := p.EventID + "/" + r.EndpointID
			w.numbers[name], w.names[r.ID] = r.ID, name
			if r.Owned {
				w.epochs[r.EndpointID] = r.Epoch
			}
			refs = append(refs, fmt.Sprint(" ", r.EndpointID[30:], r.State, r.Ordered, r.Owned, r.Claim != nil))
		}
		slices.Sort(refs)
		text = append(text, line+strings.Join(refs, ""))
	}
	return strings.Join(text, "\n")
}

// next returns a step, which is done to each world in turn, and its name.
func (p *plan) next() (string, func(w *world) string) {
	robots, runs, types := []string{"a", "b"}, []string{"1", "2", "3"}, []string{"run_completed", "run_failed"}
	switch n := p.IntN(100); {
	case n < 6 || len(p.endpoints) == 0:
		e := newEndpoint(pick(p, robots))
		if p.IntN(8) == 0 {
			e.RobotID = ""
		}
		e.Ordered = p.IntN(3) == 0
		if p.IntN(3) == 0 {
			e.Events = []string{pick(p, types)}
		}
		if p.IntN(4) == 0 {
			e.State = delivery.Paused
		}
		if p.IntN(5) == 0 {
			e.URL = "https://example.com/same"
		}
		p.endpoints = append(p.endpoints, e.ID)
		return "create " + e.ID[30:] + " of " + e.RobotID, func(w *world) string {
			got, err := w.CreateEndpoint(w.ctx, e, delivery.Audit{Action: "create"})
			if err != nil {
				return said(err)
			}
			return fmt.Sprint(got.Version)
		}
	case n < 30:
		var batch delivery.Batch
		for range 1 + p.IntN(3) {
			ev := event(pick(p, robots), pick(p, runs))
			ev.Event.Type = pick(p, types)
			ev.Event.Operational = p.IntN(8) == 0
			if p.IntN(4) == 0 {
				ev.IdempotencyKey, ev.BodyHash = fmt.Sprint("key", p.IntN(5)), [32]byte{byte(p.IntN(2))}
			}
			if p.IntN(8) == 0 {
				ev.EndpointID = pick(p, p.endpoints)
			}
			p.events = append(p.events, ev.Event.ID)
			for _, e := range p.endpoints {
				p.deliveries = append(p.deliveries, ev.Event.ID+"/"+e)
			}
			batch.Publish = append(batch.Publish, ev)
		}
		return fmt.Sprint("publish ", len(batch.Publish)), func(w *world) string {
			c, err := w.Commit(w.ctx, &batch)
			if err != nil {
				return said(err)
			}
			return w.published(c.Published)
		}
	case n < 50:
		// Most of what the plan knows was never made: a few are tried.
		tries := make([]string, 20)
		for i := range tries {
			tries[i] = pick(p, p.deliveries)
		}
		state := pick(p, []delivery.State{delivery.Pending, delivery.Delivered, delivery.Delivered, delivery.Exhausted})
		late, soon := p.IntN(6) == 0, p.IntN(2) == 0
		at := time.UnixMilli(ids.Add(1)).UTC() // no two attempts are the same
		return "outcome " + string(state), func(w *world) string {
			for _, name := range tries {
				id := w.numbers[name]
				if id == 0 {
					continue
				}
				d, err := w.Delivery(w.ctx, id)
				if err != nil || d.State.Finished() && !late {
					continue
				}
				o := outcome(delivery.Ref{ID: id, EndpointID: d.EndpointID, Epoch: w.epochs[d.EndpointID]}, d.Attempts+1, state)
				o.Attempt.At = at
				if soon {
					o.Delay = 0
				}
				if late {
					o.Epoch = 1 << 40
				}
				c, err := w.Commit(w.ctx, &delivery.Batch{Outcomes: []delivery.Outcome{o}})
				if err != nil {
					return said(err)
				}
				d, err = w.Delivery(w.ctx, id)
				return fmt.Sprint(c.Late, w.show(d), said(err))
			}
			return "none"
		}
	case n < 58:
		e, state := pick(p, p.endpoints), pick(p, []delivery.EndpointState{delivery.Active, delivery.Active, delivery.Paused})
		old := p.IntN(6) == 0
		return "set " + e[30:] + " to " + string(state), func(w *world) string {
			got, err := w.Endpoint(w.ctx, e)
			if err != nil {
				return said(err)
			}
			got.State = state
			if old {
				got.Version++
			}
			got, err = w.UpdateEndpoint(w.ctx, got, delivery.Audit{Action: "update"})
			if err != nil {
				return said(err)
			}
			return fmt.Sprint(got.Version)
		}
	case n < 60:
		e := pick(p, p.endpoints)
		return "disable " + e[30:], func(w *world) string {
			c, err := w.Commit(w.ctx, &delivery.Batch{Disable: []delivery.Disabling{{EndpointID: e, Reason: "x"}}})
			if err != nil {
				return said(err)
			}
			return fmt.Sprint(c.Disabled)
		}
	case n < 61:
		e := pick(p, p.endpoints)
		return "delete " + e[30:], func(w *world) string { return said(w.DeleteEndpoint(w.ctx, e, 0, delivery.Audit{Action: "delete"})) }
	case n < 68:
		cancel := p.IntN(3) == 0
		tries := make([]string, 20)
		for i := range tries {
			tries[i] = pick(p, p.deliveries)
		}
		return fmt.Sprint("retry or cancel ", cancel), func(w *world) string {
			for _, name := range tries {
				if id := w.numbers[name]; id != 0 {
					var d delivery.Delivery
					var err error
					if cancel {
						d, err = w.Cancel(w.ctx, id, "no", delivery.Audit{})
					} else {
						d, err = w.Retry(w.ctx, id, delivery.Audit{})
					}
					if err != nil {
						return said(err)
					}
					return w.show(d)
				}
			}
			return "none"
		}
	case n < 73:
		j := delivery.Job{Kind: delivery.Recover, EndpointID: pick(p, p.endpoints)}
		if p.IntN(4) == 0 {
			j = delivery.Job{Kind: delivery.Erase, RobotID: pick(p, robots), RunID: pick(p, runs)}
		}
		return fmt.Sprint("job ", j.Kind), func(w *world) string {
			created, err := w.CreateJob(w.ctx, j, delivery.Audit{})
			if err != nil {
				return said(err)
			}
			w.jobs()
			got, err := w.Job(w.ctx, created.ID)
			return fmt.Sprint(got.Done == got.Total, got.FinishedAt.IsZero(), said(err))
		}
	case n < 78:
		return "settle", func(w *world) string { return fmt.Sprint(w.settle()) }
	case n < 82:
		return "claim", func(w *world) string {
			claims := w.claim()
			for _, c := range claims {
				w.own(c)
			}
			return fmt.Sprint(claimed(claims))
		}
	case n < 84:
		return "join", func(w *world) string {
			clear(w.epochs)
			return fmt.Sprint(w.rejoin(true).Nodes > 0)
		}
	case n < 87:
		e := pick(p, p.endpoints)
		return "release " + e[30:], func(w *world) string {
			epoch := w.epochs[e]
			delete(w.epochs, e)
			_, err := w.Commit(w.ctx, &delivery.Batch{Release: []delivery.Claim{{EndpointID: e, Epoch: epoch}}})
			return said(err)
		}
	case n < 93:
		e, order := pick(p, p.endpoints), p.IntN(2) == 0
		return "due " + e[30:], func(w *world) string {
			if w.epochs[e] == 0 {
				return "not owned"
			}
			// What is due is due in both after a moment.
			time.Sleep(2 * time.Millisecond)
			r := w.due(e, delivery.DueQuery{Ordered: order})
			var text []string
			for _, t := range r.Deliveries {
				text = append(text, w.show(t.Delivery)+" "+t.Event.ID)
			}
			if !order {
				slices.Sort(text)
			}
			peek, err := w.Peek(w.ctx, map[string]time.Time{e: {}})
			return fmt.Sprint(strings.Join(text, "\n"), r.More, r.NextDue.IsZero(), slices.Collect(maps.Keys(peek)), said(err))
		}
	default:
		f := []delivery.DeliveryFilter{
			{}, {RobotID: "a"}, {RunID: "1"}, {EndpointID: pick(p, p.endpoints)}, {State: delivery.Held}, {State: delivery.Pending, RobotID: "b"},
			{EventID: pick(p, p.events)}, {EventType: "run_failed", RobotID: "a"},
		}[p.IntN(8)]
		page := 1 + p.IntN(20)
		return fmt.Sprintf("list %+v by %d", f, page), func(w *world) string { return w.list(f, page) }
	}
}
