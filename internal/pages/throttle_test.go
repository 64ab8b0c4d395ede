package pages

import (
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	throttle := throttle{rate: 2, burst: 3, left: 3}
	enter := func(cost float64) bool {
		if !throttle.open(at) {
			return false
		}
		throttle.left -= cost
		return true
	}
	for i, step := range []struct {
		wait time.Duration
		cost float64
		want bool
	}{
		{0, 1, true}, {0, 1, true}, {0, 1, true}, {0, 1, false},
		{500 * time.Millisecond, 1, true}, {0, 1, false},
		{time.Hour, 10, true}, {0, 1, false}, // what is large is paid for afterwards
		{3 * time.Second, 1, false}, {time.Second, 1, true},
		{-time.Hour, 1, false}, // a clock that was set back gives nothing
	} {
		at = at.Add(step.wait)
		if got := enter(step.cost); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
}
