package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/service"
)

// sessionLife is how long a session lasts after signing in.
const sessionLife = 12 * time.Hour

// The names of cookies, and with them what their contents are sealed for.
const (
	sessionCookie = "runhooks_session"
	noticeCookie  = "runhooks_notice"
)

// A session is a token in a sealed cookie: whoever has the cookie may do what the token
// may, in the pages. It ends with the token.
type session struct {
	p     *Pages
	token string

	TokenID string
	Name    string
	Role    string
	// RobotID limits the session to one robot, if not empty.
	RobotID string

	portal bool
}

// Admin says whether the session may change settings.
func (s *session) Admin() bool { return s != nil && s.Role == string(api.RoleAdmin) }

// sealedSession is what the cookie holds.
type sealedSession struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
	// Framed is of a portal session that was opened in another site's frame.
	Framed bool `json:"framed,omitempty"`
}

// session returns the session of a request, or nil.
func (p *Pages) session(r *http.Request) (*session, error) {
	var sealed sealedSession
	if !p.open(r, portalCookie, &sealed) && !p.open(r, sessionCookie, &sealed) || !time.Now().Before(sealed.Expires) {
		return nil, nil
	}
	t, err := p.service.Bearer(r.Context(), sealed.Token)
	switch {
	case errors.Is(err, service.ErrToken):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &session{p: p, token: sealed.Token, TokenID: t.ID, Name: t.Name, Role: t.Role, RobotID: t.RobotID, portal: service.IsPortalSession(t)}, nil
}

func signInPath(to string) string {
	if to == "/" || to == "" {
		return "/sign-in"
	}
	return "/sign-in?to=" + url.QueryEscape(to)
}

// local returns the path of a page here, whatever a link says.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		return "/"
	}
	return to
}

// signInForm is what the page for signing in shows.
type signInForm struct {
	To      string
	Problem string
}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request, s *session) error {
	to := local(r.URL.Query().Get("to"))
	if s != nil && !s.Portal() {
		return p.redirect(w, r, to, "")
	}
	return p.render(w, r, http.StatusOK, "sign-in", view{Title: "Sign in", Data: signInForm{To: to}})
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request, _ *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	form := signInForm{To: local(r.PostForm.Get("to"))}
	token := strings.TrimSpace(r.PostForm.Get("token"))
	t, err := p.service.Bearer(r.Context(), token)
	switch {
	case token == "":
		form.Problem = "Paste a token: it starts with rh_."
	case errors.Is(err, service.ErrToken):
		form.Problem = "This token is unknown, or has expired. An admin can make another one: runhooks tokens create."
	case err != nil:
		return err
	case t.Role == string(api.RolePublisher):
		form.Problem = "This token is for publishing alone. Sign in with one of role reader or admin."
	}
	if form.Problem != "" {
		return p.render(w, r, http.StatusUnprocessableEntity, "sign-in", view{Title: "Sign in", Data: form})
	}
	expires := time.Now().Add(sessionLife)
	if !t.ExpiresAt.IsZero() && t.ExpiresAt.Before(expires) {
		expires = t.ExpiresAt
	}
	p.forget(w, r)
	p.keep(w, r, sessionCookie, sealedSession{Token: token, Expires: expires}, expires)
	return p.redirect(w, r, form.To, "")
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request, _ *session) error {
	p.forget(w, r)
	return p.redirect(w, r, "/sign-in", "You are signed out.")
}

// forget ends the session, of whatever kind.
func (p *Pages) forget(w http.ResponseWriter, r *http.Request) {
	for _, name := range []string{sessionCookie, portalCookie} {
		if _, err := r.Cookie(name); err != nil {
			continue
		}
		c := p.cookie(r, name)
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

// A notice is what one page leaves for the next one to show.
type notice struct {
	// Kind is "good", "warn" or "bad".
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func (p *Pages) leaveNotice(w http.ResponseWriter, r *http.Request, n notice) {
	p.keep(w, r, noticeCookie, n, time.Now().Add(time.Minute))
}

func (p *Pages) takeNotice(w http.ResponseWriter, r *http.Request) *notice {
	var n notice
	if !p.open(r, noticeCookie, &n) {
		return nil
	}
	c := p.cookie(r, noticeCookie)
	c.MaxAge = -1
	http.SetCookie(w, c)
	return &n
}

// cookie returns a cookie that scripts and other sites don't get. In a frame of another site
// its partition keeps it from all but the pages of the framing site.
func (p *Pages) cookie(r *http.Request, name string) *http.Cookie {
	c := &http.Cookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r)}
	if name != sessionCookie && p.framed(r) {
		c.SameSite, c.Secure, c.Partitioned = http.SameSiteNoneMode, true, true
	}
	return c
}

// secure says whether the browser reached the service by TLS, here or at a proxy.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// keep seals a value in a cookie. Nobody can read or change it.
func (p *Pages) keep(w http.ResponseWriter, r *http.Request, name string, value any, expires time.Time) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // they are texts and times
	}
	c := p.cookie(r, name)
	c.Value = base64.RawURLEncoding.EncodeToString(p.ring.Seal(text, name))
	c.Expires = expires
	http.SetCookie(w, c)
}

// open reads what keep has sealed, and says whether there is such a cookie.
func (p *Pages) open(r *http.Request, name string, value any) bool {
	c, err := r.Cookie(name)
	if err != nil || c.Value == "" {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return false
	}
	text, err := p.ring.Open(sealed, name)
	return err == nil && json.Unmarshal(text, value) == nil
}
