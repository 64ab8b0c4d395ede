package emitter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPolicy(t *testing.T) {
	refused := Attempt{Outcome: Refused, Status: 500}
	after := func(wait time.Duration) Attempt { return Attempt{Outcome: RetryAfter, RetryAfter: wait} }
	again := func(delay time.Duration) Decision { return Decision{Again: true, Delay: delay} }
	tests := []struct {
		name   string
		policy Policy
		n      int
		a      Attempt
		want   Decision
	}{
		{"accepted", PagePolicy(), 1, Attempt{Outcome: Accepted}, Decision{}},
		{"gone", PagePolicy(), 1, Attempt{Outcome: Gone}, Decision{Disable: true}},
		{"gone at last", PagePolicy(), 3, Attempt{Outcome: Gone}, Decision{Disable: true}},
		{"first", PagePolicy(), 1, refused, again(5 * time.Second)},
		{"second", PagePolicy(), 2, refused, again(10 * time.Second)},
		{"third and last", PagePolicy(), 3, refused, Decision{}},
		{"unreachable", PagePolicy(), 1, Attempt{Outcome: Unreachable}, again(5 * time.Second)},
		{"blocked", PagePolicy(), 1, Attempt{Outcome: Blocked}, again(5 * time.Second)},
		{"asks for more", PagePolicy(), 1, after(time.Minute), again(time.Minute)},
		{"asks for less", PagePolicy(), 2, after(time.Second), again(10 * time.Second)},
		{"asks for nothing", PagePolicy(), 2, after(0), again(10 * time.Second)},
		{"asks for more, at last", PagePolicy(), 3, after(time.Minute), Decision{}},
		{"last but one of the standard", StandardPolicy(), 9, refused, again(24 * time.Hour)},
		{"last of the standard", StandardPolicy(), 10, refused, Decision{}},
		{"none of the numbers", StandardPolicy(), 0, refused, Decision{}},
		{"zero", Policy{}, 1, refused, Decision{}},
		{"delay below zero", Policy{Delays: []time.Duration{-1}}, 1, refused, again(0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Jitter = 0
			if diff := cmp.Diff(test.want, test.policy.Next(test.n, test.a)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
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
	for _, p := range []Policy{PagePolicy(), StandardPolicy()} {
		for n := range len(p.Delays) {
			for _, wait := range []time.Duration{0, 7 * time.Second, MaxRetryAfter} {
				least := max(p.Delays[n], wait)
				for _, random := range []float64{0, 0.25, 0.999, 1, -3} {
					p.Rand = func() float64 { return random }
					got := p.Next(n+1, Attempt{Outcome: RetryAfter, RetryAfter: wait}).Delay
					if want := least + time.Duration(0.1*max(random, 0)*float64(least)); (got - want).Abs() > 1 {
						t.Errorf("delay %v with %v of jitter is %v, not %v", least, random, got, want)
					}
				}
				p.Rand = nil
				for range 100 {
					if got := p.Next(n+1, Attempt{Outcome: RetryAfter, RetryAfter: wait}).Delay; got < least || got > least+least/10 {
						t.Errorf("delay %v with jitter is %v", least, got)
					}
				}
			}
		}
	}
}

func TestDeliver(t *testing.T) {
	tests := []struct {
		name    string
		answers []int // the last one again and again
		want    []Outcome
		waits   []time.Duration
		err     string
	}{
		{name: "at once", answers: []int{204}, want: []Outcome{Accepted}},
		{name: "at last", answers: []int{500, 503, 200}, want: []Outcome{Refused, RetryAfter, Accepted},
			waits: []time.Duration{5 * time.Second, 30 * time.Second}},
		{name: "never", answers: []int{500}, want: []Outcome{Refused, Refused, Refused},
			waits: []time.Duration{5 * time.Second, 10 * time.Second},
			err:   "the event is not delivered after 3 attempts; the last one: 500: refused"},
		{name: "gone", answers: []int{500, 410}, want: []Outcome{Refused, Gone},
			waits: []time.Duration{5 * time.Second},
			err:   "the event is not delivered after 2 attempts; the last one: 410: gone"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t)
			var waits []time.Duration
			c.Wait = func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(test.answers[min(requests, len(test.answers)-1)])
				requests++
			}))
			t.Cleanup(server.Close)
			p := PagePolicy()
			p.Jitter = 0
			attempts, err := c.Deliver(t.Context(), signedAt(server.URL), sample(t), p)
			var got []Outcome
			for _, a := range attempts {
				got = append(got, a.Outcome)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.waits, waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if test.err == "" && err != nil || test.err != "" && (!errors.Is(err, ErrUndelivered) || err.Error() != test.err) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestDeliverGivenUp(t *testing.T) {
	c := newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	p := Policy{Delays: []time.Duration{time.Hour}}

	waiting := make(chan struct{})
	go func() { <-waiting; cancel() }()
	p.Rand = func() float64 { close(waiting); return 0 } // asked for right before the wait
	attempts, err := c.Deliver(ctx, signedAt(server.URL), sample(t), p)
	if len(attempts) != 1 || !errors.Is(err, context.Canceled) || errors.Is(err, ErrUndelivered) {
		t.Errorf("the attempts are %v, and the error %v", attempts, err)
	}

	attempts, err = c.Deliver(t.Context(), Endpoint{URL: "ftp://x"}, sample(t), p)
	var mistake *EndpointError
	if len(attempts) != 0 || !errors.As(err, &mistake) {
		t.Errorf("the attempts are %v, and the error %v", attempts, err)
	}
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
