package recording_test

import (
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/internal/recording"
)

func ExampleRead() {
	const archive = `{"log":{"entries":[{"request":{"method":"POST","headers":[{"name":"webhook-id","value":"evt_1"}],"postData":{"text":"{}"}}}]}}`
	for r, err := range recording.Read(strings.NewReader(archive)) {
		fmt.Println(r.Method, r.Header.Get("Webhook-Id"), string(r.Body), err)
	}
	// Output: POST evt_1 {} <nil>
}
