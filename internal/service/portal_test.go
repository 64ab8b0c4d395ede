package service_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/service"
)

// link creates a portal link to robot A, and returns it with its code.
func (w *world) link(body string) (link api.PortalLink, code string) {
	w.t.Helper()
	w.want(201, w.do(w.admin, "POST", "/v1/robots/"+robotA+"/portal-links", body)).into(w.t, &link)
	at, code, ok := strings.Cut(link.URL, service.PortalPath)
	if !ok || at != w.url {
		w.t.Fatalf("the link is %s, want one of %s", link.URL, w.url)
	}
	return link, code
}

// tokens returns the list of tokens but for the first, by id.
func (w *world) tokens() map[string]api.Token {
	w.t.Helper()
	var list api.TokenList
	w.want(200, w.do(w.admin, "GET", "/v1/tokens", "")).into(w.t, &list)
	found := map[string]api.Token{}
	for _, t := range list.Items {
		if t.Name != "first admin" {
			found[t.ID] = t
		}
	}
	return found
}

// within fails unless at is d from now, give or take what a test takes.
func within(t *testing.T, what string, at time.Time, d time.Duration) {
	t.Helper()
	if off := time.Until(at) - d; off > time.Second || off < -time.Minute {
		t.Errorf("%s is in %v, want %v", what, time.Until(at), d)
	}
}

func TestPortalLink(t *testing.T) {
	for _, test := range []struct {
		body            string
		role            api.Role
		expires, lasts  time.Duration
		mayChange, read int
	}{
		{`{}`, api.RoleAdmin, 5 * time.Minute, 8 * time.Hour, 201, 200},
		{`{"read_only":true,"expires_in":60,"session":300}`, api.RoleReader, time.Minute, 5 * time.Minute, 403, 200},
	} {
		w := newWorld(t)
		link, code := w.link(test.body)
		if link.RobotID != robotA || link.ReadOnly != (test.role == api.RoleReader) {
			t.Errorf("%s: %+v", test.body, link)
		}
		within(t, "the link's end", link.ExpiresAt, test.expires)
		if got := w.tokens()[link.ID]; got.Name != "portal link" || got.Role != test.role || value(got.RobotID) != robotA {
			t.Errorf("%s: it is listed as %+v", test.body, got)
		}

		// To look at it doesn't use it up, and it is not a token.
		for range 2 {
			looked, err := w.service.PortalLink(t.Context(), code)
			if err != nil || looked.ID != link.ID || looked.RobotID != robotA {
				t.Fatalf("%s: PortalLink = %+v, %v", test.body, looked, err)
			}
		}
		for _, text := range []string{code, "rh_" + code, link.ID} {
			w.want(401, w.do(text, "GET", "/v1/endpoints", ""))
		}

		text, session, err := w.service.OpenPortalLink(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		if !service.IsPortalSession(session) || session.Role != string(test.role) || session.RobotID != robotA {
			t.Errorf("%s: the session is %+v", test.body, session)
		}
		if session.ID != strings.Replace(link.ID, "lnk_", "ses_", 1) {
			t.Errorf("%s: the session of %s is %s", test.body, link.ID, session.ID)
		}
		within(t, "the session's end", session.ExpiresAt, test.lasts)
		listed := w.tokens()
		if len(listed) != 1 || listed[session.ID].Name != "portal session" || listed[session.ID].Role != test.role {
			t.Errorf("%s: after the opening, the list has %+v", test.body, listed)
		}
		w.want(test.read, w.do(text, "GET", "/v1/endpoints", ""))
		w.want(test.mayChange, w.do(text, "POST", "/v1/endpoints", `{"robot_id":"`+robotA+`","url":"https://example.com/"}`))
		w.want(403, w.do(text, "GET", "/v1/endpoints?robot_id="+robotB, ""))
		// Nothing that it makes outlasts it.
		w.want(403, w.do(text, "POST", "/v1/robots/"+robotA+"/portal-links", `{}`))
		w.want(403, w.do(text, "POST", "/v1/tokens", `{"name":"t","role":"reader","robot_id":"`+robotA+`"}`))

		// It is used up.
		if _, err := w.service.PortalLink(t.Context(), code); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("%s: used, PortalLink: %v", test.body, err)
		}
		if _, _, err := w.service.OpenPortalLink(t.Context(), code); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("%s: used, OpenPortalLink: %v", test.body, err)
		}

		// Each step is in the audit log, and none has what is secret.
		r := w.want(200, w.do(w.admin, "GET", "/v1/audit?robot_id="+robotA, ""))
		var page api.AuditPage
		r.into(t, &page)
		type step struct{ Action, Actor, Subject string }
		var steps []step
		for _, a := range page.Items {
			if !strings.HasPrefix(a.Action, "endpoint.") {
				steps = append(steps, step{a.Action, a.Actor, a.Subject})
			}
		}
		first := steps[len(steps)-1].Actor
		if diff := cmp.Diff([]step{
			{"portal-session.create", link.ID, session.ID},
			{"portal-link.open", link.ID, link.ID},
			{"portal-link.create", first, link.ID},
		}, steps); diff != "" || !strings.HasPrefix(first, "tok_") {
			t.Errorf("%s: audit (-want +got):\n%s", test.body, diff)
		}
		for _, secret := range []string{code, text} {
			if strings.Contains(r.body, secret) || strings.Contains(w.log.String(), secret) {
				t.Errorf("%s: a secret is in the audit log, or in the log", test.body)
			}
		}

		// Whoever made it can end it.
		w.want(204, w.do(w.admin, "DELETE", "/v1/tokens/"+session.ID, ""))
		w.want(401, w.do(text, "GET", "/v1/endpoints", ""))
	}
}

