package receiver

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Disposition says what became of a request. There are few, so it can be a label
// of a metric.
type Disposition string

// The dispositions, with the status of the answer. For each one that is a problem,
// docs/problems.md says what to do about it.
const (
	// Accepted: a handler accepted the event. 204.
	Accepted Disposition = "accepted"
	// Ignored: there is no handler for the event. 204.
	Ignored Disposition = "ignored"
	// Duplicate: the event was handled before. 200.
	Duplicate Disposition = "duplicate"

	// WrongMethod: it is not a POST. 405.
	WrongMethod Disposition = "wrong-method"
	// WrongContentType: it is not JSON in UTF-8, by its Content-Type. 415.
	WrongContentType Disposition = "wrong-content-type"
	// WrongContentEncoding: it is encoded, and not just by gzip. 415.
	WrongContentEncoding Disposition = "wrong-content-encoding"
	// TooLarge: the payload is too large, as it is sent or once it is decompressed. 413.
	TooLarge Disposition = "too-large"
	// TooSlow: the body didn't arrive in time. 408.
	TooSlow Disposition = "too-slow"
	// Unreadable: the body ends early, because it broke off or because
	// middleware read it; or it is broken as chunks or as gzip. 400.
	Unreadable Disposition = "unreadable"
	// Unauthenticated: nothing shows that the sender is who it should be. 401,
	// or 404 where only secrets in the URL's path could show it.
	Unauthenticated Disposition = "unauthenticated"
	// Nonconforming: Options.Accept doesn't accept the payload's verdict. 422.
	Nonconforming Disposition = "nonconforming"
	// InProgress: an earlier attempt is still being handled. 503, with
	// Retry-After.
	InProgress Disposition = "in-progress"
	// Unavailable: the deduplicator failed, or the verifier has no secret in
	// force. 503, with Retry-After.
	Unavailable Disposition = "unavailable"
	// Abandoned: the sender has gone, so that it will try again; no handler
	// was called. 503, which nobody reads.
	Abandoned Disposition = "abandoned"
	// Declined: a handler returned a StatusError. Its status.
	Declined Disposition = "declined"
	// Failed: a handler returned another error. 500.
	Failed Disposition = "failed"
	// Panicked: a handler panicked. 500; or if it panicked with http.ErrAbortHandler, no
	// answer, and the connection is closed.
	Panicked Disposition = "panicked"
)

// A Decision is everything that is known about one request and its answer.
type Decision struct {
	Disposition Disposition
	// Status is that of the answer; 0 if there was none.
	Status int
	// Delivery is what arrived, as far as it was read and judged before the decision was
	// made. A zero value means that this step was not reached.
	Delivery Delivery
	// Err is the reason, in words for the log and not for the sender: what a handler
	// returned, for instance. It is nil if the disposition says it all. An accepted event
	// has one if the deduplicator could not store that it was handled.
	Err error
	// Stack is where a handler panicked.
	Stack []byte

	// Start is when the receiver got the request, and Total how long it took
	// until the answer was written. The others are the parts of it, 0 for those
	// that were not reached: to read the body and decompress it, to authenticate
	// the sender, to judge the payload, to parse it into an event, to ask and
	// tell the deduplicator, and to have the event handled.
	Start                                                         time.Time
	Read, Authenticate, Judge, Decode, Deduplicate, Handle, Total time.Duration
}

// Stages returns the parts of Total that were reached, by their names in lower
// case and in their order.
func (d *Decision) Stages() iter.Seq2[string, time.Duration] {
	return func(yield func(string, time.Duration) bool) {
		for _, stage := range []struct {
			name string
			took time.Duration
		}{
			{"read", d.Read}, {"authenticate", d.Authenticate}, {"judge", d.Judge},
			{"decode", d.Decode}, {"deduplicate", d.Deduplicate}, {"handle", d.Handle},
		} {
			if stage.took > 0 && !yield(stage.name, stage.took) {
				return
			}
		}
	}
}

// log tells of d, without anything of the payload but its type, its size and the
// codes of its findings, and without anything secret.
func (d *Decision) log(ctx context.Context, logger *slog.Logger) {
	level := slog.LevelDebug
	switch {
	case d.Status >= http.StatusInternalServerError, d.Disposition == Panicked:
		level = slog.LevelError
	case d.Status >= http.StatusBadRequest, d.Err != nil:
		level = slog.LevelWarn
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("disposition", string(d.Disposition)),
		slog.Int("status", d.Status),
		slog.Duration("duration", d.Total),
	}
	if d.Delivery.EventID != "" {
		attrs = append(attrs, slog.String("id", shorten(d.Delivery.EventID)), slog.String("sender", d.Delivery.Sender.String()))
	}
	if d.Delivery.Payload != nil {
		attrs = append(attrs, slog.Int("bytes", len(d.Delivery.Payload)))
	}
	if d.Delivery.Verdict != "" {
		attrs = append(attrs, slog.String("event_type", shorten(d.Delivery.EventType)),
			slog.String("verdict", string(d.Delivery.Verdict)))
	}
	if codes := findingCodes(d.Delivery.Findings); len(codes) > 0 {
		attrs = append(attrs, slog.Any("findings", codes))
	}
	if d.Err != nil {
		attrs = append(attrs, slog.String("error", d.Err.Error()))
	}
	if d.Stack != nil {
		attrs = append(attrs, slog.String("stack", string(d.Stack)))
	}
	logger.LogAttrs(ctx, level, "delivery "+string(d.Disposition), attrs...)
}

// findingCodes returns the codes of the findings that are errors, each once.
func findingCodes(findings []conformance.Finding) []conformance.Code {
	var codes []conformance.Code
	for _, f := range findings {
		if f.Severity == conformance.SeverityError && !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// shorten keeps text that a stranger chose from flooding the log.
func shorten(s string) string {
	const most = 128
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
