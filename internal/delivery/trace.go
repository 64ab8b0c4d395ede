package delivery

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceContext writes and reads W3C trace contexts.
var traceContext propagation.TraceContext

// tracePublish begins the span of a call of Publish, and stores it with events
// that come without a trace.
func (e *Engine) tracePublish(ctx context.Context, ps []Publication) (context.Context, func(error)) {
	if !e.traced {
		return ctx, func(error) {}
	}
	ctx, span := e.tracer.Start(ctx, "publish", trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.Int("messaging.batch.message_count", len(ps))))
	if span.SpanContext().IsValid() {
		parent := traceParent(ctx)
		for i := range ps {
			if ps[i].Event.TraceParent == "" {
				ps[i].Event.TraceParent = parent
			}
		}
	}
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// traceAttempt begins the span of an attempt. It is a trace of its own, as it may
// be made days after the event was published, and has a link to where that was.
func (e *Engine) traceAttempt(f *flight) (context.Context, func(*ended)) {
	if !e.traced {
		ctx := e.inFlightCtx
		if parent := f.task.Event.TraceParent; e.o.TraceEndpoints && parent != "" {
			// Endpoints get the trace of whoever published: there is no other.
			ctx = traceContext.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
		}
		return ctx, func(*ended) {}
	}
	d := &f.task.Delivery
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithNewRoot()}
	if parent := f.task.Event.TraceParent; parent != "" {
		from := traceContext.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent})
		options = append(options, trace.WithLinks(trace.LinkFromContext(from)))
	}
	ctx, span := e.tracer.Start(e.inFlightCtx, "attempt", options...)
	if !span.IsRecording() {
		return ctx, func(*ended) {}
	}
	span.SetAttributes(
		attribute.String("runhooks.event_id", d.EventID), attribute.String("runhooks.event_type", d.EventType),
		attribute.String("runhooks.endpoint_id", d.EndpointID), attribute.String("runhooks.robot_id", d.RobotID),
		attribute.Int64("runhooks.delivery", d.ID), attribute.Int("runhooks.attempt", d.Attempts+1),
		attribute.String("server.address", hostOf(f.ep.URL)),
	)
	return ctx, func(o *ended) {
		span.SetAttributes(attribute.String("runhooks.outcome", o.Attempt.Outcome))
		if o.Attempt.Status != 0 {
			span.SetAttributes(attribute.Int("http.response.status_code", o.Attempt.Status))
		}
		if o.result != accepted {
			span.SetStatus(codes.Error, o.summary)
		}
		span.End()
	}
}

// withTraceParent returns a header with the trace of ctx in it.
func withTraceParent(ctx context.Context, h http.Header) http.Header {
	parent := traceParent(ctx)
	if parent == "" {
		return h
	}
	h = h.Clone()
	if h == nil {
		h = make(http.Header)
	}
	h.Set("Traceparent", parent)
	return h
}

func traceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	traceContext.Inject(ctx, carrier)
	return carrier["traceparent"]
}
