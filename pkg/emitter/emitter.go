// Package emitter sends events to endpoints: one signed attempt at a time, of a
// payload that conforms, and a [Policy] that says whether and when to try again.
//
// There are two ways to use it.
//
//   - [Client.Deliver] makes attempts until one is accepted or the policy has no
//     more, and waits in between. All it knows is in memory: when the process
//     ends, the delivery is lost. It fits tools, tests, and events that may be
//     lost.
//   - [Client.Send] makes one attempt and returns what came of it, and
//     [Policy.Next] says what follows. A sender that must not lose events stores
//     each delivery, its number of attempts and when the next is due, and asks
//     for one attempt at a time. The example of [Policy.Next] is such a sender.
//
// An attempt is what Standard Webhooks describes: a POST of the exact bytes that
// were signed, which follows no redirect. Whatever an endpoint does is an
// [Outcome] and not an error. Errors are for what the caller has to fix.
//
// Endpoints are strangers. A [Guard], on by default, keeps attempts away from
// addresses that are not public. No answer, whatever it does, makes an attempt
// take longer than its timeout or hold more than a bounded piece of it.
//
// # Compatibility
//
// The requests are those of Standard Webhooks, which has a version of its own. The
// guard may block further addresses with any version, as the registries of IANA do.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package emitter

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/signature"
)

// The defaults of a [Client].
const (
	DefaultTimeout   = 30 * time.Second
	DefaultMaxAnswer = 64 << 10
	DefaultUserAgent = "runhooks"

	DefaultMaxIdle        = 512
	DefaultMaxIdlePerHost = 128
)

// maxDropped bounds the bytes of an answer's body that are read after those that
// are kept.
const maxDropped = 256 << 10

// maxAnswerHeader bounds the bytes of an answer's header, and of all
// informational (1xx) answers before it.
const maxAnswerHeader = 64 << 10

// A Client makes attempts. The zero value is ready to use, and blocks addresses
// that are not public. It may be used by several goroutines at once, and keeps
// connections to use them again; its fields must not change once it is in use.
//
// It uses no proxy but [Client.Proxy], whatever the environment says.
type Client struct {
	// Guard says which addresses attempts may go to. Its zero value lets them
	// go to public ones.
	Guard Guard

	// Proxy, if not nil, is the forward proxy that all attempts go through, by
	// CONNECT to https endpoints and with the absolute URL to http ones. Its
	// scheme is http or https, and its user information, if any, is sent as
	// Basic authorization. It may be at any address: the guard doesn't judge it.
	//
	// What a proxy connects to is out of the guard's sight. The guard therefore judges,
	// before each attempt, the endpoint's address or all addresses that the
	// [Client.Resolver] returns for its name, and one that isn't allowed blocks the
	// attempt. The proxy gets the name and resolves it again, so a name whose addresses
	// change between the two, or differ at the proxy, gets past the guard: the proxy itself
	// must also keep away from private addresses. A sender whose host can't resolve names
	// needs [Guard.InsecureAllowAll] and leaves all of it to the proxy.
	//
	// What fails before the proxy was asked for the endpoint, and its answer 407,
	// has the phase [Proxying].
	Proxy *url.URL

	// Timeout is how long an attempt may take, from resolving the host to the
	// end of the answer. 0 stands for [DefaultTimeout]. [Endpoint.Timeout] takes
	// its place for one endpoint.
	Timeout time.Duration

	// MaxAnswer is how many bytes of an answer's body are kept. 0 stands for
	// [DefaultMaxAnswer]. A longer answer is read on for a while, so that its
	// connection can be used again, and what is read is dropped.
	MaxAnswer int64

	// MaxIdle is how many connections are kept for further attempts, and
	// MaxIdlePerHost how many of them to one host. 0 stands for
	// [DefaultMaxIdle] and [DefaultMaxIdlePerHost]. Beyond them a connection
	// closes after its attempt. A kept one closes half a minute after its last
	// attempt. A sender that makes n attempts at once to one host reuses most
	// connections if MaxIdlePerHost is n or more.
	MaxIdle        int
	MaxIdlePerHost int

	// UserAgent is the header of that name. Empty stands for
	// [DefaultUserAgent]; with a control character in it nothing is sent.
	UserAgent string

	// Unchecked also sends payloads that don't conform. It is for trying out
	// receivers: a sender that has it can break its users.
	Unchecked bool

	// TLS configures connections to https endpoints, for example with the
	// roots of a private authority. nil stands for the defaults of crypto/tls.
	TLS *tls.Config

	// Resolver looks up the names of hosts. nil stands for that of the system.
	Resolver *net.Resolver

	// OnAttempt, if not nil, is called by [Client.Deliver] after each attempt,
	// before the wait for the next one: with the ctx that Deliver was given,
	// the number of the attempt from 1, the attempt, and what follows it. The
	// delivery goes on when it returns. Deliveries that run at once call it at
	// once.
	OnAttempt func(ctx context.Context, n int, a Attempt, next Step)

	// Logger, if not nil, gets a record of each attempt of [Client.Deliver]:
	// at level Info if it was accepted, Warn if another follows, and Error if
	// the event stays undelivered. A record has the event's id, the scheme,
	// host and port of the endpoint, what came of the attempt, and when the
	// next one follows. It has nothing else of the URL, no header, and nothing
	// of the payload, nor of the answer but its status.
	Logger *slog.Logger

	once      sync.Once
	transport *http.Transport
}

