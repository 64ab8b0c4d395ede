package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of one batch, and of what waits for one.
const (
	batchItems   = 1024
	batchBytes   = 4 << 20
	waitingItems = 16384
)

// Large batches cost the least for each item. So while a commit is under way, no
// other begins, unless enough waits for it, or the first takes its time.
const (
	enough   = 256 // items
	patience = 20 * time.Millisecond
)

// While many publish at once, publications gather for a moment before a commit begins:
// a store that syncs within a fraction of a millisecond would otherwise do so for a few
// of them each. Nothing waits for the outcome of an accepted attempt to be written, so
// such outcomes gather for longer.
const (
	gatherPublications    = 32
	gatherPublicationsFor = 1500 * time.Microsecond
	gatherOutcomes        = 128
	gatherOutcomesFor     = 10 * time.Millisecond
)

// never is longer than anything waits.
const never = time.Hour

// A batchItem is what stands or falls together.
type batchItem struct {
	// One of these is set.
	publish *publishing
	outcome *ended
	release *queue

	waiting time.Time
}

// bytes is about how much of a batch the item takes.
func (it *batchItem) bytes() int {
	switch {
	case it.publish != nil:
		return it.publish.bytes()
	case it.outcome != nil:
		return len(it.outcome.Attempt.Detail)
	}
	return 0
}

// bytes is about how much of a batch the publication takes.
func (p *Publication) bytes() int {
	if p.SetAside != nil {
		return len(p.Event.Body) + len(p.SetAside.Body)
	}
	return len(p.Event.Body)
}

// A publishing is a publication whose publisher waits.
type publishing struct {
	Publication
	call *publishCall
	i    int // its place in the call
}

// A publishCall is a call of [Engine.Publish].
type publishCall struct {
	mu        sync.Mutex
	left      int
	published []Published
	err       error
	done      chan struct{}
}

