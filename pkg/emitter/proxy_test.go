package emitter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy for tests. It connects to what it is asked for on this host, by whatever
// name, and answers with status instead if that is not 0.
type proxy struct {
	status int
	asked  atomic.Int32
	auth   atomic.Value // the last Proxy-Authorization
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	p.auth.Store(r.Header.Get("Proxy-Authorization"))
	switch {
	case p.status < 0:
		panic(http.ErrAbortHandler)
	case p.status != 0:
		w.WriteHeader(p.status)
		return
	}
	_, port, _ := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect {
		out, _ := http.NewRequestWithContext(r.Context(), r.Method, "http://127.0.0.1:"+port+r.URL.RequestURI(), r.Body)
		out.Header, out.Host = r.Header, r.Host
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
		return
	}
	far, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer far.Close()
	near, _, err := w.(http.Hijacker).Hijack() // before the answer, so that nothing is read ahead
	if err != nil {
		return
	}
	defer near.Close()
	io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		defer far.Close()
		io.Copy(far, near)
	}()
	io.Copy(near, far)
}

// through returns a client whose proxy is p, at an address that its guard blocks.
func through(t *testing.T, p http.Handler) (c *Client, at string) {
	c = newClient(t)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	c.Proxy, _ = url.Parse(server.URL)
	c.Proxy.User = url.UserPassword("user", "pass")
	return c, server.Listener.Addr().String()
}

func TestProxy(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, http2 := range []bool{false, true} {
			if http2 && !secure {
				continue
			}
			t.Run(fmt.Sprintf("https %t, HTTP/2 %t", secure, http2), func(t *testing.T) {
				p := new(proxy)
				c, at := through(t, p)
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Proxy-Authorization") != "" && secure {
						t.Error("the endpoint got the proxy's password")
					}
					echo(w, r)
				}))
				server.EnableHTTP2 = http2
				scheme := "http"
				if secure {
					server.StartTLS()
					c.TLS = trusting(server)
					scheme = "https"
				} else {
					server.Start()
				}
				t.Cleanup(server.Close)
				c.Resolver = newResolver(always("127.0.0.1"))
				_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
				for i := range 3 {
					a, err := c.Send(t.Context(), signedAt(scheme+"://example.com:"+port+"/"), "evt_1", sample(t))
					if err != nil || a.Outcome != Accepted || !bytes.Equal(a.Answer, sample(t)) {
						t.Fatalf("the attempt is %v, and the error %v", a, err)
					}
					if a.Reused != (i > 0) || a.Remote.String() != at || a.Timings.DNS <= 0 ||
						(a.Timings.TLS > 0) != (secure && i == 0) || (a.Timings.Connect > 0) != (i == 0) {
						t.Errorf("attempt %d is %v, reused %t, to %s, and took %+v", i, a, a.Reused, a.Remote, a.Timings)
					}
					if a.RequestHeader.Get("Proxy-Authorization") != "" {
						t.Error("the attempt has the proxy's password")
					}
				}
				if got, want := p.auth.Load(), "Basic dXNlcjpwYXNz"; got != want {
					t.Errorf("Proxy-Authorization is %q, not %q", got, want)
				}
			})
		}
	}
}

