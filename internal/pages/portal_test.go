package pages_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/pages"
)

// link makes a portal link to a robot, and returns its path.
func (l *lab) link(robot string, readOnly bool) string {
	l.t.Helper()
	var link api.PortalLink
	l.do(http.MethodPost, "/v1/robots/"+url.PathEscape(robot)+"/portal-links", map[string]any{"read_only": readOnly}, &link)
	return strings.TrimPrefix(link.URL, l.url)
}

// branded are options of a platform that frames the portal.
func branded(t *testing.T) func(*pages.Options) {
	logo, err := pages.ParseLogo([]byte(svg))
	if err != nil {
		t.Fatal(err)
	}
	return func(o *pages.Options) {
		o.Brand = pages.Brand{Name: "Shop & <b>Robots</b>", Logo: logo, Color: "#ffd400"}
		o.FrameAncestors = []string{"https://app.example.com", "https://*.example.org"}
	}
}

const svg = `<?xml version="1.0" encoding="iso-8859-1"?><!-- a logo --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>`

func TestPortal(t *testing.T) {
	l := newLab(t)
	l.endpoint(robotB, "https://example.com/prices")
	path := l.link(robotA, false)
	b := l.browser()
	// To look at a link doesn't use it up: programs that look at links only do this.
	for range 2 {
		b.get(path).is(t, http.StatusOK).has(t, "<bdi class=\"mono\">"+robotA+"</bdi>", `<form method="post" action="`+path+`"`, "data-submit", "Runhooks").
			lacks(t, "Sign in", "change nothing")
	}
	p := b.post(path)
	if p.path != "/robots/"+robotA {
		t.Fatalf("the link led to %s: %d %s", p.path, p.status, p.body)
	}
	p.is(t, http.StatusOK).lacks(t, "Sign in", "Sign out", "portal session", "ses_", "Read-only", "Portal link").has(t, "/robots/"+robotA, "Settings")
	b.get("/robots/"+robotB).lacks(t, "example.com").is(t, http.StatusForbidden)
	b.post("/robots/"+robotA+"/portal-link", "expires_in", "300", "session", "604800").is(t, http.StatusForbidden).lacks(t, "/portal/")
	if p := b.get("/robots"); p.path != "/robots/"+robotA {
		t.Errorf("a portal session at /robots is at %s", p.path)
	}

	for _, b := range []*browser{b, l.browser()} {
		b.get(path).is(t, http.StatusGone).has(t, "can’t be used any more", "ask for another one")
		b.post(path).is(t, http.StatusGone).has(t, "can’t be used any more")
	}
	l.browser().get("/portal/nothing").is(t, http.StatusGone)
	if p := l.browser().get("/robots"); !strings.HasPrefix(p.path, "/sign-in") {
		t.Errorf("without a session, /robots led to %s", p.path)
	}

	readOnly := l.browser()
	path = l.link("a/b ü", true)
	readOnly.get(path).has(t, "change nothing", "a/b ü")
	if p := readOnly.post(path); p.path != "/robots/a%2Fb%20%C3%BC" {
		t.Errorf("the link led to %s", p.path)
	}
	readOnly.get("/deliveries").has(t, "Read-only")
}

