package service_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/pkg/signature"
)

func TestCreateRefusals(t *testing.T) {
	w := newWorld(t)
	base := `"robot_id":"r","url":"https://example.com/"`
	for body, pointer := range map[string]string{
		`{}`:                                                                               "",
		`{"url":"https://a/"}`:                                                             "",
		`{"robot_id":"r"}`:                                                                 "",
		`{` + base + `,"operator":true}`:                                                   "",
		`{` + base + `,"url":"x"}`:                                                         "/url",
		`{` + base + `,"nothing":1}`:                                                       "",
		`{` + base + `,"max_attempts":0}`:                                                  "/max_attempts",
		`{` + base + `,"max_attempts":51}`:                                                 "/max_attempts",
		`{` + base + `,"max_attempts":1.5}`:                                                "/max_attempts",
		`{` + base + `,"retry_delays":[]}`:                                                 "/retry_delays",
		`{` + base + `,"retry_delays":[5,0]}`:                                              "/retry_delays/1",
		`{` + base + `,"timeout":121}`:                                                     "/timeout",
		`{` + base + `,"rate_limit":-1}`:                                                   "/rate_limit",
		`{` + base + `,"rate_limit":1e9}`:                                                  "/rate_limit",
		`{` + base + `,"max_in_flight":1001}`:                                              "/max_in_flight",
		`{` + base + `,"events":["nothing"]}`:                                              "/events/0",
		`{` + base + `,"events":["run_failed","endpoint_failing"]}`:                        "/events/1",
		`{` + base + `,"description":"` + strings.Repeat("x", 501) + `"}`:                  "/description",
		`{` + base + `,"description":"\u0000"}`:                                            "/description",
		`{` + base + `,"headers":{"Host":"x"}}`:                                            "/headers/Host",
		`{` + base + `,"headers":{"webhook-ID":"x"}}`:                                      "/headers/webhook-ID",
		`{` + base + `,"headers":{"authorization":"x"}}`:                                   "/headers/authorization",
		`{` + base + `,"headers":{"a b":"x"}}`:                                             "/headers/a b",
		`{` + base + `,"headers":{"X-A":"x\ny"}}`:                                          "/headers/X-A",
		`{` + base + `,"headers":{"X-A":7}}`:                                               "/headers/X-A",
		`{` + base + `,"authorization":"x\r\ny"}`:                                          "/authorization",
		`{` + base + `,"authorization":"x","basic":{"username":"u","password":"p"}}`:       "",
		`{` + base + `,"basic":{"username":"u:v","password":"p"}}`:                         "/basic/username",
		`{` + base + `,"secret":"whsec_short"}`:                                            "/secret",
		`{` + base + `,"signature":"v2"}`:                                                  "/signature",
		`{` + base + `,"signature":"v1a","secret":"` + signature.NewSecret().Text() + `"}`: "/secret",
	} {
		r := w.do(w.admin, "POST", "/v1/endpoints", body)
		var p api.Problem
		r.into(t, &p)
		if r.status != 422 || len(p.Findings) == 0 || !slices.ContainsFunc(p.Findings, func(f api.Finding) bool { return f.Pointer == pointer }) {
			t.Errorf("%s: %d, want 422 with a finding at %q: %s", body, r.status, pointer, r.body)
		}
	}
	for _, url := range []string{
		"ftp://example.com/", "https://user@example.com/", "https://user:secret@example.com/", "https://example.com/#x",
		"https://example.com/a b", "https://example.com/\u00e9", "//example.com/", "https://", "example.com",
		"http://127.0.0.2/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/",
	} {
		r := w.do(w.admin, "POST", "/v1/endpoints", fmt.Sprintf(`{"robot_id":"r","url":%q}`, url))
		if r.status != 422 || !strings.Contains(r.body, `"pointer":"/url"`) || strings.Contains(r.body, "secret@") {
			t.Errorf("%s: %d: %s", url, r.status, r.body)
		}
	}
	for body, words := range map[string]string{
		`{"robot_id":"r","url":"https://b\u00fccher.example/"}`:           "xn--",
		`{"robot_id":"r","url":"example.com"}`:                            "https://",
		`{` + base + `,"nothing":1}`:                                      "no such member: 'nothing'",
		`{` + base + `,"rate_limit":2.5e6}`:                               "at most 10000, and is 2500000",
		`{` + base + `,"max_attempts":-3}`:                                "at least 1, and is -3",
		`{` + base + `,"max_attempts":"3"}`:                               "this has to be a whole number",
		`{` + base + `,"authorization":""}`:                               "this must not be empty",
		`{` + base + `,"retry_delays":[]}`:                                "this must not be empty",
		`{` + base + `,"description":"` + strings.Repeat("x", 501) + `"}`: "at most 500 characters, and has 501",
		`{` + base + `,"secret":"short"}`:                                 `"message":"unusable secret`,
	} {
		if r := w.do(w.admin, "POST", "/v1/endpoints", body); r.status != 422 || !strings.Contains(r.body, words) {
			t.Errorf("%s: %d, want 422 with %q: %s", body, r.status, words, r.body)
		}
	}
	w.want(400, w.do(w.admin, "GET", "/v1/events?from=yesterday", ""))
	w.endpoint("r", "https://example.com/whole", `,"timeout":10.0,"max_attempts":1e1`) // are whole numbers
	w.endpoint("r", "https://example.com/", "")
	for _, same := range []string{"https://example.com/", "HTTPS://Example.COM", "https://example.com:443/"} {
		w.want(409, w.do(w.admin, "POST", "/v1/endpoints", `{"robot_id":"r","url":"`+same+`"}`))
	}
	for given, want := range map[string]string{
		"http://[2606:4700::ABCD]:80?a=%2f": "http://[2606:4700::abcd]/?a=%2f", "http://a.example:443/%7e//x/../?": "http://a.example:443/%7e//x/../?",
	} {
		if e := w.endpoint("r", given, ""); e.URL != want {
			t.Errorf("%s is %s, want %s", given, e.URL, want)
		}
	}
	w.endpoint("another", "https://example.com/", "")
	w.want(400+22, w.do(w.admin, "POST", "/v1/endpoints", `{"url":"https://a.example/","url":"https://b.example/"}`))
	w.want(415, w.do(w.admin, "POST", "/v1/endpoints", `{}`, "Content-Type", "text/plain"))
	w.want(413, w.do(w.admin, "POST", "/v1/endpoints", `"`+strings.Repeat("x", 300<<10)+`"`))
}

