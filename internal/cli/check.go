package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/baseline"
	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
)

const (
	documented = "documented"
	observed   = "observed"
)

// checkOptions are the flags and arguments of runhooks check.
type checkOptions struct {
	paths         []string
	input         string
	against       string
	failOn        string
	strict        bool
	format        string
	color         string
	verbose       bool
	quiet         bool
	baseline      string
	writeBaseline string
	watch         bool
	jobs          int
	maxBytes      byteSize
}

func newCheck(s streams) *cobra.Command {
	o := &checkOptions{maxBytes: intake.DefaultMaxBytes}
	cmd := &cobra.Command{
		Use:   "check [flags] PATH…",
		Short: "Judge payloads by the contract",
		Long: `Check judges payloads by the contract, and says what is wrong with them,
where, and what to do about it.

PATH is a file, a directory (read recursively), a glob (** for any depth), or
- for standard input. Files are JSON (one payload), NDJSON (.ndjson, .jsonl:
one payload a line) or HAR (the bodies of its POST requests); each may be
compressed, as .gz or .zst. If a file's name doesn't tell its form, its content
does, or --input.

The verdict on a payload is one of three:

  conforms   it is as the contract is documented
  deviates   it breaks the documented contract in a way that real servers are
             known to: a sender must not send it, a receiver must survive it
  invalid    it breaks the contract in another way

A payload passes if it conforms or, with --against observed, deviates.

--write-baseline lists the findings of today in FILE, and --baseline sets them
aside from then on, so that a check fails for new ones only. Nothing but a
baseline is replaced, and only when all was checked.

Exit codes: 0 every payload passes; 1 at least one does not; 2 the command
line is wrong, an input can't be read (the others are checked all the same), or
Ctrl-C came before all was checked and nothing failed by then.`,
		Example: `  runhooks check payload.json
  runhooks check --against observed recordings/
  curl -s localhost:9000/last | runhooks check -
  runhooks check --format sarif events.ndjson.gz > findings.sarif
  runhooks check --write-baseline known.json payloads/   # once, to start with
  runhooks check --baseline known.json payloads/         # from then on, in CI`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			if err := o.validate(); err != nil {
				return err
			}
			if o.watch {
				return o.keepChecking(cmd.Context(), s)
			}
			return o.checkOnce(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	choiceVar(cmd, &o.against, "against", "what a payload passes by: the documented contract, or what real servers are observed to send (documented or observed)", documented, observed)
	flags.BoolVar(&o.strict, "strict", false, "report members that the contract doesn't name as errors")
	choiceVar(cmd, &o.failOn, "fail-on", "least severity that fails a payload: error or warning", string(conformance.SeverityError), string(conformance.SeverityWarning))
	choiceVar(cmd, &o.input, "input", "form of the input: auto, json, ndjson or har",
		string(intake.Auto), string(intake.JSON), string(intake.NDJSON), string(intake.HAR))
	var formats []string
	for _, f := range report.Formats() {
		formats = append(formats, string(f))
	}
	choiceVar(cmd, &o.format, "format", "form of the output: "+strings.Join(formats, ", "), formats...)
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "also list each payload that conforms")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "list only the payloads that don't pass")
	flags.StringVar(&o.baseline, "baseline", "", "set aside the findings that `FILE` lists, so that only new ones fail")
	flags.StringVar(&o.writeBaseline, "write-baseline", "", "write the findings to `FILE`, for --baseline; it replaces a baseline, and no other file")
	flags.BoolVar(&o.watch, "watch", false, "check again whenever an input changes")
	flags.IntVarP(&o.jobs, "jobs", "j", runtime.GOMAXPROCS(0), "judge `N` payloads at once")
	flags.Var(&o.maxBytes, "max-bytes", "read payloads of at most `SIZE`; a larger one is a finding")
	cmd.MarkFlagsMutuallyExclusive("verbose", "quiet")
	cmd.MarkFlagsMutuallyExclusive("watch", "write-baseline")
	return cmd
}

// validate checks what no single flag can.
func (o *checkOptions) validate() error {
	if len(o.paths) == 0 {
		return errors.New("nothing to check: give files, directories or globs, or - for standard input")
	}
	if o.jobs < 1 {
		return fmt.Errorf("--jobs is %d: it is 1 or more", o.jobs)
	}
	if o.watch {
		for _, path := range o.paths {
			if path == "-" {
				return errors.New("--watch can't watch standard input: give files, directories or globs")
			}
		}
	}
	return nil
}

