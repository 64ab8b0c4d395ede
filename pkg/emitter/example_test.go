package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/event"
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

// loopback lets attempts go to the servers of the examples. In production leave
// the guard as it is.
var loopback = emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func ExampleClient_Send() {
	secret := signature.NewSecret() // the endpoint's; stored ones are read by signature.ParseSecret
	server := receiver(secret, http.StatusAccepted)
	defer server.Close()

	client := emitter.Client{Guard: loopback}
	endpoint := emitter.Endpoint{URL: server.URL + "/events", Secrets: []signature.Secret{secret}}
	attempt, err := client.Send(context.Background(), endpoint, event.NewID(), []byte(failed))
	if err != nil {
		fmt.Println(err) // something to fix here, not there
		return
	}
	fmt.Println(attempt.Outcome, attempt.Status, string(attempt.Answer))
	// Output: accepted 202 Accepted
}

func ExampleClient_Deliver() {
	secret := signature.NewSecret()
	server := receiver(secret, http.StatusInternalServerError)
	defer server.Close()

	client := emitter.Client{
		Guard: loopback,
		OnAttempt: func(_ context.Context, n int, a emitter.Attempt, next emitter.Step) {
			fmt.Println(n, a, next.Again, next.Delay)
		},
	}
	endpoint := emitter.Endpoint{URL: server.URL, Secrets: []signature.Secret{secret}}
	policy := emitter.Policy{Delays: []time.Duration{time.Millisecond, 2 * time.Millisecond}}

	attempts, err := client.Deliver(context.Background(), endpoint, event.NewID(), []byte(failed), policy)
	fmt.Println(len(attempts), err)
	// Output:
	// 1 500: refused true 1ms
	// 2 500: refused true 2ms
	// 3 500: refused false 0s
	// 3 the event is not delivered: attempt 3, the last one: 500: refused
}

func ExampleClient_CloseIdleConnections() {
	client := &emitter.Client{Guard: loopback}
	defer client.CloseIdleConnections() // when no more is sent

	server := receiver(signature.NewSecret(), http.StatusNoContent)
	defer server.Close()
	endpoint := emitter.Endpoint{URL: server.URL, Unsigned: true}
	attempt, err := client.Send(context.Background(), endpoint, event.NewID(), []byte(failed))
	fmt.Println(attempt, err)
	// Output: 401: refused <nil>
}

// Client.Logger shows what Deliver does.
func ExampleClient_logger() {
	server := receiver(signature.NewSecret(), http.StatusNoContent)
	defer server.Close()
	client := emitter.Client{
		Guard: loopback,
		Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // leave out what differs each time
				switch a.Key {
				case slog.TimeKey, "endpoint", "duration":
					return slog.Attr{}
				}
				return a
			},
		})),
	}
	endpoint := emitter.Endpoint{URL: server.URL + "/secret/path", Unsigned: true}
	policy := emitter.Policy{Delays: []time.Duration{time.Millisecond}}
	_, _ = client.Deliver(context.Background(), endpoint, "evt_1", []byte(failed), policy)
	// Output:
	// level=WARN msg="attempt refused" event_id=evt_1 attempt=1 outcome=refused status=401 next_in=1ms
	// level=ERROR msg="attempt refused" event_id=evt_1 attempt=2 outcome=refused status=401
}

// A sender whose network lets it out by a forward proxy alone.
func ExampleClient_proxy() {
	proxy, err := url.Parse("http://127.0.0.1:1") // where there is none
	if err != nil {
		fmt.Println(err)
		return
	}
	client := emitter.Client{Guard: loopback, Proxy: proxy}
	endpoint := emitter.Endpoint{URL: "https://127.0.0.1/events", Unsigned: true, Timeout: 10 * time.Second}
	attempt, err := client.Send(context.Background(), endpoint, event.NewID(), []byte(failed))
	if err != nil {
		fmt.Println(err)
		return
	}
	if attempt.Phase == emitter.Proxying {
		fmt.Println(attempt.Outcome, "by the proxy's fault: don't hold it against the endpoint")
	}
	// Output: unreachable by the proxy's fault: don't hold it against the endpoint
}

// An Attempt has both headers. Before they are stored or shown, what is secret is
// struck out.
func ExampleAttempt_headers() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "7")
	}))
	defer server.Close()
	client := emitter.Client{Guard: loopback}
	endpoint := emitter.Endpoint{
		URL:      server.URL,
		Unsigned: true,
		Header:   http.Header{"Authorization": {"Bearer secret"}},
	}
	attempt, err := client.Send(context.Background(), endpoint, "evt_1", []byte(failed))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name := range endpoint.Header {
		attempt.RequestHeader.Set(name, "***")
	}
	fmt.Println(attempt.RequestHeader.Get("Webhook-Id"), attempt.RequestHeader.Get("Authorization"))
	fmt.Println(attempt.Header.Get("X-Request-Id"))
	// Output:
	// evt_1 ***
	// 7
}

