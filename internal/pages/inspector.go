package pages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
)

// capturePath is where inspectors are sent requests, with their code behind it.
const capturePath = "/in/"

// What inspectors take in all is bounded, so that they don't slow down publishing. A
// request costs 1, and 1 more for each 64 KB, but no more than 10 MB do: a crawl of 40
// MB must not keep all others away for half a minute.
const (
	inspectorRate, inspectorBurst   = 5, 20 // of one inspector, for each second and at once
	inspectorsRate, inspectorsBurst = 20, 40
	maxCapturing                    = 16 // requests at once
	costlyBytes                     = 64 << 10
	maxCost                         = 160

	captureReadTime  = 10 * time.Second // for a body to arrive
	captureStoreTime = 5 * time.Second
	maxCapturePath   = 2 << 10
	maxRows          = 1000 // that are remembered
)

// inspectors is what the pages know of inspectors.
type inspectors struct {
	receiver  *receiver.Receiver // judges what was sent
	capturing chan struct{}      // has a place for each request at once

	mu    sync.Mutex
	all   throttle
	each  map[string]*throttle // by code
	lines map[int64]requestLine
}

func newInspectors() (*inspectors, error) {
	i := &inspectors{
		capturing: make(chan struct{}, maxCapturing),
		all:       throttle{rate: inspectorsRate, burst: inspectorsBurst, left: inspectorsBurst},
		each:      map[string]*throttle{}, lines: map[int64]requestLine{},
	}
	take := func(context.Context, *receiver.Delivery) error { return nil }
	var err error
	i.receiver, err = receiver.New(receiver.Handlers{Event: take, Unknown: take}, receiver.Options{
		InsecureNoAuthentication: true, // nothing is done with what is sent
		Accept:                   receiver.AcceptAll,
		Deduplicator:             forgetful{},
		Observer:                 func(ctx context.Context, d *receiver.Decision) { *ctx.Value(decisionKey{}).(*receiver.Decision) = *d },
		Logger:                   slog.New(slog.DiscardHandler),
	})
	return i, err
}

func (p *Pages) registerInspector() {
	p.page("GET /inspector", p.showInspectors)
	p.page("POST /inspector", admins(p.createInspector))
	p.page("GET /inspector/{code}", p.showInspector)
	p.page("GET /inspector/{code}/live", p.streamInspector)
	p.page("POST /inspector/{code}/clear", admins(p.clearInspector))
	p.page("POST /inspector/{code}/delete", admins(p.deleteInspector))
	p.page("GET /inspector/{code}/{id}", p.showInspector)
	p.page("GET /inspector/{code}/{id}/body", p.captureBody)
	p.page("POST /inspector/{code}/{id}/replay", admins(p.replayCapture))
	p.mux.HandleFunc(capturePath, p.capture)
}

// A throttle lets so much through each second, and a burst at once.
type throttle struct {
	rate, burst float64
	left        float64
	at          time.Time
}

// open says whether anything is let through now.
func (t *throttle) open(now time.Time) bool {
	if t.at.IsZero() {
		t.at = now
	}
	t.left = min(t.burst, t.left+t.rate*max(0, now.Sub(t.at).Seconds()))
	t.at = now
	return t.left > 0
}

// enter says whether an inspector takes a request now.
func (i *inspectors) enter(code string, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	t := i.each[code]
	if t == nil {
		if len(i.each) >= maxRows {
			clear(i.each) // most of them are of inspectors that are gone
		}
		t = &throttle{rate: inspectorRate, burst: inspectorBurst, left: inspectorBurst}
		i.each[code] = t
	}
	if !t.open(now) {
		return false
	}
	t.left--
	return true
}

// enterAny says whether any inspector takes a request now.
func (i *inspectors) enterAny(now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.all.open(now) {
		return false
	}
	i.all.left--
	return true
}

// charge makes a request of so many bytes cost what it costs beside the 1.
func (i *inspectors) charge(code string, size int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	cost := min(float64(size)/costlyBytes, maxCost)
	i.all.left -= cost
	if t := i.each[code]; t != nil {
		t.left -= cost
	}
}

