package delivery

import (
	"context"
	"time"
)

// Attempts are counted in memory and written every few seconds, and when the engine
// stops. What wasn't written when the process is killed is missing from the counts;
// the attempts themselves are in the store. If the answer of the store was lost, the
// counts may be added twice.

type tallyKey struct {
	endpoint string
	hour     int64 // in seconds since 1970
}

// tally counts an attempt that ended. e.mu is held.
func (e *Engine) tally(o *ended) {
	hour := o.Attempt.At.Unix() / 3600 * 3600
	key := tallyKey{o.EndpointID, hour}
	t := e.tallies[key]
	if t == nil {
		t = &Tally{EndpointID: o.EndpointID, Hour: time.Unix(hour, 0).UTC()}
		e.tallies[key] = t
	}
	if o.result == accepted {
		t.Succeeded++
		t.LastSuccess = later(t.LastSuccess, o.Attempt.At)
	} else {
		t.Failed++
	}
	t.LastAttempt = later(t.LastAttempt, o.Attempt.At)
}

// writeTallies writes what was counted since it was last called. What can't be
// written is kept for the next call.
func (e *Engine) writeTallies(ctx context.Context) error {
	e.mu.Lock()
	counted := e.tallies
	e.tallies = make(map[tallyKey]*Tally)
	e.mu.Unlock()
	tallies := make([]Tally, 0, len(counted))
	for _, t := range counted {
		tallies = append(tallies, *t)
	}
	for {
		step := tallies[:min(len(tallies), upkeepStep)]
		if err := e.store.AddActivity(ctx, step); err != nil {
			e.keepTallies(tallies)
			return err
		}
		if tallies = tallies[len(step):]; len(tallies) == 0 {
			return nil
		}
	}
}

// keepTallies adds what couldn't be written to what was counted meanwhile.
func (e *Engine) keepTallies(tallies []Tally) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range tallies {
		t := &tallies[i]
		key := tallyKey{t.EndpointID, t.Hour.Unix()}
		if new := e.tallies[key]; new != nil {
			t.Succeeded += new.Succeeded
			t.Failed += new.Failed
			t.LastSuccess, t.LastAttempt = later(t.LastSuccess, new.LastSuccess), later(t.LastAttempt, new.LastAttempt)
		}
		e.tallies[key] = t
	}
}
