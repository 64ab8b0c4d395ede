package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// forwardTimeout is how long a forward may take to answer: as long as senders
// wait.
const forwardTimeout = 30 * time.Second

// A forwarder passes requests on to another receiver.
type forwarder struct {
	url       *url.URL
	transport *http.Transport
}

func newForwarder(raw string) (*forwarder, error) {
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
	return &forwarder{url: u, transport: &http.Transport{
		DisableCompression:    true, // answers are passed on as they are
		ResponseHeaderTimeout: forwardTimeout,
		TLSHandshakeTimeout:   forwardTimeout,
		IdleConnTimeout:       time.Minute,
		ForceAttemptHTTP2:     true,
	}}, nil
}

// leadsTo tells whether the forward is what listens at addr.
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
}

// body is all of the answer's body.
func (f *forwarded) body() io.Reader {
	return io.MultiReader(bytes.NewReader(f.start), f.answer.Body)
}

// send passes on a body, byte for byte, with the headers that it came with. It
// follows no redirect.
func (f *forwarder) send(ctx context.Context, header http.Header, body []byte) *forwarded {
	began := time.Now()
	out := &forwarded{url: f.url.String()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, out.url, bytes.NewReader(body))
	if err != nil {
		out.err = err
		return out
	}
	req.Header = endToEnd(header)
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
