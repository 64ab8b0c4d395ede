package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Compare takes two empty stores through the same random steps, which depend on the
// seed alone, and fails where their answers differ. Only numbers and epochs, which
// are a store's own, may differ. It needs a bubble of testing/synctest, so that both
// stores have one clock.
func Compare(t *testing.T, a, b delivery.Store, seed uint64, steps int) {
	p := &pair{
		T: t, stores: [2]delivery.Store{a, b}, Rand: rand.New(rand.NewPCG(seed, 0)),
		attempts: map[int]int{},
	}
	for i := range p.stores {
		p.own[i] = &own{epochs: map[string]int64{}, place: map[int64]int{}}
	}
	p.both("Join", func(s delivery.Store, o *own) (any, error) {
		_, err := s.Join(t.Context(), "node", true)
		return nil, err
	})
	for range 6 {
		p.create()
	}
	for i := range steps {
		p.step()
		if i%8 == 0 || i == steps-1 {
			p.all()
		}
		if t.Failed() {
			t.Fatalf("with seed %d, after:\n%s", seed, strings.Join(p.done, "\n"))
		}
		time.Sleep(time.Duration(p.IntN(3)) * time.Duration(p.IntN(2000)) * time.Millisecond)
		p.both(fmt.Sprint("Renew at ", time.Now().UTC().Format("05.000")), func(s delivery.Store, _ *own) (any, error) {
			l, err := s.Renew(t.Context())
			return []any{l.Now, l.Nodes, l.Changed}, err
		})
	}
}

// A pair is two stores that are compared.
type pair struct {
	*testing.T
	*rand.Rand
	stores [2]delivery.Store
	own    [2]*own

	endpoints []string
	events    []string
	to        []string    // endpoints of deliveries, by their place
	attempts  map[int]int // how many a delivery had
	outcomes  []made
	done      []string
	reading   bool // what is done isn't worth telling
}

// own is what is a store's own. Deliveries and jobs have a place that is the same
// in both.
type own struct {
	epochs     map[string]int64 // of endpoints that the node owns
	deliveries []int64
	place      map[int64]int
	jobs       []int64
}

// made is an outcome that was committed.
type made struct {
	place  int
	o      delivery.Outcome
	epochs map[*own]int64
}

// both calls f with both stores, and compares what it returns.
func (p *pair) both(what string, f func(s delivery.Store, o *own) (any, error)) {
	p.Helper()
	var got [2]any
	var errs [2]string
	for i, s := range p.stores {
		value, err := f(s, p.own[i])
		got[i], errs[i] = value, kind(err)
	}
	if !p.reading {
		p.done = append(p.done, what)
	}
	if errs[0] != errs[1] {
		p.Errorf("%s: the errors are %q and %q", what, errs[0], errs[1])
	} else if d := diff(got[0], got[1]); d != "" && errs[0] == "" {
		p.Errorf("%s (-first +second)\n%s", what, d)
	}
}

// kind tells errors apart that callers tell apart.
func kind(err error) string {
	if err == nil {
		return ""
	}
	for _, known := range []error{delivery.ErrNotFound, delivery.ErrVersion, delivery.ErrURLTaken, delivery.ErrState, delivery.ErrLeaseLost} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "another: " + err.Error()
}

func (p *pair) one(of []string) string { return of[p.IntN(len(of))] }

func (p *pair) step() {
	steps := []func(){
		p.publish, p.publish, p.publish, p.end, p.end, p.end, p.again, p.change, p.claim, p.release, p.retry,
		p.cancel, p.settle, p.job, p.work, p.retain, p.health, p.disable, p.count,
	}
	switch p.IntN(30) {
	case 0:
		p.create()
	case 1:
		p.remove()
	case 2:
		p.rejoin()
	default:
		steps[p.IntN(len(steps))]()
	}
}

func (p *pair) create() {
	e := newEndpoint(p.one([]string{"a", "a", "b", ""}), func(e *delivery.Endpoint) {
		e.Ordered = p.IntN(2) == 0
		e.URL = fmt.Sprint("https://example.com/", p.IntN(12))
		if p.IntN(4) == 0 {
			e.State = delivery.Paused
		}
		if p.IntN(3) == 0 {
			e.Events = []string{"run_completed"}
		}
	})
	p.both("CreateEndpoint "+e.ID, func(s delivery.Store, _ *own) (any, error) {
		return s.CreateEndpoint(p.Context(), e, delivery.Audit{Actor: "tok", Action: "create", Subject: e.ID})
	})
	p.endpoints = append(p.endpoints, e.ID) // one that there isn't, too
}

