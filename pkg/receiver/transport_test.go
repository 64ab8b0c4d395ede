package receiver_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/signature"
)

// A host is a receiver behind a real server on loopback. What its handler gets
// goes to payloads.
type host struct {
	*httptest.Server
	payloads  chan []byte
	decisions chan receiver.Decision
}

func serve(t *testing.T, options receiver.Options) *host {
	t.Helper()
	h := &host{payloads: make(chan []byte, 1000), decisions: make(chan receiver.Decision, 1000)}
	options.InsecureNoAuthentication = true
	options.Logger = slog.New(slog.DiscardHandler)
	options.Observer = func(_ context.Context, d *receiver.Decision) { h.decisions <- *d }
	rc, err := receiver.New(receiver.Handlers{
		Event: func(_ context.Context, d *receiver.Delivery) error {
			h.payloads <- d.Payload
			return nil
		},
	}, options)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/events", rc)
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.Handle(fmt.Sprintf("/moved/%d", status), http.RedirectHandler("/events", status))
	}
	h.Server = httptest.NewUnstartedServer(mux)
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// reached gives what has reached the handler so far. It is complete once the
// answer is there.
func (h *host) reached() (payloads [][]byte) {
	for {
		select {
		case p := <-h.payloads:
			payloads = append(payloads, p)
		default:
			return payloads
		}
	}
}

// A client is a connection that says what it is told to, byte by byte. It gives
// up in time where a server hangs.
type client struct {
	t *testing.T
	net.Conn
	answers *bufio.Reader
}

