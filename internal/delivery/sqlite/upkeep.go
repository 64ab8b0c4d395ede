package sqlite

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// step bounds how long upkeep keeps others from writing.
const step = 10 * time.Millisecond

// A stint is over when a step has done what it may. However slow the machine is, it
// isn't over when it is asked for the first time, so that each step gets on.
type stint struct {
	rows  int
	until time.Time
	begun bool
}

func newStint(limit int) *stint { return &stint{rows: limit, until: time.Now().Add(step)} }

func (s *stint) over() bool {
	first := !s.begun
	s.begun = true
	return s.rows <= 0 || !first && time.Now().After(s.until)
}

// A pass looks for finished deliveries to remove.
type pass struct {
	cursor int64 // how far it is; 0 is not begun
	took   time.Duration
	ended  time.Time // the last
}

// restPasses is for how many times as long as a pass took there is none.
const restPasses = 20

func (s *Store) WorkOn(ctx context.Context, limit int) (j delivery.Job, err error) {
	err = s.write(ctx, func(c *conn) error {
		r, err := c.one(ctx, "SELECT "+jobColumns+" FROM jobs WHERE finished = 0 ORDER BY id LIMIT 1")
		if err != nil {
			return err
		}
		if r == nil {
			return delivery.ErrNotFound
		}
		j = r.job()
		now := s.now()
		var done bool
		switch j.Kind {
		case delivery.Recover:
			done, err = s.recover(ctx, c, &j, now, newStint(limit))
		case delivery.Erase:
			done, err = s.erase(ctx, c, &j, newStint(limit))
		}
		if err != nil {
			return err
		}
		stored := j
		if done {
			j.FinishedAt = fromMilli(milli(now))
			// Of what is erased, the job keeps nothing either.
			stored.RunID = ""
		}
		_, err = c.exec(ctx, "UPDATE jobs SET done = ?, total = ?, cursor = ?, finished = ?, run = ? WHERE id = ?",
			j.Done, j.Total, j.Cursor, milli(j.FinishedAt), stored.RunID, j.ID)
		return err
	})
	if err == nil && j.Kind == delivery.Erase && !j.FinishedAt.IsZero() {
		s.erased.Store(true)
		s.copySoon()
	}
	return j, err
}

// recover makes deliveries pending in the order of their numbers, each once.
func (s *Store) recover(ctx context.Context, c *conn, j *delivery.Job, now time.Time, t *stint) (done bool, err error) {
	e, err := s.lookup(ctx, j.EndpointID)
	if err != nil {
		return false, err
	}
	if !e.active() {
		return true, nil
	}
	for !t.over() {
		r, err := c.one(ctx, `SELECT id FROM deliveries INDEXED BY deliveries_recoverable
			WHERE endpoint = ? AND state IN (1, 3, 5) AND id > ? AND created >= ? ORDER BY id LIMIT 1`, e.num, j.Cursor, milli(j.Since))
		if err != nil {
			return false, err
		}
		if r == nil {
			return true, nil
		}
		j.Cursor = r.int(0)
		if _, err := c.exec(ctx, "UPDATE deliveries SET state = 0, at = ?, round = 0, reason = '' WHERE id = ?", milli(now), j.Cursor); err != nil {
			return false, err
		}
		j.Done++
		j.Total = max(j.Total, j.Done)
		t.rows--
		s.freed = true
	}
	return false, nil
}

// erased returns the blocks and the condition of the events of a job.
func erased(j delivery.Job) (key, string, []any, error) {
	switch {
	case j.RobotID != "" && j.RunID != "":
		return key{"runs", hash(j.RunID)}, "robot = ? AND run = ?", []any{j.RobotID, j.RunID}, nil
	case j.RunID != "":
		return key{"runs", hash(j.RunID)}, "run = ?", []any{j.RunID}, nil
	case j.RobotID != "":
		return key{"robots", hash(j.RobotID)}, "robot = ?", []any{j.RobotID}, nil
	}
	return key{}, "", nil, errors.New("a job to erase needs a robot or a run")
}

func countErased(ctx context.Context, c *conn, j delivery.Job) (n int64, err error) {
	k, of, args, err := erased(j)
	if err != nil {
		return 0, err
	}
	err = search(ctx, c, k, 0, math.MaxInt64, func(first, before int64) error {
		in, err := c.num(ctx, "SELECT count(*) FROM events WHERE "+of+" AND seq >= ? AND seq < ?", append(slices.Clone(args), first, before)...)
		n += in
		return err
	})
	return n, err
}

