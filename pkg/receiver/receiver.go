// Package receiver receives the webhooks of robot runs: an [http.Handler] that verifies,
// judges and de-duplicates what arrives, and calls your handler with it.
//
//	r, err := receiver.New(receiver.Handlers{
//		Event: func(ctx context.Context, d *receiver.Delivery) error {
//			return store(ctx, d.Event)
//		},
//	}, receiver.Options{
//		Verifier: &signature.Verifier{Secrets: secrets},
//	})
//	…
//	http.Handle("/events", r)
//
// Package receivertest helps to test handlers.
//
// # What happens to a request
//
// In this order, and the first that refuses it answers, with problem details
// (RFC 9457) of a type that docs/problems.md explains:
//
//  1. Method: POST, or 405.
//  2. Content type: application/json or one that ends in +json, in UTF-8, or 415.
//  3. Declared size: at most Options.MaxBytes, or 413.
//  4. Content encoding: none, or gzip once, or 415.
//  5. Authentication, as far as the headers alone tell, or 401.
//  6. The body, in Options.ReadTimeout, or 408. It has all the bytes that
//     Content-Length declares, or 400; and at most Options.MaxBytes, also when it
//     is decompressed, or 413. How well it may be compressed has a limit, too.
//  7. The signature, or 401. It covers the payload: the bytes that are left when
//     the content encoding has been undone. It is the sender's to sign and then
//     compress, and a proxy's to compress or not; neither may break a signature.
//  8. The verdict, by Options.Accept, or 422 with the findings.
//  9. The handler that wants the event: 204 if there is none.
//  10. De-duplication: 200 if the event was handled before, or 503 while it is
//     being handled.
//  11. The handler is called: 204 once it returns, or 500 if it fails, so that the
//     sender tries again. [StatusError] chooses another status.
//
// # What to set around it
//
// A sender waits some 30 seconds for the answer, so a handler should store the
// event and return.
//
// A receiver holds one payload per request in memory. While it judges one that deviates, it
// needs more: some 20 times the payload's size if its rows are as robots capture them, 70
// times if they hold next to nothing, and 90 times in the worst known case
// (BenchmarkJudgingMemory measures it). Only payloads of authenticated senders are judged.
// With many senders, lower Options.MaxBytes, or limit the number of concurrent requests.
//
// Nothing in front of the receiver may read the body: a signature is of its exact
// bytes.
//
// The time for a body is bounded by Options.ReadTimeout, where the
// [http.ResponseWriter] can do that ([http.ResponseController]); the time for the
// headers and between requests is the server's to bound: set
// [http.Server.ReadHeaderTimeout] and [http.Server.IdleTimeout].
//
// # Compatibility
//
// The status of each answer and the type of its problem details are kept from the
// first release on. Details and log messages may change with any version.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package receiver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// Handlers are called with deliveries, each delivery with one of them: that of its event's
// type, or else Event. At least one of them is set; an event that has no handler is
// acknowledged and dropped ([Ignored]). They are called by many goroutines at once.
//
// A handler that returns nil has accepted the event: the answer says so, and the sender
// won't send it again. After an error, or a panic, the sender tries again, by its own
// schedule, and the handler is called again.
//
// The context is the request's. It ends when the sender goes away, which most do
// after 30 seconds. Work that must outlive the request needs
// [context.WithoutCancel].
type Handlers struct {
	// RunCompleted, RunFailed and Test take the events of these types
	// ([event.RunCompleted], [event.RunFailed], [event.Test]), whether they
	// conform or deviate: Delivery.Event is in the one form that all have in
	// common, and Delivery.Verdict tells which they do.
	RunCompleted func(ctx context.Context, d *Delivery) error
	RunFailed    func(ctx context.Context, d *Delivery) error
	Test         func(ctx context.Context, d *Delivery) error

	// Event takes the events that none of the above does.
	Event func(ctx context.Context, d *Delivery) error

	// Unknown takes what has no Delivery.Event: events of a type that the
	// contract doesn't know, and with AcceptAll whatever is invalid. The bytes
	// are in Delivery.Payload.
	Unknown func(ctx context.Context, d *Delivery) error
}

// An Acceptance says which verdicts are accepted.
type Acceptance int

// What is accepted.
const (
	// AcceptObserved accepts what conforms, what deviates as real servers do, and events of
	// a type that the contract doesn't know. It is the default.
	AcceptObserved Acceptance = iota
	// AcceptDocumented accepts only what conforms. Real servers send little that conforms.
	AcceptDocumented
	// AcceptAll accepts anything, even what is not JSON.
	AcceptAll
)

