package emitter

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/signature"
)

func TestSend(t *testing.T) {
	c := newClient(t)
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Y", "z")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "thanks")
	}))
	t.Cleanup(server.Close)

	to := signedAt(server.URL + "/events?of=robot")
	to.Header = http.Header{"authorization": {"Bearer of good news"}}
	before := time.Now()
	a, err := c.Send(t.Context(), to, "evt_1", sample(t))
	if err != nil {
		t.Fatal(err)
	}
	if a.At.Before(before) || a.At.After(time.Now()) || a.EventID != "evt_1" {
		t.Errorf("the attempt is %#v", a)
	}
	if a.Outcome != Accepted || a.Status != 202 || string(a.Answer) != "thanks" || a.Truncated || a.Err != nil {
		t.Errorf("the attempt is %#v", a)
	}
	if a.Remote.String() != server.Listener.Addr().String() || a.Reused {
		t.Errorf("the attempt is %#v", a)
	}
	if a.Timings.Connect <= 0 || a.Timings.FirstByte < a.Timings.Connect || a.Timings.Total < a.Timings.FirstByte ||
		a.Timings.DNS != 0 || a.Timings.TLS != 0 {
		t.Errorf("the timings are %+v", a.Timings)
	}

	if !bytes.Equal(body, sample(t)) {
		t.Errorf("the body is %q", body)
	}
	verifier := signature.Verifier{Secrets: []signature.Secret{secret}}
	if _, err := verifier.Verify(got.Header, body); err != nil {
		t.Error(err)
	}
	if got.Method != "POST" || got.RequestURI != "/events?of=robot" || got.ContentLength != int64(len(body)) {
		t.Errorf("the request is %s %s, with %d bytes", got.Method, got.RequestURI, got.ContentLength)
	}
	if diff := cmp.Diff(http.Header{"Content-Length": {"6"}, "Content-Type": {"text/plain"}, "X-Y": {"z"}}, a.Header); diff != "" {
		t.Errorf("header of the answer (-want +got):\n%s", diff)
	}
	got.Header.Del("Content-Length")
	if diff := cmp.Diff(got.Header, a.RequestHeader); diff != "" {
		t.Errorf("header as received and in the attempt (-received +attempt):\n%s", diff)
	}
	got.Header.Del(signature.HeaderSignature)
	want := http.Header{
		"Authorization":     {"Bearer of good news"},
		"Content-Type":      {"application/json"},
		"User-Agent":        {DefaultUserAgent},
		"Webhook-Id":        {"evt_1"},
		"Webhook-Timestamp": {fmt.Sprint(a.At.Unix())},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(http.Header{"authorization": {"Bearer of good news"}}, to.Header); diff != "" {
		t.Errorf("the endpoint was changed:\n%s", diff)
	}
}

func TestSendUnsigned(t *testing.T) {
	c := newClient(t)
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(server.Close)
	unsigned := Endpoint{URL: server.URL, Unsigned: true}
	a, err := c.Send(t.Context(), unsigned, "evt_1", sample(t))
	if err != nil || a.Outcome != Accepted {
		t.Fatal(a, err)
	}
	if got.Get(signature.HeaderID) != "evt_1" || got.Get(signature.HeaderTimestamp) == "" || got.Values(signature.HeaderSignature) != nil {
		t.Errorf("the header is %v", got)
	}
	if _, err := c.Send(t.Context(), unsigned, "evt.1", sample(t)); !errors.Is(err, signature.ErrHeaderMalformed) {
		t.Errorf("with the id evt.1 the error is %v", err)
	}
}