func (p *pair) change() {
	id, kind, n := p.one(p.endpoints), p.IntN(5), p.IntN(12)
	p.both(fmt.Sprint("UpdateEndpoint ", id, " ", kind), func(s delivery.Store, _ *own) (any, error) {
		e, err := s.Endpoint(p.Context(), id)
		if err != nil {
			return nil, err
		}
		switch kind {
		case 0:
			e.URL = fmt.Sprint("https://example.com/", n)
		case 1:
			e.Ordered = !e.Ordered
		case 2:
			e.Version--
		case 3:
			e.State = delivery.Paused
		default:
			e.State, e.RobotID = delivery.Active, "ignored"
		}
		return s.UpdateEndpoint(p.Context(), e, delivery.Audit{Action: "update", Subject: id})
	})
}

// rejoin has the node leave and join again, as a process that is started anew.
func (p *pair) rejoin() {
	p.both("Leave, and Join", func(s delivery.Store, o *own) (any, error) {
		clear(o.epochs)
		if err := s.Leave(p.Context()); err != nil {
			return nil, err
		}
		l, err := s.Join(p.Context(), "node", true)
		return []any{l.Nodes, l.Queues}, err
	})
}

func (p *pair) remove() {
	id := p.one(p.endpoints)
	p.both("DeleteEndpoint "+id, func(s delivery.Store, _ *own) (any, error) {
		return nil, s.DeleteEndpoint(p.Context(), id, 0, delivery.Audit{Action: "delete", Subject: id})
	})
}

func (p *pair) commit(what string, batch func(o *own) *delivery.Batch) {
	p.Helper()
	p.both(what, func(s delivery.Store, o *own) (any, error) {
		c, err := s.Commit(p.Context(), batch(o))
		if err != nil {
			return nil, err
		}
		for i := range c.Published {
			for j := range c.Published[i].Deliveries {
				r := &c.Published[i].Deliveries[j]
				if r.Owned {
					o.epochs[r.EndpointID] = r.Epoch
				}
				if _, ok := o.place[r.ID]; !ok {
					o.place[r.ID] = len(o.deliveries)
					o.deliveries = append(o.deliveries, r.ID)
					if o == p.own[0] {
						p.to = append(p.to, r.EndpointID)
					}
				}
				r.ID, r.Epoch = int64(o.place[r.ID]), 0
				if r.Claim != nil {
					r.Claim.Epoch = 0
				}
			}
		}
		return c, nil
	})
}

func (p *pair) publish() {
	var ps []delivery.Publication
	for range 1 + p.IntN(3) {
		one := event(p.one([]string{"a", "b", "c"}), p.one([]string{"1", "2"}))
		one.Event.Type = p.one([]string{"run_completed", "run_failed"})
		if p.IntN(6) == 0 {
			one.Event.Type, one.Event.Operational = "endpoint_failing", true
		}
		if p.IntN(3) == 0 {
			one.IdempotencyKey, one.BodyHash = p.one([]string{"k", "l", "m"}), [32]byte{byte(p.IntN(2))}
		}
		if p.IntN(4) == 0 {
			one.Event.Source = delivery.Source{InletID: "inl_1", Zone: p.one([]string{"", "UTC"})}
		}
		if p.IntN(6) == 0 {
			one.SetAside = &delivery.SetAside{
				ID: delivery.NewSetAsideID(time.Now()), At: one.Event.At, Body: []byte("x"), Report: []byte("{}"),
				InletID: "inl_1", RobotID: one.Event.RobotID, RunID: p.one([]string{"", one.Event.RunID}),
			}
		}
		if p.IntN(8) == 0 {
			one.EndpointID = p.one(p.endpoints)
		}
		ps = append(ps, one)
		p.events = append(p.events, one.Event.ID)
	}
	p.commit(fmt.Sprintf("publish %d", len(ps)), func(*own) *delivery.Batch { return &delivery.Batch{Publish: ps} })
}

