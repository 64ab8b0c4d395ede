// Command interop runs the programs of the languages here, with a delivery service
// for their clients, sends events to their receivers, and makes one page of what is
// seen. "make interop" runs it.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/interop/exchange"
	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/interop/serve"
)

// A language is a folder, and what the page calls it.
type language struct{ folder, name string }

// languages are all, in the order of the page.
var languages = []language{
	{"golang", "Go"},
	{"typescript", "TypeScript"},
	{"python", "Python"},
	{"java", "Java"},
	{"kotlin", "Kotlin"},
	{"rust", "Rust"},
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
		fmt.Fprintf(os.Stderr, "interop: %s …\n", language.name)
		more, err := report(ctx, language.folder, language.name, service.Env())
		switch {
		case err != nil:
			failures = append(failures, fmt.Sprintf("%s: %v", language.folder, err))
		case len(more) == 0:
			skipped = append(skipped, language.name)
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
		fmt.Fprintf(os.Stderr, "interop: %s: %d reports in %.0f s\n", language.name, len(more), time.Since(start).Seconds())
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

// choose gives the languages of which only has the folders, separated by commas;
// of "", all.
func choose(only string) (chosen []language, err error) {
	if only == "" {
		return languages, nil
	}
	for folder := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(languages, func(l language) bool { return l.folder == folder })
		if i < 0 {
			return nil, fmt.Errorf("-only %s: there is no such folder; there are %v", folder, languages)
		}
		chosen = append(chosen, languages[i])
	}
	return chosen, nil
}

func (l language) String() string { return l.folder }

// patience is how long a program may take, with all that it installs.
const patience = 15 * time.Minute

// report runs the program of a folder, which finds the service by env. It returns no
// reports where that is skipped.
func report(ctx context.Context, folder, language string, env []string) ([]matrix.Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it takes more than %v", patience))
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(folder, "run.sh"))
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
	reports, err := matrix.Read(&out, language)
	return reports, errors.Join(runErr, err)
}
