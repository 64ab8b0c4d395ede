// Package prometheusobserver counts and times what a receiver decides, as metrics
// for Prometheus. It is a module of its own, so that importing a receiver doesn't
// bring the Prometheus client with it.
package prometheusobserver

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// New registers the metrics, and returns the Observer for [receiver.Options]:
//
//   - runhooks_receiver_deliveries_total, by disposition, event_type and verdict
//   - runhooks_receiver_duration_seconds, a histogram of the whole, by disposition
//   - runhooks_receiver_stage_seconds, a histogram of its parts, by stage: read,
//     authenticate, judge, decode, deduplicate and handle
//   - runhooks_receiver_payload_bytes, a histogram of payloads that were read
//
// Labels have few values: event_type is one that the contract or servers know,
// "other", or "" where it isn't known. The error is that of registering: the
// receivers of one process share one observer.
func New(registerer prometheus.Registerer) (func(context.Context, *receiver.Decision), error) {
	deliveries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "runhooks_receiver_deliveries_total",
		Help: "Deliveries, by what became of them.",
	}, []string{"disposition", "event_type", "verdict"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "runhooks_receiver_duration_seconds",
		Help:    "Time from the request to the answer.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 4, 10), // 50 µs to 13 s
	}, []string{"disposition"})
	stage := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "runhooks_receiver_stage_seconds",
		Help:    "Time in one stage of taking a delivery.",
		Buckets: prometheus.ExponentialBuckets(1e-6, 4, 13), // 1 µs to 17 s
	}, []string{"stage"})
	size := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "runhooks_receiver_payload_bytes",
		Help:    "Size of payloads, without their content encoding.",
		Buckets: prometheus.ExponentialBuckets(256, 4, 10), // 256 B to 64 MiB
	})
	for _, c := range []prometheus.Collector{deliveries, duration, stage, size} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("prometheusobserver: %w", err)
		}
	}
	return func(_ context.Context, d *receiver.Decision) {
		deliveries.WithLabelValues(string(d.Disposition), eventType(d), string(d.Delivery.Verdict)).Inc()
		duration.WithLabelValues(string(d.Disposition)).Observe(d.Total.Seconds())
		for name, took := range d.Stages() {
			stage.WithLabelValues(name).Observe(took.Seconds())
		}
		if d.Delivery.Payload != nil {
			size.Observe(float64(len(d.Delivery.Payload)))
		}
	}, nil
}

// eventType keeps senders from making up labels.
func eventType(d *receiver.Decision) string {
	switch t := d.Delivery.EventType; t {
	case "", "run_completed", "run_failed", "webhook_test":
		return t
	}
	return "other"
}
