// Package report writes what a check found, in eight formats.
//
// A [Writer] takes payloads one at a time and holds on to none of them, so
// that a report may be longer than memory. What a format needs before it has
// seen the last payload, such as the summary that opens the JSON report, is
// put in place at Close. The same calls give the same bytes, on every run and
// every machine: there are no times, no durations and no map order in them.
//
// Messages, pointers and excerpts hold text that strangers wrote. Each format
// makes it harmless for whoever reads that format: a terminal, a browser, a
// CI server.
package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// Format names one of the ways to write a report.
type Format string

// The formats.
const (
	Text   Format = "text"    // for people, at a terminal
	JSON   Format = "json"    // one object, the summary first
	NDJSON Format = "ndjson"  // one object a payload as it is checked, the summary last
	SARIF  Format = "sarif"   // SARIF 2.1.0, for code scanning
	JUnit  Format = "junit"   // JUnit XML, for CI servers
	GitHub Format = "github"  // workflow commands that annotate a pull request
	HTML   Format = "html"    // one self-contained page
	Sums   Format = "summary" // for people: how many payloads have which finding
)

// Formats lists every format, in the order in which help texts show them.
func Formats() []Format {
	return []Format{Text, JSON, NDJSON, SARIF, JUnit, GitHub, HTML, Sums}
}

// A Payload is one payload and what the check made of it.
type Payload struct {
	// Source is the path as the user gave it, or "stdin".
	Source string
	// Index counts the payloads of the source, from 0.
	Index int
	// Line is the line of the source on which the payload starts, from 1.
	Line int
	// At is the RFC 6901 pointer to the payload where the source is a HAR, and
	// empty otherwise. With it, the lines of findings are those of the payload,
	// because a HAR holds it as an escaped string on a single line.
	At string
	// Within is the RFC 6901 pointer to the event in Data, if Data is what holds it rather
	// than the event itself. Findings have their places in Data.
	Within string
	// Single is true where the source is this one payload and nothing else.
	Single bool
	// Data is the payload itself, for excerpts; nil if it could not be kept.
	Data []byte

	// Report is the outcome. The lines of its findings are relative to the
	// payload; the report moves them to where the payload stands in its source.
	conformance.Report
	// Known counts the findings that a baseline set aside; they are not in
	// Findings.
	Known int
	// Policy says which of the findings fail the payload. Passed is true where none
	// does; a payload that passes may have findings.
	Policy Policy
	Passed bool
}

// name is what a person calls the payload: a.json, a.ndjson:3, a.har#/log/….
func (p Payload) name() string { return string(p.appendName(nil)) }

func (p Payload) appendName(dst []byte) []byte {
	dst = append(dst, p.Source...)
	switch {
	case p.At != "":
		dst = append(append(dst, '#'), p.At...)
	case !p.Single:
		dst = strconv.AppendInt(append(dst, ':'), int64(p.Line), 10)
	}
	if p.Within != "" {
		dst = append(append(dst, '#'), p.Within...)
	}
	return dst
}

// line is the line of f to show: that of the source or, in a HAR, of the payload.
func (p Payload) line(f conformance.Finding) int {
	if p.At != "" {
		return f.Line
	}
	return max(p.Line, 1) + f.Line - 1
}

// place is where in the file that Source names f stands. Within a HAR no
// column can be told, which is then 0.
func (p Payload) place(f conformance.Finding) (line, column int) {
	if p.At != "" {
		return max(p.Line, 1), 0
	}
	return p.line(f), f.Column
}

// Brief says on one line which payload it is, its verdict, and the first of the findings
// that fail it, with its place.
func (p Payload) Brief() string {
	text := p.name() + "  " + string(p.Verdict)
	failing, _ := p.failing()
	if len(failing) > 0 {
		f := &failing[0]
		text += fmt.Sprintf("  %s %d:%d %s", f.Code, p.line(*f), f.Column, f.Message)
		if n := len(failing) - 1; n > 0 {
			text += fmt.Sprintf(" (and %d more)", n)
		}
	}
	return Visible(text, maxText)
}

// failing returns the findings that made the payload fail, or all if none did.
func (p *Payload) failing() (failing, rest []conformance.Finding) {
	if p.Passed {
		return nil, p.Findings
	}
	for i := range p.Findings {
		if f := &p.Findings[i]; p.Policy.decides(p.Verdict, f) {
			failing = append(failing, *f)
		} else {
			rest = append(rest, *f)
		}
	}
	if len(failing) == 0 {
		return p.Findings, nil
	}
	return failing, rest
}

// level is how a report for people or for a CI server calls the severity of a finding:
// an error that fails nothing is a notice, and so is whatever a receiver is told of a
// payload that passes.
func (p *Payload) level(f *conformance.Finding) conformance.Severity {
	switch {
	case p.Policy.As == conformance.Receiver && p.Passed,
		f.Severity == conformance.SeverityError && !p.Policy.decides(p.Verdict, f):
		return notice
	}
	return f.Severity
}

