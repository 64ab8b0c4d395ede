package delivery

import (
	"container/heap"
	"container/list"
	"context"
	"errors"
	"time"
)

// A flight is an attempt under way.
type flight struct {
	q      *queue
	ep     *Endpoint
	task   Task
	sealed *Sealed
	probe  bool // of a breaker that is half open
	start  time.Time
	young  *list.Element // until it takes long
}

// dispatch starts attempts while there are any to start. e.mu is held.
func (e *Engine) dispatch(now time.Time) {
	for {
		f := e.next(now)
		if f == nil {
			return
		}
		e.attempts.Add(1)
		go e.work(f)
	}
}

// work makes an attempt, and then others as long as there are any, as a goroutine
// that has made one has a stack of the right size.
func (e *Engine) work(f *flight) {
	defer e.attempts.Done()
	for f != nil {
		o := e.attempt(f)
		e.mu.Lock()
		now := time.Now()
		e.ended(f, o, now)
		f = e.next(now)
		e.dispatch(now)
		e.mu.Unlock()
	}
}

// next takes the next attempt to make, or returns nil. Endpoints take turns, one
// attempt a turn. e.mu is held.
func (e *Engine) next(now time.Time) *flight {
	if e.stopping || !now.Before(e.leaseEnd) || e.faults > 0 && (e.flying() > 0 || now.Before(e.faultUntil)) || e.commits.full() {
		return nil
	}
	for range classes {
		e.turn = (e.turn + 1) % classes
		for r := &e.runnable[e.turn]; r.len() > 0 && admits(&e.inFlight, e.o.MaxInFlight, e.turn); {
			q := r.pop()
			if !q.queued || q.ring != e.turn {
				continue // it was moved to another ring
			}
			q.queued = false
			var f *flight
			if e.mayStart(q, now) {
				f = e.take(q, now)
			}
			e.update(q, now)
			if f != nil {
				return f
			}
		}
	}
	return nil
}

func (e *Engine) flying() int { return e.inFlight[proven] + e.inFlight[unknown] + e.inFlight[bad] }

// startable returns when an attempt to the endpoint may start, as far as that is a
// matter of time. It is false if it isn't.
func (e *Engine) startable(q *queue, now time.Time) (time.Time, bool) {
	if q.dropped || q.blocked || q.stale || q.ep.State != Active || q.inFlight >= min(q.limit, q.ep.MaxInFlight) {
		return time.Time{}, false
	}
	if q.health.Opened > 0 && q.inFlight > 0 { // one probe at a time
		return time.Time{}, false
	}
	at := later(now, q.pause)
	if !q.health.NotBefore.IsZero() {
		at = later(at, e.local(q.health.NotBefore))
	}
	if q.ep.RateLimit > 0 {
		at = later(at, q.nextSlot)
	}
	if len(q.ready) > 0 {
		return at, true
	}
	if len(q.lane) > 0 && !q.laneBusy {
		return later(at, e.local(q.lane[0].Delivery.DueAt)), true
	}
	return time.Time{}, false
}

func (e *Engine) mayStart(q *queue, now time.Time) bool {
	at, ok := e.startable(q, now)
	return ok && !at.After(now)
}

// take takes a delivery of a queue that may start.
func (e *Engine) take(q *queue, now time.Time) *flight {
	f := &flight{q: q, ep: q.ep, sealed: q.sealed, probe: q.health.Opened > 0, start: now}
	if len(q.lane) > 0 && !q.laneBusy && !e.local(q.lane[0].Delivery.DueAt).After(now) {
		f.task = q.lane[0]
		q.laneBusy = true // it stays, as it may have to be tried again
	} else {
		f.task = q.ready[0]
		q.ready[0] = Task{}
		q.ready = q.ready[1:]
	}
	q.busy = append(q.busy, f.task.Delivery.ID)
	q.inFlight++
	e.inFlight[q.class]++
	if r := q.ep.RateLimit; r > 0 {
		// A turn that came late may be followed by one that is early.
		each := time.Duration(min(float64(time.Second)/r, float64(24*time.Hour)))
		q.nextSlot = later(q.nextSlot, now.Add(-20*time.Millisecond)).Add(each)
	}
	f.young = e.young.PushBack(f)
	e.tickBy(now.Add(slowAfter))
	return f
}

