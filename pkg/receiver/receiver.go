// Package receiver takes the webhooks of robot runs: an [http.Handler] that
// verifies, judges and de-duplicates what arrives, and calls a typed handler
// with it.
//
//	r, err := receiver.New(receiver.Handlers{
//		Event: func(ctx context.Context, e *event.Event) error { … },
//	}, receiver.Options{
//		Verifier: &signature.Verifier{Secrets: secrets},
//	})
//	…
//	http.Handle("/events", r)
//
// # What happens to a request
//
// In this order, and the first that refuses it answers, with problem details
// (RFC 9457) of a type that docs/problems.md explains:
//
//  1. Method: POST, or 405.
//  2. Content type: application/json or one that ends in +json, in UTF-8, or 415.
//  3. Size: at most Options.MaxBytes, or 413. A Content-Length is believed if it
//     is too large, and never if it is small.
//  4. Content encoding: none, or gzip once, or 415. What is decompressed has the
//     same limit, and one of how well it may be compressed, or 413.
//  5. Authentication, or 401. What headers alone tell is refused before the body
//     is read. A signature covers the payload: the bytes that are left when the
//     content encoding has been undone. It is the sender's to sign and then
//     compress, and a proxy's to compress or not; neither may break a signature.
//  6. The verdict, by Options.Policy, or 422 with the findings.
//  7. De-duplication: 200 if the event was handled before, or 503 while it is
//     being handled.
//  8. The handler: 204 once it returns, or 500 if it fails, so that the sender
//     tries again. [StatusError] chooses another status.
//
// Which handler: the one for the documented event if the payload conforms, else
// Event, else OnUnknown; one of them and no more.
//
// # What to set around it
//
// A sender waits some 30 seconds for the answer, so a handler should store the
// event and return. A receiver holds one payload per request in memory, and
// judging one that deviates takes some 25 times its size: with many senders
// lower MaxBytes, or limit how many requests there are at once. The time for a
// body is bounded by Options.ReadTimeout, where the [http.ResponseWriter] can
// do that ([http.ResponseController]); the time for the headers and between
// requests is the server's to bound: set [http.Server.ReadHeaderTimeout] and
// [http.Server.IdleTimeout].
package receiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// Handlers are called with the events, each with one of them. Their context is
// the request's, and [DeliveryFrom] gives what else is known. They are called by
// many goroutines at once.
//
// A handler that returns nil has taken the event: the sender is told so, and
// won't send it again. After an error, or a panic, the sender tries again, by
// its own schedule, and the handler is called again.
//
// The context ends when the sender goes away, which most do after 30 seconds.
// Work that must outlive the request needs [context.WithoutCancel].
type Handlers struct {
	// RunCompleted and RunFailed take the documented events: payloads that
	// conform. The events of others are for Event.
	RunCompleted func(ctx context.Context, e *webhook.RunCompleted) error
	RunFailed    func(ctx context.Context, e *webhook.RunFailed) error

	// Event takes every other event that conforms or deviates, in the one form
	// that all have in common. It is required unless the policy is
	// RequireDocumented, since what real servers send deviates.
	Event func(ctx context.Context, e *event.Event) error

	// OnUnknown takes what is left: events of a type that the contract doesn't
	// know, and with the policy AcceptAll whatever is invalid. The bytes are
	// in d. Without it, events of an unknown type are acknowledged and dropped.
	OnUnknown func(ctx context.Context, d *Delivery) error
}

// A Policy says which verdicts are accepted.
type Policy int

// The policies.
const (
	// AcceptObserved accepts what conforms, what deviates as servers are known
	// to, and events of a type that the contract doesn't know. It is the
	// default.
	AcceptObserved Policy = iota
	// RequireDocumented accepts only what conforms.
	RequireDocumented
	// AcceptAll accepts anything, even what is no JSON.
	AcceptAll
)

