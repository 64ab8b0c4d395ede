package service_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// inlet makes an inlet; more are further members of the settings.
func (w *world) inlet(more string) api.Inlet {
	w.t.Helper()
	var i api.Inlet
	w.want(201, w.do(w.admin, "POST", "/v1/inlets", `{"name":"scrapers"`+more+`}`)).into(w.t, &i)
	return i
}

// inletOf is the path of an inlet's URL.
func inletOf(i api.Inlet) string { return (*i.URL)[strings.LastIndex(*i.URL, "/in/"):] }

// send sends a payload to an inlet, as a server does, and returns what became of it.
func (w *world) send(i api.Inlet, payload string, headers ...string) (r api.Received) {
	w.t.Helper()
	headers = append([]string{"User-Agent", "axios/1.7.9", "Accept", "application/json, text/plain, */*"}, headers...)
	w.want(202, w.do("", "POST", inletOf(i), payload, headers...)).into(w.t, &r)
	return r
}

// sent is what a receiver got.
type sent struct{ id, form, body string }

func (w *world) next(got <-chan *http.Request) sent {
	w.t.Helper()
	select {
	case r := <-got:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		return sent{r.Header.Get("Webhook-Id"), r.Header.Get(form.Header), string(body)}
	case <-time.After(20 * time.Second):
		w.t.Fatal("nothing arrived")
	}
	return sent{}
}

// local is what a server in Berlin sends of a run that failed at noon.
const local = `{"event_type":"run_failed","timestamp":"2025-06-25T10:00:01.000Z","webhook_id":"webhook_1750000000000","data":` +
	`{"robot_id":"their-robot","run_id":"their-run","robot_name":"Prices","status":"failed","started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00",` +
	`"error":{"message":"Timeout","type":"TimeoutError","stack":""},"metadata":{"browser_id":"b","user_id":7}}}`

// localCompleted is the same of a run that completed.
const localCompleted = `{"event_type":"run_completed","timestamp":"2025-06-25T10:00:01.000Z","webhook_id":"webhook_1750000000000","data":` +
	`{"robot_id":"their-robot","run_id":"their-run","robot_name":"Prices","status":"success","started_at":"25.6.2025, 11:59:00","finished_at":"25.6.2025, 12:00:00",` +
	`"extracted_data":{"captured_texts":[{"Title":"a","Price":null}],"captured_lists":{},"captured_texts_count":1,"captured_lists_count":0,"screenshots_count":0,"total_rows":1},` +
	`"metadata":{"browser_id":"b","user_id":7}}}`

// Every payload that a real server is known to send is delivered, in each form: as
// received it is the same bytes.
func TestInletTakesWhatServersSend(t *testing.T) {
	w := newWorld(t)
	in := w.inlet(fmt.Sprintf(`,"robot_id":%q,"zone":"Europe/Berlin","locale":"de-DE"`, robotA))
	receivers := map[string]<-chan *http.Request{}
	for _, f := range []string{"received", "canonical", "documented"} {
		url, got := receiver(t, 204)
		w.endpoint(robotA, url, fmt.Sprintf(`,"form":%q`, f))
		receivers[f] = got
	}
	parser, err := form.NewParser("Europe/Berlin", "de-DE", nil)
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, v := range vectors.All() {
		if v.Expectation.Verdict == "invalid" || len(v.Payload) > 1<<20 || tried[string(v.Payload)] {
			continue
		}
		tried[string(v.Payload)] = true
		received := w.send(in, string(v.Payload))
		if received.SetAside {
			t.Errorf("%s is set aside: %s", v.Name, value(received.Reason))
			continue
		}
		if got, want := w.next(receivers["received"]), (sent{received.EventID, "", string(v.Payload)}); got != want {
			t.Errorf("%s as received: %+v, want %+v", v.Name, got, want)
		}
		e, err := parser.Parse(v.Payload)
		if err != nil {
			t.Fatal(err)
		}
		got := w.next(receivers["canonical"])
		if got.id != received.EventID || got.form != "canonical" {
			t.Errorf("%s, canonical: %+v", v.Name, got)
		}
		if want, _, _ := form.Render(e, form.Canonical); e.EndpointID != "" && got.body != string(want) {
			t.Errorf("%s, canonical:\n%s\nwant\n%s", v.Name, got.body, want)
		}
		got = w.next(receivers["documented"])
		switch verdict := conformance.Check([]byte(got.body)).Verdict; {
		case got.form == "documented" && verdict != conformance.Conforms:
			t.Errorf("%s, documented: it %s: %s", v.Name, verdict, got.body)
		case got.form != "documented" && got.form != "canonical":
			t.Errorf("%s, documented: the form is %q", v.Name, got.form)
		case conformance.Valid(v.Payload) && got.body != string(v.Payload):
			t.Errorf("%s conforms, and isn't delivered as it is: %s", v.Name, got.body)
		}
	}
	if len(tried) < 100 {
		t.Errorf("%d payloads were sent", len(tried))
	}
}

