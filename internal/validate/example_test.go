package validate_test

import (
	"fmt"

	"github.com/runhooks/runhooks/internal/validate"
)

func Example() {
	failed := []byte(`{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"w",
		"data":{"robot_id":"r","runId":"u","robotName":"Test Robot","status":"failed","error":{"message":"Timeout"}}}`)
	fmt.Println("documented:", validate.RunEvent(failed), validate.RunFailed(failed), validate.RunCompleted(failed))
	fmt.Println("observed:", validate.ObservedRunEvent(failed), validate.ObservedRunFailed(failed), validate.ObservedRunCompleted(failed))
	// Output:
	// documented: false false false
	// observed: true true false
}