// TestOutcomes is at midnight UTC on 1 January 2000, when each bubble starts.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		status     int
		retryAfter string
		want       Outcome
		wait       time.Duration
	}{
		{status: 200, want: Accepted},
		{status: 201, want: Accepted},
		{status: 202, want: Accepted},
		{status: 204, want: Accepted},
		{status: 208, want: Accepted},
		{status: 299, want: Accepted},
		{status: 200, retryAfter: "5", want: Accepted},
		{status: 300, want: Refused},
		{status: 304, want: Refused},
		{status: 400, want: Refused},
		{status: 401, want: Refused},
		{status: 404, want: Refused},
		{status: 405, want: Refused},
		{status: 407, want: Refused},
		{status: 408, want: Refused},
		{status: 409, want: Refused},
		{status: 410, want: Gone},
		{status: 410, retryAfter: "5", want: Gone},
		{status: 413, retryAfter: "5", want: Refused},
		{status: 421, want: Refused},
		{status: 422, want: Refused},
		{status: 425, want: Refused},
		{status: 429, want: Refused},
		{status: 429, retryAfter: "0", want: Deferred},
		{status: 429, retryAfter: "120", want: Deferred, wait: 2 * time.Minute},
		{status: 429, retryAfter: "soon", want: Refused},
		{status: 500, want: Refused},
		{status: 502, want: Refused},
		{status: 503, want: Refused},
		{status: 503, retryAfter: "Sat, 01 Jan 2000 00:01:00 GMT", want: Deferred, wait: time.Minute},
		{status: 503, retryAfter: "Fri, 31 Dec 1999 23:00:00 GMT", want: Deferred},
		{status: 503, retryAfter: "-1", want: Refused},
		{status: 503, retryAfter: "99999999999999999999999", want: Deferred, wait: MaxRetryAfter},
		{status: 504, want: Refused},
		{status: 999, want: Refused},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, test.retryAfter), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(Client)
				inMemory(c, func(w http.ResponseWriter, _ *http.Request) {
					if test.retryAfter != "" {
						w.Header().Set("Retry-After", test.retryAfter)
					}
					w.WriteHeader(test.status)
				})
				a, err := c.Send(t.Context(), signedAt("http://endpoint.test"), "evt_1", sample(t))
				if err != nil {
					t.Fatal(err)
				}
				if a.Outcome != test.want || a.RetryAfter != test.wait || a.Status != test.status || a.Phase != "" {
					t.Errorf("the attempt is %#v", a)
				}
			})
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{"/elsewhere", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "%zz"} {
			t.Run(fmt.Sprint(status, target), func(t *testing.T) {
				c := newClient(t)
				var requests atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					requests.Add(1)
					w.Header().Set("Location", target)
					w.WriteHeader(status)
				}))
				t.Cleanup(server.Close)
				a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t))
				if err != nil {
					t.Fatal(err)
				}
				if a.Outcome != Refused || a.Status != status || a.Location != target || requests.Load() != 1 {
					t.Errorf("%d requests; the attempt is %#v", requests.Load(), a)
				}
			})
		}
	}
}

func TestCallersMistakes(t *testing.T) {
	c := newClient(t)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("something was sent")
	}))
	t.Cleanup(server.Close)
	good := signedAt(server.URL)
	_, public := signature.NewKeyPair()
	endpoint := func(change func(*Endpoint)) Endpoint {
		to := good
		change(&to)
		return to
	}
	header := func(name, value string) Endpoint {
		return endpoint(func(to *Endpoint) { to.Header = http.Header{name: {value}} })
	}
	at := func(url string) Endpoint {
		return endpoint(func(to *Endpoint) { to.URL = url })
	}
	tests := []struct {
		name string
		to   Endpoint
		id   string
		want string
	}{
		{"no URL", at(""), "evt_1", `endpoint: the URL has scheme ""; it has to be https, or http`},
		{"no scheme", at("example.com/x"), "evt_1", `endpoint: the URL has scheme ""; it has to be https, or http`},
		{"other scheme", at("ftp://example.com/x"), "evt_1", `endpoint: the URL has scheme "ftp"; it has to be https, or http`},
		{"no secrets", endpoint(func(to *Endpoint) { to.Secrets = nil }), "evt_1",
			"endpoint: it has no secrets; add one, or say that it is to be unsigned"},
		{"secrets, unsigned", endpoint(func(to *Endpoint) { to.Unsigned = true }), "evt_1",
			"endpoint: it has secrets, and is to be unsigned; choose one"},
		{"public key", endpoint(func(to *Endpoint) { to.Secrets = []signature.Secret{public} }), "evt_1",
			"signature: unusable secret: number 1 of 1 is a public key, which can't sign"},
		{"expired", endpoint(func(to *Endpoint) { to.Secrets = []signature.Secret{secret.Until(time.Unix(1, 0))} }), "evt_1",
			"signature: no secret is in force to sign with, of 1"},
		{"no id", good, "", "signature: malformed header: Webhook-Id is empty"},
		{"id with a line", good, "a\r\nX: y", "signature: malformed header: Webhook-Id has 0x0d at byte 1; it takes visible ASCII only"},
		{"host", header("host", "x"), "evt_1", "endpoint: the header Host is set by the sender; leave it out"},
		{"content type", header("content-TYPE", "text/plain"), "evt_1", "endpoint: the header Content-Type is set by the sender; leave it out"},
		{"signature", header("webhook-signature", "v1,x"), "evt_1", "endpoint: the header Webhook-Signature is set by the sender; leave it out"},
		{"header's name", header("a b", "x"), "evt_1", `endpoint: "a b" is not the name of a header`},
		{"header's value", header("a", "x\r\nHost: y"), "evt_1", "endpoint: the value of the header A has a control character"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := c.Send(t.Context(), test.to, test.id, sample(t))
			if err == nil || err.Error() != test.want {
				t.Errorf("the error is\n\t%v, not\n\t%s", err, test.want)
			}
			if a.Outcome != "" {
				t.Errorf("the attempt is %#v", a)
			}
		})
	}
}

