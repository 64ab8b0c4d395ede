package emitter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An Outcome says how an attempt ended.
type Outcome string

// The outcomes. If there was an answer, its status and Retry-After decide.
const (
	// Accepted: the answer is 2xx. The event is delivered, even if the rest of
	// the answer broke off.
	Accepted Outcome = "accepted"
	// Deferred: the answer is 429 or 503, and its Retry-After says when to try
	// again.
	Deferred Outcome = "deferred"
	// Gone: the answer is 410. The endpoint wants no more events, and should
	// be disabled.
	Gone Outcome = "gone"
	// Refused: any other answer. Redirects are among them, as none is followed.
	Refused Outcome = "refused"
	// Unreachable: there was no answer. [Attempt.Phase] and [Attempt.Err] say
	// how far the attempt came. The endpoint may have received the event.
	Unreachable Outcome = "unreachable"
	// Blocked: the guard let none of the host's addresses pass, so nothing was
	// sent. [Attempt.Err] is a *[BlockedError] about one of them.
	Blocked Outcome = "blocked"
)

// A Phase is a part of an attempt.
type Phase string

// The phases, in their order. Resolving is skipped if the host is an address,
// Securing for http, and both and Connecting if a connection is reused.
const (
	// Proxying is reaching the [Client.Proxy]. An attempt that ended here is no
	// fault of the endpoint's. With a proxy, Connecting is the proxy's connecting
	// to the endpoint.
	Proxying Phase = "proxying"

	Resolving  Phase = "resolving"  // the name of the host
	Connecting Phase = "connecting" // to one of its addresses
	Securing   Phase = "securing"   // the connection, by TLS
	Sending    Phase = "sending"    // the request
	Waiting    Phase = "waiting"    // for the head of the answer
)

// An Attempt is the record of one attempt. Location, Answer, and what Err quotes come from
// the endpoint: they may hold anything, even parts of the request.
type Attempt struct {
	// EventID is the id that was sent as webhook-id.
	EventID string
	// At is when the attempt started; its seconds were sent as
	// webhook-timestamp.
	At time.Time

	// Outcome is empty only if [Client.Send] returned an error.
	Outcome Outcome

	// Status is the answer's, or 0 if there was no answer.
	Status int
	// RetryAfter is how long the endpoint asks to wait, counted from its answer, at most
	// [MaxRetryAfter]. It is 0 unless the outcome is [Deferred].
	RetryAfter time.Duration
	// Location is where a redirect (3xx) points to, as it was written.
	Location string
	// Answer is the answer's body, or the start of it if Truncated.
	Answer    []byte
	Truncated bool

	// Phase is where an attempt without an answer ended.
	Phase Phase
	// RequestHeader is the header of the request as it was sent, without Host and
	// Content-Length. Header is that of the answer, and nil if there was none. Both may
	// hold secrets: those of the endpoint's own headers, and whatever it answers.
	RequestHeader http.Header
	Header        http.Header

	// Err says why there was no answer. Together with a Status it says why the answer's
	// body broke off, which doesn't change the outcome.
	Err error

	// Remote is the address that was connected to, or the last that was tried.
	// With a proxy it is that of the proxy.
	Remote netip.AddrPort
	// Reused says that the connection was one of an earlier attempt.
	Reused  bool
	Timings Timings
}

// Timings say how long an attempt took. DNS, Connect and TLS are the time of
// that phase alone, or 0 if the phase was skipped or didn't end. With a proxy,
// Connect includes reaching it.
type Timings struct {
	DNS     time.Duration
	Connect time.Duration
	TLS     time.Duration
	// FirstByte is from the start of the attempt to that of the answer.
	FirstByte time.Duration
	// Total is from the start of the attempt to the end of the answer, or of
	// what was read of it.
	Total time.Duration
}

// String returns a line that says how the attempt ended, such as "500: refused". It is fit
// for logs: it quotes nothing that the endpoint sent, as that may echo the secret parts of
// a URL.
func (a Attempt) String() string {
	switch {
	case a.Outcome == "":
		return "no outcome"
	case a.Status == 0:
		return fmt.Sprintf("%s while %s: %s", a.Outcome, a.Phase, a.reason())
	case a.Outcome == Deferred:
		return fmt.Sprintf("%d: %s for %v", a.Status, a.Outcome, a.RetryAfter)
	case a.Status/100 == 3:
		return fmt.Sprintf("%d: %s, as redirects are not followed", a.Status, a.Outcome)
	}
	return fmt.Sprintf("%d: %s", a.Status, a.Outcome)
}

