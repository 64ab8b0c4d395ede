package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/pkg/event"
)

// registerInlets registers the pages of inlets.
func (p *Pages) registerInlets() {
	p.page("GET /inlets", p.showInlets)
	p.page("GET /inlets/{id}", p.showInlet)
	for pattern, h := range map[string]handler{
		"GET /inlets/new":                 p.newInlet,
		"POST /inlets/new":                p.createInlet,
		"GET /robots/{robot}/inlets/new":  p.newInlet,
		"POST /robots/{robot}/inlets/new": p.createInlet,
		"GET /inlets/{id}/edit":           p.editInlet,
		"POST /inlets/{id}/edit":          p.updateInlet,
		"GET /inlets/{id}/rotate":         p.askInlet("inlet-rotate", "Give the inlet another URL?"),
		"POST /inlets/{id}/rotate":        p.rotateInlet,
		"GET /inlets/{id}/delete":         p.askInlet("inlet-delete", "Delete the inlet?"),
		"POST /inlets/{id}/delete":        p.deleteInlet,
	} {
		p.page(pattern, admins(h))
	}
}

// pageOfInlets is how many inlets a page lists.
const pageOfInlets = 50

// An inletView is an inlet as pages show it.
type inletView struct {
	api.Inlet
	Admin bool
	// Makes says that the session may make URLs, which last longer than a portal session.
	Makes bool
}

// Back is the page that lists the inlet.
func (i inletView) Back() string {
	if i.RobotID == nil {
		return "/inlets"
	}
	return joinPath("robots", i.RobotID)
}

// view returns the view of a page about the inlet.
func (i inletView) view(title string, data any) view {
	return view{Title: title, Here: "robots", Robot: text(i.RobotID), Data: data}
}

// makesInlets says whether a session may make inlets, and URLs of theirs.
func (s *session) makesInlets() bool { return s.Admin() && !s.Portal() }

// apiInlet is the path of the inlet in the API.
func apiInlet(r *http.Request) string { return "/v1/inlets/" + url.PathEscape(r.PathValue("id")) }

// inlet reads the inlet that a request is about.
func (s *session) inlet(r *http.Request) (inletView, error) {
	i := inletView{Admin: s.Admin(), Makes: s.makesInlets()}
	return i, s.do(r.Context(), http.MethodGet, apiInlet(r), nil, &i.Inlet)
}

// An inletList is a page of inlets.
type inletList struct {
	Inlets []api.Inlet
	// Robot is the robot whose they are; empty for those of all.
	Robot string
	Makes bool
	// First and Next are pages of the list, if they are others than this.
	First, Next string
}

// inlets reads a page of inlets: those of a robot, or if it is empty, all.
func (s *session) inlets(r *http.Request, robot, cursor string) (*inletList, error) {
	query := url.Values{"limit": {strconv.Itoa(pageOfInlets)}}
	list := &inletList{Robot: robot, Makes: s.makesInlets()}
	shown := url.Values{}
	if robot != "" {
		query.Set("robot_id", robot)
		shown.Set("robot_id", robot)
	}
	if cursor != "" {
		query.Set("cursor", cursor)
		list.First = "/inlets?" + shown.Encode()
	}
	var page api.InletPage
	if err := s.do(r.Context(), http.MethodGet, "/v1/inlets?"+query.Encode(), nil, &page); err != nil {
		return nil, err
	}
	list.Inlets = page.Items
	if page.Next != nil {
		shown.Set("cursor", *page.Next)
		list.Next = "/inlets?" + shown.Encode()
	}
	return list, nil
}

func (p *Pages) showInlets(w http.ResponseWriter, r *http.Request, s *session) error {
	robot := r.URL.Query().Get("robot_id")
	if s.RobotID != "" {
		robot = s.RobotID
	}
	list, err := s.inlets(r, robot, r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "inlets", view{Title: "Inlets", Here: "robots", Robot: robot, Data: list})
}

func (p *Pages) showInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := s.inlet(r)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "inlet", i.view(i.Name, i))
}

// An inletForm is the form of an inlet's settings.
type inletForm struct {
	Robot string
	// Inlet is the one that is changed; nil if it is new.
	Inlet  *inletView
	Fields []formField
	// Problem is what is wrong with the form as a whole.
	Problem string
}

// inletFields are the fields of the form, in their order.
var inletFields = []formField{
	{Name: "name", Label: "Name", Type: "text", MaxLength: 200, Hint: "Which server sends to it, in your own words."},
	{Name: "zone", Label: "Time zone of the server", Type: "text", MaxLength: 100, Hint: "Such as Europe/Berlin. Servers write run times without their zone: leave it empty if you don't know it, and run times have no exact instant."},
	{Name: "locale", Label: "Locale of the server", Type: "text", MaxLength: 100, Hint: "How it writes run times, such as de-DE for 25.6.2026, 15:53:15, or en-US for 6/25/2026, 3:53:15 PM. It goes with the time zone."},
}

// Locales are those to choose from.
func (inletForm) Locales() []string { return event.Locales() }

// Cancel is the page that the form was opened from.
func (f *inletForm) Cancel() string {
	switch {
	case f.Inlet != nil:
		return joinPath("inlets", f.Inlet.ID)
	case f.Robot != "":
		return joinPath("robots", f.Robot)
	}
	return "/inlets"
}