// checkOnce checks all inputs and reports on them. The error tells the exit
// code.
func (o *checkOptions) checkOnce(ctx context.Context, s streams) error {
	if o.writeBaseline != "" {
		if err := baseline.CheckTarget(o.writeBaseline); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		if slices.Contains(o.paths, "-") && readsFrom(s.in, o.writeBaseline) {
			return &exitError{exitUsage, "--write-baseline is the file that standard input comes from; name another"}
		}
	}
	known := &baseline.File{}
	if o.baseline != "" {
		var err error
		if known, err = baseline.Load(o.baseline); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
	}
	sources, unreachable := intake.Expand(o.paths)
	sources = leaveOut(leaveOut(sources, o.baseline), o.writeBaseline)

	width, tty := terminal(s.out)
	var bar *progress
	if columns, ok := terminal(s.err); ok && !o.watch {
		bar = startProgress(s.err, columns, totalSize(sources))
		if tty {
			s.out = bar.behind(s.out)
		}
	}
	format := report.Format(o.format)
	options := report.Options{
		Color:    colored(o.color, tty),
		Width:    width,
		Verbose:  o.verbose,
		Quiet:    o.quiet,
		Against:  o.against,
		Version:  version(),
		CodeInfo: codeInfo,
	}
	writer, err := report.New(format, s.out, options)
	if err != nil {
		bar.stop()
		return err
	}
	c := &check{options: o, writer: writer, all: options.ListsAll(format), progress: bar, known: known.Matcher()}
	err = c.run(ctx, sources, unreachable, s)
	bar.stop()
	if err != nil {
		return &exitError{exitUsage, fmt.Sprintf("the report can't be written: %v", err)}
	}
	if o.writeBaseline != "" {
		switch { // a baseline of some of the findings would fail the next check
		case c.summary.Interrupted:
			return &exitError{exitUsage, "interrupted, so no baseline was written"}
		case c.summary.Unreadable > 0:
			return &exitError{exitUsage, "not all inputs could be read, so no baseline was written"}
		case c.summary.Payloads == 0:
			return &exitError{exitUsage, "nothing was checked, so no baseline was written: the inputs hold no payloads"}
		}
		if err := c.found.Save(o.writeBaseline); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		if info, err := os.Stat(o.writeBaseline); err == nil && info.Mode().IsRegular() {
			fmt.Fprintf(s.err, "runhooks: the findings are in %s; check with --baseline %[1]s from now on\n", redact.Text(o.writeBaseline))
		}
		c.summary.Failed = 0 // from now on they are known
	}
	switch {
	case c.summary.Unreadable > 0:
		return &exitError{code: exitUsage}
	case c.summary.Failed > 0:
		return &exitError{code: exitFail}
	case c.summary.Interrupted:
		return &exitError{code: exitUsage}
	case c.summary.Payloads == 0:
		return &exitError{exitUsage, "nothing was checked: the inputs hold no payloads"}
	}
	return nil
}

// leaveOut returns sources without the file called name, which often stands beside
// the payloads: a baseline is none of them.
func leaveOut(sources []intake.Source, name string) []intake.Source {
	file, err := os.Stat(name)
	if err != nil {
		return sources
	}
	return slices.DeleteFunc(sources, func(source intake.Source) bool {
		info, err := os.Stat(source.Path)
		return err == nil && os.SameFile(info, file)
	})
}

// readsFrom tells whether in reads the regular file called name.
func readsFrom(in io.Reader, name string) bool {
	reader, ok := in.(*os.File)
	if !ok {
		return false
	}
	from, err := reader.Stat()
	if err != nil || !from.Mode().IsRegular() {
		return false
	}
	file, err := os.Stat(name)
	return err == nil && os.SameFile(from, file)
}

// keepChecking checks, and checks again whenever an input has changed, until
// ctx ends. Its outcome is that of the last check.
func (o *checkOptions) keepChecking(ctx context.Context, s streams) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		before := o.snapshot()
		outcome := o.checkOnce(ctx, s)
		var exit *exitError
		if errors.As(outcome, &exit) && exit.text != "" {
			fmt.Fprintf(s.err, "runhooks: %s\n", redact.Text(exit.text))
			exit.text = ""
		}
		fmt.Fprintln(s.err, "watching for changes; Ctrl-C ends")
		for changed := false; !changed; {
			select {
			case <-ctx.Done():
				return outcome
			case <-ticker.C:
				changed = !sameInputs(before, o.snapshot())
			}
		}
	}
}

// A check is one run over all inputs.
type check struct {
	options  *checkOptions
	writer   report.Writer
	all      bool // whether the report lists every payload
	progress *progress
	known    *baseline.Matcher
	found    baseline.File
	summary  report.Summary
}

