package delivery

import (
	"context"

	"github.com/runhooks/runhooks/pkg/emitter"
)

// A Transmit makes an attempt, as [emitter.Client.Send] does.
type Transmit func(ctx context.Context, to emitter.Endpoint, eventID string, payload []byte) (emitter.Attempt, error)

// SetTransmit has attempts made without a network, which has no place in a bubble
// of synctest.
func (e *Engine) SetTransmit(t Transmit) { e.transmit = t }
