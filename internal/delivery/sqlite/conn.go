package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/runhooks/runhooks/internal/delivery"
)

// A conn is a connection of the driver, without database/sql: each statement is
// prepared once, and nothing is locked or checked for each call. It is used by one
// goroutine at a time.
type conn struct {
	c     driver.Conn
	stmts map[string]stmt
	args  []driver.NamedValue
}

type stmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func connect(ctx context.Context, dsn string) (*conn, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, explain(err)
	}
	return &conn{c: c, stmts: map[string]stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// prepare returns the statement of an SQL text, which must be one of a bounded
// number of texts, and binds args.
func (c *conn) prepare(sql string, args []any) (stmt, error) {
	s, ok := c.stmts[sql]
	if !ok {
		p, err := c.c.Prepare(sql)
		if err != nil {
			return nil, fmt.Errorf("%w in: %s", explain(err), sql)
		}
		s = p.(stmt)
		c.stmts[sql] = s
	}
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s, nil
}

// exec returns how many rows were changed. Arguments are int64, string, []byte
// or nil.
func (c *conn) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	s, err := c.prepare(sql, args)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(ctx, c.args)
	if err != nil {
		return 0, explain(err)
	}
	return r.RowsAffected()
}

// errStop ends a query early, without an error.
var errStop = errors.New("stop")

// query calls each for each row. The row is overwritten by the next.
func (c *conn) query(ctx context.Context, each func(row) error, sql string, args ...any) error {
	s, err := c.prepare(sql, args)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, c.args)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	r := make(row, len(rows.Columns()))
	for {
		if err := rows.Next(r); err == io.EOF {
			return nil
		} else if err != nil {
			return explain(err)
		}
		if err := each(r); err == errStop {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// one returns the only row, or nil.
func (c *conn) one(ctx context.Context, sql string, args ...any) (found row, err error) {
	err = c.query(ctx, func(r row) error { found = r; return errStop }, sql, args...)
	return found, err
}

// pragma runs one that SQLite obeys when it is prepared, so that a statement kept
// would do nothing.
func (c *conn) pragma(ctx context.Context, sql string) error {
	p, err := c.c.Prepare(sql)
	if err != nil {
		return explain(err)
	}
	defer p.Close()
	_, err = p.(stmt).ExecContext(ctx, nil)
	return explain(err)
}

// num returns the only number of the only row, or 0.
func (c *conn) num(ctx context.Context, sql string, args ...any) (int64, error) {
	r, err := c.one(ctx, sql, args...)
	if r == nil {
		return 0, err
	}
	return r.int(0), err
}

// A row has the columns of one. NULL is the zero value of each type.
type row []driver.Value

func (r row) int(i int) int64       { v, _ := r[i].(int64); return v }
func (r row) text(i int) string     { v, _ := r[i].(string); return v }
func (r row) blob(i int) []byte     { v, _ := r[i].([]byte); return v }
func (r row) bool(i int) bool       { return r.int(i) != 0 }
func (r row) milli(i int) time.Time { return fromMilli(r.int(i)) }
func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// milli is 0 for the zero time, which means never or at once.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// explain says what to do where it can, and makes errors.Is find the errors of
// package delivery.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: nothing of this was stored, and what was stored before is safe; free space on the disk of the data folder: %w", delivery.ErrFull, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: %w", delivery.ErrLocked, err)
	}
	return err
}
