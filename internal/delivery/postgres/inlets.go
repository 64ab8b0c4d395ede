package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

const inletColumns = "id, name, robot_id, zone, locale, hash, created_at, last_received_at"

func inletOf(r pgx.CollectableRow) (delivery.Inlet, error) {
	var i delivery.Inlet
	var hash []byte
	var received *time.Time
	err := r.Scan(&i.ID, &i.Name, &i.RobotID, &i.Zone, &i.Locale, &hash, &i.CreatedAt, &received)
	copy(i.Hash[:], hash)
	i.CreatedAt, i.LastReceived = i.CreatedAt.UTC(), given(received)
	return i, err
}

func (s *Store) Inlet(ctx context.Context, id string) (delivery.Inlet, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+inletColumns+" FROM runhooks.inlets WHERE id = $1", id)
	return one("inlet", rows, err, inletOf)
}

func (s *Store) InletByHash(ctx context.Context, hash [32]byte) (delivery.Inlet, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+inletColumns+" FROM runhooks.inlets WHERE hash = $1", hash[:])
	return one("inlet", rows, err, inletOf)
}

func (s *Store) Inlets(ctx context.Context, f delivery.InletFilter) ([]delivery.Inlet, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+inletColumns+" FROM runhooks.inlets WHERE id > $1 AND ($2 = '' OR robot_id = $2) ORDER BY id LIMIT $3",
		f.After, f.RobotID, most(f.Limit))
	return list("inlets", rows, err, inletOf)
}

func (s *Store) CreateInlet(ctx context.Context, i delivery.Inlet, a delivery.Audit) error {
	err := s.audited(ctx, a, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO runhooks.inlets ("+inletColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, NULL)",
			i.ID, i.Name, i.RobotID, i.Zone, i.Locale, i.Hash[:], i.CreatedAt)
		return err
	})
	return failed("create inlet", err)
}

// changeInlet changes an inlet, or deletes it, by a statement.
func (s *Store) changeInlet(ctx context.Context, call string, a delivery.Audit, sql string, args ...any) (i delivery.Inlet, err error) {
	err = s.audited(ctx, a, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql+" RETURNING "+inletColumns, args...)
		i, err = one(call, rows, err, inletOf)
		return err
	})
	return i, settingsFailed(call, err)
}

func (s *Store) UpdateInlet(ctx context.Context, i delivery.Inlet, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(ctx, "update inlet", a, "UPDATE runhooks.inlets SET name = $2, zone = $3, locale = $4 WHERE id = $1", i.ID, i.Name, i.Zone, i.Locale)
}

func (s *Store) RotateInlet(ctx context.Context, id string, hash [32]byte, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(ctx, "rotate inlet", a, "UPDATE runhooks.inlets SET hash = $2 WHERE id = $1", id, hash[:])
}

func (s *Store) DeleteInlet(ctx context.Context, id string, a delivery.Audit) error {
	_, err := s.changeInlet(ctx, "delete inlet", a, "DELETE FROM runhooks.inlets WHERE id = $1", id)
	return err
}

func (s *Store) NoteReceived(ctx context.Context, id string) error {
	t, err := s.pool.Exec(ctx, "UPDATE runhooks.inlets SET last_received_at = now() WHERE id = $1", id)
	if err == nil && t.RowsAffected() == 0 {
		return delivery.ErrNotFound
	}
	return failed("note what was received", err)
}