func TestInletAnswersRepeatsAlike(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	w.endpoint("their-robot", url, "")
	in, other := w.inlet(""), w.inlet("")
	first := w.send(in, local)
	w.next(got)
	for range 3 {
		if again := w.send(in, local); again != first {
			t.Errorf("a repeat is answered with %+v, not %+v", again, first)
		}
	}
	another := w.send(other, local)
	if another.EventID == first.EventID {
		t.Error("another inlet has the same event")
	}
	if got := w.next(got); got.id != another.EventID {
		t.Errorf("%s was delivered", got.id)
	}
	var page api.DeliveryPage
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries", "")).into(t, &page)
	if len(page.Items) != 2 {
		t.Errorf("there are %d deliveries", len(page.Items))
	}
	var shown api.Event
	w.want(200, w.do(w.admin, "GET", "/v1/events/"+first.EventID, "")).into(t, &shown)
	if value(shown.InletID) != in.ID || value(shown.RobotID) != "their-robot" || value(shown.RunID) != "their-run" || string(*shown.Body) != local {
		t.Errorf("the event: %+v", shown)
	}

	// Of many at once, one is published.
	payload := strings.Replace(local, "their-run", "a-run", 1)
	ids := make(chan string, 20)
	for range cap(ids) {
		go func() {
			resp, err := http.Post(w.url+inletOf(in), "application/json", strings.NewReader(payload))
			if err != nil {
				ids <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			ids <- string(body)
		}()
	}
	one := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != one {
			t.Errorf("one answer is %s, another %s", one, id)
		}
	}
	if !strings.Contains(one, `"evt_`) {
		t.Errorf("the answer is %s", one)
	}
}

// A server tries again after a restart of the service, too.
func TestInletKnowsRepeatsAfterARestart(t *testing.T) {
	dir := t.TempDir()
	ring := newRing(t)
	w := worldIn(t, dir, ring)
	url, got := receiver(t, 204)
	w.endpoint("their-robot", url, "")
	in := w.inlet("")
	first, invalid := w.send(in, local), w.send(in, "{}")
	w.next(got)
	w.stop()
	w = worldIn(t, dir, ring)
	if again := w.send(in, local); again != first {
		t.Errorf("a repeat is answered with %+v, not %+v", again, first)
	}
	if again := w.send(in, "{}"); again.EventID != invalid.EventID || !again.SetAside {
		t.Errorf("a repeat is answered with %+v, not %+v", again, invalid)
	}
	last := w.send(in, strings.Replace(local, "their-run", "last", 1))
	if one := w.next(got); one.id != last.EventID {
		t.Errorf("%+v was delivered", one)
	}
}

