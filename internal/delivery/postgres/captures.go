package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) AddCapture(ctx context.Context, c delivery.Capture, keep int, maxBytes int64) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO runhooks.captures (inspector, request) VALUES ($1, $2)", c.Inspector, c.Request); err != nil {
			return err
		}
		// The length of a value is known without reading it.
		_, err := tx.Exec(ctx, `DELETE FROM runhooks.captures WHERE id IN (
			SELECT id FROM (
				SELECT id, row_number() OVER newest AS n, sum(length(request)) OVER newest AS bytes FROM runhooks.captures
				WHERE inspector = $1 WINDOW newest AS (ORDER BY id DESC)) c
			WHERE n > 1 AND (n > $2 OR bytes > $3))`, c.Inspector, keep, maxBytes)
		return err
	})
	return failed("add capture", err)
}

func (s *Store) Captures(ctx context.Context, inspector string, p delivery.Page) ([]delivery.Capture, error) {
	rows, err := s.pool.Query(ctx, `SELECT id, inspector, at, NULL::bytea FROM runhooks.captures
		WHERE inspector = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, inspector, before(p), most(p.Limit))
	return list("captures", rows, err, captureOf)
}

func (s *Store) Capture(ctx context.Context, inspector string, id int64) (delivery.Capture, error) {
	rows, err := s.pool.Query(ctx, "SELECT id, inspector, at, request FROM runhooks.captures WHERE inspector = $1 AND id = $2", inspector, id)
	return one("capture", rows, err, captureOf)
}

func captureOf(r pgx.CollectableRow) (delivery.Capture, error) {
	var c delivery.Capture
	err := r.Scan(&c.ID, &c.Inspector, &c.At, &c.Request)
	c.At = c.At.UTC()
	return c, err
}

func (s *Store) ClearCaptures(ctx context.Context, inspector string) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM runhooks.captures WHERE inspector = $1", inspector)
	return failed("clear captures", err)
}
