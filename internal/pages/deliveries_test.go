package pages_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
)

// answers answers with a status, and with a body.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// deliveries asks the API for deliveries.
func (l *lab) deliveries(query string) []api.Delivery {
	l.t.Helper()
	var page api.DeliveryPage
	l.do(http.MethodGet, "/v1/deliveries?"+query, nil, &page)
	return page.Items
}

// until calls f until it returns true, or fails after a while.
func (l *lab) until(what string, f func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// held makes an endpoint that is paused, so that nothing happens to its deliveries.
func (l *lab) held(robot, url string) api.Endpoint {
	l.t.Helper()
	var e api.Endpoint
	l.do(http.MethodPost, "/v1/endpoints", map[string]any{"robot_id": robot, "url": url, "active": false}, &e)
	return e
}

func TestListOfDeliveries(t *testing.T) {
	l := newLab(t)
	b := l.signedIn(l.admin)
	b.get("/deliveries").is(t, 200).has(t, "No deliveries yet", "events publish", `hx-sse:connect="/deliveries/live?"`, `aria-current="page"`)

	one, two := l.held(robotA, "http://127.0.0.1:9/one"), l.held(robotB, "http://127.0.0.1:9/two")
	l.publish(robotA, "run-1")
	l.publish(robotA, "run-2")
	l.publish(robotB, "run-3")
	rows := func(query string) string {
		p := b.get("/deliveries?"+query).is(t, 200)
		var runs []string
		for _, m := range regexp.MustCompile(`href="/deliveries\?run_id=(run-\d)"`).FindAllStringSubmatch(p.body, -1) {
			runs = append(runs, m[1])
		}
		return strings.Join(runs, " ")
	}
	event := l.deliveries("run_id=run-2")[0].EventID
	now := time.Now().UTC()
	for _, c := range []struct{ query, want string }{
		{"", "run-3 run-2 run-1"},
		{"robot_id=" + robotA, "run-2 run-1"},
		{"endpoint_id=" + two.ID, "run-3"},
		{"run_id=run-1", "run-1"},
		{"event_id=" + event, "run-2"},
		{"event_type=run_completed&state=held", "run-3 run-2 run-1"},
		{"event_type=run_failed", ""},
		{"state=delivered", ""},
		{"from=" + now.Add(-time.Hour).Format("2006-01-02T15:04"), "run-3 run-2 run-1"},
		{"to=" + now.Add(-time.Hour).Format("2006-01-02T15:04"), ""},
		{"from=" + url.QueryEscape(now.Add(time.Hour).In(time.FixedZone("", 3600)).Format(time.RFC3339)), ""},
		{"robot_id=+" + robotA + "+&run_id=run-2", "run-2"},
	} {
		if got := rows(c.query); got != c.want {
			t.Errorf("%s: %q, want %q", c.query, got, c.want)
		}
	}
	p := b.get("/deliveries?robot_id="+robotA).has(t, "Remove filters", `value="`+robotA+`"`,
		`hx-sse:connect="/deliveries/live?robot_id=`+robotA+`"`, `href="/endpoints/`+one.ID+`"`, one.URL, "Run finished", "Held")
	p.lacks(t, two.URL)
	b.get("/deliveries?state=delivered").has(t, "Nothing matches", "Remove filters", `<option value="delivered" selected>Delivered`)
	if p := b.get("/deliveries?robot_id=" + robotA + "&run_id=&state="); p.path != "/deliveries?robot_id="+robotA {
		t.Errorf("a form with empty fields led to %s", p.path)
	}
	for _, wrong := range []string{"from=yesterday", "state=lost", "event_type=x", "cursor=x"} {
		b.get("/deliveries?"+wrong).is(t, 400).has(t, "There is no such list", "Remove filters")
	}
}

func TestListIsPaged(t *testing.T) {
	l := newLab(t)
	l.held(robotA, "http://127.0.0.1:9/")
	for i := range 60 {
		l.publish(robotA, fmt.Sprint("run-", i))
	}
	b := l.signedIn(l.token(api.RoleReader, ""))
	first := b.get("/deliveries?robot_id="+robotA).has(t, "run-59", "run-10", "Older", "hx-sse:connect")
	first.lacks(t, "run-9\"", "Newest")
	next := regexp.MustCompile(`href="([^"]*cursor=[^"]*)"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatalf("no next page: %s", first.body)
	}
	second := b.get(strings.ReplaceAll(next[1], "&amp;", "&")).is(t, 200).has(t, "run-9\"", "run-0\"", "Newest", `value="`+robotA+`"`)
	second.lacks(t, "run-10\"", "Older", "hx-sse:connect")
}

func TestDelivery(t *testing.T) {
	l := newLab(t)
	var fixed atomic.Bool
	e := l.endpoint(robotA, receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if fixed.Load() {
			answers(200, "")(w, r)
		} else {
			answers(404, "nothing <b>here</b>")(w, r)
		}
	}))
	l.publish(robotA, "run-1")
	d := l.deliveries("")[0]
	l.until("an attempt", func() bool { return l.deliveries("")[0].Attempts == 1 })
	b := l.signedIn(l.admin)
	path := "/deliveries/" + d.ID
	b.get(path).is(t, 200).has(t, "Delivery "+d.ID, "Pending", "Run finished", e.URL, robotA, "run-1", "data-countdown",
		"Attempt 1", "404 Not Found", "Check the path of the URL", "nothing &lt;b&gt;here&lt;/b&gt;", "Webhook-Id", d.EventID, "***",
		"Retry now", "Cancel", `hx-sse:connect="`+path+`/live"`,
		"12.50", "conforms", "Download the whole payload", "curl --globoff &#39;"+e.URL, "Copy as curl")

	p := b.get(path+"/payload").is(t, 200)
	if got := p.header.Get("Content-Disposition"); got != `attachment; filename="`+d.ID+`.json"` {
		t.Errorf("Content-Disposition %q", got)
	}
	if p.header.Get("Content-Type") != "application/json" || p.header.Get("X-Content-Type-Options") != "nosniff" || !json.Valid([]byte(p.body)) {
		t.Errorf("payload: %v %s", p.header, p.body)
	}

	// Now it accepts.
	fixed.Store(true)
	if p := b.post(path + "/retry"); p.path != path || p.status != 200 {
		t.Errorf("after the retry at %s: %d", p.path, p.status)
	} else {
		p.has(t, "Another attempt is due now.")
	}
	l.until("delivered", func() bool { return l.deliveries("")[0].State == api.DeliveryStateDelivered })
	b.get(path).has(t, "The endpoint accepted it", "Attempt 2", "200 OK", "Send again").lacks(t, "Cancel<", "data-countdown")
	b.post(path+"/cancel").has(t, "The delivery is finished: it is delivered.", "Send again")
	b.get("/deliveries/dlv_99").is(t, 404)
	b.get("/deliveries/dlv_99/payload").is(t, 404)

	// Of a deleted endpoint, the history stays.
	request, _ := http.NewRequest(http.MethodDelete, l.url+"/v1/endpoints/"+e.ID, nil)
	request.Header.Set("Authorization", "Bearer "+l.admin)
	request.Header.Set("If-Match", "*")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != 204 {
		t.Fatal(answer, err)
	}
	b.get(path).is(t, 200).has(t, "which was deleted").lacks(t, "Send again")
}

func TestCancelDelivery(t *testing.T) {
	l := newLab(t)
	l.held(robotA, "http://127.0.0.1:9/")
	l.publish(robotA, "run-1")
	path := "/deliveries/" + l.deliveries("")[0].ID
	b := l.signedIn(l.admin)
	b.get(path).has(t, "It is held", "Cancel", "There was none yet").lacks(t, "Retry now")
	b.post(path+"/retry").has(t, "make it active first")
	b.post(path+"/cancel").has(t, "No other attempt follows", "It ended undelivered", "It was cancelled on request.")
}

// A reader sees no button, and what it sends is refused.
func TestReaderOfDeliveries(t *testing.T) {
	l := newLab(t)
	l.held(robotA, "http://127.0.0.1:9/")
	l.publish(robotA, "run-1")
	path := "/deliveries/" + l.deliveries("")[0].ID
	b := l.signedIn(l.token(api.RoleReader, robotA))
	b.get(path).is(t, 200).lacks(t, "Cancel", "Retry now")
	b.post(path+"/cancel").is(t, 403)
	b.post(path+"/retry").is(t, 403)
}

// A session that is limited to another robot finds nothing.
func TestDeliveriesOfAnotherRobot(t *testing.T) {
	l := newLab(t)
	l.held(robotA, "http://127.0.0.1:9/")
	l.publish(robotA, "run-1")
	path := "/deliveries/" + l.deliveries("")[0].ID
	b := l.signedIn(l.token(api.RoleAdmin, robotB))
	for _, p := range []string{path, path + "/payload"} {
		b.get(p).is(t, 404).lacks(t, "run-1", robotA)
	}
	b.post(path+"/cancel").is(t, 404)
	if p := b.get(path + "/live"); p.body != "event: end\n\n" {
		t.Errorf("stream: %q", p.body)
	}
	b.get("/deliveries").is(t, 200).has(t, "No deliveries yet").lacks(t, "run-1", `name="robot_id"`, "Endpoint failing")
	b.get("/deliveries?robot_id="+robotA).is(t, 403).lacks(t, "run-1")
}

// A stream is read line by line.
func (b *browser) stream(path string) *bufio.Scanner {
	b.l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.l.url+path, nil)
	if err != nil {
		b.l.t.Fatal(err)
	}
	answer, err := b.Do(r)
	if err != nil {
		b.l.t.Fatal(err)
	}
	b.l.t.Cleanup(func() { cancel(); answer.Body.Close() })
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		b.l.t.Fatalf("%s: Content-Type %q", path, got)
	}
	scanner := bufio.NewScanner(answer.Body)
	scanner.Buffer(nil, 1<<20)
	return scanner
}

// awaitLine reads until there is a line with a text.
func awaitLine(t testing.TB, s *bufio.Scanner, text string) {
	t.Helper()
	for s.Scan() {
		if strings.Contains(s.Text(), text) {
			return
		}
	}
	t.Fatalf("the stream ended without %q: %v", text, s.Err())
}

func TestDeliveriesAreLive(t *testing.T) {
	l := newLab(t)
	l.endpoint(robotA, receiver(t, answers(204, "")))
	b := l.signedIn(l.token(api.RoleReader, robotA))
	list := b.stream("/deliveries/live?")
	awaitLine(t, list, "No deliveries yet")
	l.publish(robotA, "run-1")
	awaitLine(t, list, "run-1")
	d := l.deliveries("")[0]
	one := b.stream("/deliveries/" + d.ID + "/live")
	awaitLine(t, one, "The endpoint accepted it")
	awaitLine(t, one, "204 No Content")
	if end := l.browser().get("/deliveries/live"); end.body != "event: end\n\n" || end.status != 200 {
		t.Errorf("without a session: %d %q", end.status, end.body)
	}
	if robot := l.browser().get("/robots/live"); !strings.HasPrefix(robot.path, "/sign-in") {
		t.Errorf("the page of a robot with the id live leads to %s", robot.path)
	}
	if wrong := b.get("/deliveries/live?state=lost"); wrong.status != 400 || wrong.header.Get("HX-Reswap") != "none" || strings.Contains(wrong.body, "<") {
		t.Errorf("with a wrong filter: %d %v %q", wrong.status, wrong.header, wrong.body)
	}
}

func TestJob(t *testing.T) {
	l := newLab(t)
	e := l.held(robotA, receiver(t, answers(204, "")))
	for i := range 3 {
		l.publish(robotA, fmt.Sprint("run-", i))
	}
	patch, _ := http.NewRequest(http.MethodPatch, l.url+"/v1/endpoints/"+e.ID, strings.NewReader(`{"active":true}`))
	patch.Header.Set("Authorization", "Bearer "+l.admin)
	patch.Header.Set("Content-Type", "application/merge-patch+json")
	patch.Header.Set("If-Match", "*")
	if answer, err := http.DefaultClient.Do(patch); err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	var job api.Job
	l.do(http.MethodPost, "/v1/endpoints/"+e.ID+"/recover", map[string]any{"since": "2020-01-01T00:00:00Z"}, &job)
	b := l.signedIn(l.token(api.RoleAdmin, robotA))
	b.get("/jobs/"+job.ID).is(t, 200).has(t, "Recovering deliveries", e.URL, "See the deliveries", "endpoint_id="+e.ID)
	live := b.stream("/jobs/" + job.ID + "/live")
	awaitLine(t, live, "3 deliveries are pending again")
	awaitLine(t, live, "event: end") // the count stands before the job has finished
	b.get("/jobs/"+job.ID).has(t, "Finished").lacks(t, "<progress", "hx-sse:connect")
	if p := b.get("/jobs/" + job.ID + "/live"); !strings.HasSuffix(p.body, "event: end\n\n") {
		t.Errorf("the stream of a finished job: %q", p.body)
	}
	l.signedIn(l.token(api.RoleAdmin, robotB)).get("/jobs/"+job.ID).is(t, 404)

	l.do(http.MethodPost, "/v1/erasures", map[string]any{"robot_id": robotA, "run_id": "run-0"}, &job)
	awaitLine(t, b.stream("/jobs/"+job.ID+"/live"), "1 event was erased")
	b.get("/jobs/"+job.ID).has(t, "Erasing", "1 event was erased", robotA).lacks(t, "See the deliveries")
	b.get("/jobs/job_99").is(t, 404)
}

// Hostile texts are shown as text.
func TestHostileDelivery(t *testing.T) {
	l := newLab(t)
	robot, run := `<script>alert(1)</script>"'`, "../\u202e\x1b[31m</time><img src=x onerror=alert(2)>\n\ndata: x"
	l.endpoint(robot, receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Odd", `<script>alert(3)</script>`)
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "</pre><script>alert(4)</script>\x1b[2J\u202e\x00\xff\r\n\r\nevent: end\r\n")
	})+"?q=<script>'")
	l.do(http.MethodPost, "/v1/events", map[string]any{"event_type": "run_failed", "data": map[string]any{
		"robotId": robot, "runId": run, "robotName": "<script>alert(5)</script>", "status": "failed",
		"error": map[string]any{"message": "javascript:alert(6)\x1b[31m", "type": "</script>", "stack": ""},
	}}, nil)
	var d api.Delivery
	l.until("an attempt", func() bool { d = l.deliveries("")[0]; return d.Attempts == 1 })
	b := l.signedIn(l.admin)
	for _, path := range []string{"/deliveries", "/deliveries?robot_id=" + url.QueryEscape(robot), "/deliveries?run_id=" + url.QueryEscape(run), "/deliveries/" + d.ID} {
		p := b.get(path).is(t, 200).has(t, d.ID).lacks(t, "<script>alert", "<img", "\x00")
		if !strings.Contains(path, "?") { // where it is the value of a field
			p.lacks(t, "\x1b")
		}
		if strings.Contains(p.body, `="javascript:`) {
			t.Errorf("%s has a link that runs", path)
		}
	}
	stream := b.stream("/deliveries/" + d.ID + "/live")
	for line := ""; !strings.Contains(line, "</section>"); line = stream.Text() {
		if !stream.Scan() {
			t.Fatalf("the stream ended: %v", stream.Err())
		}
		if text := stream.Text(); text != "" && !strings.HasPrefix(text, "data: ") && !strings.HasPrefix(text, "id: ") {
			t.Errorf("the stream has the line %q", text)
		}
	}
	b.get("/deliveries/"+url.PathEscape("../../v1/tokens")).is(t, 404)
}

