package conformance_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/internal/racetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// How good the verdict is at least is what the report says, on whatever is nearly a
// payload.
func TestReaches(t *testing.T) {
	order := []conformance.Verdict{conformance.Conforms, conformance.Deviates, conformance.Invalid}
	compare := func(payload []byte) {
		t.Helper()
		for _, c := range []conformance.Checker{{}, {Strict: true}, {Each: true}} {
			verdict, reached := c.Check(payload).Verdict, false
			for _, worst := range order {
				reached = reached || verdict == worst
				if got := c.Reaches(payload, worst); got != reached {
					t.Errorf("%+v: reaches %s: %t; the verdict is %s: %.1000q", c, worst, got, verdict, payload)
				}
			}
		}
	}
	all := sampled()
	for _, v := range all {
		compare(v.Payload)
	}
	for i := range racetest.Some(5000) {
		r := rand.New(rand.NewPCG(uint64(i), 2))
		if payload := all[r.IntN(len(all))].Payload; len(payload) < 10_000 {
			compare(judgetest.Mutate(r, payload))
		}
	}
}

// What a schema of the user's own refuses, or another engine judges, isn't passed by the
// validators, which know nothing of them.
func TestReachesAsksAll(t *testing.T) {
	nothing, err := conformance.CompileSchema("nothing.json", []byte("false"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.All() {
		if v.Verdict == "conforms" && (conformance.Checker{Schemas: []*conformance.Schema{nothing}}).Reaches(v.Payload, conformance.Deviates) {
			t.Errorf("%s: it passes, against a schema that nothing satisfies", v.Name)
		}
	}
}

// What passes allocates nothing.
func TestReachesAllocates(t *testing.T) {
	skipUnderRace(t)
	for _, v := range vectors.All() {
		if worst := conformance.Verdict(v.Verdict); worst != conformance.Invalid {
			if n := testing.AllocsPerRun(10, func() { conformance.Checker{}.Reaches(v.Payload, worst) }); n > 0 {
				t.Errorf("%s: %v allocations", v.Name, n)
			}
		}
	}
}

func ExampleChecker_Reaches() {
	var checker conformance.Checker
	fmt.Println(checker.Reaches([]byte(`{"event_type":"run_paused"}`), conformance.Deviates))
	// Output: false
}

// TestWideRows: a row may have more cells than the judge keeps apart, and an object more
// members. They are judged as jsonschema/v5 judges them, and a name that is there twice is
// found.
func TestWideRows(t *testing.T) {
	sample, _ := vectors.Wild("wild.ui-extract")
	sample.Payload = bytes.Replace(sample.Payload, []byte("e16307"), nil, 1) // v5 isn't asked about what may be a huge number
	const place = `"captured_lists":{`
	for _, cells := range []int{1024, 1025, 5000, 200_000} {
		for name, tt := range map[string]struct{ first, last, code string }{
			"texts":     {`"v"`, `"last":"v"`, ""},
			"a null":    {`null`, `"last":"v"`, ""},
			"a number":  {`"v"`, `"last":5`, "schema.type"},
			"the first": {`5`, `"last":"v"`, "schema.type"},
			"twice":     {`"v"`, `"c0":"v"`, "json.duplicate-key"},
		} {
			var row strings.Builder
			fmt.Fprintf(&row, `%s"wide":[{"c0":%s,`, place, tt.first)
			for i := range cells - 2 {
				fmt.Fprintf(&row, `"c%d":"v",`, i+1)
			}
			row.WriteString(tt.last + `}],`)
			payload := bytes.Replace(sample.Payload, []byte(place), []byte(row.String()), 1)
			report := conformance.Check(payload)
			if accepted := report.Verdict != conformance.Invalid; accepted != (tt.code == "") {
				t.Errorf("%d cells, %s: %s", cells, name, report.Verdict)
			}
			if cells < 2000 { // more take v5 too long
				if opinion := judgetest.Judge(payload); opinion.Unknown || opinion.Observed != (tt.code == "") {
					t.Errorf("%d cells, %s: jsonschema/v5 says %+v", cells, name, opinion)
				}
			}
			if found := slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool { return string(f.Code) == tt.code }); found != (tt.code != "") {
				t.Errorf("%d cells, %s: %.1000v", cells, name, report.Findings)
			}
			if slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool { return f.Code == "schema.keyword" }) {
				t.Errorf("%d cells, %s: the checker can't tell what is wrong", cells, name)
			}
		}
	}
}