// marked reports whether a report for people says of a finding that it decides: where there
// are errors that don't.
func (p *Payload) marked(f *conformance.Finding) bool {
	return !p.Passed && p.Policy.Observed && p.Policy.decides(p.Verdict, f)
}

// notice is a level, and not a severity.
const notice conformance.Severity = "notice"

// A Policy says which findings fail a payload, and whom the report is for. By its zero
// value errors do, and it is for a sender.
type Policy struct {
	// Observed tells that the observed layer has to accept payloads, and not the
	// documented one. It accepts dialects, which then fail nothing.
	Observed bool
	// Warnings tells that warnings fail a payload, too.
	Warnings bool
	// Reference tells that [conformance.JSONSchema] has judged. To that, dialects are
	// what the documented layer refuses of a payload that deviates.
	Reference bool
	// As is whom the report is for.
	As conformance.Role
}

// Passes reports whether nothing in a report fails its payload.
func (p Policy) Passes(r *conformance.Report) bool {
	for i := range r.Findings {
		if p.decides(r.Verdict, &r.Findings[i]) {
			return false
		}
	}
	return true
}

// decides reports whether a finding of a payload with that verdict fails it.
func (p Policy) decides(verdict conformance.Verdict, f *conformance.Finding) bool {
	if p.Observed && (f.Code.Family() == "dialect" || p.Reference && verdict == conformance.Deviates) {
		return false
	}
	return f.Severity == conformance.SeverityError || p.Warnings && f.Severity == conformance.SeverityWarning
}

// A Summary is what there is to say once the last payload has been checked.
type Summary struct {
	// Payloads were checked; it is the sum of the next three.
	Payloads, Conforms, Deviates, Invalid int
	// Unreadable counts the sources that could not be read, wholly or in part.
	Unreadable int
	// Errors, Warnings and Infos count findings, without those set aside; Notices
	// counts those of them that the report calls so.
	Errors, Warnings, Infos, Notices int
	// Failed counts the payloads that did not pass.
	Failed int
	// Known counts the findings that a baseline set aside.
	Known int
	// Found are the findings by code and member, from [Tally.Found], and
	// FoundTruncated is true where they are not all.
	Found          []Found
	FoundTruncated bool
	// Codes are the same by code alone, from [Tally.Codes].
	Codes []FoundCode
	// Stale are the entries of the baseline that no longer occur.
	Stale []StaleEntry
	// Interrupted is true where the check was stopped before its end.
	Interrupted bool
}

// Add counts a payload and its findings.
func (s *Summary) Add(p Payload) {
	s.Payloads++
	switch p.Verdict {
	case conformance.Conforms:
		s.Conforms++
	case conformance.Deviates:
		s.Deviates++
	case conformance.Invalid:
		s.Invalid++
	}
	for i := range p.Findings {
		f := &p.Findings[i]
		n := Places(*f)
		switch p.level(f) {
		case conformance.SeverityError:
			s.Errors += n
		case conformance.SeverityWarning:
			s.Warnings += n
		case conformance.SeverityInfo:
			s.Infos += n
		case notice:
			s.Notices += n
		}
	}
	s.Known += p.Known
	if !p.Passed {
		s.Failed++
	}
}

// A StaleEntry is an entry of a baseline that allows more findings than occur.
type StaleEntry struct {
	Source  string `json:"source"`
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
	// Count says how many findings fewer than allowed there were.
	Count int `json:"count"`
}

// Options say how to write a report. The zero value is a plain report for a
// terminal 100 columns wide.
type Options struct {
	// Color and Width (columns; 0 is 100) describe the terminal of a text report.
	Color bool
	Width int
	// Verbose lists every payload in a text report. Quiet lists and sums up those only
	// that do not pass, and counts the others. Otherwise payloads with nothing to say are left out where they
	// share their source with others.
	Verbose, Quiet bool
	// As is whom the report is for. That for a receiver starts with what was found, by
	// code, and has of payloads that pass no more than that, unless it is Verbose.
	As conformance.Role
	// Against names the layer that had to accept the payloads: "documented"
	// (also when empty) or "observed".
	Against string
	// Version is the version of the tool.
	Version string
	// CodeInfo returns one sentence on a finding's code, and the address of its
	// documentation. Either may be empty, and CodeInfo nil.
	CodeInfo func(code conformance.Code) (summary, helpURI string)
}

// ListsAll reports whether a report in that format lists every payload. Others
// leave out one that conforms without a finding, where it shares its source with
// others: the Writer needs to know of it from the Summary only.
func (o Options) ListsAll(format Format) bool {
	switch format {
	case JSON, NDJSON, JUnit:
		return true
	case Text:
		return o.Verbose
	}
	return false
}