func TestPayloadsThatDontConform(t *testing.T) {
	c := newClient(t)
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	t.Cleanup(server.Close)
	tests := []struct {
		payload []byte
		want    string
	}{
		{nil, "the payload is invalid: 1:1: error: json.syntax: "},
		{[]byte("{}"), "the payload is invalid: 1:1: error: event.type-missing: "},
		{payload(t, "dialect.local-time"), "the payload deviates from the contract: "},
	}
	for _, test := range tests {
		_, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", test.payload)
		var refused *PayloadError
		if !errors.As(err, &refused) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("the error is %v", err)
			continue
		}
		if diff := cmp.Diff(conformance.Check(test.payload), refused.Report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	c.Unchecked = true
	for _, test := range tests {
		a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", test.payload)
		if err != nil || a.Outcome != Accepted {
			t.Errorf("unchecked, the attempt is %v, and the error %v", a, err)
		}
	}
}

func TestAttemptString(t *testing.T) {
	tests := []struct {
		a    Attempt
		want string
	}{
		{Attempt{Outcome: Accepted, Status: 202}, "202: accepted"},
		{Attempt{Outcome: Accepted, Status: 200, Err: io.ErrUnexpectedEOF}, "200: accepted"},
		{Attempt{Outcome: Refused, Status: 302, Location: "/hunter2"}, "302: refused, as redirects are not followed"},
		{Attempt{Outcome: Deferred, Status: 429, RetryAfter: time.Minute}, "429: deferred for 1m0s"},
		{Attempt{Outcome: Unreachable, Phase: Waiting, Err: io.EOF}, "unreachable while waiting: EOF"},
		{Attempt{Outcome: Unreachable, Phase: Waiting, Err: errors.New("malformed: hunter2")}, "unreachable while waiting: the answer can't be used"},
		{Attempt{Outcome: Unreachable, Phase: Securing, Err: errors.New("no TLS")}, "unreachable while securing: no TLS"},
		{Attempt{Outcome: Unreachable, Phase: Securing, Err: errors.New("valid for \x1b[31m\u202e")}, `unreachable while securing: "valid for \x1b[31m\u202e"`},
		{Attempt{Outcome: Unreachable, Phase: Securing, Err: errors.New(strings.Repeat("n", 9999))},
			`unreachable while securing: "` + strings.Repeat("n", 300) + `"`},
		{Attempt{Outcome: Unreachable, Phase: Connecting}, "unreachable while connecting: <nil>"},
		{Attempt{Outcome: Blocked, Phase: Connecting, Err: &BlockedError{netip.MustParseAddr("::1"), "loopback"}},
			"blocked while connecting: ::1 is not a public address: loopback"},
		{Attempt{}, "no outcome"},
	}
	for _, test := range tests {
		if got := test.a.String(); got != test.want {
			t.Errorf("%#v is %q, not %q", test.a, got, test.want)
		}
	}
}

func TestUserAgent(t *testing.T) {
	c := newClient(t)
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.UserAgent() }))
	t.Cleanup(server.Close)
	c.UserAgent = "Platform/1.0"
	if _, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t)); err != nil || got != c.UserAgent {
		t.Errorf("the User-Agent is %q, and the error %v", got, err)
	}
	c.UserAgent = "Platform\r\nX: y"
	if _, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t)); err == nil {
		t.Error("there is no error")
	}
}