func TestPortalLinkIsOpenedOnce(t *testing.T) {
	w := newWorld(t)
	_, code := w.link(`{}`)
	var opened atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch _, _, err := w.service.OpenPortalLink(t.Context(), code); {
			case err == nil:
				opened.Add(1)
			case !errors.Is(err, delivery.ErrNotFound):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d of 8 openings succeeded", n)
	}
	if listed := w.tokens(); len(listed) != 1 {
		t.Errorf("the list has %+v, want one session", listed)
	}
}

func TestPortalLinkThatIsNone(t *testing.T) {
	w := newWorld(t)
	revoked, code := w.link(`{}`)
	w.want(204, w.do(w.admin, "DELETE", "/v1/tokens/"+revoked.ID, ""))
	// A token opens nothing, although it has a hash like a code.
	for _, code := range []string{code, w.admin, "", "none"} {
		if _, _, err := w.service.OpenPortalLink(t.Context(), code); !errors.Is(err, delivery.ErrNotFound) {
			t.Errorf("OpenPortalLink(%.4q…): %v", code, err)
		}
	}
	w.want(200, w.do(w.admin, "GET", "/v1/tokens", ""))

	for body, pointer := range map[string]string{
		`{"expires_in":59}`: "/expires_in", `{"expires_in":86401}`: "/expires_in", `{"session":299}`: "/session",
		`{"session":604801}`: "/session", `{"read_only":1}`: "/read_only", `{"robot_id":"x"}`: "",
	} {
		var p api.Problem
		w.want(422, w.do(w.admin, "POST", "/v1/robots/"+robotA+"/portal-links", body)).into(t, &p)
		if len(p.Findings) != 1 || p.Findings[0].Pointer != pointer {
			t.Errorf("%s: %+v", body, p.Findings)
		}
	}
	w.want(400, w.do(w.admin, "POST", "/v1/robots/"+strings.Repeat("r", 201)+"/portal-links", `{}`))
	w.want(404, w.do(w.admin, "POST", "/v1/robots/%00/portal-links", `{}`))
}

// A link has the address that browsers use, which may not be that of the service.
func TestPortalLinkAddress(t *testing.T) {
	w := newWorld(t)
	var link api.PortalLink
	w.want(201, w.do(w.admin, "POST", "/v1/robots/"+url.PathEscape("a/b ?ü")+"/portal-links", `{}`, "X-Forwarded-Proto", "https")).into(t, &link)
	if want := strings.Replace(w.url, "http://", "https://", 1) + "/portal/"; !strings.HasPrefix(link.URL, want) || link.RobotID != "a/b ?ü" {
		t.Errorf("behind a proxy: %+v, want %s…", link, want)
	}
	public, err := service.New(service.Options{Store: w.store, Engine: w.engine, Keyring: w.ring, PublicURL: "https://hooks.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	w.url = newServer(t, public)
	w.want(201, w.do(w.admin, "POST", "/v1/robots/"+robotA+"/portal-links", `{}`)).into(t, &link)
	if !strings.HasPrefix(link.URL, "https://hooks.example.com/portal/") {
		t.Errorf("with a public URL: %s", link.URL)
	}
}

func newServer(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
