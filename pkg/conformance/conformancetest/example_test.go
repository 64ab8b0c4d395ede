package conformancetest_test

import (
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance/conformancetest"
)

// payload stands for the code that writes your payloads.
func payload(finished time.Time) []byte { return nil }

func ExampleConforms() {
	// This would be a function of a file payload_test.go.
	_ = func(t *testing.T) { // TestPayload
		conformancetest.Conforms(t, payload(time.Now()))
	}
}