func TestPayloadErrorCounts(t *testing.T) {
	err := &PayloadError{Report: conformance.Check([]byte(`{"event_type":"run_failed"}`))}
	if got := err.Error(); !strings.HasSuffix(got, " (and 2 more)") {
		t.Errorf("the error is %q", got)
	}
}

// What answers do to whoever reads them.
func TestHostileAnswers(t *testing.T) {
	const limit = 1000
	head := func(lines string) string { return "HTTP/1.1 200 OK\r\n" + lines + "\r\n" }
	say := func(text string) func(*net.TCPConn) {
		return func(conn *net.TCPConn) { io.WriteString(conn, text) }
	}
	sayAndHold := func(text string) func(*net.TCPConn) {
		return func(conn *net.TCPConn) { io.WriteString(conn, text); untilClosed(conn) }
	}
	forever := func(start, more string) func(*net.TCPConn) {
		return func(conn *net.TCPConn) {
			_, err := io.WriteString(conn, start)
			for err == nil {
				_, err = io.WriteString(conn, more)
			}
		}
	}
	reset := func(text string) func(*net.TCPConn) {
		return func(conn *net.TCPConn) {
			io.WriteString(conn, text)
			conn.SetLinger(0)
		}
	}
	long := strings.Repeat("x", 2*limit)
	var answering chan struct{} // gets one when the client sees an answer
	tests := []struct {
		name   string
		answer func(*net.TCPConn)
		want   Attempt // Err is any error
	}{
		{"endless body", forever(head(""), long),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte(long[:limit]), Truncated: true}},
		{"endless body in chunks", forever(head("Transfer-Encoding: chunked\r\n"), "3e8\r\n"+long[:limit]+"\r\n"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte(long[:limit]), Truncated: true}},
		{"body of exactly the limit", say(head("Content-Length: 1000\r\n") + long[:limit]),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte(long[:limit])}},
		{"body of one more", say(head("Content-Length: 1001\r\n") + long[:limit+1]),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte(long[:limit]), Truncated: true}},
		{"bomb", say(head("Content-Encoding: gzip\r\nContent-Length: 4\r\n") + "\x1f\x8b\x08\x00"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("\x1f\x8b\x08\x00")}},
		{"body shorter than its length", say(head("Content-Length: 10\r\n") + "abc"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("abc"), Truncated: true, Err: io.ErrUnexpectedEOF}},
		{"body longer than its length", say(head("Content-Length: 3\r\n") + "abcdef"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("abc")}},
		{"reset in the body", func(conn *net.TCPConn) {
			io.WriteString(conn, head("Content-Length: 10\r\n")+"abc")
			<-answering
			conn.SetLinger(0)
		}, Attempt{Outcome: Accepted, Status: 200, Answer: []byte("abc"), Truncated: true, Err: syscall.ECONNRESET}},
		{"chunk of no size", say(head("Transfer-Encoding: chunked\r\n") + "xyz\r\n"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte{}, Truncated: true, Err: errAny}},
		{"endless trailer", forever(head("Transfer-Encoding: chunked\r\n")+"1\r\nx\r\n0\r\n", "X-Filler: "+long+"\r\n"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("x"), Truncated: true, Err: errAny}},
		{"endless extension of a chunk", forever(head("Transfer-Encoding: chunked\r\n")+"1;", long),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte{}, Truncated: true, Err: errAny}},
		{"two lengths", say(head("Content-Length: 3\r\nContent-Length: 4\r\n") + "abc"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"no status", say("HTTP/1.1 000 Nothing\r\nContent-Length: 1\r\n\r\nx"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"length below zero", say(head("Content-Length: -1\r\n")),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"half a head, closed", say("HTTP/1.1 200 OK\r\nContent-"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"closed", func(*net.TCPConn) {},
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: io.EOF}},
		{"reset", reset(""),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"endless head", forever("HTTP/1.1 200 OK\r\n", "X-Filler: "+long+"\r\n"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"endless line", forever("HTTP/1.1 200 OK\r\nX-Filler: ", long),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"endless status", forever("HTTP/1.1 200 ", long),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"flood of 103", forever("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
		{"100 and 103, then an answer", say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + head("Content-Length: 0\r\n")),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte{}}},
		{"101", sayAndHold("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + long),
			Attempt{Outcome: Refused, Status: 101}},
		{"099", say("HTTP/1.1 099 Hm\r\n\r\n"),
			Attempt{Outcome: Refused, Status: 99, Answer: []byte{}}},
		{"no HTTP", say("SSH-2.0-OpenSSH_9.9\r\n"),
			Attempt{Outcome: Unreachable, Phase: Waiting, Err: errAny}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answering = make(chan struct{}, 1)
			c := newClient(t)
			c.MaxAnswer = limit
			url := serveRaw(t, func(_ int, conn *net.TCPConn) {
				if _, err := readRequest(conn); err == nil {
					test.answer(conn)
				}
			})
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() {
				select {
				case answering <- struct{}{}:
				default:
				}
			}})
			a, err := c.Send(ctx, signedAt(url), "evt_1", sample(t))
			if err != nil {
				t.Fatal(err)
			}
			if want := test.want.Err; want == nil && a.Err != nil || want == errAny && a.Err == nil || want != errAny && !errors.Is(a.Err, want) {
				t.Errorf("the attempt's error is %v, not %v", a.Err, want)
			}
			a.EventID, a.At, a.Remote, a.Timings, a.Err, test.want.Err = "", time.Time{}, netip.AddrPort{}, Timings{}, nil, nil
			a.RequestHeader, a.Header = nil, nil
			if diff := cmp.Diff(test.want, a, cmp.Comparer(func(x, y netip.AddrPort) bool { return x == y })); diff != "" {
				t.Errorf("attempt (-want +got):\n%s", diff)
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any error")

func TestAnswersBeforeTheRequestIsRead(t *testing.T) {
	c := newClient(t)
	url := serveRaw(t, func(_ int, conn *net.TCPConn) {
		conn.Read(make([]byte, 1))
		io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		untilClosed(conn)
	})
	a, err := c.Send(t.Context(), signedAt(url), "evt_1", payload(t, "size.1-mib-string"))
	if err != nil || a.Outcome != Refused || a.Status != 413 {
		t.Errorf("the attempt is %v, and the error %v", a, err)
	}
}

func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	refusing := closed.Addr().String()

	var plain *httptest.Server
	tests := []struct {
		name  string
		setUp func(t *testing.T, c *Client) (url string)
		phase Phase
	}{
		{"no such name", func(_ *testing.T, c *Client) string {
			c.Resolver = newResolver(func(string, bool) ([]netip.Addr, bool) { return nil, false })
			return "https://endpoint.test/"
		}, Resolving},
		{"name without address", func(_ *testing.T, c *Client) string {
			c.Resolver = newResolver(always())
			return "https://endpoint.test/"
		}, Resolving},
		{"resolver that hangs", func(t *testing.T, c *Client) string {
			over := make(chan struct{})
			t.Cleanup(func() { close(over) })
			c.Timeout = 50 * time.Millisecond
			c.Resolver = newResolver(func(string, bool) ([]netip.Addr, bool) { <-over; return nil, false })
			return "https://endpoint.test/"
		}, Resolving},
		{"connection refused", func(*testing.T, *Client) string {
			return "https://" + refusing
		}, Connecting},
		{"connection refused, by name", func(_ *testing.T, c *Client) string {
			c.Resolver = newResolver(always("127.0.0.1"))
			_, port, _ := net.SplitHostPort(refusing)
			return "https://endpoint.test:" + port
		}, Connecting},
		{"certificate of nobody", func(t *testing.T, _ *Client) string {
			server := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			return server.URL
		}, Securing},
		{"no TLS", func(t *testing.T, _ *Client) string {
			plain = httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(plain.Close)
			return strings.Replace(plain.URL, "http:", "https:", 1)
		}, Securing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t)
			a, err := c.Send(t.Context(), signedAt(test.setUp(t, c)), "evt_1", sample(t))
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome != Unreachable || a.Phase != test.phase || a.Err == nil || a.Status != 0 {
				t.Errorf("the attempt is %#v", a)
			}
			if a.Timings.Total <= 0 || test.phase != Resolving && !a.Remote.IsValid() {
				t.Errorf("the attempt is %#v", a)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			c := newClient(t)
			var got string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Proto
				echo(w, r)
			}))
			server.EnableHTTP2 = proto == "HTTP/2.0"
			server.StartTLS()
			t.Cleanup(server.Close)
			c.TLS = trusting(server)
			c.Resolver = newResolver(always("127.0.0.1"))
			_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
			for _, host := range []string{"example.com", "example.com."} { // of httptest's certificate
				a, err := c.Send(t.Context(), signedAt("https://"+host+":"+port), "evt_1", sample(t))
				if err != nil {
					t.Fatal(err)
				}
				if a.Outcome != Accepted || !bytes.Equal(a.Answer, sample(t)) || got != proto {
					t.Errorf("by %s the attempt is %#v", got, a)
				}
				if a.Timings.DNS <= 0 || a.Timings.Connect <= 0 || a.Timings.TLS <= 0 ||
					a.Timings.FirstByte < a.Timings.DNS+a.Timings.Connect+a.Timings.TLS {
					t.Errorf("the timings are %+v", a.Timings)
				}
			}
		})
	}
}

