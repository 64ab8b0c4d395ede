package sqldedup_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/sqldedup"
)

func Example() {
	db, err := sql.Open("sqlite", "file::memory:") // with the driver modernc.org/sqlite
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a memory of its own

	remembered, err := sqldedup.New(sqldedup.Config{DB: db, Dialect: sqldedup.SQLite, Scope: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	if err := remembered.CreateTable(context.Background()); err != nil {
		log.Fatal(err)
	}
	_, err = receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		PathSecrets:  []string{"dN7rJ2kXq0vB5wZt"},
		Deduplicator: remembered,
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleDeduplicator_Schema() {
	d, err := sqldedup.New(sqldedup.Config{DB: new(sql.DB), Dialect: sqldedup.PostgreSQL, Table: "ops.events"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(d.Schema())
	// Output:
	// CREATE TABLE IF NOT EXISTS ops.events (
	// 	scope      TEXT NOT NULL,
	// 	event_key  TEXT NOT NULL,
	// 	token      TEXT NOT NULL,    -- of the claim that the row is
	// 	done       INTEGER NOT NULL, -- 1 once it is committed
	// 	expires_at BIGINT NOT NULL,  -- milliseconds since 1970
	// 	PRIMARY KEY (scope, event_key)
	// );
	// CREATE INDEX IF NOT EXISTS ops_events_expires_at ON ops.events (expires_at);
}
