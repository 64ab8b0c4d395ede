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

func (s *Store) Event(ctx context.Context, id string) (delivery.Event, error) {
	rows, err := s.pool.Query(ctx, "SELECT seq, id, type, robot_id, run_id, at, traceparent, operational, body, source FROM runhooks.events WHERE id = $1 LIMIT 1", id)
	return one("event", rows, err, eventOf)
}

func eventOf(r pgx.CollectableRow) (delivery.Event, error) {
	var e delivery.Event
	var source string
	err := r.Scan(&e.Seq, &e.ID, &e.Type, &e.RobotID, &e.RunID, &e.At, &e.TraceParent, &e.Operational, &e.Body, &source)
	e.At, e.Source = e.At.UTC(), delivery.ParseSource(source)
	return e, err
}

func (s *Store) Events(ctx context.Context, f delivery.EventFilter, p delivery.Page) ([]delivery.Event, error) {
	var w where
	w.and("seq < $?", before(p))
	if f.RobotID != "" {
		w.and("robot_id = $?", f.RobotID)
	}
	if f.RunID != "" {
		w.and("run_id = $?", f.RunID)
	}
	if f.Type != "" {
		w.and("type = $?", f.Type)
	}
	if !f.From.IsZero() {
		w.and("at >= $?", f.From)
	}
	if !f.To.IsZero() {
		w.and("at < $?", f.To)
	}
	rows, err := s.pool.Query(ctx, `SELECT seq, id, type, robot_id, run_id, at, traceparent, operational, NULL::bytea, '' FROM runhooks.events
		WHERE `+w.String()+" ORDER BY seq DESC LIMIT "+w.arg(most(p.Limit)), w.args...)
	return list("events", rows, err, eventOf)
}

const deliveryColumns = `id, event_id, event_type, endpoint_id, robot_id, run_id, state, ordered, attempts, round, due_at, created_at, finished_at, reason`