func TestUpdate(t *testing.T) {
	w := newWorld(t)
	e := w.endpoint(robotA, "https://example.com/", `,"headers":{"x-a":"value-a","X-B":"value-b"},"max_attempts":3,"authorization":"Bearer token-1"`)
	path := "/v1/endpoints/" + e.ID
	if diff := cmp.Diff([]string{"X-A", "X-B"}, e.HeaderNames); diff != "" || !e.HasAuthorization || e.Version != 1 {
		t.Errorf("%s%+v", diff, e)
	}

	w.want(428, w.do(w.admin, "PATCH", path, `{"ordered":true}`))
	w.want(412, w.do(w.admin, "PATCH", path, `{"ordered":true}`, "If-Match", `"2"`))
	w.want(428, w.do(w.admin, "DELETE", path, ""))
	w.want(412, w.do(w.admin, "DELETE", path, "", "If-Match", `"7"`))

	var changed api.Endpoint
	r := w.want(200, w.do(w.admin, "PATCH", path,
		`{"max_attempts":null,"headers":{"X-a":null,"X-C":"value-c"},"authorization":null,"basic":{"username":"u","password":"hunter22"},"events":["run_failed"],"active":false}`, "If-Match", `"1"`))
	r.into(t, &changed)
	if r.header.Get("ETag") != `"2"` {
		t.Errorf("ETag %s", r.header.Get("ETag"))
	}
	want := e
	want.MaxAttempts, want.HeaderNames, want.Events, want.Active, want.State = 10, []string{"X-B", "X-C"}, []api.EventType{"run_failed"}, false, "paused"
	want.Version, want.UpdatedAt, want.Secret = 2, changed.UpdatedAt, nil
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}

	// What was published meanwhile is held, and shows when the endpoint is active.
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA)))
	w.want(200, w.do(w.admin, "PATCH", path, `{"active":true}`, "If-Match", "*")).into(t, &changed)
	if value(changed.Held) != 1 || changed.State != api.EndpointStateActive {
		t.Errorf("held %d, %s", value(changed.Held), changed.State)
	}

	for body, pointer := range map[string]string{
		`{"robot_id":"x"}`: "/robot_id", `{"secret":"x"}`: "/secret", `{"url":null}`: "", `{"nothing":1}`: "",
		`{"url":"http://10.0.0.1/"}`: "/url", `{"headers":{"Host":"x"}}`: "/headers/Host", `{"authorization":"a"}`: "", `{"timeout":"x"}`: "/timeout",
	} {
		r := w.do(w.admin, "PATCH", path, body, "If-Match", "*")
		if r.status != 422 || !strings.Contains(r.body, fmt.Sprintf(`"pointer":%q`, pointer)) {
			t.Errorf("%s: %d: %s", body, r.status, r.body)
		}
	}
	w.want(422, w.do(w.admin, "PATCH", path, `[]`, "If-Match", "*"))

	var log api.AuditPage
	w.want(200, w.do(w.admin, "GET", "/v1/audit?subject="+e.ID, "")).into(t, &log)
	if len(log.Items) != 3 || log.Items[1].Action != "endpoint.update" {
		t.Fatalf("audit: %+v", log.Items)
	}
	var got map[string][2]any
	if err := json.Unmarshal(log.Items[1].Changes, &got); err != nil {
		t.Fatal(err)
	}
	wantChanges := map[string][2]any{
		"max_attempts": {3.0, 10.0}, "headers.X-A": {"***", nil}, "headers.X-C": {nil, "***"}, "authorization": {"***", "***"},
		"events": {[]any{}, []any{"run_failed"}}, "state": {"active", "paused"},
	}
	if diff := cmp.Diff(wantChanges, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}

	w.want(204, w.do(w.admin, "DELETE", path, "", "If-Match", `"3"`))
	w.want(404, w.do(w.admin, "GET", path, ""))
	w.endpoint(robotA, "https://example.com/", "") // its URL is free
}