// A payload that is invalid is kept and told, once: to send it again would not help.
func TestInletSetsAside(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	var operator api.Endpoint
	w.want(201, w.do(w.admin, "POST", "/v1/endpoints", fmt.Sprintf(`{"operator":true,"url":%q}`, url))).into(t, &operator)
	robots := w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA))
	all := w.inlet("")
	for name, tt := range map[string]struct {
		in            api.Inlet
		payload       string
		robot, reason string
	}{
		"not JSON":          {robots, "event_type=run_failed\x00\xff", robotA, ""},
		"an unknown type":   {all, strings.Replace(local, "run_failed", "run_started", 1), "their-robot", ""},
		"no robot":          {all, strings.Replace(local, `"robot_id":"their-robot",`, "", 1), "", ""},
		"an empty robot":    {all, strings.Replace(local, "their-robot", "", 1), "", ""},
		"a robot too long":  {all, strings.Replace(local, "their-robot", strings.Repeat("r", 513), 1), "", "give the inlet a robot"},
		"a NUL in the run":  {robots, strings.Replace(local, "their-run", `their\u0000run`, 1), robotA, "NUL"},
		"a list of payload": {all, "[" + local + "]", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			first := w.send(tt.in, tt.payload)
			if !first.SetAside || value(first.Reason) == "" {
				t.Fatalf("it is answered with %+v", first)
			}
			told := w.next(got)
			if told.id != first.EventID || !strings.Contains(told.body, `"inlet_id":"`+tt.in.ID+`"`) || !strings.Contains(told.body, "event_set_aside") {
				t.Errorf("the operator is told %+v", told)
			}
			again := w.send(tt.in, tt.payload)
			if again.EventID != first.EventID || !again.SetAside || value(again.Reason) != value(first.Reason) {
				t.Errorf("a repeat is answered with %+v, not %+v", again, first)
			}
			var page api.SetAsidePage
			w.want(200, w.do(w.admin, "GET", "/v1/set-aside?limit=1", "")).into(t, &page)
			aside := page.Items[0]
			if aside.Body != strings.ToValidUTF8(tt.payload, "\uFFFD") || value(aside.InletID) != tt.in.ID || value(aside.RobotID) != tt.robot || len(aside.Findings) == 0 {
				t.Errorf("set aside: %+v", aside)
			}
			if hint := value(aside.Findings[0].Hint); !strings.Contains(aside.Findings[0].Message+hint, tt.reason) {
				t.Errorf("the finding: %+v", aside.Findings[0])
			}
			if !strings.Contains(told.body, `"set_aside_id":"`+aside.ID+`"`) {
				t.Errorf("the operator is told of another one than %s: %s", aside.ID, told.body)
			}
		})
	}
	select {
	case r := <-got:
		t.Errorf("the operator is told of a repeat: %v", r.Header)
	default:
	}
	for _, outcome := range []string{`set_aside"} 7`, `repeated"} 7`} {
		if metrics := w.do("", "GET", "/metrics", "").body; !strings.Contains(metrics, `runhooks_inlet_events_total{outcome="`+outcome) {
			t.Errorf("no %s in the metrics", outcome)
		}
	}

	// Erasing the robot erases what was set aside of it.
	w.want(202, w.do(w.admin, "POST", "/v1/erasures", fmt.Sprintf(`{"robot_id":%q}`, robotA)))
	w.until("erased", func() bool {
		var page api.SetAsidePage
		w.want(200, w.do(w.admin, "GET", "/v1/set-aside", "")).into(t, &page)
		return len(page.Items) == 5 && !slices.ContainsFunc(page.Items, func(a api.SetAside) bool { return value(a.RobotID) == robotA })
	})
}

// BenchmarkInlet reports how long a server waits for its answer, while what it sent is
// delivered.
func BenchmarkInlet(b *testing.B) {
	for _, senders := range []int{1, 8} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			w := newWorld(b)
			url, _ := receiver(b, 204)
			w.endpoint(robotA, url, `,"form":"canonical"`)
			in := w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA))
			var mu sync.Mutex
			var all []time.Duration
			var n atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range senders {
				group.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						payload := strings.Replace(localCompleted, "their-run", fmt.Sprint("run-", i), 1)
						start := time.Now()
						resp, err := http.Post(w.url+inletOf(in), "application/json", strings.NewReader(payload))
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						took := time.Since(start)
						if resp.StatusCode != 202 {
							b.Errorf("status %d", resp.StatusCode)
						}
						mu.Lock()
						all = append(all, took)
						mu.Unlock()
					}
				})
			}
			group.Wait()
			b.StopTimer()
			slices.Sort(all)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(all[len(all)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
			}
		})
	}
}

