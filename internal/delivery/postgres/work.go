package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Writers is how many commits at once were fastest.
func (s *Store) Writers() int { return 3 }

// blobs are an array of bytea. Of a [][]byte, pgx would encode each element by
// reflection.
type blobs = pgtype.FlatArray[[]byte]

// Commit is one round trip: what it sends is one pipeline, which the server carries
// out as one transaction.
func (s *Store) Commit(ctx context.Context, b *delivery.Batch) (*delivery.Committed, error) {
	for try := 0; ; try++ {
		done, err := s.commit(ctx, b)
		if err == nil {
			return done, nil
		}
		if again(err) && try < 5 {
			continue
		}
		var known *pgconn.PgError
		if !errors.As(err, &known) {
			s.doubt()
		}
		return nil, failed("commit", err)
	}
}

func (s *Store) commit(ctx context.Context, b *delivery.Batch) (*delivery.Committed, error) {
	ids := make(map[string]bool, len(b.Publish))
	for i := range b.Publish {
		id := b.Publish[i].Event.ID
		if ids[id] {
			return nil, fmt.Errorf("two events have the id %s", id)
		}
		ids[id] = true
	}
	done := &delivery.Committed{}
	batch := &pgx.Batch{}
	p := s.write(batch, b, done)
	batch.Queue("SELECT now()").QueryRow(func(r pgx.Row) error {
		err := r.Scan(&done.Now)
		done.Now = done.Now.UTC()
		return err
	})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return done, s.committed(ctx, b, p)
}

// A publishing is what there is to do when a batch is committed.
type publishing struct {
	owned []*delivery.Ref // by this node
	wakes []wake
}

// write queues a batch. Outcomes come first, so that an endpoint that is given up by
// a batch and gets an event by it is owned again.
func (s *Store) write(to *pgx.Batch, b *delivery.Batch, done *delivery.Committed) *publishing {
	node := s.node.Load()
	p := &publishing{}
	if len(b.Outcomes) > 0 {
		queueOutcomes(to, b.Outcomes, node, done)
	}
	if len(b.Health) > 0 {
		queueHealth(to, b.Health, node)
	}
	if len(b.Disable) > 0 {
		done.Disabled = make([]bool, len(b.Disable))
		for i, d := range b.Disable {
			to.Queue(`WITH d AS (
					UPDATE runhooks.endpoints SET state = 'disabled', disabled_reason = $2, disabled_at = now(), version = version + 1,
						updated_at = now(), changed = pg_current_xact_id(), changed_by = $3, settle_until = now() + `+unsettled+`
					WHERE id = $1 AND state = 'active' AND deleted_at IS NULL RETURNING id, robot_id
				)
				INSERT INTO runhooks.audit (actor, action, subject, robot_id, changes)
				SELECT 'service', 'endpoint.disable', id, robot_id, convert_to('{"state":["active","disabled"]}', 'UTF8') FROM d`,
				d.EndpointID, d.Reason, node).Exec(func(t pgconn.CommandTag) error {
				done.Disabled[i] = t.RowsAffected() > 0
				if done.Disabled[i] {
					p.wakes = append(p.wakes, wake{id: d.EndpointID})
				}
				return nil
			})
		}
	}
	if len(b.Release) > 0 {
		ids, epochs := make([]string, len(b.Release)), make([]int64, len(b.Release))
		for i, c := range b.Release {
			ids[i], epochs[i] = c.EndpointID, c.Epoch
			p.wakes = append(p.wakes, wake{id: c.EndpointID})
		}
		to.Queue("SELECT runhooks.release($1, $2, $3)", ids, epochs, node)
	}
	if len(b.Publish) > 0 {
		s.queuePublish(to, b.Publish, done, p)
	}
	return p
}

func queueOutcomes(to *pgx.Batch, outcomes []delivery.Outcome, node int32, done *delivery.Committed) {
	n := len(outcomes)
	var (
		endpoints = make([]string, n)
		epochs    = make([]int64, n)
		ids       = make([]int64, n)
		ns        = make([]int32, n)
		ats       = make([]time.Time, n)
		kinds     = make([]string, n)
		statuses  = make([]int32, n)
		durations = make([]int64, n)
		nodes     = make([]string, n)
		details   = make(blobs, n)
		states    = make([]string, n)
		rounds    = make([]int32, n)
		reasons   = make([]string, n)
		delays    = make([]int64, n)
	)
	for i := range outcomes {
		o := &outcomes[i]
		endpoints[i], epochs[i], ids[i], ns[i] = o.EndpointID, o.Epoch, o.Attempt.DeliveryID, int32(o.Attempt.N)
		ats[i], kinds[i], statuses[i], durations[i] = o.Attempt.At, o.Attempt.Outcome, int32(o.Attempt.Status), int64(o.Attempt.Duration)
		nodes[i], details[i] = o.Attempt.Node, o.Attempt.Detail
		states[i], rounds[i], reasons[i] = string(o.State), int32(o.Round), o.Reason
		delays[i] = o.Delay.Microseconds()
	}
	done.Late = make([]bool, n)
	to.Queue("SELECT i FROM runhooks.record($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS i",
		endpoints, epochs, ids, ns, ats, kinds, statuses, durations, nodes, details, states, rounds, reasons, delays, node,
	).Query(func(rows pgx.Rows) error {
		var i int32
		_, err := pgx.ForEachRow(rows, []any{&i}, func() error {
			done.Late[i-1] = true
			return nil
		})
		return err
	})
}

