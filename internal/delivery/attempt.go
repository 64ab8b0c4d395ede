package delivery

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// An ended is an attempt that ended, and what is to be written about it.
type ended struct {
	Outcome
	flight     *flight
	result     result
	retryAfter time.Duration
	summary    string // what came of it, fit to be shown
	publish    []Publication
	disable    *Disabling
	tries      int // to write it
}

// attempt makes an attempt. It returns nil if it could not even begin, through a
// fault of our own.
func (e *Engine) attempt(f *flight) *ended {
	d := &f.task.Delivery
	if f.sealed == nil {
		sealed, err := e.o.Unseal(f.ep)
		if err != nil {
			e.log.Error("the secrets of an endpoint can't be decrypted", "endpoint", f.ep.ID, "error", err)
			return nil
		}
		f.sealed = &sealed
	}
	r := e.render(&f.task.Event, f.ep)
	e.metrics.began(d, e.now())
	ctx, end := e.traceAttempt(f)
	a, err := e.send(ctx, f.ep, f.sealed, d.EventID, &r)
	o := &ended{flight: f, Outcome: Outcome{
		EndpointID: f.q.id, Epoch: f.q.epoch,
		Attempt: Attempt{
			DeliveryID: d.ID, N: d.Attempts + 1, At: e.now().Add(-a.Timings.Total),
			Outcome: string(a.Outcome), Status: a.Status, Duration: a.Timings.Total, Node: e.o.Name,
		},
	}}
	o.result, o.retryAfter = resultOf(&a), a.RetryAfter
	switch {
	case err == nil:
	case e.inFlightCtx.Err() != nil:
		// Perhaps the endpoint has received it. It is handed back as it was.
		o.result, a.Outcome, a.Err = notItsOwn, emitter.Unreachable, errors.New("the service stopped meanwhile")
	default: // nothing can be sent to the endpoint as it is configured
		o.result, a.Outcome, a.Err = failed, emitter.Unreachable, err
	}
	o.Attempt.Outcome = string(a.Outcome)
	o.summary = a.String()
	if err != nil {
		o.summary = string(a.Outcome) + ": " + a.Err.Error()
	}
	o.summary = strings.ToValidUTF8(o.summary, "\uFFFD") // databases can't hold the rest
	o.Attempt.Detail = detail(f.ep, f.sealed, &a, &r, e.o.KeepAnswer)
	o.follow(d)
	end(o)
	e.metrics.attempted(o)
	return o
}

// send makes an attempt by the client.
func (e *Engine) send(ctx context.Context, ep *Endpoint, s *Sealed, eventID string, r *Rendered) (emitter.Attempt, error) {
	header := s.Header
	if r.Form != form.Received {
		header = maps.Clone(header)
		if header == nil {
			header = http.Header{}
		}
		header.Set(form.Header, string(r.Form))
	}
	if e.o.TraceEndpoints {
		header = withTraceParent(ctx, header)
	}
	return e.transmit(ctx, emitter.Endpoint{
		URL: ep.URL, Secrets: s.Secrets, Unsigned: len(s.Secrets) == 0, Header: header, Timeout: ep.Timeout,
	}, eventID, r.Payload)
}

// Try makes one attempt to deliver an event as it was rendered, and stores nothing. Of the attempt, the
// [Detail] that it also returns as JSON may be shown. Errors are those of
// [emitter.Client.Send] and [Options.Unseal].
func (e *Engine) Try(ctx context.Context, ep Endpoint, eventID string, r Rendered) (emitter.Attempt, []byte, error) {
	s, err := e.o.Unseal(&ep)
	if err != nil {
		return emitter.Attempt{}, nil, err
	}
	a, err := e.send(ctx, &ep, &s, eventID, &r)
	return a, detail(&ep, &s, &a, &r, keepTried), err
}

// follow decides what follows the attempt of a delivery.
func (o *ended) follow(d *Delivery) {
	ep := o.flight.ep
	o.State, o.Round = Pending, d.Round+1
	switch {
	case o.result == accepted:
		o.State = Delivered
	case o.result == notItsOwn:
		o.Round, o.Delay = d.Round, jitter(time.Second)
		if o.flight.task.Delivery.Ordered { // the others wait behind it
			o.Delay = 0
		}
	case o.result == gone:
		o.State, o.Reason = Held, "The endpoint answered 410: it wants no events any more."
	case o.Round >= ep.MaxAttempts:
		o.State, o.Reason = Exhausted, fmt.Sprintf("No attempt of %d was accepted. The last one: %s.", o.Round, o.summary)
	default:
		o.Delay = o.retryAfter
		if n := len(ep.Delays); n > 0 {
			o.Delay = max(o.Delay, jitter(ep.Delays[min(o.Round, n)-1]))
		}
	}
}

// isOwnFault tells errors that say something about this process or its machine,
// and nothing about an endpoint.
func isOwnFault(err error) bool {
	for _, own := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, syscall.ENETDOWN,
	} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// Bounds of what is kept of an attempt, in bytes.
const (
	keepHeaders = 4 << 10 // of all headers of the answer
	keepText    = 1 << 10 // of an error
	keepTried   = 4 << 10 // of the answer to an attempt of [Engine.Try]
)

const struckOut = "***"

// shownRequest are the headers of a request that nothing secret can be in. The
// others are the endpoint's own, and its signature.
var shownRequest = []string{
	"Content-Type", "User-Agent", "Webhook-Id", form.Header, "Webhook-Timestamp", "Traceparent", "Accept-Encoding", "Content-Length",
}

// secretWords are in the names of headers of answers that may be secret.
var secretWords = []string{"cookie", "auth", "token", "secret", "key", "session", "signature", "password"}