func TestRotate(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	e := w.endpoint(robotA, url, "")
	old := value(e.Secret)
	if !strings.HasPrefix(old, "whsec_") {
		t.Fatalf("secret %q", old)
	}
	path := "/v1/endpoints/" + e.ID + "/rotate-secret"
	var rotated api.Endpoint
	w.want(200, w.do(w.admin, "POST", path, `{"signature":"v1a","overlap":3600}`)).into(t, &rotated)
	if rotated.Secret != nil || rotated.Signature != api.SignatureKindV1A || len(rotated.Secrets) != 2 || rotated.Secrets[1].ExpiresAt == nil {
		t.Fatalf("rotated: %+v", rotated)
	}
	w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", ""))
	r := <-got
	body := readAll(t, r)
	for _, text := range []string{old, value(rotated.Secrets[0].PublicKey)} {
		secret, err := signature.ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&signature.Verifier{Secrets: []signature.Secret{secret}}).Verify(r.Header, []byte(body)); err != nil {
			t.Errorf("%s doesn't verify: %v", secret, err)
		}
	}
	given := signature.NewSecret().Text()
	w.want(200, w.do(w.admin, "POST", path, fmt.Sprintf(`{"secret":%q,"overlap":0}`, given))).into(t, &rotated)
	if value(rotated.Secret) != given || len(rotated.Secrets) != 1 {
		t.Errorf("rotated: %+v", rotated)
	}
	w.want(422, w.do(w.admin, "POST", path, fmt.Sprintf(`{"secret":%q}`, given)))
	w.want(422, w.do(w.admin, "POST", path, `{"overlap":2592001}`))
	for range 7 {
		w.want(200, w.do(w.admin, "POST", path, `{}`))
	}
	w.want(409, w.do(w.admin, "POST", path, `{}`))
}

