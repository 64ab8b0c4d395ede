package receiver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// vector gives the payload of a vector.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	for _, v := range vectors.All() {
		if v.Name == name {
			return v.Payload
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

func secret(t testing.TB) signature.Secret {
	t.Helper()
	s, err := signature.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A recorder records which handlers are called, and what an observer is told.
type recorder struct {
	calls     []string
	delivery  *receiver.Delivery
	decisions []receiver.Decision
	fail      func() error // what handlers return; nil is nil
}

func (rec *recorder) took(ctx context.Context, handler string) error {
	rec.calls = append(rec.calls, handler)
	rec.delivery = receiver.DeliveryFrom(ctx)
	if rec.fail == nil {
		return nil
	}
	return rec.fail()
}

func (rec *recorder) handlers() receiver.Handlers {
	return receiver.Handlers{
		RunCompleted: func(ctx context.Context, _ *webhook.RunCompleted) error { return rec.took(ctx, "RunCompleted") },
		RunFailed:    func(ctx context.Context, _ *webhook.RunFailed) error { return rec.took(ctx, "RunFailed") },
		Event:        func(ctx context.Context, _ *event.Event) error { return rec.took(ctx, "Event") },
		OnUnknown: func(ctx context.Context, d *receiver.Delivery) error {
			if d != receiver.DeliveryFrom(ctx) {
				return errors.New("OnUnknown has another delivery than its context")
			}
			return rec.took(ctx, "OnUnknown")
		},
	}
}

// receiver gives a receiver that is recorded. Without a way to authenticate it
// takes events from anybody.
func (rec *recorder) receiver(t testing.TB, options receiver.Options) *receiver.Receiver {
	t.Helper()
	if options.Verifier == nil && options.Basic == nil && options.PathSecrets == nil {
		options.InsecureNoAuthentication = true
	}
	options.Observer = func(_ context.Context, d *receiver.Decision) { rec.decisions = append(rec.decisions, *d) }
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	rc, err := receiver.New(rec.handlers(), options)
	if err != nil {
		t.Fatal(err)
	}
	return rc
}

func post(payload []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(payload))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func zip(t testing.TB, payload []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(payload); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A problem is an answer of problem details, as a sender reads it.
type problem struct {
	Type     string
	Title    string
	Status   int
	Detail   string
	Findings []conformance.Finding
}

func readProblem(t testing.TB, answer *http.Response) problem {
	t.Helper()
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	var p problem
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		t.Fatalf("the problem: %v", err)
	}
	return p
}

func TestServeHTTP(t *testing.T) {
	now := time.Unix(1_750_000_000, 0)
	completed := vector(t, "page.run-completed")
	failed := vector(t, "page.run-failed")
	deviating := vector(t, "dialect.field-case")
	unknown := bytes.Replace(completed, []byte(`"run_completed"`), []byte(`"run_paused"`), 1)
	verifier := &signature.Verifier{Secrets: []signature.Secret{secret(t)}, Now: func() time.Time { return now }}
	signed := receiver.Options{Verifier: verifier}
	basic := receiver.Options{Basic: []receiver.Credentials{{"old", "one"}, {"robot", "s3cret"}}}
	inPath := receiver.Options{PathSecrets: []string{"0123456789abcdef", "fedcba9876543210"}}

	with := func(r *http.Request, change func(r *http.Request)) *http.Request {
		change(r)
		return r
	}
	header := func(payload []byte, name, value string) *http.Request {
		return with(post(payload), func(r *http.Request) { r.Header.Set(name, value) })
	}
	sign := func(r *http.Request, id string, at time.Time, payload []byte) *http.Request {
		return with(r, func(r *http.Request) {
			if err := signature.SetHeaders(r.Header, id, at, payload, secret(t)); err != nil {
				t.Fatal(err)
			}
		})
	}
	to := func(path string) *http.Request {
		return with(post(completed), func(r *http.Request) { r.URL.Path = path })
	}
	method := func(m string, body io.Reader) *http.Request {
		return with(httptest.NewRequest(m, "/events", body), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
	}
	gzipped := func(payload []byte, coding string) *http.Request {
		return header(zip(t, payload), "Content-Encoding", coding)
	}

	tests := []struct {
		name    string
		options receiver.Options
		request *http.Request
		status  int
		outcome receiver.Outcome
		handler string      // the one that is called
		header  http.Header // of the answer, at least
		detail  string      // part of it
		codes   []string    // of the findings that are told
	}{
		{name: "completed", request: post(completed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "failed", request: post(failed), status: 204, outcome: receiver.Accepted, handler: "RunFailed"},
		{name: "deviating", request: post(deviating), status: 204, outcome: receiver.Accepted, handler: "Event"},
		{name: "unknown", request: post(unknown), status: 204, outcome: receiver.Accepted, handler: "OnUnknown"},
		{
			name: "a count beyond 64 bits", status: 204, outcome: receiver.Accepted, handler: "Event",
			request: post(bytes.Replace(completed, []byte(`"screenshots_count": 5`), []byte(`"screenshots_count": 50000000000000000000`), 1)),
		},

		{
			name: "GET", request: method("GET", nil), status: 405, outcome: receiver.WrongMethod,
			header: http.Header{"Allow": {"POST"}}, detail: "a redirect on the way ate it",
		},
		{name: "GET with a body", request: method("GET", bytes.NewReader(completed)), status: 405, outcome: receiver.WrongMethod, detail: "is a GET"},
		{name: "HEAD", request: method("HEAD", nil), status: 405, outcome: receiver.WrongMethod, header: http.Header{"Allow": {"POST"}}},
		{name: "OPTIONS", request: method("OPTIONS", nil), status: 405, outcome: receiver.WrongMethod, header: http.Header{"Allow": {"POST"}}},
		{name: "PUT", request: method("PUT", bytes.NewReader(completed)), status: 405, outcome: receiver.WrongMethod, detail: "is a PUT"},

		{name: "no type", request: with(post(completed), func(r *http.Request) { r.Header.Del("Content-Type") }), status: 415, outcome: receiver.WrongContentType, detail: "has no Content-Type"},
		{name: "a form", request: header(completed, "Content-Type", "application/x-www-form-urlencoded"), status: 415, outcome: receiver.WrongContentType, header: http.Header{"Accept-Post": {"application/json"}}},
		{name: "text/json", request: header(completed, "Content-Type", "text/json"), status: 415, outcome: receiver.WrongContentType},
		{name: "no slash", request: header(completed, "Content-Type", "json"), status: 415, outcome: receiver.WrongContentType},
		{name: "broken type", request: header(completed, "Content-Type", "application/json; charset"), status: 415, outcome: receiver.WrongContentType, detail: "can't be parsed"},
		{name: "latin 1", request: header(completed, "Content-Type", "application/json; charset=iso-8859-1"), status: 415, outcome: receiver.WrongContentType, detail: "JSON is UTF-8"},
		{name: "two types", request: with(post(completed), func(r *http.Request) { r.Header.Add("Content-Type", "application/json") }), status: 415, outcome: receiver.WrongContentType, detail: "several"},
		{name: "UTF-8", request: header(completed, "Content-Type", "application/json; charset=UTF-8"), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "upper case", request: header(completed, "Content-Type", "Application/JSON"), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "+json", request: header(completed, "Content-Type", `application/vnd.run+json; v="1"`), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},

		{name: "as large as may be", options: receiver.Options{MaxBytes: int64(len(completed))}, request: post(completed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "declared too large", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, request: post(completed), status: 413, outcome: receiver.TooLarge, detail: "which is the limit here"},
		{
			name: "too large, undeclared", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, status: 413, outcome: receiver.TooLarge,
			request: with(post(completed), func(r *http.Request) { r.ContentLength = -1 }),
		},
		{name: "too large once decompressed", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, request: gzipped(completed, "gzip"), status: 413, outcome: receiver.TooLarge},
		{name: "compressed too well", request: gzipped(make([]byte, 2<<20), "gzip"), status: 413, outcome: receiver.TooLarge, detail: "send it without compression"},

		{name: "gzip", request: gzipped(completed, "gzip"), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "x-gzip", request: gzipped(failed, " X-GZIP"), status: 204, outcome: receiver.Accepted, handler: "RunFailed"},
		{name: "identity", request: header(completed, "Content-Encoding", "identity"), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "brotli", request: header(completed, "Content-Encoding", "br"), status: 415, outcome: receiver.WrongContentEncoding, header: http.Header{"Accept-Encoding": {"gzip, identity"}}},
		{name: "gzip twice", request: gzipped(zip(t, completed), "gzip, gzip"), status: 415, outcome: receiver.WrongContentEncoding, detail: "gzip, once"},
		{
			name: "gzip in two headers", status: 415, outcome: receiver.WrongContentEncoding,
			request: with(gzipped(zip(t, completed), "gzip"), func(r *http.Request) { r.Header.Add("Content-Encoding", "gzip") }),
		},
		{name: "not gzip", request: header(completed, "Content-Encoding", "gzip"), status: 400, outcome: receiver.Unreadable, detail: "is not the gzip"},
		{name: "half of gzip", request: header(zip(t, completed)[:100], "Content-Encoding", "gzip"), status: 400, outcome: receiver.Unreadable},
		{name: "nothing as gzip", request: header(nil, "Content-Encoding", "gzip"), status: 400, outcome: receiver.Unreadable},

		{name: "signed", options: signed, request: sign(post(completed), "msg_1", now, completed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "signed, then compressed", options: signed, request: sign(gzipped(completed, "gzip"), "msg_1", now, completed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "compressed, then signed", options: signed, request: sign(gzipped(completed, "gzip"), "msg_1", now, zip(t, completed)), status: 401, outcome: receiver.Unauthenticated},
		{name: "not signed", options: signed, request: post(completed), status: 401, outcome: receiver.Unauthenticated, header: http.Header{"Www-Authenticate": {"StandardWebhooks"}}, detail: "is not signed"},
		{name: "of another payload", options: signed, request: sign(post(completed), "msg_1", now, failed), status: 401, outcome: receiver.Unauthenticated, detail: "does not verify"},
		{name: "too old", options: signed, request: sign(post(completed), "msg_1", now.Add(-time.Hour), completed), status: 401, outcome: receiver.Unauthenticated, detail: "too far from the receiver's clock"},
		{name: "too new", options: signed, request: sign(post(completed), "msg_1", now.Add(time.Hour), completed), status: 401, outcome: receiver.Unauthenticated, detail: "too far from the receiver's clock"},
		{
			name: "no id", options: signed, status: 401, outcome: receiver.Unauthenticated, detail: "is missing",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Del(signature.HeaderID) }),
		},
		{
			name: "two ids", options: signed, status: 401, outcome: receiver.Unauthenticated, detail: "is malformed",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Add(signature.HeaderID, "msg_2") }),
		},
		{
			name: "the only secret has expired", status: 503, outcome: receiver.Unavailable, header: http.Header{"Retry-After": {"5"}},
			options: receiver.Options{Verifier: &signature.Verifier{Secrets: []signature.Secret{secret(t).Until(now)}, Now: verifier.Now}},
			request: sign(post(completed), "msg_1", now, completed),
		},
		{name: "Basic", options: basic, request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "another's password", options: basic, request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "one") }), status: 401, outcome: receiver.Unauthenticated, header: http.Header{"Www-Authenticate": {`Basic realm="events", charset="UTF-8"`}}},
		{name: "no password", options: basic, request: post(completed), status: 401, outcome: receiver.Unauthenticated},
		{name: "secret in the path", options: inPath, request: to("/events/fedcba9876543210"), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "wrong secret in the path", options: inPath, request: to("/events/fedcba9876543211"), status: 404, outcome: receiver.Unauthenticated, detail: "no endpoint"},
		{name: "secret not last in the path", options: inPath, request: to("/fedcba9876543210/events"), status: 404, outcome: receiver.Unauthenticated},
		{
			name: "a wrong signature and a right password", status: 401, outcome: receiver.Unauthenticated,
			options: receiver.Options{Verifier: verifier, Basic: basic.Basic},
			request: with(sign(post(completed), "msg_1", now, failed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }),
		},
		{
			name: "no signature and a right password", status: 204, outcome: receiver.Accepted, handler: "RunCompleted",
			options: receiver.Options{Verifier: verifier, Basic: basic.Basic},
			request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }),
		},
		{name: "a signature that nobody verifies", request: sign(post(completed), "msg_1", now, failed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},

		{name: "empty", request: post(nil), status: 422, outcome: receiver.Nonconforming, codes: []string{"json.syntax"}},
		{name: "not JSON", request: post([]byte("event_type=run_completed")), status: 422, outcome: receiver.Nonconforming, codes: []string{"json.syntax"}},
		{name: "invalid", request: post(vector(t, "schema.required")), status: 422, outcome: receiver.Nonconforming, codes: []string{"schema.required"}},
		{name: "no event type", request: post(vector(t, "event.type-missing")), status: 422, outcome: receiver.Nonconforming, codes: []string{"event.type-missing"}},
		{name: "event type null", request: post(vector(t, "rule.event-type-null")), status: 422, outcome: receiver.Nonconforming, codes: []string{"event.type-unknown"}},
		{name: "deviating, documented required", options: receiver.Options{Policy: receiver.RequireDocumented}, request: post(deviating), status: 422, outcome: receiver.Nonconforming, detail: "it deviates", codes: []string{"dialect.field-case"}},
		{name: "unknown, documented required", options: receiver.Options{Policy: receiver.RequireDocumented}, request: post(unknown), status: 422, outcome: receiver.Nonconforming, codes: []string{"event.type-unknown"}},
		{name: "conforming, documented required", options: receiver.Options{Policy: receiver.RequireDocumented}, request: post(completed), status: 204, outcome: receiver.Accepted, handler: "RunCompleted"},
		{name: "not JSON, all accepted", options: receiver.Options{Policy: receiver.AcceptAll}, request: post([]byte("hello")), status: 204, outcome: receiver.Accepted, handler: "OnUnknown"},
		{name: "invalid, all accepted", options: receiver.Options{Policy: receiver.AcceptAll}, request: post(vector(t, "schema.required")), status: 204, outcome: receiver.Accepted, handler: "OnUnknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var rec recorder
			rc := rec.receiver(t, test.options)
			w := httptest.NewRecorder()
			rc.ServeHTTP(w, test.request)
			answer := w.Result()

			if answer.StatusCode != test.status {
				t.Errorf("status %d, want %d; %s", answer.StatusCode, test.status, w.Body)
			}
			if len(rec.decisions) != 1 || rec.decisions[0].Outcome != test.outcome || rec.decisions[0].Status != test.status {
				t.Errorf("decisions %+v, want one: %s", rec.decisions, test.outcome)
			}
			var calls []string
			if test.handler != "" {
				calls = []string{test.handler}
			}
			if diff := cmp.Diff(calls, rec.calls); diff != "" {
				t.Errorf("handlers called (-want +got):\n%s", diff)
			}
			for name, values := range test.header {
				if diff := cmp.Diff(values, answer.Header[name]); diff != "" {
					t.Errorf("header %s (-want +got):\n%s", name, diff)
				}
			}
			if test.status < 300 {
				if w.Body.Len() > 0 {
					t.Errorf("a success has a body: %s", w.Body)
				}
				return
			}
			p := readProblem(t, answer)
			if p.Status != test.status || p.Title == "" || p.Detail == "" ||
				!strings.HasSuffix(p.Type, "/docs/problems.md#"+string(test.outcome)) {
				t.Errorf("problem %+v", p)
			}
			if !strings.Contains(p.Detail, test.detail) {
				t.Errorf("detail %q, want it to contain %q", p.Detail, test.detail)
			}
			var codes []string
			for _, f := range p.Findings {
				if f.Severity == conformance.SeverityError {
					codes = append(codes, string(f.Code))
				}
			}
			if diff := cmp.Diff(test.codes, codes); diff != "" {
				t.Errorf("findings told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDelivery(t *testing.T) {
	now := time.Now()
	completed, deviating := vector(t, "page.run-completed"), vector(t, "dialect.field-case")
	var rec recorder
	rc := rec.receiver(t, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret(t)}},
		Basic:    []receiver.Credentials{{Username: "u", Password: "p"}},
	})

	r := post(completed)
	if err := signature.SetHeaders(r.Header, "msg_1", now, completed, secret(t)); err != nil {
		t.Fatal(err)
	}
	rc.ServeHTTP(httptest.NewRecorder(), r)
	want := &receiver.Delivery{
		ID: "msg_1", Signed: true, EventType: "run_completed", Verdict: conformance.Conforms, Payload: completed,
	}
	if diff := cmp.Diff(want, rec.delivery); diff != "" {
		t.Errorf("signed (-want +got):\n%s", diff)
	}

	r = post(deviating)
	r.SetBasicAuth("u", "p")
	r.Header.Set(signature.HeaderID, "msg_1") // which nothing vouches for
	rc.ServeHTTP(httptest.NewRecorder(), r)
	report := conformance.Check(deviating)
	want = &receiver.Delivery{
		ID:        rec.delivery.ID,
		EventType: report.EventType, Verdict: conformance.Deviates, Findings: report.Findings, Payload: deviating,
	}
	if diff := cmp.Diff(want, rec.delivery); diff != "" {
		t.Errorf("not signed (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(rec.delivery.ID, "sha256:") {
		t.Errorf("the id is %q", rec.delivery.ID)
	}
	if receiver.DeliveryFrom(t.Context()) != nil {
		t.Error("a context of nothing has a delivery")
	}
}

// TestIgnored: an event that no handler wants is acknowledged, and not sent
// again.
func TestIgnored(t *testing.T) {
	rc, err := receiver.New(receiver.Handlers{
		RunFailed: func(context.Context, *webhook.RunFailed) error { return errors.New("called") },
	}, receiver.Options{InsecureNoAuthentication: true, Policy: receiver.RequireDocumented})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// TestUndecodable: an event that is wanted and can't be had is not acknowledged.
func TestUndecodable(t *testing.T) {
	rc, err := receiver.New(receiver.Handlers{
		RunCompleted: func(context.Context, *webhook.RunCompleted) error { return errors.New("called") },
	}, receiver.Options{InsecureNoAuthentication: true, Policy: receiver.RequireDocumented, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"screenshots_count": 5`, `"screenshots_count": 50000000000000000000`},
		{`"started_at": "2025-05-29T15:52:30.595Z"`, `"started_at": "2016-12-31T23:59:60Z"`},
	} {
		payload := bytes.Replace(vector(t, "page.run-completed"), []byte(change[0]), []byte(change[1]), 1)
		if !conformance.Valid(payload) {
			t.Fatalf("%s: %v", change[1], conformance.Check(payload).Findings)
		}
		w := httptest.NewRecorder()
		rc.ServeHTTP(w, post(payload))
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d: %s", change[1], w.Code, w.Body)
		}
	}
}

func TestHandlerFails(t *testing.T) {
	tests := []struct {
		name    string
		fail    func() error
		status  int
		outcome receiver.Outcome
		want    problem
		header  http.Header
	}{
		{
			name: "an error", fail: func() error { return errors.New("password of db is hunter2") },
			status: 500, outcome: receiver.Failed,
			want: problem{Type: "failed", Title: "The event could not be handled", Detail: "the receiver failed to handle the event; send it again"},
		},
		{
			name: "a panic", fail: func() error { panic("password of db is hunter2") },
			status: 500, outcome: receiver.Panicked,
			want: problem{Type: "failed", Title: "The event could not be handled", Detail: "the receiver failed to handle the event; send it again"},
		},
		{
			name: "a status", fail: func() error {
				return fmt.Errorf("wrapped: %w", &receiver.StatusError{Status: 503, RetryAfter: 1500 * time.Millisecond, Detail: "full", Err: errors.New("hunter2")})
			},
			status: 503, outcome: receiver.Declined, header: http.Header{"Retry-After": {"2"}},
			want: problem{Type: "declined", Title: "The event was declined", Detail: "full"},
		},
		{
			name: "gone", fail: func() error { return &receiver.StatusError{Status: 410} },
			status: 410, outcome: receiver.Declined,
			want: problem{Type: "declined", Title: "The event was declined"},
		},
		{
			name: "a status that is no error", fail: func() error { return &receiver.StatusError{Status: 200, Detail: "hunter2"} },
			status: 500, outcome: receiver.Failed,
			want: problem{Type: "failed", Title: "The event could not be handled", Detail: "the receiver failed to handle the event; send it again"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			rec := recorder{fail: test.fail}
			rc := rec.receiver(t, receiver.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			payload := vector(t, "page.run-completed")
			w := httptest.NewRecorder()
			rc.ServeHTTP(w, post(payload))
			answer := w.Result()
			if answer.StatusCode != test.status {
				t.Errorf("status %d, want %d", answer.StatusCode, test.status)
			}
			test.want.Status = test.status
			got := readProblem(t, answer)
			got.Type = got.Type[strings.LastIndexByte(got.Type, '#')+1:]
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
			for name, values := range test.header {
				if diff := cmp.Diff(values, answer.Header[name]); diff != "" {
					t.Errorf("header %s (-want +got):\n%s", name, diff)
				}
			}
			d := rec.decisions[0]
			if d.Outcome != test.outcome || d.Err == nil {
				t.Errorf("decision %s: %v", d.Outcome, d.Err)
			}
			if (d.Stack != nil) != (test.outcome == receiver.Panicked) {
				t.Errorf("stack: %s", d.Stack)
			}
			if !strings.Contains(log.String(), d.Err.Error()) {
				t.Errorf("the log doesn't have the error: %s", &log)
			}
			if test.outcome == receiver.Panicked && !strings.Contains(log.String(), "TestHandlerFails") {
				t.Errorf("the log doesn't say where the panic was: %s", &log)
			}

			// The next attempt goes through.
			rec.fail = nil
			w = httptest.NewRecorder()
			rc.ServeHTTP(w, post(payload))
			if w.Code != http.StatusNoContent || len(rec.calls) != 2 {
				t.Errorf("the next attempt: status %d, %d calls", w.Code, len(rec.calls))
			}
		})
	}
}

// TestHandlerAborts: a handler may close the connection, or end its goroutine,
// and the next attempt goes through all the same.
func TestHandlerAborts(t *testing.T) {
	for name, fail := range map[string]func() error{
		"ErrAbortHandler": func() error { panic(http.ErrAbortHandler) },
		"Goexit":          func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			rec := recorder{fail: fail}
			rc := rec.receiver(t, receiver.Options{})
			ended := make(chan any)
			w := httptest.NewRecorder()
			go func() {
				defer func() { ended <- recover() }()
				rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
			}()
			if v := <-ended; name == "ErrAbortHandler" && v != http.ErrAbortHandler {
				t.Errorf("recovered %v", v)
			}
			if w.Body.Len() > 0 {
				t.Errorf("there is an answer: %s", w.Body)
			}
			if name == "ErrAbortHandler" && (len(rec.decisions) != 1 || rec.decisions[0].Status != 0) {
				t.Errorf("decisions %+v", rec.decisions)
			}
			rec.fail = nil
			w = httptest.NewRecorder()
			rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
			if w.Code != http.StatusNoContent {
				t.Errorf("the next attempt: status %d", w.Code)
			}
		})
	}
}

// TestLog: what a payload holds stays out of the log, and so does a secret.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	rec := recorder{}
	rc := rec.receiver(t, receiver.Options{
		PathSecrets: []string{"0123456789abcdef"},
		Logger:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for _, name := range []string{"page.run-completed", "dialect.field-case", "schema.required"} {
		r := post(vector(t, name))
		r.URL.Path = "/0123456789abcdef"
		rc.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, want := range []string{"outcome=accepted", "verdict=deviates", "dialect.field-case", "level=WARN", "status=422", "bytes="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, secret := range []string{"Test Robot", "d453def3", "0123456789abcdef"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if t.Failed() {
		t.Log(log.String())
	}
}

// TestManyFindings: the answer is bounded, whatever the payload.
func TestManyFindings(t *testing.T) {
	payload := []byte(`{"event_type":"run_failed","timestamp":"","webhook_id":"","data":{` +
		strings.Repeat(`"a":1,`, 5000) + `"a":1}}`)
	var rec recorder
	w := httptest.NewRecorder()
	rec.receiver(t, receiver.Options{}).ServeHTTP(w, post(payload))
	p := readProblem(t, w.Result())
	if len(p.Findings) != 100 || !strings.Contains(p.Detail, "more findings") {
		t.Errorf("%d findings; %s", len(p.Findings), p.Detail)
	}
}

func TestObserverPanics(t *testing.T) {
	rc, err := receiver.New((&recorder{}).handlers(), receiver.Options{
		InsecureNoAuthentication: true,
		Logger:                   slog.New(slog.DiscardHandler),
		Observer:                 func(context.Context, *receiver.Decision) { panic("in the observer") },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
}

// TestDecision: an observer learns where the time went.
func TestDecision(t *testing.T) {
	var rec recorder
	rc := rec.receiver(t, receiver.Options{})
	rc.ServeHTTP(httptest.NewRecorder(), post(vector(t, "page.run-completed")))
	d := rec.decisions[0]
	var sum time.Duration
	for _, took := range d.Stages() {
		sum += took
	}
	if d.Start.IsZero() || d.Read <= 0 || d.Judge <= 0 || d.Decode <= 0 || d.Total < sum {
		t.Errorf("times %+v", d)
	}
}

func TestNewRefuses(t *testing.T) {
	all := (&recorder{}).handlers()
	only := func(change func(h *receiver.Handlers)) receiver.Handlers {
		h := all
		change(&h)
		return h
	}
	insecure := receiver.Options{InsecureNoAuthentication: true}
	with := func(change func(o *receiver.Options)) receiver.Options {
		o := insecure
		change(&o)
		return o
	}
	tests := []struct {
		name     string
		handlers receiver.Handlers
		options  receiver.Options
		want     string
	}{
		{"nothing", receiver.Handlers{}, insecure, "no handler"},
		{"no authentication", all, receiver.Options{}, "nothing says how senders are authenticated"},
		{"insecure and not", all, with(func(o *receiver.Options) { o.PathSecrets = []string{"0123456789abcdef"} }), "pointless"},
		{"no secrets", all, receiver.Options{Verifier: &signature.Verifier{}}, "has no Secrets"},
		{"no password", all, receiver.Options{Basic: []receiver.Credentials{{Username: "u"}}}, "Basic[0]"},
		{"short secret in the path", all, receiver.Options{PathSecrets: []string{"0123456789abcdef", "secret"}}, "PathSecrets[1] has 6 bytes"},
		{"escaped secret in the path", all, receiver.Options{PathSecrets: []string{"0123456789/abcdef"}}, "'/'"},
		{"negative size", all, with(func(o *receiver.Options) { o.MaxBytes = -1 }), "MaxBytes"},
		{"negative time", all, with(func(o *receiver.Options) { o.ReadTimeout = -1 }), "ReadTimeout"},
		{"no such policy", all, with(func(o *receiver.Options) { o.Policy = 3 }), "Policy(3)"},
		{"deviating events have no handler", only(func(h *receiver.Handlers) { h.Event = nil }), insecure, "set Handlers.Event"},
		{"invalid payloads have no handler", only(func(h *receiver.Handlers) { h.OnUnknown = nil }), with(func(o *receiver.Options) { o.Policy = receiver.AcceptAll }), "set Handlers.OnUnknown"},
		{"no handler but for unknown events", receiver.Handlers{OnUnknown: all.OnUnknown}, with(func(o *receiver.Options) { o.Policy = receiver.RequireDocumented }), "no handler"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := receiver.New(test.handlers, test.options)
			if err == nil || !strings.HasPrefix(err.Error(), "receiver: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
