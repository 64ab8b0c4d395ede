package storetest

import (
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

var workTests = []test{
	{"RoutedByRobotAndType", func(b *bench) {
		all := b.endpoint("robot")
		failed := b.endpoint("robot", func(e *delivery.Endpoint) { e.Events = []string{"run_failed"} })
		both := b.endpoint("robot", func(e *delivery.Endpoint) { e.Events = []string{"run_failed", "run_completed"} })
		other := b.endpoint("other")
		operator := b.endpoint("")
		picky := b.endpoint("", func(e *delivery.Endpoint) { e.Events = []string{"endpoint_failing"} })

		completed, fails, foreign, nobody := event("robot", "1"), event("robot", "2"), event("other", "3"), event("nobody", "4")
		fails.Event.Type = "run_failed"
		failing, exhausted := event("robot", ""), event("robot", "1")
		failing.Event.Type, failing.Event.Operational = "endpoint_failing", true
		exhausted.Event.Type, exhausted.Event.Operational = "delivery_exhausted", true
		alone := event("robot", "5")
		alone.EndpointID = failed.ID

		done := b.publish(completed, fails, foreign, nobody, failing, exhausted, alone)
		for i, want := range [][]string{
			{all.ID, both.ID}, {all.ID, failed.ID, both.ID}, {other.ID}, nil,
			{operator.ID, picky.ID}, {operator.ID}, {failed.ID},
		} {
			var got []string
			for _, r := range done[i].Deliveries {
				got = append(got, r.EndpointID)
			}
			if d := diff(got, want); d != "" {
				b.Errorf("publication %d (-got +want)\n%s", i, d)
			}
		}
	}},
	{"RoutesFollowTheSettings", func(b *bench) {
		e := b.endpoint("robot")
		n := func() int { return len(b.publish(event("robot", "r"))[0].Deliveries) }
		b.same(n(), 1)
		second := b.endpoint("robot")
		b.same(n(), 2)
		b.change(e, func(e *delivery.Endpoint) { e.Events = []string{"run_failed"} })
		b.same(n(), 1)
		b.ok(b.DeleteEndpoint(b.ctx, second.ID, 0, delivery.Audit{}))
		b.same(n(), 0)
		gone := event("robot", "r")
		gone.EndpointID = second.ID
		b.same(len(b.publish(gone)[0].Deliveries), 0)
	}},
	{"EventIsKeptAsItIs", func(b *bench) {
		e := b.endpoint("robot", ordered)
		p := event("robot", "run \u2028 \"x\"")
		done := b.publish(p)[0]
		b.same(done.EventID, p.Event.ID)
		got, err := b.Event(b.ctx, p.Event.ID)
		b.ok(err)
		want := p.Event
		want.Seq = got.Seq
		b.same(got, want)
		if got.Seq <= 0 {
			b.Errorf("seq is %d", got.Seq)
		}
		_, err = b.Event(b.ctx, "evt_none")
		b.is(err, delivery.ErrNotFound)

		d := b.delivery(done.Deliveries[0].ID)
		b.same(d, delivery.Delivery{
			ID: done.Deliveries[0].ID, EventID: p.Event.ID, EventType: "run_completed", EndpointID: e.ID,
			RobotID: "robot", RunID: p.Event.RunID, State: delivery.Pending, Ordered: true,
			DueAt: d.DueAt, CreatedAt: d.CreatedAt,
		})
		if d.CreatedAt.Before(b.now.Add(-time.Second)) || d.DueAt.Sub(d.CreatedAt).Abs() > time.Second {
			b.Errorf("created at %v, due at %v; now is %v", d.CreatedAt, d.DueAt, b.now)
		}
		_, err = b.Delivery(b.ctx, d.ID+1)
		b.is(err, delivery.ErrNotFound)
		task := b.due(e.ID, delivery.DueQuery{Ordered: true}).Deliveries
		b.same(task, []delivery.Task{{Delivery: d, Event: want}})
	}},
	{"NumbersAscendWithTheBatch", func(b *bench) {
		b.endpoint("robot")
		b.endpoint("robot")
		var last int64
		for range 3 {
			for _, p := range b.publish(event("robot", "1"), event("robot", "2"), event("robot", "3")) {
				for _, r := range p.Deliveries {
					if r.ID <= last {
						b.Errorf("delivery %d comes after %d", r.ID, last)
					}
					last = r.ID
				}
			}
		}
	}},
	{"BatchIsWrittenWholeOrNotAtAll", func(b *bench) {
		if b.options.Spoil == nil {
			return
		}
		e := b.endpoint("robot")
		target := b.endpoint("target")
		before := b.one("robot", "before")
		good := event("target", "good")
		good.IdempotencyKey = "key"
		batch := delivery.Batch{
			Outcomes: []delivery.Outcome{outcome(before, 1, delivery.Delivered)},
			Health:   []delivery.HealthChange{{EndpointID: e.ID, Epoch: before.Epoch, Health: delivery.Health{Failures: 5}}},
			Disable:  []delivery.Disabling{{EndpointID: e.ID, Reason: "x"}},
			Release:  []delivery.Claim{{EndpointID: e.ID, Epoch: before.Epoch}},
			Publish:  []delivery.Publication{good},
		}
		b.options.Spoil(&batch)
		if _, err := b.Commit(b.ctx, &batch); err == nil {
			b.Fatal("a spoilt batch was written")
		}
		b.state(delivery.Pending, before)
		attempts, err := b.Attempts(b.ctx, before.ID)
		b.ok(err)
		b.same(len(attempts), 0)
		h, err := b.Health(b.ctx, e.ID)
		b.ok(err)
		b.same(h, delivery.Health{})
		_, err = b.Event(b.ctx, good.Event.ID)
		b.is(err, delivery.ErrNotFound)

		// It goes on as if nothing had been: this node owns what it did, and no more.
		b.finish(before, delivery.Delivered)
		p := b.publish(good)[0]
		b.same([]bool{p.Replayed, p.Conflict}, []bool{false, false})
		if r := p.Deliveries[0]; r.Claim == nil || r.Claim.EndpointID != target.ID || r.Claim.Epoch != r.Epoch {
			b.Errorf("the endpoint is new to this node, and the claim is %+v", r.Claim)
		}
	}},
	{"IdempotencyKey", func(b *bench) {
		b.endpoint("robot")
		keyed := func(key string, hash byte) delivery.Publication {
			p := event("robot", "run")
			p.IdempotencyKey, p.BodyHash = key, [32]byte{hash}
			return p
		}
		first, second, conflict, other := keyed("a", 1), keyed("a", 1), keyed("a", 2), keyed("b", 1)
		done := b.publish(first, second, conflict, other)
		check := func(i int, p delivery.Published, id string, replayed, conflicts bool, deliveries int) {
			b.Helper()
			if !conflicts && p.EventID != id || p.Replayed != replayed || p.Conflict != conflicts || len(p.Deliveries) != deliveries {
				b.Errorf("publication %d: %+v", i, p)
			}
		}
		check(0, done[0], first.Event.ID, false, false, 1)
		check(1, done[1], first.Event.ID, true, false, 0)
		check(2, done[2], "", false, true, 0)
		check(3, done[3], other.Event.ID, false, false, 1)
		later := b.publish(keyed("a", 1), keyed("a", 3))
		check(4, later[0], first.Event.ID, true, false, 0)
		check(5, later[1], "", false, true, 0)
		for _, p := range []delivery.Publication{second, conflict} {
			_, err := b.Event(b.ctx, p.Event.ID)
			b.is(err, delivery.ErrNotFound)
		}
	}},
	{"HeldWhileTheEndpointIsOff", func(b *bench) {
		e := b.endpoint("robot", paused)
		r := b.one("robot", "1")
		b.same(r, delivery.Ref{ID: r.ID, EndpointID: e.ID, State: delivery.Held})
		b.state(delivery.Held, r)
		b.same(claimed(b.claim()), []string{})

		e = b.change(e, func(e *delivery.Endpoint) { e.State = delivery.Active })
		active := b.one("robot", "2")
		if active.State != delivery.Pending || !active.Owned {
			b.Errorf("active, and the delivery is %+v", active)
		}
		b.state(delivery.Held, r) // enabling does not send what was held
		b.commit(delivery.Batch{Disable: []delivery.Disabling{{EndpointID: e.ID, Reason: "off"}}})
		b.same(b.one("robot", "3").State, delivery.Held)
		// What is pending is not attempted, before it is settled either.
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), []int64{})
		peek, err := b.Peek(b.ctx, map[string]time.Time{e.ID: {}})
		b.ok(err)
		b.same(peek, map[string]time.Time{})
	}},
	{"PublishingOwns", func(b *bench) {
		e := b.endpoint("robot")
		first, second := b.one("robot", "1"), b.one("robot", "2")
		if !first.Owned || first.Epoch == 0 || first.Claim == nil {
			b.Fatalf("the first is %+v", first)
		}
		b.same(*first.Claim, delivery.Claim{EndpointID: e.ID, Epoch: first.Epoch, Endpoint: e})
		b.same(second, delivery.Ref{ID: second.ID, EndpointID: e.ID, State: delivery.Pending, Owned: true, Epoch: first.Epoch})
		b.same(claimed(b.claim()), []string{})
	}},
	{"ClaimWhatNobodyOwns", func(b *bench) {
		one, two, three := b.endpoint("robot"), b.endpoint("robot", ordered), b.endpoint("robot")
		off := b.endpoint("robot")
		refs := b.publish(event("robot", "1"))[0].Deliveries
		b.change(off, paused)
		b.finish(refs[2], delivery.Delivered) // no work is left for three
		b.rejoin(true)
		claims := b.claim()
		b.same(claimed(claims), []string{one.ID, two.ID})
		for i, c := range claims {
			if c.Epoch <= refs[i].Epoch {
				b.Errorf("the epoch of %s goes from %d to %d", c.EndpointID, refs[i].Epoch, c.Epoch)
			}
		}
		b.same(claims[0].Endpoint, one)
		b.same(claimed(b.claim()), []string{}) // each once
		r := b.publish(event("robot", "2"))[0].Deliveries
		b.same([]bool{r[0].Claim == nil, r[1].Claim == nil, r[2].Claim == nil}, []bool{true, true, false})
		_ = three
	}},
	{"ClaimIsBounded", func(b *bench) {
		var want []string
		for range 5 {
			want = append(want, b.endpoint("robot").ID)
		}
		b.publish(event("robot", "1"))
		b.rejoin(true)
		c, err := b.Claim(b.ctx, 2)
		b.ok(err)
		rest := b.claim()
		b.same(len(c), 2)
		b.same(len(rest), 3)
		got := map[string]bool{}
		for _, c := range append(c, rest...) {
			got[c.EndpointID] = true
		}
		for _, id := range want {
			if !got[id] {
				b.Errorf("%s was not claimed", id)
			}
		}
	}},
	{"NodeThatOnlyPublishes", func(b *bench) {
		e := b.endpoint("robot")
		l := b.rejoin(false)
		b.same(l.Nodes, 0)
		r := b.one("robot", "1")
		b.same(r, delivery.Ref{ID: r.ID, EndpointID: e.ID, State: delivery.Pending})
		b.same(claimed(b.claim()), []string{})
		b.rejoin(true)
		b.same(claimed(b.claim()), []string{e.ID})
	}},
	{"LeaseOfANode", func(b *bench) {
		b.endpoint("robot")
		l := b.rejoin(true)
		if l.Node == "" || l.TTL <= 0 || l.Nodes != 1 || l.Queues != 0 {
			b.Errorf("the lease is %+v", l)
		}
		b.one("robot", "1")
		again, err := b.Renew(b.ctx)
		b.ok(err)
		if again.Node != l.Node || again.Now.Before(l.Now) || again.Queues != 1 {
			b.Errorf("the lease is %+v, and was %+v", again, l)
		}
		b.ok(b.Leave(b.ctx))
		_, err = b.Renew(b.ctx)
		b.is(err, delivery.ErrLeaseLost)
		b.join(true)
		b.same(len(b.claim()), 1)
	}},
	{"ReleaseFreesAnEndpoint", func(b *bench) {
		e := b.endpoint("robot")
		r := b.one("robot", "1")
		// Of another epoch: nothing is released.
		b.commit(delivery.Batch{Release: []delivery.Claim{{EndpointID: e.ID, Epoch: r.Epoch + 1}}})
		b.same(claimed(b.claim()), []string{})
		b.commit(delivery.Batch{Release: []delivery.Claim{{EndpointID: e.ID, Epoch: r.Epoch}}})
		claims := b.claim()
		b.same(claimed(claims), []string{e.ID})
		// With the outcome of its last delivery, and an event that comes with it.
		r.Epoch = claims[0].Epoch
		c := b.commit(delivery.Batch{
			Outcomes: []delivery.Outcome{outcome(r, 1, delivery.Delivered)},
			Release:  []delivery.Claim{{EndpointID: e.ID, Epoch: r.Epoch}},
			Publish:  []delivery.Publication{event("robot", "2")},
		})
		b.same(c.Late, []bool{false})
		next := c.Published[0].Deliveries[0]
		if found := b.claim(); (next.Owned && next.Claim != nil) == (len(found) == 1) {
			b.Errorf("the new delivery is %+v, and %d endpoints can be claimed", next, len(found))
		}
	}},
	{"DueByTime", func(b *bench) {
		e := b.endpoint("robot")
		one, two, three := b.one("robot", "1"), b.one("robot", "2"), b.one("robot", "3")
		b.finish(two, delivery.Pending) // due in an hour
		r := b.due(e.ID, delivery.DueQuery{})
		b.same(numbers(r), refIDs(one, three))
		b.same(r.More, false)
		d := b.delivery(two.ID)
		b.same(r.NextDue, d.DueAt)
		if wait := d.DueAt.Sub(b.now); wait < time.Hour || wait > 2*time.Hour {
			b.Errorf("a delay of an hour is one of %v", wait)
		}
		r = b.due(e.ID, delivery.DueQuery{Limit: 1})
		b.same(numbers(r), refIDs(one))
		b.same(r.More, true)
		// From a time on.
		r = b.due(e.ID, delivery.DueQuery{From: b.delivery(three.ID).DueAt.Add(time.Minute)})
		b.same(numbers(r), []int64{})
		b.same(r.NextDue, d.DueAt)
		r = b.due(e.ID, delivery.DueQuery{From: d.DueAt.Add(time.Millisecond)})
		b.same(r, delivery.DueResult{})
		b.same(b.due(e.ID, delivery.DueQuery{Ordered: true}), delivery.DueResult{})
	}},
	{"DueAfterItsDelay", func(b *bench) {
		e := b.endpoint("robot")
		r := b.one("robot", "1")
		o := outcome(r, 1, delivery.Pending)
		o.Delay = 30 * time.Millisecond
		c := b.commit(delivery.Batch{Outcomes: []delivery.Outcome{o}})
		d := b.delivery(r.ID)
		if d.DueAt.Before(c.Now.Add(o.Delay)) {
			b.Errorf("due at %v, less than %v after %v", d.DueAt, o.Delay, c.Now)
		}
		b.soon("the retry's being due", func() bool { return len(b.due(e.ID, delivery.DueQuery{}).Deliveries) == 1 })
		l, err := b.Renew(b.ctx)
		b.ok(err)
		if l.Now.Before(d.DueAt) {
			b.Errorf("due at %v, and handed out at %v", d.DueAt, l.Now)
		}
	}},
	{"DueIsBoundedByBytes", func(b *bench) {
		e := b.endpoint("robot")
		var refs []delivery.Ref
		for range 3 {
			p := event("robot", "1")
			p.Event.Body = make([]byte, 1000)
			for i := range p.Event.Body {
				p.Event.Body[i] = 'x'
			}
			refs = append(refs, b.publish(p)[0].Deliveries...)
		}
		for _, test := range []struct{ most, want int }{{1, 1}, {1000, 1}, {2500, 2}, {10_000, 3}} {
			r := b.due(e.ID, delivery.DueQuery{MaxBytes: test.most})
			b.same(numbers(r), refIDs(refs[:test.want]...))
			b.same(r.More, test.want < 3)
		}
	}},
	{"OrderedInTheirOrder", func(b *bench) {
		e := b.endpoint("robot", ordered)
		one, two, three := b.one("robot", "1"), b.one("robot", "2"), b.one("robot", "3")
		b.same([]bool{one.Ordered, two.Ordered, three.Ordered}, []bool{true, true, true})
		b.finish(one, delivery.Pending)
		r := b.due(e.ID, delivery.DueQuery{Ordered: true})
		b.same(numbers(r), refIDs(one, two, three)) // the head is there, with when it is due
		b.same(r.Deliveries[0].Delivery.DueAt, b.delivery(one.ID).DueAt)
		if !r.Deliveries[0].Delivery.DueAt.After(r.Deliveries[1].Delivery.DueAt.Add(time.Minute)) {
			b.Errorf("the head is due at %v", r.Deliveries[0].Delivery.DueAt)
		}
		r = b.due(e.ID, delivery.DueQuery{Ordered: true, After: one.ID, Limit: 1})
		b.same(numbers(r), refIDs(two))
		b.same(r.More, true)
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), []int64{})

		// What is published keeps what it was published with.
		b.change(e, func(e *delivery.Endpoint) { e.Ordered = false })
		four := b.one("robot", "4")
		b.same(four.Ordered, false)
		b.same(numbers(b.due(e.ID, delivery.DueQuery{})), refIDs(four))
		b.same(numbers(b.due(e.ID, delivery.DueQuery{Ordered: true})), refIDs(one, two, three))
	}},
	{"Peek", func(b *bench) {
		free, strict, idle, later := b.endpoint("free"), b.endpoint("strict", ordered), b.endpoint("idle"), b.endpoint("later")
		r := b.one("free", "1")
		b.one("strict", "2")
		b.finish(b.one("idle", "3"), delivery.Delivered)
		l := b.one("later", "4")
		b.finish(l, delivery.Pending)
		all := map[string]time.Time{free.ID: {}, strict.ID: {}, idle.ID: {}, later.ID: {}}
		got, err := b.Peek(b.ctx, all)
		b.ok(err)
		b.same(got, map[string]time.Time{free.ID: b.delivery(r.ID).DueAt, strict.ID: {}, later.ID: b.delivery(l.ID).DueAt})
		got, err = b.Peek(b.ctx, map[string]time.Time{free.ID: b.delivery(r.ID).DueAt, later.ID: b.delivery(r.ID).DueAt})
		b.ok(err)
		b.same(got, map[string]time.Time{later.ID: b.delivery(l.ID).DueAt})
		got, err = b.Peek(b.ctx, nil)
		b.ok(err)
		b.same(got, map[string]time.Time{})
	}},
	{"OutcomesAndAttempts", func(b *bench) {
		b.endpoint("robot")
		r := b.one("robot", "1")
		again, done := outcome(r, 1, delivery.Pending), outcome(r, 2, delivery.Delivered)
		again.Attempt.Detail = []byte(`{"url":"https://example.com/","error":"\u0000 <x>","timings":{"total_us":1}}`)
		again.Reason = ""
		done.Round = 1 // the last was not charged
		b.commit(delivery.Batch{Outcomes: []delivery.Outcome{again}})
		d := b.delivery(r.ID)
		b.same([]any{d.State, d.Attempts, d.Round, d.FinishedAt.IsZero()}, []any{delivery.Pending, 1, 1, true})
		b.commit(delivery.Batch{Outcomes: []delivery.Outcome{done}})
		d = b.delivery(r.ID)
		b.same([]any{d.State, d.Attempts, d.Round, d.DueAt.IsZero(), d.Reason}, []any{delivery.Delivered, 2, 1, true, ""})
		if d.FinishedAt.Before(d.CreatedAt) {
			b.Errorf("finished at %v, before %v", d.FinishedAt, d.CreatedAt)
		}
		got, err := b.Attempts(b.ctx, r.ID)
		b.ok(err)
		b.same(got, []delivery.Attempt{again.Attempt, done.Attempt})

		x := b.one("robot", "2")
		b.finish(x, delivery.Exhausted)
		d = b.delivery(x.ID)
		b.same([]any{d.State, d.Reason}, []any{delivery.Exhausted, "It answered 500."})
		b.same(b.attempts(x.ID+1), 0)
	}},
	{"LateOutcomeIsOnlyKept", func(b *bench) {
		b.endpoint("robot")
		r := b.one("robot", "1")
		b.rejoin(true)
		next := r
		next.Epoch = b.claim()[0].Epoch
		before := b.delivery(r.ID)
		late, own := outcome(r, 1, delivery.Delivered), outcome(next, 1, delivery.Pending)
		c := b.commit(delivery.Batch{
			Outcomes: []delivery.Outcome{late},
			Health:   []delivery.HealthChange{{EndpointID: r.EndpointID, Epoch: r.Epoch, Health: delivery.Health{Failures: 9}}},
		})
		b.same(c.Late, []bool{true})
		b.same(b.delivery(r.ID), before)
		h, err := b.Health(b.ctx, r.EndpointID)
		b.ok(err)
		b.same(h, delivery.Health{})
		c = b.commit(delivery.Batch{Outcomes: []delivery.Outcome{own}})
		b.same(c.Late, []bool{false})
		b.same(b.delivery(r.ID).Attempts, 1)
		got, err := b.Attempts(b.ctx, r.ID)
		b.ok(err)
		late.Attempt.Late = true
		b.same(len(got), 2) // both are the first
		for _, a := range got {
			want := own.Attempt
			if a.Late {
				want = late.Attempt
			}
			b.same(a, want)
		}
		b.commit(delivery.Batch{Outcomes: []delivery.Outcome{outcome(next, 2, delivery.Delivered)}})
		b.state(delivery.Delivered, next)
	}},
	{"OutcomeOfWhatWasCancelled", func(b *bench) {
		b.endpoint("robot")
		r := b.one("robot", "1")
		_, err := b.Cancel(b.ctx, r.ID, "no longer wanted", delivery.Audit{})
		b.ok(err)
		c := b.commit(delivery.Batch{Outcomes: []delivery.Outcome{outcome(r, 1, delivery.Pending)}})
		b.same(c.Late, []bool{false})
		d := b.delivery(r.ID)
		b.same([]any{d.State, d.Reason, d.Attempts}, []any{delivery.Cancelled, "no longer wanted", 1})
		got, err := b.Attempts(b.ctx, r.ID)
		b.ok(err)
		b.same(len(got), 1)
	}},
	{"OutcomeOfWhatWasHeld", func(b *bench) {
		e := b.endpoint("robot")
		again, done, over := b.one("robot", "1"), b.one("robot", "2"), b.one("robot", "3")
		b.change(e, paused)
		b.same(b.settle(), 3)
		b.state(delivery.Held, again, done, over)
		b.commit(delivery.Batch{Outcomes: []delivery.Outcome{
			outcome(again, 1, delivery.Pending), outcome(done, 1, delivery.Delivered), outcome(over, 1, delivery.Exhausted),
		}})
		b.state(delivery.Held, again)
		b.same(b.delivery(again.ID).Attempts, 1)
		b.state(delivery.Delivered, done)
		b.state(delivery.Exhausted, over)
	}},
	{"HealthIsHandedOver", func(b *bench) {
		e := b.endpoint("robot")
		r := b.one("robot", "1")
		want := delivery.Health{
			Failures: 3, FailingSince: b.now.Truncate(time.Millisecond).UTC(), NotBefore: b.now.Add(time.Hour).Truncate(time.Millisecond).UTC(),
			Opened: 2, Told: true,
		}
		b.commit(delivery.Batch{Health: []delivery.HealthChange{{EndpointID: e.ID, Epoch: r.Epoch, Health: delivery.Health{Failures: 1}}}})
		b.commit(delivery.Batch{Health: []delivery.HealthChange{{EndpointID: e.ID, Epoch: r.Epoch, Health: want}}})
		got, err := b.Health(b.ctx, e.ID)
		b.ok(err)
		b.same(got, want)
		b.rejoin(true)
		claims := b.claim()
		b.same(claims[0].Health, want)
		other := b.endpoint("robot")
		got, err = b.Health(b.ctx, other.ID)
		b.ok(err)
		b.same(got, delivery.Health{})
	}},
	{"DisableOnce", func(b *bench) {
		e := b.endpoint("robot")
		off := b.endpoint("robot", paused)
		c := b.commit(delivery.Batch{Disable: []delivery.Disabling{
			{EndpointID: e.ID, Reason: "It answered 410."}, {EndpointID: e.ID, Reason: "again"},
			{EndpointID: off.ID, Reason: "is paused"}, {EndpointID: newEndpoint("x").ID, Reason: "is none"},
		}})
		b.same(c.Disabled, []bool{true, false, false, false})
		got, err := b.Endpoint(b.ctx, e.ID)
		b.ok(err)
		if got.DisabledAt.IsZero() {
			b.Error("no time says since when it is disabled")
		}
		want := e
		want.State, want.DisabledReason, want.Version = delivery.Disabled, "It answered 410.", 2
		want.DisabledAt, want.UpdatedAt = got.DisabledAt, got.UpdatedAt
		b.same(got, want)
		_, err = b.UpdateEndpoint(b.ctx, e, delivery.Audit{})
		b.is(err, delivery.ErrVersion)
		audits, err := b.Audits(b.ctx, delivery.AuditFilter{Subject: e.ID}, delivery.Page{Limit: 10})
		b.ok(err)
		if len(audits) != 1 || audits[0].Actor != "service" || audits[0].RobotID != "robot" {
			b.Errorf("the audit log has %+v", audits)
		}
	}},
	{"NothingInABatch", func(b *bench) {
		c := b.commit(delivery.Batch{})
		if c.Now.Before(b.now) {
			b.Errorf("the clock goes from %v to %v", b.now, c.Now)
		}
		b.ok(b.Ping(b.ctx))
	}},
}
