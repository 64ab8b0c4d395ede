package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/bench/corpus"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// BenchmarkCheckWild is the check of one event that deviates, with its findings.
func BenchmarkCheckWild(b *testing.B) {
	all, err := recipes()
	if err != nil {
		b.Fatal(err)
	}
	for _, recipe := range all {
		if !recipe.Deviates {
			continue
		}
		b.Run(recipe.Name, func(b *testing.B) {
			c := recipe.Make(1, 0.1)
			findings := 0
			b.SetBytes(int64(c.Size() / len(c.Payloads)))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				findings += len(conformance.Check(c.Payloads[i%len(c.Payloads)]).Findings)
			}
			b.ReportMetric(float64(findings)/float64(b.N), "findings/op")
		})
	}
}

// TestWild holds what is varied to its seed: it deviates in the same ways, by the
// checker, and no two variants are the same.
func TestWild(t *testing.T) {
	for _, v := range vectors.All() {
		if v.Verdict == "deviates" {
			t.Run(v.Name, func(t *testing.T) { testVariants(t, v.Payload) })
		}
	}
	t.Run("captured", func(t *testing.T) {
		seeds, err := wildSeeds()
		if err != nil {
			t.Fatal(err)
		}
		if len(seeds) == 0 {
			t.Skip("captured payloads are neither beside the project nor in OBSERVED_DIR")
		}
		for i, seed := range seeds {
			t.Run(fmt.Sprint(i), func(t *testing.T) { testVariants(t, seed) })
		}
	})
}

func testVariants(t *testing.T, seed []byte) {
	recipe, err := corpus.Wild("wild", "", [][]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	want := ways(conformance.Check(seed))
	seen := make(map[string]bool)
	for _, p := range recipe.Make(1, 0.004).Payloads {
		report := conformance.Check(p)
		if diff := cmp.Diff(want, ways(report)); report.Verdict != conformance.Deviates || diff != "" {
			t.Fatalf("%s, codes (-seed +variant):\n%s\n%s\n%s", report.Verdict, diff, seed, p)
		}
		if seen[string(p)] {
			t.Errorf("twice the same:\n%s", p)
		}
		seen[string(p)] = true
	}
}

// ways returns the codes of a report, each once.
func ways(r conformance.Report) []conformance.Code {
	var codes []conformance.Code
	for _, f := range r.Findings {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