// update has a queue take turns, be loaded, or be looked at again later, as it has
// to. It is called after each change of a queue. e.mu is held.
func (e *Engine) update(q *queue, now time.Time) {
	if q.dropped {
		return
	}
	if !q.nextDue.IsZero() && !e.local(q.nextDue).After(now) {
		q.more, q.nextDue = true, time.Time{}
	}
	var wake time.Time
	if at, ok := e.startable(q, now); !ok {
	} else if at.After(now) {
		wake = at
	} else if !q.queued {
		e.queueUp(q)
	}
	if e.wantsLoad(q) {
		if gate := e.gate(q); gate.After(now) {
			wake = sooner(wake, gate)
		} else if !q.waits {
			q.waits = true
			e.toLoad[q.class].push(q)
			e.wakeLoaders()
		}
	}
	if !q.nextDue.IsZero() {
		wake = sooner(wake, e.local(q.nextDue))
	}
	if q.empty() {
		if q.idle.IsZero() {
			q.idle = now
		}
		wake = sooner(wake, q.idle.Add(idleAfter))
	} else {
		q.idle = time.Time{}
	}
	if !wake.IsZero() && (q.timer == 0 || wake.Before(q.wake)) { // one that is too early does no harm
		e.timers.set(q, wake)
		e.tickBy(wake)
	}
}

func (e *Engine) queueUp(q *queue) {
	q.queued, q.ring = true, q.class
	e.runnable[q.class].push(q)
}

// idleAfter is how long a node owns an endpoint that has nothing to do. What is
// published meanwhile needs no claim.
const idleAfter = 30 * time.Second

// gate is before when a queue needs nothing from the store.
func (e *Engine) gate(q *queue) time.Time {
	gate := q.pause
	if !q.health.NotBefore.IsZero() {
		gate = later(gate, e.local(q.health.NotBefore))
	}
	return gate
}

func (e *Engine) wantsLoad(q *queue) bool {
	if q.loading || q.blocked || q.stale || q.dropped || q.ep.State != Active {
		return false
	}
	return q.more && len(q.ready) <= q.window()/2 || q.laneMore && len(q.lane) == 0
}

// hold counts the bytes of a body that memory holds, or no longer holds.
func (e *Engine) hold(q *queue, bytes int) {
	q.bytes += bytes
	e.bytes[q.class] += bytes
	if bytes < 0 {
		e.wakeLoaders()
	}
}

// classify moves a queue, and what it has taken up, to another class.
func (e *Engine) classify(q *queue, c class) {
	if c == q.class {
		return
	}
	e.inFlight[q.class] -= q.inFlight
	e.bytes[q.class] -= q.bytes
	q.class = c
	e.inFlight[c] += q.inFlight
	e.bytes[c] += q.bytes
	if q.queued {
		e.queueUp(q)
	}
}

// reload forgets what waits in a queue, and asks the store again, which may have
// changed it. e.mu is held.
func (e *Engine) reload(q *queue, now time.Time) {
	e.forget(q)
	q.seen = time.Time{} // while it was off, peeks found nothing
	q.outdated = q.loading
	q.mark(false)
	q.mark(true)
	e.update(q, now)
}

// pass has the store asked for a task again.
func (q *queue) pass(t *Task) {
	if !q.seen.IsZero() && t.Delivery.DueAt.Before(q.seen) {
		q.seen = t.Delivery.DueAt
	}
}

// forget removes what waits in a queue from memory. The store still has it.
func (e *Engine) forget(q *queue) {
	for i := range q.ready {
		e.hold(q, -len(q.ready[i].Event.Body))
		q.pass(&q.ready[i])
		q.more = true
	}
	q.ready = nil
	keep := 0
	if q.laneBusy {
		keep = 1
	}
	if len(q.lane) > keep {
		for i := range q.lane[keep:] {
			e.hold(q, -len(q.lane[keep+i].Event.Body))
		}
		clear(q.lane[keep:])
		q.lane, q.laneMore = q.lane[:keep], true
	}
}

