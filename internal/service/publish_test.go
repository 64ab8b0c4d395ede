package service_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	api "github.com/runhooks/runhooks/gen/service"
)

func TestPublishRefusals(t *testing.T) {
	w := newWorld(t)
	good := runFailed(robotA, runA)
	tests := []struct {
		name, body string
		header     []string
		status     int
		pointer    string // of the first finding, with its line and column
	}{
		{"not JSON", "{", nil, 422, " 1:2"},
		{"empty", "", []string{"Content-Type", "application/json"}, 422, " 1:1"},
		{"a member missing", "{\"event_type\":\"run_failed\",\n\"data\":{}}", nil, 422, "/data/error 2:8"},
		{"an operational event", `{"event_type":"endpoint_failing","data":{}}`, nil, 422, "/event_type 1:15"},
		{"with a timestamp", strings.Replace(good, "{", `{"timestamp":"2025-05-29T15:53:15.595Z",`, 1), nil, 422, "/timestamp 1:2"},
		{"with a webhook_id", strings.Replace(good, "{", `{"webhook_id":"x",`, 1), nil, 422, "/webhook_id 1:2"},
		{"a NUL in an id", runFailed(robotA, "a\x00b"), nil, 422, ""},
		{"too large", `{"event_type":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, ""},
		{"of another type", good, []string{"Content-Type", "text/plain"}, 415, ""},
		{"without a type", good, []string{"Content-Type", ""}, 415, ""},
		{"compressed", good, []string{"Content-Encoding", "gzip"}, 415, ""},
		{"an empty key", good, []string{"Idempotency-Key", ""}, 400, ""},
		{"a long key", good, []string{"Idempotency-Key", strings.Repeat("k", 201)}, 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := w.do(w.admin, "POST", "/v1/events", tt.body, tt.header...)
			if r.status != tt.status {
				t.Fatalf("status %d, want %d: %s", r.status, tt.status, r.body)
			}
			var p api.Problem
			r.into(t, &p)
			if value(p.Status) != tt.status || value(p.Detail) == "" || value(p.Title) == "" {
				t.Errorf("problem: %s", r.body)
			}
			if tt.status == 422 && len(p.Findings) == 0 {
				t.Fatalf("no finding: %s", r.body)
			}
			if tt.pointer != "" {
				if f := p.Findings[0]; fmt.Sprintf("%s %d:%d", f.Pointer, f.Line, f.Column) != tt.pointer {
					t.Errorf("first finding at %s %d:%d, want %s: %s", f.Pointer, f.Line, f.Column, tt.pointer, r.body)
				}
			}
		})
	}
	var page api.EventPage
	w.want(200, w.do(w.admin, "GET", "/v1/events", "")).into(t, &page)
	if len(page.Items) != 0 {
		t.Errorf("something was stored: %+v", page.Items)
	}
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	w.endpoint(robotA, "http://127.0.0.1:9/", `,"active":false`)
	key := []string{"Idempotency-Key", "k"}
	var first, again, other api.Published
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA), key...)).into(t, &first)
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA), key...)).into(t, &again)
	if first.Replayed || !again.Replayed || again.EventID != first.EventID || again.Deliveries != 1 {
		t.Errorf("first %+v, again %+v", first, again)
	}
	w.want(409, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, "another"), key...))
	// The keys of another token are others.
	w.want(202, w.do(w.token(api.RolePublisher, ""), "POST", "/v1/events", runFailed(robotA, "another"), key...)).into(t, &other)
	if other.Replayed || other.EventID == first.EventID {
		t.Errorf("another token's: %+v", other)
	}
}

func TestBatch(t *testing.T) {
	w := newWorld(t)
	ndjson := []string{"Content-Type", "application/x-ndjson"}
	long := `{"event_type":"` + strings.Repeat("x", 1<<20) + `"}`
	body := runFailed(robotA, "r1") + "\n\n" + `{"event_type":"run_failed"}` + "\r\n" + long + "\n" + runFailed(robotA, "r2")
	var result api.BatchResult
	w.want(200, w.do(w.admin, "POST", "/v1/events/batch", body, ndjson...)).into(t, &result)
	got := ""
	for _, r := range result.Results {
		got += fmt.Sprintf("%d:%d ", r.Line, r.Status)
		if (r.Status == 202) != (r.EventID != nil) || (r.Status == 202) == (r.Detail != nil) || (r.Status == 422) != (len(r.Findings) > 0) {
			t.Errorf("line %d: %+v", r.Line, r)
		}
	}
	if want := "1:202 3:422 4:413 5:202 "; got != want || result.Accepted != 2 || result.Rejected != 2 {
		t.Errorf("lines %s, want %s; %d accepted, %d rejected", got, want, result.Accepted, result.Rejected)
	}

	// The whole batch can be sent again.
	key := append(ndjson, "Idempotency-Key", "b")
	lines := strings.Repeat(runFailed(robotA, runA)+"\n", 600)
	var first, again api.BatchResult
	w.want(200, w.do(w.admin, "POST", "/v1/events/batch", lines, key...)).into(t, &first)
	w.want(200, w.do(w.admin, "POST", "/v1/events/batch", lines, key...)).into(t, &again)
	if first.Accepted != 600 || again.Accepted != 600 {
		t.Fatalf("%d and %d accepted, want 600", first.Accepted, again.Accepted)
	}
	for i := range first.Results {
		if a, b := first.Results[i], again.Results[i]; value(a.EventID) != value(b.EventID) || !value(b.Replayed) {
			t.Fatalf("line %d: %+v, then %+v", a.Line, a, b)
		}
	}

	w.want(415, w.do(w.admin, "POST", "/v1/events/batch", "{}"))
	w.want(415, w.do(w.admin, "POST", "/v1/events/batch", "{}", append(ndjson, "Content-Encoding", "gzip")...))
	w.want(200, w.do(w.admin, "POST", "/v1/events/batch", "\n\n", ndjson...)).into(t, &result)
	w.want(200, w.do(w.admin, "POST", "/v1/events/batch", strings.Repeat("1\n", 10_001), ndjson...)).into(t, &result)
	if n := len(result.Results); n != 10_001 || result.Results[n-1].Status != 413 {
		t.Errorf("of 10,001 lines: %d results", n)
	}
}

// A store that is away is 503, in problem details and with Retry-After.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	w.want(200, w.do(w.admin, "GET", "/v1/events", "")) // so that the token is known
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []reply{
		w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA)),
		w.do(w.admin, "POST", "/v1/events/batch", runFailed(robotA, runA), "Content-Type", "application/x-ndjson"),
		w.do(w.admin, "GET", "/v1/deliveries", ""),
		w.do(w.admin, "POST", "/v1/endpoints", `{"robot_id":"r","url":"https://example.com/"}`),
		w.do(w.token2(), "GET", "/v1/events", ""),
	} {
		if r.status != 503 || r.header.Get("Retry-After") == "" {
			t.Errorf("status %d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
		}
		if strings.Contains(r.body, "sql") {
			t.Errorf("it tells of the store's inside: %s", r.body)
		}
	}
	if r := w.do("", "GET", "/healthz", ""); r.status != 200 {
		t.Errorf("/healthz: %d", r.status)
	}
}

// token2 is a token that the service has not seen.
func (w *world) token2() string { return "rh_" + strings.Repeat("B", 43) }

func TestNoRoute(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/v1/nothing", 404, ""},
		{"PUT", "/v1/events", 405, "GET, POST"},
		{"POST", "/healthz", 405, "GET"},
		{"POST", "/v1/deliveries/dlv_1", 405, "GET"},
	} {
		r := w.do("", tt.method, tt.path, "")
		if r.status != tt.status || r.header.Get("Allow") != tt.allow || r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d, Allow %q, %s", tt.method, tt.path, r.status, r.header.Get("Allow"), r.header.Get("Content-Type"))
		}
	}
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/healthz", "/v1/events", "/nothing"} {
		h := w.do("", "GET", path, "").header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
	}
	if s := w.service.Server(); s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a server without limits: %+v", s)
	}
	var _ http.Handler = w.service
}

func TestPages(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.endpoint(robotA, fmt.Sprintf("http://127.0.0.1:9/%d", i), `,"active":false`)
		w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, fmt.Sprintf("run-%d", i))))
	}
	for path, want := range map[string]int{
		"/v1/endpoints?limit=2": 5, "/v1/events?limit=2": 5, "/v1/deliveries?limit=4": 15, "/v1/audit?limit=2": 5 + 1,
		"/v1/endpoints?limit=5": 5, "/v1/deliveries?limit=7&robot_id=" + robotA: 15,
	} {
		seen := map[string]bool{}
		for cursor, pages := "", 0; ; pages++ {
			var page struct {
				Items []map[string]any
				Next  string
			}
			w.want(200, w.do(w.admin, "GET", path+cursor, "")).into(t, &page)
			for _, item := range page.Items {
				seen[fmt.Sprint(item["id"], item["subject"])] = true
			}
			if page.Next == "" {
				break
			}
			if cursor = "&cursor=" + page.Next; pages > 20 {
				t.Fatalf("%s has no end", path)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d entries, want %d", path, len(seen), want)
		}
	}
	for _, query := range []string{"limit=0", "limit=501", "limit=x", "limit=1&limit=2", "cursor=!", "cursor=eA", "state=x", "event_type=x", "from=yesterday", "robot=x", "robot_id=", "robot_id=%00", "robot_id=%ff", "%zz=1"} {
		if r := w.do(w.admin, "GET", "/v1/deliveries?"+query, ""); r.status != 400 {
			t.Errorf("?%s: %d: %s", query, r.status, r.body)
		}
	}
	// An id of a run that can be published can be asked for.
	long := strings.Repeat("r", 512)
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, long)))
	if r := w.do(w.admin, "GET", "/v1/events?run_id="+long, ""); r.status != 200 || !strings.Contains(r.body, long) {
		t.Errorf("a long run_id: %d: %s", r.status, r.body)
	}
	for _, path := range []string{"/v1/deliveries/dlv_0", "/v1/deliveries/dlv_01", "/v1/deliveries/7", "/v1/deliveries/dlv_99999999999999999999", "/v1/jobs/job_x", "/v1/events/%00", "/v1/endpoints/%00", "/v1/events/%ff", "/v1/endpoints/%ff"} {
		if r := w.do(w.admin, "GET", path, ""); r.status != 404 {
			t.Errorf("%s: %d: %s", path, r.status, r.body)
		}
	}
}

func FuzzPublish(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte(runFailed(robotA, runA)))
	f.Add([]byte(`{"event_type":"run_failed","data":{}}`))
	f.Add([]byte("{\n}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		w.t = t
		if r := w.do(w.admin, "POST", "/v1/events", string(body), "Content-Type", "application/json"); r.status != 202 && r.status != 422 && r.status != 413 {
			t.Errorf("%q: status %d: %s", body, r.status, r.body)
		}
	})
}
