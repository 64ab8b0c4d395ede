// Command delivery measures the delivery service, and tries to make it lose
// something. README.md says what there is and how to read it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A scenario is one thing that the service has to show.
type scenario struct {
	name  string
	suite string // bench or chaos
	says  string
	// stores are those that it is about: sqlite, postgres, or "" if it is about
	// none or both at once.
	stores []string
	run    func(ctx context.Context, r *run) error
}

var both = []string{"sqlite", "postgres"}

// scenarios are in the order in which they run and are reported.
var scenarios = slices.Concat(benchScenarios, chaosScenarios)

// A run is that of a scenario over a store.
type run struct {
	scenario *scenario
	store    string
	short    bool
	binary   string // of runhooks
	dir      string // for files, removed afterwards
	sink     *sink  // has all endpoints
	cluster  *cluster
	profile  string // a folder for profiles, or empty

	databases int
	rows      []row
}

func (r *run) add(w row) {
	w.Scenario, w.Store, w.Short, w.Machine, w.At = r.scenario.name, r.store, r.short, machine(), today()
	r.rows = append(r.rows, w)
	fmt.Printf("  %-8s %-52s %14s  %-10s %s\n", r.store, w.Figure, w.text(), w.Bound, w.verdict())
}

// note reports a figure that only informs.
func (r *run) note(figure string, value float64, unit string) {
	r.add(row{Figure: figure, Value: value, Unit: unit})
}

// most and least report a figure that has a bound. How long something takes is held
// to it in the long form only, as the short one is for machines that do other things
// as well.
func (r *run) most(figure string, value, bound float64, unit string) {
	r.bounded(row{Figure: figure, Value: value, Unit: unit, Bound: fmt.Sprintf("≤ %g", bound), Missed: !(value <= bound)})
}

func (r *run) least(figure string, value, bound float64, unit string) {
	r.bounded(row{Figure: figure, Value: value, Unit: unit, Bound: fmt.Sprintf("≥ %g", bound), Missed: !(value >= bound)})
}

func (r *run) bounded(w row) {
	if r.short && (w.Unit == "s" || w.Unit == "ms" || w.Unit == "%") {
		w.Bound, w.Missed = "", false
	}
	r.add(w)
}

// lengths chooses between the long form and the short one.
func lengths[T any](r *run, long, short T) T {
	if r.short {
		return short
	}
	return long
}

func main() {
	var (
		short   = flag.Bool("short", false, "run the short forms, which fit into CI")
		only    = flag.String("only", "", "run the scenarios whose names match this `regexp`")
		stores  = flag.String("stores", "sqlite,postgres", "run over these `stores`")
		results = flag.String("results", "", "write figures to delivery.json and delivery.md in this `folder`")
		binary  = flag.String("runhooks", "../../bin/runhooks", "the `file` of runhooks")
		profile = flag.String("profile", "", "write profiles of what is measured in this process into this `folder`")
	)
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "Usage: go run . [flags] bench|chaos\n\n")
		flag.PrintDefaults()
		fmt.Fprintf(flag.CommandLine.Output(), "\nScenarios:\n")
		for _, s := range scenarios {
			fmt.Fprintf(flag.CommandLine.Output(), "  %-6s %-12s %s\n", s.suite, s.name, s.says)
		}
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if flag.NArg() != 1 || flag.Arg(0) != "bench" && flag.Arg(0) != "chaos" {
		flag.Usage()
		os.Exit(2)
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	file, err := filepath.Abs(*binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	rows, err := runAll(ctx, flag.Arg(0), match, strings.Split(*stores, ","), run{short: *short, binary: file, profile: *profile})
	if *results != "" && len(rows) > 0 {
		if err := save(*results, rows); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	failed := false
	for _, w := range rows {
		switch {
		case w.Missed:
			fmt.Printf("MISSED %s %s: %s is %s, and must be %s\n", w.Scenario, w.Store, w.Figure, w.text(), w.Bound)
			failed = true
		case w.NotRun != "":
			fmt.Printf("SKIP %s %s: %s\n", w.Scenario, w.Store, w.NotRun)
			failed = failed || os.Getenv("REQUIRE_ALL") == "1"
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

// runAll runs the scenarios of a suite that match, over each of their stores.
func runAll(ctx context.Context, suite string, match *regexp.Regexp, stores []string, base run) ([]row, error) {
	var rows []row
	var failures []string
	defer func() {
		if base.cluster != nil {
			base.cluster.close()
		}
	}()
	for i := range scenarios {
		s := &scenarios[i]
		if s.suite != suite || !match.MatchString(s.name) {
			continue
		}
		of := s.stores
		if len(of) == 0 {
			of = []string{""}
		}
		for _, store := range of {
			if store != "" && !slices.Contains(stores, store) || ctx.Err() != nil {
				continue
			}
			r := base
			r.scenario, r.store = s, store
			fmt.Printf("%s %s: %s\n", s.name, store, s.says)
			start := time.Now()
			err := r.prepare(ctx)
			base.cluster = r.cluster
			if err == nil {
				err = s.run(ctx, &r)
				r.sink.close()
				_ = os.RemoveAll(r.dir)
			}
			if err != nil {
				fmt.Printf("  FAILED: %v\n", err)
				failures = append(failures, fmt.Sprintf("%s %s: %v", s.name, store, err))
			}
			fmt.Printf("  (%v)\n", time.Since(start).Round(time.Second))
			rows = append(rows, r.rows...)
		}
	}
	if len(failures) > 0 {
		return rows, fmt.Errorf("failed:\n%s", strings.Join(failures, "\n"))
	}
	return rows, nil
}

// prepare makes what a run needs.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.store == "postgres" && r.cluster == nil {
		if r.cluster, err = newCluster(ctx, ""); err != nil {
			return err
		}
	}
	if r.dir, err = os.MkdirTemp("", "bench-delivery-"); err != nil {
		return err
	}
	r.sink, err = newSink()
	return err
}
