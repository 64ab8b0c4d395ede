package pages_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/vectors"
)

var requestLink = regexp.MustCompile(`href="(/inspector/ins_[A-Z0-9]+/[0-9]+)"`)

// inspector makes an inspector, and returns its code.
func (b *browser) inspector() string {
	b.l.t.Helper()
	p := b.post("/inspector").is(b.l.t, http.StatusOK)
	code, ok := strings.CutPrefix(p.path, "/inspector/")
	if !ok {
		b.l.t.Fatalf("the new inspector is at %s", p.path)
	}
	return code
}

// sendTo sends a request to an inspector, as anybody may.
func (l *lab) sendTo(method, path, body string, header ...string) (status int, text string) {
	l.t.Helper()
	r, err := http.NewRequest(method, l.url+"/in/"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer.StatusCode, string(got)
}

// captured sends an event to an inspector, and returns the page of it.
func (b *browser) captured(code, body string, header ...string) shown {
	b.l.t.Helper()
	if status, text := b.l.sendTo(http.MethodPost, code, body, append([]string{"Content-Type", "application/json"}, header...)...); status != http.StatusNoContent {
		b.l.t.Fatalf("%d %s", status, text)
	}
	return b.get(b.newest(code)).is(b.l.t, http.StatusOK)
}

// newest is the path of the newest request of an inspector.
func (b *browser) newest(code string) string {
	b.l.t.Helper()
	p := b.get("/inspector/"+code).is(b.l.t, http.StatusOK)
	m := requestLink.FindStringSubmatch(p.body)
	if m == nil {
		b.l.t.Fatalf("there is no request:\n%s", p.body)
	}
	return m[1]
}

// sample returns a payload with the finding, and one without any.
func sample(t *testing.T, code string) (failing, passing string) {
	t.Helper()
	with, without, ok := vectors.Sample(code)
	if !ok {
		t.Fatalf("there is no sample of %s", code)
	}
	return string(with.Payload), string(without.Payload)
}

func TestInspector(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	b.get("/inspector").is(t, http.StatusOK).has(t, "No inspector yet")
	code := b.inspector()
	b.get("/inspector").has(t, code, "none yet")
	b.get("/inspector/"+code).has(t, l.url+"/in/"+code, "Nothing has arrived yet")

	deviating, _ := sample(t, "dialect.field-case")
	page := b.captured(code, deviating, "Authorization", "Bearer s3cret-s3cret", "Webhook-Id", "evt_1", "X-Note", "<b>note</b>")
	page.has(t, "deviates", "1 error", "&#34;runId&#34; should be &#34;run_id&#34;", `<mark class="bad">&#34;runId&#34;</mark>`, "Harbour bulletin",
		"hidden: it may be secret", "&lt;b&gt;note&lt;/b&gt;", "not signed", "curl --globoff &#39;"+l.url+"/in/"+code+"&#39;")
	page.lacks(t, "s3cret", "<b>note")

	b.captured(code, deviating)
	b.get("/inspector/"+code).has(t, "attempt 2", "Job board · success · 3 rows")

	// What a receiver refuses.
	if status, _ := l.sendTo(http.MethodGet, code+"/deep/path?token=s3cret-s3cret", ""); status != http.StatusOK {
		t.Errorf("GET: %d", status)
	}
	b.get(b.newest(code)).has(t, "A receiver answers 405", "/deep/path?token=***").lacks(t, "s3cret")
	if status, _ := l.sendTo(http.MethodPost, code, "a=b", "Content-Type", "application/x-www-form-urlencoded"); status != http.StatusNoContent {
		t.Errorf("a form: %d", status)
	}
	b.get(b.newest(code)).has(t, "A receiver answers 415", "a=b")
	// Any method, and from any site.
	if status, _ := l.sendTo("PURGE", code+"/x", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://other.example"); status != http.StatusNoContent {
		t.Errorf("from another site: %d", status)
	}

	body := b.get(b.newest(code)+"/body").is(t, http.StatusOK)
	if body.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(body.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the body comes with %v", body.header)
	}
	b.post("/inspector/"+code+"/clear").has(t, "The requests are removed", "Nothing has arrived yet")
	b.post("/inspector/"+code+"/delete").has(t, "No inspector yet")
	if status, text := l.sendTo(http.MethodPost, code, "{}"); status != http.StatusNotFound || !strings.Contains(text, "no inspector here") {
		t.Errorf("to a deleted inspector: %d %s", status, text)
	}
	b.get("/inspector/"+code).is(t, http.StatusNotFound)
}

// TestInspectorReplay: the body goes to a URL, and the page says what came of it.
func TestInspectorReplay(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	code := b.inspector()
	_, event := sample(t, "dialect.field-case")
	page := b.captured(code, event, "Webhook-Id", "evt_1", "X-Own", "x")
	var got atomic.Pointer[http.Request]
	var body atomic.Value
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body.Store(string(text))
		got.Store(r)
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "\x1b[31m<script>alert(1)</script>")
		}
	}))
	defer target.Close()

	b.post(page.path+"/replay", "url", target.URL+"/good", "secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").is(t, http.StatusOK).has(t, "The endpoint accepted the event with status 200.")
	r := got.Load()
	if body.Load() != event || r.Header.Get("Webhook-Id") != "evt_1" || !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") || r.Header.Get("X-Own") != "" {
		t.Errorf("what arrived: %v\n%s", r.Header, body.Load())
	}
	b.post(page.path+"/replay", "url", target.URL+"/bad").is(t, http.StatusOK).has(t, "answered 418", `<span class="odd">\u001b</span>[31m&lt;script&gt;`)
	b.post(page.path+"/replay", "url", "http://10.0.0.1/").is(t, http.StatusOK).has(t, "is not public")
	b.post(page.path+"/replay", "url", "javascript:alert(1)").is(t, http.StatusUnprocessableEntity).has(t, `id="replay-url-error"`)
	b.post(page.path+"/replay", "url", target.URL, "secret", "whsec_!").is(t, http.StatusUnprocessableEntity).has(t, `id="replay-secret-error"`).lacks(t, "whsec_!")
}

