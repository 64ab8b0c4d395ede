package emitter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestPolicy(t *testing.T) {
	refused := Attempt{Outcome: Refused, Status: 500}
	after := func(wait time.Duration) Attempt { return Attempt{Outcome: Deferred, RetryAfter: wait} }
	again := func(delay time.Duration) Step { return Step{Again: true, Delay: delay} }
	tests := []struct {
		name   string
		policy Policy
		n      int
		a      Attempt
		want   Step
	}{
		{"accepted", DocumentedPolicy(), 1, Attempt{Outcome: Accepted}, Step{}},
		{"gone", DocumentedPolicy(), 1, Attempt{Outcome: Gone}, Step{Disable: true}},
		{"gone at last", DocumentedPolicy(), 3, Attempt{Outcome: Gone}, Step{Disable: true}},
		{"first", DocumentedPolicy(), 1, refused, again(5 * time.Second)},
		{"second", DocumentedPolicy(), 2, refused, again(10 * time.Second)},
		{"third and last", DocumentedPolicy(), 3, refused, Step{}},
		{"unreachable", DocumentedPolicy(), 1, Attempt{Outcome: Unreachable}, again(5 * time.Second)},
		{"blocked", DocumentedPolicy(), 1, Attempt{Outcome: Blocked}, Step{}},
		{"asks for more", DocumentedPolicy(), 1, after(time.Minute), again(time.Minute)},
		{"asks for less", DocumentedPolicy(), 2, after(time.Second), again(10 * time.Second)},
		{"asks for nothing", DocumentedPolicy(), 2, after(0), again(10 * time.Second)},
		{"asks for more, at last", DocumentedPolicy(), 3, after(time.Minute), Step{}},
		{"last but one of the standard", StandardPolicy(), 9, refused, again(24 * time.Hour)},
		{"last of the standard", StandardPolicy(), 10, refused, Step{}},
		{"none of the numbers", StandardPolicy(), 0, refused, Step{}},
		{"zero", Policy{}, 1, refused, Step{}},
		{"delay below zero", Policy{Delays: []time.Duration{-1}}, 1, refused, again(0)},
		{"longest delay", Policy{Delays: []time.Duration{math.MaxInt64}}, 1, refused, again(math.MaxInt64)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Jitter = 0
			if diff := cmp.Diff(test.want, test.policy.Next(test.n, test.a)); diff != "" {
				t.Errorf("step (-want +got):\n%s", diff)
			}
		})
	}
}

// The times since the start that the specification's table gives.
func TestStandardPolicy(t *testing.T) {
	want := []string{
		"0s", "5s", "5m5s", "35m5s", "2h35m5s", "7h35m5s", "17h35m5s", "31h35m5s", "51h35m5s", "75h35m5s",
	}
	p := StandardPolicy()
	p.Jitter = 0
	var got []string
	since := time.Duration(0)
	for n := 1; ; n++ {
		got = append(got, since.String())
		next := p.Next(n, Attempt{Outcome: Unreachable})
		if !next.Again {
			break
		}
		since += next.Delay
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schedule (-want +got):\n%s", diff)
	}
}

func TestJitter(t *testing.T) {
	for _, p := range []Policy{DocumentedPolicy(), StandardPolicy()} {
		for n := range len(p.Delays) {
			for _, wait := range []time.Duration{0, 7 * time.Second, MaxRetryAfter} {
				least := max(p.Delays[n], wait)
				most := least + least/10
				shortest, longest := most, least
				for range 1000 {
					got := p.Next(n+1, Attempt{Outcome: Deferred, RetryAfter: wait}).Delay
					if got < least || got > most {
						t.Fatalf("delay %v with jitter is %v", least, got)
					}
					shortest, longest = min(shortest, got), max(longest, got)
				}
				// That none of 1000 falls into a third of the span happens once in 10^176.
				if third := (most - least) / 3; shortest > least+third || longest < most-third {
					t.Errorf("delay %v with jitter is always from %v to %v", least, shortest, longest)
				}
			}
		}
	}
}

// Whatever the jitter, a delay is none that would make an attempt come early.
func TestOddJitter(t *testing.T) {
	for _, jitter := range []float64{-1, math.NaN(), math.Inf(-1), math.Inf(1), 1e300, 0} {
		for _, delay := range []time.Duration{0, time.Second, math.MaxInt64} {
			p := Policy{Delays: []time.Duration{delay}, Jitter: jitter}
			if got := p.Next(1, Attempt{Outcome: Refused}); !got.Again || got.Delay < delay {
				t.Errorf("with jitter %v, %v becomes %v", jitter, delay, got.Delay)
			}
		}
	}
}

