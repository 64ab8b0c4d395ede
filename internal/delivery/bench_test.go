package delivery_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/vectors"
)

// BenchmarkEngine: what the engine takes to publish and deliver an event, with a
// store and endpoints that take next to nothing.
func BenchmarkEngine(b *testing.B) {
	store := memory.New()
	e := delivery.New(store, delivery.Options{
		Deliver: true,
		Unseal:  func(*delivery.Endpoint) (delivery.Sealed, error) { return delivery.Sealed{}, nil },
	})
	var arrived atomic.Int64
	e.SetTransmit(func(_ context.Context, _ emitter.Endpoint, id string, _ []byte) (emitter.Attempt, error) {
		arrived.Add(1)
		return emitter.Attempt{EventID: id, Status: 200, Outcome: emitter.Accepted}, nil
	})
	const endpoints = 100
	for i := range endpoints {
		if _, err := store.CreateEndpoint(b.Context(), delivery.Endpoint{
			ID: fmt.Sprint(i), URL: fmt.Sprint("https://", i), RobotID: "r", State: delivery.Active,
			MaxAttempts: 3, Timeout: time.Second, MaxInFlight: 100, Events: []string{fmt.Sprint(i)},
		}, delivery.Audit{}); err != nil {
			b.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx) })
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := delivery.Publication{EndpointID: fmt.Sprint(n.Add(1) % endpoints)}
			p.Event = delivery.Event{Type: "run_failed", RobotID: "r", Body: []byte(body)}
			if _, err := e.Publish(b.Context(), []delivery.Publication{p}); err != nil {
				b.Fatal(err)
			}
		}
	})
	for arrived.Load() < n.Load() {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "deliveries/s")
	cancel()
	running.Wait()
}

// BenchmarkRender is what an attempt costs more for an endpoint that has a form.
func BenchmarkRender(b *testing.B) {
	v, ok := vectors.Wild("wild.ui-extract")
	if !ok {
		b.Fatal("there is no such vector")
	}
	e := &delivery.Event{Source: delivery.Source{InletID: "inl_1", Zone: "Europe/Berlin", Locale: "en-US"}, Body: v.Payload}
	for _, f := range []form.Form{form.Canonical, form.Documented} {
		b.Run(string(f), func(b *testing.B) {
			ep := &delivery.Endpoint{ID: "ep", Form: f}
			b.SetBytes(int64(len(e.Body)))
			for b.Loop() {
				if r := delivery.Render(e, ep); r.Form != f {
					b.Fatalf("%s, because %s", r.Form, r.Reason)
				}
			}
		})
	}
}
