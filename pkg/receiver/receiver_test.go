package receiver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func (rec *recorder) take(handler string) func(context.Context, *receiver.Delivery) error {
	return func(_ context.Context, d *receiver.Delivery) error {
		rec.calls = append(rec.calls, handler)
		rec.delivery = d
		if rec.fail == nil {
			return nil
		}
		return rec.fail()
	}
}

func (rec *recorder) handlers() receiver.Handlers {
	return receiver.Handlers{
		RunCompleted: rec.take("RunCompleted"),
		RunFailed:    rec.take("RunFailed"),
		Test:         rec.take("Test"),
		Event:        rec.take("Event"),
		Unknown:      rec.take("Unknown"),
	}
}

// receiver gives a receiver that is recorded. Without a way to authenticate it
// takes events from anybody.
func (rec *recorder) receiver(t testing.TB, options receiver.Options) *receiver.Receiver {
	t.Helper()
	if options.Verifier == nil && options.Basic == nil && options.PathSecrets == nil && options.QuerySecrets == nil {
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
	now := time.Now()
	completed := vector(t, "rule.status-success")
	failed := vector(t, "page.run-failed")
	deviating := vector(t, "dialect.field-case")
	unknown := bytes.Replace(completed, []byte(`"run_completed"`), []byte(`"run_paused"`), 1)
	verifier := &signature.Verifier{Secrets: []signature.Secret{secret(t)}}
	signed := receiver.Options{Verifier: verifier}
	basic := receiver.Options{Basic: []receiver.Credentials{{"old", "one"}, {"robot", "s3cret"}}}
	inQuery := receiver.Options{QuerySecrets: []string{"0123456789abcdef", "fedcba9876543210"}}
	asking := func(query string) *http.Request {
		r := post(completed)
		r.URL.RawQuery = query
		return r
	}
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

	padded := func(size int) []byte {
		return append(bytes.Clone(completed), bytes.Repeat([]byte(" "), size-len(completed))...)
	}

	tests := []struct {
		name        string
		options     receiver.Options
		request     *http.Request
		status      int
		disposition receiver.Disposition
		handler     string      // the one that is called
		header      http.Header // of the answer, at least
		detail      string      // part of it
		codes       []string    // of the findings that are told
	}{
		{name: "completed", request: post(completed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "test", request: post(vector(t, "rule.status-test")), status: 204, disposition: receiver.Accepted, handler: "Test"},
		{name: "webhook_test", request: post(vector(t, "dialect.test-event")), status: 204, disposition: receiver.Accepted, handler: "Test"},
		{name: "failed", request: post(failed), status: 204, disposition: receiver.Accepted, handler: "RunFailed"},
		{name: "deviating", request: post(deviating), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "unknown", request: post(unknown), status: 204, disposition: receiver.Accepted, handler: "Unknown"},
		{
			name: "a count beyond 64 bits", status: 204, disposition: receiver.Accepted, handler: "RunCompleted",
			request: post(bytes.Replace(completed, []byte(`"screenshots_count": 0`), []byte(`"screenshots_count": 50000000000000000000`), 1)),
		},

		{
			name: "GET", request: method("GET", nil), status: 405, disposition: receiver.WrongMethod,
			header: http.Header{"Allow": {"POST"}}, detail: "a redirect on the way lost its body",
		},
		{name: "GET with a body", request: method("GET", bytes.NewReader(completed)), status: 405, disposition: receiver.WrongMethod, detail: "is a GET"},
		{name: "HEAD", request: method("HEAD", nil), status: 405, disposition: receiver.WrongMethod, header: http.Header{"Allow": {"POST"}}},
		{name: "OPTIONS", request: method("OPTIONS", nil), status: 405, disposition: receiver.WrongMethod, header: http.Header{"Allow": {"POST"}}},
		{name: "PUT", request: method("PUT", bytes.NewReader(completed)), status: 405, disposition: receiver.WrongMethod, detail: "is a PUT"},

		{name: "no type", request: with(post(completed), func(r *http.Request) { r.Header.Del("Content-Type") }), status: 415, disposition: receiver.WrongContentType, detail: "has no Content-Type"},
		{name: "a form", request: header(completed, "Content-Type", "application/x-www-form-urlencoded"), status: 415, disposition: receiver.WrongContentType, header: http.Header{"Accept-Post": {"application/json"}}},
		{name: "text/json", request: header(completed, "Content-Type", "text/json"), status: 415, disposition: receiver.WrongContentType},
		{name: "no slash", request: header(completed, "Content-Type", "json"), status: 415, disposition: receiver.WrongContentType},
		{name: "broken type", request: header(completed, "Content-Type", "application/json; charset"), status: 415, disposition: receiver.WrongContentType, detail: "can't be parsed"},
		{name: "latin 1", request: header(completed, "Content-Type", "application/json; charset=iso-8859-1"), status: 415, disposition: receiver.WrongContentType, detail: "JSON is UTF-8"},
		{name: "two types", request: with(post(completed), func(r *http.Request) { r.Header.Add("Content-Type", "application/json") }), status: 415, disposition: receiver.WrongContentType, detail: "several"},
		{name: "UTF-8", request: header(completed, "Content-Type", "application/json; charset=UTF-8"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "upper case", request: header(completed, "Content-Type", "Application/JSON"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "+json", request: header(completed, "Content-Type", `application/vnd.run+json; v="1"`), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},

		{name: "as large as may be", options: receiver.Options{MaxBytes: int64(len(completed))}, request: post(completed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "declared too large", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, request: post(completed), status: 413, disposition: receiver.TooLarge, detail: "which is the limit here"},
		{
			name: "too large, undeclared", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, status: 413, disposition: receiver.TooLarge,
			request: with(post(completed), func(r *http.Request) { r.ContentLength = -1 }),
		},
		{name: "too large once decompressed", options: receiver.Options{MaxBytes: int64(len(completed) - 1)}, request: gzipped(completed, "gzip"), status: 413, disposition: receiver.TooLarge},
		{name: "compressed well, and small", request: gzipped(padded(1<<20), "gzip"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "compressed well, and no longer small", request: gzipped(padded(1<<20+1), "gzip"), status: 413, disposition: receiver.TooLarge, detail: "send it without compression"},
		{name: "compressed too well", request: gzipped(make([]byte, 2<<20), "gzip"), status: 413, disposition: receiver.TooLarge, detail: "send it without compression"},

		{name: "gzip", request: gzipped(completed, "gzip"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "x-gzip", request: gzipped(failed, " X-GZIP"), status: 204, disposition: receiver.Accepted, handler: "RunFailed"},
		{name: "identity", request: header(completed, "Content-Encoding", "identity"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "brotli", request: header(completed, "Content-Encoding", "br"), status: 415, disposition: receiver.WrongContentEncoding, header: http.Header{"Accept-Encoding": {"gzip, identity"}}},
		{name: "gzip twice", request: gzipped(zip(t, completed), "gzip, gzip"), status: 415, disposition: receiver.WrongContentEncoding, detail: "gzip, once"},
		{
			name: "gzip in two headers", status: 415, disposition: receiver.WrongContentEncoding,
			request: with(gzipped(zip(t, completed), "gzip"), func(r *http.Request) { r.Header.Add("Content-Encoding", "gzip") }),
		},
		{name: "not gzip", request: header(completed, "Content-Encoding", "gzip"), status: 400, disposition: receiver.Unreadable, detail: "is not the gzip"},
		{name: "half of gzip", request: header(zip(t, completed)[:100], "Content-Encoding", "gzip"), status: 400, disposition: receiver.Unreadable},
		{name: "nothing as gzip", request: header(nil, "Content-Encoding", "gzip"), status: 400, disposition: receiver.Unreadable},

		{name: "signed", options: signed, request: sign(post(completed), "msg_1", now, completed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "signed, then compressed", options: signed, request: sign(gzipped(completed, "gzip"), "msg_1", now, completed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "compressed, then signed", options: signed, request: sign(gzipped(completed, "gzip"), "msg_1", now, zip(t, completed)), status: 401, disposition: receiver.Unauthenticated},
		{name: "not signed", options: signed, request: post(completed), status: 401, disposition: receiver.Unauthenticated, header: http.Header{"Www-Authenticate": {"StandardWebhooks"}}, detail: "is not signed"},
		{name: "of another payload", options: signed, request: sign(post(completed), "msg_1", now, failed), status: 401, disposition: receiver.Unauthenticated, detail: "does not verify"},
		{name: "too old", options: signed, request: sign(post(completed), "msg_1", now.Add(-time.Hour), completed), status: 401, disposition: receiver.Unauthenticated, detail: "timestamp is too old: Webhook-Timestamp is"},
		{name: "too new", options: signed, request: sign(post(completed), "msg_1", now.Add(time.Hour), completed), status: 401, disposition: receiver.Unauthenticated, detail: "timestamp is too new: Webhook-Timestamp is"},
		{
			name: "no id", options: signed, status: 401, disposition: receiver.Unauthenticated, detail: "missing header: Webhook-Id",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Del(signature.HeaderID) }),
		},
		{
			name: "two ids", options: signed, status: 401, disposition: receiver.Unauthenticated, detail: "Webhook-Id is there 2 times",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Add(signature.HeaderID, "msg_2") }),
		},
		{
			name: "a signature in hexadecimal", options: signed, status: 401, disposition: receiver.Unauthenticated,
			detail:  "malformed header: Webhook-Signature is in hexadecimal, not in base64",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Set(signature.HeaderSignature, "v1,"+strings.Repeat("0a", 32)) }),
		},
		{
			name: "a timestamp in milliseconds", options: signed, status: 401, disposition: receiver.Unauthenticated,
			detail:  "looks like milliseconds; it takes seconds since 1970",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Set(signature.HeaderTimestamp, fmt.Sprint(now.UnixMilli())) }),
		},
		{
			name: "an id with a full stop", options: signed, status: 401, disposition: receiver.Unauthenticated, detail: "Webhook-Id has a full stop at byte 3",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.Header.Set(signature.HeaderID, "msg.1") }),
		},
		{
			name: "read by middleware", options: signed, status: 400, disposition: receiver.Unreadable, detail: fmt.Sprintf("could read 0 of the %d bytes", len(completed)),
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { io.Copy(io.Discard, r.Body) }),
		},
		{
			name: "read by middleware, in part", options: signed, status: 400, disposition: receiver.Unreadable, detail: fmt.Sprintf("could read %d of the %d bytes", len(completed)-5, len(completed)),
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { io.CopyN(io.Discard, r.Body, 5) }),
		},
		{
			name: "read by middleware that left no body", status: 400, disposition: receiver.Unreadable, detail: "middleware in front of it must not read the body",
			request: with(post(completed), func(r *http.Request) { r.Body = http.NoBody }),
		},
		{
			name: "gzip, read by middleware", status: 400, disposition: receiver.Unreadable, detail: "could read 0 of the",
			request: with(gzipped(completed, "gzip"), func(r *http.Request) { io.Copy(io.Discard, r.Body) }),
		},
		{
			name: "chunked, read by middleware", options: signed, status: 401, disposition: receiver.Unauthenticated, detail: "the body is empty: was it read before",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { io.Copy(io.Discard, r.Body); r.ContentLength = -1 }),
		},
		{
			name: "decompressed by middleware", options: signed, status: 204, disposition: receiver.Accepted, handler: "RunCompleted",
			request: with(sign(post(completed), "msg_1", now, completed), func(r *http.Request) { r.ContentLength = int64(len(zip(t, completed))) }),
		},
		{
			name: "the only secret has expired", status: 503, disposition: receiver.Unavailable, header: http.Header{"Retry-After": {"5"}},
			options: receiver.Options{Verifier: &signature.Verifier{Secrets: []signature.Secret{secret(t).Until(now)}}},
			request: sign(post(completed), "msg_1", now, completed),
		},
		{name: "Basic", options: basic, request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "another's password", options: basic, request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "one") }), status: 401, disposition: receiver.Unauthenticated, header: http.Header{"Www-Authenticate": {`Basic realm="events", charset="UTF-8"`}}},
		{name: "no password", options: basic, request: post(completed), status: 401, disposition: receiver.Unauthenticated},
		{name: "secret in the path", options: inPath, request: to("/events/fedcba9876543210"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "wrong secret in the path", options: inPath, request: to("/events/fedcba9876543211"), status: 404, disposition: receiver.Unauthenticated, detail: "no endpoint"},
		{name: "secret in the query", options: inQuery, request: asking("a=b&secret=fedcba9876543210"), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "wrong secret in the query", options: inQuery, request: asking("secret=fedcba9876543211"), status: 404, disposition: receiver.Unauthenticated, detail: "no endpoint"},
		{name: "no secret in the query", options: inQuery, request: asking(""), status: 404, disposition: receiver.Unauthenticated},
		{name: "an empty secret in the query", options: inQuery, request: asking("secret="), status: 404, disposition: receiver.Unauthenticated},
		{name: "two secrets in the query", options: inQuery, request: asking("secret=fedcba9876543210&secret=fedcba9876543210"), status: 404, disposition: receiver.Unauthenticated},
		{name: "secret under another name", options: inQuery, request: asking("token=fedcba9876543210"), status: 404, disposition: receiver.Unauthenticated},
		{name: "secret of the query in the path", options: inQuery, request: to("/events/fedcba9876543210"), status: 404, disposition: receiver.Unauthenticated},
		{name: "secret of the path in the query", options: inPath, request: asking("secret=fedcba9876543210"), status: 404, disposition: receiver.Unauthenticated},
		{name: "secret not last in the path", options: inPath, request: to("/fedcba9876543210/events"), status: 404, disposition: receiver.Unauthenticated},
		{
			name: "a wrong signature and a right password", status: 401, disposition: receiver.Unauthenticated,
			options: receiver.Options{Verifier: verifier, Basic: basic.Basic},
			request: with(sign(post(completed), "msg_1", now, failed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }),
		},
		{
			name: "no signature and a right password", status: 204, disposition: receiver.Accepted, handler: "RunCompleted",
			options: receiver.Options{Verifier: verifier, Basic: basic.Basic},
			request: with(post(completed), func(r *http.Request) { r.SetBasicAuth("robot", "s3cret") }),
		},
		{name: "a signature that nobody verifies", request: sign(post(completed), "msg_1", now, failed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},

		{name: "empty", request: post(nil), status: 422, disposition: receiver.Nonconforming, codes: []string{"json.syntax"}},
		{name: "not JSON", request: post([]byte("event_type=run_completed")), status: 422, disposition: receiver.Nonconforming, codes: []string{"json.syntax"}},
		{name: "invalid", request: post(vector(t, "schema.required")), status: 422, disposition: receiver.Nonconforming, codes: []string{"schema.required"}},
		{name: "no event type", request: post(vector(t, "event.type-missing")), status: 422, disposition: receiver.Nonconforming, codes: []string{"event.type-missing"}},
		{name: "event type null", request: post(vector(t, "rule.event-type-null")), status: 422, disposition: receiver.Nonconforming, codes: []string{"event.type-unknown"}},
		{name: "deviating, documented required", options: receiver.Options{Accept: receiver.AcceptDocumented}, request: post(deviating), status: 422, disposition: receiver.Nonconforming, detail: "it deviates", codes: []string{"dialect.field-case"}},
		{name: "unknown, documented required", options: receiver.Options{Accept: receiver.AcceptDocumented}, request: post(unknown), status: 422, disposition: receiver.Nonconforming, codes: []string{"event.type-unknown"}},
		{name: "conforming, documented required", options: receiver.Options{Accept: receiver.AcceptDocumented}, request: post(completed), status: 204, disposition: receiver.Accepted, handler: "RunCompleted"},
		{name: "not JSON, all accepted", options: receiver.Options{Accept: receiver.AcceptAll}, request: post([]byte("hello")), status: 204, disposition: receiver.Accepted, handler: "Unknown"},
		{name: "invalid, all accepted", options: receiver.Options{Accept: receiver.AcceptAll}, request: post(vector(t, "schema.required")), status: 204, disposition: receiver.Accepted, handler: "Unknown"},
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
			if len(rec.decisions) != 1 || rec.decisions[0].Disposition != test.disposition || rec.decisions[0].Status != test.status {
				t.Errorf("decisions %+v, want one: %s", rec.decisions, test.disposition)
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
				!strings.HasSuffix(p.Type, "/docs/problems.md#"+string(test.disposition)) {
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
	completed, deviating := vector(t, "page.run-completed"), vector(t, "dialect.field-case")
	var rec recorder
	rc := rec.receiver(t, receiver.Options{
		Verifier:    &signature.Verifier{Secrets: []signature.Secret{signature.NewSecret(), secret(t)}},
		Basic:       []receiver.Credentials{{Username: "u", Password: "p"}, {Username: "v", Password: "q"}},
		PathSecrets: []string{"0123456789abcdef", "fedcba9876543210"},
	})
	parsed := func(payload []byte) *event.Event {
		e, err := event.Parse(payload)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}

	r := post(completed)
	if err := signature.SetHeaders(r.Header, "msg_1", time.Now(), completed, secret(t)); err != nil {
		t.Fatal(err)
	}
	rc.ServeHTTP(httptest.NewRecorder(), r)
	want := &receiver.Delivery{
		EventID: "msg_1", Sender: receiver.Sender{By: receiver.BySignature, Index: 1},
		EventType: "run_completed", Verdict: conformance.Conforms, Event: parsed(completed), Payload: completed,
	}
	if diff := cmp.Diff(want, rec.delivery); diff != "" {
		t.Errorf("signed (-want +got):\n%s", diff)
	}

	r = post(deviating)
	r.SetBasicAuth("v", "q")
	r.Header.Set(signature.HeaderID, "msg_1") // which nothing vouches for
	rc.ServeHTTP(httptest.NewRecorder(), r)
	report := conformance.Check(deviating)
	sum := sha256.Sum256(deviating)
	want = &receiver.Delivery{
		EventID: "sha256:" + hex.EncodeToString(sum[:]), Sender: receiver.Sender{By: receiver.ByBasic, Index: 1, Username: "v"},
		EventType: report.EventType, Verdict: conformance.Deviates, Findings: report.Findings,
		Event: parsed(deviating), Payload: deviating,
	}
	if diff := cmp.Diff(want, rec.delivery); diff != "" {
		t.Errorf("not signed (-want +got):\n%s", diff)
	}
}

// TestSender: who sent a delivery is known to the handler and in the log.
func TestSender(t *testing.T) {
	payload := vector(t, "page.run-failed")
	with := func(change func(r *http.Request)) *http.Request {
		r := post(payload)
		change(r)
		return r
	}
	all := receiver.Options{
		Verifier:     &signature.Verifier{Secrets: []signature.Secret{signature.NewSecret(), secret(t)}},
		Basic:        []receiver.Credentials{{"old", "hunter1"}, {"robot", "hunter2"}},
		QuerySecrets: []string{"89abcdef01234567"},
		PathSecrets:  []string{"0123456789abcdef", "fedcba9876543210"},
	}
	for _, test := range []struct {
		name    string
		options receiver.Options
		request *http.Request
		want    receiver.Sender
		log     string
	}{
		{"by signature", all, with(func(r *http.Request) {
			r.URL.Path = "/fedcba9876543210" // a signature goes before
			if err := signature.SetHeaders(r.Header, "msg_1", time.Now(), payload, secret(t)); err != nil {
				t.Fatal(err)
			}
		}), receiver.Sender{By: receiver.BySignature, Index: 1}, "sender=signature[1] "},
		{"by Basic", all, with(func(r *http.Request) { r.SetBasicAuth("robot", "hunter2") }), receiver.Sender{By: receiver.ByBasic, Index: 1, Username: "robot"}, `sender="basic[1] robot" `},
		{"by query", all, with(func(r *http.Request) { r.URL.RawQuery = "secret=89abcdef01234567" }), receiver.Sender{By: receiver.ByQuery}, "sender=query[0] "},
		{"by path", all, with(func(r *http.Request) { r.URL.Path = "/events/0123456789abcdef" }), receiver.Sender{By: receiver.ByPath}, "sender=path[0] "},
		{"anybody", receiver.Options{}, post(payload), receiver.Sender{}, "sender=anybody "},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			var rec recorder
			test.options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			w := httptest.NewRecorder()
			rec.receiver(t, test.options).ServeHTTP(w, test.request)
			if rec.delivery == nil {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(test.want, rec.delivery.Sender); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("the log lacks %s: %s", test.log, &log)
			}
			for _, secret := range []string{"hunter", "0123456789abcdef", "fedcba9876543210"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log has a secret: %s", &log)
				}
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		var log bytes.Buffer
		var rec recorder
		options := all
		options.Logger = slog.New(slog.NewTextHandler(&log, nil))
		rec.receiver(t, options).ServeHTTP(httptest.NewRecorder(), post(payload))
		if strings.Contains(log.String(), "sender=") || !strings.Contains(log.String(), "unauthenticated") {
			t.Errorf("the log names a sender that is not known: %s", &log)
		}
	})
}

// TestRoutes: an event goes to the handler of its type, or to Event, or is
// acknowledged and dropped.
func TestRoutes(t *testing.T) {
	payloads := map[string][]byte{
		"completed": vector(t, "rule.status-success"),
		"deviating": vector(t, "dialect.texts-map"),
		"failed":    vector(t, "rule.failed-in-snake-case"),
		"test":      vector(t, "dialect.test-event"),
		"unknown":   vector(t, "event.type-unknown"),
	}
	for _, test := range []struct {
		set  []string
		want map[string]string // by payload; the others are ignored
	}{
		{[]string{"Event"}, map[string]string{"completed": "Event", "deviating": "Event", "failed": "Event", "test": "Event"}},
		{[]string{"RunCompleted"}, map[string]string{"completed": "RunCompleted", "deviating": "RunCompleted"}},
		{[]string{"RunFailed", "Event"}, map[string]string{"completed": "Event", "deviating": "Event", "failed": "RunFailed", "test": "Event"}},
		{[]string{"Test"}, map[string]string{"test": "Test"}},
		{[]string{"Unknown"}, map[string]string{"unknown": "Unknown"}},
		{[]string{"RunCompleted", "RunFailed", "Test", "Event", "Unknown"}, map[string]string{
			"completed": "RunCompleted", "deviating": "RunCompleted", "failed": "RunFailed", "test": "Test", "unknown": "Unknown",
		}},
	} {
		t.Run(strings.Join(test.set, "+"), func(t *testing.T) {
			for name, payload := range payloads {
				var rec recorder
				var handlers receiver.Handlers
				for _, name := range test.set {
					reflect.ValueOf(&handlers).Elem().FieldByName(name).Set(reflect.ValueOf(rec.take(name)))
				}
				var got receiver.Disposition
				rc, err := receiver.New(handlers, receiver.Options{
					InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler),
					Observer: func(_ context.Context, d *receiver.Decision) { got = d.Disposition },
				})
				if err != nil {
					t.Fatal(err)
				}
				w := httptest.NewRecorder()
				rc.ServeHTTP(w, post(payload))
				want, calls := receiver.Ignored, []string(nil)
				if handler := test.want[name]; handler != "" {
					want, calls = receiver.Accepted, []string{handler}
				}
				if w.Code != http.StatusNoContent || got != want || !slices.Equal(rec.calls, calls) {
					t.Errorf("%s: status %d, %s, called %q; want %s, %q", name, w.Code, got, rec.calls, want, calls)
				}
				if d := rec.delivery; d != nil && (d.Event == nil) != (name == "unknown") {
					t.Errorf("%s: the event is %v", name, d.Event)
				}
			}
		})
	}
}

func TestHandlerFails(t *testing.T) {
	tests := []struct {
		name        string
		fail        func() error
		status      int
		disposition receiver.Disposition
		want        problem
		header      http.Header
	}{
		{
			name: "an error", fail: func() error { return errors.New("password of db is hunter2") },
			status: 500, disposition: receiver.Failed,
			want: problem{Type: "failed", Title: "The event could not be handled", Detail: "the receiver failed to handle the event; send it again"},
		},
		{
			name: "a panic", fail: func() error { panic("password of db is hunter2") },
			status: 500, disposition: receiver.Panicked,
			want: problem{Type: "failed", Title: "The event could not be handled", Detail: "the receiver failed to handle the event; send it again"},
		},
		{
			name: "a status", fail: func() error {
				return fmt.Errorf("wrapped: %w", &receiver.StatusError{Status: 503, RetryAfter: 1500 * time.Millisecond, Detail: "full", Err: errors.New("hunter2")})
			},
			status: 503, disposition: receiver.Declined, header: http.Header{"Retry-After": {"2"}},
			want: problem{Type: "declined", Title: "The event was declined", Detail: "full"},
		},
		{
			name: "gone", fail: func() error { return &receiver.StatusError{Status: 410} },
			status: 410, disposition: receiver.Declined,
			want: problem{Type: "declined", Title: "The event was declined"},
		},
		{
			name: "a status that is no error", fail: func() error { return &receiver.StatusError{Status: 200, Detail: "hunter2"} },
			status: 500, disposition: receiver.Failed,
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
			if d.Disposition != test.disposition || d.Err == nil {
				t.Errorf("decision %s: %v", d.Disposition, d.Err)
			}
			if (d.Stack != nil) != (test.disposition == receiver.Panicked) {
				t.Errorf("stack: %s", d.Stack)
			}
			if !strings.Contains(log.String(), d.Err.Error()) {
				t.Errorf("the log doesn't have the error: %s", &log)
			}
			if test.disposition == receiver.Panicked && !strings.Contains(log.String(), "TestHandlerFails") {
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
// and the next attempt goes through anyway.
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
	for _, want := range []string{"disposition=accepted", "verdict=deviates", "dialect.field-case", "level=WARN", "status=422", "bytes="} {
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
	noUnknown := all
	noUnknown.Unknown = nil
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
		{"no schema", all, with(func(o *receiver.Options) { o.Schemas = []*conformance.Schema{nil} }), "Schemas[0] is nil"},
		{"no secrets", all, receiver.Options{Verifier: &signature.Verifier{}}, "has no Secrets"},
		{"a zero secret", all, receiver.Options{Verifier: &signature.Verifier{Secrets: []signature.Secret{signature.NewSecret(), {}}}}, "Secrets[1] is the zero Secret"},
		{"negative tolerance", all, receiver.Options{Verifier: &signature.Verifier{Secrets: []signature.Secret{signature.NewSecret()}, Tolerance: -1}}, "Tolerance"},
		{"no password", all, receiver.Options{Basic: []receiver.Credentials{{Username: "u"}}}, "Basic[0]"},
		{"short secret in the path", all, receiver.Options{PathSecrets: []string{"0123456789abcdef", "secret"}}, "PathSecrets[1] has 6 bytes"},
		{"escaped secret in the path", all, receiver.Options{PathSecrets: []string{"0123456789/abcdef"}}, "'/'"},
		{"short secret in the query", all, receiver.Options{QuerySecrets: []string{"secret"}}, "QuerySecrets[0] has 6 bytes"},
		{"negative size", all, with(func(o *receiver.Options) { o.MaxBytes = -1 }), "MaxBytes"},
		{"negative time", all, with(func(o *receiver.Options) { o.ReadTimeout = -1 }), "ReadTimeout"},
		{"no such acceptance", all, with(func(o *receiver.Options) { o.Accept = 3 }), "Acceptance(3)"},
		{"canonical and documented", all, with(func(o *receiver.Options) { o.AcceptCanonical, o.Accept = true, receiver.AcceptDocumented }), "set it without AcceptCanonical"},
		{"canonical and schemas", all, with(func(o *receiver.Options) { o.AcceptCanonical, o.Schemas = true, []*conformance.Schema{{}} }), "set them without AcceptCanonical"},
		{"invalid payloads have no handler", noUnknown, with(func(o *receiver.Options) { o.Accept = receiver.AcceptAll }), "set Handlers.Unknown"},
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