// The test of an endpoint says what happened, and what to do.
func TestTest(t *testing.T) {
	w := newWorld(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + closed.Addr().String() + "/"
	closed.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection doesn't show
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	status := func(n int) string { url, _ := receiver(t, n); return url }
	plain := status(204)
	tests := []struct {
		name, url string
		delivered bool
		outcome   api.Outcome
		words     string // in the reason or the next step
	}{
		{"204", plain, true, "accepted", "204"},
		{"301", status(301), false, "refused", "redirect"},
		{"401", status(401), false, "refused", "secret"},
		{"404", status(404), false, "refused", "path"},
		{"405", status(405), false, "refused", "POST"},
		{"410", status(410), false, "gone", "disable"},
		{"422", status(422), false, "refused", "body"},
		{"429", status(429), false, "refused", "rate_limit"},
		{"500", status(500), false, "refused", "log"},
		{"502", status(502), false, "refused", "proxy"},
		{"refused", refusing, false, "unreachable", "nothing listens"},
		{"no way there", "http://255.255.255.255/", false, "unreachable", "network"}, // no system connects to it
		{"no TLS", strings.Replace(plain, "http://", "https://", 1), false, "unreachable", "TLS"},
		{"timeout", silent.URL, false, "unreachable", "no answer within 1 seconds"},
		{"no such name", "http://nothing.invalid/", false, "unreachable", "name"},
	}
	for _, tt := range tests {
		e := w.endpoint(robotA, tt.url, `,"timeout":1,"headers":{"X-Key":"key-in-header"}`)
		var result api.TestResult
		r := w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", ""))
		r.into(t, &result)
		if result.Delivered != tt.delivered || result.Outcome != tt.outcome || !strings.Contains(result.Reason+result.NextStep, tt.words) {
			t.Errorf("%s: %s", tt.name, r.body)
		}
		if strings.Contains(r.body, "key-in-header") || strings.Contains(r.body, value(e.Secret)) {
			t.Errorf("%s: it shows a secret: %s", tt.name, r.body)
		}
		w.want(204, w.do(w.admin, "DELETE", "/v1/endpoints/"+e.ID, "", "If-Match", "*"))
	}
	url, got := receiver(t, 200)
	e := w.endpoint(robotA, url, "")
	w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", ""))
	if body := readAll(t, <-got); !strings.Contains(body, `"status":"test"`) || !strings.Contains(body, robotA) {
		t.Errorf("sent: %s", body)
	}
	var page api.EventPage
	w.want(200, w.do(w.admin, "GET", "/v1/events", "")).into(t, &page)
	if len(page.Items) != 0 {
		t.Errorf("the test was stored: %+v", page.Items)
	}
}

func TestRecoverAndCancel(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	e := w.endpoint(robotA, url, `,"active":false`)
	for i := range 3 {
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, fmt.Sprintf("run-%d", i))))
	}
	path := "/v1/endpoints/" + e.ID
	since := `{"since":"2020-01-01T00:00:00Z"}`
	w.want(409, w.do(w.admin, "POST", path+"/recover", since))
	var held api.DeliveryPage
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries?state=held", "")).into(t, &held)
	w.want(409, w.do(w.admin, "POST", "/v1/deliveries/"+held.Items[0].ID+"/retry", ""))
	w.want(200, w.do(w.admin, "POST", "/v1/deliveries/"+held.Items[0].ID+"/cancel", ""))
	w.want(409, w.do(w.admin, "POST", "/v1/deliveries/"+held.Items[0].ID+"/cancel", ""))
	w.want(200, w.do(w.admin, "PATCH", path, `{"active":true}`, "If-Match", "*"))
	var job api.Job
	r := w.want(202, w.do(w.admin, "POST", path+"/recover", since))
	r.into(t, &job)
	w.until("the job", func() bool {
		w.want(200, w.do(w.admin, "GET", r.header.Get("Location"), "")).into(t, &job)
		return job.FinishedAt != nil
	})
	for range 2 {
		select {
		case <-got:
		case <-time.After(20 * time.Second):
			t.Fatalf("not all arrived: %+v", job)
		}
	}
}

func TestAuditOfWhatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	url, _ := receiver(t, 204)
	e := w.endpoint(robotA, url, `,"active":false`)
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, "a-run-to-forget")))
	var held api.DeliveryPage
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries", "")).into(t, &held)
	id := held.Items[0].ID
	w.want(200, w.do(w.admin, "POST", "/v1/deliveries/"+id+"/cancel", ""))
	w.want(200, w.do(w.admin, "PATCH", "/v1/endpoints/"+e.ID, `{"active":true}`, "If-Match", "*"))
	w.want(200, w.do(w.admin, "POST", "/v1/deliveries/"+id+"/retry", ""))
	w.want(202, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/recover", `{"since":"2020-01-01T00:00:00Z"}`))
	w.want(202, w.do(w.admin, "POST", "/v1/erasures", fmt.Sprintf(`{"robot_id":%q,"run_id":"a-run-to-forget"}`, robotA)))

	r := w.want(200, w.do(w.admin, "GET", "/v1/audit?robot_id="+robotA+"&limit=5", ""))
	var page api.AuditPage
	r.into(t, &page)
	var got []string
	for _, a := range page.Items {
		got = append(got, fmt.Sprintf("%s %s %s", a.Action, a.Subject, a.Changes))
	}
	want := []string{
		"erasure.create " + robotA + ` {"erased":[null,"run"]}`,
		"endpoint.recover " + e.ID + ` {"since":[null,"2020-01-01T00:00:00Z"]}`,
		"delivery.retry " + id + ` {"state":["cancelled","pending"]}`,
		"endpoint.update " + e.ID + ` {"state":["paused","active"]}`,
		"delivery.cancel " + id + ` {"state":["held","cancelled"]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	if strings.Contains(r.body, "a-run-to-forget") {
		t.Errorf("the audit log names an erased run: %s", r.body)
	}
}

func readAll(t *testing.T, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Nothing secret is in an answer, but in those that make it, nor in the log or the
// metrics.
func TestSecrets(t *testing.T) {
	w := newWorld(t)
	url, _ := receiver(t, 500)
	given := signature.NewSecret().Text()
	key, _ := signature.NewKeyPair()
	secrets := []string{w.admin, given, key.Text(), "header-hunter22", "Bearer authorization-hunter22", "password-hunter22", "dXNlcjpwYXNzd29yZC1odW50ZXIyMg=="}
	var shown []string
	call := func(reveals bool, method, path, body string, headers ...string) reply {
		t.Helper()
		r := w.do(w.admin, method, path, body, headers...)
		if !reveals {
			shown = append(shown, r.body+fmt.Sprint(r.header))
		}
		return r
	}
	var a, b api.Endpoint
	call(true, "POST", "/v1/endpoints", fmt.Sprintf(`{"robot_id":"r","url":"%s/a","secret":%q,"headers":{"X-Key":"header-hunter22"},"authorization":"Bearer authorization-hunter22","max_attempts":1}`, url, given)).into(t, &a)
	call(false, "POST", "/v1/endpoints", fmt.Sprintf(`{"robot_id":"r","url":"%s/b","secret":%q,"basic":{"username":"user","password":"password-hunter22"},"max_attempts":1}`, url, key.Text())).into(t, &b)
	var made api.Token
	call(true, "POST", "/v1/tokens", `{"name":"t","role":"reader"}`).into(t, &made)
	var rotated api.Endpoint
	call(true, "POST", "/v1/endpoints/"+a.ID+"/rotate-secret", `{}`).into(t, &rotated)
	secrets = append(secrets, value(made.Token), value(rotated.Secret))
	for _, body := range []string{
		`{"secret":"` + given + `x"}`, `{"secret":"` + given + `"}`, `{"secret":"` + given, `{"overlap":"` + given + `"}`, `{"` + given + `":1}`,
	} {
		r := call(true, "POST", "/v1/endpoints/"+a.ID+"/rotate-secret", body)
		if !strings.Contains(body, `{"`+given) {
			shown = append(shown, r.body)
		}
	}
	call(false, "POST", "/v1/endpoints", `{"robot_id":"r","url":"https://x.example/","basic":{"username":"u","password":"password-hunter22\u0001"}}`)
	call(false, "POST", "/v1/endpoints", `{"robot_id":"r","url":"https://x.example/","authorization":"Bearer authorization-hunter22\n"}`)
	call(false, "PATCH", "/v1/endpoints/"+a.ID, `{"headers":{"X-Key":"header-hunter22\n"}}`, "If-Match", "*")
	call(false, "PATCH", "/v1/endpoints/"+a.ID, `{"description":"x"}`, "If-Match", "*")
	call(false, "POST", "/v1/events", runFailed("r", runA))
	call(false, "POST", "/v1/endpoints/"+a.ID+"/test", "")
	call(false, "POST", "/v1/endpoints/"+b.ID+"/test", "")
	var page api.DeliveryPage
	w.until("both exhausted", func() bool {
		w.want(200, w.do(w.admin, "GET", "/v1/deliveries?state=exhausted", "")).into(t, &page)
		return len(page.Items) == 2
	})
	for _, d := range page.Items {
		call(false, "GET", "/v1/deliveries/"+d.ID, "")
	}
	for _, path := range []string{"/v1/endpoints", "/v1/endpoints/" + a.ID, "/v1/endpoints/" + b.ID, "/v1/tokens", "/v1/audit", "/v1/events", "/metrics", "/v1/events?" + w.admin + "=1"} {
		r := call(path == "/v1/events?"+w.admin+"=1", "GET", path, "")
		if len(r.body) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	w.do("rh_"+given, "GET", "/v1/events", "")
	shown = append(shown, w.log.String())
	for _, text := range shown {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%.12s… is shown: %s", secret, text)
			}
		}
	}
	if !strings.Contains(w.log.String(), `"operation":"createEndpoint"`) {
		t.Errorf("requests are not logged: %s", w.log)
	}
}

