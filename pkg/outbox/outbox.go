// Package outbox publishes events to a Runhooks service within a transaction of the
// platform's own: the one that ends a run. The event is delivered if, and only if,
// that transaction commits. The service and the platform share a PostgreSQL
// database, in which the service has created the schema runhooks.
//
// Events are judged after they are committed. One that doesn't conform is never sent
// and never lost: the service sets it aside, with what is wrong with it, and tells
// its operator by an event_set_aside. [github.com/runhooks/runhooks/pkg/conformance]
// and the command runhooks check say the same beforehand.
//
// The platform's role needs USAGE on the schema runhooks and INSERT on
// runhooks.outbox. Programs in other languages do the same by the SQL function
// runhooks.publish(event text, idempotency_key text DEFAULT NULL).
package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// An Event is what is to be published.
type Event struct {
	// Body is one JSON object, the event_type and the data of a documented event. It
	// has neither timestamp nor webhook_id: the service adds them for each endpoint.
	Body []byte
	// IdempotencyKey, if not empty, makes the service accept only the first event
	// with this key, however it was published. It is UTF-8 text without NUL, of at
	// most 255 bytes.
	IdempotencyKey string
}

// ErrKey is the error for an idempotency key that can't be stored. The transaction
// isn't touched then.
var ErrKey = errors.New("an idempotency key is UTF-8 text without NUL, of at most 255 bytes")

const insert = "INSERT INTO runhooks.outbox (body, idempotency_key) VALUES ($1, $2)"

// Publish publishes an event in a transaction of pgx. After an error other than
// [ErrKey], PostgreSQL lets the transaction only be rolled back.
func Publish(ctx context.Context, tx pgx.Tx, e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insert, e.body(), e.IdempotencyKey)
	return failed(err)
}

// PublishSQL publishes an event in a transaction of database/sql, with a driver for
// PostgreSQL. Its errors are those of [Publish].
func PublishSQL(ctx context.Context, tx *sql.Tx, e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, insert, e.body(), e.IdempotencyKey)
	return failed(err)
}

// body is never NULL: an event without one is set aside like others that don't
// conform.
func (e Event) body() []byte {
	if e.Body == nil {
		return []byte{}
	}
	return e.Body
}

func (e Event) check() error {
	if len(e.IdempotencyKey) > 255 || !utf8.ValidString(e.IdempotencyKey) || strings.ContainsRune(e.IdempotencyKey, 0) {
		return fmt.Errorf("outbox: %w", ErrKey)
	}
	return nil
}

func failed(err error) error {
	if err != nil {
		return fmt.Errorf("outbox: publish: %w", err)
	}
	return nil
}
