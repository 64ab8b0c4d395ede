package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
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
	generated  = "generated"
)

// checkOptions are the flags and arguments of runhooks check.
type checkOptions struct {
	intakeOptions
	as            string
	against       string
	failOn        string
	strict        bool
	format        string
	color         string
	verbose       bool
	quiet         bool
	each          bool
	baseline      string
	writeBaseline string
	baselineBy    string
	watch         bool
	engine        string
	schemas       []string // of --schema
}

func newCheck(s streams) *cobra.Command {
	o := &checkOptions{}
	cmd := &cobra.Command{
		Use:   "check [flags] PATH…",
		Short: "Judge payloads by the contract",
		Long: `Check judges payloads by the contract, and says what is wrong with them,
where, and what to do about it.

PATH is a file, a directory (read recursively), a glob (** for any depth), or
- for standard input. Files are JSON (one payload), NDJSON (.ndjson, .jsonl:
one payload a line) or HAR (the bodies of its POST requests, of those to
--har-url if it is given); each may be compressed, as .gz or .zst. If a file's
name doesn't tell its form, its content does, or --input. NDJSON and HAR are
also read as UTF-16, which is said once; a JSON file is judged byte for byte. A
HAR that lacks the body of a request can't be read, nor can NDJSON that is
pretty-printed. docs/inputs.md says more.

In directories and globs, links that lead out of them are left out, and so is what
is not a regular file, such as a pipe; name those to have them checked. The file
that the report goes to is never checked.

The verdict on a payload is one of three:

  conforms   it keeps the documented contract
  deviates   it breaks the documented contract, but only in ways that real
             servers do: a sender must not send it, a receiver must survive it
  invalid    it breaks the contract in another way

A payload passes if it conforms. With --against observed, it also passes if it
deviates.

--as receiver is for those who get payloads and can't change what is sent. Hints
then say where the data is, and payloads that deviate pass, unless --against says
otherwise. The report starts with what was found, by code, and a finding that
fails no payload is a notice. --verbose or --each lists payloads that pass.

If one rule is broken many times in one column of a list, that is one finding: its
first place, how many more there are, and the pattern of their pointers. --each
lists each of them. A check of many payloads ends with a table of what was found,
by code and member, and in how many payloads; --format summary shows that alone.
With --quiet, only payloads that don't pass are looked into, which is faster.

Workflow tools, queues and recorders put an event inside something else. A hint
then says where the event is. --unwrap judges the events inside: in arrays and
objects, and in text that holds JSON, also in base64. A finding still has its line
and column in the file.

--schema also holds payloads to a JSON Schema of your own. A payload that breaks it
is invalid. Its findings name the schema: docs/schemas.md has an example.

--write-baseline lists the findings of today in FILE, and --baseline sets them
aside from then on, so that a check fails for new ones only. By place (the
default), a finding is recognised by its file, code and pointer, and each is
listed by itself. --baseline-by code goes by codes and members instead, whatever
file they are in: what is left is what a server has not sent before. With
--strict, a new member also fails. Paths in FILE are relative to it. FILE is
replaced only if it is a baseline, and only once everything was checked.

Exit codes: 0 every payload passes; 1 at least one does not; 2 the command
line is wrong, an input can't be read (the others are still checked), the report
can't be written, or Ctrl-C came before everything was checked and nothing had
failed by then.`,
		Example: `  runhooks check payload.json
  runhooks check --as receiver recordings/
  curl -s localhost:9000/last | runhooks check -
  runhooks check --format summary events.ndjson
  runhooks check --schema prices.json events.ndjson
  runhooks check --format sarif events.ndjson.gz > findings.sarif
  runhooks check --write-baseline known.json payloads/   # once, to start with
  runhooks check --baseline known.json payloads/         # from then on, in CI
  runhooks check --strict --write-baseline server.json --baseline-by code captures/
  runhooks check --strict --baseline server.json new.ndjson   # does it send something new?`,
		RunE: func(cmd *cobra.Command, args []string) error {
			collectLess()
			o.paths = args
			if o.receives() && !cmd.Flags().Changed("against") {
				o.against = observed
			}
			if cmd.Flags().Changed("baseline-by") && o.baseline == "" && o.writeBaseline == "" {
				return errors.New("--baseline-by needs a baseline: give --baseline or --write-baseline as well")
			}
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
	choiceVar(cmd, &o.as, "as", "who the report is for: the sender of the payloads, who can change them, or their receiver (sender or receiver)",
		string(conformance.Sender), string(conformance.Receiver))
	choiceVar(cmd, &o.against, "against", "what a payload is held to: the documented contract, or also what real servers are observed to send (documented or observed)", documented, observed)
	flags.BoolVar(&o.strict, "strict", false, "report members that the contract doesn't name as errors")
	choiceVar(cmd, &o.failOn, "fail-on", "least severity that fails a payload: error or warning", string(conformance.SeverityError), string(conformance.SeverityWarning))
	o.formFlags(cmd, "judge")
	var formats []string
	for _, f := range report.Formats() {
		formats = append(formats, string(f))
	}
	choiceVar(cmd, &o.format, "format", "form of the output: "+strings.Join(formats, ", "), formats...)
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "also list each payload that conforms")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "list, and look into, only the payloads that don't pass")
	flags.BoolVar(&o.each, "each", false, "list each finding by itself, rather than those of one rule in one column as one")
	flags.StringVar(&o.baseline, "baseline", "", "set aside the findings that `FILE` lists, so that only new ones fail")
	flags.StringVar(&o.writeBaseline, "write-baseline", "", "write the findings to `FILE`, for --baseline; it replaces a baseline, and no other file")
	choiceVar(cmd, &o.baselineBy, "baseline-by", "how a finding of a baseline is recognised: by its place, or by its code and member (place or code)", string(baseline.Place), string(baseline.Code))
	flags.BoolVar(&o.watch, "watch", false, "check again whenever an input changes")
	o.limitFlags(cmd, "judge", "a larger one is a finding")
	schemaVar(cmd, &o.schemas)
	choiceVar(cmd, &o.engine, "engine", "what judges: generated, or jsonschema, the slow reference that generated is held to (generated or jsonschema)", generated, string(conformance.JSONSchema))
	cmd.MarkFlagsMutuallyExclusive("verbose", "quiet")
	cmd.MarkFlagsMutuallyExclusive("watch", "write-baseline")
	return cmd
}