// erase goes from the newest events to the oldest. The cursor is before which number
// the rest is, and 0 at the start. So what comes after that stays.
func (s *Store) erase(ctx context.Context, c *conn, j *delivery.Job, t *stint) (done bool, err error) {
	k, of, args, err := erased(*j)
	if err != nil {
		return false, err
	}
	// What is erased is overwritten, too. What SQLite moved within a page before may
	// have left bytes in unused space, which backups don't have.
	if err := c.pragma(ctx, "PRAGMA secure_delete = ON"); err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, s.keepNumbers(ctx, c), c.pragma(ctx, "PRAGMA secure_delete = OFF"))
	}()
	if j.Cursor == 0 {
		j.Cursor = s.next.event
	}
	done = true
	err = search(ctx, c, k, 0, j.Cursor, func(first, before int64) error {
		for {
			if t.over() {
				done = false
				return errStop
			}
			r, err := c.one(ctx, "SELECT seq, first, made FROM events WHERE "+of+" AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT 1",
				append(slices.Clone(args), first, j.Cursor)...)
			if err != nil {
				return err
			}
			if r == nil {
				j.Cursor = first
				return nil
			}
			rows, err := eraseEvent(ctx, c, r.int(0), r.int(1), r.int(1)+r.int(2))
			if err != nil {
				return err
			}
			t.rows -= rows
			j.Cursor = r.int(0)
			j.Done++
			j.Total = max(j.Total, j.Done)
		}
	})
	if err == nil && done {
		_, err = c.exec(ctx, "DELETE FROM set_aside WHERE "+of, args...)
	}
	if err == nil && done && j.RobotID != "" {
		// It stays if it got another event meanwhile.
		_, err = c.exec(ctx, "DELETE FROM robots WHERE id = ? AND NOT EXISTS (SELECT 1 FROM events WHERE seq = event)", j.RobotID)
	}
	return done, err
}

// eraseEvent removes an event and its deliveries, from first on and before end.
func eraseEvent(ctx context.Context, c *conn, seq, first, end int64) (rows int, err error) {
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"DELETE FROM attempts WHERE id >= ? AND id < ?", []any{first * attemptsEach, end * attemptsEach}},
		{"DELETE FROM deliveries WHERE id >= ? AND id < ?", []any{first, end}},
		{"DELETE FROM idempotency WHERE event = ?", []any{seq}},
		{"DELETE FROM events WHERE seq = ?", []any{seq}},
	} {
		n, err := c.exec(ctx, q.sql, q.args...)
		if err != nil {
			return 0, err
		}
		rows += int(n)
	}
	return rows, nil
}

// keepNumbers makes sure that no number is given again when its row is gone.
// Digests of blocks without events go, and robots without, some at a time.
func (s *Store) keepNumbers(ctx context.Context, c *conn) error {
	if _, err := c.exec(ctx, "DELETE FROM blocks WHERE n < coalesce((SELECT min(seq) FROM events), ?) / 1024", s.next.event); err != nil {
		return err
	}
	if _, err := c.exec(ctx, `DELETE FROM robots WHERE id IN
		(SELECT id FROM robots WHERE event < coalesce((SELECT min(seq) FROM events), ?) ORDER BY event LIMIT 500)`, s.next.event); err != nil {
		return err
	}
	_, err := c.exec(ctx, "UPDATE counters SET event = ?, delivery = ? WHERE event <> ?1 OR delivery <> ?2", s.next.event, s.next.delivery)
	return err
}

func (s *Store) Settle(ctx context.Context, limit int) (n int, err error) {
	err = s.write(ctx, func(c *conn) error {
		n = 0
		now := milli(s.now())
		t := newStint(limit)
		for num := range s.unsettled {
			r, err := c.one(ctx, "SELECT deleted <> 0, state = 'active' FROM endpoints WHERE num = ?", num)
			if err != nil {
				return err
			}
			if r != nil && !(r.bool(1) && !r.bool(0)) {
				for _, q := range unfit(r.bool(0)) {
					for !t.over() {
						k, err := c.exec(ctx, q, num, now)
						if err != nil {
							return err
						}
						if k == 0 {
							break
						}
						n += int(k)
						t.rows -= int(k)
					}
				}
				if t.over() {
					return nil
				}
			}
			delete(s.unsettled, num)
			s.undo = append(s.undo, func() { s.unsettled[num] = true })
		}
		return nil
	})
	return n, err
}

// unfit are the statements that make deliveries fit to an endpoint that isn't active,
// some at a time.
func unfit(deleted bool) []string {
	if !deleted {
		return []string{
			"UPDATE deliveries SET state = 1, at = ?2 WHERE id IN (SELECT id FROM deliveries WHERE endpoint = ?1 AND state = 0 AND ordered = 0 LIMIT 50)",
			"UPDATE deliveries SET state = 1, at = ?2 WHERE id IN (SELECT id FROM deliveries WHERE endpoint = ?1 AND state = 0 AND ordered = 1 LIMIT 50)",
		}
	}
	const cancel = "UPDATE deliveries SET state = 4, at = ?2, reason = 'The endpoint was deleted.' WHERE id IN (SELECT id FROM deliveries WHERE endpoint = ?1 AND "
	return []string{
		cancel + "state = 0 AND ordered = 0 LIMIT 50)",
		cancel + "state = 0 AND ordered = 1 LIMIT 50)",
		cancel + "state IN (1, 3, 5) AND state = 1 LIMIT 50)",
	}
}