func (h *host) dial(t *testing.T) *client {
	t.Helper()
	conn, err := net.Dial("tcp", h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) say(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads one answer, to a request of the method.
func (c *client) hear(method string) (*http.Response, string) {
	c.t.Helper()
	answer, err := http.ReadResponse(c.answers, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatalf("the answer's body: %v", err)
	}
	return answer, string(body)
}

// closed waits until the server closes the connection.
func (c *client) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.answers); len(rest) > 0 || isTimeout(err) {
		c.t.Errorf("the connection is open: %q, %v", rest, err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

const head = "POST /events HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"

// TestTransport sends what senders, networks and enemies send.
func TestTransport(t *testing.T) {
	completed := string(vector(t, "page.run-completed"))
	half := completed[:len(completed)/2]
	chunks := func(text string, size int) string {
		var b strings.Builder
		for ; text != ""; text = text[min(size, len(text)):] {
			chunk := text[:min(size, len(text))]
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		return b.String()
	}
	withLength := func(n int, body string) string {
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, n, body)
	}
	const chunked = head + "Transfer-Encoding: chunked\r\n\r\n"

	tests := []struct {
		name     string
		request  string
		half     bool  // nothing follows, and the client says so
		statuses []int // of the answers, in order
		reached  []string
		open     bool // the connection can still be used
		method   string
	}{
		{name: "plain", request: withLength(len(completed), completed), statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "HTTP/1.0", request: strings.Replace(withLength(len(completed), completed), "1.1", "1.0", 1), statuses: []int{204}, reached: []string{completed}},
		{name: "chunked", request: chunked + chunks(completed, 100) + "0\r\n\r\n", statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "chunked by the byte", request: chunked + chunks(completed, 1) + "0\r\n\r\n", statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "chunked with trailers", request: head + "Trailer: Content-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(completed, 100) + "0\r\nContent-Encoding: br\r\n\r\n", statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "chunked without an end", request: chunked + chunks(completed, 100), half: true, statuses: []int{400}},
		{name: "chunk of no size", request: chunked + "zz\r\n" + completed, statuses: []int{400}},
		{name: "chunk with a wrong size", request: chunked + "10\r\n" + completed + "\r\n0\r\n\r\n", statuses: []int{400}},

		{name: "half the body", request: withLength(len(completed), half), half: true, statuses: []int{400}},
		{name: "no body", request: withLength(len(completed), ""), half: true, statuses: []int{400}},
		{name: "length 0", request: withLength(0, ""), statuses: []int{422}, open: true},
		// What is too much is taken for the next request.
		{name: "length too small", request: withLength(len(half), completed), statuses: []int{422, 400}},
		{name: "length that is no number", request: head + "Content-Length: ten\r\n\r\n" + completed, statuses: []int{400}},
		{name: "negative length", request: withLength(-1, completed), statuses: []int{400}},
		{name: "length beyond 64 bits", request: head + "Content-Length: 99999999999999999999\r\n\r\n" + completed, statuses: []int{400}},
		{name: "two lengths", request: head + "Content-Length: 10\r\nContent-Length: 20\r\n\r\n" + completed, statuses: []int{400}},
		{name: "a length of terabytes", request: head + "Content-Length: 4398046511104\r\n\r\n" + half, statuses: []int{413}},
		// RFC 9112, section 6.3: the chunks count.
		{name: "length and chunks", request: head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(completed, 100) + "0\r\n\r\n", statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "an unknown transfer coding", request: head + "Transfer-Encoding: gzip\r\n\r\n" + completed, statuses: []int{501}},

		{
			name:     "pipelined",
			request:  withLength(len(completed), completed) + strings.Replace(withLength(0, ""), "POST", "GET", 1) + withLength(2, "{}") + chunked + chunks(completed+" ", 100) + "0\r\n\r\n",
			statuses: []int{204, 405, 422, 204}, reached: []string{completed, completed + " "}, open: true,
		},
		{name: "pipelined duplicates", request: strings.Repeat(withLength(len(completed), completed), 10), statuses: []int{204, 200, 200, 200, 200, 200, 200, 200, 200, 200}, reached: []string{completed}, open: true},
		{name: "100,000 headers", request: strings.Replace(withLength(len(completed), completed), "\r\n", "\r\n"+strings.Repeat("X-Abcde: f\r\n", 100_000), 1), statuses: []int{431}},
		{name: "400 headers, of the 500 that net/http allows since Go 1.27", request: strings.Replace(withLength(len(completed), completed), "\r\n", "\r\n"+strings.Repeat("A: b\r\n", 400), 1), statuses: []int{204}, reached: []string{completed}, open: true},
		{name: "a header of a megabyte", request: head + "X-A: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", statuses: []int{431}},
		{name: "HEAD", method: "HEAD", request: "HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n", statuses: []int{405}, open: true},
		{name: "OPTIONS", request: "OPTIONS /events HTTP/1.1\r\nHost: h\r\n\r\n", statuses: []int{405}, open: true},
		{name: "not HTTP", request: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", statuses: []int{400}},
		{name: "refused while the body is on its way", request: strings.Replace(withLength(len(completed), half), "application/json", "text/plain", 1), statuses: []int{415}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, receiver.Options{})
			c := h.dial(t)
			go func() {
				// An error means that the server doesn't read on, as it may.
				_, _ = io.WriteString(c, test.request)
				if test.half {
					_ = c.Conn.(*net.TCPConn).CloseWrite()
				}
			}()
			var statuses []int
			for range test.statuses {
				answer, body := c.hear(test.method)
				statuses = append(statuses, answer.StatusCode)
				if answer.StatusCode >= 300 && body == "" && test.method != "HEAD" {
					t.Errorf("%s says nothing", answer.Status)
				}
			}
			if diff := cmp.Diff(test.statuses, statuses); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			var reached []string
			for _, payload := range h.reached() {
				reached = append(reached, string(payload))
			}
			if diff := cmp.Diff(test.reached, reached); diff != "" {
				t.Errorf("what reached the handler (-want +got):\n%s", diff)
			}
			if !test.open {
				if test.name == "refused while the body is on its way" {
					c.Conn.(*net.TCPConn).CloseWrite()
				}
				c.closed()
				return
			}
			c.say("%sContent-Length: 2\r\n\r\n{}", head)
			if answer, _ := c.hear("POST"); answer.StatusCode != 422 {
				t.Errorf("the next request: %s", answer.Status)
			}
		})
	}
}

// TestExpectContinue: a sender that asks first is told to go on, or is refused
// before it sends the body.
func TestExpectContinue(t *testing.T) {
	completed := string(vector(t, "page.run-completed"))
	h := serve(t, receiver.Options{})
	asks := func(head string, length int) *client {
		c := h.dial(t)
		c.say("%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", head, length)
		return c
	}

	c := asks(head, len(completed))
	if answer, _ := c.hear("POST"); answer.StatusCode != http.StatusContinue {
		t.Fatalf("%s, want 100", answer.Status)
	}
	c.say("%s", completed)
	if answer, _ := c.hear("POST"); answer.StatusCode != http.StatusNoContent {
		t.Errorf("%s, want 204", answer.Status)
	}

	c = asks(head, 1<<30)
	if answer, _ := c.hear("POST"); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %s, want 413", answer.Status)
	}
	c.closed()

	c = asks(strings.Replace(head, "json", "pdf", 1), len(completed))
	if answer, _ := c.hear("POST"); answer.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("of another type: %s, want 415", answer.Status)
	}
	c.closed()
}

// TestMiddleware: what reads the body in front of the receiver is to blame, and
// not the sender, unless it puts the body back.
func TestMiddleware(t *testing.T) {
	completed := vector(t, "rule.status-success")
	secret := signature.NewSecret()
	rc, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
		Logger:   slog.New(slog.DiscardHandler), Deduplicator: again{},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name       string
		middleware func(r *http.Request)
		chunked    bool
		status     int
		detail     string
	}{
		{"leaves it alone", func(*http.Request) {}, false, 204, ""},
		{"reads it", func(r *http.Request) { io.ReadAll(r.Body) }, false, 400, fmt.Sprintf("could read 0 of the %d bytes", len(completed))},
		{"reads its start", func(r *http.Request) { io.CopyN(io.Discard, r.Body, 100) }, false, 400, fmt.Sprintf("could read %d of the %d bytes", len(completed)-100, len(completed))},
		{"reads and closes it", func(r *http.Request) { io.ReadAll(r.Body); r.Body.Close() }, false, 400, "has closed the body"},
		{"reads chunks", func(r *http.Request) { io.ReadAll(r.Body) }, true, 401, "the body is empty"},
		{"puts it back", func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}, false, 204, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				test.middleware(r)
				rc.ServeHTTP(w, r)
			}))
			defer server.Close()
			request := receivertest.Signed(t, secret, completed)
			sent, err := http.NewRequest(http.MethodPost, server.URL, request.Body)
			if err != nil {
				t.Fatal(err)
			}
			sent.Header = request.Header
			if !test.chunked {
				sent.ContentLength = int64(len(completed))
			}
			answer, err := server.Client().Do(sent)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != test.status || !strings.Contains(string(body), test.detail) {
				t.Errorf("%s, want %d with %q; %v; %s", answer.Status, test.status, test.detail, err, body)
			}
		})
	}
}

