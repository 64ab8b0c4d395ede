package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/runhooks/runhooks/bench/internal/ours"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// A target is a figure that should be reached. A figure of 0 is none.
type target struct {
	name       string
	least, aim float64
	fewer      bool // less is better: least is then the most
	unit       string
	got        float64
	of         string // what got is of, where that isn't all
	unmeasured bool
}

func (t target) text(figure float64) string {
	switch {
	case t.unit == "%":
		return strconv.FormatFloat(figure*100, 'f', 0, 64) + " %"
	case t.unit == "×" && figure < 10:
		return strconv.FormatFloat(figure, 'f', 2, 64) + "×"
	case t.unit == "×":
		return strconv.FormatFloat(figure, 'f', 1, 64) + "×"
	}
	return strconv.FormatFloat(figure, 'f', -1, 64) + t.unit
}

// goal is the text of one of its goals.
func (t target) goal(figure float64) string {
	switch {
	case figure == 0:
		return ""
	case t.fewer:
		return "at most " + t.text(figure)
	}
	return t.text(figure)
}

func (t target) verdict() string {
	reaches := func(figure float64) bool {
		return figure != 0 && (t.fewer && t.got <= figure || !t.fewer && t.got >= figure)
	}
	switch {
	case t.unmeasured:
		return "not measured"
	case reaches(t.aim):
		return "as aimed"
	case reaches(t.least):
		return "met"
	case t.least == 0:
		return "short of the aim"
	}
	return "**missed**"
}

// noise is how much two builds of one tree may differ in a figure.
const noise = 0.05

// targets compares results with what was asked for, of deviating payloads on the
// corpus of that name.
func (r results) targets(corpus string) []target {
	check := r.rate(ourChecker, corpus)
	listing, old, quiet := r.cpu(ourListing, corpus), r.cpu(ourListing+atCommit, corpus), r.cpu(ourQuiet, corpus)
	slowest := func(rate func(name string) float64, names ...string) (least float64, of string) {
		least = math.NaN()
		for _, name := range names {
			if got := rate(name); !(got >= least) && !math.IsNaN(got) {
				least, of = got, name
			}
		}
		return least, of
	}
	var documented []string
	var size float64
	for _, c := range r.corpora {
		if !c.deviates {
			documented = append(documented, c.name)
		}
		if c.name == corpus {
			size = float64(c.bytes)
		}
	}
	all := []target{
		{name: "Check", least: 300, aim: 500, unit: " MB/s", got: math.Round(check / 1e6)},
		{name: "Check beside ajv with allErrors", least: 2, unit: "×", got: check / r.rate(allAjv, corpus)},
		{name: "Check beside jsonschema v5", least: 20, unit: "×", got: check / r.rate(allV5, corpus)},
		{name: "allocations of Check for an event of 10 findings", least: 15, aim: 5, fewer: true, got: r.tenFindings},
		{name: "`runhooks check`, text to a file: CPU time before beside now", least: 10, unit: "×", got: old / listing},
		{name: "the same, beside that of writing the text", aim: 1, fewer: true, unit: "×", got: listing / r.cpu(writing, corpus)},
		{name: "`runhooks check --quiet --against observed`, rate per core beside ObservedRunEvent", least: 0.7, aim: 0.85, unit: "%", got: size / quiet / r.rate(ourObserved, corpus)},
	}
	before := target{name: "Valid and Check on what conforms, beside before: the slowest", least: 1 - noise, unit: "×", got: math.NaN()}
	for _, judge := range []string{"Valid", "Check"} {
		got, of := slowest(func(corpus string) float64 {
			if ratios := r.changes(judge, corpus); len(ratios) > 0 {
				return median(ratios)
			}
			return math.NaN()
		}, documented...)
		if !(got >= before.got) && !math.IsNaN(got) {
			before.got, before.of = got, judge+", "+of
		}
	}
	floor := target{name: "Valid beside simdjson's parse: the slowest of NDJSON, page, CJK, keys and escaped", aim: 1, unit: "×"}
	floor.got, floor.of = slowest(func(corpus string) float64 {
		return r.rate(ourName, corpus) / r.rate(allParse, corpus)
	}, "NDJSON", "page", "CJK", "keys", "escaped")
	all = append(all, before, floor)
	for i, t := range all {
		all[i].unmeasured = math.IsNaN(t.got)
	}
	return all
}

