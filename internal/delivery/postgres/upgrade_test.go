package postgres

import (
	"io/fs"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/runhooks/runhooks/internal/delivery"
)

// TestUpgradeFromBeforeInlets: what a database of the release before has is delivered
// after the upgrade, and what nodes of that release publish meanwhile is, too.
func TestUpgradeFromBeforeInlets(t *testing.T) {
	url, ctx := database(t), t.Context()
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	old := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	old("CREATE SCHEMA runhooks")
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName("runhooks.goose_db_version"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	old("SELECT runhooks.shelve(runhooks.today())")
	old(`INSERT INTO runhooks.endpoints (id, robot_id, url, events, description, state, disabled_reason, max_attempts, delays, timeout,
		rate_limit, max_in_flight, ordered, sealed, version, created_at, updated_at)
		VALUES ('e', 'robot', 'https://example.com/', '{}', '', 'active', '', 3, '{1}', 1, 0, 1, false, '', 1, now(), now())`)
	publish := func(id string) {
		t.Helper()
		old(`SELECT * FROM runhooks.accept(ARRAY['` + id + `'], ARRAY['run_failed'], ARRAY['robot'], ARRAY['run'], ARRAY[now()], ARRAY[false],
			ARRAY[''], ARRAY['{}'::bytea], ARRAY[''], NULL, NULL, NULL)`)
	}
	publish("evt_before")
	old("INSERT INTO runhooks.set_aside (id, at, body, report) VALUES (1, now(), 'x', '{}')")

	s := open(t, url)
	publish("evt_meanwhile")
	join(t, s)
	if got := claim(t, s, 10); len(got) != 1 || got[0].Endpoint.Form != "" {
		t.Errorf("claimed: %+v", got)
	}
	q := publication("robot")
	q.Event.Source = delivery.Source{InletID: "inl_1"}
	commit(t, s, &delivery.Batch{Publish: []delivery.Publication{q}})
	due, err := s.Due(ctx, delivery.DueQuery{EndpointID: "e", Limit: 10, From: time.Now().Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	var got []delivery.Source
	for _, task := range due.Deliveries {
		got = append(got, task.Event.Source)
	}
	if len(got) != 3 || got[0] != (delivery.Source{}) || got[1] != (delivery.Source{}) || got[2] != q.Event.Source {
		t.Errorf("due are events of %+v", got)
	}
	aside, err := s.SetAsides(ctx, delivery.Page{})
	if err != nil || len(aside) != 1 || aside[0].InletID != "" {
		t.Errorf("set aside: %+v, %v", aside, err)
	}
}