func zipped(t *testing.T, payload string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := io.WriteString(zip, payload); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A payload is what its bytes are, whatever the headers say. The limit of a payload is
// 1 MiB here.
func TestInletReadsBodies(t *testing.T) {
	w := newWorld(t)
	in := w.inlet("")
	large := func(n int) string { return strings.Replace(local, "Timeout\"", strings.Repeat(" ", n)+"\"", 1) }
	for name, tt := range map[string]struct {
		payload string
		headers []string
		status  int
	}{
		"plain":                       {local, nil, 202},
		"text":                        {local, []string{"Content-Type", "text/plain;charset=UTF-8"}, 202},
		"a form, so it says":          {local, []string{"Content-Type", "application/x-www-form-urlencoded"}, 202},
		"a type that can't be parsed": {local, []string{"Content-Type", "json;;"}, 202},
		"gzip":                        {zipped(t, local), []string{"Content-Encoding", "gzip"}, 202},
		"gzip that nobody declared":   {zipped(t, local), nil, 202},
		"no gzip, though declared":    {local, []string{"Content-Encoding", "GZIP"}, 202},
		"another encoding":            {local, []string{"Content-Encoding", "br"}, 415},
		"gzip twice":                  {local, []string{"Content-Encoding", "gzip, gzip"}, 415},
		"broken gzip":                 {zipped(t, local)[:100], nil, 400},
		"empty":                       {"", nil, 400},
		"as large as it may be":       {large(1<<20 - len(large(0))), nil, 202},
		"too large":                   {large(1<<20 - len(large(0)) + 1), nil, 413},
		"large":                       {zipped(t, large(1<<20-len(large(0)))), nil, 202},
		"too large when unzipped":     {zipped(t, large(1<<20)), nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			r := w.want(tt.status, w.do("", "POST", inletOf(in), tt.payload, tt.headers...))
			if tt.status != 202 {
				return
			}
			var received api.Received
			r.into(t, &received)
			var e api.Event
			w.want(200, w.do(w.admin, "GET", "/v1/events/"+received.EventID, "")).into(t, &e)
			if e.EventType != "run_failed" || !strings.HasPrefix(string(*e.Body), `{"event_type":"run_failed"`) {
				t.Errorf("the event: %.500s", *e.Body)
			}
		})
	}
	if log := w.log.String(); !strings.Contains(log, "an inlet refused a request") || strings.Contains(log, inletOf(in)[4:]) {
		t.Errorf("the log doesn't say what was refused, or has the URL:\n%s", log)
	}
}

// What isn't a POST to an inlet that exists is never answered with 2xx or a redirect: a
// server would take either for success.
func TestInletURLs(t *testing.T) {
	w := newWorld(t)
	in := w.inlet("")
	mux := http.NewServeMux()
	mux.Handle("/", http.NotFoundHandler())
	server := httptest.NewServer(w.service.Direct(mux))
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	secret := inletOf(in)[len("/in/"):]
	for name, tt := range map[string]struct {
		method, path string
		status       int
		says         string
	}{
		"the URL":              {"POST", "/in/" + secret, 202, "evt_"},
		"a slash too many":     {"POST", "//in/" + secret, 202, "evt_"},
		"a slash behind it":    {"POST", "/in/" + secret + "/", 202, "evt_"},
		"a query":              {"POST", "/in/" + secret + "?utm=1", 202, "evt_"},
		"GET":                  {"GET", "/in/" + secret, 405, "inlet"},
		"GET of none":          {"GET", "/in/rhi_x", 405, "inlet"},
		"HEAD":                 {"HEAD", "/in/" + secret, 405, ""},
		"PUT":                  {"PUT", "/in/" + secret, 405, "POST"},
		"nothing behind in":    {"POST", "/in/", 404, ""},
		"unknown":              {"POST", "/in/rhi_" + strings.Repeat("A", 43), 404, "nothing takes events"},
		"no secret":            {"POST", "/in/x", 404, "page not found"},
		"a path with dots":     {"POST", "/in/../in/" + secret, 202, "evt_"},
		"what isn't an inlet":  {"POST", "/v1/inlets", 404, ""},
		"the id of the inlet":  {"POST", "/in/" + in.ID, 404, "page not found"},
		"an escaped character": {"POST", "/in/%00", 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, server.URL+tt.path, strings.NewReader(local))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(body), tt.says) {
				t.Errorf("status %d, want %d: %s, %v", resp.StatusCode, tt.status, body, err)
			}
		})
	}
}