// accepted puts deliveries that were just published to their queues. e.mu is held.
func (e *Engine) accepted(ps []Publication, published []Published, now time.Time) {
	for i := range published {
		p := &published[i]
		if p.Replayed || p.Conflict {
			continue
		}
		e.metrics.publishedEvents.WithLabelValues(ps[i].Event.Type).Inc()
		for _, ref := range p.Deliveries {
			if !ref.Owned || ref.State != Pending {
				continue
			}
			q := e.queues[ref.EndpointID]
			if c := ref.Claim; c != nil && (q == nil || q.epoch < c.Epoch) {
				q = e.own(c, e.shared) // another commit may have published to it, too
			}
			if q == nil || q.epoch != ref.Epoch {
				e.kickClaims() // it was given up meanwhile, or is not known yet
				continue
			}
			e.arrive(q, ref, &ps[i].Event, now)
			e.update(q, now)
		}
	}
}

// arrive takes a delivery that was just published. If the queue has older ones in
// the store, or enough in memory, then the new one stays in the store, too.
func (e *Engine) arrive(q *queue, ref Ref, event *Event, now time.Time) {
	t := Task{Event: *event, Delivery: Delivery{
		ID: ref.ID, EventID: event.ID, EventType: event.Type, EndpointID: q.id,
		RobotID: event.RobotID, RunID: event.RunID, State: Pending, Ordered: ref.Ordered,
		DueAt: event.At, CreatedAt: event.At,
	}}
	fits := q.ep.State == Active && !q.blocked && !q.stale && admits(&e.bytes, e.o.MaxBytes, q.class)
	switch {
	case ref.ID <= q.loadedTo || e.orphans[ref.ID]:
		// The answer to the commit was late, or lost, and the store has returned the
		// delivery meanwhile.
		q.mark(ref.Ordered)
	case ref.Ordered && (e.shared || q.laneMore || q.loading || len(q.lane) >= q.window() || !fits):
		// With other nodes, an older event may have been accepted that this one
		// hasn't heard of.
		q.mark(true)
	case ref.Ordered:
		e.hold(q, len(event.Body))
		q.lane = append(q.lane, t)
	case !fits:
		q.mark(false)
	case q.loading:
		if len(q.arrived) < q.window() {
			q.arrived = append(q.arrived, t)
		} else {
			q.mark(false)
		}
	case q.more || len(q.ready) >= q.window():
		q.mark(false)
	default:
		e.hold(q, len(event.Body))
		q.ready = append(q.ready, t)
	}
}

// ended takes an attempt that ended, and what is to be written of it; nil if
// nothing is, as if there had been no attempt. e.mu is held.
func (e *Engine) ended(f *flight, o *ended, now time.Time) {
	q := f.q
	q.inFlight--
	e.inFlight[q.class]--
	if f.young != nil {
		e.young.Remove(f.young)
	}
	if !q.laneHead(&f.task) {
		e.hold(q, -len(f.task.Event.Body))
	}
	if o == nil {
		q.pause = now.Add(30 * time.Second)
		e.settle(q, &f.task, now)
		return
	}
	e.judge(f, o, now)
	e.commits.end(o)
	e.update(q, now)
}

// laneHead says that a task is at the head of the lane.
func (q *queue) laneHead(t *Task) bool {
	return q.laneBusy && len(q.lane) > 0 && q.lane[0].Delivery.ID == t.Delivery.ID
}

// settle puts a delivery back to the store, which says what is due.
func (e *Engine) settle(q *queue, t *Task, now time.Time) {
	q.unbusy(t.Delivery.ID)
	q.pass(t)
	delete(e.orphans, t.Delivery.ID)
	if q.laneHead(t) {
		q.laneBusy = false
		e.forget(q)
	}
	q.mark(t.Delivery.Ordered)
	e.update(q, now)
}

