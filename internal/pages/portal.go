package pages

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/service"
)

// portalCookie has the session of a portal link, where sessionCookie has that of a person who
// signed in. Either forgets the other, so that it is always clear who does something.
const portalCookie = "runhooks_portal"

// portalMemory is for how long after its end a portal session is told from none: whoever had
// it has no token to sign in with.
const portalMemory = 7 * 24 * time.Hour

// Portal says whether the session is that of a portal link.
func (s *session) Portal() bool { return s != nil && s.portal }

var origin = regexp.MustCompile(`^https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)

// ParseOrigin reads the origin of pages that may frame portal sessions, such as
// https://app.example.com or https://*.example.com. Nothing else gets into a policy.
func ParseOrigin(text string) (string, error) {
	o := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), "/")
	if !origin.MatchString(o) {
		return "", errors.New("it is not an origin such as https://app.example.com or https://*.example.com, without a path")
	}
	return o, nil
}

// policy lets a page load what comes from here, and nothing else, and be framed by the
// origins. Styles and scripts come in files of their own.
func policy(ancestors []string) string {
	framedBy := "'none'"
	if len(ancestors) > 0 {
		framedBy = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors " + framedBy
}

// inPortal makes a page one of the portal: it has the platform's brand, and may be framed by the
// platform's pages.
func (p *Pages) inPortal(w http.ResponseWriter, v *view) {
	v.Brand = p.brand
	if !v.Session.Portal() {
		v.Session = nil
	}
	if len(p.ancestors) > 0 {
		w.Header().Set("Content-Security-Policy", policy(p.ancestors))
		w.Header().Del("X-Frame-Options") // which can't name more than one site
	}
}

// A portalView is what the page of a link shows.
type portalView struct {
	Robot    string
	ReadOnly bool
	// Here is the path to send the form to.
	Here string
	// SignedIn names the token with which somebody is signed in in this browser.
	SignedIn string
}

// showPortal shows what a link opens. It doesn't open it: programs that look at links, such as
// those of mail servers and messengers, would use it up.
func (p *Pages) showPortal(w http.ResponseWriter, r *http.Request, s *session) error {
	link, err := p.service.PortalLink(r.Context(), r.PathValue("code"))
	if err != nil {
		return p.noPortal(w, r, err)
	}
	v := portalView{Robot: link.RobotID, ReadOnly: service.IsReadOnly(link), Here: r.URL.Path}
	if s != nil && !s.Portal() {
		v.SignedIn = s.Name
	}
	return p.render(w, r, http.StatusOK, "portal", view{Title: "Integration settings", Data: v, portal: true})
}

// openPortal uses a link up.
func (p *Pages) openPortal(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	// Another site can lead a browser here. It must not exchange the session of somebody who is
	// signed in without their knowing, so the page asks them.
	if s != nil && !s.Portal() && r.PostForm.Get("instead") == "" {
		return p.showPortal(w, r, s)
	}
	token, t, err := p.service.OpenPortalLink(r.Context(), r.PathValue("code"))
	if err != nil {
		return p.noPortal(w, r, err)
	}
	p.forget(w, r)
	p.keep(w, r, portalCookie, sealedSession{Token: token, Expires: t.ExpiresAt, Framed: p.framed(r)}, t.ExpiresAt.Add(portalMemory))
	return p.redirect(w, r, joinPath("robots", t.RobotID), "")
}

// noPortal says that a link is used up or has expired, if that is what err says.
func (p *Pages) noPortal(w http.ResponseWriter, r *http.Request, err error) error {
	if !errors.Is(err, delivery.ErrNotFound) {
		return fmt.Errorf("open a portal link: %w", err)
	}
	return p.render(w, r, http.StatusGone, "portal-over", view{Title: "This link can’t be used any more", portal: true,
		Data: "A link like this opens once, and only for a short time after it was made. It was opened before, or its time is over."})
}

// portalOver says that a portal session has ended.
func (p *Pages) portalOver(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, http.StatusUnauthorized, "portal-over", view{Title: "This session has ended", portal: true,
		Data: "It was open for a limited time, or was ended by whoever gave it to you."})
}

// wasPortal says whether a request without a session is of somebody who can't sign in: they had
// a portal session, or see the page in a frame.
func (p *Pages) wasPortal(r *http.Request) bool {
	var sealed sealedSession
	return p.open(r, portalCookie, &sealed) || p.inFrame(r)
}

// inFrame says whether a page goes into a frame of another page, which it may.
func (p *Pages) inFrame(r *http.Request) bool {
	return len(p.ancestors) > 0 && r.Header.Get("Sec-Fetch-Dest") == "iframe"
}

// framed says whether cookies of the answer have to get along with being in another site's
// frame: the answer is for a frame, or its session was opened in one.
func (p *Pages) framed(r *http.Request) bool {
	var sealed sealedSession
	return p.inFrame(r) || len(p.ancestors) > 0 && p.open(r, portalCookie, &sealed) && sealed.Framed
}
