package report

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// githubWriter writes the workflow commands with which a step of GitHub
// Actions annotates the files of a pull request, and the summary as a line of
// the log. The runner shows ten annotations a level and step; the log has all.
type githubWriter struct {
	out  *bufio.Writer
	opts Options
}

// What the runner unescapes in the message of a command, and in its properties.
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (w *githubWriter) Payload(p Payload) error {
	for _, f := range p.Findings {
		level := "notice"
		switch f.Severity {
		case conformance.SeverityError:
			level = "error"
		case conformance.SeverityWarning:
			level = "warning"
		}
		line, column := p.place(f)
		fmt.Fprintf(w.out, "::%s file=%s,line=%d", level, githubProperty.Replace(Visible(p.Source, maxText)), line)
		if column > 0 {
			fmt.Fprintf(w.out, ",col=%d", column)
		}
		message := Visible(f.Message, maxText)
		if f.Pointer != "" {
			message += "\nat " + Visible(f.Pointer, maxText)
		}
		if p.At != "" {
			message += fmt.Sprintf("\nin %s, %d:%d", Visible(p.At, maxText), f.Line, f.Column)
		}
		if f.Hint != "" {
			message += "\nhint: " + Visible(f.Hint, maxText)
		}
		fmt.Fprintf(w.out, ",title=%s::%s\n", githubProperty.Replace(string(f.Code)), githubData.Replace(message))
	}
	return nil
}

func (w *githubWriter) Flush() error { return w.out.Flush() }

func (w *githubWriter) Unreadable(source string, err error) error {
	fmt.Fprintf(w.out, "::error file=%s,title=unreadable::%s\n",
		githubProperty.Replace(Visible(source, maxText)), githubData.Replace(Visible(reason(source, err), maxText)))
	return nil
}

func (w *githubWriter) Close(s Summary) error {
	for _, e := range s.Stale {
		fmt.Fprintf(w.out, "::notice file=%s,title=stale baseline::%s\n", githubProperty.Replace(Visible(e.Source, maxText)), githubData.Replace(
			fmt.Sprintf("%s at %q is in the baseline and no longer found; run again with --write-baseline",
				Visible(e.Code, maxText), Visible(e.Pointer, maxText))))
	}
	fmt.Fprintln(w.out, s.line())
	for _, line := range s.remarks(w.opts.Against) {
		fmt.Fprintln(w.out, line)
	}
	return w.out.Flush()
}
