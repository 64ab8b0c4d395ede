// Package sqldedup has a [receiver.Deduplicator] in a table of a database, for
// receivers of several processes, or of one that must not forget when it ends.
// It works over [database/sql] with SQLite (3.24 or newer) and PostgreSQL, and
// needs a driver of the program's choice.
//
// A SQLite database may be opened as it is, by sql.Open("sqlite", "events.db"),
// and shared with other processes: where it is locked, a Deduplicator tries again
// for up to 10 seconds. It lets one goroutine at a time into the database, since
// SQLite lets in one writer. PRAGMA journal_mode=WAL, which a program sets once
// for a file, makes claims faster. A database in memory is one for each
// connection: call [sql.DB.SetMaxOpenConns] with 1.
package sqldedup

import (
	"context"
	cryptorand "crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// Dialect is the SQL that a database speaks.
type Dialect int

// The dialects. They differ in how they write parameters.
const (
	SQLite Dialect = iota + 1
	PostgreSQL
)

// DefaultTable is the name of the table if a [Config] has none.
const DefaultTable = "received_events"

// Config says where a [Deduplicator] keeps what it remembers.
type Config struct {
	// DB has the table. The Deduplicator doesn't close it.
	DB *sql.DB
	// Dialect is that of DB.
	Dialect Dialect
	// Table is its name, of letters, digits and _, with a schema and a full
	// stop before it if need be; "" means DefaultTable.
	Table string
	// Scope sets this receiver's events apart from those of others in the same
	// table: one event that is sent to two endpoints has the same webhook-id at
	// both. It is a name of the endpoint.
	Scope string
	// TTL is how long an event is remembered after it was handled; 0 means
	// receiver.DefaultTTL.
	TTL time.Duration
	// Lease is how long a claim holds that is neither committed nor released,
	// because its process has died, say; 0 means receiver.DefaultLease. The
	// clocks of processes that share a table have to agree to within a fraction
	// of it.
	Lease time.Duration
}

// A Deduplicator remembers in a table. Rows that are past their time are
// deleted as it goes. It may be used by several goroutines and processes at once.
type Deduplicator struct {
	config                                    Config
	create                                    []string
	claim, look, commit, release, deleteStale string
	pruned                                    atomic.Int64  // when, in milliseconds since 1970
	turn                                      chan struct{} // holds one while somebody is in a SQLite database; nil for others
}

const (
	pruneEvery = time.Minute
	pruneMost  = 1000 // rows at a time, so that no claim waits long for it

	// busyTimeout is how long a SQLite database may be locked by others before a
	// delivery is refused for now. Senders wait some 30 seconds for an answer.
	busyTimeout = 10 * time.Second
	// While it is locked it is tried again after busyWait, then after twice as
	// long, and so on.
	busyWait, maxBusyWait = time.Millisecond, 50 * time.Millisecond

	// withdrawTimeout is how long it may take to take back a claim that failed.
	withdrawTimeout = 5 * time.Second
)

// errNotBegun wraps the reason why a statement wasn't begun, and so changed nothing.
var errNotBegun = errors.New("the statement was not begun")

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// New returns the Deduplicator of a table, which [Deduplicator.CreateTable] or a
// migration of yours has to make. An error says what is wrong with config.
func New(config Config) (*Deduplicator, error) {
	if config.Table == "" {
		config.Table = DefaultTable
	}
	switch {
	case config.DB == nil:
		return nil, errors.New("sqldedup: Config.DB is not set")
	case config.Dialect != SQLite && config.Dialect != PostgreSQL:
		return nil, errors.New("sqldedup: Config.Dialect is not set; take SQLite or PostgreSQL")
	case !tableName.MatchString(config.Table):
		return nil, fmt.Errorf("sqldedup: Config.Table is %q; take letters, digits and _, with a schema and a full stop before it if need be", config.Table)
	case config.TTL < 0 || config.Lease < 0:
		return nil, fmt.Errorf("sqldedup: Config.TTL is %v and Config.Lease %v; neither can be negative", config.TTL, config.Lease)
	}
	if config.TTL == 0 {
		config.TTL = receiver.DefaultTTL
	}
	if config.Lease == 0 {
		config.Lease = receiver.DefaultLease
	}
	d := &Deduplicator{config: config}
	if config.Dialect == SQLite {
		d.turn = make(chan struct{}, 1)
	}
	table := strings.NewReplacer("{table}", config.Table, "{index}", strings.ReplaceAll(config.Table, ".", "_")+"_expires_at")
	d.create = []string{table.Replace(createTable), table.Replace(createIndex)}
	d.claim, d.look = d.statement(table, claim), d.statement(table, look)
	d.commit, d.release = d.statement(table, commit), d.statement(table, release)
	d.deleteStale = d.statement(table, deleteStale)
	return d, nil
}

const (
	createTable = `CREATE TABLE IF NOT EXISTS {table} (
	scope      TEXT NOT NULL,
	event_key  TEXT NOT NULL,
	token      TEXT NOT NULL,    -- of the claim that the row is
	done       INTEGER NOT NULL, -- 1 once it is committed
	expires_at BIGINT NOT NULL,  -- milliseconds since 1970
	PRIMARY KEY (scope, event_key)
)`
	createIndex = `CREATE INDEX IF NOT EXISTS {index} ON {table} (expires_at)`

	// claim is one statement, so that of two who claim at once one gets it.
	claim = `INSERT INTO {table} AS held (scope, event_key, token, done, expires_at)
VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (scope, event_key) DO UPDATE
SET token = excluded.token, done = 0, expires_at = excluded.expires_at
WHERE held.expires_at <= $5`
	look        = `SELECT done FROM {table} WHERE scope = $1 AND event_key = $2`
	commit      = `UPDATE {table} SET done = 1, expires_at = $1 WHERE scope = $2 AND event_key = $3 AND token = $4 AND done = 0`
	release     = `DELETE FROM {table} WHERE scope = $1 AND event_key = $2 AND token = $3 AND done = 0`
	deleteStale = `DELETE FROM {table} WHERE (scope, event_key) IN
(SELECT scope, event_key FROM {table} WHERE expires_at <= $1 LIMIT $2)`
)

// statement returns a statement as the dialect writes it.
func (d *Deduplicator) statement(table *strings.Replacer, text string) string {
	if d.config.Dialect == SQLite {
		text = strings.ReplaceAll(text, "$", "?")
	}
	return table.Replace(text)
}

// Schema returns the statements that make the table, for a migration.
func (d *Deduplicator) Schema() string { return strings.Join(d.create, ";\n") + ";\n" }

// CreateTable makes the table if it isn't there.
func (d *Deduplicator) CreateTable(ctx context.Context) error {
	for _, statement := range d.create {
		if _, err := d.exec(ctx, statement); err != nil {
			return fmt.Errorf("sqldedup: creating the table %s: %w", d.config.Table, err)
		}
	}
	return nil
}

// Claim implements [receiver.Deduplicator].
func (d *Deduplicator) Claim(ctx context.Context, key string) (receiver.Claim, error) {
	now := time.Now()
	if err := d.prune(ctx, now); err != nil {
		return receiver.Claim{}, err
	}
	c := receiver.Claim{Key: key, State: receiver.Claimed, Token: cryptorand.Text()}
	// A row that is in the way may be gone when it is looked at: then it is
	// claimed anew.
	for range 3 {
		changed, err := d.exec(ctx, d.claim, d.config.Scope, key, c.Token, now.Add(d.config.Lease).UnixMilli(), now.UnixMilli())
		if err != nil {
			return receiver.Claim{}, fmt.Errorf("sqldedup: claiming an event: %w", errors.Join(err, d.withdraw(ctx, c, err)))
		}
		if changed > 0 {
			return c, nil
		}
		var done bool
		err = d.do(ctx, func(ctx context.Context) error {
			return d.config.DB.QueryRowContext(ctx, d.look, d.config.Scope, key).Scan(&done)
		})
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return receiver.Claim{}, fmt.Errorf("sqldedup: looking for an event: %w", err)
		case done:
			return receiver.Claim{Key: key, State: receiver.Done}, nil
		}
		break
	}
	return receiver.Claim{Key: key, State: receiver.Busy}, nil
}

