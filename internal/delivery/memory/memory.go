// Package memory is a store in memory, for tests of the engine: it says what a store has to
// do in the fewest words, several nodes can share it, and it fails when a test tells it to.
// It is not made to be fast with much data.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// TTL is how long leases last.
const TTL = 5 * time.Second

// A DB is what the stores of several nodes share.
type DB struct {
	mu         sync.Mutex
	last       int64 // of all numbers
	events     map[string]*event
	bySeq      []*event
	endpoints  map[string]*endpoint
	deliveries map[int64]*row
	attempts   map[int64][]delivery.Attempt
	keys       map[string]key
	outbox     []delivery.Outboxed
	setAside   []delivery.SetAside
	tokens     []delivery.Token
	inlets     []delivery.Inlet
	audits     []delivery.Audit
	captures   []delivery.Capture
	jobs       []*delivery.Job
	nodes      []*node // that have a lease
}

type key struct {
	hash    [32]byte
	eventID string
	at      time.Time
}

// An endpoint is its settings, and who owns it.
type endpoint struct {
	delivery.Endpoint
	deleted bool
	health  delivery.Health
	owner   *node
	epoch   int64
	open    map[int64]*row // deliveries that are pending or held

	lastSuccess, lastAttempt time.Time
	hours                    map[time.Time]delivery.Counts // by when they start
}

func (e *endpoint) active() bool { return !e.deleted && e.State == delivery.Active }

// An event is what was published, and its deliveries, the oldest first.
type event struct {
	delivery.Event
	deliveries []*row
}

type row struct {
	delivery.Delivery
	event *event
	since time.Time // in its state
}

type node struct {
	id      string
	deliver bool
	ends    time.Time
	changed map[string]bool  // endpoints
	told    map[string]int64 // the epochs of endpoints that the engine knows it owns
	hints   chan string
}

// NewDB returns an empty DB.
func NewDB() *DB {
	return &DB{
		events: map[string]*event{}, endpoints: map[string]*endpoint{},
		deliveries: map[int64]*row{}, attempts: map[int64][]delivery.Attempt{}, keys: map[string]key{},
	}
}

// A Store is that of one node.
type Store struct {
	db *DB
	// Fault, if not nil, is called with the name of each method that changes or
	// finds work, before it does anything, and again when it has, with done. What
	// it returns is the method's error: with done, as if the answer were lost.
	Fault func(ctx context.Context, method string, done bool) error
	hints chan string

	node *node // guarded by db.mu
}

// Node returns the store of another node.
func (db *DB) Node() *Store { return &Store{db: db, hints: make(chan string, 64)} }

// New returns a store that no other node has.
func New() *Store { return &Store{db: NewDB()} }

// do runs f with the lock, between the faults.
func (s *Store) do(ctx context.Context, method string, f func(now time.Time) error) error {
	if s.Fault != nil {
		if err := s.Fault(ctx, method, false); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.db.mu.Lock()
	err := f(s.db.now())
	s.db.mu.Unlock()
	if err == nil && s.Fault != nil {
		err = s.Fault(ctx, method, true)
	}
	return err
}

// now is a millisecond of UTC, as databases have it.
func (db *DB) now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (db *DB) number() int64 {
	db.last++
	return db.last
}

func (s *Store) Writers() int { return 2 }

func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "Ping", func(time.Time) error { return nil })
}

func (s *Store) Close() error { return nil }

func (s *Store) Join(ctx context.Context, name string, deliver bool) (l delivery.Lease, err error) {
	err = s.do(ctx, "Join", func(now time.Time) error {
		s.bury(now)
		s.db.remove(s.node)
		s.node = &node{
			id: fmt.Sprintf("%s-%d", name, s.db.number()), deliver: deliver, ends: now.Add(TTL),
			changed: map[string]bool{}, told: map[string]int64{}, hints: s.hints,
		}
		s.db.nodes = append(s.db.nodes, s.node)
		l = s.lease(now)
		return nil
	})
	return l, err
}

func (s *Store) Renew(ctx context.Context) (l delivery.Lease, err error) {
	err = s.do(ctx, "Renew", func(now time.Time) error {
		s.bury(now)
		if !s.leased() {
			return delivery.ErrLeaseLost
		}
		s.node.ends = now.Add(TTL)
		l = s.lease(now)
		return nil
	})
	return l, err
}

func (s *Store) Leave(ctx context.Context) error {
	return s.do(ctx, "Leave", func(time.Time) error {
		s.db.remove(s.node)
		s.node = nil
		return nil
	})
}

// leased says whether this node has a lease that nobody found to have ended.
func (s *Store) leased() bool { return slices.Contains(s.db.nodes, s.node) }

// Kill does what the end of the node's process does: what it owned is free.
func (s *Store) Kill() {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.remove(s.node)
}