func queueHealth(to *pgx.Batch, changes []delivery.HealthChange, node int32) {
	for _, h := range changes {
		to.Queue(`INSERT INTO runhooks.health (endpoint_id, failures, failing_since, not_before, opened, told)
			SELECT endpoint_id, $4, $5, $6, $7, $8 FROM runhooks.queues WHERE endpoint_id = $1 AND epoch = $2 AND owner = $3
			ON CONFLICT (endpoint_id) DO UPDATE SET failures = excluded.failures, failing_since = excluded.failing_since,
				not_before = excluded.not_before, opened = excluded.opened, told = excluded.told`,
			h.EndpointID, h.Epoch, node, h.Health.Failures, orNull(h.Health.FailingSince), orNull(h.Health.NotBefore), h.Health.Opened, h.Health.Told)
	}
}

func (s *Store) queuePublish(to *pgx.Batch, publish []delivery.Publication, done *delivery.Committed, p *publishing) {
	n := len(publish)
	var (
		ids         = make([]string, n)
		types       = make([]string, n)
		robots      = make([]string, n)
		runs        = make([]string, n)
		ats         = make([]time.Time, n)
		operational = make([]bool, n)
		traces      = make([]string, n)
		bodies      = make(blobs, n)
		endpoints   = make([]string, n)
		keys        = make([]string, n)
		hashes      = make(blobs, n)
		keyed       bool
		sources     []string // nil if there are none
	)
	done.Published = make([]delivery.Published, n)
	for i := range publish {
		e := &publish[i].Event
		ids[i], types[i], robots[i], runs[i], ats[i] = e.ID, e.Type, e.RobotID, e.RunID, e.At
		operational[i], traces[i], bodies[i] = e.Operational, e.TraceParent, e.Body
		if bodies[i] == nil {
			bodies[i] = []byte{}
		}
		endpoints[i], keys[i], hashes[i] = publish[i].EndpointID, publish[i].IdempotencyKey, publish[i].BodyHash[:]
		keyed = keyed || keys[i] != ""
		if source := e.Source.Text(); source != "" {
			if sources == nil {
				sources = make([]string, n)
			}
			sources[i] = source
		}
		done.Published[i].EventID = e.ID
	}
	if !keyed {
		keys, hashes = nil, nil
	}
	node := s.owner()
	to.Queue("SELECT * FROM runhooks.accept($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
		ids, types, robots, runs, ats, operational, traces, bodies, endpoints, keys, hashes, node, sources,
	).Query(func(rows pgx.Rows) error {
		var (
			i                  int32
			replayed, conflict bool
			event              string
			id, epoch          *int64
			endpoint, state    *string
			ordered            *bool
			owner              *int32
			told               = map[string]bool{}
			fields             = []any{&i, &replayed, &conflict, &event, &id, &endpoint, &ordered, &state, &owner, &epoch}
		)
		_, err := pgx.ForEachRow(rows, fields, func() error {
			d := &done.Published[i-1]
			d.EventID, d.Replayed, d.Conflict = event, replayed, conflict
			if id == nil {
				return nil
			}
			r := delivery.Ref{ID: *id, EndpointID: *endpoint, Ordered: *ordered, State: delivery.State(*state)}
			if r.State == delivery.Pending {
				if owner != nil && node != nil && *owner == *node {
					r.Owned, r.Epoch = true, *epoch
				} else if !told[r.EndpointID] {
					told[r.EndpointID] = true
					p.wakes = append(p.wakes, wake{id: r.EndpointID, free: owner == nil})
				}
			}
			d.Deliveries = append(d.Deliveries, r)
			return nil
		})
		if err != nil {
			return err
		}
		for i := range done.Published {
			for j := range done.Published[i].Deliveries {
				if r := &done.Published[i].Deliveries[j]; r.Owned {
					p.owned = append(p.owned, r)
				}
			}
		}
		return nil
	})
	for i := range publish {
		if a := publish[i].SetAside; a != nil {
			queueSetAside(to, a, publish[i].Event.ID)
		}
	}
}