// TestInspectorScope: a session sees the inspectors of its robot, and a reader changes
// nothing.
func TestInspectorScope(t *testing.T) {
	l := newLab(t)
	admin, ofA, ofB := l.signedIn(l.admin), l.signedIn(l.token(api.RoleAdmin, robotA)), l.signedIn(l.token(api.RoleAdmin, robotB))
	reader := l.signedIn(l.token(api.RoleReader, robotA))
	code, wide := ofA.inspector(), admin.inspector()
	page := ofA.captured(code, `{"event_type":"nothing"}`)

	for _, b := range []*browser{admin, ofA, reader} {
		b.get("/inspector").has(t, code)
		b.get(page.path).is(t, http.StatusOK)
	}
	ofA.get("/inspector").lacks(t, wide)
	ofB.get("/inspector").lacks(t, code, wide)
	anonymous := l.browser()
	for _, path := range []string{"/inspector/" + code, page.path, page.path + "/body"} {
		ofB.get(path).is(t, http.StatusNotFound)
		if p := anonymous.get(path); !strings.HasPrefix(p.path, "/sign-in") {
			t.Errorf("without a session, %s shows %s", path, p.path)
		}
	}
	ofA.get("/inspector/"+wide).is(t, http.StatusNotFound)
	for _, path := range []string{"/inspector/" + code + "/clear", "/inspector/" + code + "/delete", page.path + "/replay"} {
		ofB.post(path, "url", l.url).lacks(t, code)
		reader.post(path, "url", l.url).is(t, http.StatusForbidden)
	}
	reader.post("/inspector").is(t, http.StatusForbidden)
	reader.get(page.path).lacks(t, "Delete the inspector", "Remove all requests", "Send it again")
	reader.get("/inspector").lacks(t, "New inspector")
	ofA.get(page.path).is(t, http.StatusOK) // nothing was removed
	// Another inspector doesn't have the request.
	admin.get(strings.Replace(page.path, code, wide, 1)).is(t, http.StatusNotFound)

	// A code is not a token, and inspectors are not in the list of tokens.
	if p := l.browser().post("/sign-in", "token", code); p.status != http.StatusUnprocessableEntity {
		t.Errorf("signing in with a code: %d at %s", p.status, p.path)
	}
	var tokens api.TokenList
	l.do(http.MethodGet, "/v1/tokens", nil, &tokens)
	for _, token := range tokens.Items {
		if !token.Role.Valid() {
			t.Errorf("the list of tokens has %+v", token)
		}
	}
}