// end commits outcomes of attempts.
func (p *pair) end() {
	if len(p.to) == 0 {
		return
	}
	p.outcomes = nil
	for range 1 + p.IntN(3) {
		i := p.IntN(len(p.to))
		if slices.ContainsFunc(p.outcomes, func(m made) bool { return m.place == i }) {
			continue
		}
		state := []delivery.State{delivery.Pending, delivery.Pending, delivery.Delivered, delivery.Exhausted, delivery.Held}[p.IntN(5)]
		late := p.IntN(6) == 0
		if !late {
			p.attempts[i]++
		}
		o := outcome(delivery.Ref{EndpointID: p.to[i]}, max(1, p.attempts[i]), state)
		o.Round, o.Delay = p.IntN(4), time.Duration(p.IntN(5000))*time.Millisecond
		// No two attempts start at the same time.
		o.Attempt.At = time.Now().Truncate(time.Millisecond).Add(time.Duration(len(p.done)) * time.Microsecond).UTC()
		m := made{i, o, map[*own]int64{}}
		for _, own := range p.own {
			if m.epochs[own] = own.epochs[o.EndpointID]; late {
				m.epochs[own] += 1000
			}
		}
		p.outcomes = append(p.outcomes, m)
	}
	p.commitOutcomes("end")
}

func (p *pair) commitOutcomes(what string) {
	for _, m := range p.outcomes {
		what += fmt.Sprintf(" %d:%s", m.place, m.o.State)
	}
	p.commit(what, func(o *own) *delivery.Batch {
		var b delivery.Batch
		for _, m := range p.outcomes {
			m.o.Attempt.DeliveryID = o.deliveries[m.place]
			m.o.Epoch = m.epochs[o]
			b.Outcomes = append(b.Outcomes, m.o)
		}
		return &b
	})
}

// again commits outcomes a second time, as if the answer to the first had been lost.
func (p *pair) again() { p.commitOutcomes("again: end") }

func (p *pair) claim() {
	p.both("Claim", func(s delivery.Store, o *own) (any, error) {
		claims, err := s.Claim(p.Context(), 100)
		for i, c := range claims {
			o.epochs[c.EndpointID] = c.Epoch
			claims[i].Epoch = 0
		}
		slices.SortFunc(claims, func(a, b delivery.Claim) int { return strings.Compare(a.EndpointID, b.EndpointID) })
		return claims, err
	})
}

func (p *pair) release() {
	id := p.one(p.endpoints)
	p.commit("release "+id, func(o *own) *delivery.Batch {
		epoch := o.epochs[id]
		delete(o.epochs, id)
		return &delivery.Batch{Release: []delivery.Claim{{EndpointID: id, Epoch: epoch}}}
	})
}

func (p *pair) health() {
	id := p.one(p.endpoints)
	h := delivery.Health{Failures: p.IntN(9), NotBefore: time.Now().Add(time.Duration(p.IntN(5)) * time.Second).Truncate(time.Millisecond).UTC(), Told: true}
	p.commit("health of "+id, func(o *own) *delivery.Batch {
		return &delivery.Batch{Health: []delivery.HealthChange{{EndpointID: id, Epoch: o.epochs[id], Health: h}}}
	})
}

func (p *pair) disable() {
	id := p.one(p.endpoints)
	p.commit("disable "+id, func(*own) *delivery.Batch {
		return &delivery.Batch{Disable: []delivery.Disabling{{EndpointID: id, Reason: "It answered 410."}}}
	})
}

// placed has a delivery's place for its number.
func (o *own) placed(d delivery.Delivery) delivery.Delivery {
	d.ID = int64(o.place[d.ID])
	return d
}

func (p *pair) retry() {
	if len(p.to) == 0 {
		return
	}
	i := p.IntN(len(p.to))
	p.both(fmt.Sprint("Retry ", i), func(s delivery.Store, o *own) (any, error) {
		d, err := s.Retry(p.Context(), o.deliveries[i], delivery.Audit{})
		return o.placed(d), err
	})
}

func (p *pair) cancel() {
	if len(p.to) == 0 {
		return
	}
	i := p.IntN(len(p.to))
	p.both(fmt.Sprint("Cancel ", i), func(s delivery.Store, o *own) (any, error) {
		d, err := s.Cancel(p.Context(), o.deliveries[i], "a test", delivery.Audit{})
		return o.placed(d), err
	})
}

