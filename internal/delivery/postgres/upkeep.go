package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) WorkOn(ctx context.Context, limit int) (delivery.Job, error) {
	var j delivery.Job
	free := false
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+jobColumns+" FROM runhooks.jobs WHERE finished_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED")
		if err != nil {
			return err
		}
		if j, err = pgx.CollectOneRow(rows, jobOf); err != nil {
			return err
		}
		var done bool
		if j.Kind == delivery.Recover {
			done, free, err = s.recover(ctx, tx, &j, limit)
		} else {
			done, err = erase(ctx, tx, &j, limit)
		}
		if err != nil {
			return err
		}
		j.Total = max(j.Total, j.Done)
		run := j.RunID
		if done {
			run = "" // of what is erased, the job keeps nothing either
		}
		var finished *time.Time
		err = tx.QueryRow(ctx, `UPDATE runhooks.jobs SET done = $2, total = $3, cursor = $4, run_id = $5, finished_at = CASE WHEN $6 THEN now() END
			WHERE id = $1 RETURNING finished_at`, j.ID, j.Done, j.Total, j.Cursor, run, done).Scan(&finished)
		j.FinishedAt = given(finished)
		return err
	})
	if err != nil {
		return delivery.Job{}, failed("work on a job", err)
	}
	if j.Kind == delivery.Recover {
		s.tell(wake{id: j.EndpointID, free: free})
	}
	return j, nil
}

// recover makes deliveries pending in the order of their ids, each once.
func (s *Store) recover(ctx context.Context, tx pgx.Tx, j *delivery.Job, limit int) (done, free bool, err error) {
	var active bool
	if err := tx.QueryRow(ctx, "SELECT state = 'active' AND deleted_at IS NULL FROM runhooks.endpoints WHERE id = $1 FOR SHARE", j.EndpointID).Scan(&active); err != nil {
		return false, false, err
	}
	if !active {
		return true, false, nil
	}
	var held, finished []int64
	var ordered bool
	err = tx.QueryRow(ctx, `WITH d AS (
			(SELECT id, ordered, true AS held FROM runhooks.pending WHERE endpoint_id = $1 AND state = 'held' AND created_at >= $2 AND id > $3 ORDER BY id LIMIT $4)
			UNION ALL
			(SELECT id, ordered, false FROM runhooks.finished WHERE endpoint_id = $1 AND state IN ('exhausted', 'expired') AND created_at >= $2 AND id > $3 ORDER BY id LIMIT $4)
			ORDER BY id LIMIT $4
		)
		SELECT coalesce(array_agg(id) FILTER (WHERE held), '{}'), coalesce(array_agg(id) FILTER (WHERE NOT held), '{}'),
			coalesce(max(id), 0), coalesce(bool_or(ordered), false) FROM d`,
		j.EndpointID, orMin(j.Since), j.Cursor, limit).Scan(&held, &finished, &j.Cursor, &ordered)
	n := len(held) + len(finished)
	if err != nil || n == 0 {
		return n == 0, false, err
	}
	if _, err := tx.Exec(ctx, ensureQueue, j.EndpointID, ordered, nil); err != nil {
		return false, false, err
	}
	for query, ids := range map[string][]int64{revivePending: held, reviveFinished: finished} {
		t, err := tx.Exec(ctx, query, ids)
		if err != nil {
			return false, false, err
		}
		j.Done += t.RowsAffected()
	}
	err = tx.QueryRow(ctx, "SELECT owner IS NULL FROM runhooks.queues WHERE endpoint_id = $1", j.EndpointID).Scan(&free)
	return n < limit, free, err
}

func erase(ctx context.Context, tx pgx.Tx, j *delivery.Job, limit int) (bool, error) {
	var w where
	erased(&w, j)
	rows, err := tx.Query(ctx, "SELECT id FROM runhooks.events WHERE "+w.String()+" LIMIT "+w.arg(limit)+" FOR UPDATE", w.args...)
	if err != nil {
		return false, err
	}
	events, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return false, err
	}
	for _, query := range []string{
		`WITH d AS (DELETE FROM runhooks.pending WHERE event_id = ANY ($1) RETURNING id) DELETE FROM runhooks.attempts a USING d WHERE a.delivery_id = d.id`,
		`WITH d AS (DELETE FROM runhooks.finished WHERE event_id = ANY ($1) RETURNING id) DELETE FROM runhooks.attempts a USING d WHERE a.delivery_id = d.id`,
		"DELETE FROM runhooks.idempotency WHERE event_id = ANY ($1)",
		"DELETE FROM runhooks.events WHERE id = ANY ($1)",
	} {
		if len(events) == 0 {
			break
		}
		if _, err := tx.Exec(ctx, query, events); err != nil {
			return false, err
		}
	}
	j.Done += int64(len(events))
	if len(events) == limit {
		return false, nil
	}
	w = where{}
	erased(&w, j)
	_, err = tx.Exec(ctx, "DELETE FROM runhooks.set_aside WHERE "+w.String(), w.args...)
	return true, err
}