// reason is the text of Err, but for what may quote an answer. It is fit to be
// shown: a certificate may have names of any length, and any characters in them.
func (a Attempt) reason() string {
	answering := a.Phase == Sending || a.Phase == Waiting // so somebody has seen the request
	_, ofNetwork := errors.AsType[*net.OpError](a.Err)
	if answering && !ofNetwork && !errors.Is(a.Err, context.DeadlineExceeded) && !errors.Is(a.Err, io.EOF) {
		return "the answer can't be used"
	}
	text := fmt.Sprint(a.Err)
	const most = 300
	if len(text) > most || strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) }) {
		text = fmt.Sprintf("%.*q", most, text)
	}
	return text
}

// judge sets what follows from the head of an answer.
func (a *Attempt) judge(resp *http.Response, now time.Time) {
	a.Status, a.Header = resp.StatusCode, resp.Header
	if a.Status/100 == 3 {
		a.Location = resp.Header.Get("Location")
	}
	a.Outcome = Refused
	switch {
	case a.Status/100 == 2:
		a.Outcome = Accepted
	case a.Status == http.StatusGone:
		a.Outcome = Gone
	case a.Status == http.StatusTooManyRequests, a.Status == http.StatusServiceUnavailable:
		if wait, ok := parseRetryAfter(resp.Header.Get("Retry-After"), now); ok {
			a.Outcome, a.RetryAfter = Deferred, wait
		}
	}
}

// MaxRetryAfter is the longest wait that an endpoint can ask for. A longer
// Retry-After is cut to it, so that no endpoint can park its events for years.
const MaxRetryAfter = 24 * time.Hour

// parseRetryAfter takes seconds or an HTTP-date (RFC 9110, section 10.2.3), and
// returns how long to wait from now: from 0 to [MaxRetryAfter].
func parseRetryAfter(value string, now time.Time) (wait time.Duration, ok bool) {
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseUint(value, 10, 64)
		if err != nil || seconds > uint64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter, true // out of range is the only error that digits can have
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter), true
}

// A proxyError says that a proxy didn't do what it was asked for.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	switch {
	case e.status == http.StatusProxyAuthRequired:
		return "the proxy asks for other credentials (407)"
	case ofEndpoint(e.status):
		return fmt.Sprintf("the proxy could not connect to the endpoint, or may not (%d)", e.status)
	}
	return fmt.Sprintf("the proxy does not do what it is asked for (%d)", e.status)
}

// ofEndpoint tells the answers to CONNECT that are about where it leads. Proxies also say
// 503 if an endpoint can't be reached.
func ofEndpoint(status int) bool {
	switch status {
	case http.StatusForbidden, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// A trace follows one attempt on its way. A connection that an attempt asked for
// may go on being made when the attempt is over, so it needs a lock.
type trace struct {
	start time.Time
	proxy bool // there is one

	mu        sync.Mutex
	phase     Phase
	toProxy   bool // what is connected to is the proxy
	tunneling bool // the proxy was asked to connect, and has not answered
	connected bool // a connection was got, so news of others are none
	remote    netip.AddrPort
	reused    bool
	timings   Timings
	failed    error // of an address that the guard let pass

	dnsStart, connectStart, tlsStart time.Time
}

func newTrace(proxy bool) *trace { return &trace{start: time.Now(), proxy: proxy, phase: Connecting} }

type traceKey struct{}

// in returns a context in which the trace follows a request.
func (t *trace) in(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(context.WithValue(ctx, traceKey{}, t), &httptrace.ClientTrace{
		GetConn:              t.getConn,
		TLSHandshakeStart:    t.tlsHandshakeStart,
		TLSHandshakeDone:     t.tlsHandshakeDone,
		GotConn:              t.gotConn,
		WroteRequest:         t.wroteRequest,
		GotFirstResponseByte: t.gotFirstResponseByte,
	})
}

// traceOf returns the trace of a context that comes from [trace.in].
func traceOf(ctx context.Context) *trace { return ctx.Value(traceKey{}).(*trace) }

// dialing returns a context in which the trace follows a dialer. What it needs is
// made for each connection, and not for each request.
func (t *trace) dialing(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     t.dnsStarted,
		DNSDone:      t.dnsDone,
		ConnectStart: t.connectStarted,
		ConnectDone:  t.connectDone,
	})
}