// writeTargets writes those that are about what was measured. Of corpora that deviate,
// it takes the first.
func (r results) writeTargets(b *strings.Builder) {
	corpus := "none"
	if at := slices.IndexFunc(r.corpora, func(c corpusInfo) bool { return c.deviates }); at >= 0 {
		corpus = r.corpora[at].name
	}
	targets := r.targets(corpus)
	if !slices.ContainsFunc(targets, func(t target) bool { return !t.unmeasured }) {
		return
	}
	fmt.Fprintf(b, "\n## Targets\n\nThe corpus of events as servers send them is %s. \"Before\" is %s; %.0f %% less than that is taken for noise.\n\n", corpus, cmp.Or(r.before, "not measured"), noise*100)
	lines := [][]string{{"", "goal", "aim", "measured", ""}}
	for _, t := range targets {
		got := "–"
		if !t.unmeasured {
			if got = t.text(t.got); t.of != "" {
				got += " (" + t.of + ")"
			}
		}
		lines = append(lines, []string{t.name, t.goal(t.least), t.goal(t.aim), got, t.verdict()})
	}
	writeTable(b, lines)
}

// writeChanges writes how many times as fast as before this tree is.
func (r results) writeChanges(b *strings.Builder) {
	if r.before == "" {
		return
	}
	head := []string{""}
	for _, c := range compared {
		head = append(head, c.name)
	}
	lines := [][]string{head}
	for _, corpus := range r.corpora {
		line := []string{corpus.name}
		for _, c := range compared {
			text := ""
			if ratios := r.changes(c.name, corpus.name); len(ratios) > 0 {
				text = fmt.Sprintf("%.2f× (%.2f–%.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
			}
			line = append(line, text)
		}
		lines = append(lines, line)
	}
	fmt.Fprintf(b, "\n## Before and after\n\nHow many times as fast this tree is as %s, each in a process of its own: the median of all rounds, with the least and the most.\n\n", r.before)
	writeTable(b, lines)
}

// changes returns the ratio of both builds in each round.
func (r results) changes(judge, corpus string) []float64 {
	before, after := r.cell(judge+atCommit, corpus), r.cell(judge+thisBuild, corpus)
	if before == nil || after == nil || len(before.speeds) != len(after.speeds) {
		return nil
	}
	var ratios []float64
	for i, speed := range after.speeds {
		ratios = append(ratios, speed/before.speeds[i])
	}
	return ratios
}

// cell returns one of the row of a name, or nil.
func (r results) cell(name, corpus string) *cell {
	for _, row := range r.rows {
		if row.name == name {
			return row.cells[corpus]
		}
	}
	return nil
}

// rate returns the bytes per second of a row, or NaN.
func (r results) rate(name, corpus string) float64 {
	if cell := r.cell(name, corpus); cell != nil && len(cell.speeds) > 0 {
		return median(cell.speeds)
	}
	return math.NaN()
}

// cpu returns the CPU seconds of a command, or NaN.
func (r results) cpu(name, corpus string) float64 {
	for _, row := range r.commands {
		if cell := row.cells[corpus]; row.name == name && cell != nil && len(cell.cpus) > 0 {
			return median(cell.cpus).Seconds()
		}
	}
	return math.NaN()
}

// allocsOfTen returns the allocations of Check for an event that has ten findings, or
// NaN if no payload of the inputs has.
func allocsOfTen(inputs []*input) float64 {
	const enough = 1000
	for _, in := range inputs {
		if !in.Deviates {
			continue
		}
		ten := new(input)
		for _, payload := range in.Payloads {
			if len(ten.Payloads) < enough && len(conformance.Check(payload).Findings) == 10 {
				ten.Payloads = append(ten.Payloads, payload)
			}
		}
		if len(ten.Payloads) > 0 {
			got, _ := goRunner(ours.Judges["Check"]).run(ten, portion{payloads: len(ten.Payloads), passes: 1})
			return math.Floor(got.allocs)
		}
	}
	return math.NaN()
}
