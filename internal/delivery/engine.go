package delivery

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

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
	store   Store
	o       Options
	log     *slog.Logger
	tracer  trace.Tracer
	traced  bool
	metrics *metrics
	commits *committer
	shared  bool // the store may have other nodes
	// transmit is that of the client.
	transmit func(ctx context.Context, to emitter.Endpoint, eventID string, payload []byte) (emitter.Attempt, error)

	// parsing has a place for each large payload that is being parsed. That takes CPU, and
	// many times its size in memory.
	parsing     chan struct{}
	attempts    sync.WaitGroup
	inFlightCtx context.Context // of attempts

	// Each remembers one message: that something is to be looked at.
	loaders    chan struct{}
	claims     chan struct{}
	joins      chan struct{}
	jobs       chan struct{}
	refreshes  chan struct{}
	tickSooner chan struct{}

	mu       sync.Mutex // of all that follows
	queues   map[string]*queue
	orphans  map[int64]bool // deliveries in flight of queues that were dropped
	runnable [classes]ring
	toLoad   [classes]ring
	turn     class
	loadTurn class
	inFlight [classes]int
	bytes    [classes]int // of bodies
	timers   timers
	tickAt   time.Time
	young    list.List       // of flights that have not taken long, by their start
	stale    map[string]bool // endpoints whose settings are to be read again
	stopping bool

	joined   bool
	leaseEnd time.Time // no attempt starts after it, by this process's monotonic clock
	nodes    int
	owned    int // endpoints, by all nodes

	// Faults of our own since the last attempt without one.
	faults     int
	faultUntil time.Time

	stats Stats
	// tallies are the attempts since upkeep last wrote them.
	tallies map[tallyKey]*Tally

	clock     sync.RWMutex
	leased    time.Time // when the lease was renewed, by this process
	storeTime time.Time // and by the store
}

// New returns an engine over a store.
func New(store Store, o Options) *Engine {
	set := func(p *int, value int) {
		if *p <= 0 {
			*p = value
		}
	}
	set(&o.MaxInFlight, 4096)
	set(&o.MaxBytes, 64<<20)
	set(&o.KeepAnswer, 1024)
	o.DisableAfter = cmp.Or(o.DisableAfter, 120*time.Hour)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	o.Stale = cmp.Or(o.Stale, 5*time.Minute)
	traced := o.Tracer != nil
	if !traced {
		o.Tracer = noop.NewTracerProvider()
	}
	e := &Engine{
		store: store, o: o, log: o.Logger, tracer: o.Tracer.Tracer("github.com/runhooks/runhooks/internal/delivery"), traced: traced,
		metrics: newMetrics(), shared: store.Hints() != nil,
		loaders: make(chan struct{}, 1), claims: make(chan struct{}, 1), joins: make(chan struct{}, 1),
		jobs: make(chan struct{}, 1), refreshes: make(chan struct{}, 1), tickSooner: make(chan struct{}, 1),
		queues: make(map[string]*queue), orphans: make(map[int64]bool), stale: make(map[string]bool),
		tallies: make(map[tallyKey]*Tally), parsing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if o.Client != nil { // one that only publishes needs none
		e.transmit = o.Client.Send
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.commits = newCommitter(e)
	return e
}

// Run makes the engine work until ctx is done. It then starts no attempt, lets
// those under way end for [Options.Grace], hands back what is left, and returns
// when all its goroutines have ended. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	// What follows ctx's end still needs the lease and the store.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	writing, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	inFlight, cancelAttempts := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelAttempts()
	e.mu.Lock()
	e.inFlightCtx = inFlight
	e.mu.Unlock()

	var writers, others sync.WaitGroup
	for range max(e.store.Writers(), 1) {
		writers.Go(func() { e.commits.write(writing) })
	}
	others.Go(func() { e.keepLease(working) })
	if e.o.Deliver {
		for _, work := range []func(context.Context){
			e.load, e.load, e.tick, e.keepClaiming, e.keepPeeking, e.keepRefreshing, e.listen, e.upkeep, e.keepStats,
		} {
			others.Go(func() { work(working) })
		}
	} else {
		others.Go(func() { e.keepStats(working) })
	}

	<-ctx.Done()
	e.mu.Lock()
	e.stopping = true
	e.mu.Unlock()
	landed := make(chan struct{})
	go func() {
		e.attempts.Wait()
		close(landed)
	}()
	select {
	case <-landed:
	case <-time.After(e.o.Grace):
		cancelAttempts()
		<-landed
	}
	e.commits.close()
	e.commits.finish()
	// If the store is away, what came of the last attempts is lost, and they are
	// made again.
	timer := time.AfterFunc(e.o.Grace, giveUp)
	writers.Wait()
	timer.Stop()
	e.commits.abandon()
	stop()
	others.Wait()
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := e.writeTallies(leaving); err != nil {
		e.log.Warn("the last attempts are missing from the counts of attempts", "error", err)
	}
	if err := e.store.Leave(leaving); err != nil && !errors.Is(err, ErrLeaseLost) {
		e.log.Warn("this node could not sign off; others take over when its lease ends", "error", err)
	}
	return nil
}

// now returns the time of the store's clock, as far as it is known.
func (e *Engine) now() time.Time {
	e.clock.RLock()
	defer e.clock.RUnlock()
	if e.storeTime.IsZero() {
		return time.Now()
	}
	return e.storeTime.Add(time.Since(e.leased))
}

// local returns when a time of the store's clock is, by the clock of this process.
func (e *Engine) local(t time.Time) time.Time {
	e.clock.RLock()
	defer e.clock.RUnlock()
	if e.storeTime.IsZero() {
		return t
	}
	return e.leased.Add(t.Sub(e.storeTime))
}

// Ready returns why the engine doesn't work as it should, or nil: the store can't
// be written to, this node has no lease, or a delivery has been due for longer than
// [Options.Stale].
func (e *Engine) Ready(ctx context.Context) error {
	if err := e.store.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := e.commits.failure(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	switch {
	case e.stopping:
		return ErrStopped
	case !e.joined || !time.Now().Before(e.leaseEnd):
		return errors.New("this node has no lease, so it makes no attempts; see whether the store answers in time")
	case !e.stats.OldestDue.IsZero() && now.Sub(e.stats.OldestDue) > e.o.Stale:
		return fmt.Errorf("a delivery has been due since %s; see which endpoints hold attempts up, or whether more nodes are needed",
			e.stats.OldestDue.UTC().Format(time.RFC3339))
	}
	return nil
}
