package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

const failed = `{
  "event_type": "run_failed",
  "timestamp": "2025-05-29T15:53:15.595Z",
  "webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
  "data": {
    "robotId": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "runId": "110c4dae-c39b-4b30-a932-eff1022e4bb0",
    "robotName": "Test Robot",
    "status": "failed",
    "error": {"message": "Timeout exceeded", "type": "TimeoutError", "stack": ""}
  }
}`

// A receiver for the examples, on this host.
func receiver(secret signature.Secret, status int) *httptest.Server {
	verifier := signature.Verifier{Secrets: []signature.Secret{secret}}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.VerifyRequest(r); err != nil {
			status = http.StatusUnauthorized
		}
		w.WriteHeader(status)
		io.WriteString(w, http.StatusText(status))
	}))
}

func ExampleClient_Send() {
	secret := signature.NewSecret() // in earnest, from signature.ParseSecret
	server := receiver(secret, http.StatusAccepted)
	defer server.Close()

	client := emitter.Client{
		// In earnest, leave the guard as it is: this server is on loopback.
		Guard: emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	}
	endpoint := emitter.Endpoint{URL: server.URL + "/events", Secrets: []signature.Secret{secret}}
	event := emitter.Event{ID: "evt_2KWPBgLlAfxdpx2AI54pPJ85f4W", Payload: []byte(failed)}

	attempt, err := client.Send(context.Background(), endpoint, event)
	if err != nil {
		fmt.Println(err) // something to mend here, not there
		return
	}
	fmt.Println(attempt.Outcome, attempt.Status, string(attempt.Answer))
	// Output: accepted 202 Accepted
}

func ExamplePayloadError() {
	endpoint := emitter.Endpoint{URL: "https://example.com/events", Unsigned: true}
	event := emitter.Event{ID: "evt_1", Payload: []byte(`{"event_type": "run_stopped"}`)}
	_, err := new(emitter.Client).Send(context.Background(), endpoint, event)
	fmt.Println(err)

	var refused *emitter.PayloadError
	if errors.As(err, &refused) {
		for _, finding := range refused.Report.Findings {
			fmt.Println(finding.Code, "at", finding.Pointer)
		}
	}
	// Output:
	// the payload is invalid: 1:16: error: event.type-unknown: event_type is the string "run_stopped", which is no event of the contract
	// event.type-unknown at /event_type
}

func ExampleClient_Deliver() {
	secret := signature.NewSecret()
	server := receiver(secret, http.StatusInternalServerError)
	defer server.Close()

	client := emitter.Client{
		Guard: emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		Wait: func(_ context.Context, d time.Duration) error { // leave it out to really wait
			fmt.Println("wait", d.Truncate(5*time.Second))
			return nil
		},
	}
	endpoint := emitter.Endpoint{URL: server.URL, Secrets: []signature.Secret{secret}}
	event := emitter.Event{ID: "evt_1", Payload: []byte(failed)}

	attempts, err := client.Deliver(context.Background(), endpoint, event, emitter.PagePolicy())
	fmt.Println(len(attempts), errors.Is(err, emitter.ErrUndelivered))
	fmt.Println(err)
	// Output:
	// wait 5s
	// wait 10s
	// 3 true
	// the event is not delivered after 3 attempts; the last one: 500: refused
}

func ExamplePolicy() {
	policy := emitter.StandardPolicy()
	policy.Rand = func() float64 { return 0.5 } // so that this prints the same every time

	down := emitter.Attempt{Outcome: emitter.Unreachable}
	busy := emitter.Attempt{Outcome: emitter.RetryAfter, RetryAfter: time.Hour}
	gone := emitter.Attempt{Outcome: emitter.Gone}
	fmt.Println(policy.Next(1, down).Delay)
	fmt.Println(policy.Next(2, down).Delay)
	fmt.Println(policy.Next(2, busy).Delay)
	fmt.Println(policy.Next(10, down).Again)
	fmt.Println(policy.Next(3, gone).Disable)
	// Output:
	// 5.25s
	// 5m15s
	// 1h3m0s
	// false
	// true
}

func ExampleGuard() {
	var guard emitter.Guard
	for _, addr := range []string{"8.8.8.8", "10.0.0.7", "::ffff:127.0.0.1", "169.254.169.254"} {
		if err := guard.Check(netip.MustParseAddr(addr)); err != nil {
			fmt.Println(err)
		}
	}

	guard.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	fmt.Println(guard.Check(netip.MustParseAddr("10.0.0.7")))
	// Output:
	// 10.0.0.7 is not a public address: private (RFC 1918)
	// ::ffff:127.0.0.1 is not a public address: loopback (RFC 1122)
	// 169.254.169.254 is not a public address: the metadata of a cloud
	// <nil>
}

func ExampleGuard_CheckURL() {
	var guard emitter.Guard
	for _, url := range []string{
		"https://example.com/events",
		"https://127.1/events",
		"http://[::1]/events",
		"https://user:password@example.com/events",
	} {
		fmt.Println(guard.CheckURL(url))
	}
	// Output:
	// <nil>
	// endpoint: the URL has host "127.1": write an IPv4 address as four decimal numbers, without leading zeros
	// ::1 is not a public address: loopback (RFC 4291)
	// endpoint: the URL has user information; give it as an Authorization header
}