// withdraw releases the claim c, whose statement failed by err. It may have been
// done anyway: the sender went away, or the connection to the database was
// lost, before the answer to it came. Nobody would handle the event, then, and
// until the end of the lease its repetitions would be turned away.
func (d *Deduplicator) withdraw(ctx context.Context, c receiver.Claim, err error) error {
	if errors.Is(err, errNotBegun) || d.turn != nil && isLocked(err) {
		return nil // nothing was changed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	return d.Release(ctx, c)
}

// Commit implements [receiver.Deduplicator].
func (d *Deduplicator) Commit(ctx context.Context, c receiver.Claim) error {
	expires := time.Now().Add(d.config.TTL).UnixMilli()
	if _, err := d.exec(ctx, d.commit, expires, d.config.Scope, c.Key, c.Token); err != nil {
		return fmt.Errorf("sqldedup: committing an event: %w", err)
	}
	return nil
}

// Release implements [receiver.Deduplicator].
func (d *Deduplicator) Release(ctx context.Context, c receiver.Claim) error {
	if _, err := d.exec(ctx, d.release, d.config.Scope, c.Key, c.Token); err != nil {
		return fmt.Errorf("sqldedup: releasing an event: %w", err)
	}
	return nil
}

// prune deletes some rows that are past their time, now and then.
func (d *Deduplicator) prune(ctx context.Context, now time.Time) error {
	last := d.pruned.Load()
	if now.UnixMilli()-last < pruneEvery.Milliseconds() || !d.pruned.CompareAndSwap(last, now.UnixMilli()) {
		return nil
	}
	deleted, err := d.exec(ctx, d.deleteStale, now.UnixMilli(), pruneMost)
	if err != nil {
		return fmt.Errorf("sqldedup: deleting old events: %w", err)
	}
	if deleted == pruneMost {
		d.pruned.Store(last) // there is more to do
	}
	return nil
}

func (d *Deduplicator) exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	err = d.do(ctx, func(ctx context.Context) error {
		result, err := d.config.DB.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// do runs one statement. With SQLite, it waits for its turn, and tries again
// while the database is locked: a statement that finds it so has changed nothing.
func (d *Deduplicator) do(ctx context.Context, statement func(context.Context) error) error {
	if d.turn == nil {
		return statement(ctx)
	}
	timeout := time.NewTimer(busyTimeout)
	defer timeout.Stop()
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errNotBegun, context.Cause(ctx))
	case <-timeout.C:
		return fmt.Errorf("%w: waited %v for other statements", errNotBegun, busyTimeout)
	}
	for wait := busyWait; ; wait = min(2*wait, maxBusyWait) {
		err := statement(ctx)
		if err == nil || !isLocked(err) {
			return err
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)): // not in step with another process
		case <-ctx.Done():
			return fmt.Errorf("%w, until: %w", err, context.Cause(ctx))
		case <-timeout.C:
			return fmt.Errorf("%w, for %v", err, busyTimeout)
		}
	}
}

// isLocked reports whether a statement failed because somebody else is in a SQLite
// database (SQLITE_BUSY, SQLITE_LOCKED). Each driver has error types of its own;
// the text is SQLite's.
func isLocked(err error) bool {
	text := err.Error()
	return strings.Contains(text, "database is locked") || strings.Contains(text, "table is locked") ||
		strings.Contains(text, "SQLITE_BUSY")
}