// A PayloadError says that a payload doesn't conform. Nothing was sent.
type PayloadError struct {
	// Report has the findings. Its verdict is not [conformance.Conforms].
	Report conformance.Report
}

func (e *PayloadError) Error() string {
	says := "the payload deviates from the contract"
	if e.Report.Verdict == conformance.Invalid {
		says = "the payload is invalid"
	}
	errs := slices.DeleteFunc(slices.Clone(e.Report.Findings), func(f conformance.Finding) bool {
		return f.Severity != conformance.SeverityError
	})
	switch len(errs) {
	case 0:
		return says
	case 1:
		return fmt.Sprintf("%s: %s", says, errs[0])
	}
	return fmt.Sprintf("%s: %s (and %d more)", says, errs[0], len(errs)-1)
}

// Send makes one attempt to deliver an event to an endpoint, and returns what came of it.
// It waits for the answer for at most [Client.Timeout].
//
// The event's id is sent as webhook-id. It is unique to the event and the same
// in all attempts, so that receivers can recognize a repetition; make it by
// event.NewID when the event happens. Package signature has the rules for ids.
// The payload is the request's body, byte for byte.
//
// The error is nil whenever there is an outcome, whatever the endpoint did. It
// is not nil if the caller has to fix something first, and then nothing was
// sent:
//   - a *[PayloadError] for a payload that doesn't conform,
//   - an *[EndpointError] for an endpoint that nothing can be sent to,
//   - an error of package signature for an id or secrets that can't sign,
//   - an error without a type for a UserAgent that no header can have, or a
//     Proxy that is not the URL of a proxy.
//
// The error is also not nil if ctx is done before there is an answer. It then
// wraps ctx's error, and the attempt says how far it came: the endpoint may or
// may not have received the event.
//
// The request is written once, with one exception: if a connection of an earlier
// attempt turns out to have been closed by the endpoint, the request is written
// again to another one. The receiver recognizes it by its webhook-id.
func (c *Client) Send(ctx context.Context, to Endpoint, eventID string, payload []byte) (Attempt, error) {
	at := time.Now()
	u, header, err := c.head(to, eventID, payload, at)
	if err != nil {
		return Attempt{}, err
	}
	return c.attempt(ctx, Attempt{EventID: eventID, At: at, RequestHeader: header}, http.MethodPost, u, payload, to.Timeout)
}

// A Request is what [Client.SendRequest] sends, unchanged.
type Request struct {
	// Method is POST if it is empty.
	Method string
	// URL is as that of an [Endpoint].
	URL string
	// Header is the whole header, except for what belongs to the connection, such as Host
	// and Content-Length, which is an error. Without a User-Agent in it none is sent.
	Header http.Header
	Body   []byte
}