// TestRedirects follows redirects as the platform's HTTP client does: after a
// 301, 302 or 303 by an empty GET, which must not count as a delivery.
func TestRedirects(t *testing.T) {
	completed := vector(t, "page.run-completed")
	for status, want := range map[int]int{301: 405, 302: 405, 303: 405, 307: 204, 308: 204} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			h := serve(t, receiver.Options{})
			answer, err := h.Client().Post(fmt.Sprintf("%s/moved/%d", h.URL, status), "application/json", bytes.NewReader(completed))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil || answer.StatusCode != want {
				t.Errorf("status %d, want %d; %v", answer.StatusCode, want, err)
			}
			if want == 405 && !strings.Contains(string(body), "a redirect on the way lost its body") {
				t.Errorf("the answer doesn't say why: %s", body)
			}
			if reached := len(h.reached()); reached != map[int]int{405: 0, 204: 1}[want] {
				t.Errorf("%d payloads reached the handler", reached)
			}
		})
	}
}

// TestRetries: an attempt that comes while the first is being handled is told to
// wait, and one that comes after it is told that all is done.
func TestRetries(t *testing.T) {
	completed := vector(t, "page.run-completed")
	entered, leave := make(chan struct{}), make(chan error)
	rc, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error {
			entered <- struct{}{}
			return <-leave
		},
	}, receiver.Options{InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(rc)
	defer server.Close()
	attempt := func() *http.Response {
		answer, err := server.Client().Post(server.URL, "application/json", bytes.NewReader(completed))
		if err != nil {
			t.Error(err)
			return new(http.Response)
		}
		answer.Body.Close()
		return answer
	}
	answers := make(chan *http.Response)
	first := func() { answers <- attempt() }

	go first()
	<-entered
	if answer := attempt(); answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("while it is handled: %s, Retry-After %q", answer.Status, answer.Header.Get("Retry-After"))
	}
	leave <- io.ErrUnexpectedEOF
	if answer := <-answers; answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("the handler failed, and the answer is %s", answer.Status)
	}
	go first()
	<-entered
	leave <- nil
	if answer := <-answers; answer.StatusCode != http.StatusNoContent {
		t.Errorf("the second attempt: %s", answer.Status)
	}
	if answer := attempt(); answer.StatusCode != http.StatusOK {
		t.Errorf("once it was handled: %s", answer.Status)
	}
}

