package receiver

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
)

const (
	runCompleted = string(webhook.RunCompletedEventTypeRunCompleted)
	runFailed    = string(webhook.RunFailedEventTypeRunFailed)
)

// judge fills in what the contract makes of d. What conforms costs next to
// nothing.
func judge(d *Delivery) {
	switch {
	case validate.RunCompleted(d.Payload):
		d.EventType, d.Verdict = runCompleted, conformance.Conforms
	case validate.RunFailed(d.Payload):
		d.EventType, d.Verdict = runFailed, conformance.Conforms
	default:
		report := conformance.Check(d.Payload)
		d.EventType, d.Verdict, d.Findings = report.EventType, report.Verdict, report.Findings
	}
}

// isUnknown tells whether d is an event, and nothing is wrong with it but that
// the contract doesn't know its type.
func isUnknown(d *Delivery) bool {
	return d.EventType != "" && len(d.Findings) == 1 && d.Findings[0].Code == "event.type-unknown"
}

// verdictClause says a verdict as a clause of its own.
func verdictClause(v conformance.Verdict) string {
	if v == conformance.Invalid {
		return "it is invalid"
	}
	return "it " + string(v)
}

// refusal says why the policy doesn't accept d.
func refusal(d *Delivery) *problem {
	name := "the contract"
	if d.EventType != "" && !isUnknown(d) {
		name = d.EventType
	}
	return &problem{
		outcome: Nonconforming, status: http.StatusUnprocessableEntity, findings: d.Findings,
		detail: fmt.Sprintf("the payload does not conform to %.100s: %s", name, verdictClause(d.Verdict)),
	}
}

// route gives the handler that is to be called with d, ready to be called; or
// nil where no handler wants the event.
func (rc *Receiver) route(d *Delivery) (func(context.Context) error, *problem) {
	var undecodable error
	if d.Verdict == conformance.Conforms {
		var handle func(context.Context) error
		switch h := rc.handlers; {
		case d.EventType == runCompleted && h.RunCompleted != nil:
			handle, undecodable = bind(d.Payload, h.RunCompleted)
		case d.EventType == runFailed && h.RunFailed != nil:
			handle, undecodable = bind(d.Payload, h.RunFailed)
		}
		if handle != nil {
			return handle, nil
		}
	}
	if take := rc.handlers.Event; take != nil && d.Verdict != conformance.Invalid {
		e, err := rc.parser.Parse(d.Payload)
		if err == nil {
			return func(ctx context.Context) error { return take(ctx, e) }, nil
		}
		undecodable = err
	}
	left := undecodable != nil || d.Verdict == conformance.Invalid
	if take := rc.handlers.OnUnknown; take != nil && left {
		return func(ctx context.Context) error { return take(ctx, DeliveryFrom(ctx)) }, nil
	}
	if undecodable != nil {
		return nil, &problem{
			outcome: Undecodable, status: http.StatusUnprocessableEntity, cause: undecodable,
			detail: "the payload conforms, but a number or a time in it is beyond what the receiver can hold",
		}
	}
	return nil, nil
}

// judged spares the decoder what the judge has made sure of.
var judged = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// bind decodes payload, which conforms, for a handler of the documented type. It
// fails where the payload holds a value that the type can't: a count beyond 64
// bits, say, or the second 60 of a minute.
func bind[T any](payload []byte, take func(context.Context, *T) error) (func(context.Context) error, error) {
	e := new(T)
	if err := json.Unmarshal(payload, e, judged); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return take(ctx, e) }, nil
}