// SendRequest makes one attempt with a header and a body of the caller's, and
// returns what came of it, as [Client.Send] does. It checks nothing of the body and
// signs nothing: it is for tools that try receivers, with a request that was
// recorded or that no sender should send. [Client.UserAgent] is not used, and
// [Attempt.EventID] is what the header has as webhook-id.
//
// The error is an *[EndpointError] for a URL or a header that can't be sent, and
// wraps ctx's error if that is done before there is an answer.
func (c *Client) SendRequest(ctx context.Context, r Request) (Attempt, error) {
	if err := c.checkProxy(); err != nil {
		return Attempt{}, err
	}
	u, err := parseURL(r.URL)
	if err != nil {
		return Attempt{}, err
	}
	header, err := rawHeader(r.Header)
	if err != nil {
		return Attempt{}, err
	}
	method := cmp.Or(r.Method, http.MethodPost)
	if !isToken(method) {
		return Attempt{}, endpointErrorf("%q is not a method", method)
	}
	a := Attempt{EventID: header.Get(signature.HeaderID), At: time.Now(), RequestHeader: header}
	return c.attempt(ctx, a, method, u, r.Body, 0)
}

// attempt makes the attempt that a is the start of.
func (c *Client) attempt(ctx context.Context, a Attempt, method string, u *url.URL, body []byte, timeout time.Duration) (Attempt, error) {
	c.once.Do(c.setUp)
	if timeout <= 0 {
		timeout = c.timeout()
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tr := newTrace(c.Proxy != nil)

	resp, err := c.roundTrip(tr.in(limited), method, u, a.RequestHeader, body)
	if err == nil && resp.StatusCode == 0 { // which stands for no answer
		resp.Body.Close()
		err = errors.New("the answer has status 000")
	}
	if err != nil {
		blocked, isBlocked := errors.AsType[*BlockedError](err)
		elsewhere := tr.elsewhere()
		switch {
		case isBlocked && elsewhere == nil:
			a.Outcome, a.Err = Blocked, blocked
		case ended(ctx) != nil:
			tr.record(&a)
			return a, fmt.Errorf("the attempt was given up while %s: %w", a.Phase, ended(ctx))
		case ended(limited) != nil:
			a.Outcome, a.Err = Unreachable, fmt.Errorf("it took longer than %v: %w", timeout, ended(limited))
		case isBlocked: // one address of several, and none of the others could be reached
			a.Outcome, a.Err = Unreachable, elsewhere
		default:
			tr.brokeOff()
			a.Outcome, a.Err = Unreachable, err
		}
		tr.record(&a)
		return a, nil
	}
	a.judge(resp, time.Now())
	a.read(resp, c.maxAnswer())
	tr.record(&a)
	return a, nil
}

// ended returns ctx's error, also from its deadline until its timer fires: a
// connection has a timer of its own for the deadline, which may be the first.
func ended(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// head returns the URL and the header of an attempt, or what the caller has to
// fix.
func (c *Client) head(to Endpoint, eventID string, payload []byte, at time.Time) (*url.URL, http.Header, error) {
	if !c.Unchecked && !conformance.Valid(payload) {
		return nil, nil, &PayloadError{Report: conformance.Check(payload)}
	}
	if err := c.checkProxy(); err != nil {
		return nil, nil, err
	}
	u, err := parseURL(to.URL)
	if err != nil {
		return nil, nil, err
	}
	header, err := ownHeader(to.Header)
	if err != nil {
		return nil, nil, err
	}
	if err := sign(header, to, eventID, payload, at); err != nil {
		return nil, nil, err
	}
	header["Content-Type"] = contentType
	if ua := c.userAgent(); isFieldValue(ua) {
		header["User-Agent"] = []string{ua}
	} else {
		return nil, nil, fmt.Errorf("the client's UserAgent has a control character: %q", ua)
	}
	return u, header, nil
}

func (c *Client) checkProxy() error {
	if p := c.Proxy; p != nil && (p.Scheme != "http" && p.Scheme != "https" || p.Hostname() == "") {
		return errors.New("the client's Proxy has to be like http://proxy.example.com:3128, or https")
	}
	return nil
}

// contentType is never written to.
var contentType = []string{"application/json"}

// roundTrip sends the request and returns the answer.
func (c *Client) roundTrip(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	if c.Proxy != nil {
		if err := c.Guard.checkHost(traceOf(ctx).dialing(ctx), c.Resolver, u.Hostname()); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.URL, req.Host = u, u.Host
	req.Header = maps.Clone(header) // the caller gets the other one, to change as it likes
	if header["User-Agent"] == nil {
		req.Header["User-Agent"] = nil // none, and not that of net/http
	}
	if header["Idempotency-Key"] == nil {
		// Sends no header. It tells the transport that a request may be
		// repeated where a kept connection turns out to be closed.
		req.Header["Idempotency-Key"] = nil
	}
	// The transport itself, and not an http.Client: it follows no redirect and
	// keeps no cookie.
	resp, err := c.transport.RoundTrip(req)
	if err == nil && c.Proxy != nil && resp.StatusCode == http.StatusProxyAuthRequired {
		resp.Body.Close()
		traceOf(ctx).proxyFailed()
		return nil, &proxyError{status: resp.StatusCode}
	}
	return resp, err
}

// sign sets the webhook headers.
func sign(header http.Header, to Endpoint, eventID string, payload []byte, at time.Time) error {
	switch {
	case len(to.Secrets) > 0 && to.Unsigned:
		return endpointErrorf("it has secrets, and is to be unsigned; choose one")
	case len(to.Secrets) == 0 && !to.Unsigned:
		return endpointErrorf("it has no secrets; add one, or say that it is to be unsigned")
	case to.Unsigned:
		// The id and the time have to be what they have to be in any request.
		// Only a signature is of no use, as nobody has the secret.
		err := signature.SetHeaders(header, eventID, at, nil, signature.NewSecret())
		header.Del(signature.HeaderSignature)
		return err
	}
	return signature.SetHeaders(header, eventID, at, payload, to.Secrets...)
}

// read takes the start of the answer's body. Whether it can be read changes no
// outcome: the endpoint has said what it had to by the status.
func (a *Attempt) read(resp *http.Response, most int64) {
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return // what follows is no body
	}
	if resp.ContentLength == 0 {
		a.Answer = []byte{}
		return
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	a.Answer = body
	if err == nil && int64(len(body)) == most {
		var dropped int64
		dropped, err = io.CopyN(io.Discard, resp.Body, maxDropped)
		a.Truncated = dropped > 0
		if err == io.EOF {
			err = nil
		}
	}
	if err != nil {
		a.Truncated, a.Err = true, fmt.Errorf("the answer broke off: %w", err)
	}
}

// setUp makes the transport.
func (c *Client) setUp() {
	// A connection may go on being made when the attempt that asked for it is
	// over, and then needs an end of its own.
	connecting := c.timeout() + time.Second
	dialer := &net.Dialer{Timeout: connecting, Resolver: c.Resolver}
	if c.Proxy == nil {
		dialer.ControlContext = c.Guard.control
	}
	c.transport = &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialer.DialContext(traceOf(ctx).dialing(ctx), network, addr)
		},
		TLSClientConfig:        c.TLS.Clone(),
		TLSHandshakeTimeout:    connecting,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // an answer of a few bytes can't unfold to gigabytes
		MaxResponseHeaderBytes: maxAnswerHeader,
		MaxIdleConns:           cmp.Or(c.MaxIdle, DefaultMaxIdle),
		MaxIdleConnsPerHost:    cmp.Or(c.MaxIdlePerHost, DefaultMaxIdlePerHost),
		IdleConnTimeout:        30 * time.Second,
		// An HTTP/2 connection carries all attempts to its host, so one that is
		// dead has to be noticed.
		HTTP2: &http.HTTP2Config{SendPingTimeout: c.timeout() / 2},
	}
	if c.Proxy != nil {
		c.transport.Proxy = http.ProxyURL(c.Proxy)
		c.transport.GetProxyConnectHeader = func(ctx context.Context, _ *url.URL, _ string) (http.Header, error) {
			traceOf(ctx).asked()
			return nil, nil
		}
		c.transport.OnProxyConnectResponse = func(ctx context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			return traceOf(ctx).proxyAnswered(resp.StatusCode)
		}
	}
}

// CloseIdleConnections closes the connections that are kept for further
// attempts. They also close by themselves, half a minute after their last one.
func (c *Client) CloseIdleConnections() {
	c.once.Do(c.setUp)
	c.transport.CloseIdleConnections()
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

func (c *Client) maxAnswer() int64 {
	if c.MaxAnswer <= 0 {
		return DefaultMaxAnswer
	}
	return c.MaxAnswer
}

func (c *Client) userAgent() string {
	if c.UserAgent == "" {
		return DefaultUserAgent
	}
	return c.UserAgent
}
