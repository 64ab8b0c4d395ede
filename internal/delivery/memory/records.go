package memory

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) locked(f func(now time.Time) error) error {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	return f(s.db.now())
}

// page bounds a list that is sorted from the oldest to the newest.
func page[T any](all []T, p delivery.Page, number func(T) int64) []T {
	var some []T
	for _, one := range slices.Backward(all) {
		if p.Limit > 0 && len(some) == p.Limit {
			break
		}
		if p.Before == 0 || number(one) < p.Before {
			some = append(some, one)
		}
	}
	return some
}

func (s *Store) Endpoint(ctx context.Context, id string) (ep delivery.Endpoint, err error) {
	err = s.do(ctx, "Endpoint", func(time.Time) error {
		e := s.db.endpoints[id]
		if e == nil || e.deleted {
			return delivery.ErrNotFound
		}
		ep = e.Endpoint
		return nil
	})
	return ep, err
}

func (s *Store) Endpoints(_ context.Context, f delivery.EndpointFilter) (all []delivery.Endpoint, err error) {
	err = s.locked(func(time.Time) error {
		for _, id := range slices.Sorted(maps.Keys(s.db.endpoints)) {
			e := s.db.endpoints[id]
			switch {
			case e.deleted, f.RobotID != "" && e.RobotID != f.RobotID, f.Operator && e.RobotID != "":
			case f.State != "" && e.State != f.State, id <= f.After, f.Limit > 0 && len(all) == f.Limit:
			default:
				all = append(all, e.Endpoint)
			}
		}
		return nil
	})
	return all, err
}

// taken says that another endpoint of the robot has the URL.
func (db *DB) taken(ep *delivery.Endpoint) bool {
	for _, e := range db.endpoints {
		if !e.deleted && e.ID != ep.ID && e.RobotID == ep.RobotID && e.URL == ep.URL {
			return true
		}
	}
	return false
}

func (db *DB) audit(a delivery.Audit, now time.Time) {
	a.Seq, a.At = db.number(), now
	db.audits = append(db.audits, a)
}

func (s *Store) CreateEndpoint(_ context.Context, ep delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	err := s.locked(func(now time.Time) error {
		if s.db.taken(&ep) {
			return delivery.ErrURLTaken
		}
		ep.Version, ep.CreatedAt, ep.UpdatedAt = 1, now, now
		s.db.endpoints[ep.ID] = &endpoint{Endpoint: ep, open: map[int64]*row{}}
		s.db.audit(a, now)
		return nil
	})
	return ep, err
}

// change finds an endpoint that is to be changed, and tells other nodes.
func (s *Store) change(id string, version int64) (*endpoint, error) {
	e := s.db.endpoints[id]
	switch {
	case e == nil || e.deleted:
		return nil, delivery.ErrNotFound
	case version != 0 && version != e.Version:
		return nil, delivery.ErrVersion
	}
	for _, n := range s.db.nodes {
		if n != s.node {
			n.changed[id] = true
		}
	}
	return e, nil
}

func (s *Store) UpdateEndpoint(_ context.Context, ep delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	err := s.locked(func(now time.Time) error {
		e, err := s.change(ep.ID, ep.Version)
		if err != nil {
			return err
		}
		if s.db.taken(&ep) {
			return delivery.ErrURLTaken
		}
		ep.Version, ep.CreatedAt, ep.UpdatedAt = e.Version+1, e.CreatedAt, now
		e.Endpoint = ep
		s.db.audit(a, now)
		return nil
	})
	return ep, err
}

func (s *Store) DeleteEndpoint(_ context.Context, id string, version int64, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		e, err := s.change(id, version)
		if err != nil {
			return err
		}
		e.deleted = true
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) Health(_ context.Context, id string) (h delivery.Health, err error) {
	err = s.locked(func(time.Time) error {
		if e := s.db.endpoints[id]; e != nil {
			h = e.health
		}
		return nil
	})
	return h, err
}

func (s *Store) Tokens(context.Context) (all []delivery.Token, err error) {
	err = s.locked(func(time.Time) error {
		all = slices.Clone(s.db.tokens)
		return nil
	})
	return all, err
}