func deliveryOf(r pgx.CollectableRow) (delivery.Delivery, error) {
	var d delivery.Delivery
	var due, finished *time.Time
	err := r.Scan(&d.ID, &d.EventID, &d.EventType, &d.EndpointID, &d.RobotID, &d.RunID, &d.State, &d.Ordered,
		&d.Attempts, &d.Round, &due, &d.CreatedAt, &finished, &d.Reason)
	if d.State == delivery.Pending {
		d.DueAt = given(due)
	}
	d.CreatedAt, d.FinishedAt = d.CreatedAt.UTC(), given(finished)
	return d, err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func deliveryBy(ctx context.Context, q querier, id int64) (delivery.Delivery, error) {
	rows, err := q.Query(ctx, "SELECT "+deliveryColumns+" FROM runhooks.deliveries WHERE id = $1", id)
	return one("delivery", rows, err, deliveryOf)
}

func (s *Store) Delivery(ctx context.Context, id int64) (delivery.Delivery, error) {
	return deliveryBy(ctx, s.pool, id)
}

// Deliveries are chosen by their ids before they are joined to their events: PostgreSQL
// takes a delivery that has an event for rare, and would sort all that it can find.
func (s *Store) Deliveries(ctx context.Context, f delivery.DeliveryFilter, p delivery.Page) ([]delivery.Delivery, error) {
	const ofEvent = "(SELECT e.%s FROM runhooks.events e WHERE e.id = event_id AND e.day = event_day) = $?"
	var w where
	w.and("id < $?", before(p))
	if f.EndpointID != "" {
		w.and("endpoint_id = $?", f.EndpointID)
	}
	if f.RunID != "" {
		w.and("event_id = ANY (ARRAY(SELECT id FROM runhooks.events WHERE run_id = $?))", f.RunID)
	}
	if f.EventID != "" {
		w.and("event_id = $?", f.EventID)
	}
	if f.EventType != "" {
		w.and(fmt.Sprintf(ofEvent, "type"), f.EventType)
	}
	if f.State != "" {
		w.and("state = $?", string(f.State))
	}
	if !f.From.IsZero() {
		w.and("created_at >= $?", f.From)
	}
	if !f.To.IsZero() {
		w.and("created_at < $?", f.To)
	}
	var each string // what is found for each of several endpoints
	if f.RobotID != "" {
		own, others, err := s.endpointsOf(ctx, f.RobotID)
		switch {
		case err != nil:
			return nil, failed("deliveries", err)
		case f.EndpointID != "" || f.RunID != "" || f.EventID != "":
			w.and(fmt.Sprintf(ofEvent, "robot_id"), f.RobotID)
		case len(own)+len(others) <= fewEndpoints:
			each = "unnest(" + w.arg(append(own, others...)) + "::text[]) AS one(endpoint)"
			w.and("endpoint_id = one.endpoint")
			w.and("(endpoint_id = ANY ($?) OR "+fmt.Sprintf(ofEvent, "robot_id")+")", own, f.RobotID)
		default:
			w.and("(endpoint_id = ANY ($?) OR endpoint_id = ANY ($?) AND "+fmt.Sprintf(ofEvent, "robot_id")+")", own, others, f.RobotID)
		}
	}
	limit := " ORDER BY id DESC LIMIT " + w.arg(most(p.Limit))
	found := "SELECT * FROM runhooks.deliveries_alone WHERE " + w.String() + limit
	if each != "" {
		found = "SELECT d.* FROM " + each + " CROSS JOIN LATERAL (" + found + ") d" + limit
	}
	// By its description, it is planned each time: a plan for any filter suits few of them.
	rows, err := s.pool.Query(ctx, "SELECT "+deliveryColumns+" FROM ("+found+`) d
		JOIN (SELECT id AS event, day, type AS event_type, robot_id, run_id FROM runhooks.events) e ON e.event = d.event_id AND e.day = d.event_day
		ORDER BY id DESC`, append([]any{pgx.QueryExecModeCacheDescribe}, w.args...)...)
	return list("deliveries", rows, err, deliveryOf)
}

// fewEndpoints is up to how many endpoints the newest deliveries are found of each: for
// more, it costs less to look for those of all at once.
const fewEndpoints = 20

// endpointsOf returns the endpoints to which a robot's events go: its own, and those of
// the operator, which also get others.
func (s *Store) endpointsOf(ctx context.Context, robotID string) (own, others []string, err error) {
	rows, err := s.pool.Query(ctx, "SELECT id, robot_id <> '' FROM runhooks.endpoints WHERE robot_id IN ($1, '')", robotID)
	if err != nil {
		return nil, nil, err
	}
	var id string
	var its bool
	_, err = pgx.ForEachRow(rows, []any{&id, &its}, func() error {
		if its {
			own = append(own, id)
		} else {
			others = append(others, id)
		}
		return nil
	})
	return own, others, err
}

func (s *Store) Attempts(ctx context.Context, id int64) ([]delivery.Attempt, error) {
	rows, err := s.pool.Query(ctx, `SELECT delivery_id, n, at, outcome, status, duration, late, node, detail FROM runhooks.attempts
		WHERE delivery_id = $1 ORDER BY n, at, node`, id)
	return list("attempts", rows, err, func(r pgx.CollectableRow) (delivery.Attempt, error) {
		var a delivery.Attempt
		var duration int64
		var detail []byte
		err := r.Scan(&a.DeliveryID, &a.N, &a.At, &a.Outcome, &a.Status, &duration, &a.Late, &a.Node, &detail)
		a.At, a.Duration, a.Detail = a.At.UTC(), time.Duration(duration), detail
		return a, err
	})
}

func (s *Store) SetAsides(ctx context.Context, p delivery.Page) ([]delivery.SetAside, error) {
	rows, err := s.pool.Query(ctx, "SELECT id, at, body, report, inlet_id, robot_id, run_id FROM runhooks.set_aside WHERE id < $1 ORDER BY id DESC LIMIT $2", before(p), most(p.Limit))
	return list("set aside", rows, err, func(r pgx.CollectableRow) (delivery.SetAside, error) {
		var a delivery.SetAside
		err := r.Scan(&a.ID, &a.At, &a.Body, &a.Report, &a.InletID, &a.RobotID, &a.RunID)
		a.At = a.At.UTC()
		return a, err
	})
}

// revive makes deliveries pending in a new round: of pending those that the
// condition chooses, and of finished.
const (
	revivePending  = `UPDATE runhooks.pending SET state = 'pending', round = 0, due_at = now() WHERE id = ANY ($1)`
	reviveFinished = `WITH d AS (DELETE FROM runhooks.finished WHERE id = ANY ($1) RETURNING *)
		INSERT INTO runhooks.pending (id, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, due_at, created_at)
		SELECT id, endpoint_id, event_id, event_day, size, 'pending', ordered, attempts, 0, now(), created_at FROM d`
	ensureQueue = `SELECT runhooks.queue(CASE WHEN $2 THEN '{}' ELSE ARRAY[$1] END, CASE WHEN $2 THEN ARRAY[$1] ELSE '{}' END, $3)`
)

// changeDelivery locks a delivery that is to be changed.
func (s *Store) changeDelivery(ctx context.Context, call string, id int64, a delivery.Audit, change func(pgx.Tx, delivery.Delivery) error) (delivery.Delivery, error) {
	var d delivery.Delivery
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		for _, table := range []string{"pending", "finished"} {
			if _, err := tx.Exec(ctx, "SELECT FROM runhooks."+table+" WHERE id = $1 FOR UPDATE", id); err != nil {
				return err
			}
		}
		var err error
		if d, err = deliveryBy(ctx, tx, id); err != nil {
			return err
		}
		if err := change(tx, d); err != nil {
			return err
		}
		d, err = deliveryBy(ctx, tx, id)
		return err
	})
	if err != nil {
		return delivery.Delivery{}, settingsFailed(call, err)
	}
	return d, nil
}