// String returns the constant's name.
func (a Acceptance) String() string {
	switch a {
	case AcceptObserved:
		return "AcceptObserved"
	case AcceptDocumented:
		return "AcceptDocumented"
	case AcceptAll:
		return "AcceptAll"
	}
	return fmt.Sprintf("Acceptance(%d)", int(a))
}

// The defaults of [Options].
const (
	DefaultMaxBytes    = signature.DefaultMaxBytes
	DefaultReadTimeout = 30 * time.Second
)

// Options say how events are received. The zero value of each field is a safe
// default. Only how senders are authenticated has no default: one of Verifier,
// Basic, PathSecrets, QuerySecrets and InsecureNoAuthentication must be set.
//
// Where several ways to authenticate are set, any of them will do, but a signature
// that is there and wrong is refused whatever else would allow the sender.
// Delivery.Sender says which it was.
type Options struct {
	// Verifier verifies signatures, as Standard Webhooks specifies them. If its secrets are
	// of several senders, an id that one of them has used is a duplicate from any other:
	// where ids are not as unguessable as those of event.NewID, make a receiver for each,
	// with a Deduplicator of its own.
	Verifier *signature.Verifier
	// Basic are the credentials that senders who can't sign may use, in the
	// URL as https://user:password@host/path or as a header: of several senders,
	// or of one while they are changed.
	Basic []Credentials
	// PathSecrets are for senders who can't do that either: the last segment of
	// the URL's path has to be one of them. URLs end up in the logs of proxies
	// and servers, so use them as the last resort. Each has 16 bytes or more:
	// letters, digits, -, ., _ and ~. Mount the receiver so that it gets any
	// last segment, as with http.Handle("/events/", r).
	PathSecrets []string
	// QuerySecrets are for senders who can't do that either, such as those behind a
	// gateway with fixed paths: the parameter "secret" of the URL's query has to be one
	// of them. Queries end up in even more logs than paths. The rules are those of
	// PathSecrets.
	QuerySecrets []string
	// InsecureNoAuthentication accepts events from anybody. It is for tests, and
	// for receivers that nobody else can reach. It can't be set beside another
	// way to authenticate, which it would make pointless.
	InsecureNoAuthentication bool

	// Accept says which verdicts are accepted.
	Accept Acceptance
	// AcceptCanonical also accepts events in their canonical form, as Runhooks' listener
	// and service deliver them if they are asked to: see [event.Event.UnmarshalJSON].
	// Delivery.Verdict is empty then, since the contract judges payloads. It can't be
	// combined with AcceptDocumented or Schemas.
	AcceptCanonical bool
	// Schemas are JSON Schemas of your own that payloads must satisfy besides the contract;
	// conformance.CompileSchema makes them. A payload that doesn't is invalid, and is
	// refused unless AcceptAll accepts it. Payloads have to be decoded for them, so even
	// those that conform take time and memory.
	Schemas []*conformance.Schema
	// MaxBytes is how many bytes a payload may have, and its compressed form;
	// 0 means DefaultMaxBytes, 64 MiB.
	MaxBytes int64
	// ReadTimeout is how long a body may take to arrive; 0 means DefaultReadTimeout. For
	// the receiver's requests it replaces the server's own.
	ReadTimeout time.Duration

	// Parser makes Delivery.Event. The zero value knows run times that are RFC
	// 3339; set its zone and layouts to know those that servers write in their
	// local time.
	Parser event.Parser

	// Deduplicator remembers which events were handled; nil means a Memory of
	// the receiver's own.
	Deduplicator Deduplicator

	// Observer gets every decision once the answer is written, on the goroutine of the
	// request and with its context: it should return soon. It must not change what the
	// decision refers to.
	Observer func(ctx context.Context, d *Decision)
	// Logger gets a record of every decision: what was taken at level debug, what was
	// refused as a warning and what failed as an error; nil means slog.Default(). The
	// attributes are those of the Decision: disposition, status, duration, id, sender,
	// bytes, event_type, verdict, findings (their codes), error and stack. Nothing else of
	// a payload is logged, and no secret.
	Logger *slog.Logger
}

// A Receiver is an [http.Handler] for one URL, to which all events are sent. It
// may be mounted at several. [New] makes one.
type Receiver struct {
	handlers  Handlers
	accept    Acceptance
	canonical bool
	checker   conformance.Checker

	verifier *signature.Verifier
	basic    basicAuth
	paths    urlSecrets
	queries  urlSecrets
	insecure bool

	maxBytes     int64
	readTimeout  time.Duration
	parser       event.Parser
	deduplicator Deduplicator
	observer     func(context.Context, *Decision)
	logger       *slog.Logger
}

