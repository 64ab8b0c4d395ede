package cli

import (
	"testing"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// An event that one of ours takes by default, all do: a crawl of 50 pages has 40 MiB.
func TestOneLimit(t *testing.T) {
	const want = 64 << 20
	for name, limit := range map[string]int64{
		"signature":   signature.DefaultMaxBytes,
		"receiver":    receiver.DefaultMaxBytes,
		"gen/webhook": webhook.DefaultMaxBytes,
		"intake":      intake.DefaultMaxBytes,
		"service":     service.DefaultMaxBody,
	} {
		if limit != want {
			t.Errorf("%s takes %d bytes, and not %d", name, limit, want)
		}
	}
}
