package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// An arrivalView shows what arrives, as text or as JSON, each request by one
// write.
type arrivalView struct {
	report.Terminal
	out     io.Writer
	json    bool
	verbose bool // show all findings
	policy  report.Policy

	mu                                    sync.Mutex
	wrote, long                           bool // whether anything stands above, and whether it needs an empty line below
	conforms, deviates, invalid, unjudged int
	canonical                             int // which the contract doesn't judge
}

func (v *arrivalView) show(a *arrival) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch verdict := a.report.Verdict; {
	case a.canonical:
		v.canonical++
	case verdict == conformance.Conforms:
		v.conforms++
	case verdict == conformance.Deviates:
		v.deviates++
	case verdict == conformance.Invalid:
		v.invalid++
	default:
		v.unjudged++
	}
	if v.json {
		return writeLine(v.out, a.toJSON())
	}
	below := v.explanation(a) + v.findings(a)
	var b strings.Builder
	if v.wrote && (v.long || below != "") {
		b.WriteByte('\n')
	}
	v.wrote, v.long = true, below != ""
	v.headline(&b, a)
	writeParts(&b, v.Terminal, a.parts())
	b.WriteString(below)
	_, err := io.WriteString(v.out, b.String())
	return err
}

// maxShown is how many findings of an event are shown, so that the next event
// isn't far.
const maxShown = 3

// findings gives the most severe ones, and how many there are besides.
func (v *arrivalView) findings(a *arrival) string {
	p := report.Payload{Data: a.decision.Delivery.Payload, Report: a.report, Policy: v.policy, Passed: v.policy.Passes(&a.report)}
	more := len(p.Findings) - maxShown
	if v.verbose || more <= 0 {
		return v.Findings(p)
	}
	rank := map[conformance.Severity]int{conformance.SeverityError: 0, conformance.SeverityWarning: 1, conformance.SeverityInfo: 2}
	p.Findings = slices.SortedStableFunc(slices.Values(p.Findings), func(a, b conformance.Finding) int {
		return rank[a.Severity] - rank[b.Severity]
	})
	p.Findings, p.Truncated = p.Findings[:maxShown], false
	return v.Findings(p) + v.Paint(report.Dim, fmt.Sprintf("  … and %s (--verbose shows all)", number(more, "more finding"))) + "\n"
}

// headline says what arrived, what it is worth, and how it was answered.
func (v *arrivalView) headline(b *strings.Builder, a *arrival) {
	mark, style := report.Mark(a.report.Verdict)
	what, worth := a.report.EventType, string(a.report.Verdict)
	switch {
	case a.canonical:
		worth = "canonical"
	case a.report.Verdict == "":
		what, worth = redact.Text(a.method)+" "+redact.URL(a.path), "turned away"
	case what == "":
		what = "no event"
	}
	fmt.Fprintf(b, "%s %s  %s  %s", v.Paint(style, mark), v.Paint(report.Dim, a.at.Format(time.TimeOnly)),
		v.Paint(report.Bold, report.Visible(what, 60)), v.Paint(style, worth))
	switch {
	case a.gone:
		fmt.Fprintf(b, "  %s", v.Paint(report.Red, "→ no answer: the sender went away after "+tookText(a.took)))
	default:
		answer := report.Green
		if a.status/100 != 2 {
			answer = report.Red
		}
		fmt.Fprintf(b, "  %s", v.Paint(answer, fmt.Sprintf("→ %d", a.status)))
		if f := a.forwarded; f != nil && f.answer != nil {
			fmt.Fprintf(b, " from %s", report.Visible(redact.URL(f.url), 200))
		}
		fmt.Fprint(b, v.Paint(report.Dim, " in "+tookText(a.took)))
	}
	switch {
	case a.repeated:
		fmt.Fprintf(b, "  %s", v.Paint(report.Yellow, "duplicate"))
	case a.attempt > 1:
		fmt.Fprintf(b, "  %s", v.Paint(report.Yellow, fmt.Sprintf("attempt %d", a.attempt)))
	}
	b.WriteByte('\n')
}

