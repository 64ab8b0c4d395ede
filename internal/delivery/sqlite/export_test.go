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

// ActivityPlans returns how SQLite carries out the queries of Activity and Robots.
func (s *Store) ActivityPlans(ctx context.Context) (map[string][]string, error) {
	plans := map[string][]string{}
	err := s.work(ctx, func(c *conn) error {
		for name, q := range map[string]struct {
			sql  string
			args []any
		}{
			"activityOf": {activityOf, []any{"", int64(0)}}, "hoursOf": {hoursOf, []any{int64(0), int64(0)}},
			"unnoted": {unnoted, nil}, "nextRobot": {nextRobot, []any{""}}, "robotOf": {robotOf, []any{""}},
			"robotHours": {robotHours, []any{"", int64(0)}},
		} {
			if err := c.query(ctx, func(r row) error {
				plans[name] = append(plans[name], r.text(3))
				return nil
			}, "EXPLAIN QUERY PLAN "+q.sql, q.args...); err != nil {
				return err
			}
		}
		return nil
	})
	return plans, err
}
