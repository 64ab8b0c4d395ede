package sqlite

import (
	"context"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) AddCapture(ctx context.Context, added delivery.Capture, keep int, maxBytes int64) error {
	return s.write(ctx, func(c *conn) error {
		if _, err := c.exec(ctx, "INSERT INTO captures VALUES (NULL, ?, ?, ?)", added.Inspector, milli(s.now()), added.Request); err != nil {
			return err
		}
		_, err := c.exec(ctx, `DELETE FROM captures WHERE id IN (
			SELECT id FROM (
				SELECT id, row_number() OVER newest n, sum(length(request)) OVER newest bytes FROM captures
				WHERE inspector = ? WINDOW newest AS (ORDER BY id DESC))
			WHERE n > 1 AND (n > ? OR bytes > ?))`, added.Inspector, int64(keep), maxBytes)
		return err
	})
}

func (s *Store) Captures(ctx context.Context, inspector string, p delivery.Page) (found []delivery.Capture, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, delivery.Capture{ID: r.int(0), Inspector: inspector, At: r.milli(1)})
			return nil
		}, "SELECT id, at FROM captures WHERE inspector = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3",
			inspector, p.Before, limit(p.Limit))
	})
	return found, err
}

func (s *Store) Capture(ctx context.Context, inspector string, id int64) (found delivery.Capture, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		r, err := c.one(ctx, "SELECT at, request FROM captures WHERE inspector = ? AND id = ?", inspector, id)
		if err != nil {
			return err
		}
		if r == nil {
			return delivery.ErrNotFound
		}
		found = delivery.Capture{ID: id, Inspector: inspector, At: r.milli(0), Request: r.blob(1)}
		return nil
	})
	return found, err
}

func (s *Store) ClearCaptures(ctx context.Context, inspector string) error {
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec(ctx, "DELETE FROM captures WHERE inspector = ?", inspector)
		return err
	})
}
