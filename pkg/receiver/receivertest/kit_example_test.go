package receivertest_test

import (
	"fmt"
	"testing"

	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
)

func ExampleShapes() {
	for _, shape := range receivertest.Shapes() {
		e, err := event.Parse(shape.Payload())
		if err != nil {
			panic(err)
		}
		fmt.Println(shape, "is a", e.RawType, "of", e.Counted().Rows.Value, "rows")
	}
	// Output:
	// documented-completed is a run_completed of 3 rows
	// documented-failed is a run_failed of 0 rows
	// test is a webhook_test of 3 rows
	// extract is a run_completed of 3 rows
	// extract-0.0.24 is a run_completed of 3 rows
	// extract-by-api is a run_completed of 0 rows
	// scrape is a run_completed of 0 rows
	// crawl is a run_completed of 0 rows
	// failed is a run_failed of 0 rows
}

func ExampleTestDeduplicator() {
	// In a _test.go file, as TestMemory:
	_ = func(t *testing.T) {
		receivertest.TestDeduplicator(t, func(_ *testing.T, limits receivertest.Limits) receiver.Deduplicator {
			return &receiver.Memory{TTL: limits.TTL, Lease: limits.Lease}
		})
	}
}
