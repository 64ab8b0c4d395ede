package receiver

import (
	"context"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A Delivery is what is known of an event beside the event itself.
type Delivery struct {
	// ID is the same for each attempt to deliver the event: the webhook-id of
	// a signed delivery, and "sha256:" with the payload's hash in hexadecimal
	// for one that isn't signed.
	ID string
	// Signed tells that the payload carries a valid signature, and hence that
	// ID is what the sender says it is.
	Signed bool
	// EventType is the payload's event_type, known or not; empty where it has
	// none.
	EventType string
	// Verdict is what the contract makes of the payload.
	Verdict conformance.Verdict
	// Findings are those of a payload that doesn't conform. One that does is
	// not searched for any.
	Findings []conformance.Finding
	// Payload is the payload's exact bytes, without any content encoding. A
	// handler may keep it, and must not change it.
	Payload []byte
}

type deliveryKey struct{}

// DeliveryFrom gives the delivery that a handler is called for, from its
// context; and nil in any other context.
func DeliveryFrom(ctx context.Context) *Delivery {
	d, _ := ctx.Value(deliveryKey{}).(*Delivery)
	return d
}
