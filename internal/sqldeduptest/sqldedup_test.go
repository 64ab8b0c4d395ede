// Package sqldeduptest tests pkg/receiver/sqldedup with databases, whose drivers no
// importer of that package should get.
package sqldeduptest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/receiver/sqldedup"
	"github.com/runhooks/runhooks/pkg/signature"
)

func openDB(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func sqlite(t testing.TB) *sql.DB {
	t.Helper()
	return openDB(t, "sqlite", filepath.Join(t.TempDir(), "events.db"))
}

func open(t testing.TB, config sqldedup.Config) *sqldedup.Deduplicator {
	t.Helper()
	d, err := sqldedup.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there
		if err := d.CreateTable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestSQLite(t *testing.T) {
	receivertest.TestDeduplicator(t, func(t *testing.T, l receivertest.Limits) receiver.Deduplicator {
		return open(t, sqldedup.Config{DB: sqlite(t), Dialect: sqldedup.SQLite, TTL: l.TTL, Lease: l.Lease})
	})
}

// TestSQLiteClaimCutOff: a sender that goes away during the claim comes again soon,
// and then nobody has the event.
func TestSQLiteClaimCutOff(t *testing.T) {
	d := open(t, sqldedup.Config{DB: sqlite(t), Dialect: sqldedup.SQLite})
	for i, cutOff := 0, 0; cutOff < 100; i++ {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(i%500)*time.Microsecond, cancel) // as claims take
		key := fmt.Sprint("webhook-id:", i)
		_, err := d.Claim(ctx, key)
		cancel()
		if err == nil {
			continue
		}
		cutOff++
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if c, err := d.Claim(t.Context(), key); err != nil || c.State != receiver.Claimed {
			t.Fatalf("claim %d, which was cut off, is in the way: %+v, %v", i, c, err)
		}
	}
}

// TestPostgreSQL takes a database from POSTGRES_URL, and makes tables of its own
// in it. Its clock can be a bubble's: while a test sleeps nobody waits for the
// network, which alone would hold the clock up.
func TestPostgreSQL(t *testing.T) {
	url := os.Getenv("POSTGRES_URL")
	if url == "" {
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatal("PostgreSQL is required: run this by scripts/postgres.sh, or set POSTGRES_URL")
		}
		t.Skip("PostgreSQL: POSTGRES_URL is not set")
	}
	db := openDB(t, "pgx", url)
	schema := fmt.Sprintf("sqldedup_%d", time.Now().UnixNano())
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	tables := 0
	receivertest.TestDeduplicator(t, func(t *testing.T, l receivertest.Limits) receiver.Deduplicator {
		tables++
		return open(t, sqldedup.Config{
			// A connection of the bubble's own.
			DB: openDB(t, "pgx", url), Dialect: sqldedup.PostgreSQL, Table: fmt.Sprintf("%s.events_%d", schema, tables),
			TTL: l.TTL, Lease: l.Lease,
		})
	})
	t.Run("prune", func(t *testing.T) { testPrune(t, db, sqldedup.PostgreSQL, schema+".pruned") })
}

