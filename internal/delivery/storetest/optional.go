package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

type optionalTest struct {
	name string
	run  func(t *testing.T, open func(t *testing.T) delivery.Store, o Options)
}

var optionalTests = []optionalTest{
	{"RestartKeepsEverything", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		if o.Again == nil {
			return
		}
		s := open(t)
		b := newBench(t, s)
		e := b.endpoint("robot")
		off := b.endpoint("robot", paused)
		p := event("robot", "1")
		p.IdempotencyKey = "key"
		first := b.publish(p)[0]
		r, held := first.Deliveries[0], first.Deliveries[1]
		done := b.publish(event("robot", "2"))[0].Deliveries[0]
		b.finish(done, delivery.Delivered)
		health := delivery.Health{Failures: 2, FailingSince: b.now.Truncate(time.Millisecond).UTC()}
		b.commit(delivery.Batch{
			Outcomes: []delivery.Outcome{outcome(r, 1, delivery.Pending)},
			Health:   []delivery.HealthChange{{EndpointID: e.ID, Epoch: r.Epoch, Health: health}},
		})
		b.ok(b.CreateToken(b.ctx, delivery.Token{ID: "tok_1", Hash: [32]byte{1}}, delivery.Audit{}))
		b.ok(b.CreateInlet(b.ctx, delivery.Inlet{ID: "inl_1", Name: "one", Hash: [32]byte{1}, CreatedAt: b.now.Truncate(time.Millisecond).UTC()}, delivery.Audit{}))
		invalid := b.publish(aside("robot", "3", "aside"))[0]
		off = b.change(off, func(e *delivery.Endpoint) { e.State = delivery.Active })
		job, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: off.ID}, delivery.Audit{})
		b.ok(err)
		state := func(b *bench) (found []any) {
			b.Helper()
			events, err := b.Events(b.ctx, delivery.EventFilter{}, delivery.Page{Limit: 10})
			b.ok(err)
			deliveries, err := b.Deliveries(b.ctx, delivery.DeliveryFilter{}, delivery.Page{Limit: 10})
			b.ok(err)
			attempts, err := b.Attempts(b.ctx, r.ID)
			b.ok(err)
			endpoints, err := b.Endpoints(b.ctx, delivery.EndpointFilter{})
			b.ok(err)
			tokens, err := b.Tokens(b.ctx)
			b.ok(err)
			audits, err := b.Audits(b.ctx, delivery.AuditFilter{}, delivery.Page{Limit: 10})
			b.ok(err)
			j, err := b.Job(b.ctx, job.ID)
			b.ok(err)
			h, err := b.Health(b.ctx, e.ID)
			b.ok(err)
			full, err := b.Event(b.ctx, p.Event.ID)
			b.ok(err)
			inlet, err := b.InletByHash(b.ctx, [32]byte{1})
			b.ok(err)
			asides, err := b.SetAsides(b.ctx, delivery.Page{})
			b.ok(err)
			return []any{events, deliveries, attempts, endpoints, tokens, audits, j, h, full, inlet, asides}
		}
		before := state(b)
		b.ok(s.Close())
		b = newBench(t, o.Again(t, s))
		b.same(state(b), before)
		b.jobs()
		b.state(delivery.Pending, r, held)
		claims := b.claim()
		b.same(claimed(claims), []string{e.ID, off.ID})
		b.same(claims[0].Health, health)
		again := p
		again.Event.ID = event("", "").Event.ID
		b.same(b.publish(again)[0].Replayed, true)
		b.same(b.publish(aside("robot", "3", "aside"))[0].EventID, invalid.EventID)
		if next := b.publish(event("robot", "3"))[0].Deliveries[0]; next.ID <= done.ID {
			b.Errorf("the number %d comes after %d", next.ID, done.ID)
		}
		b.same(numbers(b.due(off.ID, delivery.DueQuery{Limit: 1})), refIDs(held))
	}},
	{"Outbox", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		b := newBench(t, open(t))
		judge := func(boxed []delivery.Outboxed) (j delivery.Judged) {
			for _, x := range boxed {
				if string(x.Body) == "bad" {
					j.SetAside = append(j.SetAside, delivery.SetAside{ID: x.ID, At: x.At, Body: x.Body, Report: []byte(`{"findings":[]}`)})
					continue
				}
				p := event("robot", string(x.Body))
				p.IdempotencyKey, p.BodyHash = x.IdempotencyKey, [32]byte{1}
				j.Publish = append(j.Publish, p)
			}
			return j
		}
		if o.Outbox == nil {
			n, _, err := b.Ingest(b.ctx, 10, judge)
			b.ok(err)
			b.same(n, 0)
			found, err := b.SetAsides(b.ctx, delivery.Page{Limit: 10})
			b.ok(err)
			b.same(len(found), 0)
			return
		}
		b.endpoint("robot")
		o.Outbox(t, b.Store, [][2]string{{"1", ""}, {"bad", ""}, {"2", "key"}, {"3", "key"}, {"4", ""}})
		s, err := b.Stats(b.ctx)
		b.ok(err)
		b.same(s.Outboxed, int64(5))
		n, c, err := b.Ingest(b.ctx, 4, judge)
		b.ok(err)
		b.same(n, 4)
		b.same(len(c.Published), 3)
		b.same([]bool{c.Published[0].Replayed, c.Published[1].Replayed, c.Published[2].Replayed}, []bool{false, false, true})
		n, _, err = b.Ingest(b.ctx, 4, judge)
		b.ok(err)
		b.same(n, 1)
		n, _, err = b.Ingest(b.ctx, 4, judge)
		b.ok(err)
		b.same(n, 0)
		events, err := b.Events(b.ctx, delivery.EventFilter{}, delivery.Page{Limit: 10})
		b.ok(err)
		var runs []string
		for _, e := range events {
			runs = append(runs, e.RunID)
		}
		b.same(runs, []string{"4", "2", "1"})
		aside, err := b.SetAsides(b.ctx, delivery.Page{Limit: 10})
		b.ok(err)
		if len(aside) != 1 || string(aside[0].Body) != "bad" || aside[0].At.IsZero() {
			b.Errorf("set aside: %+v", aside)
		}
		s, err = b.Stats(b.ctx)
		b.ok(err)
		b.same([]int64{s.Outboxed, s.SetAside}, []int64{0, 1})
	}},
	{"AllAtOnce", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		b := newBench(t, open(t))
		e := b.endpoint("robot")
		const each = 30
		var wg sync.WaitGroup
		var mu sync.Mutex
		var refs []delivery.Ref
		fail := func(err error) {
			if err != nil && !errors.Is(err, delivery.ErrVersion) && !errors.Is(err, delivery.ErrNotFound) && !errors.Is(err, delivery.ErrState) {
				t.Error(err)
			}
		}
		for w := range 4 {
			wg.Go(func() {
				for i := range each {
					c, err := b.Commit(b.ctx, &delivery.Batch{Publish: []delivery.Publication{event("robot", fmt.Sprint(w, i))}})
					if err != nil {
						t.Error(err)
						return
					}
					r := c.Published[0].Deliveries[0]
					mu.Lock()
					refs = append(refs, r)
					mu.Unlock()
					if r.State == delivery.Pending && i%2 == 0 {
						_, err = b.Commit(b.ctx, &delivery.Batch{Outcomes: []delivery.Outcome{outcome(r, 1, delivery.Delivered)}})
						fail(err)
					}
				}
			})
		}
		wg.Go(func() {
			for i := range each {
				got, err := b.Endpoint(b.ctx, e.ID)
				fail(err)
				if got.State = delivery.Active; i%2 == 0 {
					got.State = delivery.Paused
				}
				_, err = b.UpdateEndpoint(b.ctx, got, delivery.Audit{})
				fail(err)
				_, err = b.Settle(b.ctx, 10)
				fail(err)
			}
		})
		wg.Go(func() {
			for range each {
				_, err := b.Deliveries(b.ctx, delivery.DeliveryFilter{RobotID: "robot"}, delivery.Page{Limit: 50})
				fail(err)
				_, err = b.Due(b.ctx, delivery.DueQuery{EndpointID: e.ID, Limit: 10, MaxBytes: 1 << 20})
				fail(err)
				_, err = b.Retain(b.ctx, delivery.Retention{Finished: time.Hour}, 10)
				fail(err)
				_, err = b.Renew(b.ctx)
				fail(err)
				_, err = b.Claim(b.ctx, 1)
				fail(err)
			}
		})
		wg.Wait()
		b.change(e, paused)
		b.settle()
		seen := map[int64]bool{}
		for _, r := range refs {
			if seen[r.ID] {
				t.Errorf("the number %d is given twice", r.ID)
			}
			seen[r.ID] = true
			if d := b.delivery(r.ID); d.State != delivery.Held && d.State != delivery.Delivered {
				t.Errorf("a delivery of a paused endpoint is %+v", d)
			}
		}
		b.same(len(seen), 4*each)
	}},
	{"CommitWhoseAnswerIsLost", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		if o.Node == nil {
			return // no answer is lost within a process
		}
		b := newBench(t, open(t))
		b.endpoint("robot")
		b.endpoint("robot")
		p := event("robot", "1")
		p.IdempotencyKey, p.BodyHash = "key", [32]byte{1}
		first, again := b.publish(p), b.publish(p)
		for i := range first[0].Deliveries {
			first[0].Deliveries[i].Claim = nil // it is known by now
		}
		b.same(again, first)
		ref := first[0].Deliveries[0]
		twice := func(o delivery.Outcome) {
			b.Helper()
			for range 2 {
				b.same(b.commit(delivery.Batch{Outcomes: []delivery.Outcome{o}}).Late, []bool{false})
			}
		}
		twice(outcome(ref, 1, delivery.Pending))
		twice(outcome(ref, 2, delivery.Exhausted))
		_, err := b.Retry(b.ctx, ref.ID, delivery.Audit{})
		b.ok(err)
		twice(outcome(ref, 2, delivery.Exhausted))
		d := b.delivery(ref.ID)
		b.same([]any{d.State, d.Attempts, d.Round}, []any{delivery.Pending, 2, 0})
		attempts, err := b.Attempts(b.ctx, ref.ID)
		b.ok(err)
		b.same(len(attempts), 2)
	}},
	{"NodesClaimApart", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		if o.Node == nil {
			return
		}
		a := newBench(t, open(t))
		b := newBench(t, o.Node(t, a.Store))
		var of []delivery.Endpoint
		for range 6 {
			of = append(of, a.endpoint("robot"))
		}
		refs := a.publish(event("robot", "1"))[0].Deliveries
		for _, r := range refs {
			a.same(r.Owned, true)
		}
		b.same(claimed(b.claim()), []string{}) // all are owned
		// Published on the other node: it knows that it doesn't own.
		for _, r := range b.publish(event("robot", "2"))[0].Deliveries {
			b.same([]bool{r.Owned, r.Claim == nil}, []bool{false, true})
		}
		l, err := b.Renew(b.ctx)
		b.ok(err)
		b.same([]int{l.Nodes, l.Queues}, []int{2, 6})

		// What one gives up, the other gets, with a higher epoch.
		a.commit(delivery.Batch{Release: []delivery.Claim{{EndpointID: of[0].ID, Epoch: refs[0].Epoch}, {EndpointID: of[1].ID, Epoch: refs[1].Epoch}}})
		claims := b.claim()
		b.same(claimed(claims), []string{of[0].ID, of[1].ID})
		if claims[0].Epoch <= refs[0].Epoch {
			b.Errorf("the epoch goes from %d to %d", refs[0].Epoch, claims[0].Epoch)
		}
		c := a.commit(delivery.Batch{Outcomes: []delivery.Outcome{outcome(refs[0], 1, delivery.Delivered), outcome(refs[2], 1, delivery.Delivered)}})
		a.same(c.Late, []bool{true, false})
		a.state(delivery.Pending, refs[0])

		// Both claim at once what is free: each endpoint has one owner.
		a.ok(a.Leave(a.ctx))
		a.ok(b.Leave(b.ctx))
		a.join(true)
		b.join(true)
		var wg sync.WaitGroup
		var got [2][]delivery.Claim
		for i, n := range []*bench{a, b} {
			wg.Go(func() {
				for {
					c, err := n.Claim(n.ctx, 1)
					if err != nil {
						t.Error(err)
					}
					if err != nil || len(c) == 0 {
						return
					}
					got[i] = append(got[i], c...)
				}
			})
		}
		wg.Wait()
		owners := map[string]int{}
		for _, c := range append(got[0], got[1]...) {
			owners[c.EndpointID]++
		}
		for _, e := range of {
			if owners[e.ID] > 1 {
				t.Errorf("%s has %d owners", e.ID, owners[e.ID])
			}
		}
		// One that another transaction had locked is left for the next call.
		for _, c := range append(a.claim(), b.claim()...) {
			owners[c.EndpointID]++
		}
		a.same(len(owners), 6)
	}},
	{"NodesTellOfChanges", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		if o.Node == nil {
			return
		}
		a := newBench(t, open(t))
		b := newBench(t, o.Node(t, a.Store))
		e := a.endpoint("robot")
		_, err := b.Renew(b.ctx)
		b.ok(err)
		a.change(e, paused)
		b.soon("being told of the change", func() bool {
			l, err := b.Renew(b.ctx)
			b.ok(err)
			for _, id := range l.Changed {
				if id == e.ID {
					return true
				}
			}
			return false
		})
		// Routes are those of the change at once.
		b.same(b.one("robot", "1").State, delivery.Held)
	}},
	{"NodeThatIsKilled", func(t *testing.T, open func(t *testing.T) delivery.Store, o Options) {
		if o.Node == nil || o.Kill == nil {
			return
		}
		b := newBench(t, open(t))
		dead := newBench(t, o.Node(t, b.Store))
		e := b.endpoint("robot")
		r := dead.one("robot", "1")
		dead.same(r.Owned, true)
		o.Kill(t, dead.Store)
		var claims []delivery.Claim
		b.soon("taking over from the node that is gone", func() bool {
			_, err := b.Renew(b.ctx)
			b.ok(err)
			claims = b.claim()
			return len(claims) > 0
		})
		b.same(claimed(claims), []string{e.ID})
		if claims[0].Epoch <= r.Epoch {
			b.Errorf("the epoch goes from %d to %d", r.Epoch, claims[0].Epoch)
		}
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), refIDs(r))
	}},
}
