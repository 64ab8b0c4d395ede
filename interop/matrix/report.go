// Package matrix is what the folders of interop report, what is made of it, and
// the page that shows it.
package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The kinds of reports.
const (
	Validator = "validator"
	Generator = "generator"
	Receiver  = "receiver"
	Client    = "client"
	Rule      = "rule"
	Package   = "package"
	Mock      = "mock"
	Fuzzer    = "fuzzer"
)

// A Report is what one tool makes of one file. The programs of the folders print
// them as JSON, one a line. They only say what they see: what it should have
// been, and what a difference amounts to, is decided here, once for all languages.
type Report struct {
	// Language is set by who reads the report.
	Language string `json:"-"`

	Kind string `json:"kind"`
	Tool string `json:"tool"`
	// Version is the tool's own, without v: 8.20.0. A package of ours has none here.
	Version string `json:"version"`
	// Input is the file that the tool was given, from the root of the repository; of
	// a receiver, its guide.
	Input string `json:"input,omitempty"`
	// Note is what a reader has to know: how the tool was told to work.
	Note string `json:"note,omitempty"`
	// Error is why the tool can't take the input. Nothing below is there then.
	Error string `json:"error,omitempty"`

	// Verdicts are a validator's, by the name of the vector: "valid", "invalid", or
	// why there is none. A mock's are told by its answers.
	Verdicts map[string]string `json:"verdicts,omitempty"`

	// Compiles is whether what a generator makes compiles, with warnings as errors.
	// Where it doesn't, the others need not be there. A client has it, too.
	Compiles *Answer `json:"compiles,omitempty"`
	// Narrows is whether event_type tells the two events apart, with both types. Of the
	// canonical schema, it is whether a switch on type knows its three values, a cell is a
	// text or null, and an instant may be absent.
	Narrows *Answer `json:"narrows,omitempty"`
	// Decoded is what the generated types make of each conforming vector; those of the
	// canonical schema, of each canonical form.
	Decoded map[string]Decoded `json:"decoded,omitempty"`

	// Calls are what a generated client sees in its conversation with the service, by
	// step; see conversation. The step "error" says why it went no further.
	Calls map[string]string `json:"calls,omitempty"`

	// Statuses are a mock's answers, by the status that was asked for: the status, and
	// after a space that in the body, if there is one.
	Statuses map[string]string `json:"statuses,omitempty"`

	// Takes is whether a receiver took all that a fuzzer made to conform, Refuses whether
	// it refused all that it made not to, and Answers whether each answer is one that the
	// document has.
	Takes   *Answer `json:"takes,omitempty"`
	Refuses *Answer `json:"refuses,omitempty"`
	Answers *Answer `json:"answers,omitempty"`

	// Judged are a package's answers, by the name of the vector: see [ReadPackage].
	Judged map[string]Judged `json:"-"`

	// Rule is one of runhooks lint.
	Rule string `json:"rule,omitempty"`
	// Breaks is whether the tool does with the rule's document what the rule says.
	Breaks *Answer `json:"breaks,omitempty"`
	// Helps is whether it doesn't with the fixed document. It is null if what is
	// left out there can't be said in another way.
	Helps *Answer `json:"helps,omitempty"`
}

// An Answer is yes or no. A no has a note that says why.
type Answer struct {
	OK   bool   `json:"ok"`
	Note string `json:"note,omitempty"`
}

// Decoded is a payload that was decoded and encoded again, or why it couldn't be.
type Decoded struct {
	JSON  string `json:"json,omitempty"`
	Error string `json:"error,omitempty"`
}

// Judged is what a package of ours says of a vector: the verdict, the codes of the
// findings in their order, and the canonical event, if there is one.
type Judged struct {
	Verdict string
	Codes   []string
	Event   json.RawMessage
}

// ReadPackage reads what the program of a package prints, until the end of r: a line of
// JSON for each vector, with its name as vector, and the members of [Judged].
func ReadPackage(r io.Reader) (map[string]Judged, error) {
	judged := map[string]Judged{}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	for {
		var line struct {
			Vector string
			Judged
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return judged, nil
		} else if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(judged)+1, err)
		}
		if _, twice := judged[line.Vector]; twice || line.Vector == "" {
			return nil, fmt.Errorf("line %d: vector is %q: each has a name, and one line", len(judged)+1, line.Vector)
		}
		judged[line.Vector] = line.Judged
	}
}

// Read reads the reports of a language until the end of r.
func Read(r io.Reader, language string) (reports []Report, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	for {
		report := Report{Language: language}
		switch err := d.Decode(&report); {
		case errors.Is(err, io.EOF):
			return reports, nil
		case err != nil:
			return reports, fmt.Errorf("report %d of %s: %w", len(reports)+1, language, err)
		}
		if err := report.check(); err != nil {
			return reports, fmt.Errorf("report %d of %s, of %s: %w", len(reports)+1, language, report.Tool, err)
		}
		reports = append(reports, report)
	}
}

// check tells what a report lacks.
func (r Report) check() error {
	if r.Tool == "" || r.Version == "" {
		return errors.New("it lacks tool or version")
	}
	if r.Input == "" && r.Kind != Rule {
		return errors.New("it lacks input")
	}
	var complete bool
	switch r.Kind {
	case Validator:
		complete = r.Verdicts != nil
	case Generator:
		complete = r.Compiles != nil && (!r.Compiles.OK || r.Narrows != nil && r.Decoded != nil)
	case Receiver:
		complete = true
	case Client:
		complete = r.Compiles != nil && (!r.Compiles.OK || r.Calls != nil)
	case Mock:
		complete = r.Verdicts != nil && r.Statuses != nil
	case Fuzzer:
		complete = r.Takes != nil && r.Refuses != nil && r.Answers != nil
	case Rule:
		complete = r.Rule != "" && r.Breaks != nil
	default:
		return fmt.Errorf("there is no kind %q", r.Kind)
	}
	if !complete && r.Error == "" {
		return fmt.Errorf("it has neither an error nor all that a %s reports", r.Kind)
	}
	return nil
}
