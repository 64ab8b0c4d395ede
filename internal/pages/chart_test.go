package pages

import (
	"testing"

	api "github.com/runhooks/runhooks/gen/service"
)

func TestHoursChart(t *testing.T) {
	hours := make([]api.AttemptCounts, 24)
	hours[0] = api.AttemptCounts{Succeeded: 100000, Failed: 1}
	hours[5] = api.AttemptCounts{Failed: 3}
	hours[23] = api.AttemptCounts{Succeeded: 50000}
	c := hoursChart(hours)
	if want := "In the last 24 hours, 150000 of 150004 attempts succeeded"; c.Label != want {
		t.Errorf("%q, want %q", c.Label, want)
	}
	bad := 0
	for _, b := range c.Bars {
		if b.X < 0 || b.X+3 > 96 || b.Y < 0 || b.Height < 1 || b.Y+b.Height > chartHeight {
			t.Errorf("%+v is outside", b)
		}
		if b.Kind == "bad" {
			bad++
		}
	}
	if bad != 2 || len(c.Bars) != 25 {
		t.Errorf("%d bars, %d of them bad: %+v", len(c.Bars), bad, c.Bars)
	}
}

func TestSuccessRate(t *testing.T) {
	for _, c := range []struct {
		succeeded, failed int64
		want              string
	}{
		{0, 0, ""}, {5, 0, "100 %"}, {99999, 1, "99.9 %"}, {985, 15, "98.5 %"}, {0, 3, "0 %"}, {1, 2, "33.3 %"},
	} {
		if got := successRate([]api.AttemptCounts{{Succeeded: c.succeeded, Failed: c.failed}}); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.succeeded, c.succeeded+c.failed, got, c.want)
		}
	}
}