func (c *publishCall) set(i int, p Published, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.published[i] = p
	if c.err == nil {
		c.err = err
	}
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

// A committer gathers what is to be written while a commit is under way, and
// writes it with the next.
type committer struct {
	e        *Engine
	outcomes atomic.Int64 // how many outcomes wait or are being written

	mu       sync.Mutex
	changed  sync.Cond // of what follows
	waiting  []batchItem
	urgent   int         // those of them that are not publications
	gathered []batchItem // outcomes that nothing waits for
	crowd    int         // publications of the last commit that had any
	crowded  time.Time   // when that began
	bytes    int         // of bodies of publications waiting
	health   map[*queue]HealthChange
	writing  map[*queue]bool // whose health is being written, as a later one must not overtake it
	commits  int             // that are under way
	began    time.Time       // when the last commit did
	closed   bool            // to publishers
	ending   bool            // writers end when nothing waits
	away     error           // why the last commit failed, if it did
	failed   time.Time       // when it did
}

func newCommitter(e *Engine) *committer {
	c := &committer{e: e, health: make(map[*queue]HealthChange), writing: make(map[*queue]bool)}
	c.changed.L = &c.mu
	return c
}

// add has items wait for a commit. c.mu is held.
func (c *committer) add(items ...batchItem) {
	c.waiting = append(c.waiting, items...)
	for i := range items {
		if items[i].publish == nil {
			c.urgent++
		}
	}
}

// publish adds publications, all or none.
func (c *committer) publish(call *publishCall, ps []Publication) error {
	size := 0
	for i := range ps {
		size += ps[i].bytes()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrStopped
	case len(c.waiting) > 0 && (len(c.waiting)+len(ps) > waitingItems || c.bytes+size > c.e.o.MaxBytes):
		return ErrBusy
	}
	c.bytes += size
	now := time.Now()
	for i := range ps {
		c.add(batchItem{publish: &publishing{ps[i], call, i}, waiting: now})
	}
	c.wake()
	return nil
}

// end adds the outcome of an attempt.
func (c *committer) end(o *ended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes.Add(1)
	it := batchItem{outcome: o, waiting: time.Now()}
	if o.State == Delivered && !o.flight.task.Delivery.Ordered && o.publish == nil {
		c.gathered = append(c.gathered, it)
	} else {
		c.add(it)
	}
	c.wake()
}

// keep notes that the health of a queue is to be written.
func (c *committer) keep(q *queue, h HealthChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.health[q] = h
	c.wake()
}

// release adds a queue to be given up.
func (c *committer) release(q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(batchItem{release: q, waiting: time.Now()})
	c.wake()
}

// busy says whether many publish at once. c.mu is held.
func (c *committer) busy(now time.Time) bool {
	return c.crowd > 1 && now.Sub(c.crowded) < gatherOutcomesFor
}

// beginsIn returns how long it is until the next commit should begin, if nothing else
// happens: 0 is now. c.mu is held.
func (c *committer) beginsIn(now time.Time) time.Duration {
	publications, outcomes := len(c.waiting)-c.urgent, len(c.gathered)
	switch {
	case c.ending:
		return 0
	case c.commits > 0 && len(c.waiting)+outcomes < enough && now.Sub(c.began) < patience:
		return never // until that commit has ended, or taken its time
	case c.urgent > 0, len(c.health) > 0, publications >= gatherPublications, outcomes >= gatherOutcomes:
		return 0
	case publications+outcomes > 0 && !c.busy(now):
		return 0
	}
	in := never
	if publications > 0 {
		in = gatherPublicationsFor - now.Sub(c.waiting[0].waiting)
	}
	if outcomes > 0 {
		in = min(in, gatherOutcomesFor-now.Sub(c.gathered[0].waiting))
	}
	return max(0, in)
}

// wake has a writer look at what waits: to begin, or to find out when. c.mu is held.
func (c *committer) wake() {
	if c.beginsIn(time.Now()) == 0 || len(c.waiting) == 1 || len(c.gathered) == 1 {
		c.changed.Signal()
	}
}

// full says that so many outcomes wait that no attempts should start.
func (c *committer) full() bool {
	return c.outcomes.Load() >= int64(max(waitingItems/2, c.e.o.MaxInFlight))
}

// A pack is what one commit writes.
type pack struct {
	items  []batchItem
	health map[*queue]HealthChange
}

// take waits for something to write. There is nothing more if it returns nil.
func (c *committer) take() *pack {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		now := time.Now()
		in := c.beginsIn(now)
		if in == 0 {
			if n := len(c.gathered); n > 0 && (c.ending || !c.busy(now) || n >= gatherOutcomes || now.Sub(c.gathered[0].waiting) >= gatherOutcomesFor) {
				c.add(c.gathered...)
				clear(c.gathered)
				c.gathered = c.gathered[:0]
			}
			if health := c.takeHealth(); len(c.waiting) > 0 || len(health) > 0 {
				c.commits++
				c.began = now
				return &pack{items: c.takeItems(now), health: health}
			}
			if c.ending {
				return nil
			}
			in = never // the health that waits is being written already
		}
		alarm := time.AfterFunc(in, c.changed.Signal)
		c.changed.Wait()
		alarm.Stop()
	}
}

func (c *committer) takeItems(now time.Time) []batchItem {
	n, size, publications := 0, 0, 0
	for n < len(c.waiting) && n < batchItems && (n == 0 || size < batchBytes) {
		it := &c.waiting[n]
		size += it.bytes()
		if it.publish != nil {
			publications++
			c.bytes -= it.bytes()
		}
		n++
	}
	if publications > 0 {
		c.crowd, c.crowded = publications, now
	}
	c.urgent -= n - publications
	items := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	return items
}