// capture keeps a request that is sent to an inspector. It needs no session.
func (p *Pages) capture(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text+"\n")
	}
	busy := func(text string) {
		w.Header().Set("Retry-After", "1")
		answer(http.StatusTooManyRequests, text)
	}
	if !p.inspectors.enterAny(time.Now()) {
		busy("The inspectors of this service get too many requests. Nothing was kept. Try again in a second.")
		return
	}
	code, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, capturePath), "/")
	i, err := p.service.Inspector(r.Context(), code)
	switch {
	case errors.Is(err, delivery.ErrNotFound):
		answer(http.StatusNotFound, "There is no inspector here, or it has ended: each lasts for 24 hours. Make a new one on the page Inspector of the service.")
		return
	case err != nil:
		p.logger.WarnContext(r.Context(), "an inspector can't be looked up", "error", err)
		answer(http.StatusServiceUnavailable, "The request can't be kept at the moment. Try again.")
		return
	}
	if !p.inspectors.enter(code, time.Now()) {
		busy("This inspector gets too many requests. This one was not kept. Try again in a second.")
		return
	}
	select {
	case p.inspectors.capturing <- struct{}{}:
		defer func() { <-p.inspectors.capturing }()
	default:
		busy("The inspectors of this service get too many requests at once. Nothing was kept. Try again in a second.")
		return
	}
	most := p.service.MaxBody()
	// A writer that knows no deadlines has none to set.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(captureReadTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	p.inspectors.charge(code, len(body))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		answer(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %s, which is the most that this service takes. Nothing was kept.", size(most)))
		return
	} else if err != nil {
		answer(http.StatusBadRequest, "The body did not arrive. Nothing was kept.")
		return
	}
	path := strings.TrimPrefix(r.URL.RequestURI(), capturePath+code)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	ctx, cancel := context.WithTimeout(r.Context(), captureStoreTime)
	defer cancel()
	err = p.service.Capture(ctx, i, service.Capture{
		Method: r.Method, Path: path[:min(len(path), maxCapturePath)], Host: r.Host, From: r.RemoteAddr, Header: r.Header, Body: body,
	})
	switch {
	case err != nil:
		p.logger.WarnContext(r.Context(), "a request to an inspector can't be kept", "error", err)
		answer(http.StatusServiceUnavailable, "The request can't be kept at the moment. Try again.")
	case r.Method == http.MethodGet:
		answer(http.StatusOK, "This is an inspector. It has kept this request, and shows it to those who made it.")
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// forgetful takes no event for one that came before.
type forgetful struct{}

func (forgetful) Claim(_ context.Context, key string) (receiver.Claim, error) {
	return receiver.Claim{Key: key, State: receiver.Claimed}, nil
}
func (forgetful) Commit(context.Context, receiver.Claim) error  { return nil }
func (forgetful) Release(context.Context, receiver.Claim) error { return nil }

type decisionKey struct{}

// A judgement is what a receiver makes of a request.
type judgement struct {
	// Report is nil if the request has no payload to judge. Then Refused says why, or
	// Canonical that it is an event in the canonical form.
	Report    *conformance.Report
	Refused   string
	Canonical bool
	Payload   []byte // the body, without any content encoding
	// Event is nil if there is none to speak of, and EventID what tells that it comes
	// again.
	Event   *event.Event
	EventID string
}

// judge has a receiver take a request.
func (i *inspectors) judge(c *service.Capture) judgement {
	var d receiver.Decision
	answer := &answer{header: http.Header{}}
	r := &http.Request{
		Method: c.Method, URL: &url.URL{Path: "/"}, Host: c.Host, Header: c.Header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(c.Body)), ContentLength: int64(len(c.Body)), RemoteAddr: c.From, RequestURI: "/",
	}
	i.receiver.ServeHTTP(answer, r.WithContext(context.WithValue(context.Background(), decisionKey{}, &d)))
	if d.Delivery.Verdict == "" {
		return judgement{Refused: refusal(answer), Payload: c.Body}
	}
	if e := canonicalEvent(d.Delivery.Payload); e != nil {
		return judgement{Canonical: true, Payload: d.Delivery.Payload, Event: e, EventID: c.Header.Get("Webhook-Id")}
	}
	rep := conformance.Check(d.Delivery.Payload) // the receiver doesn't look for warnings
	return judgement{Report: &rep, Payload: d.Delivery.Payload, Event: d.Delivery.Event, EventID: d.Delivery.EventID}
}

// refusal is what a receiver answers to what it refuses, as a sentence.
func refusal(a *answer) string {
	var p struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(a.body.Bytes(), &p)
	return fmt.Sprintf("A receiver answers %d: %s", a.status, sentence(p.Detail))
}

