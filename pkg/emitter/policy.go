package emitter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A Policy decides what follows an attempt. The zero value never tries again.
type Policy struct {
	// Delays has the pause before each further attempt: Delays[0] between the
	// first and the second. There is one attempt more than there are delays.
	Delays []time.Duration

	// Jitter is the share of a pause that is added at random, so that what
	// failed at one time isn't tried again at one time: 0.1 makes pauses up to
	// a tenth longer. It never makes one shorter.
	Jitter float64

	// Rand gives a random number from 0 to 1. nil stands for [rand.Float64].
	Rand func() float64
}

// PagePolicy is what the documented platform does: three attempts in all, the
// second 5 s after the first and the third 10 s after that. To the platform's
// own it adds jitter of a tenth, and that it honours Retry-After.
func PagePolicy() Policy {
	return Policy{Delays: []time.Duration{5 * time.Second, 10 * time.Second}, Jitter: 0.1}
}

// StandardPolicy is the schedule that the Standard Webhooks specification gives
// as its example (1.0.0, "Deliverability and reliability"): ten attempts within
// a little more than three days, with jitter of a tenth.
func StandardPolicy() Policy {
	return Policy{
		Delays: []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		},
		Jitter: 0.1,
	}
}

// A Decision is what to do after an attempt.
type Decision struct {
	// Again tells whether to make another attempt, and Delay how long after
	// the end of the last one.
	Again bool
	Delay time.Duration
	// Disable tells that the endpoint wants no events any more, neither this
	// one nor others.
	Disable bool
}

// Next decides what follows attempt number n of a delivery, 1 being the first,
// that ended as a did.
//
// After [Accepted] there is nothing left to do. After [Gone] the endpoint is to
// be disabled. After any other outcome there is another attempt, as long as the
// policy has one left; a [RetryAfter] makes its pause longer where it asks for
// more, never shorter.
func (p Policy) Next(n int, a Attempt) Decision {
	switch {
	case a.Outcome == Accepted:
		return Decision{}
	case a.Outcome == Gone:
		return Decision{Disable: true}
	case n < 1 || n > len(p.Delays):
		return Decision{}
	}
	delay := max(p.Delays[n-1], a.RetryAfter, 0)
	return Decision{Again: true, Delay: delay + p.jitter(delay)}
}

func (p Policy) jitter(delay time.Duration) time.Duration {
	random := p.Rand
	if random == nil {
		random = rand.Float64
	}
	return time.Duration(max(p.Jitter*random(), 0) * float64(delay))
}

// ErrUndelivered is what [Client.Deliver] gives when no attempt was accepted.
var ErrUndelivered = errors.New("the event is not delivered")

// Deliver makes attempts until one is accepted or the policy has no more, and
// gives them in their order. It is for senders that can wait, and that can
// afford to lose the event when their process ends: what is left of a delivery
// is nowhere but here.
//
// The error is nil if the last attempt was accepted. Otherwise it is
// [ErrUndelivered], or what [Client.Send] or waiting gave: see there.
func (c *Client) Deliver(ctx context.Context, to Endpoint, e Event, p Policy) ([]Attempt, error) {
	var attempts []Attempt
	for {
		a, err := c.Send(ctx, to, e)
		if err != nil {
			return attempts, err
		}
		attempts = append(attempts, a)
		if a.Outcome == Accepted {
			return attempts, nil
		}
		next := p.Next(len(attempts), a)
		if !next.Again {
			return attempts, fmt.Errorf("%w after %d attempts; the last one: %s", ErrUndelivered, len(attempts), a)
		}
		if err := c.wait(ctx, next.Delay); err != nil {
			return attempts, fmt.Errorf("given up after %d attempts; the last one: %s: %w", len(attempts), a, err)
		}
	}
}

func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
