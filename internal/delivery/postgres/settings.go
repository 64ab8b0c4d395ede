package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/runhooks/runhooks/internal/delivery"
)

// unsettled is for how long publications may be under way that read an endpoint
// before it changed. A transaction ends before that.
const unsettled = "interval '1 minute'"

const endpointColumns = `e.id, e.robot_id, e.url, e.events, e.description, e.state, e.disabled_reason, e.disabled_at, e.max_attempts,
	e.delays, e.timeout, e.rate_limit, e.max_in_flight, e.ordered, e.form, e.sealed, e.version, e.created_at, e.updated_at`

// A scanEndpoint reads endpointColumns: scan fields, then call done.
type scanEndpoint struct {
	to         *delivery.Endpoint
	disabledAt *time.Time
	delays     []int64
	timeout    int64
}

func (s *scanEndpoint) fields() []any {
	e := s.to
	return []any{
		&e.ID, &e.RobotID, &e.URL, &e.Events, &e.Description, &e.State, &e.DisabledReason, &s.disabledAt, &e.MaxAttempts,
		&s.delays, &s.timeout, &e.RateLimit, &e.MaxInFlight, &e.Ordered, &e.Form, &e.Sealed, &e.Version, &e.CreatedAt, &e.UpdatedAt,
	}
}

func (s *scanEndpoint) done() {
	e := s.to
	e.DisabledAt, e.Timeout = given(s.disabledAt), time.Duration(s.timeout)
	e.CreatedAt, e.UpdatedAt = e.CreatedAt.UTC(), e.UpdatedAt.UTC()
	if len(e.Events) == 0 {
		e.Events = nil
	}
	if len(e.Sealed) == 0 {
		e.Sealed = nil
	}
	for _, d := range s.delays {
		e.Delays = append(e.Delays, time.Duration(d))
	}
}

func endpointOf(r pgx.CollectableRow) (delivery.Endpoint, error) {
	var e delivery.Endpoint
	s := scanEndpoint{to: &e}
	err := r.Scan(s.fields()...)
	s.done()
	return e, err
}

func (s *Store) Endpoint(ctx context.Context, id string) (delivery.Endpoint, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+endpointColumns+" FROM runhooks.endpoints e WHERE id = $1 AND deleted_at IS NULL", id)
	return one("endpoint", rows, err, endpointOf)
}

// one is the only row of a query.
func one[T any](call string, rows pgx.Rows, err error, scan pgx.RowToFunc[T]) (T, error) {
	if err == nil {
		var t T
		if t, err = pgx.CollectOneRow(rows, scan); err == nil {
			return t, nil
		}
	}
	var zero T
	return zero, failed(call, err)
}

// list is all rows of a query.
func list[T any](call string, rows pgx.Rows, err error, scan pgx.RowToFunc[T]) ([]T, error) {
	if err == nil {
		var all []T
		if all, err = pgx.CollectRows(rows, scan); err == nil && len(all) > 0 {
			return all, nil
		}
	}
	return nil, failed(call, err)
}

// A where gathers conditions, in which $? is the next argument.
type where struct {
	text []string
	args []any
}

func (w *where) and(condition string, args ...any) {
	for _, a := range args {
		condition = strings.Replace(condition, "$?", w.arg(a), 1)
	}
	w.text = append(w.text, condition)
}

func (w *where) arg(a any) string {
	w.args = append(w.args, a)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *where) String() string { return strings.Join(w.text, " AND ") }

// most is the limit of a list; 0 is none.
func most(n int) int64 {
	if n <= 0 {
		return math.MaxInt64
	}
	return int64(n)
}

func (s *Store) Endpoints(ctx context.Context, f delivery.EndpointFilter) ([]delivery.Endpoint, error) {
	var w where
	w.and("deleted_at IS NULL")
	w.and("id > $?", f.After)
	if f.RobotID != "" {
		w.and("robot_id = $?", f.RobotID)
	}
	if f.Operator {
		w.and("robot_id = ''")
	}
	if f.State != "" {
		w.and("state = $?", string(f.State))
	}
	rows, err := s.pool.Query(ctx, "SELECT "+endpointColumns+" FROM runhooks.endpoints e WHERE "+w.String()+" ORDER BY id LIMIT "+w.arg(most(f.Limit)), w.args...)
	return list("endpoints", rows, err, endpointOf)
}

