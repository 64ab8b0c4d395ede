package form_test

import (
	"fmt"
	"log"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/vectors"
)

// A server wrote run times as en-US does, in Berlin.
func Example() {
	parser, err := form.NewParser("Europe/Berlin", "en-US", nil)
	if err != nil {
		log.Fatal(err)
	}
	wild, _ := vectors.Wild("wild.ui-extract")
	e, err := parser.Parse(wild.Payload)
	if err != nil {
		log.Fatal(err)
	}
	f, err := form.Parse("documented")
	if err != nil {
		log.Fatal(err)
	}
	_, as, why := form.Render(e, f)
	fmt.Println(form.Header+":", as, why)
	// Output:
	// Runhooks-Form: documented <nil>
}