func (p *pair) settle() {
	p.both("Settle", func(s delivery.Store, _ *own) (total any, err error) {
		n, sum := 1, 0
		for n > 0 && err == nil {
			n, err = s.Settle(p.Context(), 3)
			sum += n
		}
		return sum, err
	})
}

func (p *pair) job() {
	j := delivery.Job{Kind: delivery.Recover, EndpointID: p.one(p.endpoints)}
	if p.IntN(2) == 0 {
		j.Since = time.Now().Add(-time.Duration(p.IntN(20)) * time.Second).Truncate(time.Millisecond).UTC()
	}
	if p.IntN(5) == 0 {
		j = delivery.Job{Kind: delivery.Erase, RobotID: p.one([]string{"a", "b", "c", ""}), RunID: p.one([]string{"1", "2"})}
	}
	p.both(fmt.Sprintf("CreateJob %s %s%s", j.Kind, j.EndpointID, j.RobotID), func(s delivery.Store, o *own) (any, error) {
		created, err := s.CreateJob(p.Context(), j, delivery.Audit{})
		if err == nil {
			o.jobs = append(o.jobs, created.ID)
		}
		created.ID = 0
		return created, err
	})
}

// work works on all jobs. Steps may be of any size, so what is between them isn't
// compared.
func (p *pair) work() {
	p.both("WorkOn", func(s delivery.Store, _ *own) (any, error) {
		for {
			if _, err := s.WorkOn(p.Context(), 3); err != nil {
				return nil, err
			}
		}
	})
}

