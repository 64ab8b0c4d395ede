package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/recording"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
)

// A listener is the handler of runhooks listen. A receiver decides about each
// request; the listener keeps what arrived, chooses the answer of what is taken,
// and shows it all before it answers: when a sender has its answer, the event has
// been shown and recorded.
type listener struct {
	path     string
	verifies bool
	// asksUnsigned says that senders who can't sign are asked for something else, and
	// hidesPath that it may be in the path of the URL.
	asksUnsigned, hidesPath, recordsSecrets bool

	status   int
	delay    time.Duration
	count    int // POSTs after which to stop; 0 for none
	checker  conformance.Checker
	receiver *receiver.Receiver
	forward  *forwarder // nil if it is nobody's but ours to answer
	recorder *recorder  // nil if nothing is recorded
	view     *arrivalView

	stopping context.Context // done when the listener is to end
	stop     context.CancelCauseFunc

	mu    sync.Mutex
	posts int
	known map[string]*history
	order []string // the keys of known, oldest first
}

// An arrival is one request, and what became of it.
type arrival struct {
	at                      time.Time
	remote                  string
	method, path            string
	contentType, id, signed string // headers; signed is webhook-signature
	header                  http.Header
	body                    bytes.Buffer // as it came, as far as it was read

	decision     receiver.Decision
	taken        bool // the receiver had us handle it
	report       conformance.Report
	event        *event.Event // nil where there is none to speak of
	canonical    bool         // it came in its canonical form
	attempt      int          // how often the event has arrived, this time included; 0 if unknown
	repeated     bool         // it was accepted before
	gone         bool         // the sender was, before it could be answered
	verifies     bool
	asksUnsigned bool

	forwarded *forwarded // nil if it wasn't
	status    int        // of the answer
	problem   problem    // which the answer is, if it is one
	took      time.Duration
}

type arrivalKey struct{}

func arrivalFrom(ctx context.Context) *arrival { return ctx.Value(arrivalKey{}).(*arrival) }

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &arrival{
		at: time.Now(), remote: r.RemoteAddr, method: r.Method, path: r.URL.RequestURI(),
		contentType: r.Header.Get("Content-Type"), id: r.Header.Get("Webhook-Id"), signed: r.Header.Get("Webhook-Signature"),
		header: r.Header, verifies: l.verifies, asksUnsigned: l.asksUnsigned,
	}
	if l.hidesPath {
		a.path = hidePath(a.path)
	}
	answer := &heldAnswer{ResponseWriter: w, header: make(http.Header)}
	if l.takesAt(r.URL.Path) {
		l.ask(a, answer, r)
	} else {
		a.refusePath(answer, l.path)
	}
	a.status = answer.status
	if f := a.forwarded; f != nil && f.answer != nil {
		defer f.answer.Body.Close()
	}
	a.took = time.Since(a.at)
	if r.Method == http.MethodPost && l.takesAt(r.URL.Path) && l.recorder.keepsRequests() {
		if err := l.recorder.recordRequest(a.recorded(r, l.recordsSecrets)); err != nil {
			l.fail(err)
		}
	}
	if err := l.view.show(a); err != nil {
		l.fail(fmt.Errorf("the output can't be written: %w", err))
	}
	if !a.gone {
		answer.send(a.forwarded)
	}
	if r.Method == http.MethodPost && l.takesAt(r.URL.Path) {
		l.counted()
	}
}

// takesAt reports whether events are taken at a path.
func (l *listener) takesAt(path string) bool {
	return path == l.path || strings.HasSuffix(l.path, "/") && strings.HasPrefix(path, l.path)
}

// ask has the receiver decide about a request, and keeps what there is to know.
func (l *listener) ask(a *arrival, answer *heldAnswer, r *http.Request) {
	r = r.WithContext(context.WithValue(r.Context(), arrivalKey{}, a))
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = teeBody{io.TeeReader(r.Body, &a.body), r.Body}
	}
	l.receiver.ServeHTTP(answer, r)
	if l.recorder.keepsRequests() && a.decision.Disposition != receiver.TooLarge {
		// What the receiver has not read, as the headers were enough to refuse it.
		_ = http.NewResponseController(answer).SetReadDeadline(time.Now().Add(receiver.DefaultReadTimeout))
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, receiver.DefaultMaxBytes-int64(a.body.Len())))
	}

	d := &a.decision.Delivery
	if a.decision.Disposition == receiver.Nonconforming && r.Header.Get(form.Header) == form.Canonical.String() {
		var e event.Event
		if json.Unmarshal(d.Payload, &e) == nil {
			l.takeCanonical(r.Context(), a, &e)
		}
	}
	if a.canonical {
		if err := l.recorder.record(d.Payload); err != nil {
			l.fail(err)
		}
	} else if d.Verdict != "" {
		a.report = l.checker.Check(d.Payload) // the receiver doesn't look for warnings
		a.event = d.Event
		if a.event == nil && d.Verdict != conformance.Invalid { // refused before it was parsed
			a.event, _ = event.Parse(d.Payload)
		}
		if err := l.recorder.record(d.Payload); err != nil {
			l.fail(err)
		}
	}
	switch {
	case a.gone:
		answer.status = 0
	case a.forwarded != nil && a.forwarded.answer != nil:
		answer.status = a.forwarded.answer.StatusCode
	case a.forwarded != nil:
		answer.problem(http.StatusBadGateway, "The forward can't be reached", "the listener accepted the event, but can't pass it on; send it again")
	case a.taken:
		answer.status, answer.header = l.status, make(http.Header)
		answer.body.Reset()
	default:
		a.problem, _ = parseProblem(answer.body.Bytes())
	}
}