func (s *Store) Retain(ctx context.Context, r delivery.Retention, limit int) (int, error) {
	n, err := s.retainRest(ctx, r, limit)
	if err != nil || n > 0 {
		return n, err
	}
	now := s.now()
	var before time.Time
	full := false
	if r.Finished > 0 {
		before = now.Add(-r.Finished)
	}
	if r.MaxBytes > 0 {
		size, err := s.size(ctx)
		if err != nil {
			return 0, err
		}
		if full = size > r.MaxBytes; full {
			before = now.Add(time.Millisecond)
		}
	}
	if before.IsZero() {
		return 0, nil
	}
	if n, err = s.retainEvents(ctx, before, limit); err != nil || n > 0 {
		return n, err
	}
	if n, err = s.retainDeliveries(ctx, before, limit); err != nil || n > 0 || !full {
		return n, err
	}
	// Nothing else is left to make room with.
	err = s.write(ctx, func(c *conn) error {
		removed, err := c.exec(ctx, "DELETE FROM set_aside WHERE id IN (SELECT id FROM set_aside ORDER BY id LIMIT 1)")
		n = int(removed)
		return err
	})
	return n, err
}

// retainRest lets held deliveries expire, and removes entries of the audit log, keys,
// captures, expired tokens, what was set aside, jobs, and counts of attempts.
func (s *Store) retainRest(ctx context.Context, r delivery.Retention, limit int) (n int, err error) {
	err = s.write(ctx, func(c *conn) error {
		n = 0
		now := s.now()
		t := newStint(limit)
		for _, of := range []struct {
			keep time.Duration
			sql  string
		}{
			{r.Held, `UPDATE deliveries SET state = 5, at = ?2, reason = 'It was held for longer than held deliveries are kept.'
				WHERE id IN (SELECT id FROM deliveries INDEXED BY deliveries_held WHERE state = 1 AND at < ?1 ORDER BY at LIMIT 50)`},
			{r.Audit, "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit ORDER BY seq LIMIT 50) AND at < ?1"},
			{r.Idempotency, "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency ORDER BY event LIMIT 50) AND at < ?1"},
			{r.Expired, "DELETE FROM captures WHERE id IN (SELECT id FROM captures ORDER BY id LIMIT 50) AND at < ?1"},
			{r.Expired, "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE expires <> 0 AND expires < ?1 LIMIT 50)"},
			{delivery.KeepHours, `DELETE FROM activity_hours WHERE (endpoint, hour) IN
				(SELECT endpoint, hour FROM activity_hours WHERE hour < ?1 ORDER BY hour LIMIT 50)`},
			{r.Finished, "DELETE FROM set_aside WHERE id IN (SELECT id FROM set_aside ORDER BY id LIMIT 50) AND at < ?1"},
			{r.Finished, "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished <> 0 ORDER BY id LIMIT 50) AND finished < ?1"},
		} {
			for of.keep > 0 && !t.over() {
				k, err := c.exec(ctx, of.sql, milli(now.Add(-of.keep)), milli(now))
				if err != nil {
					return err
				}
				if k == 0 {
					break
				}
				n += int(k)
				t.rows -= int(k)
			}
		}
		return nil
	})
	return n, err
}

// retainEvents removes events that no endpoint got.
func (s *Store) retainEvents(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.write(ctx, func(c *conn) error {
		n = 0
		for t := newStint(limit); !t.over(); {
			k, err := c.exec(ctx, `DELETE FROM events WHERE seq IN
				(SELECT seq FROM events INDEXED BY events_undelivered WHERE made = 0 ORDER BY seq LIMIT 50) AND at < ?`, milli(before))
			if err != nil {
				return err
			}
			if k == 0 {
				break
			}
			n += int(k)
			t.rows -= int(k)
		}
		if n == 0 {
			return nil
		}
		return s.keepNumbers(ctx, c)
	})
	return n, err
}