func TestHostileAnswersOfHTTP2(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    Attempt
	}{
		{"endless body", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1000)); err != nil {
					return
				}
			}
		}, Attempt{Outcome: Accepted, Status: 200, Truncated: true}},
		{"reset in the body", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, Attempt{Outcome: Refused, Status: 500, Truncated: true, Err: errAny}},
		{"reset", func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, Attempt{Outcome: Unreachable, Err: errAny}},
		{"huge head", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 10_000))
			}
		}, Attempt{Outcome: Unreachable, Err: errAny}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t)
			c.MaxAnswer = 1000
			server := httptest.NewUnstartedServer(test.handler)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			c.TLS = trusting(server)
			a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t))
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome != test.want.Outcome || a.Status != test.want.Status ||
				a.Truncated != test.want.Truncated || (a.Err == nil) != (test.want.Err == nil) {
				t.Errorf("the attempt is %#v", a)
			}
		})
	}
}

func trusting(server *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{RootCAs: roots}
}

func TestGivenUp(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) { testGivenUp(t, proto) })
	}
}

func testGivenUp(t *testing.T, proto string) {
	c := newClient(t)
	arrived := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // so that the server sees when the client has gone
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	server.EnableHTTP2 = proto == "HTTP/2.0"
	server.StartTLS()
	t.Cleanup(server.Close)
	c.TLS = trusting(server)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	a, err := c.Send(ctx, signedAt(server.URL), "evt_1", sample(t))
	if !errors.Is(err, context.Canceled) || a.Outcome != "" || a.Phase != Waiting && a.Phase != Sending {
		t.Errorf("the attempt is %#v, and the error %v", a, err)
	}

	if a, err := c.Send(ctx, signedAt(server.URL), "evt_1", sample(t)); !errors.Is(err, context.Canceled) || a.Outcome != "" {
		t.Errorf("with a ctx that is done, the attempt is %#v, and the error %v", a, err)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if a, err := c.Send(ctx, signedAt(server.URL), "evt_1", sample(t)); !errors.Is(err, context.DeadlineExceeded) || a.Outcome != "" {
		t.Errorf("with a deadline of the caller, the attempt is %#v, and the error %v", a, err)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	c := newClient(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) > 0 {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, strings.Repeat("x", DefaultMaxAnswer))
	}))
	t.Cleanup(server.Close)
	for i := range 3 {
		a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t))
		if err != nil || a.Reused != (i > 0) || a.Truncated {
			t.Errorf("attempt %d is %v, and the error %v", i, a, err)
		}
		if a.Reused && (a.Timings.Connect != 0 || !a.Remote.IsValid()) {
			t.Errorf("the attempt is %#v", a)
		}
	}
}

