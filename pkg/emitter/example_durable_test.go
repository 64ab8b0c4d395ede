package emitter_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/event"
)

// A delivery is a row that the sender stores before it sends anything: here in
// memory, in a real sender in a database.
type delivery struct {
	eventID  string
	payload  []byte
	attempts int       // made so far
	due      time.Time // when the next one is
	state    string    // pending, delivered or failed
}

// attempt makes the next attempt of a delivery that is due, and stores what
// follows. If the process ends before that is stored, the attempt is made again
// after the restart; the receiver recognizes it by the event's id.
func attempt(ctx context.Context, client *emitter.Client, to emitter.Endpoint, d *delivery) error {
	a, err := client.Send(ctx, to, d.eventID, d.payload)
	if err != nil {
		return err // nothing is stored: ctx is done, or there is something to fix
	}
	d.attempts++
	switch next := emitter.StandardPolicy().Next(d.attempts, a); {
	case a.Outcome == emitter.Accepted:
		d.state = "delivered"
	case next.Again:
		d.due = time.Now().Add(next.Delay)
	default:
		d.state = "failed" // and if next.Disable is set, the endpoint is to be disabled
	}
	return nil
}

// A sender that must not lose events stores its deliveries, and makes one attempt
// at a time.
func ExamplePolicy_Next() {
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
	}))
	defer server.Close()
	client := &emitter.Client{
		Guard: emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, // for this server alone
	}
	to := emitter.Endpoint{URL: server.URL, Unsigned: true}

	d := &delivery{eventID: event.NewID(), payload: []byte(failed), due: time.Now(), state: "pending"}
	for range 2 { // a real sender asks its database for what is due
		if err := attempt(context.Background(), client, to, d); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(d.attempts, d.state, time.Until(d.due).Round(5*time.Second))
		d.due = time.Now()     // so that the example doesn't wait
		status = http.StatusOK // the endpoint recovers
	}
	// Output:
	// 1 pending 5s
	// 2 delivered 0s
}
