package conformancetest_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance/conformancetest"
	"github.com/runhooks/runhooks/vectors"
)

// A recorder keeps what a test would have failed with.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// TestConforms: a payload fails a test, once, unless it conforms; and whatever it
// holds, the failure is text that can be shown.
func TestConforms(t *testing.T) {
	for _, v := range vectors.All() {
		r := &recorder{TB: t}
		conformancetest.Conforms(r, v.Payload)
		want := 1
		if v.Verdict == "conforms" {
			want = 0
		}
		if len(r.failures) != want {
			t.Errorf("%s: %d failures, want %d: %.1000q", v.Name, len(r.failures), want, r.failures)
		}
		for _, f := range r.failures {
			errors := 0
			for _, finding := range v.Expectation.Findings {
				if finding.Severity != "error" {
					continue
				}
				errors++
				if errors <= 100 && !strings.Contains(f, " "+finding.Code+": ") {
					t.Errorf("%s: it does not tell of %s:\n%.1000s", v.Name, finding.Code, f)
				}
			}
			n := strings.Count(f, "\n\thint: ")
			for _, more := range regexp.MustCompile("\n\tand ([0-9]+) more like it at /").FindAllStringSubmatch(f, -1) {
				alike, err := strconv.Atoi(more[1])
				if err != nil {
					t.Fatal(err)
				}
				n += alike
			}
			if n != min(errors, 100) {
				t.Errorf("%s: it tells of %d errors of %d:\n%.1000s", v.Name, n, errors, f)
			}
			if strings.ContainsFunc(f, func(r rune) bool { return !strconv.IsPrint(r) && r != '\n' && r != '\t' }) {
				t.Errorf("%s: it does not print: %.1000q", v.Name, f)
			}
		}
	}
}

func TestFailure(t *testing.T) {
	all := vectors.All()
	i := slices.IndexFunc(all, func(v vectors.Vector) bool { return v.Name == "page.run-failed" })
	r := &recorder{TB: t}
	conformancetest.Conforms(r, bytes.Replace(all[i].Payload, []byte(`"robotId"`), []byte(`"robot_id"`), 1))
	want := []string{`the payload, a "run_failed", does not conform to the contract: its verdict is "deviates"
6:1 dialect.field-case: "robot_id" should be "robotId"
	at /data/robot_id
	hint: ` + "`robot_id` is how run_completed spells it; here it is `robotId`"}
	if diff := cmp.Diff(want, r.failures); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManyErrors: what is listed is bounded, and the rest is counted.
func TestManyErrors(t *testing.T) {
	r := &recorder{TB: t}
	name := strings.Repeat("n", 1<<12)
	conformancetest.Conforms(r, []byte(`{"`+name+`":1`+strings.Repeat(`,"`+name+`":1`, 150)+"}"))
	if len(r.failures) != 1 || len(r.failures[0]) > 100_000 || !strings.HasSuffix(r.failures[0], "\nand 50 more") {
		t.Errorf("%d failures: %.1000q", len(r.failures), r.failures)
	}
}
