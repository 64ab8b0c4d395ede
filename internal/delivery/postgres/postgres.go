// Package postgres keeps the rows of package delivery in PostgreSQL, for any number
// of nodes. Everything is in the schema runhooks.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/runhooks/runhooks/internal/delivery"
)

const (
	// minVersion is the oldest server that this works with, as it numbers itself.
	minVersion = 150000
	// migrationLock is the advisory lock of a node that migrates.
	migrationLock = 1919183722
	// nodeLocks is the first key of nodes' advisory locks; the second is the node.
	nodeLocks = 1919183723
	// ingestLock is the advisory lock of a node that empties the outbox.
	ingestLock = 1919183724
	// retainLock is the advisory lock of a node that removes what is old.
	retainLock = 1919183725
)

//go:embed migrations/*.sql
var migrations embed.FS

// A Store is one process's access to the database.
type Store struct {
	pool    *pgxpool.Pool
	session *session
	stop    context.CancelFunc
	done    sync.WaitGroup
	ttl     time.Duration // of leases

	// node is this process's number since Join, or 0.
	node     atomic.Int32
	delivers atomic.Bool

	mu sync.Mutex
	// known are the endpoints that the engine knows it owns, with their epochs.
	known map[string]int64
	// unsure says that a call whose answer was lost may have made this node the
	// owner of endpoints that the engine doesn't know of.
	unsure bool
	// seen are the versions of endpoints that Renew last looked at.
	seen map[string]int64
	// horizon is before the first transaction that Renew hasn't looked at.
	horizon string

	wakes chan wake
	hints chan string
	// dropAfter is when partitions may be dropped again, after others kept one.
	dropAfter time.Time
	// shelved is when partitions were last created ahead.
	shelved time.Time
}

// Open connects to the database at url, which is a postgres:// URL or a list of
// keywords and values, migrates it, and returns a store on it. Its error is
// delivery.ErrNewer if a newer release has migrated the database.
func Open(ctx context.Context, url string) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err) // pgx leaves the password out
	}
	for name, value := range map[string]string{
		"application_name":                    "runhooks",
		"statement_timeout":                   "30000",
		"idle_in_transaction_session_timeout": "10000",
		"timezone":                            "UTC",
		// Plans are kept from when a table was small, or taken for it. Here an index
		// is never much slower than what they would do then, and often much faster.
		"enable_seqscan":   "off",
		"enable_hashjoin":  "off",
		"enable_mergejoin": "off",
		"jit":              "off",
	} {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	// Whatever is the server's default, what is answered for is on disk.
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if config.MaxConns < 12 {
		config.MaxConns = 12
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	s := &Store{
		pool: pool, ttl: ttl, known: map[string]int64{}, horizon: "0",
		wakes: make(chan wake, 1024), hints: make(chan string, 4096),
	}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.session = newSession(config.ConnConfig.Copy(), s.heard)
	s.done.Go(func() { s.session.run(running) })
	s.done.Go(func() { s.wake(running) })
	return s, nil
}

// migrate makes the schema what this release knows. Nodes that start at once wait
// for each other.
func (s *Store) migrate(ctx context.Context) error {
	var version int
	if err := s.pool.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return err
	}
	if version < minVersion {
		return fmt.Errorf("the server is PostgreSQL %d; use 15 or newer", version/10000)
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 30))
	if err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	// goose's own table is in the schema, which must exist before it.
	if err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, "SELECT to_regnamespace('runhooks') IS NOT NULL").Scan(&exists); err != nil || exists {
			return err
		}
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS runhooks")
		return err
	}); err != nil {
		return fmt.Errorf("create the schema runhooks: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName("runhooks.goose_db_version"), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if current > known {
		return fmt.Errorf("%w: its schema is version %d, and this release knows %d; run a release that is as new", delivery.ErrNewer, current, known)
	}
	return s.shelve(ctx)
}

// shelve creates the partitions of the days around today.
func (s *Store) shelve(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `SELECT pg_advisory_xact_lock($1), runhooks.shelve(d::date)
		FROM generate_series(runhooks.today() - 1, runhooks.today() + 3, '1 day') AS d`, migrationLock)
	if err != nil {
		return fmt.Errorf("create partitions: %w", err)
	}
	return nil
}

// Ping says whether the store can be written to: it writes a little.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "SELECT pg_current_xact_id()")
	return failed("ping", err)
}

// Close leaves, if it can, and closes all connections.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.Leave(ctx) // otherwise others see soon that the lock is free
	s.end()
	return nil
}

func (s *Store) end() {
	s.stop()
	s.done.Wait()
	s.pool.Close()
}

// failed says in which call an error came up, and which of package delivery it is.
func failed(call string, err error) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "53100": // disk_full
			return fmt.Errorf("postgres: %s: %w: %w", call, delivery.ErrFull, err)
		}
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return delivery.ErrNotFound
	}
	return fmt.Errorf("postgres: %s: %w", call, err)
}

// again says that a transaction was rolled back only because of what others did at
// the same time.
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40P01" || e.Code == "40001")
}

var _ delivery.Store = (*Store)(nil)