// TestSlowBody: a body that doesn't come ends the request in time, by the
// receiver's own deadline, whatever the request.
func TestSlowBody(t *testing.T) {
	completed := string(vector(t, "page.run-completed"))
	h := serve(t, receiver.Options{ReadTimeout: 50 * time.Millisecond})
	for name, test := range map[string]struct {
		request string
		want    int
	}{
		"of a known length":  {fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(completed), completed[:100]), 408},
		"chunked":            {head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n", 408},
		"none at all":        {head + "Content-Length: 10\r\n\r\n", 408},
		"compressed":         {head + "Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n\x1f\x8b\x08", 408},
		"of a refused type":  {strings.Replace(head, "json", "pdf", 1) + "Content-Length: 10\r\n\r\n", 415},
		"of a refused chunk": {strings.Replace(head, "json", "pdf", 1) + "Transfer-Encoding: chunked\r\n\r\n", 415},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.dial(t)
			c.say("%s", test.request)
			if answer, body := c.hear("POST"); answer.StatusCode != test.want {
				t.Errorf("%s, want %d; %s", answer.Status, test.want, body)
			}
			c.closed()
		})
	}
	if reached := h.reached(); len(reached) > 0 {
		t.Errorf("%q reached the handler", reached)
	}
}

// TestSlowHandler: the deadline is the body's, and doesn't end a handler.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = time.Minute
		var ended error
		rc, err := receiver.New(receiver.Handlers{
			Event: func(ctx context.Context, _ *receiver.Delivery) error {
				select {
				case <-ctx.Done():
					ended = context.Cause(ctx)
				case <-time.After(10 * timeout):
				}
				return nil
			},
		}, receiver.Options{InsecureNoAuthentication: true, ReadTimeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		listener := &pipeListener{conns: make(chan net.Conn, 1)}
		listener.conns <- theirs
		server := &http.Server{Handler: rc}
		go server.Serve(listener)
		defer server.Close()
		c := &client{t, ours, bufio.NewReader(ours)}
		payload := vector(t, "page.run-completed")
		c.say("%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(payload), payload)
		if answer, _ := c.hear("POST"); ended != nil || answer.StatusCode != http.StatusNoContent {
			t.Errorf("%s; the handler's context ended: %v", answer.Status, ended)
		}
	})
}

// A pipeListener gives connections that need no network, so that a test's clock
// can be its own.
type pipeListener struct{ conns chan net.Conn }

