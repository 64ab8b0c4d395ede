package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// Errors of an [Engine].
var (
	// ErrBusy: more is waiting to be written than the engine holds. Publish again
	// later.
	ErrBusy = errors.New("too much is waiting to be written; publish again later")
	// ErrStopped: the engine has stopped, or is about to.
	ErrStopped = errors.New("the service is stopping")
	// ErrUnavailable: the store can't be written to at the moment.
	ErrUnavailable = errors.New("the store can't be written to")
)

// Options are those of an [Engine]. Only Client and Unseal are required.
type Options struct {
	// Name is shown as the node that made an attempt.
	Name string
	// Deliver makes the engine deliver. Without it the engine only publishes.
	Deliver bool
	// Client makes the attempts. Its Unchecked must be set: events are judged when
	// they are published, and operational events are not of the contract.
	Client *emitter.Client
	// Unseal decrypts [Endpoint.Sealed].
	Unseal func(e *Endpoint) (Sealed, error)

	Retention Retention
	// DisableAfter is for how long an endpoint may do nothing but fail. 0 stands
	// for 120 hours.
	DisableAfter time.Duration
	// MaxInFlight is the most attempts at once, to all endpoints. 0 stands for
	// 4096.
	MaxInFlight int
	// MaxBytes is about the most bytes of bodies held in memory: of those waiting
	// to be written, and again of those waiting for an attempt. 0 stands for
	// 64 MiB.
	MaxBytes int
	// KeepAnswer is how many bytes of an answer's body are kept. 0 stands for
	// 1024.
	KeepAnswer int
	// Grace is how long attempts may take to end when the engine stops. 0 stands
	// for 10 seconds.
	Grace time.Duration
	// Stale is how long a delivery may be due before [Engine.Ready] reports it. 0
	// stands for 5 minutes.
	Stale time.Duration
	// TraceEndpoints sends traceparent to endpoints.
	TraceEndpoints bool

	// Logger is nil for none.
	Logger *slog.Logger
	// Tracer is nil for none.
	Tracer trace.TracerProvider
}

// Sealed is what [Endpoint.Sealed] has when it is decrypted. An endpoint without
// secrets gets attempts that are not signed.
type Sealed struct {
	Secrets []signature.Secret
	Header  http.Header
}

// An Engine takes events in, and delivers them. [Engine.Run] makes it work. It is a
// [prometheus.Collector].
type Engine struct {
	store Store
	o     Options
}

// New returns an engine over a store.
func New(store Store, o Options) *Engine { return &Engine{store: store, o: o} }

// Run delivers until ctx is done. It then lets attempts end for [Options.Grace],
// hands back what is left, and returns when all its goroutines have ended.
func (e *Engine) Run(ctx context.Context) error { panic("soon") }

// Publish stores events, and returns when they are on disk. It sets ID and At of
// an event where they are empty. What came of each publication is in the place of
// the publication; that of one that failed is the zero Published. The error is
// that of the first that failed.
func (e *Engine) Publish(ctx context.Context, ps []Publication) ([]Published, error) { panic("soon") }

// Try makes one attempt, of which nothing is stored.
func (e *Engine) Try(ctx context.Context, ep Endpoint, eventID string, payload []byte) (emitter.Attempt, error) {
	panic("soon")
}

// Changed tells the engine that this process changed an endpoint's settings, or
// made work for it.
func (e *Engine) Changed(endpointID string) { panic("soon") }

// Ready returns why the engine doesn't work as it should, or nil: the store can't
// be written to, this node has no lease, or a delivery has been due for longer than
// [Options.Stale].
func (e *Engine) Ready(ctx context.Context) error { panic("soon") }

// Describe implements [prometheus.Collector].
func (e *Engine) Describe(ch chan<- *prometheus.Desc) { panic("soon") }

// Collect implements [prometheus.Collector].
func (e *Engine) Collect(ch chan<- prometheus.Metric) { panic("soon") }
