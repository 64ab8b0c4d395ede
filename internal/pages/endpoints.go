package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
)

// registerEndpoints registers the pages of the integration settings of robots.
func (p *Pages) registerEndpoints() {
	p.page("GET /robots/{robot}", p.showRobot)
	p.page("GET /robots/{robot}/preview", p.showPreview)
	p.page("GET /endpoints/{id}", p.showEndpoint)
	for pattern, h := range map[string]handler{
		"GET /robots/{robot}/portal-link":    p.showPortalLink,
		"POST /robots/{robot}/portal-link":   p.makePortalLink,
		"GET /robots/{robot}/endpoints/new":  p.newEndpoint,
		"POST /robots/{robot}/endpoints/new": p.createEndpoint,
		"GET /endpoints/{id}/edit":           p.editEndpoint,
		"POST /endpoints/{id}/edit":          p.updateEndpoint,
		"GET /endpoints/{id}/test":           p.showTest,
		"POST /endpoints/{id}/test":          p.testEndpoint,
		"GET /endpoints/{id}/rotate":         p.showRotation,
		"POST /endpoints/{id}/rotate":        p.rotateSecret,
		"POST /endpoints/{id}/pause":         p.pauseEndpoint,
		"POST /endpoints/{id}/resume":        p.resumeEndpoint,
		"GET /endpoints/{id}/delete":         p.showDeletion,
		"POST /endpoints/{id}/delete":        p.deleteEndpoint,
		"GET /endpoints/{id}/recover":        p.showRecovery,
		"POST /endpoints/{id}/recover":       p.recoverEndpoint,
	} {
		p.page(pattern, admins(h))
	}
}

// admins refuses what only admins may do before it comes to a form. The API refuses it
// anyway.
func admins(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session) error {
		if !s.Admin() {
			return &problem{Status: http.StatusForbidden, Detail: "You can only read here. Ask whoever gave you access for the right to change settings."}
		}
		return h(w, r, s)
	}
}

// pageOfEndpoints is how many endpoints a page lists.
const pageOfEndpoints = 50

// mergePatch says that the body is a merge patch, and anyVersion that it holds whatever
// the endpoint's version is: of a change of one member that nobody else's gets in the way of.
var (
	mergePatch request = func(r *http.Request) { r.Header.Set("Content-Type", "application/merge-patch+json") }
	anyVersion request = func(r *http.Request) { r.Header.Set("If-Match", "*") }
)

// An endpointView is an endpoint as pages show it.
type endpointView struct {
	api.Endpoint
	Admin bool
	// Seen is what State is for a person: active, failing, slowed, paused or disabled.
	Seen string
}

func viewOf(e api.Endpoint, s *session) endpointView {
	return endpointView{e, s.Admin(), endpointState(&e, time.Now())}
}

// Robot is the robot whose endpoint it is; empty if it is the operator's.
func (e endpointView) Robot() string { return text(e.RobotID) }

// Owner is the page of whose endpoint it is.
func (e endpointView) Owner() string {
	if e.Operator {
		return "/robots"
	}
	return joinPath("robots", e.Robot())
}

// Pauses are those between attempts, as text.
func (e endpointView) Pauses() string { return pausesText(e.RetryDelays) }

// CanRelease says that something is held that could be delivered.
func (e endpointView) CanRelease() bool {
	return e.Active && e.Activity != nil && e.Activity.Held > 0
}

// HeldText says how much is held.
func (e endpointView) HeldText() string {
	if e.Activity.Held == 1 {
		return "1 delivery is"
	}
	return count(e.Activity.Held) + " deliveries are"
}

// view returns the view of a page about the endpoint.
func (e endpointView) view(title string, data any) view {
	return view{Title: title, Here: "robots", Robot: e.Robot(), Data: data}
}

// endpoint reads the endpoint that a request is about.
func (s *session) endpoint(r *http.Request) (endpointView, error) {
	var e api.Endpoint
	if err := s.do(r.Context(), http.MethodGet, apiEndpoint(r), nil, &e); err != nil {
		return endpointView{}, err
	}
	return viewOf(e, s), nil
}

// apiEndpoint is the path of the endpoint in the API.
func apiEndpoint(r *http.Request) string {
	return "/v1/endpoints/" + url.PathEscape(r.PathValue("id"))
}

// A robotView is the page of a robot's settings.
type robotView struct {
	Robot string
	Admin bool
	// Links says that the session may make portal links, which are for others.
	Links     bool
	Endpoints []endpointView
	Inlets    *inletList
	// First and Next are pages of the list, if they are others than this.
	First, Next string
}

