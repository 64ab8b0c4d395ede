package sqlite

import (
	"context"

	"github.com/runhooks/runhooks/internal/delivery"
)

const inletColumns = "id, name, robot, zone, locale, hash, created, received"

func (r row) inlet() delivery.Inlet {
	i := delivery.Inlet{
		ID: r.text(0), Name: r.text(1), RobotID: r.text(2), Zone: r.text(3), Locale: r.text(4),
		CreatedAt: r.milli(6), LastReceived: r.milli(7),
	}
	copy(i.Hash[:], r.blob(5))
	return i
}

func inletBy(ctx context.Context, c *conn, condition string, arg any) (delivery.Inlet, error) {
	r, err := c.one(ctx, "SELECT "+inletColumns+" FROM inlets WHERE "+condition, arg)
	if err != nil {
		return delivery.Inlet{}, err
	}
	if r == nil {
		return delivery.Inlet{}, delivery.ErrNotFound
	}
	return r.inlet(), nil
}

func (s *Store) Inlet(ctx context.Context, id string) (i delivery.Inlet, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		i, err = inletBy(ctx, c, "id = ?", id)
		return err
	})
	return i, err
}

func (s *Store) InletByHash(ctx context.Context, hash [32]byte) (i delivery.Inlet, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		// Each request asks, as for tokens.
		i, err = inletBy(context.WithoutCancel(ctx), c, "hash = ?", hash[:])
		return err
	})
	return i, err
}

func (s *Store) Inlets(ctx context.Context, f delivery.InletFilter) (found []delivery.Inlet, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, r.inlet())
			return nil
		}, "SELECT "+inletColumns+" FROM inlets WHERE id > ?1 AND (?2 = '' OR robot = ?2) ORDER BY id LIMIT ?3",
			f.After, f.RobotID, limit(f.Limit))
	})
	return found, err
}

func (s *Store) CreateInlet(ctx context.Context, i delivery.Inlet, a delivery.Audit) error {
	return s.write(ctx, func(c *conn) error {
		if _, err := c.exec(ctx, "INSERT INTO inlets VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
			i.ID, i.Name, i.RobotID, i.Zone, i.Locale, i.Hash[:], milli(i.CreatedAt)); err != nil {
			return err
		}
		return audit(ctx, c, s.now(), a)
	})
}

// changeInlet changes the inlet that is the last argument.
func (s *Store) changeInlet(ctx context.Context, a delivery.Audit, sql string, args ...any) (i delivery.Inlet, err error) {
	err = s.write(ctx, func(c *conn) error {
		if _, err := c.exec(ctx, sql, args...); err != nil {
			return err
		}
		if i, err = inletBy(ctx, c, "id = ?", args[len(args)-1]); err != nil {
			return err
		}
		return audit(ctx, c, s.now(), a)
	})
	return i, err
}

func (s *Store) UpdateInlet(ctx context.Context, i delivery.Inlet, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(ctx, a, "UPDATE inlets SET name = ?, zone = ?, locale = ? WHERE id = ?", i.Name, i.Zone, i.Locale, i.ID)
}

func (s *Store) RotateInlet(ctx context.Context, id string, hash [32]byte, a delivery.Audit) (delivery.Inlet, error) {
	return s.changeInlet(ctx, a, "UPDATE inlets SET hash = ? WHERE id = ?", hash[:], id)
}

func (s *Store) DeleteInlet(ctx context.Context, id string, a delivery.Audit) error {
	return s.write(ctx, func(c *conn) error {
		n, err := c.exec(ctx, "DELETE FROM inlets WHERE id = ?", id)
		if err != nil {
			return err
		}
		if n == 0 {
			return delivery.ErrNotFound
		}
		return audit(ctx, c, s.now(), a)
	})
}

func (s *Store) NoteReceived(ctx context.Context, id string) error {
	return s.write(ctx, func(c *conn) error {
		n, err := c.exec(ctx, "UPDATE inlets SET received = ? WHERE id = ?", milli(s.now()), id)
		if err == nil && n == 0 {
			err = delivery.ErrNotFound
		}
		return err
	})
}

// setAside keeps a payload that an inlet received.
func setAside(ctx context.Context, c *conn, a *delivery.SetAside) error {
	_, err := c.exec(ctx, "INSERT INTO set_aside VALUES (?, ?, ?, ?, ?, ?, ?)",
		a.ID, milli(a.At), a.InletID, a.RobotID, a.RunID, blob(a.Report), blob(a.Body))
	return err
}

func (s *Store) SetAsides(ctx context.Context, p delivery.Page) (found []delivery.SetAside, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, delivery.SetAside{
				ID: r.int(0), At: r.milli(1), InletID: r.text(2), RobotID: r.text(3), RunID: r.text(4), Report: r.blob(5), Body: r.blob(6),
			})
			return nil
		}, "SELECT id, at, inlet, robot, run, report, body FROM set_aside WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2", p.Before, limit(p.Limit))
	})
	return found, err
}
