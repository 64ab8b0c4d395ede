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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/interop/exchange"
	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/interop/rows"
	"github.com/runhooks/runhooks/interop/serve"
)

// A language is a folder, and what the page calls it. A folder below bindings tries the
// package of that name; then there is also what the page calls that, and the argument
// for run.sh of a package that is tried in more than one way.
type language struct{ folder, name, tool, argument string }

// languages are all, in the order of the page.
var languages = []language{
	{folder: "golang", name: "Go"},
	{folder: "typescript", name: "TypeScript"},
	{folder: "python", name: "Python"},
	{folder: "java", name: "Java"},
	{folder: "kotlin", name: "Kotlin"},
	{folder: "rust", name: "Rust"},
	{folder: "cpp", name: "C++"},
	{folder: "php", name: "PHP"},
	{folder: "ruby", name: "Ruby"},
	{folder: "http", name: "any"},
	{folder: "bindings/npm", name: "TypeScript", tool: "npm, in Node.js", argument: "node"},
	{folder: "bindings/npm", name: "TypeScript", tool: "npm, in Deno", argument: "deno"},
	{folder: "bindings/npm", name: "TypeScript", tool: "npm, in Bun", argument: "bun"},
	{folder: "bindings/pypi", name: "Python", tool: "PyPI, on wasmtime"},
	{folder: "bindings/crates", name: "Rust", tool: "crates.io, on wasmi"},
	{folder: "bindings/maven", name: "Java", tool: "Maven, on Chicory", argument: "java"},
	{folder: "bindings/maven", name: "Kotlin", tool: "Maven, on Chicory", argument: "kotlin"},
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run only these `folders`, separated by commas; the page is not written then")
	flag.StringVar(&o.page, "page", "../docs/interop.md", "the `file` to write the page to")
	flag.StringVar(&o.runhooks, "runhooks", "../bin/runhooks", "the `program` that sends events, and is the service; make build builds it")
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
	for _, language := range chosen {
		start := time.Now()
		fmt.Fprintf(os.Stderr, "interop: %s …\n", language)
		more, err := report(ctx, language, service.Env())
		switch {
		case err != nil:
			failures = append(failures, fmt.Sprintf("%s: %v", language, err))
		case len(more) == 0:
			skipped = append(skipped, language.String())
		}
		reports = append(reports, more...)
		for _, r := range more {
			line := matrix.Judge(r)
			if r.Kind == matrix.Receiver {
				if line.Cells, err = exchange.Run(ctx, language.folder, runhooks); err != nil {
					failures = append(failures, fmt.Sprintf("%s: %s: %v", language.folder, r.Tool, err))
					continue
				}
			}
			if r.Kind != matrix.Rule {
				lines = append(lines, line)
			}
		}
		if _, err := os.Stat(filepath.Join(language.folder, rows.Script)); err == nil && len(more) > 0 {
			n, err := rows.Run(ctx, language.folder, runhooks)
			if err != nil {
				failures = append(failures, fmt.Sprintf("%s: what an inlet delivers: %v", language.folder, err))
			}
			fmt.Fprintf(os.Stderr, "interop: %s: %d events of servers by an inlet\n", language.name, n)
		}
		fmt.Fprintf(os.Stderr, "interop: %s: %d reports in %.0f s\n", language, len(more), time.Since(start).Seconds())
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

// report runs the program of a folder, which finds the service by env. It returns no
// reports where that is skipped.
func report(ctx context.Context, l language, env []string) ([]matrix.Report, error) {
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
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
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