func TestDeliver(t *testing.T) {
	step := func(delay time.Duration) Step { return Step{Again: true, Delay: delay} }
	tests := []struct {
		name    string
		answers []int // the last one again and again
		want    []Outcome
		steps   []Step
		err     string
		levels  string // of the log
	}{
		{name: "at once", answers: []int{204}, want: []Outcome{Accepted}, steps: []Step{{}}, levels: "INFO"},
		{name: "at last", answers: []int{500, 503, 200}, want: []Outcome{Refused, Deferred, Accepted},
			steps: []Step{step(5 * time.Second), step(30 * time.Second), {}}, levels: "WARN WARN INFO"},
		{name: "never", answers: []int{500}, want: []Outcome{Refused, Refused, Refused},
			steps: []Step{step(5 * time.Second), step(10 * time.Second), {}}, levels: "WARN WARN ERROR",
			err: "the event is not delivered: attempt 3, the last one: 500: refused"},
		{name: "gone", answers: []int{500, 410}, want: []Outcome{Refused, Gone},
			steps: []Step{step(5 * time.Second), {Disable: true}}, levels: "WARN ERROR",
			err: "the event is not delivered: attempt 2: the endpoint is gone (410); disable it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				type key struct{}
				ctx := context.WithValue(t.Context(), key{}, "of Deliver")
				var log bytes.Buffer
				c := &Client{Logger: slog.New(slog.NewTextHandler(&log, nil))}
				requests := 0
				inMemory(c, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", "30")
					w.WriteHeader(test.answers[min(requests, len(test.answers)-1)])
					requests++
				})
				var seen []Attempt
				var steps []Step
				c.OnAttempt = func(ctx context.Context, n int, a Attempt, next Step) {
					seen, steps = append(seen, a), append(steps, next)
					if n != len(seen) || ctx.Value(key{}) == nil {
						t.Errorf("attempt %d is called number %d, with the context %v", len(seen), n, ctx)
					}
				}
				p := DocumentedPolicy()
				p.Jitter = 0
				start := time.Now()
				attempts, err := c.Deliver(ctx, signedAt("http://endpoint.test/hunter2"), "evt_1", sample(t), p)

				var got []Outcome
				pauses := time.Duration(0)
				for i, a := range attempts {
					got = append(got, a.Outcome)
					if since := a.At.Sub(start); since != pauses {
						t.Errorf("attempt %d is made after %v, not %v", i+1, since, pauses)
					}
					pauses += test.steps[i].Delay
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.steps, steps); diff != "" {
					t.Errorf("steps (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(attempts, seen, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
					t.Errorf("attempts (-returned +seen):\n%s", diff)
				}
				levels := regexp.MustCompile(`level=(\w+)`).FindAllStringSubmatch(log.String(), -1)
				for i, want := range strings.Fields(test.levels) {
					if i >= len(levels) || levels[i][1] != want {
						t.Errorf("record %d is not at level %s in:\n%s", i+1, want, log.String())
					}
				}
				if err == nil != (test.err == "") || err != nil && err.Error() != test.err {
					t.Errorf("the error is %v", err)
				}
				isGone := test.answers[len(test.answers)-1] == http.StatusGone
				if errors.Is(err, ErrUndelivered) != (test.err != "") || errors.Is(err, ErrGone) != isGone {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

// A blocked address is not tried again: it would be blocked again.
func TestDeliverBlocked(t *testing.T) {
	c := newClient(t)
	attempts, err := c.Deliver(t.Context(), signedAt("http://10.0.0.7:1/"), "evt_1", sample(t), StandardPolicy())
	var blocked *BlockedError
	if len(attempts) != 1 || !errors.Is(err, ErrUndelivered) || errors.Is(err, ErrGone) || !errors.As(err, &blocked) {
		t.Errorf("the attempts are %v, and the error %v", attempts, err)
	}
	const want = "the event is not delivered: attempt 1 was blocked: 10.0.0.7 is not a public address: private (RFC 1918); " +
		"if events may go there, list it in Guard.Allow"
	if err.Error() != want {
		t.Errorf("the error is %v, not %s", err, want)
	}
}

// What Deliver logs has the attempts, and nothing that is secret.
func TestDeliverLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := &Client{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))}
		c.once.Do(c.setUp)
		requests := 0
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			requests++
			if requests == 1 {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			near, far := net.Pipe()
			go func(n int) {
				defer far.Close()
				r, err := readRequest(far)
				if err != nil {
					return
				}
				if n == 2 { // as an echo service does
					io.WriteString(far, r.Method+" "+r.RequestURI+" HTTP/1.1\r\n\r\n")
					return
				}
				io.WriteString(far, "HTTP/1.1 302 hunter2\r\nLocation: "+r.RequestURI+"/\r\nContent-Length: 7\r\n\r\nhunter2")
			}(requests)
			return near, nil
		}
		to := signedAt("http://endpoint.test:8080/hunter2?key=hunter2")
		to.Header = http.Header{"Authorization": {"hunter2"}}
		_, err := c.Deliver(t.Context(), to, "evt_1", sample(t), Policy{Delays: []time.Duration{time.Second, time.Minute}})
		const about = " event_id=evt_1 endpoint=http://endpoint.test:8080"
		want := `level=WARN msg="attempt unreachable"` + about + ` attempt=1 outcome=unreachable duration=0s phase=connecting error="dial tcp: connection refused" next_in=1s
level=WARN msg="attempt unreachable"` + about + ` attempt=2 outcome=unreachable duration=0s phase=waiting error="the answer can't be used" next_in=1m0s
level=ERROR msg="attempt refused"` + about + ` attempt=3 outcome=refused duration=0s status=302
`
		if diff := cmp.Diff(want, log.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestDeliverGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(Client)
		inMemory(c, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		attempts, err := c.Deliver(ctx, signedAt("http://endpoint.test"), "evt_1", sample(t), Policy{Delays: []time.Duration{time.Hour}})
		if len(attempts) != 1 || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrUndelivered) || time.Since(start) != time.Minute {
			t.Errorf("after %v the attempts are %v, and the error %v", time.Since(start), attempts, err)
		}

		// In the middle of an attempt, of which the endpoint has the request.
		c2 := new(Client)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		inMemory(c2, func(http.ResponseWriter, *http.Request) { <-ctx.Done() })
		attempts, err = c2.Deliver(ctx, signedAt("http://endpoint.test"), "evt_1", sample(t), DocumentedPolicy())
		if !errors.Is(err, context.DeadlineExceeded) || len(attempts) != 1 || attempts[0].Outcome != "" || attempts[0].Phase != Waiting {
			t.Errorf("the attempts are %v, and the error %v", attempts, err)
		}

		attempts, err = c.Deliver(t.Context(), Endpoint{URL: "ftp://x"}, "evt_1", sample(t), DocumentedPolicy())
		var mistake *EndpointError
		if len(attempts) != 0 || !errors.As(err, &mistake) {
			t.Errorf("the attempts are %v, and the error %v", attempts, err)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 6, 25, 15, 53, 15, 0, time.UTC)
	for _, value := range []string{
		"", "0", "00", "120", "86400", "86401", "18446744073709551616", "-1", "+1", "1.5", "1e3", " 5", "5 ", "5, 6", "0x10", "٣",
		"Thu, 25 Jun 2026 15:54:15 GMT", "Thursday, 25-Jun-26 15:54:15 GMT", "Thu Jun 25 15:54:15 2026",
		"Thu, 25 Jun 2026 15:54:15 CEST", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0000 00:00:00 GMT", "soon",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		wait, ok := parseRetryAfter(value, now)
		if wait < 0 || wait > MaxRetryAfter || !ok && wait != 0 {
			t.Errorf("%q gives %v, %t", value, wait, ok)
		}
		digits := value != "" && strings.Trim(value, "0123456789") == ""
		if digits && !ok {
			t.Errorf("%q is seconds", value)
		}
		if at, err := http.ParseTime(value); ok && !digits && err != nil || !digits && (err == nil) != ok {
			t.Errorf("%q is a date of %v, and gives %v, %t", value, at, wait, ok)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 6, 25, 15, 53, 15, 500_000_000, time.UTC)
	tests := []struct {
		value string
		wait  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{"0120", 2 * time.Minute, true},
		{"86400", MaxRetryAfter, true},
		{"86401", MaxRetryAfter, true},
		{"9223372036854775807", MaxRetryAfter, true}, // would overflow as nanoseconds
		{"18446744073709551616", MaxRetryAfter, true},
		{"Thu, 25 Jun 2026 15:54:16 GMT", 60*time.Second + 500*time.Millisecond, true},
		{"Thursday, 25-Jun-26 15:54:16 GMT", 60*time.Second + 500*time.Millisecond, true},
		{"Thu Jun 25 15:54:16 2026", 60*time.Second + 500*time.Millisecond, true},
		{"Thu, 25 Jun 2026 15:53:15 GMT", 0, true},
		{"Mon, 01 Jan 0001 00:00:00 GMT", 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", MaxRetryAfter, true},
		{"", 0, false},
		{"-1", 0, false},
		{"+1", 0, false},
		{"1.5", 0, false},
		{"1, 2", 0, false},
		{"2026-06-25T15:54:16Z", 0, false},
		{"soon", 0, false},
	}
	for _, test := range tests {
		if wait, ok := parseRetryAfter(test.value, now); wait != test.wait || ok != test.ok {
			t.Errorf("%q gives %v, %t, not %v, %t", test.value, wait, ok, test.wait, test.ok)
		}
	}
}