// collectLess lets garbage grow to twice what is alive, unless GOGC says otherwise.
// Most checks end before that, and are spared of collecting what the start left.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// validate checks what no single flag can.
func (o *checkOptions) validate() error {
	if err := o.intakeOptions.validate("check"); err != nil {
		return err
	}
	if o.strict && o.engine != generated {
		return fmt.Errorf("--engine %s can't be strict: it doesn't look at members that the contract doesn't name", o.engine)
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
		if target, err := os.Stat(o.writeBaseline); err == nil && slices.Contains(o.paths, "-") && isFile(s.in, target) {
			return &exitError{exitUsage, "--write-baseline is the file that standard input comes from; name another"}
		}
	}
	known := &baseline.File{}
	if o.baseline != "" {
		var err error
		if known, err = baseline.Load(o.baseline); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		if o.baselineBy == string(baseline.Code) {
			known = known.ByCode()
		}
	}
	// By place a baseline has findings singly: of those in a group, another may come first.
	singly := o.baseline != "" && known.By != baseline.Code || o.writeBaseline != "" && o.baselineBy == string(baseline.Place)
	schemas, err := loadSchemas(o.schemas)
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	in := o.inputs(ctx, s, o.beside()...)
	if out, ok := regularFile(s.out); ok && slices.Contains(o.paths, "-") && isFile(s.in, out) {
		return &exitError{exitUsage, "standard output goes to the file that standard input comes from; send it to another"}
	}
	o.note(s.err, in.skipped, o.verbose)
	sources, unreachable := in.sources, in.errs

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
		Verbose:  o.verbose || o.receives() && o.each,
		As:       conformance.Role(o.as),
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
	c := &check{
		options: o, writer: writer, progress: bar, known: known.Matcher(), found: baseline.File{By: baseline.By(o.baselineBy)},
		all: options.ListsAll(format), failing: options.ListsFailing(format),
		// Strict or with warnings, the verdict doesn't tell whether a payload passes, and a
		// baseline is about findings.
		brief: options.ListsFailing(format) && !o.strict && o.failOn == string(conformance.SeverityError) &&
			o.baseline == "" && o.writeBaseline == "",
		checker: conformance.Checker{As: conformance.Role(o.as), Strict: o.strict, Each: o.each || singly, Schemas: schemas},
	}
	if o.engine != generated {
		c.checker.Engine = conformance.Engine(o.engine)
	}
	err = c.run(ctx, sources, unreachable, s)
	bar.stop()
	c.notes.write(s.err)
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

// schemaFiles are the files of --schema.
func (o *checkOptions) schemaFiles() (files []string) {
	for _, flag := range o.schemas {
		_, file := splitSchema(flag)
		files = append(files, file)
	}
	return files
}

// beside are files that often stand beside payloads and are none.
func (o *checkOptions) beside() []string {
	return append(o.schemaFiles(), o.baseline, o.writeBaseline)
}

// keepChecking checks, and checks again whenever an input has changed, until
// ctx ends. Its outcome is that of the last check.
func (o *checkOptions) keepChecking(ctx context.Context, s streams) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		before := o.snapshot(ctx, s)
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
				changed = !sameInputs(before, o.snapshot(ctx, s))
			}
		}
	}
}

// A check is one run over all inputs.
type check struct {
	options  *checkOptions
	writer   report.Writer
	all      bool // whether the report lists every payload
	failing  bool // whether it lists those only that don't pass
	brief    bool // whether of one that passes there is nothing to say, not even the verdict
	checker  conformance.Checker
	progress *progress
	known    *baseline.Matcher
	found    baseline.File
	tally    report.Tally
	notes    notes
	summary  report.Summary
}