// TestEcho: an endpoint that answers with what was secret in the request, in parts
// and in any length, has nothing of it shown.
func TestEcho(t *testing.T) {
	w := newWorld(t)
	const token, password = "token-hunter22-that-is-rather-long", "token-hunter22-that"
	for name, text := range map[string]string{
		"at the cut":           strings.Repeat("x", 4<<10-10) + token,
		"again and again":      strings.Repeat(token, 3000),
		"at the client's cut":  strings.Repeat(token, 1800) + strings.Repeat("x", 64<<10-1800*len(token)-10) + token,
		"one in another":       "Bearer " + token + " " + token + " " + password,
		"at the store's cut":   strings.Repeat("x", 1<<10-10) + token,
		"in another's answers": password,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", token)
			w.WriteHeader(500)
			_, _ = io.WriteString(w, text)
		}))
		t.Cleanup(server.Close)
		for _, secret := range []string{
			fmt.Sprintf(`,"authorization":"Bearer %s","headers":{"X-Other":"%s"}`, token, password),
			fmt.Sprintf(`,"basic":{"username":"user","password":%q},"headers":{"X-Other":%q}`, token, password),
		} {
			e := w.endpoint(name, fmt.Sprintf("%s/%d", server.URL, len(secret)), `,"max_attempts":1`+secret)
			shown := []string{w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", "")).body}
			w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(name, runA)))
			var page api.DeliveryPage
			w.until("exhausted", func() bool {
				w.want(200, w.do(w.admin, "GET", "/v1/deliveries?state=exhausted&endpoint_id="+e.ID, "")).into(t, &page)
				return len(page.Items) == 1
			})
			shown = append(shown, w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+page.Items[0].ID, "")).body)
			for _, text := range shown {
				if i := strings.Index(text, "token-"); i >= 0 {
					t.Errorf("%s: %.60s… is shown", name, text[i:])
				}
			}
			w.want(204, w.do(w.admin, "DELETE", "/v1/endpoints/"+e.ID, "", "If-Match", "*"))
		}
	}
}

func FuzzPatch(f *testing.F) {
	w := newWorld(f)
	e := w.endpoint(robotA, "https://example.com/", "")
	for _, seed := range []string{`{"ordered":true}`, `{"headers":{"X-A":null}}`, `{"retry_delays":[1e1]}`, `[]`, `{"basic":{"username":"u","password":"p"}}`, `{"max_attempts":1e0}`, `{"events":[null]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w.t = t
		r := w.do(w.admin, "PATCH", "/v1/endpoints/"+e.ID, string(body), "If-Match", "*", "Content-Type", "application/merge-patch+json")
		if r.status != 200 && r.status != 422 && r.status != 413 {
			t.Errorf("%q: status %d: %s", body, r.status, r.body)
		}
		w.want(200, w.do(w.admin, "GET", "/v1/endpoints/"+e.ID, "")) // it is still one
	})
}