func (c *committer) takeHealth() map[*queue]HealthChange {
	if len(c.health) == 0 {
		return nil
	}
	taken := make(map[*queue]HealthChange)
	for q, h := range c.health {
		if !c.writing[q] {
			taken[q], c.writing[q] = h, true
			delete(c.health, q)
		}
	}
	return taken
}

// wrote is called when a pack is written, or given up.
func (c *committer) wrote(p *pack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, it := range p.items {
		if it.outcome != nil {
			c.outcomes.Add(-1)
		}
	}
	for q := range p.health {
		delete(c.writing, q)
	}
	c.changed.Signal()
}

// write writes packs until the committer has finished and nothing waits, or ctx is
// done.
func (c *committer) write(ctx context.Context) {
	for ctx.Err() == nil {
		p := c.take()
		if p == nil {
			return
		}
		slow := time.AfterFunc(patience, c.changed.Signal)
		c.commit(ctx, p)
		slow.Stop()
		c.mu.Lock()
		c.commits--
		c.mu.Unlock()
	}
}

// commit writes a pack. While the store is away, it goes on trying. If the store is
// well and fails twice, then something in the pack can't be written, and the
// halves of it are tried. Publishers get an error back; outcomes are never given
// up.
func (c *committer) commit(ctx context.Context, p *pack) {
	pause := 50 * time.Millisecond
	for failures := 1; ; failures++ {
		began := time.Now()
		b := p.batch()
		committed, err := c.e.store.Commit(ctx, b)
		if err == nil {
			c.setAway(nil)
			c.e.metrics.committed(p, time.Since(began))
			c.wrote(p)
			c.e.committed(p, b, committed)
			return
		}
		lost := errors.Is(err, ErrLeaseLost)
		if lost {
			c.e.loseLease()
		}
		switch {
		case lost, errors.Is(err, ErrFull), c.ping(ctx) != nil:
			if !lost {
				c.setAway(err)
			}
			away := fmt.Errorf("%w: %w", ErrUnavailable, err)
			p.refuse(away)
			c.refuseWaiting(away)
		case failures == 1: // a connection broke, or a transaction was the loser of two
			continue
		case len(p.items) > 1:
			half := len(p.items) / 2
			c.commit(ctx, &pack{items: p.items[:half], health: p.health})
			c.commit(ctx, &pack{items: p.items[half:]})
			return
		default:
			c.e.log.Error("something can't be written", "error", err)
			p.refuse(err)
			c.retryLater(p, err)
			return
		}
		if len(p.items) == 0 && len(p.health) == 0 {
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			c.wrote(p)
			return
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// refuse removes publications from a pack, and returns an error to their
// publishers.
func (p *pack) refuse(err error) {
	p.items = slices.DeleteFunc(slices.Clone(p.items), func(it batchItem) bool {
		if it.publish != nil {
			it.publish.call.set(it.publish.i, Published{}, err)
		}
		return it.publish != nil
	})
}

// refuseWaiting returns an error to all publishers that wait.
func (c *committer) refuseWaiting(err error) {
	c.mu.Lock()
	p := &pack{items: c.waiting}
	c.waiting, c.urgent, c.bytes = nil, 0, 0
	c.mu.Unlock()
	p.refuse(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	since := c.waiting
	c.waiting, c.urgent = nil, 0
	c.add(p.items...)
	c.add(since...)
}

// retryLater has a pack of one item wait, while the others go on. What an endpoint
// answered may hold something that the store can't, so it is left out in the end.
func (c *committer) retryLater(p *pack, err error) {
	c.wrote(p)
	for _, it := range p.items {
		if o := it.outcome; o != nil {
			if o.tries++; o.tries == 3 {
				o.Attempt.Detail, o.publish = minimalDetail(err), nil
			}
		}
	}
	time.AfterFunc(time.Second, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, it := range p.items {
			if it.outcome != nil {
				c.outcomes.Add(1)
			}
		}
		c.add(p.items...)
		c.wake()
	})
}

func (c *committer) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return c.e.store.Ping(ctx)
}

// setAway notes why a commit failed, or that one didn't, and logs each change.
func (c *committer) setAway(err error) {
	c.mu.Lock()
	before := c.away
	c.away, c.failed = err, time.Now()
	c.mu.Unlock()
	switch {
	case err != nil && before == nil:
		c.e.log.Error("the store can't be written to; what is known is kept and tried again", "error", err)
	case err == nil && before != nil:
		c.e.log.Info("the store can be written to again")
	}
}

// failure returns why nothing could be written just now, or nil.
func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.failed) > 5*time.Second { // nobody has tried since
		return nil
	}
	return c.away
}