// calls is how many requests the API has answered.
func (l *lab) calls() (n int) {
	l.t.Helper()
	rec := httptest.NewRecorder()
	l.service.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, m := range regexp.MustCompile(`(?m)^runhooks_http_request_duration_seconds_count\{operation="(\w+)".*\} (\d+)$`).FindAllStringSubmatch(rec.Body.String(), -1) {
		if m[1] != "getMetrics" {
			count, err := strconv.Atoi(m[2])
			if err != nil {
				l.t.Fatal(err)
			}
			n += count
		}
	}
	return n
}

// crowd publishes events of a robot with many endpoints.
func (l *lab) crowd(endpoints, events int) {
	l.t.Helper()
	for i := range endpoints {
		l.held(robotA, fmt.Sprintf("http://127.0.0.1:9/%d", i))
	}
	for i := range events {
		l.publish(robotA, fmt.Sprint("run-", i))
	}
}

// However much there is, a page asks for a bounded part of it.
func TestPagesAskTheAPIAFewTimes(t *testing.T) {
	l := newLab(t)
	l.crowd(60, 3)
	b := l.signedIn(l.token(api.RoleReader, robotA))
	id := l.deliveries("limit=1")[0].ID
	for path, most := range map[string]int{"/deliveries": 1, "/deliveries?robot_id=" + robotA: 1, "/deliveries/" + id: 2, "/deliveries/" + id + "/payload": 1} {
		before := l.calls()
		p := b.get(path).is(t, 200)
		if n := l.calls() - before; n > most {
			t.Errorf("%s: %d requests to the API, want %d", path, n, most)
		}
		if rows := strings.Count(p.body, "<tr id="); rows > 50 {
			t.Errorf("%s: %d rows", path, rows)
		}
	}
}