func TestPortalOpensOnce(t *testing.T) {
	l := newLab(t)
	path := l.link(robotA, false)
	var opened, gone atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		b := l.browser()
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		all.Go(func() {
			switch p := b.post(path); p.status {
			case http.StatusSeeOther:
				opened.Add(1)
			case http.StatusGone:
				gone.Add(1)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 || gone.Load() != 7 {
		t.Errorf("%d of 8 opened the link, and %d were told that it is used", opened.Load(), gone.Load())
	}
}

// A portal session that has ended says so: its holder has no token to sign in with.
func TestPortalSessionEnds(t *testing.T) {
	l := newLab(t)
	b := l.browser()
	b.post(l.link(robotA, false))
	var list api.TokenList
	l.do(http.MethodGet, "/v1/tokens", nil, &list)
	for _, token := range list.Items {
		if token.Name == "portal session" {
			l.do(http.MethodDelete, "/v1/tokens/"+token.ID, nil, nil)
		}
	}
	for range 2 {
		if p := b.get("/robots").is(t, http.StatusUnauthorized).has(t, "This session has ended", "open the settings from there again").lacks(t, "Sign in"); p.path != "/robots" {
			t.Errorf("it is said at %s", p.path)
		}
	}
	// An operator can sign in, and a link can be opened.
	b.get("/sign-in").is(t, http.StatusOK).has(t, "Token", "Runhooks")
	if p := b.post("/sign-in", "token", l.admin); p.path != "/robots" {
		t.Errorf("signed in, the browser is at %s", p.path)
	}
	b.get("/robots").has(t, "Sign out")
}

// A code is not a token.
func TestPortalCodeSignsNobodyIn(t *testing.T) {
	l := newLab(t)
	path := l.link(robotA, false)
	l.browser().post("/sign-in", "token", strings.TrimPrefix(path, "/portal/")).is(t, http.StatusUnprocessableEntity).has(t, "unknown, or has expired")
	l.browser().post("/portal/"+l.admin).is(t, http.StatusGone)
}

// Who is signed in is asked before a link signs them out, which another site can lead them to.
func TestPortalInsteadOfASession(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	path := l.link(robotA, false)
	for _, p := range []shown{b.get(path), b.post(path)} {
		p.is(t, http.StatusOK).has(t, "You are signed in here as <bdi>first admin</bdi>", `name="instead"`).lacks(t, "data-submit", "Sign out")
	}
	b.get("/robots").has(t, "Sign out")
	if p := b.post(path, "instead", "yes"); p.path != "/robots/"+robotA {
		t.Errorf("the link led to %s", p.path)
	}
	b.get("/deliveries").lacks(t, "Sign out")
	b.hasCookie(t, "runhooks_portal")
	// A portal session is replaced without a question.
	if p := b.post(l.link(robotB, false)); p.path != "/robots/"+robotB {
		t.Errorf("the second link led to %s", p.path)
	}
	// And an operator signs in instead of it.
	b.get("/sign-in").is(t, http.StatusOK).has(t, "runhooks tokens create")
	b.post("/sign-in", "token", l.admin)
	b.get("/robots").has(t, "Sign out")
	b.hasCookie(t, "runhooks_session")
}

// hasCookie fails the test unless the browser has one cookie, with this name.
func (b *browser) hasCookie(t *testing.T, name string) {
	t.Helper()
	u, err := url.Parse(b.l.url)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Jar.Cookies(u); len(got) != 1 || got[0].Name != name {
		t.Errorf("the browser has the cookies %v, want %s", got, name)
	}
}

// A frame is one in a page of another site, with the cookies that it was given.
type frame struct {
	l       *lab
	cookies map[string]*http.Cookie
}

func (l *lab) frame() *frame { return &frame{l, map[string]*http.Cookie{}} }

// send sends a request with further headers as a browser does that loads the frame.
func (f *frame) send(method, path, form string, headers ...string) *http.Response {
	f.l.t.Helper()
	r, err := http.NewRequest(method, f.l.url+path, strings.NewReader(form))
	if err != nil {
		f.l.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, c := range f.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		f.l.t.Fatal(err)
	}
	answer.Body.Close()
	for _, c := range answer.Cookies() {
		f.cookies[c.Name] = c
	}
	return answer
}

func (f *frame) get(path, site string) *http.Response {
	return f.send(http.MethodGet, path, "", "Sec-Fetch-Site", site, "Sec-Fetch-Dest", "iframe")
}

func (f *frame) post(path, site string) *http.Response {
	return f.send(http.MethodPost, path, "", "Sec-Fetch-Site", site, "Sec-Fetch-Dest", "iframe")
}

func TestPortalInAFrame(t *testing.T) {
	l := newLab(t, branded(t))
	check := func(what string, h http.Header, framed bool) {
		t.Helper()
		csp, options := "frame-ancestors 'none'", "DENY"
		if framed {
			csp, options = "frame-ancestors https://app.example.com https://*.example.org", ""
		}
		if got := h.Get("Content-Security-Policy"); !strings.HasSuffix(got, csp) || h.Get("X-Frame-Options") != options {
			t.Errorf("%s: %q and X-Frame-Options %q, want it framed: %v", what, got, h.Get("X-Frame-Options"), framed)
		}
	}
	path := l.link(robotA, false)
	f := l.frame()
	check("a link", f.get(path, "cross-site").Header, true)
	if opened := f.post(path, "same-origin"); opened.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link is opened with %s", opened.Status)
	}
	check("a page of the session", f.get("/nothing", "same-origin").Header, true)
	check("the way to sign in", f.get("/sign-in", "same-origin").Header, false)
	check("a failed signing in", f.post("/sign-in", "same-origin").Header, false)
	check("a used link", l.frame().get(path, "cross-site").Header, true)
	ended := l.frame().get("/robots", "cross-site")
	check("a frame without a session", ended.Header, true)
	if ended.StatusCode != http.StatusUnauthorized {
		t.Errorf("a frame without a session: %s", ended.Status)
	}
	check("an operator's page", l.signedIn(l.admin).get("/robots").header, false)
	check("the way to sign in, of nobody", l.browser().get("/robots").header, false)

	l = newLab(t) // which lists no origins
	check("a link that isn't framed", l.frame().get(l.link(robotA, false), "cross-site").Header, false)
}

// A cookie for a frame of another site is partitioned, and no other is for frames.
func TestPortalCookie(t *testing.T) {
	check := func(what string, c *http.Cookie, framed bool) {
		t.Helper()
		switch {
		case c == nil:
			t.Errorf("%s: there is no cookie", what)
		case !c.HttpOnly || framed != (c.SameSite == http.SameSiteNoneMode && c.Secure && c.Partitioned) || !framed != (c.SameSite == http.SameSiteStrictMode && !c.Partitioned):
			t.Errorf("%s: the cookie is %v", what, c)
		}
	}
	l := newLab(t, branded(t))
	f := l.frame()
	f.post(l.link(robotA, false), "same-origin")
	check("in a frame", f.cookies["runhooks_portal"], true)
	f.send(http.MethodPost, "/sign-out", "", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty")
	check("a notice in a frame", f.cookies["runhooks_notice"], true)

	f.post(l.link(robotA, false), "same-origin")
	f.send(http.MethodPost, "/sign-in", "token="+l.admin) // in a page beside the frame
	check("an operator's", f.cookies["runhooks_session"], false)
	if c := f.cookies["runhooks_portal"]; c.MaxAge >= 0 || !c.Partitioned {
		t.Errorf("signing in leaves the portal's cookie: %v", c)
	}

	f = l.frame()
	f.send(http.MethodPost, l.link(robotA, false), "", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "document")
	check("in a page of its own", f.cookies["runhooks_portal"], false)
	l = newLab(t)
	f = l.frame()
	f.post(l.link(robotA, false), "same-origin")
	check("with no origins listed", f.cookies["runhooks_portal"], false)
}

// The cookie of a frame comes along with what other sites send, and doesn't help them.
func TestPortalAndOtherSites(t *testing.T) {
	l := newLab(t, branded(t))
	f := l.frame()
	f.post(l.link(robotA, false), "same-origin")
	link := l.link(robotB, false)
	for _, path := range []string{"/sign-out", link} {
		// By http, browsers tell only the origin.
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://app.example.com"}, {"Origin", "null"}} {
			if r := f.send(http.MethodPost, path, "", from...); r.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %v: %s", path, from, r.Status)
			}
		}
	}
	if r := f.send(http.MethodPost, link, "", "Origin", l.url); r.StatusCode != http.StatusSeeOther {
		t.Errorf("POST of our own page: %s", r.Status)
	}
}

var asset = regexp.MustCompile(`/static/brand[^"]*`)

func TestBrand(t *testing.T) {
	l := newLab(t, branded(t))
	b := l.browser()
	path := l.link(robotA, false)
	page := b.get(path).has(t, "Shop &amp; &lt;b&gt;Robots&lt;/b&gt;", `<img src="/static/brand?v=`, `<link rel="stylesheet" href="/static/brand.css?v=`).lacks(t, "Runhooks")
	b.post(path)
	b.get("/deliveries").has(t, "Shop &amp; &lt;b&gt;Robots&lt;/b&gt;", "/static/brand.css")
	l.signedIn(l.admin).get("/robots").has(t, "Runhooks").lacks(t, "Shop", "/static/brand")

	urls := map[string]bool{}
	for _, u := range asset.FindAllString(page.body, -1) {
		urls[u] = true
	}
	if len(urls) != 2 {
		t.Fatalf("the page has %v", urls)
	}
	for u := range urls {
		got := b.get(u).is(t, http.StatusOK)
		if cache := got.header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
			t.Errorf("%s: %s", u, cache)
		}
		if strings.Contains(u, ".css") {
			got.has(t, "--brand: #ffd400; --on-brand: #000000;")
			continue
		}
		csp := got.header.Get("Content-Security-Policy")
		if got.body != svg || got.header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(csp, "sandbox") || !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") {
			t.Errorf("the logo is served as %v", got.header)
		}
	}
	newLab(t).browser().get("/static/brand").is(t, http.StatusNotFound)
}

