package delivery

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/runhooks/runhooks/pkg/emitter"
)

// The breaker: after so many failures in a row it opens, for a time that doubles
// with each probe that fails.
const (
	breakerFailures = 5
	breakerShortest = 5 * time.Second
	breakerLongest  = 5 * time.Minute
)

// A result is what an attempt means for the health of its endpoint.
type result uint8

const (
	accepted result = iota
	failed
	congested // it asks for less: 429, 502, 504, or no answer in time
	gone      // it wants nothing any more
	notItsOwn // the fault is not the endpoint's
)

// jitter makes a pause up to a tenth longer, so that what failed together isn't
// tried together.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration(rand.Float64()*float64(d)/10)
}

// judge changes what is known of an endpoint by an attempt that ended, and adds to
// what is written of it. e.mu is held.
func (e *Engine) judge(f *flight, o *ended, now time.Time) {
	q := f.q
	if q.ep == f.ep {
		q.sealed = f.sealed
	}
	if o.result == notItsOwn {
		e.ownFault(now)
		return
	}
	e.tally(o)
	e.faults = 0
	if q.dropped { // its next owner judges for itself
		return
	}
	if o.result == gone && (q.stale || q.ep.URL != f.ep.URL) {
		// It says nothing of the URL that the endpoint has now.
		o.State, o.Reason, o.Delay = Pending, "", jitter(time.Second)
		return
	}
	before := q.health
	storeNow := e.now()
	h := &q.health
	if o.result == accepted {
		if h.Told {
			o.publish = append(o.publish, e.recovered(q, storeNow)...)
		}
		if h.Opened > 0 {
			q.limit = 2
		} else {
			q.limit = min(q.limit+1, q.ep.MaxInFlight)
		}
		*h = Health{}
		if o.Attempt.Duration < slowAfter {
			e.classify(q, proven)
		} else {
			e.classify(q, bad)
		}
	} else {
		e.classify(q, bad)
		h.Failures++
		if h.FailingSince.IsZero() {
			h.FailingSince = storeNow
		}
		if o.result == congested {
			q.limit = max(q.limit/2, 1)
		}
		if pause := storeNow.Add(o.retryAfter); o.retryAfter > 0 && pause.After(h.NotBefore) {
			h.NotBefore = pause
		}
		switch reason := e.hopeless(q, o, storeNow); {
		case reason != "":
			o.disable = &Disabling{EndpointID: q.id, Reason: reason}
			o.publish = append(o.publish, e.disabled(q, reason, storeNow)...)
			ep := *q.ep
			ep.State = Disabled // at once; the store follows
			q.ep = &ep
			*h = Health{} // it starts anew when somebody activates it
			e.forget(q)
		case h.Opened == 0 && h.Failures >= breakerFailures || f.probe:
			h.Opened++
			cooldown := breakerLongest
			if n := h.Opened - 1; n < 10 {
				cooldown = min(breakerShortest<<n, breakerLongest)
			}
			if until := storeNow.Add(jitter(cooldown)); until.After(h.NotBefore) {
				h.NotBefore = until
			}
			q.limit = 1
			if !h.Told {
				told := e.failing(q, o, storeNow)
				h.Told = len(told) > 0
				o.publish = append(o.publish, told...)
			}
			e.forget(q)
			e.metrics.breakerOpened.Inc()
		}
		if o.State == Exhausted {
			o.publish = append(o.publish, e.exhausted(f, o, storeNow)...)
		}
	}
	if *h != before {
		e.commits.keep(q, HealthChange{EndpointID: q.id, Epoch: q.epoch, Health: *h})
	}
}

// hopeless returns why an endpoint is to be disabled, or an empty reason.
func (e *Engine) hopeless(q *queue, o *ended, now time.Time) string {
	switch {
	case q.ep.State != Active:
		return ""
	case o.result == gone:
		return "It answered 410: it wants no events any more."
	case now.Sub(q.health.FailingSince) >= e.o.DisableAfter:
		return fmt.Sprintf("Every attempt since %s failed, the last one so: %s.",
			q.health.FailingSince.UTC().Format(time.RFC3339), o.summary)
	}
	return ""
}

// ownFault makes the engine pause, and then try with one attempt at a time, until
// one of them fails for another reason or is accepted.
func (e *Engine) ownFault(now time.Time) {
	pause := min(time.Second<<min(e.faults, 10), 30*time.Second)
	if until := now.Add(pause); !now.Before(e.faultUntil) {
		e.faults++
		e.faultUntil = until
		e.tickBy(until)
	}
}

// resultOf says what an attempt means for an endpoint's health.
func resultOf(a *emitter.Attempt) result {
	switch {
	case a.Outcome == emitter.Accepted:
		return accepted
	case a.Outcome == emitter.Gone:
		return gone
	case a.Phase == emitter.Proxying || isOwnFault(a.Err):
		return notItsOwn
	case a.Status == 429 || a.Status == 502 || a.Status == 504 || timedOut(a.Err):
		return congested
	}
	return failed
}
