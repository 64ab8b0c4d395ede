package sqlite

import (
	"context"
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) Endpoint(ctx context.Context, id string) (delivery.Endpoint, error) {
	var found delivery.Endpoint
	err := s.read(ctx, func(ctx context.Context, c *conn) error {
		r, err := c.one(ctx, "SELECT "+endpointColumns+" FROM endpoints WHERE id = ? AND deleted = 0", id)
		if err != nil {
			return err
		}
		if r == nil {
			return delivery.ErrNotFound
		}
		e, err := r.endpoint()
		if err == nil {
			found = e.Endpoint
		}
		return err
	})
	return found, err
}

func (s *Store) Endpoints(ctx context.Context, f delivery.EndpointFilter) ([]delivery.Endpoint, error) {
	var found []delivery.Endpoint
	err := s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			e, err := r.endpoint()
			if err == nil {
				found = append(found, e.Endpoint)
			}
			return err
		}, "SELECT "+endpointColumns+` FROM endpoints
			WHERE deleted = 0 AND id > ?1 AND (?2 = '' OR robot = ?2) AND (?3 = 0 OR robot = '') AND (?4 = '' OR state = ?4)
			ORDER BY id LIMIT ?5`, f.After, f.RobotID, flag(f.Operator), string(f.State), limit(f.Limit))
	})
	return found, err
}

// limit is that of a query; 0 is none.
func limit(n int) int64 {
	if n <= 0 {
		return -1
	}
	return int64(n)
}

func (s *Store) CreateEndpoint(ctx context.Context, e delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	err := s.write(ctx, func(c *conn) error {
		now := s.now()
		e.Version, e.CreatedAt, e.UpdatedAt = 1, fromMilli(milli(now)), fromMilli(milli(now))
		text, err := settingsOf(&e)
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, "INSERT INTO endpoints VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
			e.ID, e.RobotID, e.URL, string(e.State), text, e.Sealed, e.Version, milli(e.CreatedAt), milli(e.UpdatedAt)); err != nil {
			return urlTaken(err)
		}
		s.forget()
		if e.State != delivery.Active {
			num, err := c.num(ctx, "SELECT num FROM endpoints WHERE id = ?", e.ID)
			if err != nil {
				return err
			}
			s.unsettled[num] = true
		}
		return audit(ctx, c, now, a)
	})
	if err != nil {
		return delivery.Endpoint{}, err
	}
	return e, nil
}

func urlTaken(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return delivery.ErrURLTaken
	}
	return err
}

func (s *Store) UpdateEndpoint(ctx context.Context, e delivery.Endpoint, a delivery.Audit) (delivery.Endpoint, error) {
	err := s.write(ctx, func(c *conn) error {
		old, err := s.lookup(ctx, e.ID)
		if err != nil {
			return err
		}
		if old.deleted {
			return delivery.ErrNotFound
		}
		if old.Version != e.Version {
			return delivery.ErrVersion
		}
		now := s.now()
		if err := s.replace(ctx, c, old, e, now); err != nil {
			return err
		}
		e.RobotID, e.Version = old.RobotID, e.Version+1
		e.CreatedAt, e.UpdatedAt = old.CreatedAt, fromMilli(milli(now))
		return audit(ctx, c, now, a)
	})
	if err != nil {
		return delivery.Endpoint{}, err
	}
	return e, nil
}

// replace writes the settings of an endpoint in its next version.
func (s *Store) replace(ctx context.Context, c *conn, old *endpoint, e delivery.Endpoint, now time.Time) error {
	text, err := settingsOf(&e)
	if err != nil {
		return err
	}
	if _, err := c.exec(ctx, "UPDATE endpoints SET url = ?, state = ?, settings = ?, sealed = ?, version = version + 1, updated = ? WHERE num = ?",
		e.URL, string(e.State), text, e.Sealed, milli(now), old.num); err != nil {
		return urlTaken(err)
	}
	s.forget()
	if e.State == delivery.Active {
		s.freed = true
	} else {
		s.unsettled[old.num] = true
	}
	return nil
}