// Pages of a robot with 500 endpoints and 10,000 deliveries.
func BenchmarkPages(b *testing.B) {
	l := newLab(b)
	l.crowd(500, 20)
	browser := l.signedIn(l.admin)
	id := l.deliveries("limit=1")[0].ID
	endpoint := l.deliveries("limit=1")[0].EndpointID
	for name, path := range map[string]string{
		"list": "/deliveries", "robot": "/deliveries?robot_id=" + robotA, "endpoint": "/deliveries?endpoint_id=" + endpoint,
		"run": "/deliveries?run_id=run-3", "nothing": "/deliveries?state=delivered", "delivery": "/deliveries/" + id,
		"robots": "/robots", "settings": "/robots/" + robotA, "endpoints": "/endpoints/" + endpoint,
	} {
		b.Run(name, func(b *testing.B) {
			var size int
			for b.Loop() {
				p := browser.get(path)
				if p.status != 200 {
					b.Fatalf("%s: %d", path, p.status)
				}
				size = len(p.body)
			}
			b.ReportMetric(float64(size), "B/page")
		})
	}
}

// What is due waits where its endpoint has failed too often, and the page says so.
func TestDeliveryThatWaitsForItsEndpoint(t *testing.T) {
	l := newLab(t)
	l.do(http.MethodPost, "/v1/endpoints", map[string]any{"operator": true, "url": "http://127.0.0.1:9/", "active": false}, nil)
	l.endpoint(robotA, receiver(t, answers(500, "")))
	for i := range 8 {
		l.publish(robotA, fmt.Sprint("run-", i))
	}
	b := l.signedIn(l.admin)
	l.until("five failures", func() bool {
		attempts := int64(0)
		for _, d := range l.deliveries("") {
			attempts += d.Attempts
		}
		return attempts >= 5
	})
	for _, d := range l.deliveries("state=pending") {
		b.post("/deliveries/" + d.ID + "/retry")
	}
	l.until("a delivery that waits", func() bool {
		return slices.ContainsFunc(l.deliveries("state=pending"), func(d api.Delivery) bool {
			return strings.Contains(b.get("/deliveries/"+d.ID).body, "it is left alone, and tried again")
		})
	})

	// The operator was told, by an event that the contract of robots doesn't know.
	told := l.deliveries("event_type=endpoint_failing")[0]
	b.get("/deliveries?event_type=endpoint_failing").has(t, told.ID, "Endpoint failing")
	b.get("/deliveries/"+told.ID).is(t, 200).has(t, "Endpoint failing", "failing_since").lacks(t, "conforms", "invalid")
	l.signedIn(l.token(api.RoleReader, robotA)).get("/deliveries/"+told.ID).is(t, 404)
}

