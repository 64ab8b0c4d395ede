package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// States as they are stored. The partial indexes name them by number.
const (
	pending = iota
	held
	delivered
	exhausted
	cancelled
	expired
)

var states = [...]delivery.State{
	pending:   delivery.Pending,
	held:      delivery.Held,
	delivered: delivery.Delivered,
	exhausted: delivery.Exhausted,
	cancelled: delivery.Cancelled,
	expired:   delivery.Expired,
}

func stateNumber(s delivery.State) (int64, error) {
	i := slices.Index(states[:], s)
	if i < 0 {
		return 0, fmt.Errorf("unknown state %q", s)
	}
	return int64(i), nil
}

// ttl is of no consequence: nobody else takes a lease.
const ttl = time.Minute

// Writers is how many goroutines may usefully call Commit at once.
func (s *Store) Writers() int { return 1 }

func (s *Store) Join(ctx context.Context, name string, deliver bool) (l delivery.Lease, err error) {
	err = s.write(ctx, func(*conn) error {
		s.node, s.deliver = name+"-"+rand.Text()[:8], deliver
		s.disown()
		l = s.lease()
		return nil
	})
	return l, err
}

func (s *Store) Renew(ctx context.Context) (l delivery.Lease, err error) {
	err = s.write(ctx, func(*conn) error {
		if s.node == "" {
			return delivery.ErrLeaseLost
		}
		l = s.lease()
		return nil
	})
	return l, err
}

func (s *Store) Leave(ctx context.Context) error {
	return s.write(ctx, func(*conn) error {
		s.node, s.deliver = "", false
		s.disown()
		return nil
	})
}

func (s *Store) lease() delivery.Lease {
	l := delivery.Lease{Node: s.node, Now: s.now(), TTL: ttl, Queues: len(s.owned)}
	if s.deliver {
		l.Nodes = 1
	}
	return l
}

func (s *Store) disown() {
	clear(s.owned)
	s.freed = true
}

// own makes this node the owner of an endpoint that it doesn't own.
func (s *Store) own(ctx context.Context, c *conn, e *endpoint) (delivery.Claim, error) {
	h, err := health(ctx, c, e.num)
	if err != nil {
		return delivery.Claim{}, err
	}
	s.epoch++ // never given back, by a rollback either
	s.owned[e.ID] = s.epoch
	s.undo = append(s.undo, func() { delete(s.owned, e.ID) })
	return delivery.Claim{EndpointID: e.ID, Epoch: s.epoch, Endpoint: e.Endpoint, Health: h}, nil
}

func health(ctx context.Context, c *conn, endpoint int64) (h delivery.Health, err error) {
	r, err := c.one(ctx, "SELECT failures, failing_since, not_before, opened, told FROM health WHERE endpoint = ?", endpoint)
	if err != nil || r == nil {
		return h, err
	}
	return delivery.Health{
		Failures: int(r.int(0)), FailingSince: r.milli(1), NotBefore: r.milli(2),
		Opened: int(r.int(3)), Told: r.bool(4),
	}, nil
}