func (s *Store) Retry(ctx context.Context, id int64, a delivery.Audit) (delivery.Delivery, error) {
	free := false
	d, err := s.changeDelivery(ctx, "retry", id, a, func(tx pgx.Tx, d delivery.Delivery) error {
		var active bool
		err := tx.QueryRow(ctx, "SELECT state = 'active' AND deleted_at IS NULL FROM runhooks.endpoints WHERE id = $1 FOR SHARE", d.EndpointID).Scan(&active)
		if err != nil {
			return err
		}
		if !active {
			return delivery.ErrState
		}
		if _, err := tx.Exec(ctx, ensureQueue, d.EndpointID, d.Ordered, nil); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT owner IS NULL FROM runhooks.queues WHERE endpoint_id = $1", d.EndpointID).Scan(&free); err != nil {
			return err
		}
		revive := revivePending
		if d.State.Finished() {
			revive = reviveFinished
		}
		_, err = tx.Exec(ctx, revive, []int64{id})
		return err
	})
	if err == nil {
		s.tell(wake{id: d.EndpointID, free: free})
	}
	return d, err
}

// finish ends deliveries that are not finished: $1 are their ids, $2 is the state
// and $3 the reason.
const finish = `WITH d AS (DELETE FROM runhooks.pending WHERE id = ANY ($1) RETURNING *)
	INSERT INTO runhooks.finished (id, day, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, created_at, finished_at, reason)
	SELECT id, runhooks.today(), endpoint_id, event_id, event_day, size, $2, ordered, attempts, round, created_at, now(), $3 FROM d`

func (s *Store) Cancel(ctx context.Context, id int64, reason string, a delivery.Audit) (delivery.Delivery, error) {
	d, err := s.changeDelivery(ctx, "cancel", id, a, func(tx pgx.Tx, d delivery.Delivery) error {
		if d.State.Finished() {
			return delivery.ErrState
		}
		_, err := tx.Exec(ctx, finish, []int64{id}, string(delivery.Cancelled), reason)
		return err
	})
	if err == nil {
		s.tell(wake{id: d.EndpointID})
	}
	return d, err
}

const jobColumns = "id, kind, endpoint_id, since, robot_id, run_id, done, total, created_at, finished_at, cursor"

func jobOf(r pgx.CollectableRow) (delivery.Job, error) {
	var j delivery.Job
	var since, finished *time.Time
	err := r.Scan(&j.ID, &j.Kind, &j.EndpointID, &since, &j.RobotID, &j.RunID, &j.Done, &j.Total, &j.CreatedAt, &finished, &j.Cursor)
	j.Since, j.CreatedAt, j.FinishedAt = given(since), j.CreatedAt.UTC(), given(finished)
	return j, err
}

func (s *Store) CreateJob(ctx context.Context, j delivery.Job, a delivery.Audit) (delivery.Job, error) {
	var total string
	var args []any
	switch {
	case j.Kind == delivery.Recover:
		total = `SELECT count(*) FROM (SELECT FROM runhooks.pending WHERE endpoint_id = $1 AND state = 'held' AND created_at >= $2
			UNION ALL SELECT FROM runhooks.finished WHERE endpoint_id = $1 AND state IN ('exhausted', 'expired') AND created_at >= $2) d`
		args = []any{j.EndpointID, orMin(j.Since)}
	case j.Kind == delivery.Erase && (j.RobotID != "" || j.RunID != ""):
		var w where
		erased(&w, &j)
		total, args = "SELECT count(*) FROM runhooks.events WHERE "+w.String(), w.args
	default:
		return delivery.Job{}, errors.New("postgres: create job: a job recovers an endpoint, or erases a robot or a run")
	}
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		if j.EndpointID != "" {
			if err := lockEndpoint(ctx, tx, j.EndpointID, anyVersion); err != nil {
				return err
			}
			var active bool
			if err := tx.QueryRow(ctx, "SELECT state = 'active', robot_id FROM runhooks.endpoints WHERE id = $1", j.EndpointID).Scan(&active, &j.RobotID); err != nil {
				return err
			}
			if !active {
				return delivery.ErrState
			}
		}
		if err := tx.QueryRow(ctx, total, args...).Scan(&j.Total); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `INSERT INTO runhooks.jobs (kind, endpoint_id, since, robot_id, run_id, done, total, cursor)
			VALUES ($1, $2, $3, $4, $5, 0, $6, 0) RETURNING `+jobColumns,
			string(j.Kind), j.EndpointID, orNull(j.Since), j.RobotID, j.RunID, j.Total)
		if err != nil {
			return err
		}
		j, err = pgx.CollectExactlyOneRow(rows, jobOf)
		return err
	})
	if err != nil {
		var e *pgconn.PgError
		if errors.As(err, &e) && e.ConstraintName == "jobs_endpoint" {
			return delivery.Job{}, delivery.ErrState
		}
		return delivery.Job{}, settingsFailed("create job", err)
	}
	return j, nil
}

func (s *Store) Job(ctx context.Context, id int64) (delivery.Job, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+jobColumns+" FROM runhooks.jobs WHERE id = $1", id)
	return one("job", rows, err, jobOf)
}

// erased are the events that a job erases.
func erased(w *where, j *delivery.Job) {
	if j.RobotID != "" {
		w.and("robot_id = $?", j.RobotID)
	}
	if j.RunID != "" {
		w.and("run_id = $?", j.RunID)
	}
}
