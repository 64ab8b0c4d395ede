package emitter

import (
	"crypto/tls"
	"fmt"
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

// The outcomes. Where there was an answer, its status alone decides.
const (
	// Accepted: the answer is 2xx. The event is delivered, even if the rest of
	// the answer broke off.
	Accepted Outcome = "accepted"
	// RetryAfter: the answer is 429 or 503, and says when to try again.
	RetryAfter Outcome = "retry-after"
	// Gone: the answer is 410. The endpoint wants no more events, and should
	// be disabled.
	Gone Outcome = "gone"
	// Refused: any other answer, so also a redirect, which is never followed.
	Refused Outcome = "refused"
	// Unreachable: there was no answer; [Attempt.Phase] and [Attempt.Err] say
	// how far the attempt came. The endpoint may have got the event.
	Unreachable Outcome = "unreachable"
	// Blocked: the guard kept the attempt from an address that is not public,
	// so nothing was sent. [Attempt.Err] is a *[BlockedError].
	Blocked Outcome = "blocked"
)

// A Phase is a part of an attempt.
type Phase string

// The phases, in their order. Resolving is skipped for an address, TLS for
// http, and all three for a connection that is used again.
const (
	Resolving  Phase = "resolving"  // the name of the host
	Connecting Phase = "connecting" // to one of its addresses
	Securing   Phase = "securing"   // the connection, by TLS
	Sending    Phase = "sending"    // the request
	Waiting    Phase = "waiting"    // for the head of the answer
)

// An Attempt is the record of one attempt. What comes from the answer comes from
// a stranger: it may hold anything.
type Attempt struct {
	// Outcome is empty where [Client.Send] gave an error.
	Outcome Outcome
	// At is when the attempt started, which is also its webhook-timestamp.
	At time.Time

	// Status is that of the answer, or 0 where there was none.
	Status int
	// RetryAfter is how long the answer asks to wait from now, at most
	// [MaxRetryAfter]. Only the outcome of that name has it.
	RetryAfter time.Duration
	// Location is where a redirect points to, as it was written.
	Location string
	// Answer is the answer's body, or the start of it; Truncated tells which.
	Answer    []byte
	Truncated bool

	// Phase is where an attempt without an answer ended.
	Phase Phase
	// Err says why there was no answer or, with a status, why its body broke
	// off.
	Err error

	// Remote is the address that was connected to, or the last that was tried.
	Remote netip.AddrPort
	// Reused tells whether the connection was one of an earlier attempt.
	Reused  bool
	Timings Timings
}

// Timings tell how long an attempt took. Of DNS, Connect and TLS each is the
// phase's own time, and is 0 where there was no such phase or it didn't end.
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

// String says in a line what came of the attempt.
func (a Attempt) String() string {
	switch {
	case a.Outcome == "":
		return "not made"
	case a.Status == 0:
		return fmt.Sprintf("%s while %s: %v", a.Outcome, a.Phase, a.Err)
	case a.Outcome == RetryAfter:
		return fmt.Sprintf("%d: retry after %v", a.Status, a.RetryAfter)
	case a.Location != "":
		return fmt.Sprintf("%d: %s, with a redirect to %q", a.Status, a.Outcome, a.Location)
	}
	return fmt.Sprintf("%d: %s", a.Status, a.Outcome)
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
			a.Outcome, a.RetryAfter = RetryAfter, wait
		}
	}
}

// MaxRetryAfter is the longest that a Retry-After is honoured for. An answer that
// asks for more gets this, so that no endpoint can park its events for years.
const MaxRetryAfter = 24 * time.Hour

// parseRetryAfter takes seconds or an HTTP-date (RFC 9110, section 10.2.3), and
// gives how long to wait from now: from 0 to [MaxRetryAfter].
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
