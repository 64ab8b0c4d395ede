// Command interop runs the programs of the languages here, with a delivery service
// for their clients, sends events to their receivers, tries the packages of bindings,
// and makes one page of what is seen. "make interop" runs it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/interop/exchange"
	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/interop/rows"
	"github.com/runhooks/runhooks/interop/serve"
)

// A language is a folder, and what the page calls it. A folder below bindings tries the
// package of that name; then there is also what the page calls that, and the argument
// for run.sh of a package that is tried in more than one way. Languages of one lane
// run one after the other, since they share what they install.
type language struct{ lane, folder, name, tool, argument string }

// languages are all, in the order of the page.
var languages = []language{
	{lane: "maven", folder: "golang", name: "Go"},
	{lane: "npm", folder: "typescript", name: "TypeScript"},
	{lane: "pip", folder: "python", name: "Python"},
	{lane: "maven", folder: "java", name: "Java"},
	{lane: "maven", folder: "kotlin", name: "Kotlin"},
	{lane: "cargo", folder: "rust", name: "Rust"},
	{lane: "npm", folder: "cpp", name: "C++"},
	{lane: "maven", folder: "php", name: "PHP"},
	{lane: "maven", folder: "ruby", name: "Ruby"},
	{lane: "http", folder: "http", name: "any"},
	{lane: "npm", folder: "bindings/npm", name: "TypeScript", tool: "npm, in Node.js", argument: "node"},
	{lane: "npm", folder: "bindings/npm", name: "TypeScript", tool: "npm, in Deno", argument: "deno"},
	{lane: "npm", folder: "bindings/npm", name: "TypeScript", tool: "npm, in Bun", argument: "bun"},
	{lane: "pip", folder: "bindings/pypi", name: "Python", tool: "PyPI, on wasmtime"},
	{lane: "cargo", folder: "bindings/crates", name: "Rust", tool: "crates.io, on wasmi"},
	{lane: "maven", folder: "bindings/maven", name: "Java", tool: "Maven, on Chicory", argument: "java"},
	{lane: "maven", folder: "bindings/maven", name: "Kotlin", tool: "Maven, on Chicory", argument: "kotlin"},
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run only these `folders`, separated by commas; the page is not written then")
	flag.StringVar(&o.page, "page", "../docs/interop.md", "the `file` to write the page to")
	flag.StringVar(&o.runhooks, "runhooks", "../bin/runhooks", "the `program` that sends events, and is the service; make build builds it")
	flag.IntVar(&o.lanes, "lanes", runtime.NumCPU(), "run so `many` languages at a time that share nothing")
	flag.BoolVar(&o.check, "check", false, "fail if the page was another before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

type options struct {
	only, page, runhooks string
	lanes                int
	check                bool
}

// run runs all languages, or some, prints the page, and writes it if it is whole.
// The error lists what has no explanation, and what couldn't be run.
func (o options) run(ctx context.Context) (err error) {
	runhooks, err := filepath.Abs(o.runhooks)
	if err != nil {
		return err
	}
	if _, err := os.Stat(runhooks); err != nil {
		return fmt.Errorf("%w: run make build", err)
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}

	service, err := serve.Start(runhooks)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()

	var reports []matrix.Report
	var lines []matrix.Line
	var failures, skipped []string
	for i, result := range o.runLanes(chosen, func(l language) result { return try(ctx, l, runhooks, service.Env()) }) {
		reports = append(reports, result.reports...)
		lines = append(lines, result.lines...)
		failures = append(failures, result.failures...)
		if result.reports == nil && result.failures == nil {
			skipped = append(skipped, chosen[i].String())
		}
	}

	page := matrix.Markdown(lines)
	fmt.Print(page)
	for _, l := range lines {
		failures = append(failures, l.Unexplained()...)
	}
	whole := len(chosen) == len(languages) && skipped == nil
	failures = append(failures, matrix.Confirm(reports, whole)...)
	if skipped != nil {
		fmt.Fprintf(os.Stderr, "SKIP interop: %s; %s is left as it is\n", strings.Join(skipped, ", "), o.page)
	}
	if failures != nil {
		return errors.New(strings.Join(failures, "\n"))
	}
	if !whole {
		return nil
	}
	before, err := os.ReadFile(o.page)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(o.page, []byte(page), 0o644); err != nil {
		return err
	}
	if o.check && page != string(before) {
		return fmt.Errorf("%s is not what was there before: look at the difference, and commit it", o.page)
	}
	return nil
}

// A result is what came of a language. There are neither reports nor failures of one
// that is skipped.
type result struct {
	reports  []matrix.Report
	lines    []matrix.Line
	failures []string
}

// runLanes calls try with each language, in as many lanes at a time as o says, and returns
// the results in the order of the languages.
func (o options) runLanes(chosen []language, try func(language) result) []result {
	lanes := map[string][]int{}
	var order []string
	for i, l := range chosen {
		if lanes[l.lane] == nil {
			order = append(order, l.lane)
		}
		lanes[l.lane] = append(lanes[l.lane], i)
	}
	results := make([]result, len(chosen))
	next := make(chan string)
	var running sync.WaitGroup
	for range max(1, o.lanes) {
		running.Go(func() {
			for lane := range next {
				for _, i := range lanes[lane] {
					results[i] = try(chosen[i])
				}
			}
		})
	}
	for _, lane := range order {
		next <- lane
	}
	close(next)
	running.Wait()
	return results
}

// try runs the program of a language, and what is sent to its receivers. What it has to
// say goes to standard error at its end, so that lanes don't mix.
func try(ctx context.Context, language language, runhooks string, env []string) (r result) {
	start := time.Now()
	fmt.Fprintf(os.Stderr, "interop: %s …\n", language)
	var log bytes.Buffer
	defer func() { _, _ = os.Stderr.Write(log.Bytes()) }()

	reports, err := report(ctx, language, env, &log)
	if err != nil {
		r.failures = append(r.failures, fmt.Sprintf("%s: %v", language, err))
	}
	r.reports = reports
	for _, report := range reports {
		line := matrix.Judge(report)
		if report.Kind == matrix.Receiver {
			if line.Cells, err = exchange.Run(ctx, language.folder, runhooks); err != nil {
				r.failures = append(r.failures, fmt.Sprintf("%s: %s: %v", language.folder, report.Tool, err))
				continue
			}
		}
		if report.Kind != matrix.Rule {
			r.lines = append(r.lines, line)
		}
	}
	if _, err := os.Stat(filepath.Join(language.folder, rows.Script)); err == nil && len(reports) > 0 {
		n, err := rows.Run(ctx, language.folder, runhooks)
		if err != nil {
			r.failures = append(r.failures, fmt.Sprintf("%s: what an inlet delivers: %v", language.folder, err))
		}
		fmt.Fprintf(&log, "interop: %s: %d events of servers by an inlet\n", language.name, n)
	}
	fmt.Fprintf(&log, "interop: %s: %d reports in %.0f s\n", language, len(reports), time.Since(start).Seconds())
	return r
}

// choose gives the languages of which only has the folders, or those that these are in,
// separated by commas; of "", all.
func choose(only string) (chosen []language, err error) {
	if only == "" {
		return languages, nil
	}
	for folder := range strings.SplitSeq(only, ",") {
		before := len(chosen)
		for _, l := range languages {
			if l.folder == folder || strings.HasPrefix(l.folder, folder+"/") {
				chosen = append(chosen, l)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("-only %s: there is no such folder; there are %v", folder, languages)
		}
	}
	return chosen, nil
}

func (l language) String() string { return strings.TrimSpace(l.folder + " " + l.argument) }

// patience is how long a program may take, with all that it installs.
const patience = 15 * time.Minute

// report runs the program of a folder, which finds the service by env, and prints to log.
// It returns no reports where that is skipped.
func report(ctx context.Context, l language, env []string, log io.Writer) ([]matrix.Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it takes more than %v", patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(l.folder, "run.sh"))
	if l.argument != "" {
		cmd.Args = append(cmd.Args, l.argument)
	}
	cmd.Env = append(os.Environ(), env...)
	// What it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, log
	runErr := cmd.Run()
	if ctx.Err() != nil {
		runErr = context.Cause(ctx)
	}
	if l.tool == "" {
		reports, err := matrix.Read(&out, l.name)
		return reports, errors.Join(runErr, err)
	}
	judged, err := matrix.ReadPackage(&out)
	if err = errors.Join(runErr, err); err != nil || len(judged) == 0 {
		return nil, err
	}
	return []matrix.Report{{Language: l.name, Kind: matrix.Package, Tool: l.tool, Input: l.folder, Judged: judged}}, nil
}