// TestPlainSQLite: a database that was opened without a word of how, by one
// process or by two, refuses nobody while eight send at once.
func TestPlainSQLite(t *testing.T) {
	const senders, deliveries = 8, 400
	payload := receivertest.DocumentedCompleted.Payload()
	for _, processes := range []int{1, 2} {
		t.Run(fmt.Sprint(processes), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "events.db")
			secret := signature.NewSecret()
			var handled atomic.Int64
			var receivers []*receiver.Receiver
			for range processes {
				rc, err := receiver.New(receiver.Handlers{
					Event: func(context.Context, *receiver.Delivery) error { handled.Add(1); return nil },
				}, receiver.Options{
					Verifier:     &signature.Verifier{Secrets: []signature.Secret{secret}},
					Deduplicator: open(t, sqldedup.Config{DB: openDB(t, "sqlite", file), Dialect: sqldedup.SQLite}),
					Logger:       slog.New(slog.DiscardHandler),
					Observer: func(_ context.Context, d *receiver.Decision) {
						if d.Err != nil {
							t.Errorf("%s: %v", d.Disposition, d.Err)
						}
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				receivers = append(receivers, rc)
			}
			var next atomic.Int64
			var group sync.WaitGroup
			for range senders {
				group.Go(func() {
					for i := next.Add(1); i <= deliveries; i = next.Add(1) {
						w := httptest.NewRecorder()
						receivers[i%int64(processes)].ServeHTTP(w, receivertest.Signed(t, secret, payload))
						if w.Code != http.StatusNoContent {
							t.Errorf("status %d: %s", w.Code, w.Body)
						}
					}
				})
			}
			group.Wait()
			if n := handled.Load(); n != deliveries {
				t.Errorf("%d events were handled, want %d", n, deliveries)
			}
		})
	}
}

// TestLockedSQLite: while somebody else is writing, a claim waits, for a while,
// and no longer than its request.
func TestLockedSQLite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "events.db")
		d := open(t, sqldedup.Config{DB: openDB(t, "sqlite", file), Dialect: sqldedup.SQLite})
		other, err := openDB(t, "sqlite", file).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lock := func(statement string) {
			t.Helper()
			if _, err := other.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}

		lock("BEGIN EXCLUSIVE")
		time.AfterFunc(5*time.Second, func() { lock("ROLLBACK") })
		if c, err := d.Claim(t.Context(), "in time"); err != nil || c.State != receiver.Claimed {
			t.Errorf("%+v, %v", c, err)
		}

		lock("BEGIN EXCLUSIVE")
		began := time.Now()
		if _, err := d.Claim(t.Context(), "never"); err == nil || !strings.Contains(err.Error(), "locked") {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("it took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.Claim(ctx, "never"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		lock("ROLLBACK")
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestScopes: one event that is sent to two endpoints is handled at both.
func TestScopes(t *testing.T) {
	db := sqlite(t)
	for _, scope := range []string{"", "a", "b"} {
		c, err := open(t, sqldedup.Config{DB: db, Dialect: sqldedup.SQLite, Scope: scope}).Claim(t.Context(), "key")
		if err != nil || c.State != receiver.Claimed {
			t.Errorf("scope %q: %+v, %v", scope, c, err)
		}
	}
}

// TestSurvives: what was handled is known after a restart, and so is what was
// not handled to its end.
func TestSurvives(t *testing.T) {
	db := sqlite(t)
	config := sqldedup.Config{DB: db, Dialect: sqldedup.SQLite}
	before := open(t, config)
	done, err := before.Claim(t.Context(), "done")
	if err != nil {
		t.Fatal(err)
	}
	if err := before.Commit(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	if _, err := before.Claim(t.Context(), "busy"); err != nil {
		t.Fatal(err)
	}
	after := open(t, config)
	for key, want := range map[string]receiver.ClaimState{"done": receiver.Done, "busy": receiver.Busy, "new": receiver.Claimed} {
		if c, err := after.Claim(t.Context(), key); err != nil || c.State != want {
			t.Errorf("%s: %+v, %v; want state %d", key, c, err, want)
		}
	}
}

func TestPrune(t *testing.T) { testPrune(t, sqlite(t), sqldedup.SQLite, "pruned") }

// testPrune: rows that are past their time go away, however many.
func testPrune(t *testing.T, db *sql.DB, dialect sqldedup.Dialect, table string) {
	d := open(t, sqldedup.Config{DB: db, Dialect: dialect, Table: table, TTL: time.Hour})
	const rows = 2500
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row := fmt.Sprintf("INSERT INTO %s VALUES ('', 'old %d', '', 1, %d)", table, i, time.Now().UnixMilli())
		if _, err := tx.Exec(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := d.Claim(t.Context(), fmt.Sprintf("new %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&left); err != nil || left != 3 {
		t.Errorf("%d rows are left, want 3; %v", left, err)
	}
}

func TestErrors(t *testing.T) {
	db := sqlite(t)
	for want, config := range map[string]sqldedup.Config{
		"DB is not set":      {Dialect: sqldedup.SQLite},
		"Dialect is not set": {DB: db},
		"Config.Table":       {DB: db, Dialect: sqldedup.SQLite, Table: "events; DROP TABLE x"},
		"negative":           {DB: db, Dialect: sqldedup.SQLite, TTL: -1},
	} {
		if _, err := sqldedup.New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}

	// Without the table nothing is claimed.
	d, err := sqldedup.New(sqldedup.Config{DB: db, Dialect: sqldedup.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.Claim(t.Context(), "key"); err == nil || c.State != 0 {
		t.Errorf("claim without a table: %+v, %v", c, err)
	}
	if err := d.CreateTable(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := d.Claim(ctx, "key"); err == nil || c.State != 0 {
		t.Errorf("claim of a request that is over: %+v, %v", c, err)
	}
}
