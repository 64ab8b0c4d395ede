package conformance_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// compareShort holds what is made of remarks to what the judge finds.
func compareShort(t *testing.T, payload []byte) {
	t.Helper()
	for _, strict := range []bool{false, true} {
		c := conformance.Checker{Strict: strict}
		if diff := cmp.Diff(c.Explain(payload), c.Check(payload)); diff != "" {
			t.Fatalf("%.2000q\n(-the long way +the short way):\n%s", payload, diff)
		}
	}
}

// A member whose name is empty is told from one that is missing, whichever was
// there first.
func TestRemarkOnEmptyName(t *testing.T) {
	const failed = `{"event_type":"run_failed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-92d82000d992",` +
		`"data":{"robotId":"r","runId":"n","robotName":"R","status":"failed","error":{"message":"m","type":"t","stack":""}`
	for _, more := range []string{`,"":1}}`, `}}`, `,"":1}}`} {
		compareShort(t, []byte(failed+more))
	}
}

// long are the vectors of which nothing is to be said, and yet only the long way
// tells so.
var long = map[string]string{
	"number.counts-in-odd-forms":      "5.0 and 1e1 are counts, too",
	"rule.escape-character-alone":     "an escape character need not start a sequence",
	"rule.time-order-by-offset":       "times in different zones are not compared",
	"time.run-times-at-a-leap-second": "nor are those that no calendar has",
}

// The short way to a report gives the same report as the long one, and is taken
// where there are no warnings.
func TestRemarks(t *testing.T) {
	all := vectors.All()
	quiet := func(payload []byte) bool {
		report := conformance.Check(payload)
		return report.Verdict == conformance.Conforms && !slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool {
			return f.Severity == conformance.SeverityWarning || f.Code == "contract.opaque-id"
		})
	}
	for _, v := range all {
		compareShort(t, v.Payload)
		if conforms := conformance.Check(v.Payload).Verdict == conformance.Conforms; !conforms && conformance.Remark(v.Payload) {
			t.Errorf("%s: the short way is taken for what doesn't conform", v.Name)
		}
		if quiet(v.Payload) && len(conformance.Check(v.Payload).Findings) == 0 && conformance.Remark(v.Payload) != (long[v.Name] == "") {
			t.Errorf("%s: the short way is taken: %v", v.Name, conformance.Remark(v.Payload))
		}
	}
	short, conforming := 0, 0
	for i := range 10_000 {
		r := rand.New(rand.NewPCG(uint64(i), 2))
		payload := judgetest.Mutate(r, all[r.IntN(len(all))].Payload)
		if len(payload) > 10_000 || !conformance.Valid(payload) {
			continue
		}
		compareShort(t, payload)
		if !quiet(payload) || bytes.Contains(payload, []byte(`\u00`)) {
			continue // identifiers and times that are written with escapes are compared by the judge only
		}
		conforming++
		if conformance.Remark(payload) {
			short++
		}
	}
	t.Logf("mutants without warnings: the short way is taken for %d of %d", short, conforming)
	if conforming < 100 || short < conforming*8/10 {
		t.Errorf("the short way is taken for %d of %d mutants without warnings", short, conforming)
	}
}