// written takes an outcome that is on disk. e.mu is held.
func (e *Engine) written(o *ended, late bool, storeNow, now time.Time) {
	q, t := o.flight.q, &o.flight.task
	if late {
		e.metrics.late.Inc()
		e.drop(q)
	}
	if q.dropped {
		delete(e.orphans, t.Delivery.ID)
		if q.laneHead(t) {
			q.laneBusy = false
			e.forget(q)
		}
		if again := e.queues[q.id]; again != nil { // it was skipped as long as it was under way
			again.pass(t)
			again.mark(t.Delivery.Ordered)
			e.update(again, now)
		}
		return
	}
	q.unbusy(t.Delivery.ID)
	head := q.laneHead(t)
	switch {
	case head && o.State == Pending: // unless it was cancelled meanwhile, so the store is asked
		q.laneBusy = false
		e.forget(q)
		q.mark(true)
	case head:
		q.laneBusy = false
		e.hold(q, -len(t.Event.Body))
		q.lane[0] = Task{}
		if q.lane = q.lane[1:]; len(q.lane) == 0 {
			q.lane = nil
		}
	case o.State == Pending && t.Delivery.Ordered:
		q.mark(true)
	case o.State == Pending:
		q.due(storeNow.Add(o.Delay))
	}
	if o.disable != nil {
		ep := *q.ep
		ep.State = Disabled
		q.ep = &ep
		e.refresh(q.id)
	}
	e.update(q, now)
}

// load asks the store for deliveries of queues until ctx is done.
func (e *Engine) load(ctx context.Context) {
	for {
		e.mu.Lock()
		q := e.nextToLoad()
		var plain, ordered DueQuery
		if q != nil {
			plain, ordered = e.plan(q)
			e.wakeLoaders() // for the next one
		}
		e.mu.Unlock()
		if q == nil {
			select {
			case <-e.loaders:
				continue
			case <-ctx.Done():
				return
			}
		}
		var results [2]DueResult
		var err error
		start := time.Now()
		if plain.Limit > 0 {
			results[0], err = e.store.Due(ctx, plain)
		}
		if err == nil && ordered.Limit > 0 {
			results[1], err = e.store.Due(ctx, ordered)
		}
		e.metrics.found("due", start)
		if errors.Is(err, ErrLeaseLost) {
			e.loseLease()
		} else if err != nil && ctx.Err() == nil {
			e.log.Warn("what is due can't be read", "endpoint", q.id, "error", err)
		}
		e.mu.Lock()
		now := time.Now()
		if err != nil {
			q.loading, q.outdated, q.arrived, q.done = false, false, nil, nil
			q.more, q.laneMore = q.more || plain.Limit > 0, q.laneMore || ordered.Limit > 0
			q.pause = now.Add(time.Second)
		} else {
			e.loaded(q, &plain, &results[0], &results[1], now)
		}
		e.update(q, now)
		e.dispatch(now)
		e.mu.Unlock()
	}
}

func (e *Engine) nextToLoad() *queue {
	for range classes {
		e.loadTurn = (e.loadTurn + 1) % classes
		for r := &e.toLoad[e.loadTurn]; r.len() > 0 && admits(&e.bytes, e.o.MaxBytes, e.loadTurn); {
			q := r.pop()
			q.waits = false
			if e.wantsLoad(q) {
				return q
			}
		}
	}
	return nil
}

// While somebody keeps a snapshot open, the store has to pass over all that finished
// since. So it is asked only for what became due after [queue.seen], less a margin. A
// transaction that took longer than the margin is found by a rescan, which asks for
// everything.
const (
	margin = 5 * time.Second
	rescan = 5 * time.Minute
)

// from returns the time after which the store is to look for what is due; zero for all
// that is due.
func (q *queue) from(now time.Time) time.Time {
	if q.seen.IsZero() {
		q.scanned = now
		return time.Time{}
	}
	return q.seen.Add(-margin)
}

// plan begins the loading of a queue.
func (e *Engine) plan(q *queue) (plain, ordered DueQuery) {
	q.loading = true
	if q.more && len(q.ready) <= q.window()/2 {
		now := time.Now()
		if now.Sub(q.scanned) >= rescan {
			q.seen = time.Time{}
		}
		plain = DueQuery{
			EndpointID: q.id, From: q.from(now),
			// What memory holds is pending, too, so the store may return it.
			Limit:    q.window() + len(q.busy) + len(e.orphans),
			MaxBytes: q.bytes + loadBytes,
		}
		q.more = false
	}
	if q.laneMore && len(q.lane) == 0 {
		ordered = DueQuery{EndpointID: q.id, Ordered: true, Limit: q.window(), MaxBytes: loadBytes}
		q.laneMore = false
	}
	return plain, ordered
}