// bury removes other nodes whose lease has ended. A node that finds that nobody has
// removed it may renew its lease late.
func (s *Store) bury(now time.Time) {
	for _, n := range slices.Clone(s.db.nodes) {
		if n != s.node && !now.Before(n.ends) {
			s.db.remove(n)
		}
	}
}

func (db *DB) remove(n *node) {
	db.nodes = slices.DeleteFunc(db.nodes, func(other *node) bool { return other == n })
	for _, e := range db.endpoints {
		if n != nil && e.owner == n {
			e.owner = nil
			db.hint(nil, e.ID)
		}
	}
}

func (s *Store) lease(now time.Time) delivery.Lease {
	l := delivery.Lease{Node: s.node.id, Now: now, TTL: TTL, Changed: slices.Sorted(maps.Keys(s.node.changed))}
	clear(s.node.changed)
	for _, n := range s.db.nodes {
		if n.deliver {
			l.Nodes++
		}
	}
	for _, e := range s.db.endpoints {
		if e.owner != nil {
			l.Queues++
		}
	}
	return l
}

// hint tells all nodes but one of an endpoint.
func (db *DB) hint(but *node, id string) {
	for _, n := range db.nodes {
		if n != but && n.hints != nil {
			select {
			case n.hints <- id:
			default: // it finds out by itself
			}
		}
	}
}

func (s *Store) Hints() <-chan string { return s.hints }

// owns says that this node owns an endpoint, in an epoch.
func (s *Store) owns(e *endpoint, epoch int64) bool {
	return e != nil && e.owner != nil && e.owner == s.node && e.epoch == epoch
}

// ownsNow says that this node owns an endpoint.
func (s *Store) ownsNow(e *endpoint) bool { return e != nil && s.owns(e, e.epoch) }

func (s *Store) own(e *endpoint) {
	e.owner, e.epoch = s.node, s.db.number()
}

// claim returns the claim of an endpoint that this node owns, and notes that the
// engine knows of it.
func (s *Store) claim(e *endpoint) delivery.Claim {
	s.node.told[e.ID] = e.epoch
	return delivery.Claim{EndpointID: e.ID, Epoch: e.epoch, Endpoint: e.Endpoint, Health: e.health}
}

// untold says whether this node owns an endpoint of which the engine doesn't know,
// as the answer that said so was lost.
func (s *Store) untold(e *endpoint) bool {
	return s.ownsNow(e) && s.node.told[e.ID] != e.epoch
}