// parts are what there is to know at a glance.
func (a *arrival) parts() []string {
	var parts []string
	if e := a.event; e != nil {
		parts = append(parts, quoteEmpty(e.Run.RobotName), prefixed("run ", e.Run.ID), string(e.Run.Status))
		parts = append(parts, captured(e)...)
		if e.Error != nil {
			parts = append(parts, strings.TrimPrefix(e.Error.Type+": ", ": ")+quoteEmpty(strings.TrimSpace(e.Error.Message)))
		}
	}
	if n := len(a.decision.Delivery.Payload); n > 0 {
		parts = append(parts, bytesText(n))
	}
	if a.report.Verdict != "" {
		parts = append(parts, a.authenticity(), a.forwarded.how(), prefixed("id ", a.id))
		if a.path != "/" {
			parts = append(parts, "at "+redact.URL(a.path))
		}
		return parts
	}
	return append(parts, prefixed("id ", a.id), a.contentType, "from "+a.remote)
}

// how says in what form and how signed an event went on, or nothing where it went as it
// came.
func (f *forwarded) how() string {
	switch {
	case f == nil || f.as == "":
		return ""
	case f.signed:
		return "on as " + f.as.String() + ", signed"
	}
	return "on as " + f.as.String() + ", not signed"
}

// another says why an event went on in another form than that asked for.
func (f *forwarded) another() string {
	if f.why == nil {
		return ""
	}
	why := f.why.Error()
	if _, ok := errors.AsType[*event.InvalidError](f.why); ok {
		_, why, _ = strings.Cut(strings.TrimPrefix(why, "event: "), ": ")
		why = "it can't be documented as it stands: " + why
	}
	return "it goes on as " + f.as.String() + ": " + why
}

// lacksZone reports whether that is for lack of instants.
func (f *forwarded) lacksZone() bool {
	invalid, ok := errors.AsType[*event.InvalidError](f.why)
	return ok && slices.ContainsFunc(invalid.Report.Findings, func(f conformance.Finding) bool { return f.Code == "dialect.local-time" })
}

// authenticity says what is known of the sender.
func (a *arrival) authenticity() string {
	switch by := a.decision.Delivery.Sender.By; {
	case by == receiver.BySignature:
		return "signature verified"
	case by == receiver.ByBasic:
		return "unsigned, with a password"
	case by == receiver.ByPath, by == receiver.ByQuery:
		return "unsigned, with the secret in its URL"
	case a.signed != "":
		return "signature not verified: there is no secret"
	}
	return "unsigned"
}

// captured says what a run brought home.
func captured(e *event.Event) []string {
	var parts []string
	texts, rows := 0, 0
	for _, g := range e.TextGroups {
		texts += len(g.Rows)
	}
	for _, g := range e.Lists {
		rows += len(g.Rows)
	}
	if e.TextGroups != nil {
		parts = append(parts, number(texts, "text"))
	}
	if e.Lists != nil {
		parts = append(parts, number(rows, "row")+" in "+number(len(e.Lists), "list"))
	}
	if n := e.Counts.Screenshots; n.Known && n.Value > 0 {
		parts = append(parts, number(int(n.Value), "screenshot"))
	}
	for _, content := range []struct{ name, text string }{
		{"Markdown", e.Content.Markdown}, {"HTML", e.Content.HTML}, {"summary", e.Content.Summary},
	} {
		if content.text != "" {
			parts = append(parts, content.name+" "+bytesText(len(content.text)))
		}
	}
	for _, content := range []struct {
		name string
		n    int
	}{{"link", len(e.Content.Links)}, {"crawl result", len(e.Content.Crawl)}, {"search result", len(e.Content.Search)}} {
		if content.n > 0 {
			parts = append(parts, number(content.n, content.name))
		}
	}
	return parts
}

