package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

const (
	deliveryColumns = "d.id, e.id, e.type, p.id, e.robot, e.run, d.state, d.ordered, d.attempts, d.round, d.at, d.created, d.reason"
	deliveryWidth   = 13
	deliveryJoins   = "JOIN events e ON e.seq = d.event JOIN endpoints p ON p.num = d.endpoint"
)

func (r row) delivery() (delivery.Delivery, error) {
	d := delivery.Delivery{
		ID: r.int(0), EventID: r.text(1), EventType: r.text(2), EndpointID: r.text(3), RobotID: r.text(4), RunID: r.text(5),
		State: states[r.int(6)], Ordered: r.bool(7), Attempts: int(r.int(8)), Round: int(r.int(9)),
		CreatedAt: r.milli(11), Reason: r.text(12),
	}
	switch {
	case d.State == delivery.Pending:
		d.DueAt = r.milli(10)
	case d.State.Finished():
		d.FinishedAt = r.milli(10)
	}
	return d, nil
}

const eventColumns = "e.seq, e.id, e.type, e.robot, e.run, e.at, e.trace, e.operational"

func (r row) event() delivery.Event {
	return delivery.Event{
		Seq: r.int(0), ID: r.text(1), Type: r.text(2), RobotID: r.text(3), RunID: r.text(4),
		At: r.milli(5), TraceParent: r.text(6), Operational: r.bool(7),
	}
}

func (s *Store) Event(ctx context.Context, id string) (e delivery.Event, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		if err := search(ctx, c, key{"ids", hash(id)}, 0, math.MaxInt64, func(first, before int64) error {
			r, err := c.one(ctx, "SELECT "+eventColumns+", e.body, e.source FROM events e WHERE seq >= ? AND seq < ? AND id = ?", first, before, id)
			if err != nil || r == nil {
				return err
			}
			e = r.event()
			e.Body, e.Source = r.blob(8), delivery.ParseSource(r.text(9))
			return errStop
		}); err != nil {
			return err
		}
		if e.ID == "" {
			return delivery.ErrNotFound
		}
		return nil
	})
	return e, err
}

// A where collects further conditions of a query. Which there can be is bounded, and
// so are the texts.
type where struct {
	text string
	args []any
}

func (w *where) and(condition string, args ...any) {
	w.text += " AND " + condition
	w.args = append(w.args, args...)
}

// with returns the arguments of the query, of which two come before these.
func (w *where) with(first, before, limit int64) []any {
	return append(append([]any{first, before}, w.args...), limit)
}

// enough is errStop if a page is full.
func enough(n int, p delivery.Page) error {
	if p.Limit > 0 && n >= p.Limit {
		return errStop
	}
	return nil
}

func ignoreStop(err error) error {
	if err == errStop {
		return nil
	}
	return err
}

func (s *Store) Events(ctx context.Context, f delivery.EventFilter, p delivery.Page) (found []delivery.Event, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		from, before, err := bounds(ctx, c, "events", f.From, f.To, p.Before)
		if err != nil {
			return err
		}
		var w where
		if f.RobotID != "" {
			w.and("e.robot = ?", f.RobotID)
		}
		if f.RunID != "" {
			w.and("e.run = ?", f.RunID)
		}
		if f.Type != "" {
			w.and("e.type = ?", f.Type)
		}
		if !f.From.IsZero() {
			w.and("e.at >= ?", milli(f.From))
		}
		if !f.To.IsZero() {
			w.and("e.at < ?", milli(f.To))
		}
		each := func(first, before int64) error {
			if err := c.query(ctx, func(r row) error {
				found = append(found, r.event())
				return nil
			}, "SELECT "+eventColumns+" FROM events e WHERE e.seq >= ? AND e.seq < ?"+w.text+" ORDER BY e.seq DESC LIMIT ?",
				w.with(first, before, limit(p.Limit-len(found)))...); err != nil {
				return err
			}
			return enough(len(found), p)
		}
		switch {
		case f.RunID != "":
			return search(ctx, c, key{"runs", hash(f.RunID)}, from, before, each)
		case f.RobotID != "":
			return search(ctx, c, key{"robots", hash(f.RobotID)}, from, before, each)
		}
		return ignoreStop(each(from, before))
	})
	return found, err
}