// newInletForm returns the form with values, and with what the API found wrong, if
// refused is not nil.
func (p *Pages) newInletForm(r *http.Request, values url.Values, i *inletView, refused *problem) *inletForm {
	f := &inletForm{Robot: r.PathValue("robot"), Inlet: i, Fields: make([]formField, len(inletFields))}
	copy(f.Fields, inletFields)
	focus := ""
	if i == nil && refused == nil {
		focus = "name"
	}
	if refused != nil {
		for _, found := range refused.Findings {
			name := strings.TrimPrefix(found.Pointer, "/")
			at := -1
			for n := range f.Fields {
				if f.Fields[n].Name == name {
					at = n
				}
			}
			if at < 0 {
				f.Problem = sentence(found.Message)
				continue
			}
			f.Fields[at].Errors = append(f.Fields[at].Errors, sentence(found.Message))
			if focus == "" {
				focus = name
			}
		}
		if len(refused.Findings) == 0 {
			f.Problem = refused.Detail
		}
	}
	for n := range f.Fields {
		f.Fields[n].Value = values.Get(f.Fields[n].Name)
		f.Fields[n].Focus = f.Fields[n].Name == focus && !p.framed(r)
	}
	return f
}

func (p *Pages) showInletForm(w http.ResponseWriter, r *http.Request, status int, f *inletForm) error {
	title, robot := "Add an inlet", f.Robot
	if f.Inlet != nil {
		title, robot = "Change the inlet", text(f.Inlet.RobotID)
	}
	return p.render(w, r, status, "inlet-form", view{Title: title, Here: "robots", Robot: robot, Data: f})
}

// settle asks the API for what a form says. If the form has to be shown again, it is in f.
func (p *Pages) settle(w http.ResponseWriter, r *http.Request, s *session, method, path string, i *inletView, out any, with ...request) (f *inletForm, status int, err error) {
	if err := parseForm(w, r); err != nil {
		return nil, 0, err
	}
	var body jsonObject
	if i == nil && r.PathValue("robot") != "" {
		body = append(body, jsonMember{"robot_id", r.PathValue("robot")})
	}
	for _, field := range inletFields {
		switch value := strings.TrimSpace(r.PostForm.Get(field.Name)); {
		case value != "" || field.Name == "name":
			body = append(body, jsonMember{field.Name, value})
		case i != nil:
			body = append(body, jsonMember{field.Name, nil})
		}
	}
	err = s.do(r.Context(), method, path, body, out, with...)
	if refused, ok := errors.AsType[*problem](err); ok && (refused.Status == http.StatusUnprocessableEntity || refused.Status == http.StatusServiceUnavailable) {
		return p.newInletForm(r, r.PostForm, i, refused), refused.Status, nil
	}
	return nil, 0, err
}

func (p *Pages) newInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	return p.showInletForm(w, r, http.StatusOK, p.newInletForm(r, nil, nil, nil))
}

// here makes URLs in an answer lead to where this browser reaches the service, unless that
// is configured.
func here(r *http.Request) request {
	return func(asked *http.Request) {
		asked.Host, asked.TLS = r.Host, r.TLS
		asked.Header.Set("X-Forwarded-Proto", r.Header.Get("X-Forwarded-Proto"))
	}
}

func (p *Pages) createInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i := inletView{Admin: s.Admin(), Makes: s.makesInlets()}
	form, status, err := p.settle(w, r, s, http.MethodPost, "/v1/inlets", nil, &i.Inlet, here(r))
	switch {
	case err != nil:
		return err
	case form != nil:
		return p.showInletForm(w, r, status, form)
	}
	return p.render(w, r, http.StatusCreated, "inlet-url", i.view("The inlet is added", i))
}

func (p *Pages) editInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := s.inlet(r)
	if err != nil {
		return err
	}
	values := url.Values{"name": {i.Name}, "zone": {text(i.Zone)}, "locale": {text(i.Locale)}}
	return p.showInletForm(w, r, http.StatusOK, p.newInletForm(r, values, &i, nil))
}

func (p *Pages) updateInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := s.inlet(r)
	if err != nil {
		return err
	}
	form, status, err := p.settle(w, r, s, http.MethodPatch, apiInlet(r), &i, nil, mergePatch)
	switch {
	case err != nil:
		return err
	case form != nil:
		return p.showInletForm(w, r, status, form)
	}
	return p.redirect(w, r, joinPath("inlets", i.ID), "The changes are saved. They hold for events that arrive from now on.")
}

// askInlet asks whether something is to be done to an inlet.
func (p *Pages) askInlet(template, title string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session) error {
		i, err := s.inlet(r)
		if err != nil {
			return err
		}
		return p.render(w, r, http.StatusOK, template, i.view(title, i))
	}
}

func (p *Pages) rotateInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i := inletView{Admin: s.Admin(), Makes: s.makesInlets()}
	if err := s.do(r.Context(), http.MethodPost, apiInlet(r)+"/rotate", nil, &i.Inlet, here(r)); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "inlet-url", i.view("The inlet has another URL", i))
}

func (p *Pages) deleteInlet(w http.ResponseWriter, r *http.Request, s *session) error {
	i, err := s.inlet(r)
	if err != nil {
		return err
	}
	if err := s.do(r.Context(), http.MethodDelete, apiInlet(r), nil, nil); err != nil {
		return err
	}
	return p.redirect(w, r, i.Back(), fmt.Sprintf("The inlet %.200s is deleted.", i.Name))
}
