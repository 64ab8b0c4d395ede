package validate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/vectors"
)

// seeds gives the payloads that are mutated.
func seeds() (all [][]byte) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 10_000 {
			all = append(all, v.Payload)
		}
	}
	return append(all, events(150)...)
}

// tally counts payloads: those that the reference accepts, and those that the
// fast path does.
type tally struct{ valid, fast int }

func (c *tally) add(valid, fast bool) {
	if valid {
		c.valid++
		if fast {
			c.fast++
		}
	}
}

func (c tally) share() float64 { return float64(c.fast) / float64(c.valid) }

// judge holds the fast path to the reference, which says whether a payload is
// accepted by each of the two layers.
func judge(t *testing.T, payload []byte) (documented, observed bool) {
	t.Helper()
	opinion := judgetest.Judge(payload)
	if opinion.Unknown {
		return false, false
	}
	documented, observed = opinion.Documented, opinion.Observed
	for name, accepted := range map[string]struct{ got, want bool }{
		"RunEvent":             {validate.RunEvent(payload), documented},
		"ObservedRunEvent":     {validate.ObservedRunEvent(payload), observed},
		"RunCompleted":         {validate.RunCompleted(payload), documented},
		"RunFailed":            {validate.RunFailed(payload), documented},
		"ObservedRunCompleted": {validate.ObservedRunCompleted(payload), observed},
		"ObservedRunFailed":    {validate.ObservedRunFailed(payload), observed},
	} {
		if accepted.got && !accepted.want {
			t.Fatalf("%s accepts what the reference refuses (%+v):\n%q", name, opinion, payload)
		}
	}
	return documented, observed
}

// FuzzValidate looks for a payload that the fast path accepts, and the
// reference doesn't. Each input is also mutated in its structure.
func FuzzValidate(f *testing.F) {
	for i, payload := range seeds() {
		f.Add(payload, uint64(i))
	}
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64) {
		judge(t, payload)
		judge(t, judgetest.Mutate(rand.New(rand.NewPCG(seed, 0)), payload))
	})
}