func (p *Pages) showRobot(w http.ResponseWriter, r *http.Request, s *session) error {
	robot := r.PathValue("robot")
	query := url.Values{"robot_id": {robot}, "limit": {strconv.Itoa(pageOfEndpoints)}}
	data := robotView{Robot: robot, Admin: s.Admin(), Links: s.Admin() && s.RobotID == ""}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
		data.First = joinPath("robots", robot)
	}
	var page api.EndpointPage
	if err := s.do(r.Context(), http.MethodGet, "/v1/endpoints?"+query.Encode(), nil, &page); err != nil {
		return err
	}
	for _, e := range page.Items {
		data.Endpoints = append(data.Endpoints, viewOf(e, s))
	}
	if page.Next != nil {
		data.Next = joinPath("robots", robot) + "?" + url.Values{"cursor": {*page.Next}}.Encode()
	}
	var err error
	if data.Inlets, err = s.inlets(r, robot, ""); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "robot", view{Title: robot, Here: "robots", Robot: robot, Data: data})
}

// An endpointPage is the page of an endpoint.
type endpointPage struct {
	endpointView
	Latest []api.Delivery
}

func (p *Pages) showEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	query := url.Values{"endpoint_id": {e.ID}, "limit": {"5"}}
	var latest api.DeliveryPage
	if err := s.do(r.Context(), http.MethodGet, "/v1/deliveries?"+query.Encode(), nil, &latest); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint", e.view(e.URL, endpointPage{e, latest.Items}))
}

func (p *Pages) newEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	robot := r.PathValue("robot")
	form, err := newEndpointForm(robot, nil)
	if err != nil {
		return err
	}
	return p.showForm(w, r, http.StatusOK, form)
}

// showForm answers with a form, without what is secret in it.
func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, status int, f *endpointForm) error {
	f.forget()
	f.framed = p.framed(r)
	title, robot := "Add an endpoint", f.Robot
	if f.Endpoint != nil {
		title = "Change the endpoint"
	}
	return p.render(w, r, status, "endpoint-form", view{Title: title, Here: "robots", Robot: robot, Data: f})
}

// A secretView is the page that shows a secret, once.
type secretView struct {
	endpointView
	// Created says that the endpoint is new, and not only its secret.
	Created bool
	// Overlap is for how many seconds the old secret stays valid.
	Overlap int
}

// OverlapText is that time, as the form for rotating named it.
func (v secretView) OverlapText() string {
	for _, o := range overlaps {
		if o.value == v.Overlap {
			return o.label
		}
	}
	return pauseText(int64(v.Overlap))
}

func (p *Pages) createEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	form, err := typedEndpointForm(w, r, r.PathValue("robot"), nil)
	if err != nil {
		return err
	}
	var created api.Endpoint
	err = s.do(r.Context(), http.MethodPost, "/v1/endpoints", form.body(), &created)
	if shown, ok := errors.AsType[*problem](err); ok && form.take(shown) {
		return p.showForm(w, r, shown.Status, form)
	}
	if err != nil {
		return err
	}
	e := viewOf(created, s)
	return p.render(w, r, http.StatusCreated, "endpoint-secret", e.view("The endpoint is added", secretView{endpointView: e, Created: true}))
}

func (p *Pages) editEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	form, err := newEndpointForm(e.Robot(), &e.Endpoint)
	if err != nil {
		return err
	}
	return p.showForm(w, r, http.StatusOK, form)
}

func (p *Pages) updateEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	form, err := typedEndpointForm(w, r, e.Robot(), &e.Endpoint)
	if err != nil {
		return err
	}
	err = s.do(r.Context(), http.MethodPatch, apiEndpoint(r), form.body(), nil, mergePatch, ifMatch(form.values.Get("version")))
	shown, refused := errors.AsType[*problem](err)
	switch {
	case refused && shown.Status == http.StatusPreconditionFailed:
		if e, err = s.endpoint(r); err != nil {
			return err
		}
		form.compare(&e.Endpoint)
		return p.showForm(w, r, http.StatusConflict, form)
	case refused && form.take(shown):
		return p.showForm(w, r, shown.Status, form)
	case err != nil:
		return err
	}
	return p.redirect(w, r, joinPath("endpoints", e.ID), "The changes are saved. They hold from the next attempt on.")
}

// A testView is the page of a test event: what came of it, or before that, nothing.
type testView struct {
	endpointView
	Result *api.TestResult
}

// Title names what came of the test.
func (t testView) Title() string { return outcomeTitle(t.Result) }

// Phases are the parts of the time that it took.
func (t testView) Phases() []phase { return phasesOf(t.Result.Timings) }

// Total is how long it took.
func (t testView) Total() time.Duration {
	return time.Duration(t.Result.Timings.TotalUs) * time.Microsecond
}

// Body is that of the answer, in which what doesn't print is spelled out.
func (t testView) Body() []textRun {
	body := []byte(t.Result.Answer.Body)
	runs, _ := textOf(body, 0, len(body), nil)
	return runs
}

