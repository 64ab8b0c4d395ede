package storetest

import (
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

var recordsTests = []test{
	{"EventsFilteredAndPaged", func(b *bench) {
		var ps []delivery.Publication
		for i, of := range [][3]string{{"a", "1", "run_completed"}, {"b", "1", "run_completed"}, {"a", "2", "run_failed"}, {"a", "1", "run_failed"}, {"a", "3", "run_completed"}} {
			p := event(of[0], of[1])
			p.Event.Type = of[2]
			p.Event.At = b.now.Add(time.Duration(i) * time.Hour).Truncate(time.Millisecond).UTC()
			ps = append(ps, p)
		}
		for _, p := range ps {
			b.publish(p)
		}
		all, err := b.Events(b.ctx, delivery.EventFilter{}, delivery.Page{Limit: 10})
		b.ok(err)
		at := func(i int) time.Time { return ps[i].Event.At }
		for _, test := range []struct {
			name string
			f    delivery.EventFilter
			p    delivery.Page
			want []int
		}{
			{"all", delivery.EventFilter{}, delivery.Page{}, []int{4, 3, 2, 1, 0}},
			{"robot", delivery.EventFilter{RobotID: "a"}, delivery.Page{}, []int{4, 3, 2, 0}},
			{"run", delivery.EventFilter{RunID: "1"}, delivery.Page{}, []int{3, 1, 0}},
			{"robot and run", delivery.EventFilter{RobotID: "a", RunID: "1"}, delivery.Page{}, []int{3, 0}},
			{"type", delivery.EventFilter{Type: "run_failed"}, delivery.Page{}, []int{3, 2}},
			{"from", delivery.EventFilter{From: at(2)}, delivery.Page{}, []int{4, 3, 2}},
			{"to", delivery.EventFilter{To: at(2)}, delivery.Page{}, []int{1, 0}},
			{"from and to", delivery.EventFilter{RobotID: "a", From: at(1), To: at(4)}, delivery.Page{}, []int{3, 2}},
			{"first page", delivery.EventFilter{RobotID: "a"}, delivery.Page{Limit: 2}, []int{4, 3}},
			{"next page", delivery.EventFilter{RobotID: "a"}, delivery.Page{Limit: 2, Before: all[1].Seq}, []int{2, 0}},
			{"none", delivery.EventFilter{RobotID: "c"}, delivery.Page{}, nil},
		} {
			b.Run(test.name, func(t *testing.T) {
				b := b.with(t)
				if test.p.Limit == 0 {
					test.p.Limit = 10
				}
				got, err := b.Events(b.ctx, test.f, test.p)
				b.ok(err)
				var want []delivery.Event
				for _, i := range test.want {
					e := ps[i].Event
					e.Body, e.Seq = nil, all[4-i].Seq
					want = append(want, e)
				}
				b.same(got, want)
			})
		}
	}},
	{"DeliveriesFilteredAndPaged", func(b *bench) {
		x, y, z := b.endpoint("a"), b.endpoint("a"), b.endpoint("b")
		operator := b.endpoint("")
		_, _ = y, operator
		var refs []delivery.Ref // a 1: x y, b 1: z, a 2: x y, about a: operator
		var events []string
		for i, of := range [][2]string{{"a", "1"}, {"b", "1"}, {"a", "2"}, {"a", "2"}} {
			p := event(of[0], of[1])
			if i == 2 {
				p.Event.Type = "run_failed"
			}
			if i == 3 {
				p.Event.Type, p.Event.Operational = "endpoint_failing", true
			}
			events = append(events, p.Event.ID)
			refs = append(refs, b.publish(p)[0].Deliveries...)
		}
		b.finish(refs[0], delivery.Delivered)
		b.finish(refs[1], delivery.Exhausted)
		b.change(z, paused)
		b.settle()
		first := b.delivery(refs[0].ID).CreatedAt
		for _, test := range []struct {
			name string
			f    delivery.DeliveryFilter
			p    delivery.Page
			want []int
		}{
			{"all", delivery.DeliveryFilter{}, delivery.Page{}, []int{5, 4, 3, 2, 1, 0}},
			{"robot", delivery.DeliveryFilter{RobotID: "a"}, delivery.Page{}, []int{5, 4, 3, 1, 0}},
			{"endpoint", delivery.DeliveryFilter{EndpointID: x.ID}, delivery.Page{}, []int{3, 0}},
			{"robot and endpoint", delivery.DeliveryFilter{RobotID: "b", EndpointID: x.ID}, delivery.Page{}, nil},
			{"run", delivery.DeliveryFilter{RunID: "1"}, delivery.Page{}, []int{2, 1, 0}},
			{"event", delivery.DeliveryFilter{EventID: events[2]}, delivery.Page{}, []int{4, 3}},
			{"type", delivery.DeliveryFilter{EventType: "run_failed"}, delivery.Page{}, []int{4, 3}},
			{"robot and type", delivery.DeliveryFilter{RobotID: "a", EventType: "endpoint_failing"}, delivery.Page{}, []int{5}},
			{"pending", delivery.DeliveryFilter{State: delivery.Pending}, delivery.Page{}, []int{5, 4, 3}},
			{"held", delivery.DeliveryFilter{State: delivery.Held}, delivery.Page{}, []int{2}},
			{"delivered", delivery.DeliveryFilter{State: delivery.Delivered}, delivery.Page{}, []int{0}},
			{"exhausted", delivery.DeliveryFilter{State: delivery.Exhausted}, delivery.Page{}, []int{1}},
			{"expired", delivery.DeliveryFilter{State: delivery.Expired}, delivery.Page{}, nil},
			{"robot and state", delivery.DeliveryFilter{RobotID: "a", State: delivery.Pending}, delivery.Page{}, []int{5, 4, 3}},
			{"endpoint and state", delivery.DeliveryFilter{EndpointID: x.ID, State: delivery.Delivered}, delivery.Page{}, []int{0}},
			{"from", delivery.DeliveryFilter{From: first}, delivery.Page{}, []int{5, 4, 3, 2, 1, 0}},
			{"from later", delivery.DeliveryFilter{From: b.now.Add(time.Hour)}, delivery.Page{}, nil},
			{"to", delivery.DeliveryFilter{To: b.now.Add(time.Hour)}, delivery.Page{}, []int{5, 4, 3, 2, 1, 0}},
			{"to before", delivery.DeliveryFilter{To: first, RobotID: "a"}, delivery.Page{}, nil},
			{"first page", delivery.DeliveryFilter{}, delivery.Page{Limit: 2}, []int{5, 4}},
			{"next page", delivery.DeliveryFilter{}, delivery.Page{Limit: 2, Before: refs[4].ID}, []int{3, 2}},
			{"first page of a robot", delivery.DeliveryFilter{RobotID: "a"}, delivery.Page{Limit: 2}, []int{5, 4}},
			{"next page of a robot", delivery.DeliveryFilter{RobotID: "a"}, delivery.Page{Limit: 2, Before: refs[4].ID}, []int{3, 1}},
			{"next page of an event", delivery.DeliveryFilter{EventID: events[2]}, delivery.Page{Limit: 2, Before: refs[4].ID}, []int{3}},
			{"next page of an endpoint", delivery.DeliveryFilter{EndpointID: x.ID}, delivery.Page{Limit: 2, Before: refs[3].ID}, []int{0}},
		} {
			b.Run(test.name, func(t *testing.T) {
				b := b.with(t)
				if test.p.Limit == 0 {
					test.p.Limit = 10
				}
				got, err := b.Deliveries(b.ctx, test.f, test.p)
				b.ok(err)
				var want []delivery.Delivery
				for _, i := range test.want {
					want = append(want, b.delivery(refs[i].ID))
				}
				b.same(got, want)
			})
		}
	}},
	{"Retry", func(b *bench) {
		e := b.endpoint("robot")
		r := b.one("robot", "1")
		b.finish(r, delivery.Exhausted)
		b.commit(delivery.Batch{Release: []delivery.Claim{{EndpointID: e.ID, Epoch: r.Epoch}}})
		b.same(claimed(b.claim()), []string{})
		d, err := b.Retry(b.ctx, r.ID, delivery.Audit{})
		b.ok(err)
		b.same([]any{d.State, d.Attempts, d.Round, d.Reason, d.FinishedAt.IsZero()}, []any{delivery.Pending, 1, 0, "", true})
		b.same(d, b.delivery(r.ID))
		if d.DueAt.Before(b.now.Add(-time.Second)) {
			b.Errorf("due at %v; now is %v", d.DueAt, b.now)
		}
		b.same(claimed(b.claim()), []string{e.ID})
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), []int64{r.ID})

		// One that waits for its retry is due at once.
		waits := b.one("robot", "2")
		b.finish(waits, delivery.Pending)
		_, err = b.Retry(b.ctx, waits.ID, delivery.Audit{})
		b.ok(err)
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), refIDs(r, waits))

		_, err = b.Retry(b.ctx, waits.ID+100, delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
		b.change(e, paused)
		_, err = b.Retry(b.ctx, r.ID, delivery.Audit{})
		b.is(err, delivery.ErrState)
		b.ok(b.DeleteEndpoint(b.ctx, e.ID, 0, delivery.Audit{}))
		_, err = b.Retry(b.ctx, r.ID, delivery.Audit{})
		b.is(err, delivery.ErrState)
	}},
	{"Cancel", func(b *bench) {
		e := b.endpoint("robot")
		r := b.one("robot", "1")
		d, err := b.Cancel(b.ctx, r.ID, "a test", delivery.Audit{})
		b.ok(err)
		b.same([]any{d.State, d.Reason, d.FinishedAt.IsZero(), d.DueAt.IsZero()}, []any{delivery.Cancelled, "a test", false, true})
		b.same(d, b.delivery(r.ID))
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), []int64{})
		_, err = b.Cancel(b.ctx, r.ID, "again", delivery.Audit{})
		b.is(err, delivery.ErrState)
		_, err = b.Cancel(b.ctx, r.ID+100, "none", delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
		b.change(e, paused)
		h := b.one("robot", "2")
		_, err = b.Cancel(b.ctx, h.ID, "held", delivery.Audit{})
		b.ok(err)
		b.state(delivery.Cancelled, h)
	}},
	{"RecoverAnEndpoint", func(b *bench) {
		e := b.endpoint("robot")
		other := b.endpoint("robot")
		var of []delivery.Ref
		var foreign []delivery.Ref
		for range 5 {
			p := b.publish(event("robot", "1"))[0].Deliveries
			of, foreign = append(of, p[0]), append(foreign, p[1])
		}
		for _, r := range foreign {
			b.finish(r, delivery.Exhausted)
		}
		b.finish(of[0], delivery.Exhausted)
		b.finish(of[1], delivery.Delivered)
		_, err := b.Cancel(b.ctx, of[2].ID, "x", delivery.Audit{})
		b.ok(err)
		b.change(e, paused)
		b.same(b.settle(), 2)
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, delivery.Audit{})
		b.is(err, delivery.ErrState) // not while it is off
		b.change(e, func(e *delivery.Endpoint) { e.State = delivery.Active })

		created, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, delivery.Audit{})
		b.ok(err)
		b.same(created.RobotID, "robot") // by which tokens reach it
		if created.ID == 0 || created.Total != 3 || created.CreatedAt.Before(b.now.Add(-time.Second)) || !created.FinishedAt.IsZero() {
			b.Errorf("the job is %+v", created)
		}
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, delivery.Audit{})
		b.is(err, delivery.ErrState) // one at a time
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: other.ID}, delivery.Audit{})
		b.ok(err)
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: newEndpoint("x").ID}, delivery.Audit{})
		b.is(err, delivery.ErrNotFound)

		step, err := b.WorkOn(b.ctx, 2)
		b.ok(err)
		b.same([]any{step.ID, step.EndpointID, step.Done, step.FinishedAt.IsZero()}, []any{created.ID, e.ID, int64(2), true})
		b.jobs()
		got, err := b.Job(b.ctx, created.ID)
		b.ok(err)
		b.same([]any{got.Done, got.Total, got.FinishedAt.IsZero(), got.RobotID}, []any{int64(3), int64(3), false, "robot"})
		b.state(delivery.Pending, of[0], of[3], of[4])
		b.state(delivery.Delivered, of[1])
		b.state(delivery.Cancelled, of[2])
		d := b.delivery(of[0].ID)
		b.same([]any{d.Attempts, d.Round, d.Reason}, []any{1, 0, ""})
		b.same(len(b.due(e.ID, delivery.DueQuery{}).Deliveries), 3)
		b.state(delivery.Pending, foreign...)

		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, delivery.Audit{})
		b.ok(err) // the first is finished
		_, err = b.Job(b.ctx, 1<<40)
		b.is(err, delivery.ErrNotFound)
	}},
	{"RecoverSince", func(b *bench) {
		e := b.endpoint("robot")
		old := b.one("robot", "1")
		b.finish(old, delivery.Exhausted)
		since := b.delivery(old.ID).CreatedAt.Add(time.Millisecond)
		var young delivery.Ref
		b.soon("a later delivery", func() bool {
			young = b.one("robot", "2")
			return !b.delivery(young.ID).CreatedAt.Before(since)
		})
		b.finish(young, delivery.Exhausted)
		j, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID, Since: since}, delivery.Audit{})
		b.ok(err)
		b.same([]any{j.Total, j.Since}, []any{int64(1), since})
		b.jobs()
		b.state(delivery.Exhausted, old)
		b.state(delivery.Pending, young)
	}},
	{"EraseARun", func(b *bench) {
		b.endpoint("robot")
		b.endpoint("robot")
		b.endpoint("other")
		var gone, kept []delivery.Published
		for range 3 {
			p := event("robot", "secret run")
			p.IdempotencyKey = p.Event.ID
			gone = append(gone, b.publish(p)...)
		}
		kept = append(kept, b.publish(event("robot", "kept"), event("other", "secret run"))...)
		b.finish(gone[0].Deliveries[0], delivery.Exhausted)
		b.finish(kept[0].Deliveries[0], delivery.Delivered)
		j, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Erase, RobotID: "robot", RunID: "secret run"}, delivery.Audit{})
		b.ok(err)
		b.jobs()
		j, err = b.Job(b.ctx, j.ID)
		b.ok(err)
		if j.FinishedAt.IsZero() || j.Done == 0 || j.Done != j.Total {
			b.Errorf("the job is %+v", j)
		}
		for _, p := range gone {
			_, err := b.Event(b.ctx, p.EventID)
			b.is(err, delivery.ErrNotFound)
			for _, r := range p.Deliveries {
				_, err := b.Delivery(b.ctx, r.ID)
				b.is(err, delivery.ErrNotFound)
				b.same(b.attempts(r.ID), 0)
			}
		}
		for _, p := range kept {
			_, err := b.Event(b.ctx, p.EventID)
			b.ok(err)
			for _, r := range p.Deliveries {
				b.delivery(r.ID)
			}
		}
		as, err := b.Attempts(b.ctx, kept[0].Deliveries[0].ID)
		b.ok(err)
		b.same(len(as), 1)
		// An attempt that was under way brings nothing back.
		b.finish(gone[1].Deliveries[0], delivery.Delivered)
		b.same(b.attempts(gone[1].Deliveries[0].ID), 0)
	}},
	{"EraseARobot", func(b *bench) {
		b.endpoint("robot")
		b.endpoint("")
		about := event("robot", "")
		about.Event.Type, about.Event.Operational = "endpoint_failing", true
		gone := b.publish(event("robot", "1"), event("robot", "2"), about)
		kept := b.publish(event("other", "1"))
		_, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Erase, RobotID: "robot"}, delivery.Audit{})
		b.ok(err)
		b.jobs()
		for _, p := range gone {
			_, err := b.Event(b.ctx, p.EventID)
			b.is(err, delivery.ErrNotFound)
		}
		_, err = b.Event(b.ctx, kept[0].EventID)
		b.ok(err)
		ds, err := b.Deliveries(b.ctx, delivery.DeliveryFilter{}, delivery.Page{Limit: 10})
		b.ok(err)
		b.same(len(ds), 0)
	}},
}
