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
	path := l.link(robotA, false)
	b := l.browser()
	// To look at a link doesn't use it up: programs that look at links only do this.
	for range 2 {
		b.get(path).is(t, http.StatusOK).has(t, "<bdi class=\"mono\">"+robotA+"</bdi>", `<form method="post" action="`+path+`"`, "data-submit", "Runhooks").
			lacks(t, "Sign in", "lets you change nothing")
	}
	p := b.post(path)
	if p.path != "/robots/"+robotA {
		t.Fatalf("the link led to %s: %d %s", p.path, p.status, p.body)
	}
	p = b.get("/deliveries")
	p.lacks(t, "Sign in", "Sign out", "portal session", "ses_", "Read-only").has(t, "/robots/"+robotA, "Settings")
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
	readOnly.get(path).has(t, "lets you change nothing", "a/b ü")
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

// A code is no token.
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
	// A portal session is replaced without a question.
	if p := b.post(l.link(robotB, false)); p.path != "/robots/"+robotB {
		t.Errorf("the second link led to %s", p.path)
	}
	// And an operator signs in instead of it.
	b.get("/sign-in").is(t, http.StatusOK).has(t, "runhooks tokens create")
	b.post("/sign-in", "token", l.admin)
	b.get("/robots").has(t, "Sign out")
}

// frame sends a request as a browser does for a frame in a page of another site. The answer's
// cookies are kept by name, whatever their attributes.
func (b *browser) frame(t *testing.T, method, path, site string, cookies map[string]string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, b.l.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", site)
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	for name, value := range cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	for _, c := range answer.Cookies() {
		cookies[c.Name] = c.Value
	}
	return answer
}

func TestPortalInAFrame(t *testing.T) {
	l := newLab(t, branded(t))
	path := l.link(robotA, false)
	const listed = "frame-ancestors https://app.example.com https://*.example.org"
	mayFrame := func(what string, r *http.Response, may bool) {
		t.Helper()
		csp, options := r.Header.Get("Content-Security-Policy"), r.Header.Get("X-Frame-Options")
		if may != (strings.Contains(csp, listed) && options == "") || !may != (strings.Contains(csp, "frame-ancestors 'none'") && options == "DENY") {
			t.Errorf("%s: %q and X-Frame-Options %q, want it framed: %v", what, csp, options, may)
		}
	}
	b, cookies := l.browser(), map[string]string{}
	mayFrame("the link", b.frame(t, "GET", path, "cross-site", cookies), true)
	opened := b.frame(t, "POST", path, "same-origin", cookies)
	if opened.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link is opened with %s", opened.Status)
	}
	set := strings.Join(opened.Header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"runhooks_portal=", "HttpOnly", "SameSite=None", "Secure", "Partitioned"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie of a frame has no %s: %s", want, set)
		}
	}
	mayFrame("a page of the session", b.frame(t, "GET", "/nothing", "same-origin", cookies), true)
	mayFrame("a used link", b.frame(t, "GET", path, "cross-site", map[string]string{}), true)
	mayFrame("the way to sign in", b.frame(t, "GET", "/sign-in", "same-origin", cookies), false)
	mayFrame("a failed signing in", b.frame(t, "POST", "/sign-in", "same-origin", cookies), false)
	ended := b.frame(t, "GET", "/robots", "cross-site", map[string]string{})
	mayFrame("a frame without a session", ended, true)
	if ended.StatusCode != http.StatusUnauthorized {
		t.Errorf("a frame without a session: %s", ended.Status)
	}

	// The cookie comes along with what other sites send; it doesn't help them.
	second := l.link(robotB, false)
	for _, site := range []string{"cross-site", "same-site"} {
		for _, path := range []string{"/sign-out", second} {
			if r := b.frame(t, "POST", path, site, cookies); r.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s of a %s page: %s", path, site, r.Status)
			}
		}
	}
	// Where a browser doesn't tell the site, which it does only by https, it tells the origin.
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, "null": http.StatusForbidden, l.url: http.StatusSeeOther} {
		r, err := http.NewRequest(http.MethodPost, l.url+"/sign-out", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		r.AddCookie(&http.Cookie{Name: "runhooks_portal", Value: cookies["runhooks_portal"]})
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("a form of %s: %s", origin, answer.Status)
		}
	}
	l.browser().get(second).is(t, http.StatusOK)

	// By itself, the portal has the cookie of all sessions, and whoever signs in isn't framed.
	self := l.browser()
	self.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if set := self.post(second).header.Get("Set-Cookie"); !strings.Contains(set, "SameSite=Strict") || strings.Contains(set, "Partitioned") {
		t.Errorf("not in a frame, the cookie is %s", set)
	}
	for what, p := range map[string]shown{"an operator's page": l.signedIn(l.admin).get("/robots"), "no session": l.browser().get("/robots")} {
		mayFrame(what, &http.Response{Header: p.header}, false)
	}

	// Without the flag, nothing is framed.
	l = newLab(t)
	r := l.browser().frame(t, "POST", l.link(robotA, false), "same-origin", map[string]string{})
	if set := r.Header.Get("Set-Cookie"); !strings.Contains(set, "SameSite=Strict") || strings.Contains(set, "Partitioned") {
		t.Errorf("with no frames allowed, the cookie is %s", set)
	}
	mayFrame("a link, with no frames allowed", l.browser().frame(t, "GET", l.link(robotA, false), "cross-site", map[string]string{}), false)
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