// settings are the columns that an update writes, and their values.
func settings(e *delivery.Endpoint) ([]string, []any) {
	events, sealed, delays := e.Events, e.Sealed, make([]int64, len(e.Delays))
	if events == nil {
		events = []string{}
	}
	if sealed == nil {
		sealed = []byte{}
	}
	for i, d := range e.Delays {
		delays[i] = int64(d)
	}
	return []string{
			"url", "events", "description", "state", "disabled_reason", "disabled_at", "max_attempts", "delays", "timeout",
			"rate_limit", "max_in_flight", "ordered", "form", "sealed",
		}, []any{
			e.URL, events, e.Description, string(e.State), e.DisabledReason, orNull(e.DisabledAt), e.MaxAttempts, delays, int64(e.Timeout),
			e.RateLimit, e.MaxInFlight, e.Ordered, string(e.Form), sealed,
		}
}

func (s *Store) CreateEndpoint(ctx context.Context, e delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	var created delivery.Endpoint
	columns, values := settings(&e)
	w := where{}
	var places []string
	for _, v := range append(values, e.ID, e.RobotID, s.node.Load()) {
		places = append(places, w.arg(v))
	}
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "INSERT INTO runhooks.endpoints AS e ("+strings.Join(columns, ", ")+`, id, robot_id, changed_by, version, created_at, updated_at)
			VALUES (`+strings.Join(places, ", ")+", 1, now(), now()) RETURNING "+endpointColumns, w.args...)
		if err != nil {
			return err
		}
		created, err = pgx.CollectExactlyOneRow(rows, endpointOf)
		return err
	})
	if err != nil {
		return delivery.Endpoint{}, settingsFailed("create endpoint", err)
	}
	s.tell(wake{id: created.ID})
	return created, nil
}

func settingsFailed(call string, err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.ConstraintName == "endpoints_url" {
		return delivery.ErrURLTaken
	}
	for _, known := range []error{delivery.ErrNotFound, delivery.ErrVersion, delivery.ErrState} {
		if errors.Is(err, known) {
			return err
		}
	}
	return failed(call, err)
}

