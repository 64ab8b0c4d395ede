package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/portability"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
)

// lintOptions are the flags and arguments of runhooks lint.
type lintOptions struct {
	paths  []string
	format string
	failOn string
	ignore []string
	list   bool
}

func newLint(s streams) *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use:   "lint [flags] SPEC…",
		Short: "Find what breaks code generators in an OpenAPI document or JSON Schema",
		Long: `Lint reads OpenAPI 3.0, 3.1 and 3.2 documents and JSON Schemas, in YAML or JSON.
It reports each idiom that is valid, yet known to break a code generator or a
validator: which one, in which version, and what to write instead. It also
reports what YAML parsers read in different ways.

SPEC is a file, a glob (** for any depth), or - for standard input. Only these
are read: a $ref to another file is not followed. Aliases and merge keys of YAML
are followed; a finding has the line of its text, and a pointer to where the text
is used. Each file has one document. A file whose name ends in .json has to be JSON.
Other documents, such as Swagger 2.0, AsyncAPI or an event payload, are refused
by name.

An idiom is an error if there is another way to write the same that every tool
accepts. It is a warning if there is none, or if it is a matter of taste.

Exit codes: 0 every document passes; 1 at least one does not; 2 the command
line is wrong, or a file can't be read or is neither OpenAPI nor JSON Schema
(the others are still linted).`,
		Example: `  runhooks lint openapi.yaml
  runhooks lint --fail-on warning 'schemas/**/*.json'
  runhooks lint --ignore condition,webhooks-only openapi.yaml
  runhooks lint --list`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.paths = args
			if err := o.validate(); err != nil {
				return err
			}
			if o.list {
				return o.writeRules(s)
			}
			return o.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	choiceVar(cmd, &o.failOn, "fail-on", "least severity that fails a document: error or warning",
		string(portability.Error), string(portability.Warning))
	flags.StringSliceVar(&o.ignore, "ignore", nil, "leave out `RULES`, ids of --list with commas between them")
	choiceVar(cmd, &o.format, "format", "form of the output: text or json", "text", "json")
	flags.BoolVarP(&o.list, "list", "l", false, "list the rules, and the tools that break on each")
	// The error is that there is no such flag.
	_ = cmd.RegisterFlagCompletionFunc("ignore", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		for _, r := range portability.Rules() {
			ids = append(ids, r.ID+"\t"+r.Summary)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (o *lintOptions) validate() error {
	for _, id := range o.ignore {
		if _, ok := portability.Lookup(id); !ok {
			return fmt.Errorf("--ignore %s: there is no such rule; --list lists them", id)
		}
	}
	switch {
	case o.list && len(o.paths) > 0:
		return errors.New("--list takes no documents")
	case !o.list && len(o.paths) == 0:
		return errors.New("nothing to lint: give files or globs, or - for standard input")
	}
	return nil
}

// A lintReport is the outcome, in the shape of --format json.
type lintReport struct {
	Version   int            `json:"version"`
	Summary   lintSummary    `json:"summary"`
	Documents []lintDocument `json:"documents"`
	Rules     []lintRule     `json:"rules"` // those that are broken
}

type lintSummary struct {
	Documents  int `json:"documents"`
	Passed     int `json:"passed"`
	Errors     int `json:"errors"`
	Warnings   int `json:"warnings"`
	Unreadable int `json:"unreadable"`
}

type lintDocument struct {
	Source   string        `json:"source"`
	Kind     string        `json:"kind,omitempty"`
	Error    string        `json:"error,omitempty"` // why it can't be read
	Findings []lintFinding `json:"findings"`
	// Truncated: there are more than can be listed.
	Truncated bool `json:"truncated,omitempty"`
}

type lintFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Pointer  string `json:"pointer"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

type lintRule struct {
	ID       string      `json:"id"`
	Severity string      `json:"severity"`
	Summary  string      `json:"summary"`
	Instead  string      `json:"instead"`
	Breaks   []lintBreak `json:"breaks"`
}

type lintBreak struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	How     string `json:"how"`
}

// run lints all documents and reports on them. The error tells the exit code.
func (o *lintOptions) run(ctx context.Context, s streams) error {
	report := lintReport{Version: 1, Documents: []lintDocument{}, Rules: []lintRule{}}
	unreadable := func(source string, err error) {
		report.Summary.Unreadable++
		reason := strings.TrimPrefix(err.Error(), source+": ")
		// What was meant for a flag is taken for a path.
		report.Documents = append(report.Documents, lintDocument{Source: redact.Text(source), Error: redact.Text(reason), Findings: []lintFinding{}})
	}
	var sources []intake.Source
	for _, path := range o.paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			unreadable(path, errors.New("is a directory; give a glob, such as "+strings.TrimSuffix(path, "/")+"/**/*.yaml"))
			continue
		}
		found, _, errs := intake.Expand(ctx, []string{path})
		sources = append(sources, found...)
		for _, err := range errs {
			unreadable(path, err)
		}
	}
	broken := map[string]bool{}
	for _, source := range sources {
		found, err := lintSource(source, s.in)
		if err != nil {
			unreadable(source.Name, err)
			continue
		}
		report.Documents = append(report.Documents, o.document(source.Name, found, broken, &report.Summary))
	}
	for _, r := range portability.Rules() {
		if broken[r.ID] {
			report.Rules = append(report.Rules, ruleOf(r))
		}
	}

	write := report.writeText
	if o.format == "json" {
		write = report.writeJSON
	}
	if err := write(s.out); err != nil {
		return &exitError{exitUsage, fmt.Sprintf("the report can't be written: %v", err)}
	}
	switch {
	case report.Summary.Unreadable > 0:
		return &exitError{code: exitUsage}
	case report.Summary.Passed < report.Summary.Documents:
		return &exitError{code: exitFail}
	}
	return nil
}

// document counts what is found in a document, but for what is ignored.
func (o *lintOptions) document(name string, found portability.Report, broken map[string]bool, sum *lintSummary) lintDocument {
	d := lintDocument{Source: name, Kind: string(found.Kind), Findings: []lintFinding{}, Truncated: found.Truncated}
	passed := true
	for _, f := range found.Findings {
		if slices.Contains(o.ignore, f.Rule) {
			continue
		}
		broken[f.Rule] = true
		rule, _ := portability.Lookup(f.Rule)
		d.Findings = append(d.Findings, lintFinding{
			f.Rule, string(f.Severity), f.Pointer, f.Line, f.Column, f.Message, rule.Instead,
		})
		if f.Severity == portability.Error {
			sum.Errors++
		} else {
			sum.Warnings++
		}
		if f.Severity == portability.Error || o.failOn == string(portability.Warning) {
			passed = false
		}
	}
	sum.Documents++
	if passed {
		sum.Passed++
	}
	return d
}

// lintSource reads a document and lints it.
func lintSource(source intake.Source, stdin io.Reader) (portability.Report, error) {
	in := stdin
	if source.Path != "-" {
		file, err := os.Open(source.Path)
		if err != nil {
			return portability.Report{}, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, portability.MaxBytes+1))
	if err != nil {
		return portability.Report{}, err
	}
	return portability.Lint(source.Path, data)
}

func ruleOf(r portability.Rule) lintRule {
	rule := lintRule{r.ID, string(r.Severity), r.Summary, r.Instead, nil}
	for _, b := range r.Breaks {
		rule.Breaks = append(rule.Breaks, lintBreak(b))
	}
	return rule
}

// writeRules lists all rules.
func (o *lintOptions) writeRules(s streams) error {
	var rules []lintRule
	for _, r := range portability.Rules() {
		rules = append(rules, ruleOf(r))
	}
	if o.format == "json" {
		return writeJSON(s.out, map[string]any{"version": 1, "rules": rules})
	}
	var text bytes.Buffer
	for i, r := range rules {
		if i > 0 {
			text.WriteByte('\n')
		}
		r.write(&text)
	}
	_, err := s.out.Write(text.Bytes())
	return err
}

// write explains a rule to people.
func (r lintRule) write(out *bytes.Buffer) {
	fmt.Fprintf(out, "%s (%s): %s\n", r.ID, r.Severity, r.Summary)
	for _, b := range r.Breaks {
		fmt.Fprintf(out, "  %s %s %s\n", b.Tool, b.Version, b.How)
	}
	fmt.Fprintf(out, "  instead: %s\n", r.Instead)
}

// writeText writes for people: each finding on a line of its own, in the form
// that editors know, and then what there is to say about the rules.
func (r *lintReport) writeText(out io.Writer) error {
	var text bytes.Buffer
	for _, d := range r.Documents {
		if d.Error != "" {
			fmt.Fprintf(&text, "%s: not linted: %s\n", harmless(d.Source), harmless(d.Error))
		}
		for _, f := range d.Findings {
			fmt.Fprintf(&text, "%s:%d:%d: %s %s: %s", harmless(d.Source), f.Line, f.Column, f.Severity, f.Code, harmless(f.Message))
			if f.Pointer != "" {
				fmt.Fprintf(&text, " (%s)", harmless(f.Pointer))
			}
			text.WriteByte('\n')
		}
		if d.Truncated {
			fmt.Fprintf(&text, "%s: … and there are more\n", harmless(d.Source))
		}
	}
	for _, rule := range r.Rules {
		text.WriteByte('\n')
		rule.write(&text)
	}
	if text.Len() > 0 {
		text.WriteByte('\n')
	}
	s := r.Summary
	fmt.Fprintf(&text, "%s: %d passed, %d failed · %s, %s\n", counted(s.Documents, "document"),
		s.Passed, s.Documents-s.Passed, counted(s.Errors, "error"), counted(s.Warnings, "warning"))
	if s.Unreadable > 0 {
		fmt.Fprintf(&text, "%s not linted\n", counted(s.Unreadable, "file"))
	}
	_, err := out.Write(text.Bytes())
	return err
}

func (r *lintReport) writeJSON(out io.Writer) error { return writeJSON(out, r) }

func writeJSON(out io.Writer, value any) error {
	line, err := report.Marshal(value)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, append(line, '\n'), "", "  "); err != nil {
		return err
	}
	_, err = out.Write(text.Bytes())
	return err
}

// counted gives "1 error" or "2 errors".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// harmless makes what strangers wrote harmless to a terminal.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