func (s *Store) DeleteEndpoint(ctx context.Context, id string, version int64, a delivery.Audit) error {
	return s.write(ctx, func(c *conn) error {
		e, err := s.lookup(ctx, id)
		if err != nil {
			return err
		}
		if e.deleted {
			return delivery.ErrNotFound
		}
		if version != 0 && version != e.Version {
			return delivery.ErrVersion
		}
		now := s.now()
		// What is left of it names it in deliveries. Its secrets go.
		if _, err := c.exec(ctx, "UPDATE endpoints SET deleted = ?, sealed = NULL, url = '', settings = '{}', updated = ?1, version = version + 1 WHERE num = ?2",
			milli(now), e.num); err != nil {
			return err
		}
		for _, of := range []string{"health", "activity", "activity_hours"} {
			if _, err := c.exec(ctx, "DELETE FROM "+of+" WHERE endpoint = ?", e.num); err != nil {
				return err
			}
		}
		s.forget()
		s.unsettled[e.num] = true
		return audit(ctx, c, now, a)
	})
}

func (s *Store) Health(ctx context.Context, id string) (h delivery.Health, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		num, err := c.num(ctx, "SELECT num FROM endpoints WHERE id = ? AND deleted = 0", id)
		if err != nil {
			return err
		}
		if num == 0 {
			return delivery.ErrNotFound
		}
		h, err = health(ctx, c, num)
		return err
	})
	return h, err
}

const tokenColumns = "id, name, role, robot, hash, created, expires"

func (r row) token() delivery.Token {
	t := delivery.Token{ID: r.text(0), Name: r.text(1), Role: r.text(2), RobotID: r.text(3), CreatedAt: r.milli(5), ExpiresAt: r.milli(6)}
	copy(t.Hash[:], r.blob(4))
	return t
}

func (s *Store) Tokens(ctx context.Context) (found []delivery.Token, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, r.token())
			return nil
		}, "SELECT "+tokenColumns+" FROM tokens ORDER BY created, id")
	})
	return found, err
}

func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (t delivery.Token, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		// Each request asks. It takes microseconds, so nothing watches over it.
		ctx = context.WithoutCancel(ctx)
		r, err := c.one(ctx, "SELECT "+tokenColumns+" FROM tokens WHERE hash = ? AND (expires = 0 OR expires > ?)", hash[:], milli(s.now()))
		if err != nil {
			return err
		}
		if r == nil {
			return delivery.ErrNotFound
		}
		t = r.token()
		return nil
	})
	return t, err
}

func (s *Store) CreateToken(ctx context.Context, t delivery.Token, a delivery.Audit) error {
	return s.write(ctx, func(c *conn) error {
		now := s.now()
		if t.CreatedAt.IsZero() {
			t.CreatedAt = now
		}
		if _, err := c.exec(ctx, "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)",
			t.ID, t.Name, t.Role, t.RobotID, t.Hash[:], milli(t.CreatedAt), milli(t.ExpiresAt)); err != nil {
			return err
		}
		return audit(ctx, c, now, a)
	})
}

func (s *Store) DeleteToken(ctx context.Context, id string, a delivery.Audit) error {
	return s.write(ctx, func(c *conn) error {
		n, err := c.exec(ctx, "DELETE FROM tokens WHERE id = ?", id)
		if err != nil {
			return err
		}
		if n == 0 {
			return delivery.ErrNotFound
		}
		return audit(ctx, c, s.now(), a)
	})
}

func audit(ctx context.Context, c *conn, now time.Time, a delivery.Audit) error {
	_, err := c.exec(ctx, "INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?)",
		milli(now), a.Actor, a.Action, a.Subject, a.RobotID, a.Changes)
	return err
}

func (s *Store) Audits(ctx context.Context, f delivery.AuditFilter, p delivery.Page) (found []delivery.Audit, err error) {
	err = s.read(ctx, func(ctx context.Context, c *conn) error {
		return c.query(ctx, func(r row) error {
			found = append(found, delivery.Audit{
				Seq: r.int(0), At: r.milli(1), Actor: r.text(2), Action: r.text(3),
				Subject: r.text(4), RobotID: r.text(5), Changes: r.blob(6),
			})
			return nil
		}, `SELECT seq, at, actor, action, subject, robot, changes FROM audit
			WHERE (?1 = 0 OR seq < ?1) AND (?2 = '' OR subject = ?2) AND (?3 = '' OR robot = ?3) AND (?4 = '' OR actor = ?4)
			ORDER BY seq DESC LIMIT ?5`, p.Before, f.Subject, f.RobotID, f.Actor, limit(p.Limit))
	})
	return found, err
}
