// Package sqlite keeps events, deliveries and settings in one SQLite database, for one
// process: the store that a service uses by default.
//
// One connection writes, and few read. What is committed is on disk: the journal is
// a write-ahead log that is synced at each commit. The log is copied to the database
// by the store itself, so that it stays small under load. Ownership of endpoints is
// kept in memory, because this process is alone.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Files of the data folder.
const (
	File     = "runhooks.db"
	lockFile = "runhooks.lock"
)

const (
	// pageSize is that of new databases.
	pageSize = 4096
	// The log is copied when it has this many pages.
	checkpointPages = 4096
	// A log that had to grow beyond this is cut when it is empty.
	logLimit  = 64 << 20
	copyPause = 50 * time.Millisecond
	// readTime bounds a query of the API, because the log can't be emptied below
	// what a query still reads.
	readTime = 5 * time.Second
	readers  = 3
)

// Options are those of a store. The zero value is right.
type Options struct {
	// Clock is the store's clock instead of the machine's, for tests.
	Clock func() time.Time
}

// A Store is a [delivery.Store].
type Store struct {
	path string
	lock *os.File
	now  func() time.Time

	// writing has one place, and whoever fills it has the fields below.
	writing chan struct{}
	w       *conn
	undo    []func() // what a rollback undoes in memory
	freed   bool     // there is more to claim once the transaction is committed
	next    counters
	block   block
	owned   map[string]int64 // by endpoint: the epoch
	epoch   int64
	node    string // empty is none
	deliver bool
	// unsettled are endpoints that may have deliveries that don't fit to them.
	unsettled map[int64]bool
	closed    bool

	// working is the connection of Due, Peek and Claim, and reading those of the
	// rest: a slow list stops no delivery.
	working chan *conn
	reading chan *conn

	mu    sync.RWMutex
	cache cache

	retaining sync.Mutex
	pass      pass

	// unclaimed is after which endpoint those may come that have work and no
	// owner, or -1.
	unclaimed atomic.Int64

	copier   *conn
	copy     chan struct{} // the log should be copied
	done     chan struct{}
	stopped  sync.WaitGroup
	copyFail atomic.Pointer[error]
	erased   atomic.Bool // the log may have what was erased
	noSpace  atomic.Bool // the last write found none
}

type counters struct{ event, delivery int64 }

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the database in the folder dir, and makes both if they don't exist. The
// error is delivery.ErrLocked while another process has it, and delivery.ErrNewer if
// a newer release made it.
func Open(ctx context.Context, dir string, o Options) (_ *Store, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	s := &Store{
		path:      filepath.Join(dir, File),
		now:       o.Clock,
		writing:   make(chan struct{}, 1),
		owned:     map[string]int64{},
		unsettled: map[int64]bool{},
		working:   make(chan *conn, 1),
		reading:   make(chan *conn, readers),
		copy:      make(chan struct{}, 1),
		done:      make(chan struct{}),
	}
	if s.now == nil {
		// A step of the machine's clock must not make everything due, or nothing.
		start := time.Now()
		s.now = func() time.Time { return start.Round(0).Add(time.Since(start)) }
	}
	if s.lock, err = lock(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := prepare(ctx, s.path); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	if err := s.load(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	s.stopped.Go(s.copyLog)
	return s, nil
}

// lock takes the folder for this process.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	taken, err := tryLock(f)
	if taken {
		err = fmt.Errorf("%w: stop the other runhooks serve that uses %s, or choose another folder", delivery.ErrLocked, dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// prepare makes the file, and migrates it.
func prepare(ctx context.Context, path string) error {
	// Closing any other descriptor of the file drops the locks of the usual kind.
	if _, err := sqlite.OFDLocking(true); err != nil && !errors.Is(err, sqlite.ErrOFDLockingUnavailable) {
		return err
	}
	// It syncs what is needed to read the data, and not the times of the file.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	connector, err := sqlite.NewConnector(dsn(path, fmt.Sprintf("page_size(%d)", pageSize), "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)

	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return explain(err)
	}
	if !atLeast(version, 3, 51, 3) {
		return fmt.Errorf("SQLite %s can corrupt a write-ahead log; this needs 3.51.3 or newer", version)
	}
	p, err := migrator(db)
	if err != nil {
		return err
	}
	if err := notNewer(ctx, p); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return explain(err)
	}
	return nil
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files)
}

func notNewer(ctx context.Context, p *goose.Provider) error {
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return explain(err)
	}
	if current > known {
		return fmt.Errorf("%w: it has version %d, and this release knows %d; install the newer release, or restore a backup of before the upgrade",
			delivery.ErrNewer, current, known)
	}
	return nil
}

