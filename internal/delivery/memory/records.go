package memory

import (
	"bytes"
	"cmp"
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
		s.db.endpoints[ep.ID] = &endpoint{Endpoint: ep, open: map[int64]*row{}, hours: map[time.Time]delivery.Counts{}}
		s.db.audit(a, now)
		return nil
	})
	return ep, err
}

// change finds an endpoint that is to be changed.
func (s *Store) change(id string, version int64) (*endpoint, error) {
	e := s.db.endpoints[id]
	switch {
	case e == nil || e.deleted:
		return nil, delivery.ErrNotFound
	case version != e.Version:
		return nil, delivery.ErrVersion
	}
	return e, nil
}

// changed tells other nodes that an endpoint was changed.
func (s *Store) changed(id string) {
	for _, n := range s.db.nodes {
		if n != s.node {
			n.changed[id] = true
		}
	}
	s.db.hint(s.node, id)
}

func (s *Store) UpdateEndpoint(_ context.Context, ep delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	err := s.locked(func(now time.Time) error {
		e, err := s.change(ep.ID, ep.Version)
		if err != nil {
			return err
		}
		ep.RobotID = e.RobotID
		if s.db.taken(&ep) {
			return delivery.ErrURLTaken
		}
		ep.Version, ep.CreatedAt, ep.UpdatedAt = e.Version+1, e.CreatedAt, now
		e.Endpoint = ep
		s.changed(ep.ID)
		s.db.audit(a, now)
		return nil
	})
	return ep, err
}

func (s *Store) DeleteEndpoint(_ context.Context, id string, version int64, a delivery.Audit) error {
	return s.locked(func(now time.Time) error {
		if e := s.db.endpoints[id]; version == 0 && e != nil {
			version = e.Version
		}
		e, err := s.change(id, version)
		if err != nil {
			return err
		}
		e.deleted, e.Sealed, e.health, e.hours = true, nil, delivery.Health{}, nil
		s.changed(id)
		s.db.audit(a, now)
		return nil
	})
}

func (s *Store) Health(_ context.Context, id string) (h delivery.Health, err error) {
	err = s.locked(func(time.Time) error {
		e := s.db.endpoints[id]
		if e == nil || e.deleted {
			return delivery.ErrNotFound
		}
		h = e.health
		return nil
	})
	return h, err
}