// bounds returns between which numbers the rows of a time are, and before that of a
// page. Rows are numbered in the order of their times, but for a little.
func bounds(ctx context.Context, c *conn, table string, from, to time.Time, page int64) (first, before int64, err error) {
	const little = time.Minute
	before = math.MaxInt64
	if page > 0 {
		before = page
	}
	if !from.IsZero() {
		if first, err = numberAt(ctx, c, table, from.Add(-little)); err != nil {
			return 0, 0, err
		}
	}
	if !to.IsZero() {
		n, err := numberAt(ctx, c, table, to.Add(little))
		if err != nil {
			return 0, 0, err
		}
		before = min(before, n)
	}
	return first, before, nil
}

// numberAt returns a number such that the rows before it are older than at.
func numberAt(ctx context.Context, c *conn, table string, at time.Time) (int64, error) {
	last, next := "SELECT max(id) FROM deliveries", "SELECT id, created FROM deliveries WHERE id >= ? ORDER BY id LIMIT 1"
	if table == "events" {
		last, next = "SELECT max(seq) FROM events", "SELECT seq, at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1"
	}
	high, err := c.num(ctx, last)
	if err != nil {
		return 0, err
	}
	low := int64(0)
	high++
	for low < high {
		middle := low + (high-low)/2
		r, err := c.one(ctx, next, middle)
		if err != nil {
			return 0, err
		}
		if r == nil || r.int(1) >= milli(at) {
			high = middle
		} else {
			low = r.int(0) + 1
		}
	}
	return low, nil
}

func (s *Store) Delivery(ctx context.Context, id int64) (d delivery.Delivery, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		d, err = deliveryBy(ctx, c, id)
		return err
	})
	return d, err
}

func deliveryBy(ctx context.Context, c *conn, id int64) (d delivery.Delivery, err error) {
	r, err := c.one(ctx, "SELECT "+deliveryColumns+" FROM deliveries d "+deliveryJoins+" WHERE d.id = ?", id)
	if err != nil {
		return d, err
	}
	if r == nil {
		return d, delivery.ErrNotFound
	}
	return r.delivery()
}

