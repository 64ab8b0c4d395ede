// Package otelobserver reports to OpenTelemetry what a receiver decides: as metrics, and as
// attributes of the span that the request already has, from otelhttp for instance. It is a
// module of its own, so that importing a receiver doesn't bring OpenTelemetry with it.
package otelobserver

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/runhooks/runhooks/pkg/receiver"
)

const scope = "github.com/runhooks/runhooks/pkg/receiver/otelobserver"

// New makes the instruments with the provider, and returns the Observer for
// [receiver.Options]. The instruments are:
//
//   - runhooks.receiver.duration, in seconds, a histogram of the whole; its count
//     is that of the deliveries. By runhooks.disposition, runhooks.event_type and
//     runhooks.verdict.
//   - runhooks.receiver.stage.duration, in seconds, a histogram of its parts, by
//     runhooks.stage: read, authenticate, judge, decode, deduplicate and handle.
//   - runhooks.receiver.payload.size, in bytes, a histogram.
//
// The span of the request gets the same attributes, with runhooks.id,
// runhooks.sender, the error, and the parts as runhooks.stage.read and so on, in
// seconds. It is marked as failed where the answer is 500 or above.
func New(provider metric.MeterProvider) (func(context.Context, *receiver.Decision), error) {
	meter := provider.Meter(scope)
	duration, err := meter.Float64Histogram("runhooks.receiver.duration",
		metric.WithUnit("s"), metric.WithDescription("Time from the request to the answer."),
		metric.WithExplicitBucketBoundaries(5e-5, 2e-4, 8e-4, 3e-3, 0.01, 0.05, 0.2, 0.8, 3, 13))
	if err != nil {
		return nil, fmt.Errorf("otelobserver: %w", err)
	}
	stage, err := meter.Float64Histogram("runhooks.receiver.stage.duration",
		metric.WithUnit("s"), metric.WithDescription("Time in one stage of taking a delivery."),
		metric.WithExplicitBucketBoundaries(1e-6, 4e-6, 1.6e-5, 6e-5, 2e-4, 1e-3, 4e-3, 0.016, 0.06, 0.25, 1, 4, 17))
	if err != nil {
		return nil, fmt.Errorf("otelobserver: %w", err)
	}
	size, err := meter.Int64Histogram("runhooks.receiver.payload.size",
		metric.WithUnit("By"), metric.WithDescription("Size of payloads, without their content encoding."),
		metric.WithExplicitBucketBoundaries(256, 1024, 4096, 16384, 65536, 262144, 1<<20, 1<<22, 1<<24, 1<<26))
	if err != nil {
		return nil, fmt.Errorf("otelobserver: %w", err)
	}
	return func(ctx context.Context, d *receiver.Decision) {
		attributes := []attribute.KeyValue{
			attribute.String("runhooks.disposition", string(d.Disposition)),
			attribute.String("runhooks.event_type", eventType(d)),
			attribute.String("runhooks.verdict", string(d.Delivery.Verdict)),
		}
		duration.Record(ctx, d.Total.Seconds(), metric.WithAttributes(attributes...))
		for name, took := range d.Stages() {
			stage.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("runhooks.stage", name)))
		}
		if d.Delivery.Payload != nil {
			size.Record(ctx, int64(len(d.Delivery.Payload)))
		}
		annotate(trace.SpanFromContext(ctx), d, attributes)
	}, nil
}

// annotate adds to the span of a request.
func annotate(span trace.Span, d *receiver.Decision, attributes []attribute.KeyValue) {
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attributes...)
	if d.Delivery.EventID != "" {
		span.SetAttributes(
			attribute.String("runhooks.id", d.Delivery.EventID),
			attribute.String("runhooks.sender", d.Delivery.Sender.String()),
		)
	}
	for name, took := range d.Stages() {
		span.SetAttributes(attribute.Float64("runhooks.stage."+name, took.Seconds()))
	}
	if d.Err != nil {
		span.RecordError(d.Err)
	}
	if d.Status >= 500 || d.Status == 0 {
		span.SetStatus(codes.Error, string(d.Disposition))
	}
}

// eventType keeps senders from making up attributes of metrics.
func eventType(d *receiver.Decision) string {
	switch t := d.Delivery.EventType; t {
	case "", "run_completed", "run_failed", "webhook_test":
		return t
	}
	return "other"
}
