package intake_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/internal/intake"
)

func ExampleExpand() {
	sources, _, errs := intake.Expand(context.Background(), []string{"-", "missing.json"})
	fmt.Println(sources[0].Name)
	fmt.Println(errs[0])
	// Output:
	// stdin
	// missing.json: no such file or directory; check the path
}

func ExampleReader_Read() {
	r := &intake.Reader{Stdin: strings.NewReader("{\"n\":1}\n\n{\"n\":2}\n")}
	for b, err := range r.Read(context.Background(), intake.Source{Name: "stdin", Path: "-", Size: -1}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, p := range b.Payloads {
			fmt.Printf("%s:%d: payload %d: %s\n", b.Source, p.Line, p.Index, p.Data)
		}
		b.Free()
	}
	// Output:
	// stdin:1: payload 0: {"n":1}
	// stdin:3: payload 1: {"n":2}
}