// Commit writes outcomes first, so that an endpoint that is given up by a batch and
// gets an event by it is owned again.
func (s *Store) Commit(ctx context.Context, b *delivery.Batch) (*delivery.Committed, error) {
	var done *delivery.Committed
	err := s.write(ctx, func(c *conn) error {
		ctx := context.WithoutCancel(ctx)
		now := s.now()
		done = &delivery.Committed{Now: now}
		if len(b.Outcomes) > 0 {
			done.Late = make([]bool, len(b.Outcomes))
		}
		for i := range b.Outcomes {
			o := &b.Outcomes[i]
			done.Late[i] = s.owned[o.EndpointID] != o.Epoch || o.Epoch == 0
			if err := s.outcome(ctx, c, o, done.Late[i], now); err != nil {
				return err
			}
		}
		for _, h := range b.Health {
			if s.owned[h.EndpointID] != h.Epoch || h.Epoch == 0 {
				continue
			}
			if err := s.setHealth(ctx, c, h); err != nil {
				return err
			}
		}
		for _, d := range b.Disable {
			changed, err := s.disable(ctx, c, d, now)
			if err != nil {
				return err
			}
			done.Disabled = append(done.Disabled, changed)
		}
		for _, r := range b.Release {
			if s.owned[r.EndpointID] != r.Epoch {
				continue
			}
			delete(s.owned, r.EndpointID)
			s.undo = append(s.undo, func() { s.owned[r.EndpointID] = r.Epoch })
			s.freed = true
		}
		if len(b.Publish) > 0 {
			done.Published = make([]delivery.Published, len(b.Publish))
		}
		for i := range b.Publish {
			p, err := s.publish(ctx, c, &b.Publish[i], now)
			if err != nil {
				return err
			}
			done.Published[i] = p
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (s *Store) publish(ctx context.Context, c *conn, p *delivery.Publication, now time.Time) (delivery.Published, error) {
	e := &p.Event
	if p.IdempotencyKey != "" {
		r, err := c.one(ctx, "SELECT hash, event_id FROM idempotency WHERE key = ?", p.IdempotencyKey)
		if err != nil {
			return delivery.Published{}, err
		}
		if r != nil {
			same := bytes.Equal(r.blob(0), p.BodyHash[:])
			return delivery.Published{EventID: r.text(1), Replayed: same, Conflict: !same}, nil
		}
	}
	to, err := s.targets(ctx, p)
	if err != nil {
		return delivery.Published{}, err
	}
	seq, first := s.next.event, s.next.delivery
	if err := s.note(ctx, c, seq, e, to); err != nil {
		return delivery.Published{}, err
	}
	s.next.event++
	s.next.delivery += int64(len(to))
	if _, err := c.exec(ctx, "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		seq, e.ID, e.Type, e.RobotID, e.RunID, milli(e.At), first, int64(len(to)), flag(e.Operational), e.TraceParent, blob(e.Body), e.Source.Text()); err != nil {
		return delivery.Published{}, err
	}
	if p.SetAside != nil {
		if err := setAside(ctx, c, p.SetAside); err != nil {
			return delivery.Published{}, err
		}
	}
	if p.IdempotencyKey != "" {
		if _, err := c.exec(ctx, "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)",
			p.IdempotencyKey, p.BodyHash[:], seq, e.ID, milli(now)); err != nil {
			return delivery.Published{}, err
		}
	}
	done := delivery.Published{EventID: e.ID}
	if len(to) > 0 {
		done.Deliveries = make([]delivery.Ref, len(to))
	}
	for i, t := range to {
		ref := delivery.Ref{ID: first + int64(i), EndpointID: t.ID, Ordered: t.Ordered, State: delivery.Held}
		state := int64(held)
		if t.active() {
			ref.State, state = delivery.Pending, pending
		}
		if _, err := c.exec(ctx, "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, '')",
			ref.ID, seq, t.num, state, flag(t.Ordered), milli(now), milli(now)); err != nil {
			return delivery.Published{}, err
		}
		if state == pending && s.deliver {
			ref.Owned = true
			if ref.Epoch = s.owned[t.ID]; ref.Epoch == 0 {
				claim, err := s.own(ctx, c, t)
				if err != nil {
					return delivery.Published{}, err
				}
				ref.Epoch, ref.Claim = claim.Epoch, &claim
			}
		}
		done.Deliveries[i] = ref
	}
	return done, nil
}

// blob is never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// targets returns the endpoints that get an event.
func (s *Store) targets(ctx context.Context, p *delivery.Publication) ([]*endpoint, error) {
	if p.EndpointID != "" {
		e, err := s.lookup(ctx, p.EndpointID)
		if errors.Is(err, delivery.ErrNotFound) || err == nil && e.deleted {
			return nil, nil
		}
		return []*endpoint{e}, err
	}
	robot := p.Event.RobotID
	if p.Event.Operational {
		robot = "" // the operator's
	} else if robot == "" {
		return nil, nil
	}
	all, err := s.routes(ctx, robot)
	if err != nil {
		return nil, err
	}
	for i, e := range all {
		if e.Gets(p.Event.Type) {
			continue
		}
		some := slices.Clone(all[:i])
		for _, e := range all[i+1:] {
			if e.Gets(p.Event.Type) {
				some = append(some, e)
			}
		}
		return some, nil
	}
	return all, nil
}

// attemptsEach is how many attempts of a delivery have a key.
const attemptsEach = 1 << 16

func (s *Store) outcome(ctx context.Context, c *conn, o *delivery.Outcome, late bool, now time.Time) error {
	a := &o.Attempt
	if late {
		// It counts for nothing, and is written if the delivery still exists.
		n, err := c.num(ctx, "SELECT count(*) FROM deliveries WHERE id = ?", a.DeliveryID)
		if err != nil || n == 0 {
			return err
		}
		return s.attempt(ctx, c, a, true)
	}
	state, err := stateNumber(o.State)
	if err != nil {
		return err
	}
	at, reason := milli(now), ""
	switch {
	case state == pending:
		at = milli(now.Add(o.Delay + time.Millisecond - 1))
	case o.State.Finished():
		reason = o.Reason
	}
	// One that was held meanwhile stays so until it is finished.
	n, err := c.exec(ctx, `UPDATE deliveries SET attempts = ?2, round = ?3, reason = ?4,
		at = iif(state = 1 AND ?5 <= 1, at, ?6), state = iif(state = 1 AND ?5 = 0, 1, ?5)
		WHERE id = ?1 AND state IN (0, 1) AND attempts < ?2`,
		a.DeliveryID, int64(a.N), int64(o.Round), reason, state, at)
	if err != nil {
		return err
	}
	if n == 0 {
		// It was cancelled, erased, or this was written before.
		n, err = c.exec(ctx, "UPDATE deliveries SET attempts = max(attempts, ?2) WHERE id = ?1", a.DeliveryID, int64(a.N))
		if err != nil || n == 0 {
			return err
		}
	}
	return s.attempt(ctx, c, a, false)
}

func (s *Store) attempt(ctx context.Context, c *conn, a *delivery.Attempt, late bool) error {
	key := a.DeliveryID*attemptsEach + int64(min(a.N, attemptsEach-1))
	const insert = "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	for {
		n, err := c.exec(ctx, insert,
			key, int64(a.N), a.At.UnixMicro(), a.Outcome, int64(a.Status), int64(a.Duration), flag(late), a.Node, []byte(a.Detail))
		if err != nil || n > 0 {
			return err
		}
		// It was written before, or a late attempt has its number.
		n, err = c.num(ctx, "SELECT count(*) FROM attempts WHERE id >= ? AND id < ? AND n = ? AND at = ? AND node = ? AND outcome = ?",
			a.DeliveryID*attemptsEach, (a.DeliveryID+1)*attemptsEach, int64(a.N), a.At.UnixMicro(), a.Node, a.Outcome)
		if err != nil || n > 0 {
			return err
		}
		last, err := c.num(ctx, "SELECT max(id) FROM attempts WHERE id >= ? AND id < ?",
			a.DeliveryID*attemptsEach, (a.DeliveryID+1)*attemptsEach)
		if err != nil {
			return err
		}
		if last+1 == (a.DeliveryID+1)*attemptsEach {
			return nil // no place for the 65,536th attempt
		}
		key = last + 1
	}
}

func (s *Store) setHealth(ctx context.Context, c *conn, h delivery.HealthChange) error {
	e, err := s.lookup(ctx, h.EndpointID)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?, ?)",
		e.num, int64(h.Health.Failures), milli(h.Health.FailingSince), milli(h.Health.NotBefore), int64(h.Health.Opened), flag(h.Health.Told))
	return err
}

func (s *Store) disable(ctx context.Context, c *conn, d delivery.Disabling, now time.Time) (bool, error) {
	e, err := s.lookup(ctx, d.EndpointID)
	if errors.Is(err, delivery.ErrNotFound) || err == nil && !e.active() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	changed := e.Endpoint
	changed.State, changed.DisabledReason, changed.DisabledAt = delivery.Disabled, d.Reason, now
	if err := s.replace(ctx, c, e, changed, now); err != nil {
		return false, err
	}
	return true, audit(ctx, c, now, delivery.Audit{
		Actor: "service", Action: "endpoint.disable", Subject: e.ID, RobotID: e.RobotID,
		Changes: []byte(`{"state":["active","disabled"]}`),
	})
}

// Claim looks at endpoints from where the last call stopped.
func (s *Store) Claim(ctx context.Context, most int) (claims []delivery.Claim, err error) {
	after := s.unclaimed.Swap(-1)
	if after < 0 || most <= 0 {
		s.unclaimed.CompareAndSwap(-1, after)
		return nil, nil
	}
	defer func() {
		if err != nil {
			s.unclaimed.Store(0)
		}
	}()
	for len(claims) < most {
		var nums []int64
		if err := s.work(ctx, func(c *conn) error {
			nums, err = withWork(ctx, c, after, 100)
			return err
		}); err != nil {
			return nil, err
		}
		if len(nums) == 0 {
			return claims, nil
		}
		if err := s.write(ctx, func(c *conn) error {
			if !s.deliver {
				after = nums[len(nums)-1]
				return nil
			}
			for _, num := range nums {
				if len(claims) == most {
					return nil
				}
				after = num
				id, err := c.one(ctx, "SELECT id FROM endpoints WHERE num = ?", num)
				if err != nil {
					return err
				}
				e, err := s.lookup(ctx, id.text(0))
				if err != nil {
					return err
				}
				if !e.active() || s.owned[e.ID] != 0 {
					continue
				}
				claim, err := s.own(ctx, c, e)
				if err != nil {
					return err
				}
				claims = append(claims, claim)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	s.unclaimed.CompareAndSwap(-1, after)
	return claims, nil
}

// withWork returns up to limit endpoints after one that have deliveries pending.
func withWork(ctx context.Context, c *conn, after int64, limit int) (nums []int64, err error) {
	for len(nums) < limit {
		r, err := c.one(ctx, `SELECT min(n) FROM (
			SELECT min(endpoint) n FROM deliveries WHERE state = 0 AND ordered = 0 AND endpoint > ?1 UNION ALL
			SELECT min(endpoint) FROM deliveries WHERE state = 0 AND ordered = 1 AND endpoint > ?1)`, after)
		if err != nil {
			return nil, err
		}
		if r[0] == nil {
			break
		}
		after = r.int(0)
		nums = append(nums, after)
	}
	return nums, nil
}

const taskColumns = deliveryColumns + ", e.seq, e.at, e.body, e.trace, e.operational, e.source"

func (s *Store) Due(ctx context.Context, q delivery.DueQuery) (delivery.DueResult, error) {
	var result delivery.DueResult
	e, err := s.look(ctx, q.EndpointID)
	if err != nil || !e.active() || q.Limit <= 0 {
		return result, err
	}
	now := milli(s.now())
	size := 0
	each := func(r row) error {
		if body := len(r.blob(deliveryWidth + 2)); len(result.Deliveries) == q.Limit || size > 0 && size+body > q.MaxBytes {
			result.More = true
			return errStop
		} else {
			size += body
		}
		d, err := r.delivery()
		result.Deliveries = append(result.Deliveries, delivery.Task{Delivery: d, Event: delivery.Event{
			ID: d.EventID, Type: d.EventType, RobotID: d.RobotID, RunID: d.RunID,
			Seq: r.int(deliveryWidth), At: r.milli(deliveryWidth + 1), Body: r.blob(deliveryWidth + 2),
			TraceParent: r.text(deliveryWidth + 3), Operational: r.bool(deliveryWidth + 4), Source: delivery.ParseSource(r.text(deliveryWidth + 5)),
		}})
		return err
	}
	err = s.work(ctx, func(c *conn) error {
		ctx := context.WithoutCancel(ctx)
		if q.Ordered {
			return c.query(ctx, each, "SELECT "+taskColumns+` FROM deliveries d INDEXED BY deliveries_ordered `+deliveryJoins+`
				WHERE d.endpoint = ? AND d.state = 0 AND d.ordered = 1 AND d.id > ? ORDER BY d.id LIMIT ?`,
				e.num, q.After, int64(q.Limit)+1)
		}
		if err := c.query(ctx, each, "SELECT "+taskColumns+` FROM deliveries d INDEXED BY deliveries_due `+deliveryJoins+`
			WHERE d.endpoint = ? AND d.state = 0 AND d.ordered = 0 AND d.at BETWEEN ? AND ? ORDER BY d.at, d.id LIMIT ?`,
			e.num, milli(q.From), now, int64(q.Limit)+1); err != nil || result.More {
			return err
		}
		next, err := c.num(ctx, `SELECT min(at) FROM deliveries INDEXED BY deliveries_due
			WHERE endpoint = ? AND state = 0 AND ordered = 0 AND at > ?`, e.num, max(now, milli(q.From)-1))
		result.NextDue = fromMilli(next)
		return err
	})
	return result, err
}

func (s *Store) Peek(ctx context.Context, from map[string]time.Time) (map[string]time.Time, error) {
	found := map[string]time.Time{}
	nums := make(map[string]int64, len(from))
	for id := range from {
		e, err := s.look(ctx, id)
		if errors.Is(err, delivery.ErrNotFound) || err == nil && !e.active() {
			continue
		}
		if err != nil {
			return nil, err
		}
		nums[id] = e.num
	}
	err := s.work(ctx, func(c *conn) error {
		ctx := context.WithoutCancel(ctx)
		for id, num := range nums {
			ordered, err := c.one(ctx, `SELECT 1 FROM deliveries INDEXED BY deliveries_ordered
				WHERE endpoint = ? AND state = 0 AND ordered = 1 LIMIT 1`, num)
			if err != nil {
				return err
			}
			if ordered != nil {
				found[id] = time.Time{}
				continue
			}
			at, err := c.num(ctx, `SELECT min(at) FROM deliveries INDEXED BY deliveries_due
				WHERE endpoint = ? AND state = 0 AND ordered = 0 AND at > ?`, num, milli(from[id]))
			if err != nil {
				return err
			}
			if at != 0 {
				found[id] = fromMilli(at)
			}
		}
		return nil
	})
	return found, err
}

// Hints is nil: there are no other nodes.
func (s *Store) Hints() <-chan string { return nil }

// Ingest has nothing to take: a platform's own transactions are those of another
// database.
func (s *Store) Ingest(context.Context, int, func([]delivery.Outboxed) delivery.Judged) (int, *delivery.Committed, error) {
	return 0, nil, nil
}
