package delivery

import (
	"context"
	"errors"
	"time"
)

const (
	renewEvery = time.Second
	// safety is how long before the end of its lease a node starts no attempt.
	safety    = 500 * time.Millisecond
	peekEvery = 2 * time.Second
	claimMost = 500
)

// every calls f each period, and when there is a message, until ctx is done.
func every(ctx context.Context, period time.Duration, message <-chan struct{}, f func(context.Context)) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-message:
		case <-ctx.Done():
			return
		}
		f(ctx)
	}
}

// keepLease has this node have a lease, until ctx is done.
func (e *Engine) keepLease(ctx context.Context) {
	e.renew(ctx)
	every(ctx, renewEvery, e.joins, e.renew)
}

// renew renews the lease, or gets a new one.
func (e *Engine) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	e.mu.Lock()
	joined := e.joined
	e.mu.Unlock()
	start := time.Now()
	var lease Lease
	var err error
	if joined {
		lease, err = e.store.Renew(ctx)
	} else {
		lease, err = e.store.Join(ctx, e.o.Name, e.o.Deliver)
	}
	switch {
	case err == nil:
		e.leasedAt(lease, start)
	case errors.Is(err, ErrLeaseLost) && joined:
		e.loseLease()
	case ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.metrics.renewFailed.Inc()
		e.log.Warn("the lease can't be renewed; no attempt starts when it has ended", "error", err)
	}
}

// leasedAt takes a lease that was asked for at a time.
func (e *Engine) leasedAt(l Lease, start time.Time) {
	end := time.Now()
	e.clock.Lock()
	e.leased, e.storeTime = start.Add(end.Sub(start)/2), l.Now.Round(0)
	e.clock.Unlock()

	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.joined {
		e.log.Info("this node has a lease", "node", l.Node, "nodes", l.Nodes)
	}
	e.joined = true
	e.leaseEnd = start.Add(l.TTL - safety)
	e.nodes, e.owned = l.Nodes, l.Queues
	for _, id := range l.Changed {
		e.refresh(id)
	}
	e.rebalance(end)
	e.kickClaims()
	e.dispatch(end)
}

// loseLease drops all that this node owned, and joins again.
func (e *Engine) loseLease() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.joined {
		return
	}
	e.joined, e.leaseEnd = false, time.Time{}
	for _, q := range e.queues {
		e.drop(q)
	}
	e.metrics.leasesLost.Inc()
	e.log.Warn("this node lost its lease, and asks for a new one; others may own its endpoints now")
	wake(e.joins)
}

// own begins to own an endpoint. e.mu is held.
func (e *Engine) own(c *Claim, older bool) *queue {
	if q := e.queues[c.EndpointID]; q != nil {
		if q.epoch >= c.Epoch {
			return q
		}
		e.drop(q)
	}
	q := newQueue(c)
	q.more, q.laneMore = older, older
	e.queues[q.id] = q
	return q
}

// drop forgets an endpoint that this node doesn't own any more. What is in flight
// to it goes on. e.mu is held.
func (e *Engine) drop(q *queue) {
	if q.dropped {
		return
	}
	q.dropped = true
	for _, id := range q.busy {
		e.orphans[id] = true
	}
	e.forget(q)
	if e.queues[q.id] == q {
		delete(e.queues, q.id)
	}
}

// share is how many endpoints this node should own.
func (e *Engine) share() int { return (e.owned + max(e.nodes, 1) - 1) / max(e.nodes, 1) }

// rebalance gives up endpoints if this node owns clearly more than others: those
// to which nothing is in flight. e.mu is held.
func (e *Engine) rebalance(now time.Time) {
	if e.nodes < 2 {
		return
	}
	share := e.share()
	surplus := len(e.queues) - (share + share/8 + 1)
	for _, q := range e.queues {
		if surplus <= 0 {
			return
		}
		if len(q.busy) == 0 && !q.blocked && !q.loading {
			e.giveUp(q)
			surplus--
		}
	}
}

// giveUp hands an endpoint back to the store. e.mu is held.
func (e *Engine) giveUp(q *queue) {
	q.blocked = true
	e.forget(q)
	e.commits.release(q)
}

// released takes that an endpoint was handed back.
func (e *Engine) released(q *queue) {
	marked := q.more || q.laneMore
	e.drop(q)
	if marked {
		e.kickClaims()
	}
}

func (e *Engine) kickClaims() { wake(e.claims) }

// keepClaiming claims endpoints until ctx is done.
func (e *Engine) keepClaiming(ctx context.Context) {
	every(ctx, renewEvery, e.claims, e.claim)
}

