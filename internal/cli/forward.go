package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// forwardTimeout is how long a forward may take to answer: as long as senders
// wait.
const forwardTimeout = 30 * time.Second

// A forwarder passes requests on to another receiver.
type forwarder struct {
	url       *url.URL
	transport *http.Transport
	form      form.Form          // of events; what isn't one goes as it came
	secrets   []signature.Secret // with which what goes on is signed
}

// delivers reports whether what goes on is a delivery of our own, and not the request that
// came.
func (f *forwarder) delivers() bool { return f.form != form.Received || len(f.secrets) > 0 }

func newForwarder(raw string, trusted *tls.Config) (*forwarder, error) {
	u, err := url.Parse(raw)
	switch {
	case !strings.Contains(raw, "://"):
		return nil, errors.New("it is not a URL, such as http://127.0.0.1:3000/events")
	case err != nil || u.Hostname() == "":
		return nil, errors.New("it can't be parsed; a URL is like http://127.0.0.1:3000/events")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("its scheme has to be http or https")
	case u.User != nil:
		return nil, errors.New("leave out the user: the receiver gets the headers that the sender sends, and no others")
	}
	return &forwarder{url: u, form: form.Received, transport: &http.Transport{
		TLSClientConfig:       trusted,
		DisableCompression:    true, // answers are passed on as they are
		ResponseHeaderTimeout: forwardTimeout,
		TLSHandshakeTimeout:   forwardTimeout,
		IdleConnTimeout:       time.Minute,
		ForceAttemptHTTP2:     true,
	}}, nil
}

// leadsTo reports whether the forward is what listens at addr.
func (f *forwarder) leadsTo(addr netip.AddrPort) bool {
	port := f.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[f.url.Scheme]
	}
	if port != strconv.Itoa(int(addr.Port())) {
		return false
	}
	to, err := netip.ParseAddr(f.url.Hostname())
	if err != nil {
		return f.url.Hostname() == "localhost" && (addr.Addr().IsLoopback() || addr.Addr().IsUnspecified())
	}
	return to.Unmap() == addr.Addr().Unmap() || to.IsLoopback() && addr.Addr().IsUnspecified()
}

// forwarded is what came of a request that was passed on.
type forwarded struct {
	url    string
	answer *http.Response // nil where there was none
	start  []byte         // of the answer's body
	err    error          // why there was none
	took   time.Duration

	// Of a delivery of our own:
	as     form.Form // empty for the request that came
	signed bool
	why    error // why it isn't in the form that was asked for
}

// body is all of the answer's body.
func (f *forwarded) body() io.Reader {
	return io.MultiReader(bytes.NewReader(f.start), f.answer.Body)
}

// redirect is the URL that the answer redirects to, or "".
func (f *forwarded) redirect() string {
	if f.answer == nil || f.answer.StatusCode/100 != 3 {
		return ""
	}
	location := f.answer.Header.Get("Location")
	base, err := url.Parse(f.url)
	if err != nil || location == "" {
		return location
	}
	to, err := base.Parse(location)
	if err != nil {
		return location
	}
	return to.String()
}

// send passes on an event that was taken: the body byte for byte with the headers that it
// came with, or a delivery of our own. It follows no redirect.
func (f *forwarder) send(ctx context.Context, header http.Header, body []byte, d *receiver.Delivery) *forwarded {
	began := time.Now()
	out := &forwarded{url: f.url.String()}
	header = endToEnd(header)
	if f.delivers() {
		body = f.deliver(out, header, d)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, out.url, bytes.NewReader(body))
	if err != nil {
		out.err = err
		return out
	}
	req.Header = header
	req.Header.Del("Expect") // the body is here already
	if req.Header["User-Agent"] == nil {
		req.Header["User-Agent"] = nil // none, and not that of net/http
	}
	if out.answer, out.err = f.transport.RoundTrip(req); out.err == nil && out.answer.StatusCode < 200 {
		out.answer.Body.Close()
		out.answer, out.err = nil, errors.New("it answers "+out.answer.Status)
	}
	if out.err == nil {
		// What is shown of it. If it breaks off, so does what the sender gets.
		out.start, _ = io.ReadAll(io.LimitReader(out.answer.Body, 64<<10))
	}
	out.took = time.Since(began)
	return out
}

// deliver makes a delivery of our own: it returns its body, and makes the headers of the
// request that came its own.
func (f *forwarder) deliver(out *forwarded, header http.Header, d *receiver.Delivery) []byte {
	body := d.Payload
	out.as = form.Received
	if f.form != form.Received {
		header.Del(form.Header)
		if out.why = errors.New("the contract doesn't know this event"); d.Event != nil {
			body, out.as, out.why = form.Render(d.Event, f.form)
		}
	}
	for _, name := range []string{
		// of other bytes, or of another receiver
		"Content-Encoding", "Content-Length", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Signature", "Signature-Input",
		"Authorization", "Cookie",
		signature.HeaderSignature,
	} {
		header.Del(name)
	}
	header.Set("Content-Type", "application/json")
	if out.as != form.Received {
		header.Set(form.Header, out.as.String())
	}
	// The sender's id if its signature vouches for it, and else one of its payload, so
	// that a repetition has the same.
	at := time.Now()
	header.Set(signature.HeaderID, d.EventID)
	header.Set(signature.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	if len(f.secrets) > 0 {
		if err := signature.SetHeaders(header, d.EventID, at, body, f.secrets...); err != nil {
			panic(err) // the secrets can sign, and the id is fit for it
		}
		out.signed = true
	}
	return body
}

// endToEnd gives the headers that are meant for who is at the other end, and not
// for the connection (RFC 9110, section 7.6.1).
func endToEnd(header http.Header) http.Header {
	h := header.Clone()
	for _, list := range header.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		h.Del(name)
	}
	return h
}