// The rest of an answer is read, too, if it isn't much, so that its connection can
// be used again.
func TestLongAnswers(t *testing.T) {
	for _, test := range []struct {
		length    int
		truncated bool
		reused    bool
	}{
		{0, false, true},
		{1, false, true},
		{999, false, true},
		{1000, false, true},
		{1001, true, true},
		{maxDropped, true, true},
		{4 << 20, true, false},
	} {
		c := newClient(t)
		c.MaxAnswer = 1000
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write(make([]byte, test.length))
		}))
		t.Cleanup(server.Close)
		for i := range 2 {
			a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t))
			if err != nil || a.Outcome != Accepted || a.Err != nil {
				t.Fatal(a, err)
			}
			if len(a.Answer) != min(test.length, 1000) || a.Truncated != test.truncated || a.Reused != (i > 0 && test.reused) {
				t.Errorf("of %d bytes, attempt %d has %d, truncated %t, reused %t", test.length, i, len(a.Answer), a.Truncated, a.Reused)
			}
		}
	}
}

// TestIdleConnections has a burst of attempts to one host, and then one to each of
// many hosts, and counts the connections that are kept.
func TestIdleConnections(t *testing.T) {
	c := newClient(t)
	c.MaxIdle, c.MaxIdlePerHost = 30, 20
	var open atomic.Int32
	var together sync.WaitGroup // so that there are as many connections as attempts
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c.Resolver = newResolver(always("127.0.0.1"))
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	// all makes n attempts at once, and returns how many reused a connection.
	all := func(n int, host func(i int) string) (reused int32) {
		together.Add(n)
		var count atomic.Int32
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				a, err := c.Send(t.Context(), signedAt("http://"+host(i)+":"+port), "evt_1", sample(t))
				if err != nil || a.Outcome != Accepted {
					t.Error(a, err)
				}
				if a.Reused {
					count.Add(1)
				}
			})
		}
		group.Wait()
		return count.Load()
	}
	settle := func(want int32) {
		t.Helper()
		deadline := time.Now().Add(10 * time.Second)
		for open.Load() != want {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections are open, not %d", open.Load(), want)
			}
			runtime.Gosched()
		}
	}
	one := func(int) string { return "endpoint.test" }
	all(40, one)
	settle(20)
	if reused := all(20, one); reused != 20 {
		t.Errorf("%d of 20 attempts reused a connection", reused)
	}
	settle(20)
	all(100, func(i int) string { return fmt.Sprintf("endpoint%d.test", i) })
	settle(30)
}

