package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// junitWriter writes JUnit XML: a source is a test suite, a payload a test
// case. An element opens with its counts, so that a suite is held back until
// its last payload, and all suites until the last of them.
type junitWriter struct {
	out           *bufio.Writer
	suite         spool  // the test cases of the suite that is open
	suites        spool  // the suites before it
	source        string // of the suite that is open, if any
	counts, total junitCounts
	more          int // payloads of the suite that pass and are not listed
}

// junitLimit is how many payloads of a suite are listed that pass, and how many of
// those that don't have their findings. CI servers show a page for each suite.
const junitLimit = 1000

type junitCounts struct{ tests, failures, errors int }

func (c junitCounts) String() string {
	return fmt.Sprintf(`tests="%d" failures="%d" errors="%d" skipped="0"`, c.tests, c.failures, c.errors)
}

// open makes sure that the open suite is that of source.
func (w *junitWriter) open(source string) error {
	if w.counts.tests > 0 && w.source != source {
		if err := w.end(); err != nil {
			return err
		}
	}
	w.source = source
	w.counts.tests++
	return nil
}

// end closes the open suite.
func (w *junitWriter) end() error {
	if w.more > 0 {
		w.counts.tests++
		fmt.Fprintf(&w.suite, "    <testcase classname=%s name=%s/>\n", xmlAttr(w.source), xmlAttr(count(w.more, "more payload")+" that pass"))
		w.more = 0
	}
	fmt.Fprintf(&w.suites, "  <testsuite name=%s %s>\n", xmlAttr(w.source), w.counts)
	if err := w.suite.moveTo(&w.suites); err != nil {
		return err
	}
	w.total.tests += w.counts.tests
	w.total.failures += w.counts.failures
	w.total.errors += w.counts.errors
	w.counts = junitCounts{}
	_, err := fmt.Fprint(&w.suites, "  </testsuite>\n")
	return err
}

func (w *junitWriter) Payload(p Payload) error {
	if err := w.open(p.Source); err != nil {
		return err
	}
	if p.Passed && w.counts.tests-w.counts.failures > junitLimit {
		w.counts.tests--
		w.more++
		return nil
	}
	name := "payload"
	switch {
	case p.Within != "":
		name = fmt.Sprintf("payload %d (%s)", p.Index+1, p.At+p.Within)
	case p.At != "":
		name = fmt.Sprintf("payload %d (%s)", p.Index+1, p.At)
	case !p.Single:
		name = fmt.Sprintf("payload %d (line %d)", p.Index+1, p.Line)
	}
	fmt.Fprintf(&w.suite, "    <testcase classname=%s name=%s", xmlAttr(p.Source), xmlAttr(name))
	failing, rest := p.failing()
	if p.Passed && len(rest) == 0 {
		_, err := fmt.Fprint(&w.suite, "/>\n")
		return err
	}
	fmt.Fprint(&w.suite, ">\n")
	if !p.Passed {
		w.counts.failures++
		kind, n := string(p.Verdict), 0
		for _, f := range failing {
			n += Places(f)
		}
		message := fmt.Sprintf("%s: %s", p.Verdict, count(n, "finding"))
		if len(failing) > 0 {
			kind = string(failing[0].Code)
			message += ", first: " + failing[0].Message
		}
		fmt.Fprintf(&w.suite, "      <failure type=%s message=%s>", xmlAttr(kind), xmlAttr(message))
		if w.counts.failures > junitLimit {
			failing, rest = nil, nil
			fmt.Fprint(&w.suite, "with so many failures, --format json has the findings")
		}
		w.findings(p, failing)
		fmt.Fprint(&w.suite, "</failure>\n")
	}
	if len(rest) > 0 {
		fmt.Fprint(&w.suite, "      <system-out>")
		w.findings(p, rest)
		fmt.Fprint(&w.suite, "</system-out>\n")
	}
	_, err := fmt.Fprint(&w.suite, "    </testcase>\n")
	return err
}

// Flush writes nothing: the counts, which come first, aren't known yet.
func (w *junitWriter) Flush() error { return nil }

// findings writes up to so many of them.
func (w *junitWriter) findings(p Payload, findings []conformance.Finding) {
	if left := len(findings) - maxFindings; left > 0 {
		defer fmt.Fprintf(&w.suite, "\n… and %s (--format json shows all)", count(left, "more finding"))
		findings = findings[:maxFindings]
	}
	for i, f := range findings {
		if i > 0 {
			fmt.Fprintln(&w.suite)
		}
		f.Line, f.Severity = p.line(f), p.level(&f)
		xmlText(&w.suite, f.String())
		if f.Pointer != "" {
			fmt.Fprint(&w.suite, "\n  at ")
			xmlText(&w.suite, f.Pointer)
		}
		if f.Count > 1 {
			fmt.Fprint(&w.suite, "\n  ")
			xmlText(&w.suite, Alike(f))
		}
		if f.Hint != "" {
			fmt.Fprint(&w.suite, "\n  hint: ")
			xmlText(&w.suite, f.Hint)
		}
	}
}

func (w *junitWriter) Unreadable(source string, err error) error {
	if err := w.open(source); err != nil {
		return err
	}
	w.counts.errors++
	_, werr := fmt.Fprintf(&w.suite, "    <testcase classname=%s name=\"readable\">\n      <error type=\"unreadable\" message=%s/>\n    </testcase>\n",
		xmlAttr(source), xmlAttr(reason(source, err)))
	return werr
}

func (w *junitWriter) Close(s Summary) (err error) {
	defer closeSpools(&err, &w.suite, &w.suites)
	if w.counts.tests > 0 {
		if err := w.end(); err != nil {
			return err
		}
	}
	fmt.Fprintf(w.out, "%s<testsuites name=\"runhooks check\" %s>\n", xml.Header, w.total)
	if err := w.suites.moveTo(w.out); err != nil {
		return err
	}
	if s.Interrupted {
		fmt.Fprint(w.out, "  <!-- interrupted: the rest was not checked -->\n")
	}
	fmt.Fprint(w.out, "</testsuites>\n")
	return w.out.Flush()
}

// xmlText writes s as character data: what XML 1.0 can't hold is spelt out.
func xmlText(w io.Writer, s string) {
	_ = xml.EscapeText(w, []byte(Visible(s, maxText))) // a spool keeps its error
}

// xmlAttr returns s as the value of an attribute, with its quotes.
func xmlAttr(s string) string {
	var b strings.Builder
	xmlText(&b, s)
	return `"` + b.String() + `"`
}