func TestInletSettings(t *testing.T) {
	w := newWorld(t)
	in := w.inlet(fmt.Sprintf(`,"robot_id":%q,"zone":"Europe/Berlin","locale":"de-DE"`, robotA))
	secret := inletOf(in)[len("/in/"):]
	if *in.URL != w.url+"/in/"+secret || !strings.HasPrefix(secret, "rhi_") || len(secret) < 40 {
		t.Errorf("the URL is %s", *in.URL)
	}
	shown := w.want(200, w.do(w.admin, "GET", "/v1/inlets/"+in.ID, ""))
	list := w.want(200, w.do(w.admin, "GET", "/v1/inlets", ""))
	for _, r := range []reply{shown, list} {
		if !strings.Contains(r.body, in.ID) || strings.Contains(r.body, "url") || strings.Contains(r.body, "last_received_at") {
			t.Errorf("it is shown as %s", r.body)
		}
	}
	w.send(in, local)
	var got api.Inlet
	w.until("noted", func() bool {
		w.want(200, w.do(w.admin, "GET", "/v1/inlets/"+in.ID, "")).into(t, &got)
		return got.LastReceivedAt != nil
	})

	got = api.Inlet{}
	w.want(200, w.do(w.admin, "PATCH", "/v1/inlets/"+in.ID, `{"name":"others","zone":null,"locale":null}`)).into(t, &got)
	if got.Name != "others" || got.Zone != nil || got.Locale != nil || value(got.RobotID) != robotA {
		t.Errorf("after the patch: %+v", got)
	}
	for body, at := range map[string]string{
		`{"name":""}`:                                "/name",
		`{"name":null}`:                              "name",
		`{"name":"a\u0000b"}`:                        "NUL",
		`{"zone":"Europe/Berlin"}`:                   "zone",
		`{"locale":"de-DE"}`:                         "zone",
		`{"zone":"Mars/Olympus","locale":"de-DE"}`:   "/zone",
		`{"zone":"Europe/Berlin","locale":"xx-bad"}`: "/locale",
		`{"robot_id":"other"}`:                       "/robot_id",
		`{"more":1}`:                                 "more",
	} {
		if r := w.want(422, w.do(w.admin, "PATCH", "/v1/inlets/"+in.ID, body)); !strings.Contains(r.body, at) {
			t.Errorf("%s is answered without %q: %s", body, at, r.body)
		}
	}
	for _, body := range []string{`{}`, `{"name":"i","zone":"UTC"}`, `{"name":"i","url":"https://example.com/"}`} {
		w.want(422, w.do(w.admin, "POST", "/v1/inlets", body))
	}

	var rotated api.Inlet
	w.want(200, w.do(w.admin, "POST", "/v1/inlets/"+in.ID+"/rotate", "")).into(t, &rotated)
	w.want(404, w.do("", "POST", inletOf(in), local))
	w.send(rotated, local)
	w.want(204, w.do(w.admin, "DELETE", "/v1/inlets/"+in.ID, ""))
	w.want(404, w.do("", "POST", inletOf(rotated), local))
	w.want(404, w.do(w.admin, "GET", "/v1/inlets/"+in.ID, ""))

	var audit api.AuditPage
	r := w.want(200, w.do(w.admin, "GET", "/v1/audit?subject="+in.ID, ""))
	r.into(t, &audit)
	var actions []string
	for _, a := range audit.Items {
		actions = append(actions, a.Action)
	}
	if want := []string{"inlet.delete", "inlet.rotate", "inlet.update", "inlet.create"}; !slices.Equal(actions, want) {
		t.Errorf("the audit log has %v", actions)
	}
	if text := r.body + w.log.String(); strings.Contains(text, secret) || strings.Contains(text, inletOf(rotated)[4:]) {
		t.Errorf("a secret is told:\n%s", text)
	}
}

// Inlets are paged, and those who may not give access can't make them.
func TestInletList(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for range 5 {
		ids = append(ids, w.inlet("").ID)
	}
	slices.Sort(ids)
	var got []string
	for cursor := ""; ; {
		var page api.InletPage
		w.want(200, w.do(w.admin, "GET", "/v1/inlets?limit=2"+cursor, "")).into(t, &page)
		for _, i := range page.Items {
			got = append(got, i.ID)
		}
		if page.Next == nil {
			break
		}
		cursor = "&cursor=" + *page.Next
	}
	if !slices.Equal(got, ids) {
		t.Errorf("the list has %v, want %v", got, ids)
	}
	var link api.PortalLink
	w.want(201, w.do(w.admin, "POST", "/v1/robots/"+robotA+"/portal-links", "{}")).into(t, &link)
	session, _, err := w.service.OpenPortalLink(t.Context(), link.URL[strings.LastIndex(link.URL, "/")+1:])
	if err != nil {
		t.Fatal(err)
	}
	w.want(403, w.do(session, "POST", "/v1/inlets", fmt.Sprintf(`{"name":"i","robot_id":%q}`, robotA)))
	own := w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA))
	w.want(200, w.do(session, "GET", "/v1/inlets/"+own.ID, ""))
	w.want(403, w.do(session, "POST", "/v1/inlets/"+own.ID+"/rotate", ""))
}

