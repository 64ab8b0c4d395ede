package cli

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/portability"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/internal/wholefile"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// explainOptions are the flags and argument of runhooks explain.
type explainOptions struct {
	code     string
	sample   string
	markdown bool
	out      string
}

func newExplain(s streams) *cobra.Command {
	o := &explainOptions{}
	cmd := &cobra.Command{
		Use:   "explain [flags] [CODE]",
		Short: "Say what the code of a finding means",
		Long: `Explain says what the code of a finding means, why the rule is there and what
to do about it. It shows a payload that breaks the rule, and how to fix it.

CODE may be a family of codes, such as dialect, which is explained with a line
for each of its codes; or a rule of runhooks lint. Without it all codes are
listed, by family.`,
		Example: `  runhooks explain dialect.local-time
  runhooks explain dialect
  runhooks explain schema.required --sample failing | runhooks check -`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, family := range conformance.Families() {
				ids = append(ids, family.ID+"\t"+family.Summary)
			}
			for _, rule := range conformance.Rules() {
				ids = append(ids, string(rule.Code)+"\t"+rule.Summary)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.code = args[0]
			}
			if o.sample != "none" && o.code == "" {
				return fmt.Errorf("--sample %s needs the code that it is a sample of", o.sample)
			}
			var text bytes.Buffer
			if err := o.explain(&text, s); err != nil {
				return err
			}
			if o.out != "" {
				if err := wholefile.Write(o.out, text.Bytes(), 0o644); err != nil {
					return &exitError{exitUsage, fmt.Sprintf("%s can't be written: %v", o.out, err)}
				}
				return nil
			}
			_, err := s.out.Write(text.Bytes())
			return err
		},
	}
	choiceVar(cmd, &o.sample, "sample", "print only a sample payload: failing or passing", "none", "failing", "passing")
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "write to `FILE` instead of standard output; it is overwritten")
	cmd.Flags().BoolVar(&o.markdown, "markdown", false, "write Markdown, as in docs/findings.md")
	return cmd
}

func (o *explainOptions) explain(out *bytes.Buffer, s streams) error {
	if o.code == "" {
		if o.markdown {
			writeFindingsPage(out)
		} else {
			listCodes(out)
		}
		return nil
	}
	rule, ok := conformance.Code(o.code).Rule()
	if !ok {
		return o.other(out)
	}
	failing, passing, hasSamples := vectors.Sample(o.code)
	if o.sample != "none" {
		if !hasSamples {
			return &exitError{exitUsage, o.code + " has no sample: it does not depend on the payload alone"}
		}
		sample := failing
		if o.sample == "passing" {
			sample = passing
		}
		out.Write(sample.Payload)
		return nil
	}
	if o.markdown {
		writeRule(out, rule)
		return nil
	}
	fmt.Fprintf(out, "%s (%s)\n\n%s\n\n%s\n\n%s\n%s\n", rule.Code, rule.Severity, rule.Summary, wrap(rule.Detail),
		wrap("What a sender does: "+rule.Hint+"."), wrap("What a receiver does: "+rule.ReceiverHint+"."))
	if !hasSamples {
		return nil
	}
	width, tty := terminal(s.out)
	color := colored("auto", tty)
	fmt.Fprintf(out, "\nA payload that breaks it:\n\n")
	if err := showSample(out, failing, width, color); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe same, fixed:\n\n%s", indent(difference(passing.Payload, failing.Payload)))
	fmt.Fprintf(out, "\nThe whole payloads: runhooks explain %s --sample failing (or passing)\n", o.code)
	return nil
}

// other explains a family, or a rule of runhooks lint.
func (o *explainOptions) other(out *bytes.Buffer) error {
	name := strings.TrimSuffix(strings.TrimSuffix(o.code, "*"), ".")
	i := slices.IndexFunc(conformance.Families(), func(f conformance.Family) bool { return f.ID == name })
	rule, isLint := portability.Lookup(o.code)
	switch {
	case i < 0 && !isLint:
		return unknownCode(o.code)
	case o.sample != "none":
		return &exitError{exitUsage, o.code + " is not a code of a finding, so it has no sample"}
	case isLint && o.markdown:
		return &exitError{exitUsage, o.code + " is a rule of runhooks lint; docs/interop.md lists these"}
	case isLint:
		ruleOf(rule).write(out)
	case o.markdown:
		writeFamily(out, conformance.Families()[i])
	default:
		listFamily(out, conformance.Families()[i])
		fmt.Fprintf(out, "\nrunhooks explain CODE says more about a code\n")
	}
	return nil
}