// run checks the sources and completes the report. Its error is one of the
// report; what the check found is in c.summary.
func (c *check) run(ctx context.Context, sources []intake.Source, unreachable []error, s streams) (err error) {
	defer func() {
		c.summary.Found, c.summary.FoundTruncated = c.tally.Found()
		c.summary.Codes = c.tally.Codes()
		if closeErr := c.writer.Close(c.summary); err == nil {
			err = closeErr
		}
	}()
	for _, err := range unreachable {
		if err := c.unreadable(err); err != nil {
			return err
		}
	}
	p := &pipeline[conformance.Report]{
		reader: c.options.reader(s.in, &c.notes, c.progress),
		check:  c.judge,
		size:   reportSize,
		jobs:   c.options.workers(),
	}
	if c.brief {
		worst := worst[c.options.against]
		p.passes = func(payload *intake.Payload) bool {
			return !payload.TooLarge && c.checker.Reaches(inner(payload), worst)
		}
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

// worst are the verdicts that pass, by --against.
var worst = map[string]conformance.Verdict{documented: conformance.Conforms, observed: conformance.Deviates}

// judge judges a payload, and reports whether there is something to say of it.
func (c *check) judge(batch *intake.Batch, payload *intake.Payload) (rep conformance.Report, telling bool) {
	if payload.TooLarge {
		rep = conformance.TooLarge(payload.Size, int64(c.options.maxBytes))
		advise(&rep, batch.Form, payload)
		return rep, true
	}
	rep = c.checker.Check(inner(payload))
	if payload.Wrapped != nil {
		replace(&rep, payload.Data, payload.Wrapped)
	} else {
		advise(&rep, batch.Form, payload)
	}
	all := c.all || batch.Form == intake.JSON // the only payload of its source is worth a line
	return rep, all || rep.Verdict != conformance.Conforms || len(rep.Findings) > 0
}

// reportSize is how many bytes a report takes, more or less.
func reportSize(r *conformance.Report) int64 {
	const finding = 200 // a Finding without its texts, and with a text of the registry
	size := finding * len(r.Findings)
	for i := range r.Findings {
		f := &r.Findings[i]
		size += len(f.Pointer) + len(f.Message) + len(f.Pattern)
	}
	return int64(size)
}

// inner returns what of a payload is judged: what is inside, if it is unwrapped.
func inner(payload *intake.Payload) []byte {
	if payload.Wrapped != nil {
		return payload.Wrapped.Event.Data
	}
	return payload.Data
}

// take enters one outcome into the summary and the report.
func (c *check) take(o outcome[conformance.Report]) error {
	if o.end {
		if o.err != nil {
			return cmp.Or(c.unreadable(o.err), c.writer.Flush())
		}
		c.known.Done(o.source.Name)
		return c.writer.Flush()
	}
	c.progress.checked(o.plain + len(o.judged))
	c.summary.Payloads += o.plain
	c.summary.Conforms += o.plain // if brief, perhaps not, and then the report doesn't tell
	for _, j := range o.judged {
		if err := c.enter(o.batch, j); err != nil {
			return err
		}
	}
	return c.writer.Flush()
}

// enter enters one payload into the summary and the report.
func (c *check) enter(batch *intake.Batch, j judged[conformance.Report]) error {
	if c.options.writeBaseline != "" {
		c.found.Add(batch.Source, j.result.Findings)
	}
	within := ""
	if j.payload.Wrapped != nil {
		within = j.payload.Wrapped.Pointer
	}
	left, known := c.known.Filter(batch.Source, j.result.Findings)
	j.result.Findings = left
	p := report.Payload{
		Source: batch.Source,
		Index:  j.payload.Index,
		Line:   j.payload.Line,
		At:     j.payload.At,
		Within: within,
		Single: batch.Form == intake.JSON,
		Data:   j.payload.Data,
		Report: j.result,
		Known:  known,
		Policy: c.options.policy(),
	}
	p.Passed = p.Policy.Passes(&p.Report)
	c.summary.Add(p)
	if !p.Passed || !c.failing {
		c.tally.Add(p)
	}
	return c.writer.Payload(p)
}

func (c *check) unreadable(err error) error {
	c.summary.Unreadable++
	return c.writer.Unreadable(unreadableInput(err))
}

// unreadableInput returns the source that can't be read, and why with what to do, fit to
// be shown.
func unreadableInput(err error) (string, error) {
	source := ""
	if inputErr, ok := errors.AsType[*intake.Error](err); ok {
		// The report names the source itself.
		source, err = inputErr.Source, inputErr.Err
		if hint := cmp.Or(inputHint(inputErr), inputErr.Hint); hint != "" {
			err = fmt.Errorf("%w; %s", err, hint)
		}
	}
	// What was meant for a flag is taken for a path.
	return redact.Text(source), errors.New(redact.Text(err.Error()))
}

func (o *checkOptions) receives() bool { return o.as == string(conformance.Receiver) }

// policy says which findings fail a payload.
func (o *checkOptions) policy() report.Policy {
	return report.Policy{
		Observed:  o.against == observed,
		Warnings:  o.failOn == string(conformance.SeverityWarning),
		Reference: o.engine != generated,
		As:        conformance.Role(o.as),
	}
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
