package receiver

import (
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
)

// A Delivery is an event that arrived, and what is known about its arrival.
type Delivery struct {
	// EventID is the same for each attempt to deliver the event: the webhook-id
	// of a signed delivery, and "sha256:" with the payload's hash in hexadecimal
	// for one that isn't signed.
	EventID string
	// Sender is who sent it. Only a sender by signature vouches for the payload
	// and for EventID.
	Sender Sender
	// EventType is the payload's event_type, known or not; empty where it has
	// none. Of a canonical event it is raw_type.
	EventType string
	// Verdict is the payload's verdict; it is empty for a canonical event, which is not a
	// payload.
	Verdict conformance.Verdict
	// Findings are those of a payload that doesn't conform. A payload that conforms is not
	// searched for findings: [event.Event.Report] does that.
	Findings []conformance.Finding
	// Event is the event, parsed by Options.Parser. It is nil for a payload that
	// is invalid or of an unknown type: for Handlers.Unknown.
	Event *event.Event
	// Payload is the payload's exact bytes, without any content encoding. A
	// handler may keep it, and must not change it.
	Payload []byte
}