func TestParseColor(t *testing.T) {
	for text, want := range map[string]pages.Color{"#0A7CFF": "#0a7cff", " #000000 ": "#000000", "red": "", "#fff": "", "#0a7cf": "", "#0a7cff;": "", "": "", "#0a7cfg": ""} {
		if got, err := pages.ParseColor(text); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseColor(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://app.example.com": "https://app.example.com", " HTTPS://App.Example.com/ ": "https://app.example.com",
		"https://*.example.com:8443": "https://*.example.com:8443", "http://localhost:3000": "http://localhost:3000", "http://127.0.0.1": "http://127.0.0.1",
		"app.example.com": "", "https://": "", "https://a b": "", "https://a;script-src *": "", "https://a,https://b": "", "*": "", "https://*": "",
		"https://a.example/path": "", "'self'": "", "data:": "", "javascript://a": "", "https://user@a.example": "", "https://a.example?x": "", "https://a\n.example": "", "": "",
	} {
		if got, err := pages.ParseOrigin(text); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseOrigin(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestParseLogo(t *testing.T) {
	var image1 bytes.Buffer
	if err := png.Encode(&image1, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		ok   bool
	}{
		"png":          {image1.Bytes(), true},
		"svg":          {[]byte(svg), true},
		"svg, BOM":     {[]byte("\ufeff<svg xmlns='http://www.w3.org/2000/svg'/>"), true},
		"doctype":      {[]byte(`<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg"/>`), true},
		"prefix":       {[]byte(`<s:svg xmlns:s="http://www.w3.org/2000/svg"/>`), true},
		"no namespace": {[]byte(`<svg/>`), false},
		"html":         {[]byte(`<html><svg xmlns="http://www.w3.org/2000/svg"/></html>`), false},
		"gif":          {[]byte("GIF89a\x01\x00\x01\x00"), false},
		"nothing":      {nil, false},
		"large":        {append(image1.Bytes(), make([]byte, pages.MaxLogo)...), false},
	} {
		if _, err := pages.ParseLogo(c.data); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseName(t *testing.T) {
	for text, ok := range map[string]bool{"Shop": true, "": true, "Größe": true, "a\nb": false, "\xff": false, strings.Repeat("x", 61): false} {
		if _, err := pages.ParseName(text); (err == nil) != ok {
			t.Errorf("ParseName(%q): %v", text, err)
		}
	}
}

// Text on any colour can be read: WCAG 2.2 AA asks for a contrast of 4.5.
func TestColorOn(t *testing.T) {
	for c, want := range map[pages.Color]pages.Color{"#ffffff": "#000000", "#000000": "#ffffff", "#1f5ab4": "#ffffff", "#ffd400": "#000000"} {
		if got := c.On(); got != want {
			t.Errorf("on %s, text is %s; want %s", c, got, want)
		}
	}
	channel := func(n int) float64 {
		if v := float64(n) / 255; v > 0.04045 {
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return float64(n) / 255 / 12.92
	}
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				c := pages.Color(fmt.Sprintf("#%02x%02x%02x", r, g, b))
				l := 0.2126*channel(r) + 0.7152*channel(g) + 0.0722*channel(b)
				contrast := map[pages.Color]float64{"#000000": (l + .05) / .05, "#ffffff": 1.05 / (l + .05)}[c.On()]
				if contrast < 4.5 {
					t.Errorf("on %s, text of %s has a contrast of %.2f", c, c.On(), contrast)
				}
			}
		}
	}
}
