package otelobserver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/otelobserver"
)

func Example() {
	observer, err := otelobserver.New(noop.NewMeterProvider()) // otel.GetMeterProvider(), in earnest
	if err != nil {
		log.Fatal(err)
	}
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{PathSecrets: []string{"dN7rJ2kXq0vB5wZt"}, Observer: observer, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	events.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/events", nil))
	fmt.Println(w.Code)
	// Output: 405
}

func TestNew(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	observe, err := otelobserver.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewSpanRecorder()
	tracer := trace.NewTracerProvider(trace.WithSpanProcessor(spans)).Tracer("test")

	ctx, span := tracer.Start(t.Context(), "POST /events")
	observe(ctx, &receiver.Decision{
		Disposition: receiver.Failed, Status: 500, Err: errors.New("the database is down"),
		Delivery: receiver.Delivery{EventID: "msg_1", Sender: receiver.Sender{By: receiver.BySignature}, EventType: "made up", Verdict: "deviates", Payload: []byte("{}")},
		Read:     time.Second, Total: 2 * time.Second,
	})
	span.End()
	observe(t.Context(), &receiver.Decision{Disposition: receiver.WrongMethod, Status: 405}) // without a span

	ended := spans.Ended()[0]
	got := map[string]string{}
	for _, a := range ended.Attributes() {
		got[string(a.Key)] = a.Value.String()
	}
	want := map[string]string{
		"runhooks.disposition": "failed", "runhooks.event_type": "other", "runhooks.verdict": "deviates",
		"runhooks.id": "msg_1", "runhooks.sender": "signature[0]", "runhooks.stage.read": "1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes of the span (-want +got):\n%s", diff)
	}
	if ended.Status().Code != codes.Error || len(ended.Events()) != 1 {
		t.Errorf("status %v, events %v", ended.Status(), ended.Events())
	}

	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	points := map[string]int{}
	for _, m := range data.ScopeMetrics[0].Metrics {
		switch h := m.Data.(type) {
		case metricdata.Histogram[float64]:
			points[m.Name] = len(h.DataPoints)
		case metricdata.Histogram[int64]:
			points[m.Name] = len(h.DataPoints)
		}
	}
	wantPoints := map[string]int{
		"runhooks.receiver.duration": 2, "runhooks.receiver.stage.duration": 1, "runhooks.receiver.payload.size": 1,
	}
	if diff := cmp.Diff(wantPoints, points); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}