func (s *Store) Settle(ctx context.Context, limit int) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		n = 0
		type unfit struct {
			id       string
			deleted  bool
			active   bool
			settling bool
		}
		rows, err := tx.Query(ctx, `SELECT id, deleted_at IS NOT NULL, state = 'active' AND deleted_at IS NULL, settle_until > now() FROM runhooks.endpoints
			WHERE settle_until IS NOT NULL ORDER BY settle_until LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED`)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (u unfit, err error) {
			return u, r.Scan(&u.id, &u.deleted, &u.active, &u.settling)
		})
		if err != nil {
			return err
		}
		for _, u := range all {
			var t pgconn.CommandTag
			switch {
			case u.deleted:
				t, err = tx.Exec(ctx, `WITH d AS (
						DELETE FROM runhooks.pending WHERE id IN (SELECT id FROM runhooks.pending WHERE endpoint_id = $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
						RETURNING *
					)
					INSERT INTO runhooks.finished (id, day, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, created_at, finished_at, reason)
					SELECT id, runhooks.today(), endpoint_id, event_id, event_day, size, 'cancelled', ordered, attempts, round, created_at, now(), 'The endpoint was deleted.' FROM d`,
					u.id, limit-n)
			case !u.active:
				t, err = tx.Exec(ctx, `UPDATE runhooks.pending SET state = 'held'
					WHERE id IN (SELECT id FROM runhooks.pending WHERE endpoint_id = $1 AND state = 'pending' LIMIT $2 FOR UPDATE SKIP LOCKED)`, u.id, limit-n)
			}
			if err != nil {
				return err
			}
			n += int(t.RowsAffected())
			if n >= limit {
				return nil
			}
			if t.RowsAffected() > 0 || u.settling && !u.active {
				continue
			}
			over := []string{"UPDATE runhooks.endpoints SET settle_until = NULL WHERE id = $1"}
			if u.deleted {
				// Not earlier: a node may have been adding to them when it was deleted.
				over = append(over, "DELETE FROM runhooks.activity WHERE endpoint_id = $1", "DELETE FROM runhooks.activity_hours WHERE endpoint_id = $1")
			}
			for _, sql := range over {
				if _, err := tx.Exec(ctx, sql, u.id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return n, failed("settle", err)
}

// days is at which retention a day is dropped as a whole, and only so.
const days = 48 * time.Hour

func (s *Store) Retain(ctx context.Context, r delivery.Retention, limit int) (int, error) {
	if time.Since(s.lastShelved()) > time.Hour {
		if err := s.shelve(ctx); err != nil {
			return 0, failed("retain", err)
		}
		s.mu.Lock()
		s.shelved = time.Now()
		s.mu.Unlock()
	}
	removed := 0
	for _, step := range []func(pgx.Tx, int) (int, error){
		func(tx pgx.Tx, limit int) (int, error) { return expire(ctx, tx, r.Held, limit) },
		func(tx pgx.Tx, limit int) (int, error) { return prune(ctx, tx, "audit", "seq", "at", r.Audit, limit) },
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "idempotency", "key", "created_at", r.Idempotency, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "captures", "id", "at", r.Expired, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "tokens", "id", "expires_at", r.Expired, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "set_aside", "id", "at", r.Finished, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "jobs", "id", "finished_at", r.Finished, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) {
			return prune(ctx, tx, "activity_hours", "ctid", "hour", delivery.KeepHours, limit)
		},
		func(tx pgx.Tx, limit int) (int, error) { return pruneFinished(ctx, tx, r.Finished, limit) },
		func(tx pgx.Tx, limit int) (int, error) { return s.dropDay(ctx, tx, r, limit) },
	} {
		if removed >= limit {
			break
		}
		n := 0
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			var mine bool
			if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", retainLock).Scan(&mine); err != nil || !mine {
				return err // another node does it
			}
			var err error
			n, err = step(tx, limit-removed)
			return err
		})
		if err != nil {
			var e *pgconn.PgError
			if errors.As(err, &e) && e.Code == "55P03" { // lock_not_available: somebody reads the partition
				s.mu.Lock()
				s.dropAfter = time.Now().Add(time.Minute)
				s.mu.Unlock()
				continue
			}
			return removed, failed("retain", err)
		}
		removed += n
	}
	return removed, nil
}