// An event keeps what its inlet was, and an endpoint's form counts from its next attempt.
func TestForms(t *testing.T) {
	w := newWorld(t)
	got := make(chan *http.Request, 100)
	var accept atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		got <- r
		if !accept.Load() {
			w.WriteHeader(500)
		}
	}))
	defer server.Close()
	url := server.URL
	in := w.inlet(fmt.Sprintf(`,"robot_id":%q,"zone":"Europe/Berlin","locale":"de-DE"`, robotA))
	e := w.endpoint(robotA, url, `,"form":"documented","retry_delays":[1],"max_attempts":2`)
	if e.Form != "documented" {
		t.Errorf("the form is %s", e.Form)
	}
	received := w.send(in, localCompleted)
	w.want(204, w.do(w.admin, "DELETE", "/v1/inlets/"+in.ID, ""))
	first, second := w.next(got), w.next(got)
	if first != second || first.id != received.EventID {
		t.Errorf("the attempts were\n%+v\n%+v", first, second)
	}
	if first.form != "documented" || !strings.Contains(first.body, `"2025-06-25T10:00:00.000Z"`) || conformance.Check([]byte(first.body)).Verdict != conformance.Conforms {
		t.Errorf("sent: %+v", first)
	}
	detail := func(event string) (d api.DeliveryDetail) {
		t.Helper()
		var page api.DeliveryPage
		w.until("finished", func() bool {
			w.want(200, w.do(w.admin, "GET", "/v1/deliveries?event_id="+event, "")).into(t, &page)
			return len(page.Items) == 1 && page.Items[0].FinishedAt != nil
		})
		w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+page.Items[0].ID, "")).into(t, &d)
		return d
	}
	d := detail(received.EventID)
	for _, a := range d.Attempts {
		if value(a.Form) != "documented" || a.FormReason != nil || !slices.Equal(a.Request.Headers[form.Header], []string{"documented"}) {
			t.Errorf("the attempt: %+v", a)
		}
	}
	payload := w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+d.Delivery.ID+"/payload", ""))
	if payload.body != first.body || payload.header.Get(form.Header) != "documented" {
		t.Errorf("the payload is %s: %s", payload.header.Get(form.Header), payload.body)
	}

	accept.Store(true)
	// Without a zone it can't honestly be documented.
	received = w.send(w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA)), localCompleted)
	if one := w.next(got); one.form != "canonical" {
		t.Errorf("sent: %+v", one)
	}
	for _, a := range detail(received.EventID).Attempts {
		if value(a.Form) != "canonical" || !strings.Contains(value(a.FormReason), "/data/started_at") {
			t.Errorf("the attempt: %v %v", value(a.Form), value(a.FormReason))
		}
	}

	// What is published has a form, too.
	var published api.Published
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA))).into(t, &published)
	one := w.next(got)
	if one.form != "documented" || !strings.Contains(one.body, `"webhook_id":"`+e.ID+`"`) || conformance.Check([]byte(one.body)).Verdict != conformance.Conforms {
		t.Errorf("sent: %+v", one)
	}
	w.want(200, w.do(w.admin, "PATCH", "/v1/endpoints/"+e.ID, `{"form":"canonical"}`, "If-Match", "*"))
	w.want(200, w.do(w.admin, "POST", "/v1/deliveries/"+detail(published.EventID).Delivery.ID+"/retry", ""))
	if one := w.next(got); one.id != published.EventID || one.form != "canonical" {
		t.Errorf("sent: %+v", one)
	}
	var result api.TestResult
	w.want(200, w.do(w.admin, "POST", "/v1/endpoints/"+e.ID+"/test", "")).into(t, &result)
	if one := w.next(got); one.id != result.EventID || one.form != "canonical" {
		t.Errorf("sent: %+v", one)
	}
	var plain api.Endpoint
	w.want(200, w.do(w.admin, "PATCH", "/v1/endpoints/"+e.ID, `{"form":null}`, "If-Match", "*")).into(t, &plain)
	if plain.Form != "received" {
		t.Errorf("the form is %s", plain.Form)
	}

	for body, at := range map[string]string{
		`{"robot_id":"r","url":"https://192.0.2.1/","form":"other"}`:                        "/form",
		`{"operator":true,"url":"http://127.0.0.1/","form":"canonical"}`:                    "/form",
		`{"robot_id":"r","url":"http://127.0.0.1/","headers":{"runhooks-form":"received"}}`: "runhooks-form",
	} {
		if r := w.want(422, w.do(w.admin, "POST", "/v1/endpoints", body)); !strings.Contains(r.body, at) {
			t.Errorf("%s is answered without %q: %s", body, at, r.body)
		}
	}
}