// errNotAccepted tells the receiver that the answer is not 2xx, so that the event
// may come again.
var errNotAccepted = errors.New("answered as an event that is not accepted")

// take is the receiver's only handler. It handles an event after the delay: by the
// chosen status, or by what the forward makes of it.
func (l *listener) take(ctx context.Context, d *receiver.Delivery) error {
	a := arrivalFrom(ctx)
	a.taken = true
	if l.delay > 0 {
		timer := time.NewTimer(l.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.stopping.Done(): // it is late enough
		case <-ctx.Done():
			a.gone = true
			return ctx.Err()
		}
	}
	status := l.status
	if l.forward != nil {
		a.forwarded = l.forward.send(ctx, a.header, a.body.Bytes(), d)
		if ctx.Err() != nil {
			a.gone = true
			return ctx.Err()
		}
		status = http.StatusBadGateway
		if a.forwarded.answer != nil {
			status = a.forwarded.answer.StatusCode
		}
	}
	if status/100 != 2 {
		return errNotAccepted
	}
	return nil
}

// takeCanonical takes an event in its canonical form, which the receiver refuses, since
// the contract knows no such payload. Its sender is authenticated.
func (l *listener) takeCanonical(ctx context.Context, a *arrival, e *event.Event) {
	a.canonical, a.event, a.decision.Delivery.Event = true, e, e
	a.report = conformance.Report{Verdict: conformance.Conforms, EventType: e.RawType}
	a.decision.Disposition = receiver.Accepted
	claim, _ := l.Claim(ctx, a.id)
	if l.take(ctx, &a.decision.Delivery) == nil {
		_ = l.Commit(ctx, claim)
	}
}

// observe keeps the decision with the arrival that it is about.
func observe(ctx context.Context, d *receiver.Decision) { arrivalFrom(ctx).decision = *d }

// recorded is the request as it is recorded. Its target is a URL only with a host.
func (a *arrival) recorded(r *http.Request, secrets bool) recording.Request {
	target := a.path
	if secrets {
		target = r.URL.RequestURI()
	}
	return recording.Request{
		At: a.at, Took: a.took, Method: r.Method, URL: "http://" + r.Host + target, Proto: r.Proto,
		Header: a.header, Body: a.body.Bytes(), Status: a.status,
	}
}

func (a *arrival) refusePath(answer *heldAnswer, path string) {
	a.problem = problem{
		Title:  "There is no endpoint here",
		Detail: fmt.Sprintf("events are accepted at %s: send to that path, or give --path %.200s", path, redact.URL(a.path)),
	}
	answer.problem(http.StatusNotFound, a.problem.Title, a.problem.Detail)
}

// counted ends the listener when there were enough POSTs.
func (l *listener) counted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.posts++; l.posts == l.count {
		l.stop(nil)
	}
}

// fail ends the listener because it can't do what it is for.
func (l *listener) fail(err error) { l.stop(&listenError{err}) }

// A history is what is known of an event that may come again.
type history struct {
	attempts int
	accepted bool
}

// maxKnown is how many events are known at a time.
const maxKnown = 10_000

// Claim makes a listener the Deduplicator of its receiver. It notes what comes
// again, and has it handled anyway: what one wants to see is how the sender
// goes on, and what a forward makes of it.
func (l *listener) Claim(ctx context.Context, key string) (receiver.Claim, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.known[key]
	if h == nil {
		if len(l.order) == maxKnown {
			delete(l.known, l.order[0])
			l.order = l.order[1:]
		}
		if l.known == nil {
			l.known = make(map[string]*history)
		}
		h = new(history)
		l.known[key] = h
		l.order = append(l.order, key)
	}
	h.attempts++
	a := arrivalFrom(ctx)
	a.attempt, a.repeated = h.attempts, h.accepted
	return receiver.Claim{Key: key, State: receiver.Claimed}, nil
}

// Commit notes that an event was accepted.
func (l *listener) Commit(_ context.Context, c receiver.Claim) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.known[c.Key]; h != nil {
		h.accepted = true
	}
	return nil
}

// Release has nothing to do: an event that wasn't accepted may come again anyway.
func (l *listener) Release(context.Context, receiver.Claim) error { return nil }

// A heldAnswer is an answer that isn't sent yet.
type heldAnswer struct {
	http.ResponseWriter // to which it will be sent
	header              http.Header
	status              int
	body                bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

// Unwrap is for [http.ResponseController], by which the receiver sets deadlines.
func (h *heldAnswer) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// problem makes it an answer that says what is wrong (RFC 9457).
func (h *heldAnswer) problem(status int, title, detail string) {
	text, err := json.Marshal(map[string]any{"type": "about:blank", "title": title, "status": status, "detail": detail})
	if err != nil {
		panic(err) // there is nothing in it that can't be encoded
	}
	h.header, h.status = http.Header{"Content-Type": {"application/problem+json"}}, status
	h.body.Reset()
	h.body.Write(text)
}

// send sends the answer, or that of the forward.
func (h *heldAnswer) send(f *forwarded) {
	var body io.Reader = &h.body
	if f != nil && f.answer != nil {
		h.header, body = endToEnd(f.answer.Header), f.body()
	}
	maps.Copy(h.ResponseWriter.Header(), h.header)
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = io.Copy(h.ResponseWriter, body) // an error means that nobody is listening any more
}

// A teeBody keeps what is read of a body.
type teeBody struct {
	io.Reader
	io.Closer
}