// queueSetAside queues what is set aside. If it comes with an event, which is not empty,
// it is stored only if that is.
func queueSetAside(to *pgx.Batch, a *delivery.SetAside, event string) {
	to.Queue(`INSERT INTO runhooks.set_aside (id, at, body, report, inlet_id, robot_id, run_id)
		SELECT $1, $2, $3, $4, $5, $6, $7 WHERE $8 = '' OR EXISTS (SELECT FROM runhooks.events WHERE id = $8)
		ON CONFLICT DO NOTHING`, a.ID, a.At, a.Body, a.Report, a.InletID, a.RobotID, a.RunID, event)
}

// committed tells other nodes what they should know of a batch, and gives the engine
// the claims of endpoints that it doesn't know it owns.
func (s *Store) committed(ctx context.Context, b *delivery.Batch, p *publishing) error {
	for _, w := range p.wakes {
		s.tell(w)
	}
	var fresh []string
	refs := map[string]*delivery.Ref{}
	s.mu.Lock()
	for _, c := range b.Release {
		if s.known[c.EndpointID] == c.Epoch {
			delete(s.known, c.EndpointID)
		}
	}
	for _, r := range p.owned {
		if s.known[r.EndpointID] != r.Epoch && refs[r.EndpointID] == nil {
			s.known[r.EndpointID] = r.Epoch
			fresh = append(fresh, r.EndpointID)
			refs[r.EndpointID] = r
		}
	}
	s.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	// What is committed is committed: without the claims, the endpoints are left for
	// Claim to find.
	rows, err := s.pool.Query(ctx, claimed("SELECT endpoint_id, epoch FROM runhooks.queues WHERE endpoint_id = ANY ($1) AND owner = $2"), fresh, s.node.Load())
	claims, err := scanClaims(rows, err)
	if err == nil {
		for _, c := range claims {
			if r := refs[c.EndpointID]; r.Epoch == c.Epoch {
				r.Claim = &c
				delete(refs, c.EndpointID)
			}
		}
	}
	if len(refs) > 0 {
		s.mu.Lock()
		for id := range refs {
			delete(s.known, id)
		}
		s.unsure = true
		s.mu.Unlock()
		for _, r := range p.owned {
			if refs[r.EndpointID] != nil {
				r.Owned, r.Epoch = false, 0
			}
		}
	}
	return nil
}

// sends is the condition that attempts are made to the endpoint $1: one that has just
// been switched off may still have deliveries that are pending.
const sends = `EXISTS (SELECT FROM runhooks.endpoints WHERE id = $1 AND state = 'active' AND deleted_at IS NULL)`

const taskColumns = `p.id, p.endpoint_id, p.state, p.ordered, p.attempts, p.round, p.due_at, p.created_at,
	e.seq, e.id, e.type, e.robot_id, e.run_id, e.at, e.traceparent, e.operational, e.body, e.source`

func (s *Store) Due(ctx context.Context, q delivery.DueQuery) (delivery.DueResult, error) {
	var out delivery.DueResult
	limit := max(q.Limit, 1)
	which := "NOT ordered AND due_at >= $2::timestamptz AND due_at <= now() ORDER BY due_at, id"
	from := any(orMin(q.From))
	order := "p.due_at, p.id"
	if q.Ordered {
		which, from, order = "ordered AND id > $2::bigint ORDER BY id", q.After, "p.id"
	}
	b := &pgx.Batch{}
	// before is how many bytes there are before a delivery: the bodies of those that
	// don't fit aren't read. found is how many there are.
	b.Queue(`SELECT `+taskColumns+`, p.found FROM (
			SELECT *, sum(size) OVER (ORDER BY `+order+`) - size AS before, count(*) OVER () AS found FROM (
				SELECT * FROM runhooks.pending WHERE endpoint_id = $1 AND state = 'pending' AND `+sends+` AND `+which+` LIMIT $3
			) p
		) p JOIN runhooks.events e ON e.id = p.event_id AND e.day = p.event_day
		WHERE p.before = 0 OR p.before + p.size <= $4
		ORDER BY `+order, q.EndpointID, from, limit+1, maxBytes(q.MaxBytes)).Query(func(rows pgx.Rows) error {
		found := 0
		tasks, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (delivery.Task, error) { return scanTask(r, &found) })
		out.Deliveries, out.More = tasks, found > min(len(tasks), limit)
		return err
	})
	if !q.Ordered {
		b.Queue(`SELECT min(due_at) FROM (SELECT due_at FROM runhooks.pending
				WHERE endpoint_id = $1 AND state = 'pending' AND `+sends+` AND NOT ordered AND due_at > now() AND due_at >= $2 ORDER BY due_at LIMIT 1) p`,
			q.EndpointID, from).QueryRow(func(r pgx.Row) error {
			var next *time.Time
			err := r.Scan(&next)
			out.NextDue = given(next)
			return err
		})
	}
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return delivery.DueResult{}, failed("due", err)
	}
	if len(out.Deliveries) > limit {
		out.Deliveries = out.Deliveries[:limit]
	}
	if out.More {
		out.NextDue = time.Time{}
	}
	return out, nil
}