// loadBytes bounds the bodies that one question to the store returns.
const loadBytes = 512 << 10

// loaded takes what the store returned.
func (e *Engine) loaded(q *queue, query *DueQuery, plain, ordered *DueResult, now time.Time) {
	known := make(map[int64]bool, len(q.ready)+len(q.busy)+len(q.done))
	for _, id := range q.busy {
		known[id] = true
	}
	for _, id := range q.done {
		known[id] = true
	}
	for i := range q.ready {
		known[q.ready[i].Delivery.ID] = true
	}
	for i := range q.lane {
		known[q.lane[i].Delivery.ID] = true
	}
	arrived, outdated := q.arrived, q.outdated
	q.loading, q.outdated, q.arrived, q.done = false, false, nil, nil
	if q.dropped {
		return
	}
	if outdated {
		q.mark(false)
		q.mark(true)
		return
	}
	add := func(to []Task, t Task) []Task {
		q.loadedTo = max(q.loadedTo, t.Delivery.ID)
		if id := t.Delivery.ID; !known[id] && !e.orphans[id] {
			known[id] = true
			e.hold(q, len(t.Event.Body))
			to = append(to, t)
		}
		return to
	}
	before := len(q.ready) + len(q.lane)
	for _, t := range plain.Deliveries {
		if t.Delivery.DueAt.After(q.seen) {
			q.seen = t.Delivery.DueAt
		}
		q.ready = add(q.ready, t)
	}
	for _, t := range ordered.Deliveries {
		if e.orphans[t.Delivery.ID] {
			break // the ones behind it wait until it has ended
		}
		q.lane = add(q.lane, t)
	}
	if query.Limit > 0 {
		q.more = q.more || plain.More
		if !plain.NextDue.IsZero() {
			// The store may think that it isn't due yet, when this node thinks it is.
			q.due(later(plain.NextDue, e.now().Add(2*time.Millisecond)))
		}
	}
	q.laneMore = q.laneMore || ordered.More
	if (plain.More || ordered.More) && len(q.ready)+len(q.lane) == before {
		// All are under way since before this node owned the endpoint again.
		q.pause = later(q.pause, now.Add(100*time.Millisecond))
	}
	if !q.more {
		for _, t := range arrived {
			q.ready = add(q.ready, t)
		}
	}
	if q.blocked || q.ep.State != Active {
		e.forget(q)
	}
}

// tick has queues looked at again when it is time, until ctx is done.
func (e *Engine) tick(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-e.tickSooner:
		case <-ctx.Done():
			return
		}
		e.mu.Lock()
		now := time.Now()
		e.tickAt = now.Add(time.Minute)
		for len(e.timers) > 0 && !e.timers[0].wake.After(now) {
			q := heap.Pop(&e.timers).(*queue)
			if !q.idle.IsZero() && now.Sub(q.idle) >= idleAfter && !q.blocked && !q.dropped {
				e.giveUp(q)
				continue
			}
			e.update(q, now)
		}
		for e.young.Len() > 0 {
			f := e.young.Front().Value.(*flight)
			if f.start.Add(slowAfter).After(now) {
				break
			}
			e.young.Remove(f.young)
			f.young = nil
			e.classify(f.q, bad)
		}
		e.dispatch(now)
		if len(e.timers) > 0 {
			e.tickAt = sooner(e.tickAt, e.timers[0].wake)
		}
		if e.young.Len() > 0 {
			e.tickAt = sooner(e.tickAt, e.young.Front().Value.(*flight).start.Add(slowAfter))
		}
		if e.faultUntil.After(now) {
			e.tickAt = sooner(e.tickAt, e.faultUntil)
		}
		pause := time.Until(e.tickAt)
		e.mu.Unlock()
		timer.Reset(pause)
	}
}

// tickBy sees to it that tick looks again at a time or before. e.mu is held.
func (e *Engine) tickBy(at time.Time) {
	if at.Before(e.tickAt) {
		e.tickAt = at
		wake(e.tickSooner)
	}
}

// wakeLoaders is called when there may be something to load.
func (e *Engine) wakeLoaders() { wake(e.loaders) }

// wake sends to a channel that remembers one message.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sooner returns the earlier of two times; a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