// run checks the sources and completes the report. Its error is one of the
// report; what the check found is in c.summary.
func (c *check) run(ctx context.Context, sources []intake.Source, unreachable []error, s streams) (err error) {
	defer func() {
		if closeErr := c.writer.Close(c.summary); err == nil {
			err = closeErr
		}
	}()
	for _, err := range unreachable {
		if err := c.unreadable(err); err != nil {
			return err
		}
	}
	checker := conformance.Checker{Strict: c.options.strict}
	p := &pipeline{
		reader: &intake.Reader{
			Form:     intake.Form(c.options.input),
			MaxBytes: int64(c.options.maxBytes),
			Stdin:    s.in,
			Progress: c.progress.read,
		},
		check: func(payload *intake.Payload) conformance.Report {
			if payload.TooLarge {
				return conformance.TooLarge(payload.Size, int64(c.options.maxBytes))
			}
			return checker.Check(payload.Data)
		},
		all:  c.all,
		jobs: c.options.jobs,
	}
	if err := p.run(ctx, sources, c.take); err != nil {
		return err
	}
	c.summary.Interrupted = ctx.Err() != nil
	if c.summary.Interrupted {
		return nil // what wasn't checked isn't stale
	}
	for _, entry := range c.known.Stale() {
		c.summary.Stale = append(c.summary.Stale, report.StaleEntry(entry))
	}
	return nil
}

// take enters one outcome into the summary and the report.
func (c *check) take(o outcome) error {
	if o.batch == nil {
		if o.err != nil {
			return cmp.Or(c.unreadable(o.err), c.writer.Flush())
		}
		c.known.Done(o.source.Name)
		return c.writer.Flush()
	}
	c.progress.checked(len(o.batch.Payloads))
	c.summary.Payloads += o.plain
	c.summary.Conforms += o.plain
	for _, j := range o.judged {
		if err := c.enter(o.batch, j); err != nil {
			return err
		}
	}
	return c.writer.Flush()
}

// enter enters one payload into the summary and the report.
func (c *check) enter(batch *intake.Batch, j judged) error {
	if c.options.writeBaseline != "" {
		c.found.Add(batch.Source, j.report.Findings)
	}
	left, known := c.known.Filter(batch.Source, j.report.Findings)
	j.report.Findings = left
	p := report.Payload{
		Source: batch.Source,
		Index:  j.payload.Index,
		Line:   j.payload.Line,
		At:     j.payload.At,
		Single: batch.Form == intake.JSON,
		Data:   j.payload.Data,
		Report: j.report,
		Known:  known,
		Passed: c.options.passes(left),
	}
	c.summary.Payloads++
	switch p.Verdict {
	case conformance.Conforms:
		c.summary.Conforms++
	case conformance.Deviates:
		c.summary.Deviates++
	case conformance.Invalid:
		c.summary.Invalid++
	}
	for _, f := range left {
		switch f.Severity {
		case conformance.SeverityError:
			c.summary.Errors++
		case conformance.SeverityWarning:
			c.summary.Warnings++
		case conformance.SeverityInfo:
			c.summary.Infos++
		}
	}
	c.summary.Known += known
	if !p.Passed {
		c.summary.Failed++
	}
	return c.writer.Payload(p)
}

func (c *check) unreadable(err error) error {
	c.summary.Unreadable++
	source := ""
	if inputErr, ok := errors.AsType[*intake.Error](err); ok {
		// The report names the source itself.
		source, err = inputErr.Source, inputErr.Err
		if inputErr.Hint != "" {
			err = fmt.Errorf("%w; %s", err, inputErr.Hint)
		}
	}
	// What was meant for a flag is taken for a path.
	return c.writer.Unreadable(redact.Text(source), errors.New(redact.Text(err.Error())))
}

// passes tells whether a payload with these findings passes. The observed layer
// accepts dialects, so against it they don't count.
func (o *checkOptions) passes(findings []conformance.Finding) bool {
	for _, f := range findings {
		if o.against == observed && f.Code.Family() == "dialect" {
			continue
		}
		if f.Severity == conformance.SeverityError ||
			f.Severity == conformance.SeverityWarning && o.failOn == string(conformance.SeverityWarning) {
			return false
		}
	}
	return true
}

func totalSize(sources []intake.Source) int64 {
	var total int64
	for _, source := range sources {
		if source.Size < 0 {
			return 0
		}
		total += source.Size
	}
	return total
}

// codeInfo tells a report what a code means, and where that is documented.
func codeInfo(code conformance.Code) (summary, helpURI string) {
	rule, ok := code.Rule()
	if !ok {
		return "", ""
	}
	return rule.Summary, "https://github.com/runhooks/runhooks/blob/main/docs/findings.md#" + anchor(string(code))
}

// anchor is the fragment by which a heading is reached on the page of codes.
func anchor(id string) string {
	return strings.ReplaceAll(strings.ToLower(id), ".", "")
}
