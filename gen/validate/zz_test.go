package validate_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/runhooks/runhooks/gen/validate"
)

func TestZZ(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	cs := corpora(t)
	for _, c := range cs {
		size := 0
		for _, p := range c.payloads {
			size += len(p)
		}
		best, bestO, bestF := time.Hour, time.Hour, time.Hour
		reps := 1 + 200_000/size
		start := time.Now()
		for time.Since(start) < 1200*time.Millisecond {
			run := func(f func([]byte) bool, best *time.Duration) {
				s := time.Now()
				for range reps {
					for _, p := range c.payloads {
						f(p)
					}
				}
				*best = min(*best, time.Since(s)/time.Duration(reps))
			}
			run(validate.RunEvent, &best)
			run(validate.ObservedRunEvent, &bestO)
			run(func(p []byte) bool { return bytes.IndexByte(p, 0) < 0 }, &bestF)
		}
		g := func(d time.Duration) float64 { return float64(size) / float64(d.Nanoseconds()) }
		fmt.Printf("%-12s %9d  doc %.2f GB/s  obs %.2f  floor %.0f\n", c.name, size, g(best), g(bestO), g(bestF))
	}
}
