// Package outboxtest tests package outbox together with the service's store, on a
// PostgreSQL server. It is a module of its own, so that package outbox doesn't depend
// on the service.
package outboxtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/postgres"
	"github.com/runhooks/runhooks/pkg/outbox"
)

func database(t *testing.T) string {
	t.Helper()
	url := os.Getenv("POSTGRES_URL")
	if url == "" {
		if os.Getenv("REQUIRE_ALL") != "" {
			t.Fatal("POSTGRES_URL is not set: run this with scripts/postgres.sh")
		}
		t.Skip("POSTGRES_URL is not set: run this with scripts/postgres.sh")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower("outbox_" + rand.Text())
	run := func(ctx context.Context, query string) {
		t.Helper()
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
	run(t.Context(), "CREATE DATABASE "+name)
	t.Cleanup(func() { run(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") })
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s", config.Host, config.Port, config.User, config.Password, name)
}

// setAside is the body of an event that the test's judge refuses.
const setAside = "\xff\x00"

func TestPublishingInATransaction(t *testing.T) {
	ctx := t.Context()
	url := database(t)
	store, err := postgres.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	admin, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	// The platform's role has the rights that are documented, and no others.
	role := pgx.Identifier{strings.ToLower("platform_" + rand.Text())}.Sanitize()
	for _, query := range []string{
		"CREATE ROLE " + role,
		"GRANT USAGE ON SCHEMA runhooks TO " + role,
		"GRANT INSERT ON runhooks.outbox TO " + role,
	} {
		if _, err := admin.Exec(ctx, query); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, query := range []string{"RESET ROLE", "DROP OWNED BY " + role, "DROP ROLE " + role} {
			if _, err := admin.Exec(context.Background(), query); err != nil {
				t.Error(err)
			}
		}
	}()
	if _, err := admin.Exec(ctx, "SET ROLE "+role); err != nil {
		t.Fatal(err)
	}

	undo := errors.New("the run didn't end")
	inPgx := func(e outbox.Event, end error) error {
		return pgx.BeginFunc(ctx, admin, func(tx pgx.Tx) error {
			if err := outbox.Publish(ctx, tx, e); err != nil {
				return err
			}
			return end
		})
	}
	inSQL := func(e outbox.Event, end error) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := outbox.PublishSQL(ctx, tx, e); err != nil || end != nil {
			return errors.Join(err, end)
		}
		return tx.Commit()
	}
	for _, publish := range []func(outbox.Event, error) error{inPgx, inSQL} {
		if err := publish(outbox.Event{Body: []byte("rolled back")}, undo); !errors.Is(err, undo) {
			t.Fatalf("%v, want %v", err, undo)
		}
		for _, e := range []outbox.Event{{Body: []byte("plain")}, {Body: []byte("keyed"), IdempotencyKey: "key"}, {Body: []byte(setAside)}} {
			if err := publish(e, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, query := range []string{"SELECT runhooks.publish('by SQL')", "SELECT runhooks.publish('keyed', 'key')"} {
		if _, err := admin.Exec(ctx, query); err != nil {
			t.Fatal(err)
		}
	}

	judge := func(boxed []delivery.Outboxed) (j delivery.Judged) {
		for _, o := range boxed {
			if string(o.Body) == setAside {
				j.SetAside = append(j.SetAside, delivery.SetAside{ID: o.ID, At: o.At, Body: o.Body, Report: []byte("{}")})
				continue
			}
			j.Publish = append(j.Publish, delivery.Publication{
				Event:          delivery.Event{ID: "evt_" + rand.Text(), Type: "run_completed", RobotID: "robot", RunID: "run", At: o.At, Body: o.Body},
				IdempotencyKey: o.IdempotencyKey,
			})
		}
		return j
	}
	for {
		n, _, err := store.Ingest(ctx, 3, judge)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	events, err := store.Events(ctx, delivery.EventFilter{}, delivery.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for _, e := range events {
		full, err := store.Event(ctx, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(full.Body))
	}
	if got, want := strings.Join(bodies, ", "), "by SQL, plain, keyed, plain"; got != want {
		t.Errorf("the newest first, there are %s; want %s", got, want)
	}
	aside, err := store.SetAsides(ctx, delivery.Page{})
	if err != nil || len(aside) != 2 || string(aside[0].Body) != setAside {
		t.Errorf("set aside: %+v, %v; want two of %q", aside, err, setAside)
	}
}