func unknownCode(id string) error {
	var ids, names []string
	for _, rule := range conformance.Rules() {
		code := string(rule.Code)
		if strings.Contains(code, strings.ToLower(id)) {
			ids = append(ids, code)
		}
		names = append(names, code)
	}
	for _, family := range conformance.Families() {
		names = append(names, family.ID)
	}
	for _, rule := range portability.Rules() {
		names = append(names, rule.ID)
	}
	// Few codes are meant by a text that many contain.
	if len(ids) == 0 || len(ids) > 3 {
		ids = nil
		if near, _ := sample.Nearest(id, names); near != "" {
			ids = []string{near}
		}
	}
	if len(ids) > 0 {
		return fmt.Errorf("there is no code %q: did you mean %s?", id, strings.Join(ids, " or "))
	}
	return fmt.Errorf("there is no code %q: runhooks explain lists them all", id)
}

// listCodes lists the registry by family.
func listCodes(out io.Writer) {
	for i, family := range conformance.Families() {
		if i > 0 {
			fmt.Fprintln(out)
		}
		listFamily(out, family)
	}
}

func listFamily(out io.Writer, family conformance.Family) {
	fmt.Fprintf(out, "%s\n", wrap(family.ID+".*: "+family.Summary))
	for _, rule := range conformance.Rules() {
		if rule.Code.Family() == family.ID {
			fmt.Fprintf(out, "  %-26s %s\n", rule.Code, rule.Summary)
		}
	}
}

// showSample writes what runhooks check says of a sample, without its summary.
func showSample(out io.Writer, sample vectors.Vector, width int, color bool) error {
	var text bytes.Buffer
	w, err := report.New(report.Text, &text, report.Options{Width: width, Color: color})
	if err != nil {
		return err
	}
	err = w.Payload(report.Payload{
		Source: "failing.json",
		Single: true,
		Line:   1,
		Data:   sample.Payload,
		Report: conformance.Check(sample.Payload),
		Passed: true,
	})
	if err != nil {
		return err
	}
	if err := w.Close(report.Summary{}); err != nil {
		return err
	}
	body, _, _ := strings.Cut(text.String(), "\n\n")
	_, err = fmt.Fprintln(out, body)
	return err
}

// What is shown of the difference between two samples: that many lines, each of
// that many characters.
const (
	maxDifference = 8
	maxColumns    = 100
)

// difference gives the lines of a that b doesn't have in their place: what is
// left without the lines with which both begin and end. Where nothing is left,
// lines were only taken out, and those on both sides of the gap are shown.
func difference(a, b []byte) string {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	start := 0
	for start < len(x) && start < len(y) && x[start] == y[start] {
		start++
	}
	end := 0
	for end < len(x)-start && end < len(y)-start && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	lines := x[start : len(x)-end]
	if len(lines) == 0 {
		lines = x[max(start-1, 0):min(start+1, len(x))]
	}
	if len(lines) > maxDifference {
		lines = append(slices.Clone(lines[:maxDifference]), "…")
	}
	for i, line := range lines {
		if r := []rune(line); len(r) > maxColumns {
			lines[i] = string(r[:maxColumns]) + "…"
		}
	}
	return strings.TrimSuffix(strings.Join(lines, "\n"), "\n") // the last line of a file is empty
}

// writeFindingsPage writes docs/findings.md.
func writeFindingsPage(out io.Writer) {
	fmt.Fprint(out, `<!-- Generated by runhooks explain --markdown; do not edit. -->

# Findings

A finding is one problem or remark of a check. Its code names the rule, and the part before
the dot is the code's family. `+"`runhooks explain CODE`"+` shows the same on the command line.
`)
	for _, family := range conformance.Families() {
		fmt.Fprintln(out)
		writeFamily(out, family)
	}
}

// writeFamily writes one family's part of docs/findings.md.
func writeFamily(out io.Writer, family conformance.Family) {
	fmt.Fprintf(out, "## %s\n\n%s\n", family.ID, family.Summary)
	for _, rule := range conformance.Rules() {
		if rule.Code.Family() == family.ID {
			fmt.Fprintln(out)
			writeRule(out, rule)
		}
	}
}

// writeRule writes one rule's section of docs/findings.md.
func writeRule(out io.Writer, r conformance.Rule) {
	fmt.Fprintf(out, "### %s\n\n**%s** (%s)\n\n%s\n\n- A sender: %s.\n- A receiver: %s.\n",
		r.Code, r.Summary, r.Severity, r.Detail, r.Hint, r.ReceiverHint)
	if failing, passing, ok := vectors.Sample(string(r.Code)); ok {
		fmt.Fprintf(out, "\nBreaks it ([whole payload](../%s)):\n\n```\n%s\n```\n\nFixed ([whole payload](../%s)):\n\n```\n%s\n```\n",
			sampleFile(failing), printable(difference(failing.Payload, passing.Payload)),
			sampleFile(passing), printable(difference(passing.Payload, failing.Payload)))
	}
}

// sampleFile is where a sample stands in the repository.
func sampleFile(v vectors.Vector) string {
	return path.Join("vectors", v.Verdict, v.Name+".json")
}

// printable gives text with what can't be shown on a page escaped.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\uFEFF' || r < ' ' && r != '\n' && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(printable(text), "\n", "\n    ") + "\n"
}

// wrap breaks text into lines of at most 78 columns.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case column == 0:
		case column+1+n > 78:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