// orMin is a time that is before all others if none is given.
func orMin(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}

func maxBytes(n int) int64 {
	if n <= 0 {
		return 1 << 62
	}
	return int64(n)
}

func scanTask(r pgx.CollectableRow, found *int) (delivery.Task, error) {
	var t delivery.Task
	var source string
	d, e := &t.Delivery, &t.Event
	err := r.Scan(&d.ID, &d.EndpointID, &d.State, &d.Ordered, &d.Attempts, &d.Round, &d.DueAt, &d.CreatedAt,
		&e.Seq, &e.ID, &e.Type, &e.RobotID, &e.RunID, &e.At, &e.TraceParent, &e.Operational, &e.Body, &source, found)
	e.Source = delivery.ParseSource(source)
	d.EventID, d.EventType, d.RobotID, d.RunID = e.ID, e.Type, e.RobotID, e.RunID
	d.DueAt, d.CreatedAt, e.At = d.DueAt.UTC(), d.CreatedAt.UTC(), e.At.UTC()
	return t, err
}

func (s *Store) Peek(ctx context.Context, from map[string]time.Time) (map[string]time.Time, error) {
	ids, froms := make([]string, 0, len(from)), make([]time.Time, 0, len(from))
	for id, t := range from {
		ids, froms = append(ids, id), append(froms, orMin(t))
	}
	rows, err := s.pool.Query(ctx, `SELECT f.id, CASE WHEN o.ordered THEN NULL ELSE d.due_at END
		FROM unnest($1::text[], $2::timestamptz[]) AS f(id, since)
		JOIN runhooks.queues q ON q.endpoint_id = f.id AND q.owner = $3
		JOIN runhooks.endpoints e ON e.id = f.id AND e.state = 'active' AND e.deleted_at IS NULL
		CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM runhooks.pending p WHERE p.endpoint_id = f.id AND p.state = 'pending' AND p.ordered) AS ordered) o
		LEFT JOIN LATERAL (SELECT due_at FROM runhooks.pending p
			WHERE p.endpoint_id = f.id AND p.state = 'pending' AND NOT p.ordered AND p.due_at > f.since ORDER BY p.due_at LIMIT 1) d ON true
		WHERE o.ordered OR d.due_at IS NOT NULL`, ids, froms, s.node.Load())
	if err != nil {
		return nil, failed("peek", err)
	}
	out := map[string]time.Time{}
	var id string
	var due *time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &due}, func() error {
		out[id] = given(due)
		return nil
	}); err != nil {
		return nil, failed("peek", err)
	}
	return out, nil
}

// Ingest is for one node at a time, so that events are accepted in the order in
// which they were published.
func (s *Store) Ingest(ctx context.Context, most int, judge func([]delivery.Outboxed) delivery.Judged) (int, *delivery.Committed, error) {
	done := &delivery.Committed{}
	var (
		n int
		b delivery.Batch
		p *publishing
	)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, body, idempotency_key, at FROM runhooks.outbox
			WHERE pg_try_advisory_xact_lock($1) ORDER BY id LIMIT $2`, ingestLock, most)
		if err != nil {
			return err
		}
		taken, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (delivery.Outboxed, error) {
			var o delivery.Outboxed
			err := r.Scan(&o.ID, &o.Body, &o.IdempotencyKey, &o.At)
			o.At = o.At.UTC()
			return o, err
		})
		if err != nil || len(taken) == 0 {
			return err
		}
		n = len(taken)
		judged := judge(taken)
		b.Publish = judged.Publish
		batch := &pgx.Batch{}
		p = s.write(batch, &b, done)
		for _, a := range judged.SetAside {
			queueSetAside(batch, &a, "")
		}
		ids := make([]int64, n)
		for i, o := range taken {
			ids[i] = o.ID
		}
		batch.Queue("DELETE FROM runhooks.outbox WHERE id = ANY ($1)", ids)
		batch.Queue("SELECT now()").QueryRow(func(r pgx.Row) error { return r.Scan(&done.Now) })
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		s.doubt()
		return 0, nil, failed("ingest", err)
	}
	if n == 0 {
		return 0, done, nil
	}
	return n, done, s.committed(ctx, &b, p)
}