func (s *Store) lastShelved() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shelved
}

func expire(ctx context.Context, tx pgx.Tx, age time.Duration, limit int) (int, error) {
	if age <= 0 {
		return 0, nil
	}
	rows, err := tx.Query(ctx, `SELECT id FROM runhooks.pending WHERE state = 'held' AND created_at < now() - $1::interval
		ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED`, age, limit)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	t, err := tx.Exec(ctx, finish, ids, string(delivery.Expired), "It was held for longer than held deliveries are kept.")
	return int(t.RowsAffected()), err
}

// prune deletes rows of a table that is not partitioned.
func prune(ctx context.Context, tx pgx.Tx, table, key, at string, age time.Duration, limit int) (int, error) {
	if age <= 0 {
		return 0, nil
	}
	t, err := tx.Exec(ctx, fmt.Sprintf("DELETE FROM runhooks.%s WHERE %s IN (SELECT %[2]s FROM runhooks.%[1]s WHERE %[3]s < now() - $1::interval LIMIT $2)", table, key, at), age, limit)
	return int(t.RowsAffected()), err
}

// pruneFinished deletes single rows, where less than some days are kept.
func pruneFinished(ctx context.Context, tx pgx.Tx, age time.Duration, limit int) (int, error) {
	if age <= 0 || age >= days {
		return 0, nil
	}
	t, err := tx.Exec(ctx, `WITH d AS (
			DELETE FROM runhooks.finished WHERE (id, day) IN (SELECT id, day FROM runhooks.finished WHERE finished_at < now() - $1::interval ORDER BY id LIMIT $2)
			RETURNING id
		), a AS (
			DELETE FROM runhooks.attempts a USING d WHERE a.delivery_id = d.id
		) SELECT id FROM d`, age, limit)
	n := int(t.RowsAffected())
	if err != nil || n >= limit {
		return n, err
	}
	t, err = tx.Exec(ctx, `DELETE FROM runhooks.events WHERE (id, day) IN (
			SELECT id, day FROM runhooks.events e WHERE at < now() - $1::interval
				AND NOT EXISTS (SELECT FROM runhooks.pending p WHERE p.event_id = e.id)
				AND NOT EXISTS (SELECT FROM runhooks.finished f WHERE f.event_id = e.id)
			ORDER BY seq LIMIT $2)`, age, limit-n)
	return n + int(t.RowsAffected()), err
}

// dropDay drops the oldest day, if it is older than it is kept or if the database is
// too large. Events of it that are still needed are moved to today first. Today is
// never dropped.
func (s *Store) dropDay(ctx context.Context, tx pgx.Tx, r delivery.Retention, limit int) (int, error) {
	s.mu.Lock()
	wait := time.Now().Before(s.dropAfter)
	s.mu.Unlock()
	if wait || r.Finished <= 0 && r.MaxBytes <= 0 {
		return 0, nil
	}
	var oldest *string
	var size int64
	err := tx.QueryRow(ctx, `SELECT min(right(inhrelid::regclass::text, 8)), pg_database_size(current_database()) FROM pg_inherits
		WHERE inhparent IN ('runhooks.events'::regclass, 'runhooks.finished'::regclass, 'runhooks.attempts'::regclass)
			AND right(inhrelid::regclass::text, 8)::date < runhooks.today() - 1`).Scan(&oldest, &size)
	if err != nil || oldest == nil {
		return 0, err
	}
	var old bool
	if r.Finished > 0 {
		err := tx.QueryRow(ctx, "SELECT $1::date + 1 <= (now() - $2::interval)::date", *oldest, r.Finished).Scan(&old)
		if err != nil {
			return 0, err
		}
	}
	if !old && (r.MaxBytes <= 0 || size <= r.MaxBytes) {
		return 0, nil
	}
	// Rows of deliveries outlive their event's day if they finished later.
	t, err := tx.Exec(ctx, `WITH needed AS (
			SELECT event_id FROM (
				SELECT event_id FROM runhooks.pending WHERE event_day = $1::date
				UNION
				SELECT event_id FROM runhooks.finished WHERE event_day = $1::date AND day > $1::date
			) d LIMIT $2
		), moved AS (
			UPDATE runhooks.events e SET day = runhooks.today() FROM needed n WHERE e.id = n.event_id AND e.day = $1::date RETURNING e.id
		), p AS (
			UPDATE runhooks.pending p SET event_day = runhooks.today() FROM moved m WHERE p.event_id = m.id
		), f AS (
			UPDATE runhooks.finished f SET event_day = runhooks.today() FROM moved m WHERE f.event_id = m.id
		) SELECT id FROM moved`, *oldest, limit)
	if err != nil || t.RowsAffected() > 0 {
		return int(t.RowsAffected()), err
	}
	// A reader of the day, or a backup, must not make publishing wait behind this.
	if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '100ms'"); err != nil {
		return 0, err
	}
	n := 0
	for _, parent := range []string{"finished", "attempts", "events"} {
		var rows int
		name := pgx.Identifier{"runhooks", parent + "_" + *oldest}.Sanitize()
		err := tx.QueryRow(ctx, "SELECT coalesce(max(greatest(reltuples, 0)), 0)::bigint FROM pg_class WHERE oid = to_regclass($1)", name).Scan(&rows)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+name); err != nil {
			return 0, err
		}
		n += max(rows, 1)
	}
	return n, nil
}