func (s *Store) TokenByHash(_ context.Context, hash [32]byte) (t delivery.Token, err error) {
	err = s.locked(func(now time.Time) error {
		i := slices.IndexFunc(s.db.tokens, func(t delivery.Token) bool {
			return t.Hash == hash && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
		})
		if i < 0 {
			return delivery.ErrNotFound
		}
		t = s.db.tokens[i]
		return nil
	})
	return t, err
}

func (s *Store) CreateToken(_ context.Context, t delivery.Token, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		t.CreatedAt = now
		s.db.tokens = append(s.db.tokens, t)
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) DeleteToken(_ context.Context, id string, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		is := func(t delivery.Token) bool { return t.ID == id }
		if !slices.ContainsFunc(s.db.tokens, is) {
			return delivery.ErrNotFound
		}
		s.db.tokens = slices.DeleteFunc(s.db.tokens, is)
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) Audits(_ context.Context, f delivery.AuditFilter, p delivery.Page) (some []delivery.Audit, err error) {
	err = s.locked(func(time.Time) error {
		all := slices.DeleteFunc(slices.Clone(s.db.audits), func(a delivery.Audit) bool {
			return f.Subject != "" && a.Subject != f.Subject || f.RobotID != "" && a.RobotID != f.RobotID || f.Actor != "" && a.Actor != f.Actor
		})
		some = page(all, p, func(a delivery.Audit) int64 { return a.Seq })
		return nil
	})
	return some, err
}

func (s *Store) Event(_ context.Context, id string) (e delivery.Event, err error) {
	err = s.locked(func(time.Time) error {
		found := s.db.events[id]
		if found == nil {
			return delivery.ErrNotFound
		}
		e = *found
		e.Body = bytes.Clone(e.Body)
		return nil
	})
	return e, err
}

func (s *Store) Events(_ context.Context, f delivery.EventFilter, p delivery.Page) (some []delivery.Event, err error) {
	err = s.locked(func(time.Time) error {
		var all []delivery.Event
		for _, e := range s.db.bySeq {
			if (f.RobotID == "" || e.RobotID == f.RobotID) && (f.RunID == "" || e.RunID == f.RunID) &&
				(f.Type == "" || e.Type == f.Type) && within(e.At, f.From, f.To) {
				one := *e
				one.Body = nil
				all = append(all, one)
			}
		}
		some = page(all, p, func(e delivery.Event) int64 { return e.Seq })
		return nil
	})
	return some, err
}

func within(t, from, to time.Time) bool {
	return !t.Before(from) && (to.IsZero() || t.Before(to))
}

func (s *Store) Delivery(_ context.Context, id int64) (d delivery.Delivery, err error) {
	err = s.locked(func(time.Time) error {
		r := s.db.deliveries[id]
		if r == nil {
			return delivery.ErrNotFound
		}
		d = r.Delivery
		return nil
	})
	return d, err
}

func (s *Store) Deliveries(_ context.Context, f delivery.DeliveryFilter, p delivery.Page) (some []delivery.Delivery, err error) {
	err = s.locked(func(time.Time) error {
		var all []delivery.Delivery
		for _, id := range slices.Sorted(maps.Keys(s.db.deliveries)) {
			d := &s.db.deliveries[id].Delivery
			switch {
			case f.RobotID != "" && d.RobotID != f.RobotID, f.EndpointID != "" && d.EndpointID != f.EndpointID:
			case f.RunID != "" && d.RunID != f.RunID, f.EventID != "" && d.EventID != f.EventID:
			case f.EventType != "" && d.EventType != f.EventType, f.State != "" && d.State != f.State:
			case !within(d.CreatedAt, f.From, f.To):
			default:
				all = append(all, *d)
			}
		}
		some = page(all, p, func(d delivery.Delivery) int64 { return d.ID })
		return nil
	})
	return some, err
}

func (s *Store) Attempts(_ context.Context, id int64) (all []delivery.Attempt, err error) {
	err = s.locked(func(time.Time) error {
		if s.db.deliveries[id] == nil {
			return delivery.ErrNotFound
		}
		all = slices.Clone(s.db.attempts[id])
		return nil
	})
	return all, err
}

func (s *Store) SetAsides(_ context.Context, p delivery.Page) (some []delivery.SetAside, err error) {
	err = s.locked(func(time.Time) error {
		some = page(s.db.setAside, p, func(a delivery.SetAside) int64 { return a.ID })
		return nil
	})
	return some, err
}

