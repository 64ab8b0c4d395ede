package vectors_test

import (
	"encoding/json"
	"fmt"

	"github.com/runhooks/runhooks/vectors"
)

// A parser that takes what is not strict JSON can be found out in a few lines.
func ExampleAll() {
	for _, v := range vectors.All() {
		if v.Verdict == "conforms" && !json.Valid(v.Payload) {
			fmt.Println(v.Name, "conforms and is no JSON")
		}
	}
	// Output:
}

func ExampleSample() {
	failing, passing, ok := vectors.Sample("schema.minimum")
	fmt.Println(ok)
	for _, f := range failing.Expectation.Findings {
		fmt.Printf("%s: %d:%d: %s %s\n", failing.Name, f.Line, f.Column, f.Code, f.Pointer)
	}
	fmt.Println(passing.Name, passing.Verdict)
	// Output:
	// true
	// schema.minimum: 34:28: schema.minimum /data/extracted_data/screenshots_count
	// schema.minimum.fixed conforms
}

func ExampleWild() {
	v, ok := vectors.Wild("wild.test")
	fmt.Println(v.Verdict, ok)
	// Output: deviates true
}