func TestInspectorBounds(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	code := b.inspector()
	if status, text := l.sendTo(http.MethodPost, code, strings.Repeat("x", int(l.service.MaxBody())+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d %s", status, text)
	}
	for _, path := range []string{"", "x", "ins_", "ins_" + strings.Repeat("A", 26), l.admin} {
		if status, text := l.sendTo(http.MethodPost, path, "{}"); status != http.StatusNotFound || !strings.Contains(text, "Make a new one") {
			t.Errorf("/in/%s: %d %s", path, status, text)
		}
	}

	// An inspector that has expired takes nothing and shows nothing.
	const old = "ins_ZZZZZZZZZZZZZZZZZZZZZZZZZZ"
	if err := l.store.CreateToken(context.Background(), delivery.Token{
		ID: old, Role: "inspector", Hash: sha256.Sum256([]byte(old)), ExpiresAt: time.Now().Add(-time.Minute),
	}, delivery.Audit{Changes: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if status, _ := l.sendTo(http.MethodPost, old, "{}"); status != http.StatusNotFound {
		t.Errorf("to an expired inspector: %d", status)
	}
	b.get("/inspector/"+old).is(t, http.StatusNotFound)
	b.get("/inspector").lacks(t, old)

	for range service.MaxInspectors - 1 {
		b.inspector()
	}
	b.get("/inspector").lacks(t, "New inspector")
	b.post("/inspector").is(t, http.StatusConflict).has(t, "too many inspectors")
}

// TestInspectorFlood: what is too much for an inspector is refused, and publishing goes on.
func TestInspectorFlood(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	code := b.inspector()
	var kept, refused, other atomic.Int32
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			switch status, _ := l.sendTo(http.MethodPost, code, fmt.Sprint(n), "Content-Type", "application/json"); status {
			case http.StatusNoContent:
				kept.Add(1)
			case http.StatusTooManyRequests:
				refused.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	_, event := sample(t, "dialect.field-case")
	var body map[string]json.RawMessage
	if err := json.Unmarshal([]byte(event), &body); err != nil {
		t.Fatal(err)
	}
	l.do(http.MethodPost, "/v1/events", map[string]any{"event_type": body["event_type"], "data": body["data"]}, nil)
	all.Wait()
	if kept.Load() == 0 || refused.Load() == 0 || other.Load() > 0 {
		t.Errorf("%d were kept, %d refused, and %d something else", kept.Load(), refused.Load(), other.Load())
	}
	if n := len(requestLink.FindAllString(b.get("/inspector/"+code).body, -1)); n != int(min(kept.Load(), 50)) {
		t.Errorf("the page shows %d of %d", n, kept.Load())
	}
}

// TestInspectorHostile: whatever is sent shows as text.
func TestInspectorHostile(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	code := b.inspector()
	page := b.captured(code, "{\"event_type\":\"\u202e<script>alert(1)</script>\x1b[2J\"}",
		"Webhook-Id", "<script>alert(2)</script>", "X-A", "'; rm -rf / #", "X-B", "שלום")
	for _, p := range []shown{page, b.get("/inspector/" + code)} {
		p.lacks(t, "<script>alert", "\u202e", "\x1b")
	}
	page.has(t, `&#39;X-A: &#39;\&#39;&#39;; rm -rf / #&#39;`, "<bdi class=\"mono\">שלום</bdi>", "--data-binary &#39;@request-")
	if status, _ := l.sendTo(http.MethodPost, code+"/%1b%5b2J/%E2%80%AE?<script>", "x"); status != http.StatusNoContent {
		t.Errorf("a hostile path: %d", status)
	}
	b.get(b.newest(code)).is(t, http.StatusOK).lacks(t, "<script>?", "\u202e", "\x1b")
}

// TestInspectorLive: the list is streamed as it is at first, and again when a request
// arrives.
func TestInspectorLive(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	code := b.inspector()
	b.get("/inspector/"+code).has(t, `hx-sse:connect="/inspector/`+code+`/live"`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+"/inspector/"+code+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended before it had %q: %v", text, lines.Err())
	}
	until("Nothing has arrived yet")
	l.sendTo(http.MethodPost, code, `{"event_type":"run_failed"}`, "Content-Type", "application/json")
	until("run_failed")
	b.post("/inspector/" + code + "/delete")
	until("event: end")
}
