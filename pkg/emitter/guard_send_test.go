package emitter

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestSendIsGuarded sends to each blocked address, by itself and by a name.
func TestSendIsGuarded(t *testing.T) {
	c := newClient(t)
	c.Guard = Guard{}
	var addr netip.Addr
	c.Resolver = newResolver(func(name string, ipv6 bool) ([]netip.Addr, bool) {
		return always(addr.String())(name, ipv6)
	})
	ipv6 := hasIPv6()
	if !ipv6 {
		t.Log("this host has no IPv6, so such addresses are unreachable before they are blocked")
	}
	for _, test := range blocked {
		addr = netip.MustParseAddr(test.addr)
		hosts := []string{"endpoint.test", "endpoint.test."}
		if addr.Zone() != "" { // which DNS can't give
			hosts = nil
		}
		if addr.Is6() {
			hosts = append(hosts, "["+strings.Replace(test.addr, "%", "%25", 1)+"]")
		} else {
			hosts = append(hosts, test.addr)
		}
		for _, host := range hosts {
			a, err := c.Send(t.Context(), signedAt("http://"+host+":1/"), "evt_1", sample(t))
			if err != nil {
				t.Errorf("%s at %s: %v", test.addr, host, err)
				continue
			}
			var reason *BlockedError
			if a.Outcome == Blocked && errors.As(a.Err, &reason) && a.Phase == Connecting {
				continue
			}
			if !ipv6 && addr.Unmap().Is6() && a.Outcome == Unreachable {
				continue
			}
			t.Errorf("%s at %s: %v", test.addr, host, a)
		}
	}
	for _, trick := range tricks {
		a, err := c.Send(t.Context(), signedAt(trick.url), "evt_1", sample(t))
		var mistake *EndpointError
		if a.Outcome != Blocked && !errors.As(err, &mistake) && (ipv6 || a.Outcome != Unreachable) {
			t.Errorf("%q: %v, %v", trick.url, a, err)
		}
	}
}

func hasIPv6() bool {
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// TestRebinding has a name that stands for an allowed address whenever its first
// question is answered, and for a blocked one when it is asked again: whoever
// checks what one look-up gives, and connects to what another gives, is caught.
func TestRebinding(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil { // only Linux has all of 127.0.0.0/8
		if os.Getenv("REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("SKIP rebinding: this host has no 127.0.0.2")
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	allowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	allowed.Listener.Close()
	allowed.Listener = listener
	var reached atomic.Int32
	allowed.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	allowed.Start()
	t.Cleanup(allowed.Close)
	inside, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: inside, Config: &http.Server{Handler: http.HandlerFunc(
		func(http.ResponseWriter, *http.Request) { t.Error("the blocked address was reached") })}}
	server.Start()
	t.Cleanup(server.Close)

	c := newClient(t)
	c.Guard = Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}}
	var questions atomic.Int32
	c.Resolver = newResolver(func(_ string, ipv6 bool) ([]netip.Addr, bool) {
		switch {
		case ipv6:
			return nil, true
		case questions.Add(1)%2 == 1:
			return []netip.Addr{netip.MustParseAddr("127.0.0.2")}, true
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, true
	})
	to := signedAt("http://endpoint.test:" + port)
	for n := int32(1); n <= 6; n++ {
		a, err := c.Send(t.Context(), to, "evt_1", sample(t))
		if err != nil {
			t.Fatal(err)
		}
		want := Accepted
		if n%2 == 0 {
			want = Blocked
		}
		if a.Outcome != want || questions.Load() != n {
			t.Errorf("attempt %d is %v, after %d questions", n, a, questions.Load())
		}
		c.CloseIdleConnections()
	}
	if n := reached.Load(); n != 3 {
		t.Errorf("the allowed address was reached %d times", n)
	}
}

// Of several addresses of a name, only those that the guard allows are tried.
func TestSomeAddressesBlocked(t *testing.T) {
	c := newClient(t)
	c.Guard = Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	c.Resolver = newResolver(always("10.0.0.1", "127.0.0.3", "169.254.169.254", "::1", "127.0.0.1"))
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	a, err := c.Send(t.Context(), signedAt("http://endpoint.test:"+port), "evt_1", sample(t))
	if err != nil || a.Outcome != Accepted || a.Remote.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the attempt is %v, and the error %v", a, err)
	}
}

// Where some addresses of a name are blocked, and none of the others can be
// reached, another attempt may reach one.
func TestSomeAddressesUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	_, port, _ := net.SplitHostPort(closed.Addr().String())
	for _, addrs := range [][]string{{"127.0.0.3", "127.0.0.1"}, {"127.0.0.1", "127.0.0.3"}} {
		c := newClient(t)
		c.Guard = Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
		c.Resolver = newResolver(always(addrs...))
		a, err := c.Send(t.Context(), signedAt("http://endpoint.test:"+port), "evt_1", sample(t))
		if err != nil || a.Outcome != Unreachable || !errors.Is(a.Err, syscall.ECONNREFUSED) {
			t.Errorf("at %v the attempt is %v, and the error %v", addrs, a, err)
		}
	}
}