func (s *Store) Retry(_ context.Context, id int64) (d delivery.Delivery, err error) {
	err = s.locked(func(now time.Time) error {
		r := s.db.deliveries[id]
		if r == nil {
			return delivery.ErrNotFound
		}
		e := s.db.endpoints[r.EndpointID]
		if e.deleted || e.State != delivery.Active {
			return delivery.ErrState
		}
		r.Round, r.Reason = 0, ""
		s.db.become(r, delivery.Pending, now)
		s.db.hint(s.node, e.ID)
		d = r.Delivery
		return nil
	})
	return d, err
}

func (s *Store) Cancel(_ context.Context, id int64, reason string) (d delivery.Delivery, err error) {
	err = s.locked(func(now time.Time) error {
		r := s.db.deliveries[id]
		switch {
		case r == nil:
			return delivery.ErrNotFound
		case r.State.Finished():
			return delivery.ErrState
		}
		r.Reason = reason
		s.db.become(r, delivery.Cancelled, now)
		d = r.Delivery
		return nil
	})
	return d, err
}

func (s *Store) CreateJob(_ context.Context, j delivery.Job) (delivery.Job, error) {
	err := s.locked(func(now time.Time) error {
		for _, other := range s.db.jobs {
			if other.FinishedAt.IsZero() && other.Kind == j.Kind && j.EndpointID != "" && other.EndpointID == j.EndpointID {
				return delivery.ErrState
			}
		}
		if e := s.db.endpoints[j.EndpointID]; j.Kind == delivery.Recover && (e == nil || e.deleted) {
			return delivery.ErrNotFound
		} else if j.Kind == delivery.Recover && e.State != delivery.Active {
			return delivery.ErrState
		}
		for _, r := range s.db.deliveries {
			if s.db.concerns(&j, r) {
				j.Total++
			}
		}
		j.ID, j.CreatedAt = s.db.number(), now
		stored := j
		s.db.jobs = append(s.db.jobs, &stored)
		return nil
	})
	return j, err
}

func (s *Store) Job(_ context.Context, id int64) (j delivery.Job, err error) {
	err = s.locked(func(time.Time) error {
		i := slices.IndexFunc(s.db.jobs, func(j *delivery.Job) bool { return j.ID == id })
		if i < 0 {
			return delivery.ErrNotFound
		}
		j = *s.db.jobs[i]
		return nil
	})
	return j, err
}

func (s *Store) WorkOn(ctx context.Context, limit int) (done delivery.Job, err error) {
	err = s.do(ctx, "WorkOn", func(now time.Time) error {
		i := slices.IndexFunc(s.db.jobs, func(j *delivery.Job) bool { return j.FinishedAt.IsZero() })
		if i < 0 {
			return delivery.ErrNotFound
		}
		j := s.db.jobs[i]
		n := 0
		for _, id := range slices.Sorted(maps.Keys(s.db.deliveries)) {
			if r := s.db.deliveries[id]; n < limit && s.db.step(j, r, now) {
				n++
			}
		}
		j.Done += int64(n)
		j.Total = max(j.Total, j.Done)
		if n < limit {
			j.FinishedAt = now
			if j.Kind == delivery.Erase {
				s.db.erase(j)
			}
		}
		if j.EndpointID != "" {
			s.db.hint(s.node, j.EndpointID)
		}
		done = *j
		return nil
	})
	return done, err
}

// concerns says whether a job is about a delivery.
func (db *DB) concerns(j *delivery.Job, r *row) bool {
	if j.Kind == delivery.Erase {
		return erases(j, r.event)
	}
	again := r.State == delivery.Held || r.State == delivery.Exhausted || r.State == delivery.Expired
	return again && r.EndpointID == j.EndpointID && !r.CreatedAt.Before(j.Since)
}

// step does for one delivery what a job is for, if anything.
func (db *DB) step(j *delivery.Job, r *row, now time.Time) bool {
	e := db.endpoints[r.EndpointID]
	if !db.concerns(j, r) {
		return false
	}
	switch {
	case j.Kind == delivery.Erase:
		delete(e.open, r.ID)
		delete(db.deliveries, r.ID)
		delete(db.attempts, r.ID)
	case e.State != delivery.Active || e.deleted:
		return false
	default:
		r.Round, r.Reason = 0, ""
		db.become(r, delivery.Pending, now)
	}
	return true
}

