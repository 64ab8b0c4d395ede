package delivery

import (
	"errors"
	"fmt"
	"sync"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// Rendered is an event as an endpoint gets it.
type Rendered struct {
	Payload []byte
	// Form is that of the payload, never empty, and Reason says why it isn't the
	// endpoint's.
	Form   form.Form
	Reason string
}

// Render returns an event in the form of an endpoint. It is the same in every attempt,
// as long as the endpoint has the form. Operational events have one form.
//
// What conforms is documented as it is. An event that is parsed and says nothing of an
// endpoint gets the id of this one.
func Render(e *Event, ep *Endpoint) Rendered {
	payload := Payload(e, ep.ID)
	switch {
	case e.Operational || ep.Form == "" || ep.Form == form.Received:
		return Rendered{payload, form.Received, ""}
	case ep.Form == form.Documented && (e.Source == (Source{}) || conformance.Valid(payload)):
		return Rendered{payload, form.Documented, ""}
	}
	parser, err := parserOf(e.Source)
	if err != nil { // of an inlet that an earlier release made; the instants of run times are not known
		parser = event.Parser{}
	}
	parsed, err := parser.Parse(payload)
	if err != nil { // it was accepted by another release
		return Rendered{payload, form.Received, err.Error()}
	}
	if parsed.EndpointID == "" {
		parsed.EndpointID = ep.ID
	}
	body, as, why := form.Render(parsed, ep.Form)
	r := Rendered{Payload: body, Form: as}
	if why != nil {
		r.Reason = reasonOf(why)
	}
	return r
}

// reasonOf words why an event can't be documented. The findings are of a payload that
// nobody gets, so they are told without their places.
func reasonOf(why error) string {
	invalid, ok := errors.AsType[*event.InvalidError](why)
	if !ok {
		return why.Error()
	}
	reason, more := "", 0
	for _, f := range invalid.Report.Findings {
		switch {
		case f.Severity != conformance.SeverityError:
		case reason == "":
			reason = fmt.Sprintf("at %s, %s", f.Pointer, f.Message)
		default:
			more++
		}
	}
	if more > 0 {
		reason += fmt.Sprintf(" (and %d more)", more)
	}
	return reason
}

// parsers are those of sources, by zone and locale: a zone is read from a file.
var parsers sync.Map

func parserOf(s Source) (event.Parser, error) {
	if s.Zone == "" && s.Locale == "" {
		return event.Parser{}, nil
	}
	key := [2]string{s.Zone, s.Locale}
	if p, ok := parsers.Load(key); ok {
		return p.(event.Parser), nil
	}
	p, err := form.NewParser(s.Zone, s.Locale, nil)
	if err == nil {
		parsers.Store(key, p)
	}
	return p, err
}

// render is Render, of few large events at a time.
func (e *Engine) render(event *Event, ep *Endpoint) Rendered {
	if event.Operational || ep.Form == "" || ep.Form == form.Received {
		return Rendered{Payload(event, ep.ID), form.Received, ""}
	}
	defer e.parse(event.Body)()
	return Render(event, ep)
}

// parse waits until a body may be parsed, and returns what to call when it is.
func (e *Engine) parse(body []byte) (done func()) {
	const large = 256 << 10
	if len(body) < large {
		return func() {}
	}
	e.parsing <- struct{}{}
	return func() { <-e.parsing }
}