func ExamplePayloadError() {
	endpoint := emitter.Endpoint{URL: "https://example.com/events", Unsigned: true}
	_, err := new(emitter.Client).Send(context.Background(), endpoint, event.NewID(), []byte(`{"event_type": "run_stopped"}`))
	fmt.Println(err)

	var refused *emitter.PayloadError
	if errors.As(err, &refused) {
		for _, finding := range refused.Report.Findings {
			fmt.Println(finding.Code, "at", finding.Pointer)
		}
	}
	// Output:
	// the payload is invalid: 1:16: error: event.type-unknown: event_type is the string "run_stopped", which is not an event of the contract
	// event.type-unknown at /event_type
}

func ExampleEndpointError() {
	endpoint := emitter.Endpoint{URL: "https://example.com/events"}
	_, err := new(emitter.Client).Send(context.Background(), endpoint, event.NewID(), []byte(failed))

	var mistake *emitter.EndpointError
	fmt.Println(errors.As(err, &mistake), err)
	// Output: true endpoint: it has no secrets; add one, or say that it is to be unsigned
}

// Deliver returns one error for a blocked endpoint, which says all of this.
func ExampleBlockedError() {
	endpoint := emitter.Endpoint{URL: "http://10.0.0.7/events", Unsigned: true}
	_, err := new(emitter.Client).Deliver(context.Background(), endpoint, event.NewID(), []byte(failed), emitter.DocumentedPolicy())

	var blocked *emitter.BlockedError
	fmt.Println(errors.Is(err, emitter.ErrUndelivered), errors.As(err, &blocked))
	fmt.Println(err)
	// Output:
	// true true
	// the event is not delivered: attempt 1 was blocked: 10.0.0.7 is not a public address: private (RFC 1918); if events may go there, list it in Guard.Allow
}

func ExampleErrGone() {
	secret := signature.NewSecret()
	server := receiver(secret, http.StatusGone)
	defer server.Close()
	client := emitter.Client{Guard: loopback}
	endpoint := emitter.Endpoint{URL: server.URL, Secrets: []signature.Secret{secret}}

	_, err := client.Deliver(context.Background(), endpoint, event.NewID(), []byte(failed), emitter.DocumentedPolicy())
	switch {
	case errors.Is(err, emitter.ErrGone):
		fmt.Println("disable the endpoint")
	case errors.Is(err, emitter.ErrUndelivered):
		fmt.Println("tell somebody")
	}
	// Output: disable the endpoint
}

func ExampleAttempt_String() {
	fmt.Println(emitter.Attempt{Outcome: emitter.Accepted, Status: 204})
	fmt.Println(emitter.Attempt{Outcome: emitter.Deferred, Status: 503, RetryAfter: time.Minute})
	fmt.Println(emitter.Attempt{Outcome: emitter.Unreachable, Phase: emitter.Waiting, Err: io.EOF})
	// Output:
	// 204: accepted
	// 503: deferred for 1m0s
	// unreachable while waiting: EOF
}

func ExampleDocumentedPolicy() {
	fmt.Println(emitter.DocumentedPolicy().Delays)
	// Output: [5s 10s]
}

func ExampleStandardPolicy() {
	policy := emitter.StandardPolicy()
	policy.Jitter = 0 // so that this prints the same every time

	down := emitter.Attempt{Outcome: emitter.Unreachable}
	busy := emitter.Attempt{Outcome: emitter.Deferred, RetryAfter: time.Hour}
	gone := emitter.Attempt{Outcome: emitter.Gone}
	fmt.Println(policy.Next(1, down).Delay)
	fmt.Println(policy.Next(2, down).Delay)
	fmt.Println(policy.Next(2, busy).Delay)
	fmt.Println(policy.Next(10, down).Again)
	fmt.Println(policy.Next(3, gone).Disable)
	// Output:
	// 5s
	// 5m0s
	// 1h0m0s
	// false
	// true
}

func ExampleCheckHeader() {
	fmt.Println(emitter.CheckHeader("X-Tenant", "shop"))
	fmt.Println(emitter.CheckHeader("Content-Type", "text/plain"))
	// Output:
	// <nil>
	// endpoint: the header Content-Type is set by the sender; leave it out
}

func ExampleGuard_Check() {
	var guard emitter.Guard
	for _, addr := range []string{"8.8.8.8", "10.0.0.7", "::ffff:127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.7"} {
		if err := guard.Check(netip.MustParseAddr(addr)); err != nil {
			fmt.Println(err)
		}
	}

	guard.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	fmt.Println(guard.Check(netip.MustParseAddr("10.0.0.7")))
	// Output:
	// 10.0.0.7 is not a public address: private (RFC 1918)
	// ::ffff:127.0.0.1 is not a public address: loopback (RFC 1122)
	// 64:ff9b::a00:7 is not a public address: it leads to 10.0.0.7, private (RFC 1918)
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

// What a receiver does with a request that no sender should send.
func ExampleClient_SendRequest() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Webhook-Signature") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer receiver.Close()

	client := &emitter.Client{Guard: emitter.Guard{InsecureAllowAll: true}} // the receiver is on this machine
	attempt, err := client.SendRequest(context.Background(), emitter.Request{
		URL:    receiver.URL,
		Header: http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {"evt_1"}},
		Body:   []byte(`{}`),
	})
	fmt.Println(attempt, err)
	// Output: 401: refused <nil>
}