// explanation says why a request was turned away or a forward failed, and what
// to do.
func (v *arrivalView) explanation(a *arrival) string {
	var b strings.Builder
	if why := a.why(); why != "" {
		writeText(&b, v.Terminal, "", why, 600)
	}
	if f := a.forwarded; f != nil {
		if another := f.another(); another != "" {
			writeText(&b, v.Terminal, "", another, 600)
		}
		switch {
		case f.answer == nil && !a.gone:
			writeText(&b, v.Terminal, "", fmt.Sprintf("%s can't be reached: %v", redact.URL(f.url), f.err), 600)
		case f.redirect() != "":
			writeText(&b, v.Terminal, "", "it redirects to "+redact.URL(f.redirect()), 600)
		case f.answer != nil && f.answer.StatusCode/100 != 2 && len(f.start) > 0:
			secrets := maps.Clone(a.header)
			maps.DeleteFunc(secrets, func(name string, _ []string) bool { return !redact.Authenticates(name) })
			writeText(&b, v.Terminal, "", redact.Echo(strings.TrimSpace(string(f.start)), f.url, secrets), maxAnswer)
		}
	}
	if next := a.nextStep(); next != "" {
		writeText(&b, v.Terminal, "next:", next, 600)
	}
	return b.String()
}

// why says why a request was turned away.
func (a *arrival) why() string {
	if a.report.Verdict != "" || a.problem.Detail == "" {
		return "" // the findings say it
	}
	why := a.problem.Detail
	if err := a.decision.Err; err != nil {
		if reason := strings.TrimPrefix(err.Error(), "signature: "); reason != why {
			why += " (" + reason + ")"
		}
	}
	return why
}

// nextStep says what to do about what went wrong, where that isn't said already.
func (a *arrival) nextStep() string {
	d := a.decision
	if f := a.forwarded; f != nil && !a.gone {
		switch {
		case errors.Is(f.err, syscall.ECONNREFUSED):
			return "start what listens there, or change --forward"
		case f.err != nil:
			return connectionAdvice(f.err, f.url, "")
		case f.redirect() != "":
			return fmt.Sprintf("give --forward %s; the sender gets this redirect, and many follow it as a GET without a body, which loses the event", redact.URL(f.redirect()))
		case speaksTLS(f.answer.StatusCode, f.start):
			return useHTTPS(f.url)
		case f.lacksZone():
			return "give --zone and --locale of the server, so that its times are instants"
		}
	}
	switch {
	case d.Disposition == receiver.Nonconforming && a.report.Verdict == conformance.Deviates:
		return "fix the sender; or leave out --against documented, to accept what real servers send"
	case d.Disposition != receiver.Unauthenticated:
		return ""
	case errors.Is(d.Err, signature.ErrTooOld), errors.Is(d.Err, signature.ErrTooNew):
		return "compare the clocks; each attempt has a timestamp of its own, even a retry"
	case errors.Is(d.Err, signature.ErrMismatch):
		return "compare the secrets; sign the bytes that are sent, as ID.TIMESTAMP.BODY, and don't change any after that; runhooks verify says which it was, given a recording"
	case errors.Is(d.Err, signature.ErrHeaderMissing):
		return "send webhook-id, webhook-timestamp and webhook-signature, each once"
	case errors.Is(d.Err, signature.ErrHeaderMalformed):
		return "sign as Standard Webhooks specifies; https://www.standardwebhooks.com has libraries for it"
	}
	switch {
	case a.asksUnsigned && a.verifies:
		return "sign it with the secret, or send what the listener was given for senders that can't"
	case a.asksUnsigned:
		return "send what the listener was given: the user and password, or the secret in the URL"
	}
	return "sign it with the secret; or listen without one"
}

func (v *arrivalView) summary() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.conforms + v.deviates + v.invalid + v.canonical
	if v.json {
		var line struct {
			Summary arrivalSummary `json:"summary"`
		}
		line.Summary = arrivalSummary{n, v.conforms, v.deviates, v.invalid, v.canonical, v.unjudged}
		return writeLine(v.out, line)
	}
	text := fmt.Sprintf("%s: %s, %s, %d invalid", number(n, "payload"), verb(v.conforms, "conform"), verb(v.deviates, "deviate"), v.invalid)
	if v.canonical > 0 {
		text += fmt.Sprintf(", %d canonical", v.canonical)
	}
	if v.unjudged > 0 {
		text += " · " + number(v.unjudged, "request") + " turned away"
	}
	if v.wrote {
		text = "\n" + v.Paint(report.Bold, text)
	}
	_, err := fmt.Fprintln(v.out, text)
	return err
}

type arrivalSummary struct {
	Payloads   int `json:"payloads"`
	Conforms   int `json:"conforms"`
	Deviates   int `json:"deviates"`
	Invalid    int `json:"invalid"`
	Canonical  int `json:"canonical,omitempty"`
	TurnedAway int `json:"turned_away"`
}