func (p *Pages) showTest(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint-test", e.view("Send a test event", testView{e, nil}))
}

func (p *Pages) testEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	var result api.TestResult
	if err := s.do(r.Context(), http.MethodPost, apiEndpoint(r)+"/test", nil, &result); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint-test", e.view("Test event", testView{e, &result}))
}

// A rotationView is the form by which a secret is rotated.
type rotationView struct {
	endpointView
	Problem string
	// Errors has what is wrong with the secret that was typed.
	Errors   []string
	Overlaps []choice
	// Kind is that of the new secret: v1 or v1a.
	Kind string
}

// overlaps are the times for which an old secret may stay valid, in seconds.
var overlaps = []option{
	{0, "not at all: it ends now"}, {3600, "1 hour"}, {86400, "1 day"}, {7 * 86400, "7 days"}, {30 * 86400, "30 days"},
}

func newRotation(e endpointView, overlap string) rotationView {
	return rotationView{endpointView: e, Kind: string(e.Signature), Overlaps: choices(overlaps, overlap)}
}

func (p *Pages) showRotation(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint-rotate", e.view("Rotate the secret", newRotation(e, "86400")))
}

func (p *Pages) rotateSecret(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	if err := parseForm(w, r); err != nil {
		return err
	}
	overlap := r.PostForm.Get("overlap")
	form := newRotation(e, overlap)
	form.Kind = r.PostForm.Get("signature")
	again := func(status int) error {
		return p.render(w, r, status, "endpoint-rotate", e.view("Rotate the secret", form))
	}
	// A form that is sent twice must not rotate twice.
	if r.PostForm.Get("version") != strconv.FormatInt(e.Version, 10) {
		form.Problem = "The endpoint was changed since this form was opened, or the form was sent twice. No secret was made just now. If you still want a new one, send the form again."
		return again(http.StatusConflict)
	}
	body := jsonObject{{"signature", r.PostForm.Get("signature")}, {"overlap", asTyped(overlap)}}
	if secret := r.PostForm.Get("secret"); secret != "" {
		body = append(body, jsonMember{"secret", secret})
	}
	var rotated api.Endpoint
	err = s.do(r.Context(), http.MethodPost, apiEndpoint(r)+"/rotate-secret", body, &rotated)
	if shown, ok := errors.AsType[*problem](err); ok && (shown.Status == http.StatusUnprocessableEntity || shown.Status == http.StatusConflict) {
		form.Problem = shown.Detail
		for _, f := range shown.Findings {
			form.Errors = append(form.Errors, sentence(f.Message))
		}
		return again(shown.Status)
	}
	if err != nil {
		return err
	}
	seconds, _ := strconv.Atoi(overlap) // the API took it
	data := secretView{endpointView: viewOf(rotated, s), Overlap: seconds}
	return p.render(w, r, http.StatusOK, "endpoint-secret", e.view("The secret is rotated", data))
}

func (p *Pages) pauseEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.setActive(r, false)
	if err != nil {
		return err
	}
	return p.redirect(w, r, joinPath("endpoints", e.ID), "The endpoint is paused. Its events are held until it is resumed.")
}

func (p *Pages) resumeEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.setActive(r, true)
	if err != nil {
		return err
	}
	text := "The endpoint is active: it gets new events from now on."
	if e.Held != nil && *e.Held > 0 {
		text += " What was held meanwhile is still held: deliver it below."
	}
	return p.redirect(w, r, joinPath("endpoints", e.ID), text)
}

func (s *session) setActive(r *http.Request, active bool) (e api.Endpoint, err error) {
	return e, s.do(r.Context(), http.MethodPatch, apiEndpoint(r), map[string]any{"active": active}, &e, mergePatch, anyVersion)
}

// A deletionView is the page that asks whether an endpoint is to be deleted.
type deletionView struct {
	endpointView
	Problem string
}

func (p *Pages) showDeletion(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint-delete", e.view("Delete the endpoint?", deletionView{e, ""}))
}

func (p *Pages) deleteEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	err = s.do(r.Context(), http.MethodDelete, apiEndpoint(r), nil, nil, ifMatch(r.PostForm.Get("version")))
	if shown, ok := errors.AsType[*problem](err); ok && shown.Status == http.StatusPreconditionFailed {
		return p.render(w, r, http.StatusConflict, "endpoint-delete", e.view("Delete the endpoint?",
			deletionView{e, "The endpoint was changed since you opened this page, so nothing was deleted. Look at it as it is now."}))
	}
	if err != nil {
		return err
	}
	return p.redirect(w, r, e.Owner(), fmt.Sprintf("The endpoint %.200s is deleted.", e.URL))
}

