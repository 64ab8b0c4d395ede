package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// A sending is an attempt to send an event, and what came of it.
type sending struct {
	request  emitter.Request
	payload  []byte // of the event; the request's body may be tampered with
	report   conformance.Report
	tampered string // the way
	note     string // about the request
	attempt  emitter.Attempt

	try, tries int
	redirected bool          // the request follows a redirect
	follows    bool          // this redirect is followed
	waits      time.Duration // until the next try; 0 if there is none
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
	method, size := cmp.Or(s.request.Method, http.MethodPost), bytesText(len(s.request.Body))
	fmt.Fprintf(b, "%s %s", method, v.Paint(report.Bold, report.Visible(redact.URL(s.request.URL), 1000)))
	if method == http.MethodPost {
		fmt.Fprintf(b, "  %s  %s", report.Visible(what, 40), v.Paint(style, string(s.report.Verdict)))
	} else {
		size = "no body"
	}
	fmt.Fprintf(b, "  %s", v.Paint(report.Dim, size))
	if s.try > 1 && !s.redirected {
		fmt.Fprintf(b, "  %s", v.Paint(report.Yellow, fmt.Sprintf("try %d of %d", s.try, s.tries)))
	}
	b.WriteByte('\n')
	if s.try > 1 || s.redirected {
		return
	}
	writeParts(b, v.Terminal, s.parts())
	if s.note != "" {
		writeText(b, v.Terminal, "note:", s.note, maxAnswer)
	}
	if s.report.Verdict == conformance.Conforms { // what is wrong otherwise, was asked for
		b.WriteString(v.Findings(report.Payload{Data: s.payload, Report: s.report}))
	}
}

// parts are what is known about the header.
func (s sending) parts() []string {
	h := s.request.Header
	parts := []string{
		prefixed("webhook-id ", h.Get(signature.HeaderID)), prefixed("webhook-timestamp ", h.Get(signature.HeaderTimestamp)),
		prefixed("webhook-signature ", h.Get(signature.HeaderSignature)),
	}
	if h.Get(signature.HeaderSignature) == "" {
		parts[2] = "unsigned"
	}
	if s.tampered != "" {
		parts = append(parts, "tampered with: "+s.tampered)
	}
	if h.Get(signature.HeaderID) == "" {
		parts = append(parts, prefixed("user-agent ", h.Get("User-Agent")))
	}
	return parts
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
	if next := s.nextStep(); next != "" {
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

// nextStep says what follows an attempt, or what to do about it, where its outcome
// doesn't say it all.
func (s sending) nextStep() string {
	a := s.attempt
	switch {
	case s.follows && a.Status/100 == 3 && a.Status < http.StatusTemporaryRedirect:
		return "the server follows it, as a GET without a body: the event doesn't arrive"
	case s.follows:
		return "the server follows it, with the same body"
	case s.redirected && s.request.Method == http.MethodGet && a.Outcome == emitter.Accepted:
		return "the server counts the event as delivered, though it did not arrive: answer the event's own URL with 2xx"
	}
	next := ""
	switch {
	case a.Outcome == emitter.Blocked:
		next = "if you trust whoever decides where that name leads, give --allow-private"
	case a.Location != "":
		next = fmt.Sprintf("it redirects to %s: send to that URL; a client that follows the redirect arrives with an empty GET", redact.URL(a.Location))
	case a.Outcome == emitter.Deferred:
		next = fmt.Sprintf("it asks to try again after %v", a.RetryAfter)
	case a.Outcome == emitter.Gone:
		next = "it wants no more events: a platform would disable the endpoint"
	case a.Err != nil && a.Status == 0:
		next = connectionAdvice(a.Err, s.request.URL, a.Phase)
	case speaksTLS(a.Status, a.Answer):
		next = useHTTPS(s.request.URL)
	}
	if s.waits > 0 {
		next = strings.TrimPrefix(next+"; ", "; ") + fmt.Sprintf("try %d of %d follows in %v", s.try+1, s.tries, s.waits)
	}
	return next
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
	ID         string              `json:"id,omitempty"`
	Timestamp  int64               `json:"timestamp,omitempty"`
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
	Method     string              `json:"method,omitempty"` // where it isn't POST
	Tampered   string              `json:"tampered,omitempty"`
	Try        int                 `json:"try,omitempty"` // where there may be several
	Note       string              `json:"note,omitempty"`
	Next       string              `json:"next,omitempty"`
}

func (v *attemptView) showJSON(s sending) error {
	a, h := s.attempt, s.request.Header
	timestamp, _ := strconv.ParseInt(h.Get(signature.HeaderTimestamp), 10, 64) // 0 for none
	line := sentJSON{
		URL: redact.URL(s.request.URL), Time: a.At.UTC(), ID: redact.Text(h.Get(signature.HeaderID)), Timestamp: timestamp, Signature: h.Get(signature.HeaderSignature),
		EventType: s.report.EventType, Verdict: s.report.Verdict, Bytes: len(s.request.Body), Method: s.request.Method, Tampered: s.tampered, Note: redact.Text(s.note), Next: redact.Text(s.nextStep()),
		Outcome: a.Outcome, Status: a.Status, RetryAfter: a.RetryAfter.Seconds(), Location: redact.URL(a.Location),
		Answer: redact.Text(strings.ToValidUTF8(string(a.Answer), "\uFFFD")), Truncated: a.Truncated, Phase: a.Phase,
		DNS: milliseconds(a.Timings.DNS), Connect: milliseconds(a.Timings.Connect), TLS: milliseconds(a.Timings.TLS),
		FirstByte: milliseconds(a.Timings.FirstByte), Total: milliseconds(a.Timings.Total),
	}
	if s.tries > 1 {
		line.Try = s.try
	}
	if a.Err != nil {
		line.Error = redact.Text(a.Err.Error())
	}
	if a.Remote.IsValid() {
		line.Remote = a.Remote.String()
	}
	return writeLine(v.out, line)
}