func erases(j *delivery.Job, e *delivery.Event) bool {
	return e.RobotID == j.RobotID && (j.RunID == "" || e.RunID == j.RunID)
}

func (db *DB) erase(j *delivery.Job) {
	db.bySeq = slices.DeleteFunc(db.bySeq, func(e *delivery.Event) bool { return erases(j, e) })
	maps.DeleteFunc(db.events, func(_ string, e *delivery.Event) bool { return erases(j, e) })
	maps.DeleteFunc(db.keys, func(_ string, k key) bool { return db.events[k.eventID] == nil })
}

func (s *Store) Settle(ctx context.Context, limit int) (n int, err error) {
	err = s.do(ctx, "Settle", func(now time.Time) error {
		for _, e := range s.db.endpoints {
			for _, r := range e.open {
				switch {
				case n == limit:
				case e.deleted:
					r.Reason = "The endpoint was deleted."
					s.db.become(r, delivery.Cancelled, now)
					n++
				case e.State != delivery.Active && r.State == delivery.Pending:
					s.db.become(r, delivery.Held, now)
					n++
				}
			}
		}
		return nil
	})
	return n, err
}

func (s *Store) Retain(ctx context.Context, keep delivery.Retention, limit int) (n int, err error) {
	err = s.do(ctx, "Retain", func(now time.Time) error {
		old := func(at time.Time, d time.Duration) bool { return d > 0 && now.Sub(at) > d && n < limit }
		tooMuch := s.db.bytes() - keep.MaxBytes
		for _, id := range slices.Sorted(maps.Keys(s.db.deliveries)) {
			r := s.db.deliveries[id]
			excess := keep.MaxBytes > 0 && tooMuch > 0 && n < limit
			switch {
			case r.State.Finished() && (excess || old(r.FinishedAt, keep.Finished)):
				tooMuch -= int64(len(r.event.Body))
				delete(s.db.deliveries, id)
				delete(s.db.attempts, id)
				n++
			case r.State == delivery.Held && old(r.CreatedAt, keep.Held):
				r.Reason = "It was held for longer than held deliveries are kept."
				s.db.become(r, delivery.Expired, now)
				n++
			}
		}
		s.db.audits = slices.DeleteFunc(s.db.audits, func(a delivery.Audit) bool { return old(a.At, keep.Audit) })
		maps.DeleteFunc(s.db.keys, func(_ string, k key) bool { return old(k.at, keep.Idempotency) })
		s.db.bySeq = slices.DeleteFunc(s.db.bySeq, func(e *delivery.Event) bool {
			gone := (old(e.At, keep.Finished) || keep.MaxBytes > 0) && !s.db.delivers(e)
			if gone {
				delete(s.db.events, e.ID)
			}
			return gone
		})
		return nil
	})
	return n, err
}

// bytes is the size of the bodies.
func (db *DB) bytes() (n int64) {
	for _, e := range db.bySeq {
		n += int64(len(e.Body))
	}
	return n
}

// delivers says that an event has deliveries.
func (db *DB) delivers(e *delivery.Event) bool {
	for _, r := range db.deliveries {
		if r.event == e {
			return true
		}
	}
	return false
}

func (s *Store) Stats(ctx context.Context) (stats delivery.Stats, err error) {
	err = s.do(ctx, "Stats", func(now time.Time) error {
		stats = delivery.Stats{
			Now: now, Endpoints: map[delivery.EndpointState]int64{}, Outboxed: int64(len(s.db.outbox)),
			SetAside: int64(len(s.db.setAside)), Nodes: len(s.db.nodes), Bytes: s.db.bytes(),
		}
		for _, e := range s.db.endpoints {
			if e.deleted {
				continue
			}
			stats.Endpoints[e.State]++
			for _, r := range e.open {
				if r.State == delivery.Held {
					stats.Held++
					continue
				}
				stats.Pending++
				due := e.State == delivery.Active && !r.DueAt.After(now) && !e.health.NotBefore.After(now)
				if due && (stats.OldestDue.IsZero() || r.DueAt.Before(stats.OldestDue)) {
					stats.OldestDue = r.DueAt
				}
			}
		}
		return nil
	})
	return stats, err
}

func (s *Store) Backup(context.Context, string) error {
	return errors.New("what is in memory can't be backed up")
}