// An endpoint's timeout may be shorter or longer than the client's.
func TestEndpointTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{-1, 0, 5 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c := &Client{Timeout: 20 * time.Second}
			c.once.Do(c.setUp)
			c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go untilClosed(far)
				return near, nil
			}
			a, err := c.Send(t.Context(), Endpoint{URL: "http://endpoint.test", Unsigned: true, Timeout: timeout}, "evt_1", sample(t))
			want := timeout
			if timeout <= 0 {
				want = c.Timeout
			}
			if err != nil || a.Outcome != Unreachable || a.Timings.Total != want {
				t.Errorf("with a timeout of %v the attempt took %v, and is %v, and the error %v", timeout, a.Timings.Total, a, err)
			}
		})
	}
}

// A server that closes connections which it has kept is no reason for an attempt
// to fail; one that closes those that it has just got is.
func TestClosedConnections(t *testing.T) {
	c := newClient(t)
	var mu sync.Mutex
	var ids []string
	url := serveRaw(t, func(n int, conn *net.TCPConn) {
		answered := false
		for {
			r, err := readRequest(conn)
			if err != nil {
				return
			}
			mu.Lock()
			ids = append(ids, r.Header.Get(signature.HeaderID))
			mu.Unlock()
			if answered || n > 2 {
				return
			}
			io.WriteString(conn, "HTTP/1.1 204 Fine\r\n\r\n")
			answered = true
		}
	})
	for range 2 {
		a, err := c.Send(t.Context(), signedAt(url), "evt_1", sample(t))
		if err != nil || a.Outcome != Accepted || a.Reused {
			t.Errorf("the attempt is %#v, and the error %v", a, err)
		}
	}
	c.CloseIdleConnections()
	a, err := c.Send(t.Context(), signedAt(url), "evt_1", sample(t))
	if err != nil || a.Outcome != Unreachable {
		t.Errorf("the attempt is %#v, and the error %v", a, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"evt_1", "evt_1", "evt_1", "evt_1"}, ids); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // before the first write, as HTTP/1.1 is no duplex
	w.Write(body)
}

