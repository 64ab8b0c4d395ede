package validate_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/internal/validate"
)

// coverage is the share of valid mutants that the fast path has to take.
const coverage = 0.99

// TestMutants shows how many payloads that are valid and unusual are on the fast
// path, and that none is that isn't valid. MUTANTS says how many to try.
func TestMutants(t *testing.T) {
	n := racetest.Some(20_000)
	if text := os.Getenv("MUTANTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("MUTANTS: %v", err)
		}
	}
	payloads := seeds()
	var documented, observed tally
	shown := 0
	for i := range n {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		payload := judgetest.Mutate(r, payloads[r.IntN(len(payloads))], payloads[r.IntN(len(payloads))])
		conforms, survives := judge(t, payload)
		documented.add(conforms, validate.RunEvent(payload))
		observed.add(survives, validate.ObservedRunEvent(payload))
		if survives && !validate.ObservedRunEvent(payload) && shown < 5 {
			shown++
			t.Logf("not sure: %.1000q", payload)
		}
	}
	t.Logf("%d mutants; documented %+v, %.2f %%; observed %+v, %.2f %%", n,
		documented, 100*documented.share(), observed, 100*observed.share())
	if documented.valid < n/20 || observed.valid < n/10 {
		t.Errorf("too few mutants are valid to tell anything")
	}
	if documented.share() < coverage || observed.share() < coverage {
		t.Errorf("the fast path takes less than %v of what is valid", coverage)
	}
}
