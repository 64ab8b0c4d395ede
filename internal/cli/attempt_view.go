package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// A sending is an event that was sent, and what came of it.
type sending struct {
	url       string
	id        string
	signature string // empty where it isn't signed
	payload   []byte
	report    conformance.Report
	attempt   emitter.Attempt
}

// An attemptView shows attempts, as text or as JSON.
type attemptView struct {
	report.Terminal
	out   io.Writer
	json  bool
	shown int
}

// maxAnswer is how much of an answer is shown, in columns.
const maxAnswer = 400

func (v *attemptView) show(s sending) error {
	if v.json {
		return v.showJSON(s)
	}
	var b strings.Builder
	if v.shown > 0 {
		b.WriteByte('\n')
	}
	v.shown++
	v.request(&b, s)
	v.answer(&b, s)
	_, err := io.WriteString(v.out, b.String())
	return err
}

func (v *attemptView) request(b *strings.Builder, s sending) {
	_, style := report.Mark(s.report.Verdict)
	what := s.report.EventType
	if what == "" {
		what = "no event"
	}
	fmt.Fprintf(b, "POST %s  %s  %s  %s\n", v.Paint(report.Bold, report.Visible(redact.URL(s.url), 1000)),
		report.Visible(what, 40), v.Paint(style, string(s.report.Verdict)), v.Paint(report.Dim, bytesText(len(s.payload))))
	parts := []string{"webhook-id " + s.id, fmt.Sprintf("webhook-timestamp %d", s.attempt.At.Unix())}
	if s.signature == "" {
		parts = append(parts, "unsigned")
	} else {
		parts = append(parts, "webhook-signature "+s.signature)
	}
	writeParts(b, v.Terminal, parts)
	if s.report.Verdict == conformance.Conforms { // what is wrong otherwise, was asked for
		b.WriteString(v.Findings(report.Payload{Data: s.payload, Report: s.report}))
	}
}

func (v *attemptView) answer(b *strings.Builder, s sending) {
	a := s.attempt
	mark, style := "✗", report.Red
	if a.Outcome == emitter.Accepted {
		mark, style = "✓", report.Green
	}
	head := string(a.Outcome)
	if a.Status != 0 {
		head = strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
	}
	fmt.Fprintf(b, "%s %s  %s\n", v.Paint(style, mark), v.Paint(style, head), v.Paint(report.Dim, timingsText(a)))

	if a.Err != nil {
		writeText(b, v.Terminal, "", reasonText(a), maxAnswer)
	}
	if p, ok := parseProblem(a.Answer); ok && a.Outcome != emitter.Accepted {
		v.problem(b, s, p)
	} else if body := strings.TrimSpace(string(a.Answer)); body != "" {
		writeText(b, v.Terminal, "", body, maxAnswer)
	}
	if next := nextStep(a); next != "" {
		writeText(b, v.Terminal, "next:", next, 2*maxAnswer)
	}
}

// problem shows an answer that says what is wrong in the way of RFC 9457.
func (v *attemptView) problem(b *strings.Builder, s sending, p problem) {
	text := p.Title
	if p.Detail != "" {
		text = strings.TrimPrefix(text+": "+p.Detail, ": ")
	}
	writeText(b, v.Terminal, "", text, 2*maxAnswer)
	if strings.Contains(p.Type, "://") {
		fmt.Fprintf(b, "  %s\n", v.Paint(report.Dim, report.Visible(redact.URL(p.Type), maxAnswer)))
	}
	b.WriteString(v.Findings(report.Payload{Data: s.payload, Report: conformance.Report{Findings: p.Findings}}))
}

func (v *attemptView) summary(sent, refused, unreached int) {
	if v.json {
		return
	}
	fmt.Fprintf(v.out, "\n%s\n", v.Paint(report.Bold, fmt.Sprintf("%d sent: %d accepted, %d refused, %d unreachable",
		sent, sent-refused-unreached, refused, unreached)))
}

// A problem is an answer that says what is wrong (RFC 9457). Those of runhooks
// also have findings.
type problem struct {
	Type     string                `json:"type"`
	Title    string                `json:"title"`
	Status   int                   `json:"status,omitempty"`
	Detail   string                `json:"detail"`
	Findings []conformance.Finding `json:"findings,omitempty"`
}

// parseProblem takes a body for a problem if it looks like one: an attempt keeps
// no Content-Type.
func parseProblem(body []byte) (p problem, ok bool) {
	if json.Unmarshal(body, &p) != nil {
		return problem{}, false
	}
	return p, p.Title != "" || p.Detail != ""
}

