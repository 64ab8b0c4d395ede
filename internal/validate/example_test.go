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

func ExampleRunFailedRemarks() {
	failed := []byte(`{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992",
		"data":{"robotId":"r","runId":"u","robotName":"Test Robot","status":"failed","attempt":2,"error":{"message":"Timeout","type":"E","stack":""},"metadata":{}}}`)
	remarks, ok := validate.RunFailedRemarks(failed, make([]validate.Remark, 0, 8))
	fmt.Println("valid, and all is said:", ok)
	for _, r := range remarks {
		fmt.Printf("%s doesn't name %s\n", r.Object.Schema, failed[r.Start:r.End])
	}
	// Output:
	// valid, and all is said: true
	// v1/run-failed.json#/$defs/RunFailedData doesn't name "attempt"
}