// arrivalJSON is an arrival in the JSON form. What comes after signed is of a
// payload that was judged.
type arrivalJSON struct {
	Time        time.Time               `json:"time"`
	Remote      string                  `json:"remote"`
	Method      string                  `json:"method"`
	Path        string                  `json:"path"`
	Status      int                     `json:"status"` // 0 if the sender went away
	Disposition receiver.Disposition    `json:"disposition,omitempty"`
	Reason      string                  `json:"reason,omitempty"`
	TookMS      float64                 `json:"took_ms"`
	ID          string                  `json:"id,omitempty"`
	Signed      bool                    `json:"signed"`                     // and verified
	By          receiver.Authentication `json:"authenticated_by,omitempty"` // how the sender showed who it is
	Attempt     int                     `json:"attempt,omitempty"`
	Duplicate   bool                    `json:"duplicate,omitempty"`

	EventType string                `json:"event_type,omitempty"`
	Form      form.Form             `json:"form,omitempty"` // canonical, which has no verdict
	Verdict   conformance.Verdict   `json:"verdict,omitempty"`
	Bytes     int                   `json:"bytes"`
	RobotName string                `json:"robot_name,omitempty"`
	RunID     string                `json:"run_id,omitempty"`
	RunStatus event.Status          `json:"run_status,omitempty"`
	Findings  []conformance.Finding `json:"findings,omitempty"`
	Truncated bool                  `json:"truncated,omitempty"`

	Forward *forwardJSON `json:"forward,omitempty"`
}

type forwardJSON struct {
	URL    string  `json:"url"`
	Status int     `json:"status,omitempty"`
	TookMS float64 `json:"took_ms"`
	Error  string  `json:"error,omitempty"`
	// Form is empty for a request that went on as it came, and FormReason says why it
	// isn't the one asked for.
	Form       form.Form `json:"form,omitempty"`
	FormReason string    `json:"form_reason,omitempty"`
	Signed     bool      `json:"signed,omitempty"`
	// Location is where a redirect leads, in full.
	Location string `json:"location,omitempty"`
}

func (a *arrival) toJSON() arrivalJSON {
	d := a.decision
	j := arrivalJSON{
		Time: a.at.UTC(), Remote: a.remote, Method: redact.Text(a.method), Path: redact.URL(a.path), Status: a.status,
		Disposition: a.disposition(), Reason: redact.Text(a.why()), TookMS: milliseconds(a.took),
		ID: redact.Text(a.id), Signed: d.Delivery.Sender.By == receiver.BySignature, By: d.Delivery.Sender.By, Attempt: a.attempt, Duplicate: a.repeated,
		EventType: a.report.EventType, Verdict: a.report.Verdict, Bytes: len(d.Delivery.Payload),
		Findings: a.report.Findings, Truncated: a.report.Truncated,
	}
	if a.canonical {
		j.Form, j.Verdict = form.Canonical, ""
	}
	if e := a.event; e != nil {
		j.RobotName, j.RunID, j.RunStatus = e.Run.RobotName, e.Run.ID, e.Run.Status
	}
	if f := a.forwarded; f != nil {
		j.Forward = &forwardJSON{URL: redact.URL(f.url), TookMS: milliseconds(f.took), Form: f.as, FormReason: redact.Text(f.another()), Signed: f.signed}
		if f.answer != nil {
			j.Forward.Status, j.Forward.Location = f.answer.StatusCode, redact.URL(f.redirect())
		}
		if f.err != nil {
			j.Forward.Error = redact.Text(f.err.Error())
		}
	}
	return j
}

// disposition is the receiver's, but for what it can't know.
func (a *arrival) disposition() receiver.Disposition {
	switch {
	case a.taken && a.gone:
		return receiver.Abandoned
	case a.taken && a.status/100 == 2:
		return receiver.Accepted
	case a.taken:
		return receiver.Declined
	}
	return a.decision.Disposition
}

// prefixed gives s behind prefix, or nothing where there is nothing.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// quoteEmpty gives s so that it can be seen that it is empty.
func quoteEmpty(s string) string {
	if strings.TrimSpace(s) == "" {
		return fmt.Sprintf("%q", s)
	}
	return s
}