func (s *Store) Deliveries(ctx context.Context, f delivery.DeliveryFilter, p delivery.Page) (found []delivery.Delivery, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		from, before, err := bounds(ctx, c, "deliveries", f.From, f.To, p.Before)
		if err != nil {
			return err
		}
		var w where
		if f.RobotID != "" {
			w.and("e.robot = ?", f.RobotID)
		}
		if f.RunID != "" {
			w.and("e.run = ?", f.RunID)
		}
		if f.EventID != "" {
			w.and("e.id = ?", f.EventID)
		}
		if f.EventType != "" {
			w.and("e.type = ?", f.EventType)
		}
		if f.EndpointID != "" {
			w.and("d.endpoint = (SELECT num FROM endpoints WHERE id = ?)", f.EndpointID)
		}
		if f.State != "" {
			state, err := stateNumber(f.State)
			if err != nil {
				return nil // nothing is in it
			}
			w.and("d.state = ?", state)
		}
		if !f.From.IsZero() {
			w.and("d.created >= ?", milli(f.From))
		}
		if !f.To.IsZero() {
			w.and("d.created < ?", milli(f.To))
		}
		each := func(text string, first, before int64) error {
			if err := c.query(ctx, func(r row) error {
				d, err := r.delivery()
				found = append(found, d)
				return err
			}, text, w.with(first, before, limit(p.Limit-len(found)))...); err != nil {
				return err
			}
			return enough(len(found), p)
		}
		byNumber := "SELECT " + deliveryColumns + " FROM deliveries d " + deliveryJoins + " WHERE d.id >= ? AND d.id < ?" + w.text + " ORDER BY d.id DESC LIMIT ?"
		if f.EndpointID == "" && f.RobotID == "" && f.RunID == "" && f.EventID == "" {
			return ignoreStop(each(byNumber, from, before))
		}
		// Deliveries have the order of their events, and are found from there.
		first, end, err := eventsOf(ctx, c, from, before)
		if err != nil {
			return err
		}
		if f.EndpointID != "" {
			num, err := c.num(ctx, "SELECT num FROM endpoints WHERE id = ?", f.EndpointID)
			if err != nil || num == 0 {
				return err
			}
			return search(ctx, c, key{"endpoints", uint32(num)}, first, end, func(first, end int64) error {
				first, end, err := deliveriesOf(ctx, c, first, end)
				if err != nil {
					return err
				}
				return each(byNumber, max(from, first), min(before, end))
			})
		}
		k := key{"robots", hash(f.RobotID)}
		if f.EventID != "" {
			k = key{"ids", hash(f.EventID)}
		} else if f.RunID != "" {
			k = key{"runs", hash(f.RunID)}
		}
		// By +, SQLite begins at the event's deliveries, and not at these bounds.
		w.and("+d.id >= ? AND +d.id < ?", from, before)
		byEvent := "SELECT " + deliveryColumns + ` FROM events e CROSS JOIN deliveries d ON d.id >= e.first AND d.id < e.first + e.made
			JOIN endpoints p ON p.num = d.endpoint WHERE e.seq >= ? AND e.seq < ?` + w.text + " ORDER BY e.seq DESC, d.id DESC LIMIT ?"
		return search(ctx, c, k, first, end, func(first, end int64) error { return each(byEvent, first, end) })
	})
	return found, err
}

// eventsOf returns between which numbers the events of deliveries are.
func eventsOf(ctx context.Context, c *conn, first, before int64) (firstEvent, beforeEvent int64, err error) {
	r, err := c.one(ctx, `SELECT (SELECT event FROM deliveries WHERE id >= ? ORDER BY id LIMIT 1),
		(SELECT event + 1 FROM deliveries WHERE id < ? ORDER BY id DESC LIMIT 1)`, first, before)
	if err != nil || r[0] == nil || r[1] == nil {
		return 0, 0, err
	}
	return r.int(0), r.int(1), nil
}

// deliveriesOf returns between which numbers the deliveries of events are.
func deliveriesOf(ctx context.Context, c *conn, first, before int64) (firstDelivery, beforeDelivery int64, err error) {
	r, err := c.one(ctx, `SELECT (SELECT first FROM events WHERE seq >= ? ORDER BY seq LIMIT 1),
		(SELECT first + made FROM events WHERE seq < ? ORDER BY seq DESC LIMIT 1)`, first, before)
	if err != nil {
		return 0, 0, err
	}
	return r.int(0), r.int(1), nil
}

func (s *Store) Attempts(ctx context.Context, id int64) (found []delivery.Attempt, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, delivery.Attempt{
				DeliveryID: id, N: int(r.int(0)), At: time.UnixMicro(r.int(1)).UTC(), Outcome: r.text(2), Status: int(r.int(3)),
				Duration: time.Duration(r.int(4)), Late: r.bool(5), Node: r.text(6), Detail: r.blob(7),
			})
			return nil
		}, "SELECT n, at, outcome, status, duration, late, node, detail FROM attempts WHERE id >= ? AND id < ? ORDER BY n, id",
			id*attemptsEach, (id+1)*attemptsEach)
	})
	return found, err
}