func (l *pipeListener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *pipeListener) Close() error   { close(l.conns); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// TestSenderGoes: a sender that goes away before all is sent has sent nothing.
func TestSenderGoes(t *testing.T) {
	h := serve(t, receiver.Options{})
	c := h.dial(t)
	c.say("%sContent-Length: 1000\r\n\r\n{", head)
	if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil { // by a reset
		t.Fatal(err)
	}
	c.Close()
	if d := <-h.decisions; d.Disposition != receiver.Unreadable {
		t.Errorf("the decision is %s", d.Disposition)
	}
	if reached := h.reached(); len(reached) > 0 {
		t.Errorf("%q reached the handler", reached)
	}
}

// TestCancelled: an event whose sender has gone is not handled; it comes again.
func TestCancelled(t *testing.T) {
	var rec recorder
	rc := rec.receiver(t, receiver.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rc.ServeHTTP(httptest.NewRecorder(), post(vector(t, "page.run-completed")).WithContext(ctx))
	if len(rec.calls) > 0 || rec.decisions[0].Disposition != receiver.Abandoned {
		t.Errorf("called %q; decision %s", rec.calls, rec.decisions[0].Disposition)
	}
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, post(vector(t, "page.run-completed")))
	if w.Code != http.StatusNoContent {
		t.Errorf("the next attempt: status %d", w.Code)
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// TestBomb sends gigabytes of zeros, compressed to megabytes, several at a time,
// and watches the memory.
func TestBomb(t *testing.T) {
	const senders, limit = 8, 128 << 20
	h := serve(t, receiver.Options{})
	before := heap()
	peak := make(chan uint64)
	stop := make(chan struct{})
	go func() {
		var most uint64
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			most = max(most, heap())
			select {
			case <-stop:
				peak <- most
				return
			case <-ticker.C:
			}
		}
	}()
	var group sync.WaitGroup
	for range senders {
		group.Go(func() {
			r, w := io.Pipe()
			go func() {
				zip := gzip.NewWriter(w)
				_, err := io.CopyN(zip, zeros{}, 10<<30)
				w.CloseWithError(err)
			}()
			request, err := http.NewRequest(http.MethodPost, h.URL+"/events", r)
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Content-Encoding", "gzip")
			answer, err := h.Client().Do(request)
			if err != nil {
				return // the server hung up on us, as it may
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s, want 413", answer.Status)
			}
		})
	}
	group.Wait()
	close(stop)
	if most := <-peak; most > before+limit {
		t.Errorf("%d MB at most, from %d MB; want %d MB more at most", most>>20, before>>20, limit>>20)
	}
	for range senders {
		if d := <-h.decisions; d.Disposition != receiver.TooLarge {
			t.Errorf("the decision is %s", d.Disposition)
		}
	}
}

// heap gives the bytes that are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// A stuck body has one byte to give, and then nothing until it is released.
type stuck struct {
	reached *sync.WaitGroup
	release chan struct{}
	given   bool
}

func (s *stuck) Read(b []byte) (int, error) {
	if !s.given {
		s.given = true
		return copy(b, "{"), nil
	}
	s.reached.Done()
	<-s.release
	return 0, io.ErrUnexpectedEOF
}

func (s *stuck) Close() error { return nil }

// TestDeclaredSize: a length is no reason to take memory.
func TestDeclaredSize(t *testing.T) {
	const senders = 100
	rc, err := receiver.New((&recorder{}).handlers(), receiver.Options{
		InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	var reached, ended sync.WaitGroup
	release := make(chan struct{})
	for range senders {
		reached.Add(1)
		ended.Go(func() {
			r := post(nil)
			r.ContentLength = receiver.DefaultMaxBytes
			r.Body = &stuck{reached: &reached, release: release}
			w := httptest.NewRecorder()
			rc.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	reached.Wait()
	if grown := int64(heap()) - int64(before); grown > 64<<20 {
		t.Errorf("%d senders that send nothing take %d MB", senders, grown>>20)
	}
	close(release)
	ended.Wait()
}