func (e *Engine) claim(ctx context.Context) {
	for {
		e.mu.Lock()
		most := claimMost
		if e.nodes > 1 {
			share := e.share()
			most = min(most, max(share+share/16+1-len(e.queues), 0))
		}
		ok := e.joined && !e.stopping && time.Now().Before(e.leaseEnd)
		e.mu.Unlock()
		if !ok || most == 0 {
			return
		}
		start := time.Now()
		claims, err := e.store.Claim(ctx, most)
		e.metrics.found("claim", start)
		switch {
		case errors.Is(err, ErrLeaseLost):
			e.loseLease()
			return
		case err != nil:
			if ctx.Err() == nil {
				e.log.Warn("endpoints can't be claimed", "error", err)
			}
			return
		}
		e.mu.Lock()
		now := time.Now()
		for i := range claims {
			e.update(e.own(&claims[i], true), now)
		}
		e.dispatch(now)
		e.mu.Unlock()
		if len(claims) < most {
			return
		}
	}
}

// keepPeeking asks the store for what no hint told of, until ctx is done.
func (e *Engine) keepPeeking(ctx context.Context) {
	every(ctx, peekEvery, nil, e.peek)
}

func (e *Engine) peek(ctx context.Context) {
	from := make(map[string]time.Time)
	asked := make(map[string]*queue)
	storeNow := e.now()
	e.mu.Lock()
	start := time.Now()
	rescans := 1 + len(e.queues)/int(rescan/peekEvery) // so that they don't come all at once
	for id, q := range e.queues {
		if q.more && q.laneMore || q.blocked || q.loading || q.ep.State != Active || e.gate(q).After(start) {
			continue
		}
		if !q.seen.IsZero() && start.Sub(q.scanned) >= rescan && rescans > 0 {
			rescans--
			q.seen = time.Time{}
		}
		from[id], asked[id] = q.from(start), q
	}
	e.mu.Unlock()
	if len(from) == 0 {
		return
	}
	next, err := e.store.Peek(ctx, from)
	e.metrics.found("peek", start)
	if err != nil {
		if errors.Is(err, ErrLeaseLost) {
			e.loseLease()
		} else if ctx.Err() == nil {
			e.log.Warn("what is due can't be read", "error", err)
		}
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for id, q := range asked {
		at, found := next[id]
		switch {
		case q.dropped:
			continue
		case !found:
			q.seen = later(q.seen, storeNow)
			continue
		case at.IsZero():
			if len(q.lane) == 0 {
				q.mark(true)
			}
		default:
			q.seen = later(q.seen, sooner(storeNow, at))
			if len(q.ready) == 0 {
				q.due(at)
			}
		}
		e.update(q, now)
	}
	e.dispatch(now)
}

// listen takes hints until ctx is done.
func (e *Engine) listen(ctx context.Context) {
	for {
		select {
		case id, ok := <-e.store.Hints():
			if !ok {
				<-ctx.Done()
				return
			}
			e.hint(id)
		case <-ctx.Done():
			return
		}
	}
}

// hint is told of an endpoint that may have work, or of any.
func (e *Engine) hint(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[id]
	if q == nil {
		e.kickClaims()
		return
	}
	now := time.Now()
	q.mark(false)
	q.mark(true)
	e.update(q, now)
	e.dispatch(now)
}

// Changed tells the engine that this process changed an endpoint's settings, or
// made work for it: no attempt starts before the engine has read them.
func (e *Engine) Changed(endpointID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refresh(endpointID)
	e.kickClaims()
	wake(e.jobs)
}

// refresh has the settings of an endpoint read again, if this node owns it. e.mu is
// held.
func (e *Engine) refresh(id string) {
	q := e.queues[id]
	if q == nil {
		return
	}
	q.stale = true
	e.stale[id] = true
	wake(e.refreshes)
}

func (e *Engine) keepRefreshing(ctx context.Context) {
	every(ctx, time.Second, e.refreshes, func(ctx context.Context) {
		e.mu.Lock()
		ids := e.stale
		e.stale = make(map[string]bool)
		e.mu.Unlock()
		for id := range ids {
			ep, err := e.store.Endpoint(ctx, id)
			e.refreshed(id, &ep, err)
		}
	})
}

// refreshed takes settings that were read again.
func (e *Engine) refreshed(id string, ep *Endpoint, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	q := e.queues[id]
	switch {
	case q == nil || e.stale[id]: // it changed again meanwhile
		return
	case errors.Is(err, ErrNotFound): // it was deleted
		gone := *q.ep
		gone.State = Disabled
		ep = &gone
	case err != nil:
		e.stale[id] = true
		return
	}
	now := time.Now()
	q.stale = false
	if ep.Version != q.ep.Version {
		q.sealed = nil
		if q.health.NotBefore.After(e.now()) && ep.URL != q.ep.URL {
			q.health.NotBefore = time.Time{} // the new one may be well
		}
	}
	q.ep = ep
	q.limit = max(min(q.limit, ep.MaxInFlight), 1)
	e.reload(q, now) // deliveries may have been cancelled or held
	e.dispatch(now)
}
