package receiver

import (
	"context"
	"fmt"
	"net/http"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// judge fills in what the contract makes of d. What conforms costs next to
// nothing.
func (rc *Receiver) judge(d *Delivery) {
	plain := len(rc.checker.Schemas) == 0
	switch {
	case plain && validate.RunCompleted(d.Payload):
		d.EventType, d.Verdict = string(event.RunCompleted), conformance.Conforms
	case plain && validate.RunFailed(d.Payload):
		d.EventType, d.Verdict = string(event.RunFailed), conformance.Conforms
	default:
		report := rc.checker.Check(d.Payload)
		d.EventType, d.Verdict, d.Findings = report.EventType, report.Verdict, report.Findings
	}
	if rc.canonical && d.EventType == "" {
		rc.readCanonical(d)
	}
}

// readCanonical sets the event of d if it is one in its canonical form.
func (rc *Receiver) readCanonical(d *Delivery) {
	e := new(event.Event)
	if e.UnmarshalJSON(d.Payload) == nil && e.RawType != "" {
		d.Event, d.EventType, d.Verdict, d.Findings = e, e.RawType, "", nil
	}
}

// isUnknown reports whether d is an event, and nothing is wrong with it but that
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

// refusal says why d is not accepted.
func refusal(d *Delivery) *problem {
	name := "the contract"
	if d.EventType != "" && !isUnknown(d) {
		name = d.EventType
	}
	p := &problem{
		disposition: Nonconforming, status: http.StatusUnprocessableEntity, findings: d.Findings,
		detail: fmt.Sprintf("the payload does not conform to %.100s: %s", name, verdictClause(d.Verdict)),
	}
	if len(d.Payload) == 0 {
		p.detail = "the body is empty; was it read before the receiver got it?"
	}
	return p
}

// parse sets the event of d, unless the payload is invalid. The judge has
// accepted it, so parsing can't fail: an error is a fault of the receiver.
func (rc *Receiver) parse(d *Delivery) (err error) {
	if d.Verdict != conformance.Invalid && d.Event == nil {
		d.Event, err = rc.parser.Parse(d.Payload)
	}
	return err
}

// A handler takes a delivery. Handlers are of this type.
type handler = func(ctx context.Context, d *Delivery) error

// route returns the handler that takes d, or nil if none wants it.
func (h *Handlers) route(d *Delivery) handler {
	if d.Event == nil {
		return h.Unknown
	}
	take := h.Event
	switch own := d.Event.Type; {
	case own == event.RunCompleted && h.RunCompleted != nil:
		take = h.RunCompleted
	case own == event.RunFailed && h.RunFailed != nil:
		take = h.RunFailed
	case own == event.Test && h.Test != nil:
		take = h.Test
	}
	return take
}
