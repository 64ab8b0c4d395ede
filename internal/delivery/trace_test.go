package delivery_test

import (
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

// TestTraces: an attempt's span has a link to the span that published its event, and
// endpoints get the attempt's trace only if that is switched on.
func TestTraces(t *testing.T) {
	for name, told := range map[string]bool{"endpoints are told": true, "endpoints are not told": false} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				spans := tracetest.NewSpanRecorder()
				provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
				r := l.run(memory.New(), func(o *delivery.Options) { o.Tracer, o.TraceEndpoints = provider, told })
				l.endpoint(r, "robot", "a", nil)
				id := l.publish(r, "robot", 1)[0]
				l.wait(time.Second)

				ended := map[string]sdktrace.ReadOnlySpan{}
				for _, span := range spans.Ended() {
					ended[span.Name()] = span
				}
				publish, attempt := ended["publish"], ended["attempt"]
				if publish == nil || attempt == nil {
					l.Fatalf("the spans are %v", ended)
				}
				event, err := r.store.Event(l.Context(), id)
				if err != nil {
					l.Fatal(err)
				}
				if from := publish.SpanContext(); event.TraceParent != "00-"+from.TraceID().String()+"-"+from.SpanID().String()+"-01" {
					l.Errorf("the event is of %q, and the span %v", event.TraceParent, from)
				}
				if links := attempt.Links(); len(links) != 1 || links[0].SpanContext.SpanID() != publish.SpanContext().SpanID() {
					l.Errorf("the attempt has the links %v", links)
				}
				if attempt.SpanContext().TraceID() == publish.SpanContext().TraceID() {
					l.Error("the attempt is not a trace of its own")
				}
				sent := l.at("a")[0].header.Get("Traceparent")
				if told != strings.Contains(sent, attempt.SpanContext().SpanID().String()) || !told && sent != "" {
					l.Errorf("the endpoint got the traceparent %q", sent)
				}
			})
		})
	}
}

// TestTraceOfThePublisher: a service that sends no traces itself tells endpoints that of
// the request that published, if that is switched on.
func TestTraceOfThePublisher(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, told := range []bool{true, false} {
		inLab(t, func(l *lab) {
			r := l.run(memory.New(), func(o *delivery.Options) { o.TraceEndpoints = told })
			l.endpoint(r, "robot", "a", nil)
			if _, err := r.Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{
				Type: "run_failed", RobotID: "robot", RunID: "run", Body: []byte(body), TraceParent: parent,
			}}}); err != nil {
				l.Fatal(err)
			}
			l.wait(time.Second)
			want := ""
			if told {
				want = parent
			}
			if got := l.at("a")[0].header.Get("Traceparent"); got != want {
				l.Errorf("told %v: the endpoint got the traceparent %q, want %q", told, got, want)
			}
		})
	}
}