// reasonText says why there was no answer, without repeating what is shown
// elsewhere.
func reasonText(a emitter.Attempt) string {
	if a.Status != 0 || a.Outcome == emitter.Blocked {
		return a.Err.Error()
	}
	err := strings.TrimSuffix(a.Err.Error(), ": "+context.DeadlineExceeded.Error())
	return fmt.Sprintf("while %s: %s", a.Phase, err)
}

// nextStep says what to do about an attempt that wasn't accepted, where its
// outcome doesn't say it all.
func nextStep(a emitter.Attempt) string {
	switch {
	case a.Outcome == emitter.Blocked:
		return "if you trust whoever decides where that name leads, give --allow-private"
	case errors.Is(a.Err, syscall.ECONNREFUSED):
		return "start what listens there; runhooks listen is a receiver to try with"
	case a.Location != "":
		return fmt.Sprintf("it redirects to %s: send to that URL; a client that follows it comes as an empty GET", redact.URL(a.Location))
	case a.Outcome == emitter.Deferred:
		return fmt.Sprintf("it asks to try again after %v", a.RetryAfter)
	case a.Outcome == emitter.Gone:
		return "it wants no more events: a platform would disable the endpoint"
	}
	return ""
}

func timingsText(a emitter.Attempt) string {
	t := a.Timings
	var parts []string
	for _, part := range []struct {
		name string
		d    time.Duration
	}{{"DNS", t.DNS}, {"connect", t.Connect}, {"TLS", t.TLS}, {"first byte", t.FirstByte}} {
		if part.d > 0 {
			parts = append(parts, part.name+" "+tookText(part.d))
		}
	}
	if a.Reused {
		parts = append(parts, "connection reused")
	}
	text := string(a.Outcome)
	if a.Status == 0 {
		text = "after"
	} else {
		text += " in"
	}
	text += " " + tookText(t.Total)
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// sentJSON is an attempt in the JSON form. Times are in milliseconds.
type sentJSON struct {
	URL        string              `json:"url"`
	Time       time.Time           `json:"time"`
	ID         string              `json:"id"`
	Timestamp  int64               `json:"timestamp"`
	Signature  string              `json:"signature,omitempty"`
	EventType  string              `json:"event_type"`
	Verdict    conformance.Verdict `json:"verdict"`
	Bytes      int                 `json:"bytes"`
	Outcome    emitter.Outcome     `json:"outcome"`
	Status     int                 `json:"status,omitempty"`
	RetryAfter float64             `json:"retry_after,omitempty"` // in seconds
	Location   string              `json:"location,omitempty"`
	Answer     string              `json:"answer,omitempty"`
	Truncated  bool                `json:"answer_truncated,omitempty"`
	Phase      emitter.Phase       `json:"phase,omitempty"`
	Error      string              `json:"error,omitempty"`
	Remote     string              `json:"remote,omitempty"`
	DNS        float64             `json:"dns_ms,omitempty"`
	Connect    float64             `json:"connect_ms,omitempty"`
	TLS        float64             `json:"tls_ms,omitempty"`
	FirstByte  float64             `json:"first_byte_ms,omitempty"`
	Total      float64             `json:"total_ms"`
}

func (v *attemptView) showJSON(s sending) error {
	a := s.attempt
	line := sentJSON{
		URL: redact.URL(s.url), Time: a.At.UTC(), ID: s.id, Timestamp: a.At.Unix(), Signature: s.signature,
		EventType: s.report.EventType, Verdict: s.report.Verdict, Bytes: len(s.payload),
		Outcome: a.Outcome, Status: a.Status, RetryAfter: a.RetryAfter.Seconds(), Location: redact.URL(a.Location),
		Answer: redact.Text(strings.ToValidUTF8(string(a.Answer), "\uFFFD")), Truncated: a.Truncated, Phase: a.Phase,
		DNS: milliseconds(a.Timings.DNS), Connect: milliseconds(a.Timings.Connect), TLS: milliseconds(a.Timings.TLS),
		FirstByte: milliseconds(a.Timings.FirstByte), Total: milliseconds(a.Timings.Total),
	}
	if a.Err != nil {
		line.Error = redact.Text(a.Err.Error())
	}
	if a.Remote.IsValid() {
		line.Remote = a.Remote.String()
	}
	return writeLine(v.out, line)
}