// What publishing costs while pages are open that show it as it happens.
func BenchmarkPublishWithOpenPages(b *testing.B) {
	for _, c := range []struct {
		name  string
		pages int
		path  func(i int) string
	}{
		{"none", 0, nil},
		{"200 of one list", 200, func(int) string { return "/deliveries/live?" }},
		{"200 different", 200, func(i int) string {
			return fmt.Sprintf("/deliveries/live?robot_id=%s&from=2020-01-01T00:%02d:%02d", robotA, i/60, i%60)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := newLab(b)
			l.held(robotA, "http://127.0.0.1:9/")
			for i := range 100 {
				l.publish(robotA, fmt.Sprint("run-", i))
			}
			browser := l.signedIn(l.admin)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			for i := range c.pages {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+c.path(i), nil)
				if err != nil {
					b.Fatal(err)
				}
				answer, err := browser.Do(r)
				if err != nil || answer.StatusCode != 200 {
					b.Fatal(answer, err)
				}
				go io.Copy(io.Discard, answer.Body)
			}
			body := fmt.Sprintf(`{"event_type":"run_failed","data":{"robotId":%q,"runId":"r","robotName":"R","status":"failed","error":{"message":"m","type":"T","stack":""}}}`, robotA)
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, _ := http.NewRequest(http.MethodPost, l.url+"/v1/events", strings.NewReader(body))
					r.Header.Set("Authorization", "Bearer "+l.admin)
					r.Header.Set("Content-Type", "application/json")
					answer, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					answer.Body.Close()
					if answer.StatusCode != 202 {
						b.Errorf("status %d", answer.StatusCode)
						return
					}
				}
			})
		})
	}
}
