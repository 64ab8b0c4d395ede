package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// step bounds how long upkeep keeps others from writing.
const step = 10 * time.Millisecond

// A stint is over when a step has done what it may.
type stint struct {
	rows  int
	until time.Time
}

func newStint(limit int) *stint { return &stint{limit, time.Now().Add(step)} }

func (s *stint) over() bool { return s.rows <= 0 || time.Now().After(s.until) }

// retained is how far Retain has looked.
type retained struct {
	cursor int64     // the last delivery
	pass   time.Time // when the last pass over all deliveries ended
}

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
		s.unclaimed.Store(0)
	}
	return false, nil
}

// erased is the condition for the events of a job.
func erased(j delivery.Job) (string, []any, error) {
	switch {
	case j.RobotID != "" && j.RunID != "":
		return "robot = ? AND run = ?", []any{j.RobotID, j.RunID}, nil
	case j.RunID != "":
		return "run = ?", []any{j.RunID}, nil
	case j.RobotID != "":
		return "robot = ?", []any{j.RobotID}, nil
	}
	return "", nil, errors.New("a job to erase needs a robot or a run")
}

func (s *Store) erase(ctx context.Context, c *conn, j *delivery.Job, t *stint) (done bool, err error) {
	of, args, err := erased(*j)
	if err != nil {
		return false, err
	}
	// What is erased is overwritten, too.
	if err := c.pragma(ctx, "PRAGMA secure_delete = ON"); err != nil {
		return false, err
	}
	defer func() {
		err = errors.Join(err, c.pragma(ctx, "PRAGMA secure_delete = OFF"), s.keepNumbers(ctx, c))
	}()
	for !t.over() {
		r, err := c.one(ctx, "SELECT seq, first, made FROM events WHERE "+of+" ORDER BY seq LIMIT 1", args...)
		if err != nil {
			return false, err
		}
		if r == nil {
			return true, nil
		}
		seq, first, end := r.int(0), r.int(1), r.int(1)+r.int(2)
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
				return false, err
			}
			t.rows -= int(n)
		}
		j.Done++
		j.Total = max(j.Total, j.Done)
	}
	return false, nil
}

// keepNumbers makes sure that no number is given again when its row is gone.
func (s *Store) keepNumbers(ctx context.Context, c *conn) error {
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
	return 0, nil
}

func (s *Store) Stats(ctx context.Context) (delivery.Stats, error) {
	return delivery.Stats{Now: s.now()}, nil
}

func (s *Store) Backup(ctx context.Context, file string) error {
	return errors.New("not yet")
}

var _ delivery.Store = (*Store)(nil)