// New makes a Receiver. The error says which handler or option is missing, is wrong, or
// can't be combined with another.
func New(handlers Handlers, options Options) (*Receiver, error) {
	if err := check(handlers, options); err != nil {
		return nil, fmt.Errorf("receiver: %w", err)
	}
	rc := &Receiver{
		handlers:     handlers,
		accept:       options.Accept,
		canonical:    options.AcceptCanonical,
		checker:      conformance.Checker{Schemas: slices.Clone(options.Schemas)},
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
	for _, s := range options.QuerySecrets {
		rc.queries = append(rc.queries, sha256.Sum256([]byte(s)))
	}
	if rc.deduplicator == nil {
		rc.deduplicator = new(Memory)
	}
	return rc, nil
}

func check(handlers Handlers, options Options) error {
	authenticated := options.Verifier != nil || len(options.Basic) > 0 || len(options.PathSecrets) > 0 || len(options.QuerySecrets) > 0
	switch {
	case !authenticated && !options.InsecureNoAuthentication:
		return errors.New("nothing says how senders are authenticated; set Verifier, or Basic, PathSecrets or QuerySecrets for senders that can't sign, or InsecureNoAuthentication to take events from anybody")
	case authenticated && options.InsecureNoAuthentication:
		return errors.New("the option InsecureNoAuthentication makes the other ways to authenticate pointless; set it alone or not at all")
	case options.Verifier != nil && len(options.Verifier.Secrets) == 0:
		return errors.New("the Verifier has no Secrets to verify with")
	case options.MaxBytes < 0:
		return fmt.Errorf("the option MaxBytes is %d; it can't be negative", options.MaxBytes)
	case options.ReadTimeout < 0:
		return fmt.Errorf("the option ReadTimeout is %v; it can't be negative", options.ReadTimeout)
	case options.Accept < AcceptObserved || options.Accept > AcceptAll:
		return fmt.Errorf("there is no %v", options.Accept)
	case handlers.RunCompleted == nil && handlers.RunFailed == nil && handlers.Test == nil &&
		handlers.Event == nil && handlers.Unknown == nil:
		return errors.New("no handler takes any event; set one of RunCompleted, RunFailed, Test, Event and Unknown")
	case options.AcceptCanonical && options.Accept == AcceptDocumented:
		return errors.New("AcceptDocumented accepts payloads that conform, and a canonical event is not a payload; set it without AcceptCanonical")
	case options.AcceptCanonical && len(options.Schemas) > 0:
		return errors.New("the Schemas are of payloads, and would say nothing of canonical events; set them without AcceptCanonical")
	case options.Accept == AcceptAll && handlers.Unknown == nil:
		return errors.New("AcceptAll accepts payloads that are invalid, and no handler takes them; set Handlers.Unknown")
	}
	if v := options.Verifier; v != nil {
		// With these it would refuse every delivery.
		if v.Tolerance < 0 {
			return fmt.Errorf("the Verifier's Tolerance is %v; it can't be negative", v.Tolerance)
		}
		for i, s := range v.Secrets {
			if s.Text() == "" {
				return fmt.Errorf("the Verifier's Secrets[%d] is the zero Secret; make it by signature.ParseSecret", i)
			}
		}
	}
	if i := slices.Index(options.Schemas, nil); i >= 0 {
		return fmt.Errorf("the option Schemas[%d] is nil", i)
	}
	for i, c := range options.Basic {
		if c.Username == "" || c.Password == "" {
			return fmt.Errorf("the option Basic[%d] lacks its user name or its password", i)
		}
	}
	for i, s := range options.PathSecrets {
		if err := checkURLSecret(s); err != nil {
			return fmt.Errorf("the option PathSecrets[%d] %w", i, err)
		}
	}
	for i, s := range options.QuerySecrets {
		if err := checkURLSecret(s); err != nil {
			return fmt.Errorf("the option QuerySecrets[%d] %w", i, err)
		}
	}
	return nil
}

// ServeHTTP receives one delivery, and answers it.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchange{rc: rc, w: w, r: r, lapped: time.Now()}
	x.Start = x.lapped
	p := x.run()
	if p != nil {
		x.Disposition, x.Status, x.Stack = p.disposition, p.status, p.stack
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

// accepts reports whether d is accepted.
func (rc *Receiver) accepts(d *Delivery) bool {
	switch rc.accept {
	case AcceptDocumented:
		return d.Verdict == conformance.Conforms
	case AcceptAll:
		return true
	}
	return d.Verdict != conformance.Invalid || isUnknown(d)
}
