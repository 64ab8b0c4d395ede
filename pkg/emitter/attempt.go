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

// An Outcome is what came of an attempt.
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
	Resolving  Phase = "resolving"  // the name of the host
	Connecting Phase = "connecting" // to one of its addresses
	Securing   Phase = "securing"   // the connection, by TLS
	Sending    Phase = "sending"    // the request
	Waiting    Phase = "waiting"    // for the head of the answer
)

// An Attempt is the record of one attempt. Location, Answer, and what Err quotes
// come from the endpoint: they may hold anything, and parts of the request, too.
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
	// RetryAfter is how long the endpoint asks to wait, counted from its
	// answer, at most [MaxRetryAfter]. It is 0 but for [Deferred].
	RetryAfter time.Duration
	// Location is where a redirect (3xx) points to, as it was written.
	Location string
	// Answer is the answer's body, or the start of it if Truncated.
	Answer    []byte
	Truncated bool

	// Phase is where an attempt without an answer ended.
	Phase Phase
	// Err says why there was no answer. Beside a Status it says why the
	// answer's body broke off, which doesn't change the outcome.
	Err error

	// Remote is the address that was connected to, or the last that was tried.
	Remote netip.AddrPort
	// Reused says that the connection was one of an earlier attempt.
	Reused  bool
	Timings Timings
}

// Timings say how long an attempt took. DNS, Connect and TLS are the time of
// that phase alone, or 0 if the phase was skipped or didn't end.
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

// String returns a line that says what came of the attempt, such as "500:
// refused". It is fit for logs: it quotes nothing that the endpoint sent, as that
// may echo the secret parts of a URL.
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
	a.Status = resp.StatusCode
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

// A trace follows one attempt on its way. A connection that an attempt asked for
// may go on being made when the attempt is over, so it needs a lock.
type trace struct {
	start time.Time

	mu        sync.Mutex
	phase     Phase
	connected bool // a connection was got, so news of others are none
	remote    netip.AddrPort
	reused    bool
	timings   Timings
	failed    error // of an address that the guard let pass

	dnsStart, connectStart, tlsStart time.Time
}

func newTrace() *trace { return &trace{start: time.Now(), phase: Connecting} }

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

func (t *trace) client() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { // also where a connection turns out to be closed
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connected, t.phase, t.connectStart = false, Connecting, time.Time{}
		},
		DNSStart: func(httptrace.DNSStartInfo) {
			t.connecting(func() { t.phase, t.dnsStart = Resolving, time.Now() })
		},
		DNSDone: func(httptrace.DNSDoneInfo) {
			t.connecting(func() { t.timings.DNS = time.Since(t.dnsStart) })
		},
		ConnectStart: func(_, addr string) { // once for each address that is tried
			t.connecting(func() {
				if t.connectStart.IsZero() {
					t.connectStart = time.Now()
				}
				t.phase = Connecting
				t.remote, _ = netip.ParseAddrPort(addr)
			})
		},
		ConnectDone: func(_, addr string, err error) {
			t.connecting(func() {
				if err == nil {
					t.remote, _ = netip.ParseAddrPort(addr)
					t.timings.Connect = time.Since(t.connectStart)
				} else if _, blocked := errors.AsType[*BlockedError](err); !blocked {
					t.failed = err
				}
			})
		},
		TLSHandshakeStart: func() {
			t.connecting(func() { t.phase, t.tlsStart = Securing, time.Now() })
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			t.connecting(func() {
				if err == nil {
					t.timings.TLS = time.Since(t.tlsStart)
				}
			})
		},
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connected, t.phase, t.reused = true, Sending, info.Reused
			t.remote, _ = netip.ParseAddrPort(info.Conn.RemoteAddr().String())
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if info.Err == nil {
				t.phase = Waiting
			}
		},
		GotFirstResponseByte: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.phase, t.timings.FirstByte = Waiting, time.Since(t.start)
		},
	}
}
