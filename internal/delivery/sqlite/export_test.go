package sqlite

import "context"

// Exec runs SQL as the writer does.
func (s *Store) Exec(ctx context.Context, sql string, args ...any) error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	_, err := s.w.exec(ctx, sql, args...)
	return err
}

// Dump calls each with all values of all tables.
func (s *Store) Dump(ctx context.Context, each func(table string, value any)) error {
	return s.work(ctx, func(c *conn) error {
		var tables []string
		if err := c.query(ctx, func(r row) error { tables = append(tables, r.text(0)); return nil },
			"SELECT name FROM sqlite_schema WHERE type = 'table'"); err != nil {
			return err
		}
		for _, table := range tables {
			if err := c.query(ctx, func(r row) error {
				for _, v := range r {
					each(table, v)
				}
				return nil
			}, "SELECT * FROM "+table); err != nil {
				return err
			}
		}
		return nil
	})
}
