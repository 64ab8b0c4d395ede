package report

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// githubWriter writes the workflow commands with which a step of GitHub
// Actions annotates the files of a pull request, and the summary as lines of
// the log.
//
// Of a step, the runner shows the first ten annotations of each level, and drops the
// others without a word. So no more are made: the first of each code and member, and then,
// if there is room, others. What is not annotated is a line of the log.
type githubWriter struct {
	out    *bufio.Writer
	opts   Options
	levels [3]githubLevel
	listed [3]members // what is annotated
}

// githubLimit is how many annotations of a level the runner shows of a step.
const githubLimit = 10

// A githubLevel counts what there is of one level.
type githubLevel struct {
	all, annotated int
	held           []githubFinding // that are annotated if there is room in the end
}

type githubFinding struct{ command, line string }

var githubLevels = [...]string{"error", "warning", "notice"}

// What the runner unescapes in the message of a command, and in its properties.
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (w *githubWriter) Payload(p Payload) error {
	for i := range p.Findings {
		f := &p.Findings[i]
		level := min(rank(p.level(f)), 2)
		w.levels[level].all++
		switch l := &w.levels[level]; {
		case l.annotated < githubLimit && w.listed[level].add(f, githubLimit):
			l.annotated++
			fmt.Fprintln(w.out, w.command(&p, f, githubLevels[level]))
		case l.annotated+len(l.held) < githubLimit:
			l.held = append(l.held, githubFinding{w.command(&p, f, githubLevels[level]), w.line(&p, f, githubLevels[level])})
		default:
			fmt.Fprintln(w.out, w.line(&p, f, githubLevels[level]))
		}
	}
	return nil
}

// command is the annotation of a finding.
func (w *githubWriter) command(p *Payload, f *conformance.Finding, level string) string {
	var b strings.Builder
	line, column := p.place(*f)
	fmt.Fprintf(&b, "::%s file=%s,line=%d", level, githubProperty.Replace(Visible(p.Source, maxText)), line)
	if column > 0 {
		fmt.Fprintf(&b, ",col=%d", column)
	}
	message := Visible(f.Message, maxText)
	if p.marked(f) {
		message = "decides: " + message
	}
	if f.Pointer != "" {
		message += "\nat " + Visible(f.Pointer, maxText)
	}
	if f.Count > 1 {
		message += "\n" + Visible(Alike(*f), maxText)
	}
	if p.At != "" {
		message += fmt.Sprintf("\nin %s, %d:%d", Visible(p.At, maxText), f.Line, f.Column)
	}
	if f.Hint != "" {
		message += "\nhint: " + Visible(f.Hint, maxText)
	}
	fmt.Fprintf(&b, ",title=%s::%s", githubProperty.Replace(string(f.Code)), githubData.Replace(message))
	return b.String()
}

// line is a finding in the log. It starts with a word, so it is not a command.
func (w *githubWriter) line(p *Payload, f *conformance.Finding, level string) string {
	line, column := p.place(*f)
	text := fmt.Sprintf("%s %s:%d:%d %s %s", level, Visible(p.Source, maxText), line, column, f.Code, Visible(f.Message, maxText))
	if f.Pointer != "" {
		text += " at " + Visible(f.Pointer, maxText)
	}
	return text
}

func (w *githubWriter) Flush() error { return w.out.Flush() }

func (w *githubWriter) Unreadable(source string, err error) error {
	l := &w.levels[0]
	l.all++
	if l.annotated++; l.annotated <= githubLimit {
		fmt.Fprintf(w.out, "::error file=%s,title=unreadable::%s\n",
			githubProperty.Replace(Visible(source, maxText)), githubData.Replace(Visible(reason(source, err), maxText)))
		return nil
	}
	l.annotated--
	_, werr := fmt.Fprintf(w.out, "error %s unreadable: %s\n", Visible(source, maxText), Visible(reason(source, err), maxText))
	return werr
}

func (w *githubWriter) Close(s Summary) error {
	for _, e := range s.Stale {
		text := fmt.Sprintf("%s at %q is in the baseline and no longer found; run again with --write-baseline",
			Visible(e.Code, maxText), Visible(e.Pointer, maxText))
		l := &w.levels[2]
		if l.all++; l.annotated < githubLimit {
			l.annotated++
			fmt.Fprintf(w.out, "::notice file=%s,title=stale baseline::%s\n", githubProperty.Replace(Visible(e.Source, maxText)), githubData.Replace(text))
		} else {
			fmt.Fprintf(w.out, "notice %s stale baseline: %s\n", Visible(e.Source, maxText), text)
		}
	}
	for i := range w.levels {
		l := &w.levels[i]
		for _, f := range l.held {
			if l.annotated < githubLimit {
				l.annotated++
				fmt.Fprintln(w.out, f.command)
			} else {
				fmt.Fprintln(w.out, f.line)
			}
		}
	}
	for i, l := range w.levels {
		if more := l.all - l.annotated; more > 0 {
			fmt.Fprintf(w.out, "%s more in the log above: GitHub shows %d annotations of a level and step\n", count(more, githubLevels[i]), githubLimit)
		}
	}
	fmt.Fprintln(w.out, s.line())
	for _, line := range s.remarks(w.opts.Against) {
		fmt.Fprintln(w.out, line)
	}
	return w.out.Flush()
}
