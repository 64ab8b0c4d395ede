package emitter

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestHanging has servers that keep an attempt waiting, over connections in
// memory and in the time of a bubble: each attempt takes its timeout, to the
// nanosecond.
func TestHanging(t *testing.T) {
	large := payload(t, "size.1-mib-string") // more than is gathered before it is written
	tests := []struct {
		name string
		url  string
		// serve has the far end of the connection, and may return early.
		serve func(conn net.Conn)
		want  Attempt // Err is any that is a context.DeadlineExceeded
	}{
		{"TLS", "https://endpoint.test", untilClosed,
			Attempt{Outcome: Unreachable, Phase: Securing}},
		{"nothing is read", "http://endpoint.test", func(net.Conn) {},
			Attempt{Outcome: Unreachable, Phase: Sending}},
		{"half of the request is read", "http://endpoint.test", func(conn net.Conn) { io.CopyN(io.Discard, conn, 200) },
			Attempt{Outcome: Unreachable, Phase: Sending}},
		{"no answer", "http://endpoint.test", untilClosed,
			Attempt{Outcome: Unreachable, Phase: Waiting}},
		{"half a head", "http://endpoint.test", answer("HTTP/1.1 200 OK\r\nContent-"),
			Attempt{Outcome: Unreachable, Phase: Waiting}},
		{"head that drips", "http://endpoint.test", drip("HTTP/1.1 200 OK\r\n", "X-Y: z\r\n"),
			Attempt{Outcome: Unreachable, Phase: Waiting}},
		{"103s that drip", "http://endpoint.test", drip("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
			Attempt{Outcome: Unreachable, Phase: Waiting}},
		{"half a body", "http://endpoint.test", answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("x"), Truncated: true}},
		{"half a refusal", "http://endpoint.test", answer("HTTP/1.1 500 No\r\n\r\nx"),
			Attempt{Outcome: Refused, Status: 500, Answer: []byte("x"), Truncated: true}},
		{"body that drips", "http://endpoint.test", drip("HTTP/1.1 200 OK\r\n\r\n", "x"),
			Attempt{Outcome: Accepted, Status: 200, Answer: []byte("xxxx"), Truncated: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(Client)
				c.once.Do(c.setUp)
				c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go test.serve(far)
					return near, nil
				}
				a, err := c.Send(t.Context(), Endpoint{URL: test.url, Unsigned: true}, "evt_1", large)
				if err != nil {
					t.Fatal(err)
				}
				if a.Outcome != test.want.Outcome || a.Phase != test.want.Phase || a.Status != test.want.Status ||
					string(a.Answer) != string(test.want.Answer) || a.Truncated != test.want.Truncated ||
					!errors.Is(a.Err, context.DeadlineExceeded) || a.Timings.Total != DefaultTimeout {
					t.Errorf("the attempt took %v, and is %#v", a.Timings.Total, a)
				}
				<-time.After(10 * time.Second) // the servers see that they are alone
				// The bubble fails if anything of the attempt is left at its end.
			})
		})
	}
}

// answer says text once it has read something, and then nothing any more.
func answer(text string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 1))
		go untilClosed(conn)
		io.WriteString(conn, text)
	}
}

// drip says more every seven seconds.
func drip(start, more string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(start)(conn)
		tick := time.NewTicker(7 * time.Second)
		defer tick.Stop()
		var err error
		for err == nil {
			<-tick.C
			_, err = io.WriteString(conn, more)
		}
	}
}

// late is a context whose timer has not fired yet, although its deadline has passed.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now(), true }

// TestGivenUpLate: a connection may know of ctx's deadline before ctx does.
func TestGivenUpLate(t *testing.T) {
	c := new(Client)
	c.once.Do(c.setUp)
	c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, os.ErrDeadlineExceeded
	}
	a, err := c.Send(late{t.Context()}, Endpoint{URL: "http://endpoint.test", Unsigned: true}, "evt_1", sample(t))
	if !errors.Is(err, context.DeadlineExceeded) || a.Outcome != "" {
		t.Errorf("the attempt is %#v, and the error %v", a, err)
	}
}