func (s *Store) Commit(ctx context.Context, b *delivery.Batch) (done *delivery.Committed, err error) {
	err = s.do(ctx, "Commit", func(now time.Time) error {
		done, err = s.commit(b, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.tell(done)
	return done, nil
}

// tell adds to what was published the claims that the engine doesn't have. It is
// called when no fault keeps the answer from the engine.
func (s *Store) tell(done *delivery.Committed) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	for _, p := range done.Published {
		for i := range p.Deliveries {
			r := &p.Deliveries[i]
			if e := s.db.endpoints[r.EndpointID]; r.Owned && s.untold(e) && e.epoch == r.Epoch {
				c := s.claim(e)
				r.Claim = &c
			}
		}
	}
}

// check returns an error for what databases can't hold.
func check(b *delivery.Batch) error {
	for _, o := range b.Outcomes {
		if !slices.Contains(states, o.State) {
			return fmt.Errorf("an outcome makes a delivery %q", o.State)
		}
	}
	for _, p := range b.Publish {
		if strings.ContainsRune(p.Event.RobotID+p.Event.RunID, 0) {
			return fmt.Errorf("an id of event %s has a NUL character", p.Event.ID)
		}
	}
	return nil
}

var states = []delivery.State{delivery.Pending, delivery.Held, delivery.Delivered, delivery.Exhausted, delivery.Cancelled, delivery.Expired}

// commit writes outcomes first, so that an endpoint that is given up by a batch and
// gets an event by it is owned again.
func (s *Store) commit(b *delivery.Batch, now time.Time) (*delivery.Committed, error) {
	if err := check(b); err != nil {
		return nil, err
	}
	done := &delivery.Committed{Now: now}
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
		late := !s.owns(s.db.endpoints[o.EndpointID], o.Epoch)
		done.Late = append(done.Late, late)
		s.db.outcome(o, late, now)
	}
	for _, h := range b.Health {
		if e := s.db.endpoints[h.EndpointID]; s.owns(e, h.Epoch) {
			e.health = h.Health
		}
	}
	for _, d := range b.Disable {
		e := s.db.endpoints[d.EndpointID]
		changed := e != nil && !e.deleted && e.State == delivery.Active
		if changed {
			e.State, e.DisabledReason, e.DisabledAt = delivery.Disabled, d.Reason, now
			e.Version, e.UpdatedAt = e.Version+1, now
			s.changed(e.ID)
			s.db.audit(delivery.Audit{
				Actor: "service", Action: "endpoint.disable", Subject: e.ID, RobotID: e.RobotID,
				Changes: []byte(`{"state":["active","disabled"]}`),
			}, now)
		}
		done.Disabled = append(done.Disabled, changed)
	}
	for _, c := range b.Release {
		if e := s.db.endpoints[c.EndpointID]; s.owns(e, c.Epoch) {
			e.owner = nil
			delete(s.node.told, e.ID)
			s.db.hint(nil, e.ID)
		}
	}
	for i := range b.Publish {
		done.Published = append(done.Published, s.publish(&b.Publish[i], now))
	}
	return done, nil
}

// outcome writes an outcome, once.
func (db *DB) outcome(o *delivery.Outcome, late bool, now time.Time) {
	r := db.deliveries[o.Attempt.DeliveryID]
	if r == nil {
		return // erased
	}
	a := o.Attempt
	if slices.ContainsFunc(db.attempts[r.ID], func(b delivery.Attempt) bool {
		return a.N == b.N && a.At.Equal(b.At) && a.Node == b.Node && a.Outcome == b.Outcome
	}) {
		return // the answer to an earlier commit was lost
	}
	a.Late = late
	db.attempts[r.ID] = append(db.attempts[r.ID], a)
	if late {
		return
	}
	r.Attempts = max(r.Attempts, a.N)
	switch {
	case r.State.Finished(): // meanwhile
	case o.State.Finished():
		r.Round = o.Round
		db.become(r, o.State, o.Reason, now)
	case r.State == delivery.Held: // meanwhile
		r.Round = o.Round
	default:
		r.Round = o.Round
		db.become(r, o.State, "", now)
		if o.State == delivery.Pending {
			r.DueAt = now.Add(o.Delay + time.Millisecond - 1).Truncate(time.Millisecond)
		}
	}
}

// become changes the state of a delivery.
func (db *DB) become(r *row, s delivery.State, reason string, now time.Time) {
	r.State, r.Reason, r.since = s, reason, now
	r.DueAt, r.FinishedAt = time.Time{}, time.Time{}
	e := db.endpoints[r.EndpointID]
	e.open[r.ID] = r
	switch {
	case s == delivery.Pending:
		r.DueAt = now
	case s.Finished():
		r.FinishedAt = now
		delete(e.open, r.ID)
	}
}

// publish stores an event with its deliveries. One that was stored before, by a
// commit whose answer was lost, is published.
func (s *Store) publish(p *delivery.Publication, now time.Time) delivery.Published {
	if k, ok := s.db.keys[p.IdempotencyKey]; ok && k.eventID != p.Event.ID {
		same := k.hash == p.BodyHash
		return delivery.Published{EventID: k.eventID, Replayed: same, Conflict: !same}
	}
	if s.db.events[p.Event.ID] == nil {
		s.db.accept(p, now)
	}
	done := delivery.Published{EventID: p.Event.ID}
	for _, r := range s.db.events[p.Event.ID].deliveries {
		done.Deliveries = append(done.Deliveries, s.ref(r))
	}
	return done
}

func (db *DB) accept(p *delivery.Publication, now time.Time) {
	e := &event{Event: p.Event}
	e.Seq = db.number()
	db.events[e.ID] = e
	db.bySeq = append(db.bySeq, e)
	if p.SetAside != nil {
		db.setAside = append(db.setAside, *p.SetAside)
	}
	if p.IdempotencyKey != "" {
		db.keys[p.IdempotencyKey] = key{p.BodyHash, e.ID, now}
	}
	for _, to := range db.targets(p) {
		r := &row{event: e, Delivery: delivery.Delivery{
			ID: db.number(), EventID: e.ID, EventType: e.Type, EndpointID: to.ID, RobotID: e.RobotID,
			RunID: e.RunID, Ordered: to.Ordered, CreatedAt: now,
		}}
		db.deliveries[r.ID] = r
		e.deliveries = append(e.deliveries, r)
		state := delivery.Held
		if to.State == delivery.Active {
			state = delivery.Pending
		}
		db.become(r, state, "", now)
	}
}

// ref says what became of a delivery. One that is pending makes this node the owner
// of its endpoint, if no node is.
func (s *Store) ref(r *row) delivery.Ref {
	ref := delivery.Ref{ID: r.ID, EndpointID: r.EndpointID, Ordered: r.Ordered, State: r.State}
	if r.State != delivery.Pending {
		return ref
	}
	e := s.db.endpoints[r.EndpointID]
	if e.owner == nil && s.leased() && s.node.deliver && e.active() {
		s.own(e)
	}
	if s.ownsNow(e) {
		ref.Owned, ref.Epoch = true, e.epoch
	} else {
		s.db.hint(s.node, e.ID)
	}
	return ref
}

// targets returns the endpoints that get a publication, the oldest first.
func (db *DB) targets(p *delivery.Publication) []*endpoint {
	if p.EndpointID != "" {
		if e := db.endpoints[p.EndpointID]; e != nil && !e.deleted {
			return []*endpoint{e}
		}
		return nil
	}
	var to []*endpoint
	for _, e := range db.endpoints {
		if !e.deleted && (e.RobotID == "") == p.Event.Operational && (e.RobotID == "" || e.RobotID == p.Event.RobotID) && e.Gets(p.Event.Type) {
			to = append(to, e)
		}
	}
	slices.SortFunc(to, func(a, b *endpoint) int { return cmp.Compare(a.ID, b.ID) })
	return to
}

// pending returns the deliveries of an endpoint that are pending.
func (e *endpoint) pending(ordered bool) []*row {
	var rows []*row
	if !e.active() {
		return nil
	}
	for _, r := range e.open {
		if r.State == delivery.Pending && r.Ordered == ordered {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int {
		if ordered || a.DueAt.Equal(b.DueAt) {
			return cmp.Compare(a.ID, b.ID)
		}
		return a.DueAt.Compare(b.DueAt)
	})
	return rows
}

func (s *Store) Claim(ctx context.Context, most int) (claims []delivery.Claim, err error) {
	err = s.do(ctx, "Claim", func(now time.Time) error {
		s.bury(now)
		if !s.leased() {
			return delivery.ErrLeaseLost
		}
		claims = nil
		for _, id := range slices.Sorted(maps.Keys(s.db.endpoints)) {
			e := s.db.endpoints[id]
			if len(claims) == most || !s.node.deliver {
				break
			}
			if e.owner == nil && len(e.pending(false))+len(e.pending(true)) > 0 {
				s.own(e)
			}
			if s.untold(e) {
				claims = append(claims, delivery.Claim{EndpointID: e.ID, Epoch: e.epoch, Endpoint: e.Endpoint, Health: e.health})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	for _, c := range claims {
		s.node.told[c.EndpointID] = c.Epoch
	}
	return claims, nil
}

func (s *Store) Due(ctx context.Context, q delivery.DueQuery) (found delivery.DueResult, err error) {
	err = s.do(ctx, "Due", func(now time.Time) error {
		e := s.db.endpoints[q.EndpointID]
		if !s.ownsNow(e) {
			return nil
		}
		size := 0
		for _, r := range e.pending(q.Ordered) {
			switch {
			case q.Ordered && r.ID <= q.After, !q.Ordered && r.DueAt.Before(q.From):
				continue
			case !q.Ordered && r.DueAt.After(now):
				found.NextDue = r.DueAt
				return nil
			case len(found.Deliveries) > 0 && len(found.Deliveries) >= q.Limit, len(found.Deliveries) > 0 && size+len(r.event.Body) > q.MaxBytes:
				found.More = true
				return nil
			}
			size += len(r.event.Body)
			found.Deliveries = append(found.Deliveries, delivery.Task{Delivery: r.Delivery, Event: r.event.Event})
		}
		return nil
	})
	return found, err
}

func (s *Store) Peek(ctx context.Context, from map[string]time.Time) (next map[string]time.Time, err error) {
	next = map[string]time.Time{}
	err = s.do(ctx, "Peek", func(time.Time) error {
		for id, after := range from {
			e := s.db.endpoints[id]
			if !s.ownsNow(e) {
				continue
			}
			if len(e.pending(true)) > 0 {
				next[id] = time.Time{}
				continue
			}
			for _, r := range e.pending(false) {
				if r.DueAt.After(after) {
					next[id] = r.DueAt
					break
				}
			}
		}
		return nil
	})
	return next, err
}

// Post puts an event into the outbox.
func (s *Store) Post(body, idempotencyKey string) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.outbox = append(s.db.outbox, delivery.Outboxed{
		ID: s.db.number(), Body: []byte(body), IdempotencyKey: idempotencyKey, At: s.db.now(),
	})
}

func (s *Store) Ingest(ctx context.Context, most int, judge func([]delivery.Outboxed) delivery.Judged) (n int, done *delivery.Committed, err error) {
	err = s.do(ctx, "Ingest", func(now time.Time) error {
		n = min(most, len(s.db.outbox))
		if n == 0 {
			return nil
		}
		judged := judge(slices.Clone(s.db.outbox[:n]))
		done, err = s.commit(&delivery.Batch{Publish: judged.Publish}, now)
		if err != nil {
			return err
		}
		s.db.setAside = append(s.db.setAside, judged.SetAside...)
		s.db.outbox = s.db.outbox[n:]
		return nil
	})
	if err != nil || n == 0 {
		return 0, nil, err
	}
	s.tell(done)
	return n, done, nil
}

var _ delivery.Store = (*Store)(nil)
