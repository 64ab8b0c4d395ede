package outbox_test

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/runhooks/runhooks/pkg/outbox"
)

// The run ends, and its event is published, in one transaction: neither happens
// without the other.
func ExamplePublish() {
	endRun := func(ctx context.Context, db *pgxpool.Pool, runID string, event []byte) error {
		return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE runs SET status = 'success', finished_at = now() WHERE id = $1", runID); err != nil {
				return err
			}
			return outbox.Publish(ctx, tx, outbox.Event{Body: event, IdempotencyKey: "run/" + runID})
		})
	}
	_ = endRun
}

func ExamplePublishSQL() {
	endRun := func(ctx context.Context, db *sql.DB, runID string, event []byte) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		if _, err := tx.ExecContext(ctx, "UPDATE runs SET status = 'success', finished_at = now() WHERE id = $1", runID); err != nil {
			return err
		}
		if err := outbox.PublishSQL(ctx, tx, outbox.Event{Body: event, IdempotencyKey: "run/" + runID}); err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = endRun
}
