package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

var upkeepTests = []test{
	{"SettleWhatIsOff", func(b *bench) {
		off, gone, on := b.endpoint("robot"), b.endpoint("robot"), b.endpoint("robot")
		var of [3][]delivery.Ref
		for range 3 {
			for i, r := range b.publish(event("robot", "1"))[0].Deliveries {
				of[i] = append(of[i], r)
			}
		}
		b.finish(of[0][0], delivery.Delivered)
		b.finish(of[1][0], delivery.Exhausted)
		b.change(gone, paused)
		b.same(b.settle(), 2)
		b.change(gone, func(e *delivery.Endpoint) { e.State = delivery.Active; e.Ordered = true })
		of[1] = append(of[1], b.publish(event("robot", "2"))[0].Deliveries[1])
		b.same(b.settle(), 0)

		b.change(off, paused)
		b.ok(b.DeleteEndpoint(b.ctx, gone.ID, 0, delivery.Audit{}))
		b.settle()
		b.state(delivery.Delivered, of[0][0])
		b.state(delivery.Held, of[0][1:]...)
		b.state(delivery.Exhausted, of[1][0])
		b.state(delivery.Cancelled, of[1][1:]...)
		b.state(delivery.Pending, of[2]...)
		if d := b.delivery(of[1][1].ID); d.Reason == "" || d.FinishedAt.IsZero() || d.EndpointID != gone.ID {
			b.Errorf("cancelled: %+v", d)
		}
		b.same(b.settle(), 0)
		_ = on
	}},
	{"RetainFinished", func(b *bench) {
		b.endpoint("robot")
		b.endpoint("robot")
		both, one, none := b.publish(event("robot", "1"))[0], b.publish(event("robot", "2"))[0], b.publish(event("nobody", "3"))[0]
		for _, r := range append(both.Deliveries, one.Deliveries[0]) {
			b.finish(r, delivery.Delivered)
		}
		b.same(b.retain(delivery.Retention{}), 0) // for ever
		b.same(b.retain(delivery.Retention{Finished: time.Hour, Held: time.Hour, Audit: time.Hour, Idempotency: time.Hour}), 0)

		exists := func(id string) bool {
			_, err := b.Event(b.ctx, id)
			if err != nil {
				b.is(err, delivery.ErrNotFound)
			}
			return err == nil
		}
		b.soon("removing what is finished", func() bool {
			b.retain(delivery.Retention{Finished: time.Millisecond})
			_, err := b.Delivery(b.ctx, one.Deliveries[0].ID)
			return !exists(both.EventID) && !exists(none.EventID) && errors.Is(err, delivery.ErrNotFound)
		})
		for _, r := range append(both.Deliveries, one.Deliveries[0]) {
			_, err := b.Delivery(b.ctx, r.ID)
			b.is(err, delivery.ErrNotFound)
			b.same(b.attempts(r.ID), 0)
		}
		// Of one event, another delivery is still to be made.
		b.same(exists(one.EventID), true)
		b.state(delivery.Pending, one.Deliveries[1])
		b.finish(one.Deliveries[1], delivery.Delivered)
		b.soon("removing the rest", func() bool {
			b.retain(delivery.Retention{Finished: time.Millisecond})
			return !exists(one.EventID)
		})
		if r := b.publish(event("robot", "4"))[0].Deliveries[0]; r.ID <= one.Deliveries[1].ID {
			b.Errorf("the number %d is given again after %d", r.ID, one.Deliveries[1].ID)
		}
	}},
	{"RetainHeld", func(b *bench) {
		b.endpoint("robot", paused)
		r := b.one("robot", "1")
		b.same(b.retain(delivery.Retention{Finished: time.Millisecond, Held: time.Hour}), 0)
		b.soon("the held delivery's end", func() bool {
			b.retain(delivery.Retention{Finished: time.Hour, Held: time.Millisecond})
			return b.delivery(r.ID).State == delivery.Expired
		})
		if d := b.delivery(r.ID); d.Reason == "" || d.FinishedAt.IsZero() {
			b.Errorf("expired: %+v", d)
		}
	}},
	{"RetainAuditAndKeys", func(b *bench) {
		b.endpoint("robot")
		p := event("robot", "1")
		p.IdempotencyKey = "key"
		b.publish(p)
		b.soon("the end of the audit log", func() bool {
			b.retain(delivery.Retention{Audit: time.Millisecond})
			as, err := b.Audits(b.ctx, delivery.AuditFilter{}, delivery.Page{Limit: 10})
			b.ok(err)
			return len(as) == 0
		})
		again := p
		again.Event.ID = event("", "").Event.ID
		b.same(b.publish(again)[0].Replayed, true)
		b.soon("the end of the key", func() bool {
			b.retain(delivery.Retention{Idempotency: time.Millisecond})
			next := again
			next.Event.ID = event("", "").Event.ID
			return !b.publish(next)[0].Replayed
		})
	}},
	{"RetainTokens", func(b *bench) {
		for i, expires := range []time.Time{{}, b.now.Add(-time.Minute), b.now.Add(-2 * time.Hour), b.now.Add(-3 * time.Hour), b.now.Add(time.Hour)} {
			b.ok(b.CreateToken(b.ctx, delivery.Token{ID: fmt.Sprint(i), Hash: [32]byte{byte(i)}, CreatedAt: b.now, ExpiresAt: expires}, delivery.Audit{}))
		}
		left := func() (ids []string) {
			b.Helper()
			tokens, err := b.Tokens(b.ctx)
			b.ok(err)
			for _, t := range tokens {
				ids = append(ids, t.ID)
			}
			return ids
		}
		b.same(b.retain(delivery.Retention{}), 0)
		b.same(left(), []string{"0", "1", "2", "3", "4"})
		b.same(b.retain(delivery.Retention{Expired: time.Hour}), 2)
		b.same(left(), []string{"0", "1", "4"})
	}},
	{"RetainBySize", func(b *bench) {
		if b.options.WholeDays {
			b.Skip("this store removes whole days")
		}
		e := b.endpoint("robot")
		size := func() int64 {
			s, err := b.Stats(b.ctx)
			b.ok(err)
			return s.Bytes
		}
		empty := size()
		fill := func() (refs []delivery.Ref) {
			var batch delivery.Batch
			for range 100 {
				p := event("robot", "1")
				p.Event.Body = append(make([]byte, 0, 10_000), p.Event.Body...)
				for len(p.Event.Body) < cap(p.Event.Body) {
					p.Event.Body = append(p.Event.Body, ' ')
				}
				batch.Publish = append(batch.Publish, p)
			}
			for _, p := range b.commit(batch).Published {
				refs = append(refs, p.Deliveries...)
			}
			return refs
		}
		done := fill()
		waiting := fill()
		var outcomes []delivery.Outcome
		for _, r := range done {
			outcomes = append(outcomes, outcome(r, 1, delivery.Delivered))
		}
		b.commit(delivery.Batch{Outcomes: outcomes})
		b.same(b.retain(delivery.Retention{MaxBytes: 1 << 40}), 0)
		b.state(delivery.Delivered, done[0])
		full := size()
		if full-empty < 1_000_000 {
			b.Fatalf("2 MB of events make a database of %d bytes, after %d", full, empty)
		}
		// Half of what is finished has to go: the oldest.
		r := delivery.Retention{MaxBytes: full - 500_000}
		for range 1000 {
			n, err := b.Retain(b.ctx, r, 20)
			b.ok(err)
			if n == 0 {
				break
			}
		}
		_, err := b.Delivery(b.ctx, done[0].ID)
		b.is(err, delivery.ErrNotFound)
		b.state(delivery.Pending, waiting...)
		// However little there may be: what is not finished stays.
		b.retain(delivery.Retention{MaxBytes: 1})
		b.state(delivery.Pending, waiting...)
		b.same(len(b.due(e.ID, delivery.DueQuery{Limit: 1000, MaxBytes: 1 << 30}).Deliveries), 100)
	}},
	{"Stats", func(b *bench) {
		s, err := b.Stats(b.ctx)
		b.ok(err)
		b.same([]any{s.Pending, s.Held, s.OldestDue.IsZero(), s.Outboxed, s.SetAside}, []any{int64(0), int64(0), true, int64(0), int64(0)})
		e := b.endpoint("robot")
		off := b.endpoint("off", paused)
		b.endpoint("strict", ordered)
		gone := b.endpoint("gone")
		b.ok(b.DeleteEndpoint(b.ctx, gone.ID, 0, delivery.Audit{}))
		one, two, three := b.one("robot", "1"), b.one("robot", "2"), b.one("strict", "3")
		b.one("off", "4")
		s, err = b.Stats(b.ctx)
		b.ok(err)
		b.same([]any{s.Pending, s.Held}, []any{int64(3), int64(1)})
		b.same(s.Endpoints, map[delivery.EndpointState]int64{delivery.Active: 2, delivery.Paused: 1})
		b.same(s.OldestDue, b.delivery(one.ID).DueAt)
		if s.Bytes <= 0 || s.Nodes != 1 || s.Now.Before(b.now) {
			b.Errorf("%+v", s)
		}
		// What an endpoint asked to wait for isn't due, and neither is a retry.
		b.finish(one, delivery.Pending)
		b.finish(three, delivery.Pending)
		s, err = b.Stats(b.ctx)
		b.ok(err)
		b.same(s.OldestDue, b.delivery(two.ID).DueAt)
		b.commit(delivery.Batch{Health: []delivery.HealthChange{{EndpointID: e.ID, Epoch: one.Epoch, Health: delivery.Health{NotBefore: b.now.Add(time.Hour)}}}})
		s, err = b.Stats(b.ctx)
		b.ok(err)
		b.same(s.OldestDue.IsZero(), true)
		_ = off
	}},
}