// A recoveryView is the form by which failures are recovered.
type recoveryView struct {
	endpointView
	Problem string
	At      string // the time that was typed
	Spans   []choice
}

// spans are how far back a recovery may reach, in hours.
var spans = []option{
	{1, "the last hour"}, {6, "the last 6 hours"}, {24, "the last day"}, {72, "the last 3 days"}, {7 * 24, "the last 7 days"}, {30 * 24, "the last 30 days"},
}

func newRecovery(e endpointView, chosen string) recoveryView {
	return recoveryView{endpointView: e, Spans: choices(spans, chosen)}
}

func (p *Pages) showRecovery(w http.ResponseWriter, r *http.Request, s *session) error {
	e, err := s.endpoint(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "endpoint-recover", e.view("Recover deliveries", newRecovery(e, "72")))
}

// localTimes are how browsers send what is typed into an input of type datetime-local,
// with or without seconds.
var localTimes = []string{"2006-01-02T15:04", "2006-01-02T15:04:05"}

// sinceOf returns the time that a form for recovering has, and whether it has one: a
// time that was typed goes before one that was chosen.
func sinceOf(form url.Values) (time.Time, bool) {
	if typed := form.Get("since"); typed != "" {
		for _, layout := range localTimes {
			if at, err := time.Parse(layout, typed); err == nil {
				return at, true
			}
		}
		return time.Time{}, false
	}
	hours, err := strconv.Atoi(form.Get("hours"))
	return time.Now().Add(-time.Duration(hours) * time.Hour).UTC(), err == nil && 0 < hours && hours <= 366*24
}

func (p *Pages) recoverEndpoint(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	again := func(status int, text string) error {
		e, err := s.endpoint(r)
		if err != nil {
			return err
		}
		form := newRecovery(e, r.PostForm.Get("hours"))
		form.Problem, form.At = text, r.PostForm.Get("since")
		return p.render(w, r, status, "endpoint-recover", e.view("Recover deliveries", form))
	}
	since, ok := sinceOf(r.PostForm)
	if !ok {
		return again(http.StatusUnprocessableEntity, "This is not a time: choose one of the list, or write one such as 2026-01-02T15:04, in UTC.")
	}
	var job api.Job
	err := s.do(r.Context(), http.MethodPost, apiEndpoint(r)+"/recover", api.Recovery{Since: since}, &job)
	if shown, ok := errors.AsType[*problem](err); ok && (shown.Status == http.StatusConflict || shown.Status == http.StatusUnprocessableEntity) {
		return again(shown.Status, shown.Detail)
	}
	if err != nil {
		return err
	}
	return p.redirect(w, r, joinPath("jobs", job.ID), "")
}

// A portalLinkView is the form that makes a portal link, or the link.
type portalLinkView struct {
	Robot             string
	Problem           string
	Expires, Sessions []choice
	ReadOnly          bool
	Link              *api.PortalLink
}

// linkTimes are for how long a portal link can be opened, and sessionTimes how long the
// session lasts that it opens, in seconds.
var (
	linkTimes    = []option{{300, "5 minutes"}, {3600, "1 hour"}, {86400, "1 day"}}
	sessionTimes = []option{{3600, "1 hour"}, {28800, "8 hours"}, {7 * 86400, "7 days"}}
)

func (p *Pages) showPortalLink(w http.ResponseWriter, r *http.Request, s *session) error {
	return p.portalLink(w, r, http.StatusOK, portalLinkView{Expires: choices(linkTimes, "300"), Sessions: choices(sessionTimes, "28800")})
}

func (p *Pages) portalLink(w http.ResponseWriter, r *http.Request, status int, v portalLinkView) error {
	v.Robot = r.PathValue("robot")
	return p.render(w, r, status, "portal-link", view{Title: "Portal link", Here: "robots", Robot: v.Robot, Data: v})
}

func (p *Pages) makePortalLink(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	expires, session, readOnly := r.PostForm.Get("expires_in"), r.PostForm.Get("session"), r.PostForm.Get("read_only") == "true"
	ask := jsonObject{{"read_only", readOnly}, {"expires_in", asTyped(expires)}, {"session", asTyped(session)}}
	var link api.PortalLink
	err := s.do(r.Context(), http.MethodPost, "/v1/robots/"+url.PathEscape(r.PathValue("robot"))+"/portal-links", ask, &link, here(r))
	if shown, ok := errors.AsType[*problem](err); ok && shown.Status == http.StatusUnprocessableEntity {
		return p.portalLink(w, r, shown.Status, portalLinkView{
			Problem: shown.Detail, ReadOnly: readOnly, Expires: choices(linkTimes, expires), Sessions: choices(sessionTimes, session),
		})
	}
	if err != nil {
		return err
	}
	return p.portalLink(w, r, http.StatusCreated, portalLinkView{Link: &link})
}