func atLeast(version string, want ...int) bool {
	var v [3]int
	fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2])
	for i, w := range want {
		if v[i] != w {
			return v[i] > w
		}
	}
	return true
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas}
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

func (s *Store) connect(ctx context.Context) (err error) {
	const usual, patient = "synchronous(FULL)", "busy_timeout(5000)"
	if s.w, err = connect(ctx, dsn(s.path, usual, patient, "wal_autocheckpoint(0)", "cache_size(-32768)",
		fmt.Sprintf("journal_size_limit(%d)", logLimit))); err != nil {
		return err
	}
	if s.copier, err = connect(ctx, dsn(s.path, usual, "busy_timeout(100)", "wal_autocheckpoint(0)")); err != nil {
		return err
	}
	c, err := connect(ctx, dsn(s.path, patient, "query_only(1)", "cache_size(-16384)"))
	if err != nil {
		return err
	}
	s.working <- c
	for range readers {
		c, err := connect(ctx, dsn(s.path, patient, "query_only(1)", "cache_size(-4096)"))
		if err != nil {
			return err
		}
		s.reading <- c
	}
	return nil
}

// load reads what is kept in memory.
func (s *Store) load(ctx context.Context) error {
	kept, err := s.w.one(ctx, "SELECT event, delivery FROM counters")
	if err != nil {
		return err
	}
	s.next = counters{kept.int(0), kept.int(1)}
	event, err := s.w.num(ctx, "SELECT max(seq) FROM events")
	if err != nil {
		return err
	}
	last, err := s.w.num(ctx, "SELECT max(id) FROM deliveries")
	if err != nil {
		return err
	}
	s.next.event = max(s.next.event, event+1)
	s.next.delivery = max(s.next.delivery, last+1)
	if err := s.loadBlock(ctx); err != nil {
		return err
	}
	return s.w.query(ctx, func(r row) error {
		s.unsettled[r.int(0)] = true
		return nil
	}, "SELECT num FROM endpoints WHERE deleted <> 0 OR state <> 'active'")
}

// Close waits for what is under way.
func (s *Store) Close() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.closed {
		return nil
	}
	s.closed = true
	close(s.done)
	s.stopped.Wait()
	return s.release()
}

func (s *Store) release() error {
	var errs []error
	closeAll := func(c *conn) {
		if c != nil {
			errs = append(errs, c.close())
		}
	}
	if s.copier != nil { // all were opened
		closeAll(<-s.working)
		for range readers {
			closeAll(<-s.reading)
		}
	}
	closeAll(s.copier)
	closeAll(s.w) // the last: it empties the log
	return errors.Join(append(errs, s.lock.Close())...)
}

var errClosed = errors.New("the store is closed")