func (s *Store) Tokens(context.Context) (all []delivery.Token, err error) {
	err = s.locked(func(time.Time) error {
		all = slices.Clone(s.db.tokens)
		slices.SortStableFunc(all, func(a, b delivery.Token) int { return a.CreatedAt.Compare(b.CreatedAt) })
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
		if t.CreatedAt.IsZero() {
			t.CreatedAt = now
		}
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

func (s *Store) AddCapture(_ context.Context, c delivery.Capture, keep int, maxBytes int64) error {
	return s.locked(func(now time.Time) error {
		c.ID, c.At = s.db.number(), now
		s.db.captures = append(s.db.captures, c)
		left, bytes := 0, int64(0)
		for i := len(s.db.captures) - 1; i >= 0; i-- {
			old := s.db.captures[i]
			if old.Inspector != c.Inspector {
				continue
			}
			left++
			bytes += int64(len(old.Request))
			if left > 1 && (left > keep || bytes > maxBytes) {
				s.db.captures = slices.Delete(s.db.captures, i, i+1)
			}
		}
		return nil
	})
}

func (s *Store) Captures(_ context.Context, inspector string, p delivery.Page) (some []delivery.Capture, err error) {
	err = s.locked(func(time.Time) error {
		all := slices.DeleteFunc(slices.Clone(s.db.captures), func(c delivery.Capture) bool { return c.Inspector != inspector })
		some = page(all, p, func(c delivery.Capture) int64 { return c.ID })
		for i := range some {
			some[i].Request = nil
		}
		return nil
	})
	return some, err
}

func (s *Store) Capture(_ context.Context, inspector string, id int64) (c delivery.Capture, err error) {
	err = s.locked(func(time.Time) error {
		i := slices.IndexFunc(s.db.captures, func(c delivery.Capture) bool { return c.Inspector == inspector && c.ID == id })
		if i < 0 {
			return delivery.ErrNotFound
		}
		c = s.db.captures[i]
		return nil
	})
	return c, err
}

func (s *Store) ClearCaptures(_ context.Context, inspector string) error {
	return s.locked(func(time.Time) error {
		s.db.captures = slices.DeleteFunc(s.db.captures, func(c delivery.Capture) bool { return c.Inspector == inspector })
		return nil
	})
}

func (s *Store) Event(_ context.Context, id string) (e delivery.Event, err error) {
	err = s.locked(func(time.Time) error {
		found := s.db.events[id]
		if found == nil {
			return delivery.ErrNotFound
		}
		e = found.Event
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
				one := e.Event
				one.Body, one.Source = nil, delivery.Source{}
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
		all = slices.Clone(s.db.attempts[id])
		slices.SortStableFunc(all, func(a, b delivery.Attempt) int { return cmp.Compare(a.N, b.N) })
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

func (s *Store) Retry(_ context.Context, id int64, a delivery.Audit) (d delivery.Delivery, err error) {
	err = s.locked(func(now time.Time) error {
		r := s.db.deliveries[id]
		if r == nil {
			return delivery.ErrNotFound
		}
		e := s.db.endpoints[r.EndpointID]
		if !e.active() {
			return delivery.ErrState
		}
		r.Round = 0
		s.db.become(r, delivery.Pending, "", now)
		s.db.hint(s.node, e.ID)
		s.db.audit(a, now)
		d = r.Delivery
		return nil
	})
	return d, err
}

func (s *Store) Cancel(_ context.Context, id int64, reason string, a delivery.Audit) (d delivery.Delivery, err error) {
	err = s.locked(func(now time.Time) error {
		r := s.db.deliveries[id]
		switch {
		case r == nil:
			return delivery.ErrNotFound
		case r.State.Finished():
			return delivery.ErrState
		}
		s.db.become(r, delivery.Cancelled, reason, now)
		s.db.hint(s.node, r.EndpointID)
		s.db.audit(a, now)
		d = r.Delivery
		return nil
	})
	return d, err
}

func (s *Store) CreateJob(_ context.Context, j delivery.Job, a delivery.Audit) (delivery.Job, error) {
	err := s.locked(func(now time.Time) error {
		switch j.Kind {
		case delivery.Recover:
			e := s.db.endpoints[j.EndpointID]
			if e == nil {
				return delivery.ErrNotFound
			}
			if !e.active() {
				return delivery.ErrState
			}
			j.RobotID = e.RobotID
		case delivery.Erase:
			if j.RobotID == "" && j.RunID == "" {
				return errors.New("a job to erase needs a robot or a run")
			}
		}
		for _, other := range s.db.jobs {
			if other.FinishedAt.IsZero() && other.Kind == j.Kind && j.EndpointID != "" && other.EndpointID == j.EndpointID {
				return delivery.ErrState
			}
		}
		j.ID, j.CreatedAt, j.FinishedAt = s.db.number(), now, time.Time{}
		j.Done, j.Cursor, j.Total = 0, 0, int64(len(s.db.recoverable(&j))+len(s.db.erasable(&j)))
		stored := j
		s.db.jobs = append(s.db.jobs, &stored)
		s.db.audit(a, now)
		return nil
	})
	if err != nil {
		return delivery.Job{}, err
	}
	return j, nil
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
		deliveries, events := s.db.recoverable(j), s.db.erasable(j)
		over := len(deliveries)+len(events) <= limit
		for _, r := range deliveries[:min(limit, len(deliveries))] {
			r.Round, j.Cursor = 0, r.ID
			s.db.become(r, delivery.Pending, "", now)
			s.db.hint(s.node, j.EndpointID)
			j.Done++
		}
		for _, e := range events[:min(limit, len(events))] {
			s.db.erase(e)
			j.Done++
		}
		j.Total = max(j.Total, j.Done)
		if over && j.Kind == delivery.Erase {
			s.db.setAside = slices.DeleteFunc(s.db.setAside, func(a delivery.SetAside) bool {
				return (j.RobotID == "" || a.RobotID == j.RobotID) && (j.RunID == "" || a.RunID == j.RunID)
			})
		}
		if over {
			j.FinishedAt = now
		}
		done = *j
		if over {
			j.RunID = "" // of what is erased, the job keeps nothing either
		}
		return nil
	})
	return done, err
}

// recoverable returns the deliveries that a job to recover has yet to make pending.
func (db *DB) recoverable(j *delivery.Job) (rows []*row) {
	if j.Kind != delivery.Recover || !db.endpoints[j.EndpointID].active() {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(db.deliveries)) {
		r := db.deliveries[id]
		again := r.State == delivery.Held || r.State == delivery.Exhausted || r.State == delivery.Expired
		if r.EndpointID == j.EndpointID && again && !r.CreatedAt.Before(j.Since) && r.ID > j.Cursor {
			rows = append(rows, r)
		}
	}
	return rows
}

// erasable returns the events that a job to erase has yet to remove.
func (db *DB) erasable(j *delivery.Job) (events []*event) {
	for _, e := range db.bySeq {
		if j.Kind == delivery.Erase && (j.RobotID == "" || e.RobotID == j.RobotID) && (j.RunID == "" || e.RunID == j.RunID) {
			events = append(events, e)
		}
	}
	return events
}

// erase removes an event, and all that there is of it.
func (db *DB) erase(e *event) {
	for _, r := range slices.Clone(e.deliveries) {
		db.drop(r)
	}
	db.forget(e)
	maps.DeleteFunc(db.keys, func(_ string, k key) bool { return k.eventID == e.ID })
}

// drop removes a delivery.
func (db *DB) drop(r *row) {
	delete(db.endpoints[r.EndpointID].open, r.ID)
	delete(db.deliveries, r.ID)
	delete(db.attempts, r.ID)
	r.event.deliveries = slices.DeleteFunc(r.event.deliveries, func(other *row) bool { return other == r })
}

// forget removes an event that has no deliveries.
func (db *DB) forget(e *event) {
	delete(db.events, e.ID)
	db.bySeq = slices.DeleteFunc(db.bySeq, func(other *event) bool { return other == e })
}

func (s *Store) Settle(ctx context.Context, limit int) (n int, err error) {
	err = s.do(ctx, "Settle", func(now time.Time) error {
		for _, e := range s.db.endpoints {
			for _, r := range e.open {
				switch {
				case n == limit:
				case e.deleted:
					s.db.become(r, delivery.Cancelled, "The endpoint was deleted.", now)
					n++
				case e.State != delivery.Active && r.State == delivery.Pending:
					s.db.become(r, delivery.Held, "", now)
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
		// goes counts what is to go.
		goes := func(yes bool) bool {
			if !yes || n >= limit {
				return false
			}
			n++
			return true
		}
		old := func(at time.Time, d time.Duration) bool { return d > 0 && at.Before(now.Add(-d)) }
		for _, r := range s.db.deliveries {
			if goes(r.State == delivery.Held && old(r.since, keep.Held)) {
				s.db.become(r, delivery.Expired, "It was held for longer than held deliveries are kept.", now)
			}
		}
		s.db.audits = slices.DeleteFunc(s.db.audits, func(a delivery.Audit) bool { return goes(old(a.At, keep.Audit)) })
		maps.DeleteFunc(s.db.keys, func(_ string, k key) bool { return goes(old(k.at, keep.Idempotency)) })
		s.db.captures = slices.DeleteFunc(s.db.captures, func(c delivery.Capture) bool { return goes(old(c.At, keep.Expired)) })
		s.db.tokens = slices.DeleteFunc(s.db.tokens, func(t delivery.Token) bool {
			return goes(!t.ExpiresAt.IsZero() && old(t.ExpiresAt, keep.Expired))
		})
		s.db.setAside = slices.DeleteFunc(s.db.setAside, func(a delivery.SetAside) bool { return goes(old(a.At, keep.Finished)) })
		s.db.jobs = slices.DeleteFunc(s.db.jobs, func(j *delivery.Job) bool {
			return goes(!j.FinishedAt.IsZero() && old(j.FinishedAt, keep.Finished))
		})
		for _, e := range s.db.endpoints {
			maps.DeleteFunc(e.hours, func(hour time.Time, _ delivery.Counts) bool { return goes(old(hour, delivery.KeepHours)) })
		}
		full := func() bool { return keep.MaxBytes > 0 && s.db.bytes() > keep.MaxBytes }
		for _, e := range slices.Clone(s.db.bySeq) {
			had := len(e.deliveries) > 0
			for _, r := range slices.Clone(e.deliveries) {
				if goes(r.State.Finished() && (old(r.FinishedAt, keep.Finished) || full())) {
					s.db.drop(r)
				}
			}
			if len(e.deliveries) == 0 && (had || goes(old(e.At, keep.Finished) || full())) {
				s.db.forget(e)
			}
		}
		return nil
	})
	return n, err
}

// bytes is about what a database on a disk would take.
func (db *DB) bytes() int64 {
	n := 4096 + 100*len(db.deliveries)
	for _, e := range db.bySeq {
		n += 100 + len(e.Body)
	}
	for _, of := range db.attempts {
		for _, a := range of {
			n += 100 + len(a.Detail)
		}
	}
	return int64(n)
}

func (s *Store) Stats(ctx context.Context) (stats delivery.Stats, err error) {
	err = s.do(ctx, "Stats", func(now time.Time) error {
		stats = delivery.Stats{
			Now: now, Endpoints: map[delivery.EndpointState]int64{}, Outboxed: int64(len(s.db.outbox)),
			SetAside: int64(len(s.db.setAside)), Bytes: s.db.bytes(),
		}
		for _, n := range s.db.nodes {
			if n.deliver && now.Before(n.ends) {
				stats.Nodes++
			}
		}
		for _, e := range s.db.endpoints {
			if !e.deleted {
				stats.Endpoints[e.State]++
			}
			for _, r := range e.open {
				if r.State == delivery.Held {
					stats.Held++
				} else {
					stats.Pending++
				}
			}
			// Of ordered deliveries, only the first may be attempted.
			next := append(e.pending(false), e.pending(true)[:min(1, len(e.pending(true)))]...)
			for _, r := range next {
				due := !r.DueAt.After(now) && !e.health.NotBefore.After(now)
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