// ListsFailing reports whether a report in that format is about payloads that don't
// pass, and only counts others. [Summary.Found] is then about these only.
func (o Options) ListsFailing(format Format) bool {
	return o.Quiet && (format == Text || format == Sums)
}

// against names the layer that had to accept the payloads.
func (o Options) against() string {
	if o.Against == "" {
		return "documented"
	}
	return o.Against
}

// codeInfo is CodeInfo, which may be nil.
func (o Options) codeInfo(code conformance.Code) (summary, helpURI string) {
	if o.CodeInfo == nil {
		return "", ""
	}
	return o.CodeInfo(code)
}

// A Writer writes one report. Its methods are called from one goroutine at a
// time. All payloads of one source come together, in order.
//
// An error is an error of the output, or of the temporary file that a long
// report needs. After one the report is broken, and Close returns it again.
type Writer interface {
	// Payload reports one payload. It keeps no reference to it.
	Payload(Payload) error
	// Flush writes out what is complete, where a format allows for it, so that
	// it can be seen while the check waits for more.
	Flush() error
	// Unreadable reports that a source could not be read, or not to its end.
	Unreadable(source string, err error) error
	// Close completes the report. It must be called exactly once, also after
	// an error, because it is what removes temporary files. It does not close
	// the writer that the report goes to.
	Close(Summary) error
}

// New starts a report in the given format on w. The error is that there is no
// such format.
func New(format Format, w io.Writer, opts Options) (Writer, error) {
	if opts.Width <= 0 {
		opts.Width = 100
	}
	// A bufio.Writer stands in every Writer for its error, too: that stays,
	// and Flush returns it.
	out := bufio.NewWriterSize(w, 128<<10)
	switch format {
	case Text:
		return &textWriter{Terminal: Terminal{opts.Color, opts.Width}, out: out, opts: opts}, nil
	case Sums:
		return &textWriter{Terminal: Terminal{opts.Color, opts.Width}, out: out, opts: opts, sums: true}, nil
	case JSON:
		return &jsonWriter{out: out}, nil
	case NDJSON:
		return &ndjsonWriter{out: out}, nil
	case SARIF:
		return newSARIFWriter(out, opts), nil
	case JUnit:
		return &junitWriter{out: out}, nil
	case GitHub:
		return &githubWriter{out: out, opts: opts}, nil
	case HTML:
		return &htmlWriter{out: out, opts: opts}, nil
	}
	return nil, fmt.Errorf("unknown format %q: use one of %v", format, Formats())
}

// reason is the text of err without the path, where err repeats the source.
func reason(source string, err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && err == error(pathErr) && pathErr.Path == source {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// count writes a number with its noun: 1 error, 2 errors.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// verb writes a number with its verb: 1 deviates, 2 deviate.
func verb(n int, infinitive string) string {
	if n == 1 {
		return "1 " + infinitive + "s"
	}
	return thousands(n) + " " + infinitive
}

// thousands writes a number as people read it: 1,999.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Places is how many findings f stands for, at least 1.
func Places(f conformance.Finding) int { return max(f.Count, 1) }

// Alike says what a finding of more than one place stands for besides the first: and
// 1,999 more like it, with the pattern of their pointers. Of others it says nothing.
func Alike(f conformance.Finding) string {
	if f.Count < 2 {
		return ""
	}
	text := "and " + thousands(f.Count-1) + " more like it"
	if f.Pattern != "" {
		text += ": " + f.Pattern
	}
	return text
}

// line is the summary on one line.
func (s Summary) line() string {
	return fmt.Sprintf("%s: %s, %s, %s invalid · %s",
		count(s.Payloads, "payload"), verb(s.Conforms, "conform"), verb(s.Deviates, "deviate"), thousands(s.Invalid), s.findings())
}

// findings counts them by their levels.
func (s Summary) findings() string {
	text := fmt.Sprintf("%s, %s, %s", count(s.Errors, "error"), count(s.Warnings, "warning"), count(s.Infos, "info"))
	if s.Notices > 0 {
		text += ", " + count(s.Notices, "notice")
	}
	return text
}

// remarks are the things to know about a check besides its counts, one a line.
func (s Summary) remarks(against string) []string {
	var lines []string
	if s.Interrupted {
		lines = append(lines, "interrupted: the rest was not checked")
	}
	if s.Unreadable > 0 {
		lines = append(lines, count(s.Unreadable, "source")+" could not be read")
	}
	if against == "observed" {
		lines = append(lines, "against observed: a payload that deviates passes")
	}
	if s.Known > 0 {
		lines = append(lines, count(s.Known, "known finding")+" set aside")
	}
	return lines
}
