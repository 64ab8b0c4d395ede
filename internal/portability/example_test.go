package portability_test

import (
	"fmt"

	"github.com/runhooks/runhooks/internal/portability"
)

func ExampleLint() {
	report, err := portability.Lint("events.yaml", []byte(`openapi: 3.1.1
components:
  schemas:
    Event:
      properties:
        event_type: {const: run_failed}
`))
	if err != nil {
		panic(err)
	}
	for _, f := range report.Findings {
		rule, _ := portability.Lookup(f.Rule)
		fmt.Printf("%s, %d:%d: %s\n", report.Kind, f.Line, f.Column, f.Message)
		fmt.Println(rule.Breaks[0].Tool, rule.Breaks[0].How)
		fmt.Println(rule.Instead)
	}
	// Output:
	// OpenAPI 3.1, 6:22: const without type
	// oapi-codegen makes it interface{}
	// say the type, too: type: string beside const: run_failed
}
