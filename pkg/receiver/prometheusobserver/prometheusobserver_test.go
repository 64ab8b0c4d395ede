package prometheusobserver_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/prometheusobserver"
)

func Example() {
	registry := prometheus.NewRegistry()
	observer, err := prometheusobserver.New(registry)
	if err != nil {
		log.Fatal(err)
	}
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{PathSecrets: []string{"dN7rJ2kXq0vB5wZt"}, Observer: observer, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	events.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/events", nil))
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		fmt.Println(family.GetName())
	}
	// Output:
	// runhooks_receiver_deliveries_total
	// runhooks_receiver_duration_seconds
	// runhooks_receiver_payload_bytes
}

func TestNew(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	observe, err := prometheusobserver.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prometheusobserver.New(registry); err == nil {
		t.Error("the metrics are registered twice, without an error")
	}
	for i := range 3 {
		observe(t.Context(), &receiver.Decision{
			Disposition: receiver.Accepted, Status: 204,
			Delivery: receiver.Delivery{EventType: "run_failed", Verdict: "deviates", Payload: []byte("{}")},
			Read:     time.Millisecond, Handle: time.Second, Total: 2 * time.Second,
		})
		observe(t.Context(), &receiver.Decision{
			Disposition: receiver.Nonconforming, Status: 422,
			Delivery: receiver.Delivery{EventType: fmt.Sprint("made up ", i), Verdict: "invalid", Payload: []byte("{}")},
		})
	}
	want := `
# HELP runhooks_receiver_deliveries_total Deliveries, by what became of them.
# TYPE runhooks_receiver_deliveries_total counter
runhooks_receiver_deliveries_total{disposition="accepted",event_type="run_failed",verdict="deviates"} 3
runhooks_receiver_deliveries_total{disposition="nonconforming",event_type="other",verdict="invalid"} 3
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "runhooks_receiver_deliveries_total"); err != nil {
		t.Error(err)
	}
	for name, series := range map[string]int{
		"runhooks_receiver_duration_seconds": 2, "runhooks_receiver_stage_seconds": 2, "runhooks_receiver_payload_bytes": 1,
	} {
		if n, err := testutil.GatherAndCount(registry, name); err != nil || n != series {
			t.Errorf("%s has %d series, want %d; %v", name, n, series, err)
		}
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
