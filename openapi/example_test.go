package openapi_test

import (
	"bytes"
	"fmt"

	"github.com/runhooks/runhooks/openapi"
)

func Example() {
	document, err := openapi.Dist.ReadFile("dist/webhooks.yaml")
	if err != nil {
		panic(err)
	}
	fmt.Println(bytes.Contains(document, []byte("\nwebhooks:\n  run_completed:\n")))
	// Output: true
}