// write runs f in a transaction: all that it changes, in memory, too, or nothing.
func (s *Store) write(ctx context.Context, f func(c *conn) error) (err error) {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.writing }()
	if s.closed {
		return errClosed
	}

	// A transaction that has begun isn't interrupted.
	ctx = context.WithoutCancel(ctx)
	next, block := s.next, s.block
	s.undo, s.freed = s.undo[:0], false
	defer func() {
		if err == nil {
			return
		}
		if errors.Is(err, delivery.ErrFull) {
			s.noSpace.Store(true)
		}
		// It fails if SQLite has rolled back by itself, which is as good.
		_, _ = s.w.exec(ctx, "ROLLBACK")
		for i := len(s.undo) - 1; i >= 0; i-- {
			s.undo[i]()
		}
		s.next, s.block = next, block
		s.forget()
	}()
	if _, err := s.w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err := f(s.w); err != nil {
		return err
	}
	if _, err := s.w.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	if s.freed {
		// Not before: a Claim that reads meanwhile wouldn't see it, and none would
		// look again.
		s.unclaimed.Store(0)
	}
	s.checkLog(ctx)
	return nil
}

// read runs f with a connection that only reads.
func (s *Store) read(ctx context.Context, f func(ctx context.Context, c *conn) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readTime, errors.New("this took too long: narrow it by a filter"))
	defer cancel()
	select {
	case c := <-s.reading:
		defer func() { s.reading <- c }()
		if err := f(ctx, c); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		return nil
	case <-s.done:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work runs f with the connection for deliveries.
func (s *Store) work(ctx context.Context, f func(c *conn) error) error {
	select {
	case c := <-s.working:
		defer func() { s.working <- c }()
		return f(c)
	case <-s.done:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Ping says whether the store can be written to.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.copyFail.Load(); err != nil {
		s.copySoon() // whether it can be now, the next call knows
		return fmt.Errorf("copy the write-ahead log to the database: %w", *err)
	}
	if s.noSpace.Load() {
		// A small write may find its place in the log as it is, and a large one not.
		if err := s.probe(); err != nil {
			return fmt.Errorf("%w: free space on the disk of the data folder: %w", delivery.ErrFull, err)
		}
		s.noSpace.Store(false)
	}
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec(ctx, "UPDATE counters SET event = event")
		return err
	})
}

// probe says whether there is some space on the disk.
func (s *Store) probe() error {
	f, err := os.CreateTemp(filepath.Dir(s.path), "probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 1<<20))
	return errors.Join(err, f.Sync(), f.Close())
}

// checkLog asks for the log to be copied if it has become large.
func (s *Store) checkLog(ctx context.Context) {
	// NOOP only tells how large it is.
	r, err := s.w.one(ctx, "PRAGMA wal_checkpoint(NOOP)")
	if err != nil || r == nil || r.int(1)-r.int(2) < checkpointPages && r.int(1) < 2*checkpointPages {
		return
	}
	s.copySoon()
}

func (s *Store) copySoon() {
	select {
	case s.copy <- struct{}{}:
	default:
	}
}

// copyRest copies what is left of the log while the writer waits. If the log has what
// was erased, it is emptied, as soon as nobody reads it.
func (s *Store) copyRest(ctx context.Context) error {
	if !s.erased.Load() {
		_, err := s.copier.one(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		return err
	}
	r, err := s.copier.one(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return err
	}
	if busy := r.bool(0); busy {
		s.copySoon()
	} else {
		s.erased.Store(false)
	}
	return nil
}

// copyLog copies the log to the database whenever that is due. Most is copied while
// others write. Then the writer waits while the rest is, so that the log is empty and
// begins anew: under load it would never be otherwise.
func (s *Store) copyLog() {
	ctx := context.Background()
	for {
		select {
		case <-s.done:
			return
		case <-s.copy:
		}
		_, err := s.copier.one(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		if err == nil {
			select {
			case <-s.done:
				return
			case s.writing <- struct{}{}:
			}
			err = s.copyRest(ctx)
			<-s.writing
		}
		if err != nil {
			s.copyFail.Store(&err)
		} else {
			s.copyFail.Store(nil)
		}
		// While a reader keeps the log from being empty, copying doesn't help.
		select {
		case <-s.done:
			return
		case <-time.After(copyPause):
		}
	}
}
