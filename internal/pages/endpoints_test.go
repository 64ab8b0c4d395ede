package pages_test

import (
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
)

// receiver is an endpoint that answers by a handler.
func receiver(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// stored reads an endpoint from the API.
func (l *lab) stored(id string) api.Endpoint {
	l.t.Helper()
	var e api.Endpoint
	l.do(http.MethodGet, "/v1/endpoints/"+id, nil, &e)
	return e
}

// settings are the fields of a form of settings, as a browser sends them unchanged,
// but for those that are given.
func settings(p shown, changed ...string) []string {
	values := map[string][]string{}
	var names []string
	add := func(name, value string) {
		if values[name] == nil {
			names = append(names, name)
		}
		values[name] = append(values[name], value)
	}
	_, form, _ := strings.Cut(p.body, "endpoint-form")
	form, _, _ = strings.Cut(form, "</form>")
	for _, tag := range inputTag.FindAllString(form, -1) {
		kind, name := attribute(tag, "type"), attribute(tag, "name")
		if (kind == "checkbox" || kind == "radio") && !strings.Contains(tag, " checked") {
			continue
		}
		add(name, attribute(tag, "value"))
	}
	if m := areaTag.FindStringSubmatch(form); m != nil {
		add("description", html.UnescapeString(m[1]))
	}
	for i := 0; i < len(changed); i += 2 {
		if i == 0 || changed[i] != changed[i-2] {
			if values[changed[i]] == nil {
				names = append(names, changed[i])
			}
			values[changed[i]] = nil
		}
		values[changed[i]] = append(values[changed[i]], changed[i+1])
	}
	var fields []string
	for _, name := range names {
		for _, value := range values[name] {
			fields = append(fields, name, value)
		}
	}
	return fields
}

var (
	inputTag = regexp.MustCompile(`<input [^>]*>`)
	areaTag  = regexp.MustCompile(`(?s)<textarea [^>]*>\n?(.*?)</textarea>`)
)

func attribute(tag, name string) string {
	_, rest, ok := strings.Cut(tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

func TestAddEndpoint(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	b.get("/robots/"+robotA).is(t, http.StatusOK).has(t, "No endpoint yet", `href="/robots/`+robotA+`/endpoints/new"`)
	form := b.get("/robots/"+robotA+"/endpoints/new").is(t, http.StatusOK).
		has(t, `value="10"`, "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h", "From 1 to 120. Default: 30.", "Run finished", "Run failed")

	p := b.post("/robots/"+robotA+"/endpoints/new", settings(form,
		"url", " https://example.com/runs ", "description", "Shop\r\nfloor", "events", "run_failed",
		"max_attempts", "3", "retry_delays", "90, 2m 1d", "timeout", "7", "rate_limit", "0.5", "max_in_flight", "2", "ordered", "true",
		"header_name", "X-Team", "header_value", "header-secret", "auth", "basic", "username", "us", "password", "password-secret",
		"paused", "true")...).is(t, http.StatusCreated).has(t, "whsec_", `data-copy="#secret"`, "never again").lacks(t, "header-secret", "password-secret")
	if cache := p.header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("the page with the secret has Cache-Control %q", cache)
	}
	id := regexp.MustCompile(`action="/endpoints/([^/"]+)/test"`).FindStringSubmatch(p.body)
	if id == nil {
		t.Fatalf("the page doesn't lead to a test:\n%s", p.body)
	}
	e := l.stored(id[1])
	got := fmt.Sprintf("%s %s %q %v %d %v %d %v %d %v %v %v %s %s", *e.RobotID, e.URL, e.Description, e.Events, e.MaxAttempts, e.RetryDelays, e.Timeout, e.RateLimit, e.MaxInFlight, e.Ordered, e.HeaderNames, e.HasAuthorization, e.State, e.Signature)
	want := robotA + ` https://example.com/runs "Shop\nfloor" [run_failed] 3 [90 120 86400] 7 0.5 2 true [X-Team] true paused v1`
	if got != want {
		t.Errorf("stored:\n%s\nwant:\n%s", got, want)
	}

	b.get("/robots/"+robotA).has(t, "https://example.com/runs", "Run failed", "Paused", "Shop").lacks(t, "No endpoint yet", "whsec_")
	b.get("/endpoints/"+e.ID).is(t, http.StatusOK).has(t, "Events are held", "X-Team", "set, and not shown", "90s, 2m, 24h", "Rotate the secret").lacks(t, "header-secret", "whsec_")

	// With defaults alone, and a key pair.
	b.post("/robots/"+robotA+"/endpoints/new", settings(form, "url", "https://example.com/2", "signature", "v1a")...).
		is(t, http.StatusCreated).has(t, "whpk_", "Copy the public key")
	// The same once more.
	b.post("/robots/"+robotA+"/endpoints/new", settings(form, "url", "https://example.com/2")...).
		is(t, http.StatusConflict).has(t, "There is already an endpoint with this URL", `id="url-error"`, `aria-invalid="true" autofocus`)
}

func TestFindingsAreAtFields(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	path := "/robots/" + robotA + "/endpoints/new"
	form := b.get(path)
	for _, c := range []struct {
		name   string
		fields []string
		field  string // which the finding is at
		says   string
	}{
		{"no URL", []string{"url", ""}, "url", "not a URL"},
		{"no scheme", []string{"url", "example.com"}, "url", "https://"},
		{"an address that is not public", []string{"url", "http://10.0.0.1/"}, "url", "runhooks serve --allow"},
		{"too many attempts", []string{"max_attempts", "51"}, "max_attempts", "50"},
		{"a text for a number", []string{"timeout", "soon"}, "timeout", "a whole number"},
		{"half an attempt", []string{"max_attempts", "1.5"}, "max_attempts", "a whole number"},
		{"a limit below zero", []string{"rate_limit", "-1"}, "rate_limit", "0"},
		{"too much at once", []string{"max_in_flight", "1e9"}, "max_in_flight", "1000"},
		{"what is no pause", []string{"retry_delays", "5s, later"}, "retry_delays", "“later” is not a pause"},
		{"a pause that is too long", []string{"retry_delays", "5s, 8d"}, "retry_delays", "pause 2: "},
		{"a pause that overflows", []string{"retry_delays", "99999999999999999999d"}, "retry_delays", "is not a pause"},
		{"an event that there isn't", []string{"events", "run_paused"}, "events", "run_completed"},
		{"a long description", []string{"description", strings.Repeat("x", 501)}, "description", "500"},
		{"a header that is refused", []string{"header_name", "Host", "header_value", "v"}, "header-0", ""},
		{"a header twice", []string{"header_name", "X-A", "header_name", "X-A", "header_value", "v", "header_value", "v"}, "header-0", "twice"},
		{"a header without a name", []string{"header_name", "", "header_value", "v"}, "header-0", "no name"},
		{"a header without a value", []string{"header_name", "X-A", "header_value", ""}, "header-0", "no value"},
		{"no authorization", []string{"auth", "header", "authorization", ""}, "authorization", "must not be empty"},
		{"a colon in the user name", []string{"auth", "basic", "username", "a:b", "password", "p"}, "username", "not allowed"},
		{"a short secret", []string{"secret", "short"}, "secret", "unusable secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := c.fields
			if fields[0] != "url" {
				fields = append([]string{"url", "https://example.com/typed"}, fields...)
			}
			p := b.post(path, settings(form, fields...)...).is(t, http.StatusUnprocessableEntity).
				has(t, "Nothing is saved yet", `href="#`+c.field+`"`, `id="`+c.field+`-error"`, c.says)
			if n := strings.Count(p.body, " autofocus"); n != 1 {
				t.Errorf("%d fields have the focus", n)
			}
			if fields[1] == "https://example.com/typed" {
				p.has(t, `value="https://example.com/typed"`)
			}
			for name, value := range map[string]string{"id": c.field, "aria-describedby": c.field + "-error"} {
				if !strings.Contains(p.body, name+`="`+value) {
					t.Errorf("nothing has %s=%q", name, value)
				}
			}
		})
	}
	var page api.EndpointPage
	l.do(http.MethodGet, "/v1/endpoints?robot_id="+robotA, nil, &page)
	if len(page.Items) != 0 {
		t.Errorf("%d endpoints were made", len(page.Items))
	}

	// What the form itself can't read comes with all else.
	b.post(path, settings(form, "url", "x", "retry_delays", "soon, 8d", "header_name", "X/A~B", "header_name", "", "header_value", "", "header_value", "v")...).is(t, http.StatusUnprocessableEntity).
		has(t, `href="#url"`, "“soon” is not a pause", "pause 2: ", "this header has no value", "Header X/A~B")
	// Several at once, all that was typed kept, but for what is secret.
	p := b.post(path, settings(form, "url", "x", "timeout", "0", "description", "kept </textarea>", "header_name", "X-Kept", "header_value", "header-secret",
		"auth", "header", "authorization", "Bearer secret", "secret", "whsec_secret")...).is(t, http.StatusUnprocessableEntity)
	p.has(t, `href="#url"`, `href="#timeout"`, `value="0"`, "kept &lt;/textarea&gt;", `value="X-Kept"`, "type again").lacks(t, "header-secret", "Bearer secret", "whsec_secret")
	if first := regexp.MustCompile(`<input id="url"[^>]* autofocus>`).FindString(p.body); first == "" {
		t.Errorf("the first field that is wrong doesn't have the focus:\n%s", p.body)
	}
	if got := p.body; !regexp.MustCompile(`<details class="card" open>\s*<summary>Retries`).MatchString(got) {
		t.Errorf("the part with the wrong timeout is closed")
	}
	b.post(path, "url", strings.Repeat("x", 600<<10)).is(t, http.StatusRequestEntityTooLarge)
}

func TestEditEndpoint(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	var e api.Endpoint
	l.do(http.MethodPost, "/v1/endpoints", map[string]any{
		"robot_id": robotA, "url": "https://example.com/", "events": []string{"run_failed"}, "authorization": "Bearer kept",
		"headers": map[string]string{"X-Kept": "1", "X-Changed": "2", "X-Removed": "3"}, "description": "before",
	}, &e)
	path := "/endpoints/" + e.ID + "/edit"
	form := b.get(path).is(t, http.StatusOK).has(t, "Leave it as it is: set", "X-Removed").lacks(t, "Bearer kept")

	if p := b.post(path, settings(form)...); p.path != "/endpoints/"+e.ID {
		t.Errorf("saved, the browser is at %s: %s", p.path, p.body)
	}
	unchanged := l.stored(e.ID)
	ignored := cmpopts.IgnoreFields(api.Endpoint{}, "Version", "UpdatedAt", "Secret", "Health", "Activity")
	if diff := cmp.Diff(e, unchanged, ignored); diff != "" {
		t.Errorf("saved without a change (-before +after):\n%s", diff)
	}

	form = b.get(path)
	i := strings.Index(form.body, "X-Changed")
	changedRow := regexp.MustCompile(`old-header-(\d)`).FindStringSubmatch(form.body[i:])[1]
	old := []string{"", "", ""}
	old[changedRow[0]-'0'] = "new"
	fields := settings(form, "description", "", "timeout", "", "auth", "none",
		"old_header_value", old[0], "old_header_value", old[1], "old_header_value", old[2],
		"remove_header", "X-Removed", "header_name", "X-Added", "header_value", "4")
	for i := 0; i < len(fields); i += 2 { // none is ticked
		if fields[i] == "events" {
			fields = append(fields[:i], fields[i+2:]...)
			break
		}
	}
	b.post(path, fields...).is(t, http.StatusOK).has(t, "The changes are saved.")
	got := l.stored(e.ID)
	if diff := cmp.Diff("[] [X-Added X-Changed X-Kept] false 30 \"\"", fmt.Sprintf("%v %v %v %d %q", got.Events, got.HeaderNames, got.HasAuthorization, got.Timeout, got.Description)); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	b.post("/endpoints/nothing/edit", "url", "https://example.com/").is(t, http.StatusNotFound)
}

func TestOperatorsEndpoint(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	var e api.Endpoint
	l.do(http.MethodPost, "/v1/endpoints", map[string]any{"operator": true, "url": "https://example.com/"}, &e)
	b.get("/endpoints/"+e.ID).is(t, http.StatusOK).has(t, "An endpoint of the operator")
	form := b.get("/endpoints/"+e.ID+"/edit").is(t, http.StatusOK).has(t, "Endpoint failing").lacks(t, "Run finished")
	b.post("/endpoints/"+e.ID+"/edit", settings(form, "events", "endpoint_disabled", "events", "delivery_exhausted")...).has(t, "The changes are saved.")
	if got := l.stored(e.ID); fmt.Sprint(got.Events) != "[endpoint_disabled delivery_exhausted]" {
		t.Errorf("stored: %+v", got.Events)
	}
	if p := b.post("/endpoints/"+e.ID+"/delete", "version", "2"); p.path != "/robots" {
		t.Errorf("deleted, the browser is at %s", p.path)
	}
}

func TestEditConflict(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	e := l.endpoint(robotA, "https://example.com/")
	path := "/endpoints/" + e.ID + "/edit"
	form := b.get(path)
	other := l.signedIn(l.admin)
	other.post(path, settings(other.get(path), "timeout", "9", "url", "https://example.com/theirs")...).is(t, http.StatusOK)

	p := b.post(path, settings(form, "timeout", "8")...).is(t, http.StatusConflict).
		has(t, "Somebody else has changed this endpoint", "https://example.com/theirs", "drop your form", "Save my form")
	if got := l.stored(e.ID); got.Timeout != 9 {
		t.Errorf("a conflict saved a timeout of %d", got.Timeout)
	}
	b.post(path, settings(p)...).is(t, http.StatusOK).has(t, "The changes are saved.")
	if got := l.stored(e.ID); got.Timeout != 8 || got.URL != "https://example.com/" {
		t.Errorf("saved over it: %d %s", got.Timeout, got.URL)
	}
	b.post(path, "version", `7", "8`, "url", "https://example.com/").is(t, http.StatusConflict)
}

func TestTestEvent(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	status := func(code int, body string) string {
		return receiver(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Answer", "<i>")
			if code == 302 {
				w.Header().Set("Location", "https://example.com/moved")
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		})
	}
	for _, c := range []struct{ name, url, title, says, next string }{
		{"accepted", status(200, "thanks"), "Accepted · 200", "accepted the event with status 200", ""},
		{"not found", status(404, "<script>no</script>"), "404", "&lt;script&gt;no&lt;/script&gt;", "Check the path of the URL"},
		{"gone", status(410, ""), "410", "it wants no events any more", "would disable the endpoint"},
		{"redirect", status(302, ""), "Redirected · 302", "Redirects are not followed", "Enter the URL that it redirects to"},
		{"failed", status(500, "\x1b[31mred\u202e"), "500", `<span class="odd">\u001b</span>[31mred<span class="odd">\u202e`, "receiver&#39;s log"},
		{"refused", "http://" + refusing.Addr().String() + "/", "Unreachable", "nothing listens at its port", "Check the port"},
		{"no such name", "http://nothing.invalid/", "Unreachable", "does not exist", "Check the spelling"},
		{"no TLS", strings.Replace(status(200, ""), "http:", "https:", 1), "Unreachable", "TLS failed", "Check the certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := l.endpoint(robotA, c.url)
			b.get("/endpoints/"+e.ID+"/test").is(t, http.StatusOK).has(t, "Nothing is stored")
			p := b.post("/endpoints/"+e.ID+"/test").is(t, http.StatusOK).has(t, c.title, c.says, "In all", "What was sent").lacks(t, "<script>no", "<i>")
			if c.next != "" {
				p.has(t, "What to do:", c.next)
			} else {
				p.lacks(t, "What to do:").has(t, "thanks", "&lt;i&gt;", "<rect class=\"wait\"")
			}
		})
	}
	// Not even the store can make the service connect to what is not public.
	e, err := l.store.Endpoint(t.Context(), l.endpoint(robotA, "https://example.com/").ID)
	if err != nil {
		t.Fatal(err)
	}
	e.URL = "http://10.0.0.1/"
	if e, err = l.store.UpdateEndpoint(t.Context(), e, delivery.Audit{At: time.Now(), Changes: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	b.post("/endpoints/"+e.ID+"/test").is(t, http.StatusOK).has(t, "Blocked", "is not public", "ask the operator of the service to allow the address")
	b.post("/endpoints/nothing/test").is(t, http.StatusNotFound)
}

func TestRotate(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	e := l.endpoint(robotA, "https://example.com/")
	path := "/endpoints/" + e.ID + "/rotate"
	b.get(path).is(t, http.StatusOK).has(t, `<option value="86400" selected>1 day`)

	p := b.post(path, "version", "1", "overlap", "3600", "signature", "v1").is(t, http.StatusOK).has(t, "whsec_", "for 1 hour", `data-copy="#secret"`)
	got := l.stored(e.ID)
	if len(got.Secrets) != 2 || got.Version != 2 {
		t.Errorf("rotated: %+v", got)
	}
	secret := regexp.MustCompile(`whsec_[A-Za-z0-9+/=]+`).FindString(html.UnescapeString(p.body))
	// The browser sends the form again: nothing happens, and nothing is shown.
	b.post(path, "version", "1", "overlap", "3600", "signature", "v1").is(t, http.StatusConflict).has(t, "No secret was made just now").lacks(t, "whsec_")
	b.post(path, "version", "2", "overlap", "0", "signature", "v1", "secret", "short").is(t, http.StatusUnprocessableEntity).has(t, `id="secret-error"`, "Unusable secret").lacks(t, `value="short"`)
	b.post(path, "version", "2", "overlap", "0", "signature", "v1", "secret", secret).is(t, http.StatusUnprocessableEntity).has(t, "This is already a secret of the endpoint").lacks(t, secret)
	b.post(path, "version", "2", "overlap", "-1", "signature", "v1").is(t, http.StatusUnprocessableEntity)
	b.post(path, "version", "2", "overlap", "0", "signature", "v1a").is(t, http.StatusOK).has(t, "whpk_", "The old one has ended")
	if got := l.stored(e.ID); len(got.Secrets) != 1 || got.Signature != api.SignatureKindV1A {
		t.Errorf("rotated to a key pair: %+v", got)
	}
}

func TestPauseResumeDelete(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	e := l.endpoint(robotA, receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	page := "/endpoints/" + e.ID
	b.post(page+"/pause").has(t, "The endpoint is paused.", `action="`+page+`/resume"`)
	l.publish(robotA, "run-1")
	b.get(page+"/recover").is(t, http.StatusOK).has(t, "Resume it first")
	b.post(page+"/recover", "hours", "24").is(t, http.StatusConflict).has(t, "make it active first")

	b.post(page+"/resume").has(t, "The endpoint is active", "still held", `action="`+page+`/pause"`)
	for _, c := range [][2]string{{"0", ""}, {"", "yesterday"}, {"24", "2026-13-01T00:00"}} {
		b.post(page+"/recover", "hours", c[0], "since", c[1]).is(t, http.StatusUnprocessableEntity).has(t, "This is not a time")
	}
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, since := range []string{"", "2026-01-02T15:04"} {
		p := b.post(page+"/recover", "hours", "720", "since", since)
		if at := p.header.Get("Location"); p.status == http.StatusConflict {
			p.has(t, "recovers this endpoint already") // the first goes on
		} else if p.status != http.StatusSeeOther || !strings.HasPrefix(at, "/jobs/job_") {
			t.Errorf("recovery: %d %q %s", p.status, at, p.body)
		}
	}
	b.CheckRedirect = nil

	b.get(page+"/delete").is(t, http.StatusOK).has(t, html.EscapeString(e.URL), "Keep it")
	b.post(page+"/delete", "version", "1").is(t, http.StatusConflict).has(t, "nothing was deleted")
	version := fmt.Sprint(l.stored(e.ID).Version)
	if p := b.post(page+"/delete", "version", version).has(t, "is deleted."); p.path != "/robots/"+robotA {
		t.Errorf("deleted, the browser is at %s", p.path)
	}
	b.get(page).is(t, http.StatusNotFound)
}

func TestReadersAndScopes(t *testing.T) {
	l := newLab(t)
	e := l.endpoint(robotA, "https://example.com/a")
	other := l.endpoint(robotB, "https://example.com/b")
	reader := l.signedIn(l.token(api.RoleReader, ""))
	for _, path := range []string{"/robots/" + robotA, "/robots/" + robotB + "x", "/endpoints/" + e.ID, "/robots/" + robotA + "/preview"} {
		p := reader.get(path).is(t, http.StatusOK)
		_, page, _ := strings.Cut(p.body, "<main")
		for _, button := range []string{`method="post"`, "/edit", "/delete", "/rotate", "/endpoints/new", "/recover"} {
			if strings.Contains(page, button) {
				t.Errorf("%s shows a reader %q", path, button)
			}
		}
	}
	for _, path := range []string{"/robots/" + robotA + "/endpoints/new", "/endpoints/" + e.ID + "/edit", "/endpoints/" + e.ID + "/rotate", "/endpoints/" + e.ID + "/delete", "/endpoints/" + e.ID + "/recover", "/endpoints/" + e.ID + "/test", "/robots/" + robotA + "/portal-link"} {
		reader.get(path).is(t, http.StatusForbidden)
		reader.post(path, "version", "1", "url", "https://example.com/new", "hours", "24", "overlap", "0", "signature", "v1").is(t, http.StatusForbidden)
	}
	for _, action := range []string{"pause", "resume"} {
		reader.post("/endpoints/"+e.ID+"/"+action).is(t, http.StatusForbidden)
	}
	if got := l.stored(e.ID); got.Version != 1 {
		t.Errorf("a reader changed the endpoint: %+v", got)
	}

	scoped := l.signedIn(l.token(api.RoleAdmin, robotA))
	scoped.get("/robots/"+robotA).is(t, http.StatusOK).has(t, "https://example.com/a").lacks(t, "https://example.com/b")
	for _, path := range []string{"/robots/" + robotB, "/robots/" + robotB + "/preview"} {
		if p := scoped.get(path); p.status != http.StatusForbidden && p.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", path, p.status, p.body)
		}
	}
	scoped.get("/endpoints/"+other.ID).is(t, http.StatusNotFound)
	scoped.get("/endpoints/"+other.ID+"/edit").is(t, http.StatusNotFound)
	for _, action := range []string{"edit", "test", "rotate", "pause", "resume", "delete", "recover"} {
		scoped.post("/endpoints/"+other.ID+"/"+action, "version", "1", "hours", "24").is(t, http.StatusNotFound)
	}
	scoped.post("/robots/"+robotB+"/endpoints/new", "url", "https://example.com/c", "max_attempts", "1", "auth", "none").is(t, http.StatusForbidden)
}

func TestHostileSettingsAreText(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	robot := `"><script>alert(1)</script>/../x`
	path := "/robots/" + url.PathEscape(robot)
	p := b.get(path+"/endpoints/new").is(t, http.StatusOK).lacks(t, "<script>alert")
	description := "</textarea><img src=x onerror=alert(2)>\u202eevil"
	b.post(path+"/endpoints/new", settings(p, "url", `https://example.com/'"%3Cscript%3E?javascript:alert(3)`, "description", description, "header_name", "X-A", "header_value", "v")...).
		is(t, http.StatusCreated).lacks(t, "<script>alert")
	b.post(path+"/endpoints/new", settings(p, "url", "javascript:alert(4)")...).is(t, http.StatusUnprocessableEntity).lacks(t, `href="javascript:`)
	var page api.EndpointPage
	l.do(http.MethodGet, "/v1/endpoints?robot_id="+url.QueryEscape(robot), nil, &page)
	if len(page.Items) != 1 || page.Items[0].Description != description {
		t.Fatalf("stored: %+v", page.Items)
	}
	id := page.Items[0].ID
	for _, at := range []string{path, path + "/preview", "/endpoints/" + id, "/endpoints/" + id + "/edit", "/endpoints/" + id + "/delete", "/endpoints/" + id + "/rotate", "/endpoints/" + id + "/recover", "/endpoints/" + id + "/test"} {
		b.get(at).is(t, http.StatusOK).lacks(t, "<script>alert", "<img src=x", `href="javascript:`)
	}
	b.post("/endpoints/"+id+"/edit", settings(b.get("/endpoints/"+id+"/edit"))...).is(t, http.StatusOK).has(t, "The changes are saved.")
	if got := l.stored(id); got.Description != description {
		t.Errorf("saved without a change, the description is %q", got.Description)
	}
}

func TestRobotIsPaged(t *testing.T) {
	l := newLab(t)
	for i := range 51 {
		l.endpoint(robotA, fmt.Sprintf("https://example.com/%d", i))
	}
	b := l.signedIn(l.admin)
	listed := regexp.MustCompile(`href="/endpoints/([^"]+)"`)
	p := b.get("/robots/"+robotA).lacks(t, "First page")
	ids := listed.FindAllString(p.body, -1)
	next := regexp.MustCompile(`href="([^"]*cursor=[^"]*)"`).FindStringSubmatch(p.body)
	if len(ids) != 50 || next == nil {
		t.Fatalf("%d endpoints are on the first page, and the next is %q", len(ids), next)
	}
	p = b.get(html.UnescapeString(next[1])).has(t, "First page").lacks(t, "Next page")
	ids = append(ids, listed.FindAllString(p.body, -1)...)
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 51 {
		t.Errorf("both pages have %d endpoints", n)
	}
	b.get("/robots/"+robotA+"?cursor=nothing").is(t, http.StatusBadRequest)
}

func TestPreview(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	path := "/robots/shop/preview"
	b.get(path).is(t, http.StatusOK).has(t, "&#34;robot_id&#34;: &#34;shop&#34;", "&#34;run_completed&#34;", "receiver.New(receiver.Handlers{", "main.go", "webhook-signature")
	b.get(path+"?event=run_failed&language=rust").has(t, "&#34;robotId&#34;: &#34;shop&#34;", "src/main.rs", "cargo add runhooks", "cargo new receiver")
	for language, words := range map[string]string{
		"go": "signature.Verifier", "typescript": "express.raw", "python": "FastAPI()", "java": "RestController", "kotlin": "embeddedServer", "rust": "axum",
		"cobol": "signature.Verifier",
	} {
		p := b.get(path+"?language="+language).is(t, http.StatusOK).has(t, words, "The whole guide for")
		if n := strings.Count(p.body, `<details class="file" open>`); n != 1 {
			t.Errorf("%s: %d programs", language, n)
		}
		if n := strings.Count(p.body, `aria-current="page"`); n < 3 {
			t.Errorf("%s: %d marks of where one is", language, n)
		}
		for _, id := range regexp.MustCompile(`data-copy="#([^"]+)"`).FindAllStringSubmatch(p.body, -1) {
			if strings.Count(p.body, ` id="`+id[1]+`"`) != 1 {
				t.Errorf("%s: nothing, or too much, has the id %s", language, id[1])
			}
		}
	}
}

func TestPortalLink(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	path := "/robots/" + robotA + "/portal-link"
	b.get("/robots/"+robotA).has(t, `href="`+path+`"`)
	b.get(path).is(t, http.StatusOK).has(t, `<option value="300" selected>`, "Make the link")
	p := b.post(path, "expires_in", "3600", "session", "28800", "read_only", "true").is(t, http.StatusCreated).
		has(t, l.url+"/portal/", `data-copy="#link"`, "in 59 min", "can change nothing")
	if n := strings.Count(p.body, l.url+"/portal/"); n != 1 {
		t.Errorf("the link is there %d times", n)
	}
	b.post(path, "expires_in", "1", "session", "28800").is(t, http.StatusUnprocessableEntity).lacks(t, "/portal/")
	l.signedIn(l.token(api.RoleReader, "")).post(path, "expires_in", "300", "session", "28800").is(t, http.StatusForbidden)
	scoped := l.signedIn(l.token(api.RoleAdmin, robotA))
	scoped.get("/robots/"+robotA).lacks(t, path)
	scoped.post("/robots/"+robotB+"/portal-link", "expires_in", "300", "session", "28800").is(t, http.StatusForbidden)
}