// A fullStore has no space left.
type fullStore struct{ delivery.Store }

func (fullStore) Commit(context.Context, *delivery.Batch) (*delivery.Committed, error) {
	return nil, delivery.ErrFull
}

// While nothing can be stored, a server is told so, and tries again.
func TestInletWhileTheDiskIsFull(t *testing.T) {
	w := newWorld(t)
	in := w.inlet("")
	store := fullStore{w.store}
	engine := delivery.New(store, delivery.Options{Name: "b"})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	api, err := service.New(service.Options{Store: store, Engine: engine, Keyring: w.ring})
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{local, "{}"} {
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, httptest.NewRequest("POST", inletOf(in), strings.NewReader(payload)))
		if answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s is answered with %d: %s", payload, answer.Code, answer.Body)
		}
	}
	if first := w.send(in, local); first.SetAside { // once there is space
		t.Errorf("it is answered with %+v", first)
	}
}

// A test event goes to the endpoints that get it, and those limited to the robot see it.
func TestInletTakesTestEvents(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	other, none := receiver(t, 204)
	w.endpoint(robotA, url, `,"events":["webhook_test"]`)
	w.endpoint(robotA, other, `,"events":["run_completed","run_failed"]`)
	v, ok := vectors.Wild("wild.test")
	if !ok {
		t.Fatal("there is no such vector")
	}
	received := w.send(w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA)), string(v.Payload))
	if one := w.next(got); one.id != received.EventID {
		t.Errorf("sent: %+v", one)
	}
	select {
	case <-none:
		t.Error("an endpoint gets it that doesn't ask for it")
	default:
	}
	var e api.Event
	w.want(200, w.do(w.token(api.RoleReader, robotA), "GET", "/v1/events/"+received.EventID, "")).into(t, &e)
	if e.EventType != delivery.TestEvent || e.Operational {
		t.Errorf("the event: %+v", e)
	}
}

// Whatever is sent to an inlet is refused or kept: it is an event with the payload as its
// body, or set aside. To send it again makes no other answer.
func FuzzInlet(f *testing.F) {
	w := newWorld(f)
	in := w.inlet("")
	all := w.inlet(fmt.Sprintf(`,"robot_id":%q`, robotA))
	for _, seed := range []string{local, localCompleted, "{}", "", "\x1f\x8b", strings.Replace(local, "their-run", `\u0000`, 1)} {
		f.Add([]byte(seed), "", true)
		f.Add([]byte(seed), "gzip", false)
	}
	f.Fuzz(func(t *testing.T, body []byte, encoding string, named bool) {
		to := all
		if named {
			to = in
		}
		send := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest("POST", inletOf(to), bytes.NewReader(body))
			r.Header["Content-Encoding"] = []string{encoding}
			answer := httptest.NewRecorder()
			w.service.ServeHTTP(answer, r)
			return answer
		}
		first, again := send(), send()
		if first.Code != again.Code || first.Body.String() != again.Body.String() {
			t.Errorf("it is answered with %d, %s, and then %d, %s", first.Code, first.Body, again.Code, again.Body)
		}
		switch first.Code {
		case 400, 413, 415:
			return
		case 202:
		default:
			t.Fatalf("status %d: %s", first.Code, first.Body)
		}
		var received api.Received
		if err := json.Unmarshal(first.Body.Bytes(), &received); err != nil {
			t.Fatal(err)
		}
		e, err := w.store.Event(t.Context(), received.EventID)
		if err != nil {
			t.Fatal(err)
		}
		invalid := conformance.Check(e.Body).Verdict == conformance.Invalid
		switch {
		case received.SetAside != e.Operational:
			t.Errorf("the answer is %+v, and the event %+v", received, e)
		case !received.SetAside && (invalid || e.Source.InletID != to.ID || !bytes.HasPrefix(body, []byte("\x1f\x8b")) && !bytes.Equal(e.Body, body)):
			t.Errorf("the event of %q: %+v", body, e)
		}
	})
}