// retainDeliveries removes finished deliveries, in the order of their numbers, with
// their attempts, and with their event if it has no other. What isn't finished is
// passed over. How long that takes says how soon it is done again.
func (s *Store) retainDeliveries(ctx context.Context, before time.Time, limit int) (n int, err error) {
	s.retaining.Lock()
	defer s.retaining.Unlock()
	p := &s.pass
	if p.cursor == 0 && time.Since(p.ended) < restPasses*p.took {
		return 0, nil
	}
	start := time.Now()
	var ids []int64
	if err := s.read(ctx, func(ctx context.Context, c *conn) error {
		end, err := numberAt(ctx, c, "deliveries", before.Add(time.Minute))
		if err != nil {
			return err
		}
		return c.query(ctx, func(r row) error {
			ids = append(ids, r.int(0))
			return nil
		}, "SELECT id FROM deliveries WHERE id > ? AND id < ? AND state > 1 AND at < ? ORDER BY id LIMIT ?", p.cursor, end, milli(before), int64(limit))
	}); err != nil {
		return 0, err
	}
	p.took += time.Since(start)
	cursor := p.cursor
	if len(ids) == 0 {
		cursor = 0
	}
	err = s.write(ctx, func(c *conn) error {
		n = 0
		for t := newStint(limit); len(ids) > 0 && !t.over(); ids = ids[1:] {
			k, err := remove(ctx, c, ids[0], before)
			if err != nil {
				return err
			}
			n += k
			t.rows -= k
			cursor = ids[0]
		}
		if n == 0 {
			return nil
		}
		return s.keepNumbers(ctx, c)
	})
	if err != nil {
		return 0, err
	}
	if p.cursor = cursor; cursor == 0 {
		p.ended = time.Now()
	} else if n > 0 {
		p.took = 0
	}
	return n, nil
}

// remove removes a delivery that is still finished, and returns how many rows.
func remove(ctx context.Context, c *conn, id int64, before time.Time) (n int, err error) {
	event, err := c.one(ctx, "DELETE FROM deliveries WHERE id = ? AND state > 1 AND at < ? RETURNING event", id, milli(before))
	if err != nil || event == nil {
		return 0, err
	}
	attempts, err := c.exec(ctx, "DELETE FROM attempts WHERE id >= ? AND id < ?", id*attemptsEach, (id+1)*attemptsEach)
	if err != nil {
		return 0, err
	}
	events, err := c.exec(ctx, `DELETE FROM events WHERE seq = ? AND NOT EXISTS
		(SELECT 1 FROM deliveries d WHERE d.id >= first AND d.id < first + made)`, event.int(0))
	return int(1 + attempts + events), err
}

// size is that of what is in the database. What was removed is free for what comes.
func (s *Store) size(ctx context.Context) (n int64, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		pages, err := c.num(ctx, "PRAGMA page_count")
		if err != nil {
			return err
		}
		free, err := c.num(ctx, "PRAGMA freelist_count")
		if err != nil {
			return err
		}
		each, err := c.num(ctx, "PRAGMA page_size")
		n = (pages - free) * each
		return err
	})
	return n, err
}

func (s *Store) Stats(ctx context.Context) (delivery.Stats, error) {
	stats := delivery.Stats{Now: s.now(), Endpoints: map[delivery.EndpointState]int64{}}
	size, err := s.size(ctx)
	if err != nil {
		return stats, err
	}
	stats.Bytes = size
	if err := s.write(ctx, func(*conn) error {
		if s.deliver {
			stats.Nodes = 1
		}
		return nil
	}); err != nil {
		return stats, err
	}
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		r, err := c.one(ctx, `SELECT
			(SELECT count(*) FROM deliveries WHERE state = 0 AND ordered = 0) + (SELECT count(*) FROM deliveries WHERE state = 0 AND ordered = 1),
			(SELECT count(*) FROM deliveries WHERE state = 1), (SELECT count(*) FROM set_aside)`)
		if err != nil {
			return err
		}
		stats.Pending, stats.Held, stats.SetAside = r.int(0), r.int(1), r.int(2)
		// The first of each endpoint that may be attempted.
		oldest, err := c.num(ctx, `SELECT min(at) FROM (
			SELECT (SELECT min(at) FROM deliveries WHERE endpoint = p.num AND state = 0 AND ordered = 0) at FROM endpoints p
				LEFT JOIN health h ON h.endpoint = p.num WHERE p.deleted = 0 AND p.state = 'active' AND coalesce(h.not_before, 0) <= ?1
			UNION ALL
			SELECT (SELECT at FROM deliveries WHERE endpoint = p.num AND state = 0 AND ordered = 1 ORDER BY id LIMIT 1) FROM endpoints p
				LEFT JOIN health h ON h.endpoint = p.num WHERE p.deleted = 0 AND p.state = 'active' AND coalesce(h.not_before, 0) <= ?1
			) WHERE at <= ?1`, milli(stats.Now))
		if err != nil {
			return err
		}
		stats.OldestDue = fromMilli(oldest)
		return c.query(ctx, func(r row) error {
			stats.Endpoints[delivery.EndpointState(r.text(0))] = r.int(1)
			return nil
		}, "SELECT state, count(*) FROM endpoints WHERE deleted = 0 GROUP BY state")
	})
	return stats, err
}

var _ delivery.Store = (*Store)(nil)