// exact is up to how many rows are counted.
const exact = 50000

func (s *Store) Stats(ctx context.Context) (delivery.Stats, error) {
	out := delivery.Stats{Endpoints: map[delivery.EndpointState]int64{}}
	var all int64
	var oldest *time.Time
	b := &pgx.Batch{}
	b.Queue("SELECT now(), greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'runhooks.pending'::regclass").QueryRow(func(r pgx.Row) error {
		return r.Scan(&out.Now, &all)
	})
	for name, to := range map[string]*int64{"pending": &out.Pending, "held": &out.Held} {
		b.Queue("SELECT count(*) FROM (SELECT FROM runhooks.pending WHERE state = $1 LIMIT $2) p", name, exact).QueryRow(func(r pgx.Row) error { return r.Scan(to) })
	}
	b.Queue(`SELECT min(d.due_at) FROM runhooks.queues q
		JOIN runhooks.endpoints e ON e.id = q.endpoint_id AND e.state = 'active' AND e.deleted_at IS NULL
		LEFT JOIN runhooks.health h ON h.endpoint_id = q.endpoint_id
		CROSS JOIN LATERAL (
			(SELECT due_at FROM runhooks.pending p WHERE p.endpoint_id = q.endpoint_id AND p.state = 'pending' AND NOT p.ordered ORDER BY due_at LIMIT 1)
			UNION ALL
			(SELECT due_at FROM runhooks.pending p WHERE p.endpoint_id = q.endpoint_id AND p.state = 'pending' AND p.ordered ORDER BY id LIMIT 1)
		) d
		WHERE d.due_at <= now() AND (h.not_before IS NULL OR h.not_before <= now())`).QueryRow(func(r pgx.Row) error { return r.Scan(&oldest) })
	b.Queue("SELECT (SELECT count(*) FROM runhooks.outbox), (SELECT count(*) FROM runhooks.set_aside), pg_database_size(current_database()), (SELECT count(*) FROM runhooks.nodes WHERE expires_at > now())").
		QueryRow(func(r pgx.Row) error { return r.Scan(&out.Outboxed, &out.SetAside, &out.Bytes, &out.Nodes) })
	b.Queue("SELECT state, count(*) FROM runhooks.endpoints WHERE deleted_at IS NULL GROUP BY state").Query(func(rows pgx.Rows) error {
		var state delivery.EndpointState
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&state, &n}, func() error {
			out.Endpoints[state] = n
			return nil
		})
		return err
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return delivery.Stats{}, failed("stats", err)
	}
	// Of more rows than are counted, the server's estimate is good enough.
	if out.Pending == exact {
		out.Pending = max(exact, all-out.Held)
	}
	if out.Held == exact {
		out.Held = max(exact, all-out.Pending)
	}
	out.Now, out.OldestDue = out.Now.UTC(), given(oldest)
	return out, nil
}

func (s *Store) Backup(context.Context, string) error {
	return errors.New("back up PostgreSQL with its own tools: pg_dump --schema=runhooks, or continuous archiving")
}
