package pages

import (
	"fmt"

	api "github.com/runhooks/runhooks/gen/service"
)

// The measures of a chart of hours, in units of its viewBox: 24 bars of 4, of which 1
// is the gap.
const (
	chartHeight = 24
	barPitch    = 4
)

// A chart shows the attempts of 24 hours as bars.
type chart struct {
	// Label says what the bars show, for who doesn't see them.
	Label string
	Bars  []bar
}

type bar struct {
	Kind         string // a class of page.css
	X, Y, Height int
}

// hoursChart draws hours, the oldest first: what succeeded, and above it what failed.
func hoursChart(hours []api.AttemptCounts) chart {
	var most int64
	for _, h := range hours {
		most = max(most, h.Succeeded+h.Failed)
	}
	c := chart{Label: successText(hours)}
	for i, h := range hours {
		x := i * barPitch
		good, bad := barHeight(h.Succeeded, most), barHeight(h.Failed, most)
		good = min(good, chartHeight-bad)
		switch {
		case good+bad == 0:
			c.Bars = append(c.Bars, bar{"", x, chartHeight - 1, 1})
			continue
		case good > 0:
			c.Bars = append(c.Bars, bar{"good", x, chartHeight - good, good})
		}
		if bad > 0 {
			c.Bars = append(c.Bars, bar{"bad", x, chartHeight - good - bad, bad})
		}
	}
	return c
}

// barHeight is at least 2 for what is not nothing, so that one failure among many
// successes is seen.
func barHeight(n, most int64) int {
	if n <= 0 {
		return 0
	}
	return max(2, int(float64(chartHeight)*float64(n)/float64(most)))
}

// totals adds up hours.
func totals(hours []api.AttemptCounts) (succeeded, failed int64) {
	for _, h := range hours {
		succeeded += h.Succeeded
		failed += h.Failed
	}
	return succeeded, failed
}

// successRate is the share of attempts that succeeded: "98.5 %", or "" without any.
// Only all of them are 100 %.
func successRate(hours []api.AttemptCounts) string {
	succeeded, failed := totals(hours)
	switch {
	case succeeded+failed == 0:
		return ""
	case failed == 0:
		return "100 %"
	default:
		share := min(99.9, 100*float64(succeeded)/float64(succeeded+failed))
		return fmt.Sprintf("%.3g %%", share)
	}
}

// successText says what successRate does in words.
func successText(hours []api.AttemptCounts) string {
	succeeded, failed := totals(hours)
	if succeeded+failed == 0 {
		return "No attempts in the last 24 hours"
	}
	return fmt.Sprintf("In the last 24 hours, %d of %d attempts succeeded", succeeded, succeeded+failed)
}
