// Package sqldeduptest tests pkg/receiver/sqldedup with databases, whose drivers no
// importer of that package should get.
package sqldeduptest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/receiver/sqldedup"
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
	return openDB(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "events.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
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
		return open(t, sqldedup.Config{DB: sqlite(t), Dialect: sqldedup.SQLite, TTL: l.TTL, Lease: l.Lease, Now: l.Now})
	})
}

// TestPostgreSQL takes a database from POSTGRES_URL, and makes tables of its own
// in it.
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
			DB: db, Dialect: sqldedup.PostgreSQL, Table: fmt.Sprintf("%s.events_%d", schema, tables),
			TTL: l.TTL, Lease: l.Lease, Now: l.Now,
		})
	})
	t.Run("prune", func(t *testing.T) { testPrune(t, db, sqldedup.PostgreSQL, schema+".pruned") })
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
	now := time.Unix(1_750_000_000, 0)
	d := open(t, sqldedup.Config{DB: db, Dialect: dialect, Table: table, TTL: time.Hour, Now: func() time.Time { return now }})
	const rows = 2500
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row := fmt.Sprintf("INSERT INTO %s VALUES ('', 'old %d', '', 1, %d)", table, i, now.UnixMilli())
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
		"no DB":        {Dialect: sqldedup.SQLite},
		"no Dialect":   {DB: db},
		"table's name": {DB: db, Dialect: sqldedup.SQLite, Table: "events; DROP TABLE x"},
		"negative":     {DB: db, Dialect: sqldedup.SQLite, TTL: -1},
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
