package pages_test

import (
	"net/http"
	"strings"
	"testing"

	api "github.com/runhooks/runhooks/gen/service"
)

func TestSignIn(t *testing.T) {
	l := newLab(t)
	b := l.browser()
	if p := b.get("/robots?x=1"); p.path != "/sign-in?to=%2Frobots%3Fx%3D1" {
		t.Errorf("without a session, /robots led to %s", p.path)
	}
	for _, c := range []struct{ token, says string }{
		{"", "Paste a token"},
		{"rh_nobody", "unknown, or has expired"},
		{l.token(api.RolePublisher, ""), "publishing alone"},
	} {
		b.post("/sign-in", "token", c.token).is(t, http.StatusUnprocessableEntity).has(t, c.says, `aria-invalid="true"`)
	}
	p := b.post("/sign-in", "token", " "+l.admin+"\n", "to", "/robots?x=1").is(t, http.StatusOK)
	if p.path != "/robots?x=1" {
		t.Errorf("signed in, the browser is at %s", p.path)
	}
	p.has(t, "Sign out", "first admin").lacks(t, l.admin)
	if p := b.get("/sign-in?to=/robots"); p.path != "/robots" {
		t.Errorf("with a session, /sign-in led to %s", p.path)
	}
	b.post("/sign-out").has(t, "You are signed out.")
	if p := b.get("/robots"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("signed out, /robots led to %s", p.path)
	}
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	l := newLab(t)
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example/`, "evil", "/%0d%0aSet-Cookie:x=y", "javascript:alert(1)"} {
		b := l.browser()
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p := b.post("/sign-in", "token", l.admin, "to", to)
		if at := p.header.Get("Location"); p.status != http.StatusSeeOther || !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.Contains(at, `\`) {
			t.Errorf("to %q: %d %q", to, p.status, at)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.token(api.RoleReader, robotA))
	if p := b.get("/robots"); p.path != "/robots/"+robotA {
		t.Errorf("a session of one robot is at %s", p.path)
	}
	var list api.TokenList
	l.do(http.MethodGet, "/v1/tokens", nil, &list)
	for _, token := range list.Items {
		if token.Name == "test" {
			l.do(http.MethodDelete, "/v1/tokens/"+token.ID, nil, nil)
		}
	}
	if p := b.get("/robots"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("with its token deleted, a session is at %s", p.path)
	}
}

func TestCookies(t *testing.T) {
	l := newLab(t)
	b := l.browser()
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := b.post("/sign-in", "token", l.admin)
	cookie := p.header.Get("Set-Cookie")
	for _, want := range []string{"runhooks_session=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie has no %s: %s", want, cookie)
		}
	}
	// A cookie of another kind, or one that was changed, is not a session.
	name, value, _ := strings.Cut(strings.SplitN(cookie, ";", 2)[0], "=")
	changed := []byte(value)
	changed[len(changed)/2] = map[bool]byte{true: 'B', false: 'A'}[changed[len(changed)/2] == 'A']
	for _, forged := range []string{"", "x", string(changed), strings.ToUpper(value)} {
		r, err := http.NewRequest(http.MethodGet, l.url+"/robots", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(&http.Cookie{Name: name, Value: forged})
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusSeeOther {
			t.Errorf("with the cookie %q: %s", forged, answer.Status)
		}
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	r, err := http.NewRequest(http.MethodPost, l.url+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s", answer.Status)
	}
	if p := b.get("/robots"); p.path != "/robots" {
		t.Errorf("the session ended by another site's form: %s", p.path)
	}
}

func TestProblems(t *testing.T) {
	l := newLab(t)
	p := l.browser().get("/nothing").is(t, http.StatusNotFound).has(t, "There is no such page.")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := p.header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	css := l.browser().get("/static/page.css").is(t, http.StatusOK)
	if got := css.header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") {
		t.Errorf("page.css is %q", got)
	}
	l.browser().get("/static/..%2fpages.go").is(t, http.StatusNotFound)
}
