package jsonschema_test

import (
	"fmt"
	"io/fs"

	"github.com/runhooks/runhooks/jsonschema"
)

func Example() {
	names, err := fs.Glob(jsonschema.FS, "v1/*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		fmt.Println(jsonschema.Base + name)
	}
	// Output:
	// https://runhooks.github.io/runhooks/schemas/v1/run-completed.json
	// https://runhooks.github.io/runhooks/schemas/v1/run-event.json
	// https://runhooks.github.io/runhooks/schemas/v1/run-failed.json
}