// String gives the policy's name.
func (p Policy) String() string {
	switch p {
	case AcceptObserved:
		return "AcceptObserved"
	case RequireDocumented:
		return "RequireDocumented"
	case AcceptAll:
		return "AcceptAll"
	}
	return fmt.Sprintf("Policy(%d)", int(p))
}

// The defaults of [Options].
const (
	DefaultMaxBytes    = 32 << 20
	DefaultReadTimeout = 30 * time.Second
)

// Options say how events are received. The zero value of each is the safe
// default; only how senders are authenticated has none, and must be said.
//
// Of the ways to authenticate, any that is set will do, but for a signature that
// is wrong: that is refused, whatever else would allow it.
type Options struct {
	// Verifier verifies signatures, as Standard Webhooks has them.
	Verifier *signature.Verifier
	// Basic are the credentials that senders who can't sign may use, in the
	// URL as https://user:password@host/path or as a header; several while
	// they are changed.
	Basic []Credentials
	// PathSecrets are for senders who can't do that either: the last segment of
	// the URL's path is compared with them. URLs end up in the logs of proxies
	// and servers, so take it as the last resort. Each has 16 bytes or more:
	// letters, digits, -, ., _ and ~. Mount the receiver so that it gets any
	// last segment.
	PathSecrets []string
	// InsecureNoAuthentication takes events from anybody. It is for tests, and
	// for receivers that nobody else can reach. It can't be set beside another
	// way, which it would make pointless.
	InsecureNoAuthentication bool

	// Policy says which verdicts are accepted.
	Policy Policy
	// MaxBytes is how many bytes a payload may have, and its compressed form;
	// 0 means DefaultMaxBytes, 32 MiB.
	MaxBytes int64
	// ReadTimeout is how long a body may take to arrive; 0 means
	// DefaultReadTimeout. For the receiver's requests it takes the place of
	// the server's own.
	ReadTimeout time.Duration

	// Parser makes the events for Handlers.Event. The zero value knows run times
	// that are RFC 3339; set its zone and layouts to know those that servers
	// write in their local time.
	Parser event.Parser

	// Deduplicator remembers which events were handled; nil means a Memory of
	// the receiver's own.
	Deduplicator Deduplicator

	// Observer is told every decision once the answer is written, on the
	// goroutine of the request and with its context: it should return soon. It
	// must not change what the decision refers to.
	Observer func(ctx context.Context, d *Decision)
	// Logger is told every decision: what was taken at level debug, what was
	// refused as a warning and what failed as an error; nil means
	// slog.Default(). Nothing of a payload is logged but its event_type.
	Logger *slog.Logger
}

// A Receiver is the http.Handler of one URL that takes every event. It may be
// mounted at several.
type Receiver struct {
	handlers Handlers
	policy   Policy

	verifier *signature.Verifier
	basic    basicAuth
	paths    pathSecrets
	insecure bool

	maxBytes     int64
	readTimeout  time.Duration
	parser       event.Parser
	deduplicator Deduplicator
	observer     func(context.Context, *Decision)
	logger       *slog.Logger
}

// New makes a Receiver. An error says which options don't go together.
func New(handlers Handlers, options Options) (*Receiver, error) {
	if err := check(handlers, options); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	rc := &Receiver{
		handlers:     handlers,
		policy:       options.Policy,
		insecure:     options.InsecureNoAuthentication,
		maxBytes:     orDefault(options.MaxBytes, DefaultMaxBytes),
		readTimeout:  orDefault(options.ReadTimeout, DefaultReadTimeout),
		parser:       options.Parser,
		deduplicator: options.Deduplicator,
		observer:     options.Observer,
		logger:       options.Logger,
	}
	if options.Verifier != nil {
		verifier := *options.Verifier
		rc.verifier = &verifier
	}
	for _, c := range options.Basic {
		rc.basic.add(c)
	}
	for _, s := range options.PathSecrets {
		rc.paths = append(rc.paths, sha256.Sum256([]byte(s)))
	}
	if rc.deduplicator == nil {
		rc.deduplicator = new(Memory)
	}
	return rc, nil
}