func (p *pair) retain() {
	keep := func() time.Duration { return []time.Duration{0, 5 * time.Second, 30 * time.Second}[p.IntN(3)] }
	r := delivery.Retention{Finished: keep(), Held: keep(), Audit: keep(), Idempotency: keep(), Expired: keep()}
	p.both(fmt.Sprintf("Retain %+v", r), func(s delivery.Store, _ *own) (any, error) {
		for n, err := s.Retain(p.Context(), r, 3); n > 0 || err != nil; n, err = s.Retain(p.Context(), r, 3) {
			if err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// count adds to the counts of attempts of some endpoints, of about two days.
func (p *pair) count() {
	var tallies []delivery.Tally
	for range p.IntN(4) {
		at := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Duration(p.IntN(50)) * time.Hour)
		t := delivery.Tally{
			EndpointID: p.one(p.endpoints), Hour: at.Truncate(time.Hour), Counts: delivery.Counts{Succeeded: p.Int64N(3), Failed: p.Int64N(3)},
			LastAttempt: at,
		}
		if t.Succeeded > 0 {
			t.LastSuccess = at
		}
		tallies = append(tallies, t)
	}
	p.both(fmt.Sprintf("AddActivity %+v", tallies), func(s delivery.Store, _ *own) (any, error) {
		return nil, s.AddActivity(p.Context(), tallies)
	})
}

// all compares all that there is to read.
func (p *pair) all() {
	p.reading = true
	defer func() { p.reading = false }()
	ctx := p.Context()
	var before int64
	if len(p.to) > 0 {
		before = int64(p.IntN(len(p.to)))
	}
	page := delivery.Page{Limit: p.IntN(20)}
	f := delivery.DeliveryFilter{
		RobotID: p.one([]string{"", "a"}), RunID: p.one([]string{"", "", "1"}), EventType: p.one([]string{"", "run_failed"}),
		EndpointID: p.one(append(make([]string, len(p.endpoints)), p.endpoints...)),
		EventID:    p.one(append(make([]string, 3*len(p.events)+1), p.events...)),
		State:      delivery.State(p.one([]string{"", "", "pending", "held", "delivered", "cancelled", "expired", "exhausted"})),
	}
	if p.IntN(3) == 0 {
		f.From = time.Now().Add(-time.Duration(p.IntN(20)) * time.Second)
	}
	if p.IntN(3) == 0 {
		f.To = time.Now().Add(-time.Duration(p.IntN(20)) * time.Second)
	}
	list := func(f delivery.DeliveryFilter, page delivery.Page, s delivery.Store, o *own) (any, error) {
		found, err := s.Deliveries(ctx, f, page)
		for i := range found {
			found[i] = o.placed(found[i])
		}
		return found, err
	}
	p.both("Deliveries", func(s delivery.Store, o *own) (any, error) {
		return list(delivery.DeliveryFilter{}, delivery.Page{}, s, o)
	})
	p.both(fmt.Sprintf("Deliveries %+v %+v before %d", f, page, before), func(s delivery.Store, o *own) (any, error) {
		page := page
		if before > 0 {
			page.Before = o.deliveries[before]
		}
		return list(f, page, s, o)
	})
	p.both("Events", func(s delivery.Store, _ *own) (any, error) {
		found, err := s.Events(ctx, delivery.EventFilter{RobotID: f.RobotID, RunID: f.RunID, Type: f.EventType, From: f.From, To: f.To}, delivery.Page{Limit: page.Limit})
		for i := range found {
			found[i].Seq = 0
		}
		return found, err
	})
	p.both("SetAsides", func(s delivery.Store, _ *own) (any, error) { return s.SetAsides(ctx, delivery.Page{}) })
	for _, id := range p.events {
		p.both("Event "+id, func(s delivery.Store, _ *own) (any, error) {
			e, err := s.Event(ctx, id)
			e.Seq = 0
			return e, err
		})
	}
	for i := range p.to {
		p.both(fmt.Sprint("Attempts ", i), func(s delivery.Store, o *own) (any, error) {
			found, err := s.Attempts(ctx, o.deliveries[i])
			for j := range found {
				found[j].DeliveryID = int64(i)
			}
			return found, err
		})
	}
	p.both("Endpoints", func(s delivery.Store, _ *own) (any, error) { return s.Endpoints(ctx, delivery.EndpointFilter{}) })
	p.both("Activity", func(s delivery.Store, _ *own) (any, error) { return s.Activity(ctx, p.endpoints) })
	p.both("Robots", func(s delivery.Store, _ *own) (any, error) {
		robots, err := s.Robots(ctx, delivery.RobotFilter{})
		for i := range robots {
			robots[i].LastEvent = time.Time{} // stores may differ when the last is removed before another one
		}
		return slices.DeleteFunc(robots, func(r delivery.Robot) bool { return r.Endpoints == 0 }), err
	})
	for _, id := range p.endpoints {
		p.both("Health "+id, func(s delivery.Store, _ *own) (any, error) { return s.Health(ctx, id) })
		p.due(id)
	}
	since := time.Now().Add(time.Duration(p.IntN(4)-2) * time.Second)
	p.both("Peek", func(s delivery.Store, o *own) (any, error) {
		from := map[string]time.Time{}
		for id := range o.epochs {
			from[id] = since
		}
		return s.Peek(ctx, from)
	})
	p.both("Audits", func(s delivery.Store, _ *own) (any, error) {
		found, err := s.Audits(ctx, delivery.AuditFilter{}, delivery.Page{})
		for i := range found {
			found[i].Seq = 0
		}
		return found, err
	})
	for i := range p.own[0].jobs {
		p.both(fmt.Sprint("Job ", i), func(s delivery.Store, o *own) (any, error) {
			j, err := s.Job(ctx, o.jobs[i])
			j.ID, j.Cursor = 0, 0
			return j, err
		})
	}
	p.both("Stats", func(s delivery.Store, _ *own) (any, error) {
		stats, err := s.Stats(ctx)
		stats.Bytes = 0
		return stats, err
	})
}

// due compares what is due of an endpoint that the node owns.
func (p *pair) due(id string) {
	q := delivery.DueQuery{EndpointID: id, Limit: 1 + p.IntN(10), MaxBytes: 1 + p.IntN(500), Ordered: p.IntN(2) == 0}
	after := -1
	if q.Ordered && len(p.to) > 0 {
		after = p.IntN(len(p.to)+1) - 1
	} else {
		q.From = time.Now().Add(time.Duration(p.IntN(6)-4) * time.Second).Truncate(time.Millisecond)
	}
	p.both(fmt.Sprintf("Due %+v after %d", q, after), func(s delivery.Store, o *own) (any, error) {
		if o.epochs[id] == 0 {
			return nil, nil
		}
		q := q
		if after >= 0 {
			q.After = o.deliveries[after]
		}
		r, err := s.Due(p.Context(), q)
		for i := range r.Deliveries {
			t := &r.Deliveries[i]
			t.Delivery = o.placed(t.Delivery)
			t.Event.Seq = 0
		}
		return r, err
	})
}
