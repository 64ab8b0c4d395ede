package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// sample has one of each kind of row and of cell.
func sample() results {
	ours := row{
		name: ourName, does: "validates the bytes",
		cells: map[string]*cell{
			"11 MB":  {speeds: []float64{2.1e9, 1.9e9, 2.0e9}, payloads: 1},
			"NDJSON": {speeds: []float64{1e9, 1.2e9}, payloads: 100_000},
		},
	}
	slow := row{
		name: "slow | peer", does: "takes its time", misses: []string{"formats (2 of 5)", "invalid UTF-8"},
		versions: []string{"example.com/slow v1.2.3"},
		cells: map[string]*cell{
			"11 MB":  {speeds: []float64{40e6, 50e6, 60e6}, allocs: 1_234_567.9, payloads: 1},
			"NDJSON": {speeds: []float64{600e3}, allocs: 0.4, payloads: 6_884},
		},
	}
	picky := row{
		name: "picky", does: "rejects what conforms",
		cells: map[string]*cell{
			"11 MB":  {problem: "rejects 1 of 1 payloads: /data: no"},
			"NDJSON": {speeds: []float64{2.4e9}, allocs: unknown, payloads: 100_000},
		},
	}
	absent := row{name: "absent", does: "is not installed", unavailable: "not available"}
	floor := row{
		name: "floor", does: "parses", parses: true,
		cells: map[string]*cell{
			"11 MB":  {speeds: []float64{2.5e9}, allocs: unknown, payloads: 1},
			"NDJSON": {speeds: []float64{1.5e9}, allocs: unknown, payloads: 100_000},
		},
	}
	check := row{
		name: ourChecker, does: "lists findings", on: either, lists: true,
		cells: map[string]*cell{
			"NDJSON": {speeds: []float64{0.9e9}, payloads: 100_000},
			"wild":   {speeds: []float64{480e6, 520e6}, allocs: 4.5, found: 7.4, payloads: 50_000},
		},
	}
	lists := row{
		name: allAjv, does: "lists errors", on: deviating, lists: true,
		cells: map[string]*cell{"wild": {speeds: []float64{160e6}, allocs: unknown, found: 4.6, missed: 12, payloads: 50_000}},
	}
	accepts := row{
		name: ourObserved, does: "accepts", on: deviating,
		cells: map[string]*cell{"wild": {speeds: []float64{1.5e9}, payloads: 50_000}},
	}
	before := row{
		name: "Valid" + atCommit, does: "Valid of then",
		cells: map[string]*cell{
			"11 MB":  {speeds: []float64{2.0e9, 2.0e9, 2.0e9}, payloads: 1},
			"NDJSON": {speeds: []float64{1e9, 1e9}, payloads: 100_000},
		},
	}
	after := row{
		name: "Valid" + thisBuild, does: "Valid of now",
		cells: map[string]*cell{
			"11 MB":  {speeds: []float64{2.1e9, 1.8e9, 1.9e9}, payloads: 1},
			"NDJSON": {speeds: []float64{1.2e9, 1e9}, payloads: 100_000},
		},
	}
	return results{
		before: "0123abc", tenFindings: 12,
		machine: machine{cpu: "Example CPU <3 GHz>", cores: 2, memory: 16 << 30, system: "Linux linux/amd64", golang: "go1.26.0"},
		rounds:  6,
		corpora: []corpusInfo{
			{name: "11 MB", description: "one event of many rows", payloads: 1, bytes: 11_000_000},
			{name: "NDJSON", description: "many events", payloads: 100_000, bytes: 90_000_000},
			{name: "wild", description: "many events as they are", payloads: 50_000, bytes: 40_000_000, deviates: true},
		},
		rows: []row{ours, check, accepts, slow, lists, picky, absent, floor, before, after},
		commands: []commandRow{
			{
				name: ourCommand, does: "all cores",
				cells: map[string]*processCell{"NDJSON": {
					walls:  []time.Duration{100 * time.Millisecond, 120 * time.Millisecond},
					cpus:   []time.Duration{200 * time.Millisecond, 220 * time.Millisecond},
					memory: []int64{20e6, 22e6},
				}},
			},
			{
				name: "other", does: "one core", version: "other 1.0", misses: []string{"duplicate names"},
				cells: map[string]*processCell{"NDJSON": {
					walls: []time.Duration{2 * time.Second}, cpus: []time.Duration{2 * time.Second}, memory: []int64{500e6},
				}},
			},
			{
				name: ourListing, does: "all findings",
				cells: map[string]*processCell{"wild": {
					walls: []time.Duration{200 * time.Millisecond}, cpus: []time.Duration{400 * time.Millisecond}, memory: []int64{30e6}, written: 90e6,
				}},
			},
			{
				name: ourListing + atCommit, does: "all findings, then",
				cells: map[string]*processCell{"wild": {
					walls: []time.Duration{2 * time.Second}, cpus: []time.Duration{3600 * time.Millisecond}, memory: []int64{40e6}, written: 130e6,
				}},
			},
			{name: "broken", does: "fails", cells: map[string]*processCell{"NDJSON": {problem: "rejects the file: why"}}},
		},
	}
}

func TestReport(t *testing.T) {
	for name, got := range map[string]string{"results.md": sample().markdown(), "chart.svg": sample().chart()} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got; go test -update writes it):\n%s", golden, diff)
			}
		})
	}
}

func TestTargetVerdict(t *testing.T) {
	tests := []struct {
		target target
		want   string
	}{
		{target{least: 300, aim: 500, got: 299}, "**missed**"},
		{target{least: 300, aim: 500, got: 300}, "met"},
		{target{least: 300, aim: 500, got: 500}, "as aimed"},
		{target{least: 15, aim: 5, fewer: true, got: 16}, "**missed**"},
		{target{least: 15, aim: 5, fewer: true, got: 15}, "met"},
		{target{least: 15, aim: 5, fewer: true, got: 0}, "as aimed"},
		{target{aim: 1, got: 0.9}, "short of the aim"},
		{target{least: 2, unmeasured: true}, "not measured"},
	}
	for _, test := range tests {
		if got := test.target.verdict(); got != test.want {
			t.Errorf("%+v: %s, want %s", test.target, got, test.want)
		}
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	}
	for _, test := range tests {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
}

func TestSlug(t *testing.T) {
	tests := map[string]string{
		"AMD EPYC 7763 64-Core Processor":          "amd-epyc-7763-64-core-processor",
		"Intel(R) Xeon(R) CPU @ 2.20GHz":           "intel-xeon",
		"11th Gen Intel(R) Core(TM) i7-1165G7 @ 2": "11th-gen-intel-core-i7-1165g7",
		"arm64": "arm64",
	}
	for cpu, want := range tests {
		if got := (machine{cpu: cpu}).slug(); got != want {
			t.Errorf("slug of %q is %q, want %q", cpu, got, want)
		}
	}
}
