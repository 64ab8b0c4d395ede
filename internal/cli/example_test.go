package cli_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/runhooks/runhooks/internal/cli"
)

func ExampleRun() {
	code := cli.Run(context.Background(), []string{"check", "-"}, strings.NewReader("[]"), os.Stdout, os.Stderr)
	fmt.Println("exit code", code)
	// Output:
	// ✗ stdin  invalid
	//   error schema.type 1:1 expected an object, found an array
	//      1 │ []
	//        │ ^
	//        │ hint: a payload is one event, an object; nothing in this array has the event_type of one
	//
	// 1 payload: 0 conform, 0 deviate, 1 invalid · 1 error, 0 warnings, 0 infos
	// runhooks explain schema.type says more about a code
	// exit code 1
}