func TestManyAtOnce(t *testing.T) {
	c := newClient(t)
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 10 {
				a, err := c.Send(t.Context(), signedAt(server.URL), "evt_1", sample(t))
				if err != nil || !bytes.Equal(a.Answer, sample(t)) {
					t.Errorf("the attempt is %#v, and the error %v", a, err)
				}
			}
		})
	}
	group.Wait()
}

func TestNoProxy(t *testing.T) {
	c := newClient(t)
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a proxy was used") }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	c.Resolver = newResolver(always("127.0.0.1")) // by a name, as proxies from the environment are not for loopback
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Send(t.Context(), signedAt("http://endpoint.test:"+at.Port()), "evt_1", sample(t))
	if err != nil || a.Outcome != Accepted || a.Timings.DNS <= 0 {
		t.Errorf("the attempt is %v, and the error %v", a, err)
	}
}

// BenchmarkSend compares Send, as a service uses it for payloads that it judged
// when they were published, with a client that does nothing but POST the bytes.
func BenchmarkSend(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1024)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }))
	b.Cleanup(server.Close)
	c := &Client{Guard: loopback, Unchecked: true}
	b.Cleanup(c.CloseIdleConnections)
	to := signedAt(server.URL)
	b.Run("bare", func(b *testing.B) {
		client := server.Client()
		b.ReportAllocs()
		for b.Loop() {
			resp, err := client.Post(server.URL, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
	b.Run("Send", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if a, err := c.Send(b.Context(), to, "evt_1", body); err != nil || a.Outcome != Accepted {
				b.Fatal(a, err)
			}
		}
	})
}

func TestSendRequest(t *testing.T) {
	c := newClient(t)
	c.UserAgent = "not sent"
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(server.Close)

	header := http.Header{"Webhook-Id": {"evt.1"}, "Webhook-Signature": {"v1,x", "v1,y"}, "x-a": {"b"}}
	a, err := c.SendRequest(t.Context(), Request{URL: server.URL + "/in", Header: header, Body: []byte("no JSON")})
	if err != nil || a.Outcome != Accepted || a.EventID != "evt.1" {
		t.Fatal(a, err)
	}
	want := http.Header{"Content-Length": {"7"}, "Webhook-Id": {"evt.1"}, "Webhook-Signature": {"v1,x", "v1,y"}, "X-A": {"b"}}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if got.Method != http.MethodPost || got.URL.Path != "/in" || string(body) != "no JSON" {
		t.Errorf("the request is %s %s %q", got.Method, got.URL, body)
	}
	if _, err := c.SendRequest(t.Context(), Request{Method: http.MethodGet, URL: server.URL, Header: http.Header{"User-Agent": {"x"}}}); err != nil || got.Method != http.MethodGet || got.UserAgent() != "x" {
		t.Errorf("the request is %s by %q, %v", got.Method, got.UserAgent(), err)
	}

	for _, tt := range []struct {
		r    Request
		want string
	}{
		{Request{URL: "ftp://a.test"}, "scheme"},
		{Request{URL: server.URL, Method: "GET /"}, "is not a method"},
		{Request{URL: server.URL, Header: http.Header{"Host": {"a"}}}, "set by the connection"},
		{Request{URL: server.URL, Header: http.Header{"content-length": {"1"}}}, "set by the connection"},
		{Request{URL: server.URL, Header: http.Header{"A B": {"a"}}}, "is not the name of a header"},
		{Request{URL: server.URL, Header: http.Header{"A": {"a\nb"}}}, "control character"},
	} {
		_, err := c.SendRequest(t.Context(), tt.r)
		if _, ok := errors.AsType[*EndpointError](err); !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.r, err, tt.want)
		}
	}
	if _, err := new(Client).SendRequest(t.Context(), Request{URL: server.URL}); err != nil {
		t.Error(err)
	}
	if a, _ := new(Client).SendRequest(t.Context(), Request{URL: server.URL}); a.Outcome != Blocked {
		t.Errorf("the guard is %s", a.Outcome)
	}
}
