package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) AddActivity(ctx context.Context, tallies []delivery.Tally) error {
	if len(tallies) > 0 {
		if err := s.write(ctx, func(c *conn) error {
			for i := range tallies {
				if err := s.addTally(ctx, c, &tallies[i]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return s.noteRobots(ctx)
}

func (s *Store) addTally(ctx context.Context, c *conn, t *delivery.Tally) error {
	e, err := s.lookup(ctx, t.EndpointID)
	if errors.Is(err, delivery.ErrNotFound) || err == nil && e.deleted {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := c.exec(ctx, `INSERT INTO activity_hours VALUES (?, ?, ?, ?) ON CONFLICT (endpoint, hour)
		DO UPDATE SET succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed`,
		e.num, milli(t.Hour), t.Succeeded, t.Failed); err != nil {
		return err
	}
	_, err = c.exec(ctx, `INSERT INTO activity VALUES (?, ?, ?) ON CONFLICT (endpoint)
		DO UPDATE SET last_success = max(last_success, excluded.last_success), last_attempt = max(last_attempt, excluded.last_attempt)`,
		e.num, milli(t.LastSuccess), milli(t.LastAttempt))
	return err
}

// unnoted are the robots of events that are not noted in robots yet, each with the
// number and the time of the last event.
const unnoted = "SELECT robot, max(seq), at FROM events WHERE seq >= (SELECT noted FROM counters) AND operational = 0 GROUP BY robot"

// noteMost is how many robots one transaction notes, so that nobody waits for long.
const noteMost = 500

// noteRobots notes the robots of the events that came since the last call.
func (s *Store) noteRobots(ctx context.Context) error {
	var end int64
	var last []int64
	if err := s.read(ctx, func(ctx context.Context, c *conn) error {
		// Not after the other query: what comes between the two is noted again.
		r, err := c.one(ctx, "SELECT (SELECT max(seq) + 1 FROM events), noted FROM counters")
		if err != nil || r.int(0) <= r.int(1) {
			return err
		}
		end = r.int(0)
		return c.query(ctx, func(r row) error {
			last = append(last, r.int(1))
			return nil
		}, unnoted)
	}); err != nil || end == 0 {
		return err
	}
	for done := false; !done; {
		batch := last[:min(noteMost, len(last))]
		last = last[len(batch):]
		done = len(last) == 0
		if err := s.write(ctx, func(c *conn) error {
			for _, seq := range batch {
				// From the event, as it may have been erased meanwhile.
				if _, err := c.exec(ctx, `INSERT INTO robots SELECT robot, seq FROM events WHERE seq = ?
					ON CONFLICT (id) DO UPDATE SET event = max(event, excluded.event)`, seq); err != nil {
					return err
				}
			}
			if !done {
				return nil
			}
			_, err := c.exec(ctx, "UPDATE counters SET noted = max(noted, ?)", end)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) Activity(ctx context.Context, endpoints []string) (map[string]delivery.Activity, error) {
	found := make(map[string]delivery.Activity, len(endpoints))
	now := s.now()
	err := s.read(ctx, func(ctx context.Context, c *conn) error {
		for _, id := range endpoints {
			r, err := c.one(ctx, activityOf, id, int64(delivery.CountMost))
			if err != nil {
				return err
			}
			if r == nil {
				continue
			}
			a := delivery.Activity{
				Waiting: min(r.int(1)+r.int(2), delivery.CountMost), Held: r.int(3), LastSuccess: r.milli(4), LastAttempt: r.milli(5),
			}
			if err := c.query(ctx, func(r row) error {
				a.Hours.Add(now, r.milli(0), delivery.Counts{Succeeded: r.int(1), Failed: r.int(2)})
				return nil
			}, hoursOf, r.int(0), milli(a.Hours.Since(now))); err != nil {
				return err
			}
			if a.Health, err = health(ctx, c, r.int(0)); err != nil {
				return err
			}
			found[id] = a
		}
		return nil
	})
	return found, err
}

const (
	activityOf = `SELECT p.num,
		(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE endpoint = p.num AND state = 0 AND ordered = 0 LIMIT ?2)),
		(SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE endpoint = p.num AND state = 0 AND ordered = 1 LIMIT ?2)),
		(SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_held_by WHERE endpoint = p.num AND state = 1 LIMIT ?2)),
		a.last_success, a.last_attempt
		FROM endpoints p LEFT JOIN activity a ON a.endpoint = p.num WHERE p.id = ?1 AND p.deleted = 0`
	hoursOf   = "SELECT hour, succeeded, failed FROM activity_hours WHERE endpoint = ? AND hour >= ?"
	nextRobot = `SELECT min(id) FROM (
		SELECT (SELECT robot FROM endpoints WHERE deleted = 0 AND robot > ?1 ORDER BY robot LIMIT 1) AS id
		UNION ALL SELECT (SELECT r.id FROM robots r CROSS JOIN events e ON e.seq = r.event WHERE r.id > ?1 ORDER BY r.id LIMIT 1))`
	robotOf = `SELECT (SELECT count(*) FROM endpoints WHERE deleted = 0 AND robot = ?1),
		(SELECT e.at FROM robots r CROSS JOIN events e ON e.seq = r.event WHERE r.id = ?1)`
	robotHours = `SELECT h.hour, sum(h.succeeded), sum(h.failed) FROM endpoints p CROSS JOIN activity_hours h ON h.endpoint = p.num
		WHERE p.deleted = 0 AND p.robot = ? AND h.hour >= ? GROUP BY h.hour`
)

func (s *Store) Robots(ctx context.Context, f delivery.RobotFilter) (page []delivery.Robot, err error) {
	now := s.now()
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		// Before robots: what is noted meanwhile is found in both, and not in neither.
		fresh := map[string]time.Time{}
		if err := c.query(ctx, func(r row) error {
			fresh[r.text(0)] = r.milli(2)
			return nil
		}, unnoted); err != nil {
			return err
		}
		add := func(id string) error {
			r, err := c.one(ctx, robotOf, id)
			if err != nil {
				return err
			}
			robot := delivery.Robot{ID: id, Endpoints: r.int(0), LastEvent: r.milli(1)}
			if at := fresh[id]; at.After(robot.LastEvent) {
				robot.LastEvent = at
			}
			if err := c.query(ctx, func(r row) error {
				robot.Hours.Add(now, r.milli(0), delivery.Counts{Succeeded: r.int(1), Failed: r.int(2)})
				return nil
			}, robotHours, id, milli(robot.Hours.Since(now))); err != nil {
				return err
			}
			page = append(page, robot)
			return nil
		}
		if f.RobotID != "" {
			return add(f.RobotID)
		}
		ids := slices.Sorted(maps.Keys(fresh))
		for after := f.After; f.Limit <= 0 || len(page) < f.Limit; {
			r, err := c.one(ctx, nextRobot, after)
			if err != nil {
				return err
			}
			next := r.text(0)
			for len(ids) > 0 && ids[0] <= after {
				ids = ids[1:]
			}
			if len(ids) > 0 && (next == "" || ids[0] < next) {
				next = ids[0]
			}
			if next == "" {
				return nil
			}
			if err := add(next); err != nil {
				return err
			}
			after = next
		}
		return nil
	})
	return page, err
}