// TestProxyFaults has what goes wrong on either side of a proxy.
func TestProxyFaults(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	dead := "https://" + closed.Addr().String()

	tests := []struct {
		name    string
		url     string
		status  int             // of the proxy
		setUp   func(c *Client) // if not nil
		outcome Outcome
		phase   Phase
	}{
		{name: "endpoint that is down", url: dead, outcome: Unreachable, phase: Connecting},
		{name: "endpoint without TLS", url: strings.Replace(plain.URL, "http:", "https:", 1), outcome: Unreachable, phase: Securing},
		{name: "endpoint of http that refuses", url: plain.URL, outcome: Refused},
		{name: "credentials, https", url: dead, status: 407, outcome: Unreachable, phase: Proxying},
		{name: "credentials, http", url: plain.URL, status: 407, outcome: Unreachable, phase: Proxying},
		{name: "may not", url: dead, status: 403, outcome: Unreachable, phase: Connecting},
		{name: "can't", url: dead, status: 503, outcome: Unreachable, phase: Connecting},
		{name: "not in time", url: dead, status: 504, outcome: Unreachable, phase: Connecting},
		{name: "fails", url: dead, status: 500, outcome: Unreachable, phase: Proxying},
		{name: "no proxy", url: dead, status: 405, outcome: Unreachable, phase: Proxying},
		{name: "breaks off", url: dead, status: -1, outcome: Unreachable, phase: Proxying},
		{name: "down, https", url: dead, setUp: func(c *Client) { c.Proxy.Host = closed.Addr().String() },
			outcome: Unreachable, phase: Proxying},
		{name: "down, http", url: plain.URL, setUp: func(c *Client) { c.Proxy.Host = closed.Addr().String() },
			outcome: Unreachable, phase: Proxying},
		{name: "no such name", url: dead, setUp: func(c *Client) {
			c.Proxy.Host = "proxy.test:1"
			c.Resolver = newResolver(func(string, bool) ([]netip.Addr, bool) { return nil, false })
		}, outcome: Unreachable, phase: Proxying},
		{name: "proxy without TLS", url: dead, setUp: func(c *Client) { c.Proxy.Scheme = "https" },
			outcome: Unreachable, phase: Proxying},
		{name: "name of no endpoint", url: "https://endpoint.test", setUp: func(c *Client) {
			c.Resolver = newResolver(func(string, bool) ([]netip.Addr, bool) { return nil, false })
		}, outcome: Unreachable, phase: Resolving},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, _ := through(t, &proxy{status: test.status})
			if test.setUp != nil {
				test.setUp(c)
			}
			a, err := c.Send(t.Context(), signedAt(test.url), "evt_1", sample(t))
			if err != nil {
				t.Fatal(err)
			}
			if a.Outcome != test.outcome || a.Phase != test.phase || (a.Err == nil) != (a.Outcome == Refused) {
				t.Errorf("the attempt is %v", a)
			}
			if text := fmt.Sprint(a, a.Err); strings.Contains(text, "pass") {
				t.Errorf("the attempt says the proxy's password: %s", text)
			}
		})
	}
}

// A proxy that doesn't answer may be waiting for the endpoint.
func TestProxyHangs(t *testing.T) {
	over := make(chan struct{})
	c, _ := through(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	c.Timeout = 50 * time.Millisecond
	a, err := c.Send(t.Context(), signedAt("https://127.0.0.1:1"), "evt_1", sample(t))
	close(over)
	if err != nil || a.Outcome != Unreachable || a.Phase != Connecting {
		t.Errorf("the attempt is %v, and the error %v", a, err)
	}
}

// A proxy is not asked for what the guard blocks.
func TestProxyIsGuarded(t *testing.T) {
	p := new(proxy)
	c, _ := through(t, p)
	c.Guard = Guard{}
	var addrs []string
	c.Resolver = newResolver(func(name string, ipv6 bool) ([]netip.Addr, bool) { return always(addrs...)(name, ipv6) })
	for _, scheme := range []string{"http", "https"} {
		for _, test := range blocked {
			addr := netip.MustParseAddr(test.addr)
			host := addr.String()
			if addr.Is6() {
				host = "[" + strings.Replace(host, "%", "%25", 1) + "]"
			}
			hosts := []string{host}
			if addr.Zone() == "" { // DNS has none
				hosts = append(hosts, "endpoint.test")
			}
			for _, addrs = range [][]string{{addr.WithZone("").String()}, {"8.8.8.8", addr.WithZone("").String()}} {
				for _, host := range hosts {
					a, err := c.Send(t.Context(), signedAt(scheme+"://"+host+":1/"), "evt_1", sample(t))
					if _, isBlocked := errors.AsType[*BlockedError](a.Err); err != nil || a.Outcome != Blocked || !isBlocked {
						t.Errorf("%s at %s: %v, %v", addrs, host, a, err)
					}
				}
			}
		}
	}
	if n := p.asked.Load(); n != 0 {
		t.Errorf("the proxy was asked %d times", n)
	}

	// Without a guard, names are the proxy's to resolve.
	c.Guard.InsecureAllowAll = true
	c.Resolver = newResolver(func(string, bool) ([]netip.Addr, bool) { return nil, false })
	server := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if a, err := c.Send(t.Context(), signedAt("http://endpoint.test:"+port), "evt_1", sample(t)); err != nil || a.Outcome != Accepted {
		t.Errorf("without a guard, the attempt is %v, and the error %v", a, err)
	}
}

func TestProxyThatIsNone(t *testing.T) {
	for _, raw := range []string{"socks5://127.0.0.1:1", "127.0.0.1", "//127.0.0.1", "http:", "http://:80"} {
		c := newClient(t)
		c.Proxy, _ = url.Parse(raw)
		if a, err := c.Send(t.Context(), signedAt("http://127.0.0.1:1"), "evt_1", sample(t)); err == nil || a.Outcome != "" {
			t.Errorf("with the proxy %q the attempt is %v, and the error %v", raw, a, err)
		}
	}
}
