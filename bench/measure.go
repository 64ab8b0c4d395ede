package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// results are all that a run of the benchmarks has to say.
type results struct {
	machine  machine
	rounds   int
	corpora  []corpusInfo
	rows     []row
	commands []commandRow
	before   string // the commit that this tree is compared with, or ""
	// tenFindings are the allocations of Check for an event of that many, or NaN.
	tenFindings float64
}

type corpusInfo struct {
	name, description string
	payloads, bytes   int
	deviates          bool
}

// A row is what is known of one subject.
type row struct {
	name, does  string
	parses      bool
	on          kind
	lists       bool
	versions    []string
	misses      []string // kinds of controls that it accepts
	unavailable string   // why it was not measured
	cells       map[string]*cell
}

// A cell is one subject on one corpus.
type cell struct {
	speeds []float64 // of each round, in bytes per second
	allocs float64   // per payload, or unknown
	found  float64   // errors per payload, of those that list them
	missed int       // payloads that one that lists errors accepts, though they deviate
	// payloads are how many of the corpus were judged: not all where that takes
	// too long.
	payloads int
	problem  string // why there are no speeds
}

// A commandRow is what is known of one command.
type commandRow struct {
	name, does  string
	version     string
	misses      []string
	unavailable string
	cells       map[string]*processCell
}

// A processCell is one command on the file of one corpus.
type processCell struct {
	walls, cpus []time.Duration
	memory      []int64 // bytes
	written     int64   // bytes of output, if it went to a file
	problem     string
}

// A contender is a row that takes part, with what it runs.
type contender struct {
	row      *row
	subject  subject
	runner   runner
	portions map[string]portion // by corpus
}

// mistake says what is wrong with the result got for the portion p of the input: a judge
// that lists errors has to find some in what deviates, and none elsewhere.
func (who *contender) mistake(in *input, p portion, got run) string {
	switch {
	case in.Deviates && who.subject.lists:
		if got.rejected == 0 {
			return fmt.Sprintf("accepts all of %d payloads", p.payloads)
		}
	case got.rejected > 0:
		return fmt.Sprintf("rejects %d of %d payloads: %s", got.rejected/p.passes, p.payloads, got.reason)
	}
	return ""
}

// A contest measures subjects and commands, one after the other in each round, so that
// other load on the machine falls on all of them.
type contest struct {
	rounds   int
	target   time.Duration // how long one measurement should take, at least
	limit    time.Duration // and at most, if need be by leaving out payloads
	progress io.Writer
}

// enter starts the subjects and shows them the controls. It gives a row for
// each, and a contender for each that is available.
func (c contest) enter(all []subject, w *workers) ([]*row, []*contender, error) {
	var rows []*row
	var contenders []*contender
	for _, s := range all {
		r := &row{name: s.name, does: s.does, parses: s.parses, on: s.on, lists: s.lists, cells: make(map[string]*cell)}
		rows = append(rows, r)
		runner, err := s.start(w)
		if errors.Is(err, errUnavailable) {
			r.unavailable = err.Error()
			fmt.Fprintf(c.progress, "%s: %v\n", s.name, err)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
		r.versions = w.versions(s)
		if r.misses, err = misses(s.parses, runner.accepts); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
		contenders = append(contenders, &contender{row: r, subject: s, runner: runner, portions: make(map[string]portion)})
	}
	return rows, contenders, nil
}

// measure has the contenders judge the inputs, after a first time that isn't
// counted.
func (c contest) measure(contenders []*contender, inputs []*input) error {
	for _, in := range inputs {
		fmt.Fprintf(c.progress, "warming up: %s\n", in.Name)
		for _, who := range contenders {
			if !who.subject.on.covers(in.Deviates) {
				continue
			}
			if err := c.warmUp(who, in); err != nil {
				return fmt.Errorf("%s: %s: %w", in.Name, who.row.name, err)
			}
		}
	}
	for round := range c.rounds {
		for _, in := range inputs {
			// Another order in each round: nobody always follows the same one.
			for i := range contenders {
				who := contenders[(i+round)%len(contenders)]
				into := who.row.cells[in.Name]
				if into == nil || into.problem != "" {
					continue
				}
				p := who.portions[in.Name]
				got, err := who.runner.run(in, p)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", in.Name, who.row.name, err)
				}
				if mistake := who.mistake(in, p, got); mistake != "" {
					return fmt.Errorf("%s: %s: judged all payloads rightly, and now %s", in.Name, who.row.name, mistake)
				}
				speed := float64(in.size(p)) / got.elapsed.Seconds()
				into.speeds = append(into.speeds, speed)
				into.allocs = got.allocs
				if in.Deviates && who.subject.lists {
					into.found = float64(got.found) / float64(p.payloads*p.passes)
					into.missed = p.payloads - got.rejected/p.passes
				}
				fmt.Fprintf(c.progress, "round %d of %d: %s: %s: %.1f MB/s\n", round+1, c.rounds, in.Name, who.row.name, speed/1e6)
			}
		}
	}
	return nil
}