// A requestLine is a request in the list.
type requestLine struct {
	ID      int64
	At      time.Time
	Method  string
	Path    string
	From    string
	Size    int
	Event   string
	Verdict chip
	About   string // the run
	Counts  string // of findings
	Here    string // "page" if it is the one that is shown
	// Attempt is how often the event has come, this time included, of what is kept.
	Attempt int

	eventID string
}

func lineOf(c *service.Capture, j judgement) requestLine {
	line := requestLine{
		ID: c.ID, Method: report.Visible(c.Method, 20), Path: report.Visible(c.Path, 80), From: report.Visible(c.From, 60),
		Size: len(c.Body), Verdict: chip{"quiet", "refused"},
	}
	if j.Canonical {
		line.Verdict, line.Event = chip{"info", "canonical"}, report.Visible(j.Event.RawType, 40)
		line.About, line.eventID = aboutRun(j.Event), j.EventID
	}
	if j.Report != nil {
		line.Verdict = chip{map[conformance.Verdict]string{conformance.Conforms: "good", conformance.Deviates: "warn"}[j.Report.Verdict], string(j.Report.Verdict)}
		if line.Verdict.Kind == "" {
			line.Verdict.Kind = "bad"
		}
		line.Event, line.Counts = report.Visible(j.Report.EventType, 40), findingCounts(j.Report.Findings)
		line.About, line.eventID = aboutRun(j.Event), j.EventID
	}
	return line
}

// aboutRun says in a few words what happened.
func aboutRun(e *event.Event) string {
	if e == nil {
		return ""
	}
	parts := []string{e.Run.RobotName, string(e.Run.Status)}
	if n := e.Counted().Rows.Value; n == 1 {
		parts = append(parts, "1 row")
	} else if n > 0 {
		parts = append(parts, fmt.Sprintf("%d rows", n))
	}
	if e.Error != nil {
		parts = append(parts, strings.TrimSpace(e.Error.Message))
	}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	return report.Visible(strings.Join(parts, " · "), 160)
}

