package emitter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/url"
	"time"
)

// A Policy decides what follows an attempt. The zero value never tries again.
type Policy struct {
	// Delays has the pause before each further attempt: Delays[0] is between
	// the first and the second. There is one attempt more than there are
	// delays.
	Delays []time.Duration

	// Jitter is the share of a pause that is added at random, so that what
	// failed at the same time isn't tried again at the same time: 0.1 makes
	// pauses up to a tenth longer. It never makes one shorter.
	Jitter float64
}

// DocumentedPolicy returns what the documented platform does: three attempts in all,
// the second 5 s after the first and the third 10 s after the second. Jitter of a
// tenth, and honouring Retry-After, are additions.
func DocumentedPolicy() Policy {
	return Policy{Delays: []time.Duration{5 * time.Second, 10 * time.Second}, Jitter: 0.1}
}

// StandardPolicy returns the schedule that the Standard Webhooks specification
// has as its example (1.0.0, "Deliverability and reliability"): ten attempts
// within a little more than three days, with jitter of a tenth. That is for
// senders that store their deliveries: a [Client.Deliver] with it can take those
// three days.
func StandardPolicy() Policy {
	return Policy{
		Delays: []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
			10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
		},
		Jitter: 0.1,
	}
}

// A Step is what follows an attempt. The zero value ends the delivery.
type Step struct {
	// Again says that another attempt follows, Delay after the end of the last
	// one.
	Again bool
	Delay time.Duration
	// Disable says that the endpoint wants no events any more, neither this
	// one nor others.
	Disable bool
}

// Next returns what follows attempt number n of a delivery, counted from 1, that
// ended as a says. Of a, it looks at Outcome and RetryAfter.
//
// After [Accepted] there is nothing left to do. After [Gone] the endpoint should
// be disabled. After [Blocked] there is no further attempt: only a change of the
// endpoint or of the guard helps. After any other outcome there is another
// attempt, as long as the policy has one left. [Deferred] makes the pause before
// it longer if the endpoint asked for more, never shorter.
func (p Policy) Next(n int, a Attempt) Step {
	switch {
	case a.Outcome == Accepted, a.Outcome == Blocked:
		return Step{}
	case a.Outcome == Gone:
		return Step{Disable: true}
	case n < 1 || n > len(p.Delays):
		return Step{}
	}
	return Step{Again: true, Delay: p.jitter(max(p.Delays[n-1], a.RetryAfter, 0))}
}

// jitter makes a delay longer, at most to the longest that there is.
func (p Policy) jitter(delay time.Duration) time.Duration {
	more := p.Jitter * rand.Float64() * float64(delay)
	switch {
	case !(more > 0): // also where it is not a number
		return delay
	case more >= float64(math.MaxInt64-delay):
		return math.MaxInt64
	}
	return delay + time.Duration(more)
}

// Errors of [Client.Deliver]; [errors.Is] finds them.
var (
	// ErrUndelivered is the error when no attempt was accepted and no other
	// follows.
	ErrUndelivered = errors.New("the event is not delivered")
	// ErrGone is the error when the endpoint answered 410: it wants no events
	// any more, so disable it. It comes together with ErrUndelivered.
	ErrGone = errors.New("the endpoint is gone (410)")
)

// Deliver makes attempts until one is accepted or the policy has no more, and
// returns them in their order. It returns after the last one, which with
// [StandardPolicy] can be days later. [Client.OnAttempt] and [Client.Logger] show
// what it does meanwhile.
//
// What is left of the delivery is only in memory. When the process ends, or ctx
// does, no further attempt is made, and nothing remembers that one was due. A
// sender that must not lose events uses [Client.Send] and [Policy.Next].
//
// The error is nil if the last attempt was accepted. Otherwise it is one of
// these:
//   - [ErrUndelivered], if no other attempt follows. It comes with [ErrGone] if
//     the endpoint is gone, and with a *[BlockedError] if the guard blocked it.
//   - The error of ctx, if it was done during an attempt or a pause. That attempt
//     is the last one returned, without an outcome: the endpoint may or may not
//     have received the event.
//   - What [Client.Send] returned for something that the caller has to fix.
func (c *Client) Deliver(ctx context.Context, to Endpoint, eventID string, payload []byte, p Policy) ([]Attempt, error) {
	var attempts []Attempt
	for {
		a, err := c.Send(ctx, to, eventID, payload)
		if a.EventID != "" { // so there was one
			attempts = append(attempts, a)
		}
		if err != nil {
			return attempts, err
		}
		n := len(attempts)
		next := p.Next(n, a)
		c.log(ctx, to, n, a, next)
		if c.OnAttempt != nil {
			c.OnAttempt(ctx, n, a, next)
		}
		switch {
		case a.Outcome == Accepted:
			return attempts, nil
		case !next.Again:
			return attempts, undelivered(n, a)
		}
		if err := wait(ctx, next.Delay); err != nil {
			return attempts, fmt.Errorf("given up after attempt %d (%s): %w", n, a, err)
		}
	}
}

// undelivered is the error after attempt n, which is the last one.
func undelivered(n int, a Attempt) error {
	switch a.Outcome {
	case Gone:
		return fmt.Errorf("%w: attempt %d: %w; disable it", ErrUndelivered, n, ErrGone)
	case Blocked:
		return fmt.Errorf("%w: attempt %d was blocked: %w; if events may go there, list it in Guard.Allow", ErrUndelivered, n, a.Err)
	}
	return fmt.Errorf("%w: attempt %d, the last one: %s", ErrUndelivered, n, a)
}

// log writes a record of attempt n. Nothing in it is secret.
func (c *Client) log(ctx context.Context, to Endpoint, n int, a Attempt, next Step) {
	if c.Logger == nil {
		return
	}
	level := slog.LevelError
	switch {
	case a.Outcome == Accepted:
		level = slog.LevelInfo
	case next.Again:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("event_id", a.EventID),
		slog.String("endpoint", origin(to.URL)),
		slog.Int("attempt", n),
		slog.String("outcome", string(a.Outcome)),
		slog.Duration("duration", a.Timings.Total),
	}
	if a.Status != 0 {
		attrs = append(attrs, slog.Int("status", a.Status))
	} else {
		attrs = append(attrs, slog.String("phase", string(a.Phase)), slog.String("error", a.reason()))
	}
	if next.Again {
		attrs = append(attrs, slog.Duration("next_in", next.Delay))
	}
	c.Logger.LogAttrs(ctx, level, "attempt "+string(a.Outcome), attrs...)
}

// origin is the part of a URL that is not secret: scheme, host and port.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// wait returns after d, or earlier with ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