// record copies what is known so far to an attempt.
func (t *trace) record(a *Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a.Remote, a.Reused, a.Timings = t.remote, t.reused, t.timings
	a.Timings.Total = time.Since(t.start)
	if a.Status == 0 {
		a.Phase = t.phase
	}
}

// elsewhere returns why the last address that the guard let pass wasn't reached,
// and nil if it let none pass.
func (t *trace) elsewhere() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// connecting runs f, which is about the making of a connection, unless the
// attempt has one.
func (t *trace) connecting(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.connected {
		f()
	}
}

// getConn is called again where a connection turns out to be closed.
func (t *trace) getConn(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected, t.toProxy, t.tunneling, t.connectStart = false, t.proxy, false, time.Time{}
	t.enter(Connecting)
}

// enter sets the phase of what is connected to.
func (t *trace) enter(p Phase) {
	if t.toProxy {
		p = Proxying
	}
	t.phase = p
}

func (t *trace) dnsStarted(httptrace.DNSStartInfo) {
	t.connecting(func() {
		t.enter(Resolving)
		t.dnsStart = time.Now()
	})
}

func (t *trace) dnsDone(httptrace.DNSDoneInfo) {
	t.connecting(func() {
		if !t.toProxy {
			t.timings.DNS = time.Since(t.dnsStart)
		}
	})
}

// connectStarted is called for each address that is tried.
func (t *trace) connectStarted(_, addr string) {
	t.connecting(func() {
		if t.connectStart.IsZero() {
			t.connectStart = time.Now()
		}
		t.enter(Connecting)
		t.remote, _ = netip.ParseAddrPort(addr)
	})
}

func (t *trace) connectDone(_, addr string, err error) {
	t.connecting(func() {
		if err == nil {
			t.remote, _ = netip.ParseAddrPort(addr)
			t.timings.Connect = time.Since(t.connectStart)
		} else if _, blocked := errors.AsType[*BlockedError](err); !blocked {
			t.failed = err
		}
	})
}

// asked: the proxy is asked to connect to the endpoint.
func (t *trace) asked() {
	t.connecting(func() { t.toProxy, t.tunneling, t.phase = false, true, Connecting })
}

// proxyAnswered takes the status of the proxy's answer.
func (t *trace) proxyAnswered(status int) (err error) {
	if status != http.StatusOK {
		err = &proxyError{status: status}
	}
	t.connecting(func() {
		t.tunneling = false
		switch {
		case err == nil:
			t.timings.Connect = time.Since(t.connectStart)
		case !ofEndpoint(status):
			t.phase = Proxying
		}
	})
	return err
}

// brokeOff: no time ran out and nothing was blocked, so if the proxy hasn't
// answered by now, it broke off.
func (t *trace) brokeOff() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tunneling {
		t.phase = Proxying
	}
}

func (t *trace) proxyFailed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = Proxying
}

func (t *trace) tlsHandshakeStart() {
	t.connecting(func() {
		t.enter(Securing)
		t.tlsStart = time.Now()
	})
}

func (t *trace) tlsHandshakeDone(_ tls.ConnectionState, err error) {
	t.connecting(func() {
		if err == nil && !t.toProxy {
			t.timings.TLS = time.Since(t.tlsStart)
		}
	})
}

func (t *trace) gotConn(info httptrace.GotConnInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected, t.phase, t.reused = true, Sending, info.Reused
	if tcp, ok := info.Conn.RemoteAddr().(*net.TCPAddr); ok {
		at := tcp.AddrPort()
		t.remote = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	}
}

func (t *trace) wroteRequest(info httptrace.WroteRequestInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if info.Err == nil {
		t.phase = Waiting
	}
}

func (t *trace) gotFirstResponseByte() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase, t.timings.FirstByte = Waiting, time.Since(t.start)
}