func findingCounts(findings []conformance.Finding) string {
	n := map[conformance.Severity]int{}
	for _, f := range findings {
		n[f.Severity] += report.Places(f)
	}
	var parts []string
	for _, s := range []conformance.Severity{conformance.SeverityError, conformance.SeverityWarning, conformance.SeverityInfo} {
		switch n[s] {
		case 0:
		case 1:
			parts = append(parts, "1 "+string(s))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

// requestLines returns the list of what an inspector was sent. Requests don't change, so each
// is read and judged once.
func (p *Pages) requestLines(ctx context.Context, i service.Inspector, here int64) ([]requestLine, error) {
	captures, err := p.service.Captures(ctx, i)
	if err != nil {
		return nil, err
	}
	var lines []requestLine
	for _, c := range captures {
		p.inspectors.mu.Lock()
		line, ok := p.inspectors.lines[c.ID]
		p.inspectors.mu.Unlock()
		if !ok {
			whole, err := p.service.FindCapture(ctx, i, c.ID)
			if errors.Is(err, delivery.ErrNotFound) {
				continue // it has gone meanwhile
			} else if err != nil {
				return nil, err
			}
			line = lineOf(&whole, p.inspectors.judge(&whole))
			p.inspectors.mu.Lock()
			if len(p.inspectors.lines) >= maxRows {
				clear(p.inspectors.lines)
			}
			p.inspectors.lines[c.ID] = line
			p.inspectors.mu.Unlock()
		}
		line.At = c.At
		if c.ID == here {
			line.Here = "page"
		}
		lines = append(lines, line)
	}
	attempts := map[string]int{}
	for i := range slices.Backward(lines) {
		if line := &lines[i]; line.eventID != "" {
			attempts[line.eventID]++
			line.Attempt = attempts[line.eventID]
		}
	}
	return lines, nil
}

// inspectorsData is what the list of inspectors shows.
type inspectorsData struct {
	Inspectors []inspectorLine
	Full       bool
}

type inspectorLine struct {
	service.Inspector
	Requests int
	Last     time.Time
}

func (p *Pages) showInspectors(w http.ResponseWriter, r *http.Request, s *session) error {
	found, err := p.service.Inspectors(r.Context(), s.RobotID)
	if err != nil {
		return err
	}
	data := inspectorsData{Full: len(found) >= service.MaxInspectors}
	for _, i := range found {
		captures, err := p.service.Captures(r.Context(), i)
		if err != nil {
			return err
		}
		line := inspectorLine{Inspector: i, Requests: len(captures)}
		if len(captures) > 0 {
			line.Last = captures[0].At
		}
		data.Inspectors = append(data.Inspectors, line)
	}
	return p.render(w, r, http.StatusOK, "inspectors", view{Title: "Inspector", Here: "inspector", Data: data})
}

func (p *Pages) createInspector(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := p.service.CreateInspector(r.Context(), s.TokenID, s.RobotID)
	if errors.Is(err, service.ErrTooManyInspectors) {
		return &problem{Status: http.StatusConflict, Detail: "There are too many inspectors. Delete one that you don't need any more, then make another."}
	}
	if err != nil {
		return err
	}
	return p.redirect(w, r, joinPath("inspector", i.Code), "")
}

// inspector finds the inspector of a request. Those of other robots are, for the
// session, not there.
func (p *Pages) inspector(r *http.Request, s *session) (service.Inspector, error) {
	i, err := p.service.Inspector(r.Context(), r.PathValue("code"))
	if errors.Is(err, delivery.ErrNotFound) || err == nil && s.RobotID != "" && i.RobotID != s.RobotID {
		return i, &problem{Status: http.StatusNotFound, Detail: "There is no such inspector, or it has ended: each lasts for 24 hours."}
	}
	return i, err
}

// found finds the inspector and the captured request that a request is about.
func (p *Pages) found(r *http.Request, s *session) (service.Inspector, service.Capture, error) {
	i, err := p.inspector(r, s)
	if err != nil {
		return i, service.Capture{}, err
	}
	gone := &problem{Status: http.StatusNotFound, Detail: "There is no such request any more, or there never was: an inspector keeps only the newest."}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return i, service.Capture{}, gone
	}
	c, err := p.service.FindCapture(r.Context(), i, id)
	if errors.Is(err, delivery.ErrNotFound) {
		err = gone
	}
	return i, c, err
}

// inspectorData is what the page of an inspector shows.
type inspectorData struct {
	service.Inspector
	URL   string
	Admin bool
	Lines []requestLine
	// Request is the one that is shown in full, or nil.
	Request *requestData
}

type requestData struct {
	service.Capture
	Line    requestLine
	Refused string
	Signed  bool
	Headers []headerLine
	Curl    string
	Payload payload

	Replay replayForm
}

type headerLine struct {
	Name, Value string
	Hidden      bool
}

type replayForm struct {
	URL         string
	URLError    string
	SecretError string
	Result      *replayResult
}

// A replayResult is what came of sending a request again.
type replayResult struct {
	api.TestResult
	Answer []textRun
}

func (r *replayResult) Title() string { return outcomeTitle(&r.TestResult) }

func (r *replayResult) Phases() []phase { return phasesOf(r.Timings) }

func (r *replayResult) Total() time.Duration {
	return time.Duration(r.Timings.TotalUs) * time.Microsecond
}

func (p *Pages) showInspector(w http.ResponseWriter, r *http.Request, s *session) error {
	data, err := p.inspectorData(r, s)
	if err != nil {
		return err
	}
	return p.renderInspector(w, r, http.StatusOK, data)
}

func (p *Pages) renderInspector(w http.ResponseWriter, r *http.Request, status int, data *inspectorData) error {
	return p.render(w, r, status, "inspector", view{Title: "Inspector", Here: "inspector", Robot: data.RobotID, Data: data})
}

func (p *Pages) inspectorData(r *http.Request, s *session) (*inspectorData, error) {
	data := &inspectorData{Admin: s.Admin()}
	var err error
	if r.PathValue("id") == "" {
		data.Inspector, err = p.inspector(r, s)
	} else {
		var c service.Capture
		if data.Inspector, c, err = p.found(r, s); err == nil {
			data.Request = p.requestData(data.Code, c)
		}
	}
	if err != nil {
		return nil, err
	}
	data.URL = p.captureURL(r, data.Code)
	var here int64
	if data.Request != nil {
		here = data.Request.ID
		data.Request.Curl = curlOf(data.URL, &data.Request.Capture)
	}
	data.Lines, err = p.requestLines(r.Context(), data.Inspector, here)
	for _, line := range data.Lines {
		if line.ID == here {
			data.Request.Line = line
		}
	}
	return data, err
}

// streamInspector streams the list of an inspector's requests.
func (p *Pages) streamInspector(w http.ResponseWriter, r *http.Request, s *session) error {
	here, _ := strconv.ParseInt(r.URL.Query().Get("request"), 10, 64) // or none
	return p.stream(w, r, s, func(ctx context.Context) ([]byte, error) {
		data := inspectorData{Admin: s.Admin()}
		var err error
		if data.Inspector, err = p.inspector(r.WithContext(ctx), s); err != nil {
			return nil, err
		}
		data.URL = p.captureURL(r, data.Code)
		if data.Lines, err = p.requestLines(ctx, data.Inspector, here); err != nil {
			return nil, err
		}
		return p.part("inspector", "requests", &data)
	})
}

// captureURL is the address of an inspector for those who send to it.
func (p *Pages) captureURL(r *http.Request, code string) string {
	return p.service.Address(r) + capturePath + code
}

func (p *Pages) requestData(code string, c service.Capture) *requestData {
	j := p.inspectors.judge(&c)
	d := &requestData{Capture: c, Line: lineOf(&c, j), Refused: j.Refused, Signed: c.Header.Get("Webhook-Signature") != ""}
	for _, name := range slices.Sorted(maps.Keys(c.Header)) {
		for _, value := range c.Header[name] {
			d.Headers = append(d.Headers, headerLine{report.Visible(name, 100), report.Visible(value, 1000), value == redact.Hidden})
		}
	}
	d.Payload = payloadView(j.Payload, j.Report)
	d.Payload.Download = joinPath("inspector", code, c.ID, "body")
	return d
}

// curlOf returns a command that sends a request like the captured one. What is secret
// is hidden, and is left out here.
func curlOf(to string, c *service.Capture) string {
	if c.Path != "/" {
		to += c.Path
	}
	headers := map[string][]string{}
	for name, values := range c.Header {
		for _, value := range values {
			if !strings.Contains(value, redact.Hidden) {
				headers[name] = append(headers[name], report.Visible(value, 4000))
			}
		}
	}
	command, _ := curlCommand(c.Method, report.Visible(to, 4000), headers, c.Body, downloadName(c))
	return command
}

// downloadName is the file that the body of a captured request is saved as.
func downloadName(c *service.Capture) string { return fmt.Sprintf("request-%d.json", c.ID) }

func (p *Pages) clearInspector(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := p.inspector(r, s)
	if err != nil {
		return err
	}
	if err := p.service.ClearCaptures(r.Context(), i); err != nil {
		return err
	}
	return p.redirect(w, r, joinPath("inspector", i.Code), "The requests are removed. The inspector takes others.")
}

func (p *Pages) deleteInspector(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := p.inspector(r, s)
	if err != nil {
		return err
	}
	if err := p.service.DeleteInspector(r.Context(), s.TokenID, i); err != nil && !errors.Is(err, delivery.ErrNotFound) {
		return err
	}
	return p.redirect(w, r, "/inspector", "The inspector is deleted, with its requests.")
}

// captureBody is the body of a captured request, to be saved: it is never shown as what
// it says it is.
func (p *Pages) captureBody(w http.ResponseWriter, r *http.Request, s *session) error {
	_, c, err := p.found(r, s)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": downloadName(&c)}))
	_, _ = w.Write(c.Body)
	return nil
}

func (p *Pages) replayCapture(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	data, err := p.inspectorData(r, s)
	if err != nil {
		return err
	}
	form := &data.Request.Replay
	form.URL = strings.TrimSpace(r.PostForm.Get("url"))
	result, err := p.service.Replay(r.Context(), &data.Request.Capture, form.URL, strings.TrimSpace(r.PostForm.Get("secret")))
	if refused := (*service.ReplayError)(nil); errors.As(err, &refused) {
		if refused.Field == "url" {
			form.URLError = sentence(refused.Reason)
		} else {
			form.SecretError = sentence(refused.Reason)
		}
		return p.renderInspector(w, r, http.StatusUnprocessableEntity, data)
	}
	if err != nil {
		return err
	}
	form.Result = &replayResult{TestResult: result}
	if a := result.Answer; a != nil {
		form.Result.Answer, _ = textOf([]byte(a.Body), 0, len(a.Body), nil)
	}
	return p.renderInspector(w, r, http.StatusOK, data)
}