func (s *Store) Retry(ctx context.Context, id int64, a delivery.Audit) (d delivery.Delivery, err error) {
	err = s.write(ctx, func(c *conn) error {
		if d, err = deliveryBy(ctx, c, id); err != nil {
			return err
		}
		e, err := s.lookup(ctx, d.EndpointID)
		if err != nil {
			return err
		}
		if !e.active() {
			return delivery.ErrState
		}
		if _, err := c.exec(ctx, "UPDATE deliveries SET state = 0, at = ?, round = 0, reason = '' WHERE id = ?", milli(s.now()), id); err != nil {
			return err
		}
		s.freed = true
		if err := audit(ctx, c, s.now(), a); err != nil {
			return err
		}
		d, err = deliveryBy(ctx, c, id)
		return err
	})
	return d, err
}

func (s *Store) Cancel(ctx context.Context, id int64, reason string, a delivery.Audit) (d delivery.Delivery, err error) {
	err = s.write(ctx, func(c *conn) error {
		if d, err = deliveryBy(ctx, c, id); err != nil {
			return err
		}
		if d.State.Finished() {
			return delivery.ErrState
		}
		if _, err := c.exec(ctx, "UPDATE deliveries SET state = 4, at = ?, reason = ? WHERE id = ?", milli(s.now()), reason, id); err != nil {
			return err
		}
		if err := audit(ctx, c, s.now(), a); err != nil {
			return err
		}
		d, err = deliveryBy(ctx, c, id)
		return err
	})
	return d, err
}

const jobColumns = "id, kind, endpoint, since, robot, run, done, total, created, finished, cursor"

func (r row) job() delivery.Job {
	return delivery.Job{
		ID: r.int(0), Kind: delivery.JobKind(r.text(1)), EndpointID: r.text(2), Since: r.milli(3), RobotID: r.text(4), RunID: r.text(5),
		Done: r.int(6), Total: r.int(7), CreatedAt: r.milli(8), FinishedAt: r.milli(9), Cursor: r.int(10),
	}
}

func (s *Store) CreateJob(ctx context.Context, j delivery.Job, a delivery.Audit) (delivery.Job, error) {
	j.Total, j.Done, j.Cursor = 0, 0, 0
	if j.Kind == delivery.Erase {
		if err := s.read(ctx, func(ctx context.Context, c *conn) (err error) {
			j.Total, err = countErased(ctx, c, j)
			return err
		}); err != nil {
			return delivery.Job{}, err
		}
	}
	err := s.write(ctx, func(c *conn) error {
		if j.Kind == delivery.Recover {
			e, err := s.lookup(ctx, j.EndpointID)
			if err != nil {
				return err
			}
			if !e.active() {
				return delivery.ErrState
			}
			j.RobotID = e.RobotID
			if j.Total, err = c.num(ctx, "SELECT count(*) FROM deliveries WHERE endpoint = ? AND state IN (1, 3, 5) AND created >= ?", e.num, milli(j.Since)); err != nil {
				return err
			}
		}
		j.CreatedAt, j.FinishedAt = fromMilli(milli(s.now())), time.Time{}
		if _, err := c.exec(ctx, "INSERT INTO jobs VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			string(j.Kind), j.EndpointID, milli(j.Since), j.RobotID, j.RunID, j.Done, j.Total, milli(j.CreatedAt), milli(j.FinishedAt), j.Cursor); err != nil {
			if urlTaken(err) == delivery.ErrURLTaken { // another unique index
				return delivery.ErrState
			}
			return err
		}
		id, err := c.num(ctx, "SELECT last_insert_rowid()")
		if err != nil {
			return err
		}
		j.ID = id
		return audit(ctx, c, s.now(), a)
	})
	if err != nil {
		return delivery.Job{}, err
	}
	return j, nil
}

func (s *Store) Job(ctx context.Context, id int64) (j delivery.Job, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		r, err := c.one(ctx, "SELECT "+jobColumns+" FROM jobs WHERE id = ?", id)
		if err != nil {
			return err
		}
		if r == nil {
			return delivery.ErrNotFound
		}
		j = r.job()
		return nil
	})
	return j, err
}