// warmUp sees whether a contender judges the payloads of in rightly, and finds how
// many to judge, and how often.
func (c contest) warmUp(who *contender, in *input) error {
	into := &cell{allocs: unknown}
	who.row.cells[in.Name] = into
	all := len(in.Payloads)
	p := portion{payloads: (all + 99) / 100, passes: 1} // a sample, for a guess at the rest
	for {
		got, err := who.runner.run(in, p)
		if err != nil {
			return err
		}
		if into.problem = who.mistake(in, p, got); into.problem != "" {
			return nil
		}
		elapsed := max(got.elapsed, time.Microsecond)
		if into.payloads == 0 {
			speed := float64(in.size(p)) / elapsed.Seconds()
			p.payloads = max(p.payloads, in.fitting(int(speed*c.limit.Seconds())))
			into.payloads = p.payloads
			continue
		}
		factor := float64(c.target) / float64(elapsed)
		if factor < 2 {
			p.passes = max(1, int(float64(p.passes)*factor+0.5))
			who.portions[in.Name] = p
			return nil
		}
		p.passes = int(float64(p.passes) * min(factor, 100))
	}
}

// fitting returns how many payloads, from the first, have no more bytes than that.
func (in *input) fitting(bytes int) int {
	for i, payload := range in.Payloads {
		if bytes -= len(payload); bytes < 0 {
			return i
		}
	}
	return len(in.Payloads)
}

// measureCommands runs the commands on the files of the inputs.
func (c contest) measureCommands(all []command, inputs []*input, dir string) ([]commandRow, error) {
	rows := make([]commandRow, len(all))
	for i, cmd := range all {
		defer os.Remove(cmd.output) // some are large; there may be none
		rows[i] = commandRow{name: cmd.name, does: cmd.does, cells: make(map[string]*processCell)}
		if err := cmd.available(); err != nil {
			rows[i].unavailable = err.Error()
			fmt.Fprintf(c.progress, "%s: %v\n", cmd.name, err)
			continue
		}
		rows[i].version = cmd.printVersion()
		if cmd.on == conforming { // the others are the same programs
			var err error
			if rows[i].misses, err = misses(false, cmd.accepts(dir)); err != nil {
				return nil, fmt.Errorf("%s: %w", cmd.name, err)
			}
		}
		for _, in := range inputs {
			if cmd.on.covers(in.Deviates) {
				rows[i].cells[in.Name] = new(processCell)
			}
		}
	}
	// Round 0 warms up the caches of the file system.
	for round := range c.rounds + 1 {
		for _, in := range inputs {
			for i, cmd := range all {
				into := rows[i].cells[in.Name]
				if into == nil || into.problem != "" {
					continue
				}
				p, err := cmd.run(in.file)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", in.Name, cmd.name, err)
				}
				if p.Exit != cmd.exit {
					into.problem = fmt.Sprintf("ends with %d: %s", p.Exit, p.Output)
				}
				fmt.Fprintf(c.progress, "round %d of %d: %s: %s: %v\n", round, c.rounds, in.Name, cmd.name, p.Wall.Round(time.Millisecond))
				if round == 0 || into.problem != "" {
					continue
				}
				into.walls = append(into.walls, p.Wall)
				into.cpus = append(into.cpus, p.CPU)
				into.memory = append(into.memory, p.Memory)
				if written, err := os.Stat(cmd.output); err == nil {
					into.written = written.Size()
				}
			}
		}
	}
	return rows, nil
}

// number is what medians are taken of.
type number interface{ ~int64 | ~float64 }

// median returns the middle of values, which has at least one; of an even count
// it is the mean of the two in the middle.
func median[N number](values []N) N {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