// close refuses further publications.
func (c *committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// finish lets writers end when nothing waits.
func (c *committer) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ending = true
	c.changed.Broadcast()
}

// abandon returns errors to all publishers that still wait, when there are no
// writers any more.
func (c *committer) abandon() {
	c.close()
	c.refuseWaiting(ErrStopped)
}

// batch returns what the store gets.
func (p *pack) batch() *Batch {
	b := &Batch{Publish: make([]Publication, 0, len(p.items)), Outcomes: make([]Outcome, 0, len(p.items))}
	for _, it := range p.items {
		switch {
		case it.publish != nil:
			b.Publish = append(b.Publish, it.publish.Publication)
		case it.release != nil:
			b.Release = append(b.Release, Claim{EndpointID: it.release.id, Epoch: it.release.epoch})
		case it.outcome != nil:
			b.Outcomes = append(b.Outcomes, it.outcome.Outcome)
			if it.outcome.disable != nil {
				b.Disable = append(b.Disable, *it.outcome.disable)
			}
		}
	}
	// After those of publishers, so that what came of these is found by place.
	for _, it := range p.items {
		if it.outcome != nil {
			b.Publish = append(b.Publish, it.outcome.publish...)
		}
	}
	for _, h := range p.health {
		b.Health = append(b.Health, h)
	}
	return b
}

// committed is called with what a commit wrote.
func (e *Engine) committed(p *pack, b *Batch, c *Committed) {
	e.mu.Lock()
	now := time.Now()
	e.accepted(b.Publish, c.Published, now)
	outcome := 0
	for i := range p.items {
		switch it := &p.items[i]; {
		case it.release != nil:
			e.released(it.release)
		case it.outcome != nil:
			e.written(it.outcome, c.Late[outcome], c.Now, now)
			outcome++
		}
	}
	e.dispatch(now)
	e.mu.Unlock()

	published := 0
	for i := range p.items {
		if it := p.items[i].publish; it != nil {
			it.call.set(it.i, c.Published[published], nil)
			published++
		}
	}
}

// Publish stores events, and returns when they are on disk. It sets ID and At of
// an event where they are empty. The results are in the order of the publications;
// that of one that failed is the zero Published. The error is that of the first
// that failed: ErrBusy or ErrStopped, and then nothing is stored; ErrUnavailable
// with the store's error; or that of ctx, after which events may yet be stored.
func (e *Engine) Publish(ctx context.Context, ps []Publication) ([]Published, error) {
	if len(ps) == 0 {
		return nil, nil
	}
	now := e.now().UTC().Truncate(time.Millisecond)
	for i := range ps {
		if ps[i].Event.At.IsZero() {
			ps[i].Event.At = now
		}
		if ps[i].Event.ID == "" {
			ps[i].Event.ID = NewEventID(ps[i].Event.At)
		}
	}
	ctx, end := e.tracePublish(ctx, ps)
	call := &publishCall{left: len(ps), published: make([]Published, len(ps)), done: make(chan struct{})}
	if err := e.commits.publish(call, ps); err != nil {
		end(err)
		return nil, err
	}
	select {
	case <-call.done:
		end(call.err)
		return call.published, call.err
	case <-ctx.Done():
		end(ctx.Err())
		return nil, ctx.Err()
	}
}