func check(handlers Handlers, options Options) error {
	authenticated := options.Verifier != nil || len(options.Basic) > 0 || len(options.PathSecrets) > 0
	switch {
	case !authenticated && !options.InsecureNoAuthentication:
		return errors.New("nothing says how senders are authenticated; set Verifier, or Basic or PathSecrets for senders that can't sign, or InsecureNoAuthentication to take events from anybody")
	case authenticated && options.InsecureNoAuthentication:
		return errors.New("the option InsecureNoAuthentication makes the other ways to authenticate pointless; set it alone or not at all")
	case options.Verifier != nil && len(options.Verifier.Secrets) == 0:
		return errors.New("the Verifier has no Secrets to verify with")
	case options.MaxBytes < 0:
		return fmt.Errorf("the option MaxBytes is %d; it can't be negative", options.MaxBytes)
	case options.ReadTimeout < 0:
		return fmt.Errorf("the option ReadTimeout is %v; it can't be negative", options.ReadTimeout)
	case options.Policy < AcceptObserved || options.Policy > AcceptAll:
		return fmt.Errorf("there is no %v", options.Policy)
	case options.Policy != RequireDocumented && handlers.Event == nil:
		return fmt.Errorf("the policy %v accepts payloads that deviate, and no handler takes them; set Handlers.Event, or the policy RequireDocumented", options.Policy)
	case options.Policy == AcceptAll && handlers.OnUnknown == nil:
		return errors.New("the policy AcceptAll accepts payloads that are invalid, and no handler takes them; set Handlers.OnUnknown")
	case handlers.RunCompleted == nil && handlers.RunFailed == nil && handlers.Event == nil:
		return errors.New("no handler takes any event; set one of RunCompleted, RunFailed and Event")
	}
	for i, c := range options.Basic {
		if c.Username == "" || c.Password == "" {
			return fmt.Errorf("the option Basic[%d] lacks its user name or its password", i)
		}
	}
	for i, s := range options.PathSecrets {
		if err := checkPathSecret(s); err != nil {
			return fmt.Errorf("the option PathSecrets[%d] %w", i, err)
		}
	}
	return nil
}

// ServeHTTP takes one delivery.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{rc: rc, w: w, r: r, lapped: time.Now()}
	x.Start = x.lapped
	p := x.run()
	if p != nil {
		x.Outcome, x.Status, x.Stack = p.outcome, p.status, p.stack
		x.Err = errors.Join(p.cause, x.Err)
	}
	switch {
	case p == nil:
		w.WriteHeader(x.Status)
	case !p.abort:
		p.write(w)
	}
	x.Total = time.Since(x.Start)
	rc.tell(r.Context(), &x.Decision)
	if p != nil && p.abort {
		panic(http.ErrAbortHandler)
	}
}

// tell tells who wants to know of a decision.
func (rc *Receiver) tell(ctx context.Context, d *Decision) {
	logger := rc.logger
	if logger == nil {
		logger = slog.Default()
	}
	d.log(ctx, logger)
	if rc.observer == nil {
		return
	}
	defer func() {
		// The event is handled and answered. A panic in net/http's hands would
		// take the answer back, and have the event sent again.
		if v := recover(); v != nil {
			logger.ErrorContext(ctx, "the observer of deliveries panicked", slog.Any("panic", v))
		}
	}()
	rc.observer(ctx, d)
}

// accepts tells whether the policy accepts d.
func (rc *Receiver) accepts(d *Delivery) bool {
	switch rc.policy {
	case RequireDocumented:
		return d.Verdict == conformance.Conforms
	case AcceptAll:
		return true
	}
	return d.Verdict != conformance.Invalid || isUnknown(d)
}