// detail returns the [Detail] of an attempt as JSON.
func detail(ep *Endpoint, s *Sealed, a *emitter.Attempt, r *Rendered, keepAnswer int) []byte {
	w := detailWriter{text: make([]byte, 0, 1024), secret: secretTexts(s, a.RequestHeader["Webhook-Signature"])}
	w.text = append(w.text, `{"url":`...)
	w.quote(ep.URL)
	if a.Remote.IsValid() {
		w.text = append(w.text, `,"remote":"`...)
		w.text = a.Remote.AppendTo(w.text)
		w.text = append(w.text, '"')
	}
	if a.Reused {
		w.text = append(w.text, `,"reused":true`...)
	}
	w.header("request_headers", a.RequestHeader, func(name string) bool { return slices.Contains(shownRequest, name) })
	w.header("response_headers", a.Header, func(name string) bool {
		name = strings.ToLower(name)
		return !slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
	})
	if answer := a.Answer; len(answer) > 0 {
		truncated := a.Truncated || len(answer) > keepAnswer
		// Struck out before it is cut, as a part of a secret would not be found. The
		// client may have cut it, too.
		text := w.strike(string(answer))
		if a.Truncated && len(w.secret) > 0 {
			text = text[:max(len(text)-len(w.secret[0]), 0)]
		}
		w.text = append(w.text, `,"answer":`...)
		w.quote(text[:min(len(text), keepAnswer)])
		if truncated {
			w.text = append(w.text, `,"truncated":true`...)
		}
	}
	if a.Phase != "" {
		w.text = append(w.text, `,"phase":`...)
		w.quote(string(a.Phase))
	}
	if a.Err != nil {
		w.text = append(w.text, `,"error":`...)
		text := w.strike(a.Err.Error())
		w.quote(text[:min(len(text), keepText)])
	}
	if r.Form != form.Received {
		w.text = append(w.text, `,"form":`...)
		w.quote(string(r.Form))
	}
	if r.Reason != "" {
		w.text = append(w.text, `,"form_reason":`...)
		w.quote(r.Reason[:min(len(r.Reason), keepText)])
	}
	w.text = append(w.text, `,"timings":{`...)
	w.micros("dns_us", a.Timings.DNS)
	w.micros("connect_us", a.Timings.Connect)
	w.micros("tls_us", a.Timings.TLS)
	w.micros("first_byte_us", a.Timings.FirstByte)
	w.text = append(w.text, `"total_us":`...)
	w.text = strconv.AppendInt(w.text, a.Timings.Total.Microseconds(), 10)
	return append(w.text, "}}"...)
}

// minimalDetail stands for a detail that couldn't be written.
func minimalDetail(err error) []byte {
	w := detailWriter{text: []byte(`{"url":"","error":`)}
	w.quote("what is known of this attempt can't be stored")
	return append(w.text, `,"timings":{"total_us":0}}`...)
}

// A detailWriter writes JSON, as package json is too slow for what is done for each
// attempt.
type detailWriter struct {
	text   []byte
	secret []string // the longest first
}

// quote appends a string. What no database can hold, or is no UTF-8, is replaced.
func (w *detailWriter) quote(s string) {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	w.text, _ = jsontext.AppendQuote(w.text, s) // the error says that something was replaced
}

func (w *detailWriter) micros(name string, d time.Duration) {
	if d == 0 {
		return
	}
	w.text = append(w.text, '"')
	w.text = append(w.text, name...)
	w.text = append(w.text, `":`...)
	w.text = strconv.AppendInt(w.text, d.Microseconds(), 10)
	w.text = append(w.text, ',')
}

// header appends a header, with the values struck out that aren't to be shown.
func (w *detailWriter) header(name string, h http.Header, shown func(name string) bool) {
	if len(h) == 0 {
		return
	}
	w.text = append(w.text, `,"`...)
	w.text = append(w.text, name...)
	w.text = append(w.text, `":{`...)
	most, first := len(w.text)+keepHeaders, true
	for _, name := range slices.Sorted(maps.Keys(h)) {
		values := h[name]
		if len(values) == 0 || len(w.text)+len(name) > most {
			continue
		}
		if !first {
			w.text = append(w.text, ',')
		}
		first = false
		w.quote(name)
		w.text = append(w.text, ":["...)
		for i, value := range values {
			if i > 0 {
				w.text = append(w.text, ',')
			}
			switch {
			case !shown(name):
				value = struckOut
			case len(w.text)+len(value) > most:
				value = "…"
			default:
				value = w.strike(value)
			}
			w.quote(value)
		}
		w.text = append(w.text, ']')
	}
	w.text = append(w.text, '}')
}

// secretTexts returns what was secret in a request, the longest first: one may be
// part of another. Texts of less than four bytes are left out: they are in ordinary
// text, too, and can be guessed.
func secretTexts(s *Sealed, signature []string) []string {
	var texts []string
	add := func(text string) {
		if len(text) >= 4 {
			texts = append(texts, text)
		}
	}
	for _, values := range s.Header {
		for _, v := range values {
			add(v)
			_, credentials, _ := strings.Cut(v, " ") // of Basic or Bearer
			add(credentials)
			if plain, err := base64.StdEncoding.DecodeString(credentials); err == nil {
				_, password, _ := strings.Cut(string(plain), ":")
				add(password)
			}
		}
	}
	for _, v := range signature {
		for one := range strings.FieldsSeq(v) {
			add(one)
		}
	}
	slices.SortFunc(texts, func(a, b string) int { return len(b) - len(a) })
	return texts
}

// strike strikes out what was secret in the request, and which an answer may
// repeat.
func (w *detailWriter) strike(s string) string {
	for _, secret := range w.secret {
		s = strings.ReplaceAll(s, secret, struckOut)
	}
	return s
}
