package outbox_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/outbox"
)

// What is published, and what becomes of it, is tested against a server by the
// module internal/outboxtest.

func TestKeysThatCantBeStored(t *testing.T) {
	for _, key := range []string{"a\x00b", "\xff", strings.Repeat("k", 256)} {
		e := outbox.Event{Body: []byte("{}"), IdempotencyKey: key}
		// The transactions aren't touched, and so there needn't be any.
		if err := outbox.Publish(t.Context(), nil, e); !errors.Is(err, outbox.ErrKey) {
			t.Errorf("Publish with the key %q: %v, want ErrKey", key, err)
		}
		if err := outbox.PublishSQL(t.Context(), nil, e); !errors.Is(err, outbox.ErrKey) {
			t.Errorf("PublishSQL with the key %q: %v, want ErrKey", key, err)
		}
	}
}