// audited makes a change together with its entry for the audit log.
func (s *Store) audited(ctx context.Context, a delivery.Audit, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO runhooks.audit (actor, action, subject, robot_id, changes) VALUES ($1, $2, $3, $4, $5)`,
			a.Actor, a.Action, a.Subject, a.RobotID, a.Changes)
		return err
	})
}

// anyVersion is for changes that don't depend on the version.
const anyVersion = -1

// lockEndpoint finds an endpoint that is to be changed.
func lockEndpoint(ctx context.Context, tx pgx.Tx, id string, version int64) error {
	var current int64
	err := tx.QueryRow(ctx, "SELECT version FROM runhooks.endpoints WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", id).Scan(&current)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return delivery.ErrNotFound
	case err != nil:
		return err
	case version != anyVersion && version != current:
		return delivery.ErrVersion
	}
	return nil
}

func (s *Store) UpdateEndpoint(ctx context.Context, e delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	var updated delivery.Endpoint
	columns, values := settings(&e)
	w := where{}
	var sets []string
	for i, c := range columns {
		sets = append(sets, c+" = "+w.arg(values[i]))
	}
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		if err := lockEndpoint(ctx, tx, e.ID, e.Version); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "UPDATE runhooks.endpoints e SET "+strings.Join(sets, ", ")+`, version = version + 1, updated_at = now(),
			changed = pg_current_xact_id(), changed_by = `+w.arg(s.node.Load())+", settle_until = now() + "+unsettled+`
			WHERE id = `+w.arg(e.ID)+" RETURNING "+endpointColumns, w.args...)
		if err != nil {
			return err
		}
		updated, err = pgx.CollectExactlyOneRow(rows, endpointOf)
		return err
	})
	if err != nil {
		return delivery.Endpoint{}, settingsFailed("update endpoint", err)
	}
	s.tell(wake{id: e.ID})
	return updated, nil
}

func (s *Store) DeleteEndpoint(ctx context.Context, id string, version int64, a delivery.Audit) error {
	if version == 0 {
		version = anyVersion
	}
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		if err := lockEndpoint(ctx, tx, id, version); err != nil {
			return err
		}
		// What is secret goes at once.
		_, err := tx.Exec(ctx, `UPDATE runhooks.endpoints SET deleted_at = now(), updated_at = now(), version = version + 1, sealed = '',
			changed = pg_current_xact_id(), changed_by = $2, settle_until = now() + `+unsettled+" WHERE id = $1", id, s.node.Load())
		return err
	})
	if err != nil {
		return settingsFailed("delete endpoint", err)
	}
	s.tell(wake{id: id})
	return nil
}

func (s *Store) Health(ctx context.Context, id string) (delivery.Health, error) {
	var h delivery.Health
	var since, before *time.Time
	err := s.pool.QueryRow(ctx, "SELECT failures, failing_since, not_before, opened, told FROM runhooks.health WHERE endpoint_id = $1", id).
		Scan(&h.Failures, &since, &before, &h.Opened, &h.Told)
	if errors.Is(err, pgx.ErrNoRows) {
		return delivery.Health{}, nil
	}
	h.FailingSince, h.NotBefore = given(since), given(before)
	return h, failed("health", err)
}

const tokenColumns = "id, name, role, robot_id, hash, created_at, expires_at"

func tokenOf(r pgx.CollectableRow) (delivery.Token, error) {
	var t delivery.Token
	var hash []byte
	var expires *time.Time
	err := r.Scan(&t.ID, &t.Name, &t.Role, &t.RobotID, &hash, &t.CreatedAt, &expires)
	copy(t.Hash[:], hash)
	t.CreatedAt, t.ExpiresAt = t.CreatedAt.UTC(), given(expires)
	return t, err
}

func (s *Store) Tokens(ctx context.Context) ([]delivery.Token, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+tokenColumns+" FROM runhooks.tokens ORDER BY created_at, id")
	return list("tokens", rows, err, tokenOf)
}

func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (delivery.Token, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+tokenColumns+" FROM runhooks.tokens WHERE hash = $1 AND (expires_at IS NULL OR expires_at > now())", hash[:])
	return one("token", rows, err, tokenOf)
}

func (s *Store) CreateToken(ctx context.Context, t delivery.Token, a delivery.Audit) error {
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO runhooks.tokens ("+tokenColumns+") VALUES ($1, $2, $3, $4, $5, coalesce($6, now()), $7)",
			t.ID, t.Name, t.Role, t.RobotID, t.Hash[:], orNull(t.CreatedAt), orNull(t.ExpiresAt))
		return err
	})
	return failed("create token", err)
}

func (s *Store) DeleteToken(ctx context.Context, id string, a delivery.Audit) error {
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		t, err := tx.Exec(ctx, "DELETE FROM runhooks.tokens WHERE id = $1", id)
		if err == nil && t.RowsAffected() == 0 {
			return delivery.ErrNotFound
		}
		return err
	})
	return settingsFailed("delete token", err)
}

func (s *Store) Audits(ctx context.Context, f delivery.AuditFilter, p delivery.Page) ([]delivery.Audit, error) {
	var w where
	w.and("seq < $?", before(p))
	if f.Subject != "" {
		w.and("subject = $?", f.Subject)
	}
	if f.RobotID != "" {
		w.and("robot_id = $?", f.RobotID)
	}
	if f.Actor != "" {
		w.and("actor = $?", f.Actor)
	}
	rows, err := s.pool.Query(ctx, "SELECT seq, at, actor, action, subject, robot_id, changes FROM runhooks.audit WHERE "+w.String()+" ORDER BY seq DESC LIMIT "+w.arg(most(p.Limit)), w.args...)
	return list("audits", rows, err, func(r pgx.CollectableRow) (delivery.Audit, error) {
		var a delivery.Audit
		err := r.Scan(&a.Seq, &a.At, &a.Actor, &a.Action, &a.Subject, &a.RobotID, &a.Changes)
		a.At = a.At.UTC()
		return a, err
	})
}

// before is the number before which a page starts.
func before(p delivery.Page) int64 {
	if p.Before <= 0 {
		return math.MaxInt64
	}
	return p.Before
}
