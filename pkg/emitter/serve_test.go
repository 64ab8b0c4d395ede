package emitter

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// loopback is a guard for tests, whose servers are on this host.
var loopback = Guard{Allow: []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
}}

var secret = signature.NewSecret()

// Both ends log what the tests do to them.
func init() { log.SetOutput(io.Discard) }

func signedAt(url string) Endpoint {
	return Endpoint{URL: url, Secrets: []signature.Secret{secret}}
}

var payloads = sync.OnceValue(func() map[string][]byte {
	byName := make(map[string][]byte)
	for _, v := range vectors.All() {
		byName[v.Name] = v.Payload
	}
	return byName
})

// payload returns the payload of a vector.
func payload(t testing.TB, name string) []byte {
	t.Helper()
	p, ok := payloads()[name]
	if !ok {
		t.Fatalf("there is no vector %s", name)
	}
	return p
}

// sample returns a payload that conforms.
func sample(t testing.TB) []byte { return payload(t, "page.run-failed") }

// inMemory has c reach a handler at any URL, by connections in memory, so that it
// works in a bubble of synctest.
func inMemory(c *Client, handler http.HandlerFunc) {
	c.once.Do(c.setUp)
	c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			r, err := readRequest(far)
			if err != nil {
				return
			}
			w := httptest.NewRecorder()
			handler(w, r)
			resp := w.Result()
			resp.Close = true
			resp.Write(far)
		}()
		return near, nil
	}
}

// newClient returns a client that may go to loopback. At the end of the test
// nothing of it may be left.
func newClient(t testing.TB) *Client {
	noLeaks(t)
	c := &Client{Guard: loopback}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// noLeaks waits, at the end of the test, until there are as many goroutines as
// now.
func noLeaks(t testing.TB) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				stacks = stacks[:runtime.Stack(stacks, true)]
				t.Errorf("%d goroutines at the start and %d at the end:\n%s", before, runtime.NumGoroutine(), stacks)
				return
			}
			runtime.Gosched()
		}
	})
}

// serveRaw calls handle with each connection to the URL that it returns, and the
// connection's number from 1. The connection is closed when handle returns.
func serveRaw(t testing.TB, handle func(n int, conn *net.TCPConn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() {
				defer conn.Close()
				defer context.AfterFunc(t.Context(), func() { conn.Close() })()
				handle(n, conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return "http://" + listener.Addr().String() + "/"
}

// readRequest reads a request to its end.
func readRequest(conn net.Conn) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body)
	}
	return r, err
}

// untilClosed blocks until the other side is done with the connection.
func untilClosed(conn net.Conn) { io.Copy(io.Discard, conn) }

// A lookup answers the names of a resolver: with the addresses of a name, or
// with false if there is no such name.
type lookup func(name string, ipv6 bool) ([]netip.Addr, bool)

// newResolver returns a resolver whose server is answer.
func newResolver(answer lookup) *net.Resolver {
	return &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				for serveLookup(server, answer) == nil {
				}
			}()
			return client, nil
		},
	}
}

// serveLookup answers one query of DNS over a stream (RFC 1035, section 4).
func serveLookup(conn net.Conn, answer lookup) error {
	var size uint16
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return err
	}
	query := make([]byte, size)
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	var labels []string
	end := 12
	for query[end] != 0 {
		n := int(query[end])
		labels = append(labels, string(query[end+1:end+1+n]))
		end += 1 + n
	}
	end += 5 // the root, the type and the class
	kind := binary.BigEndian.Uint16(query[end-4:])
	addrs, ok := answer(strings.Join(labels, "."), kind == 28)
	status := uint16(0x8180) // an answer, without error
	if !ok {
		status |= 3 // no such name
	}
	reply := []byte{0, 0, query[0], query[1]}
	reply = binary.BigEndian.AppendUint16(reply, status)
	reply = binary.BigEndian.AppendUint16(reply, 1) // questions
	reply = binary.BigEndian.AppendUint16(reply, uint16(len(addrs)))
	reply = append(reply, 0, 0, 0, 0)
	reply = append(reply, query[12:end]...)
	for _, addr := range addrs {
		reply = append(reply, 0xC0, 12) // the name that was asked for
		reply = binary.BigEndian.AppendUint16(reply, kind)
		reply = append(reply, 0, 1, 0, 0, 0, 0) // class and time to live
		reply = binary.BigEndian.AppendUint16(reply, uint16(addr.BitLen()/8))
		reply = append(reply, addr.AsSlice()...)
	}
	binary.BigEndian.PutUint16(reply, uint16(len(reply)-2))
	_, err := conn.Write(reply)
	return err
}

// always answers each name with the same addresses.
func always(addrs ...string) lookup {
	return func(_ string, ipv6 bool) ([]netip.Addr, bool) {
		var of []netip.Addr
		for _, a := range addrs {
			if addr := netip.MustParseAddr(a); addr.Is6() == ipv6 {
				of = append(of, addr)
			}
		}
		return of, true
	}
}
