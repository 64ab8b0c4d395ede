package cli

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/emitter"
)

func TestRate(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration // 0 where the text is refused
	}{
		{"10/s", 100 * time.Millisecond},
		{"10", 100 * time.Millisecond},
		{"0.5/s", 2 * time.Second},
		{"90/m", time.Minute / 90},
		{"1/h", time.Hour},
		{"0/s", 0},
		{"-1/s", 0},
		{"nan", 0},
		{"inf/s", 0},
		{"1/d", 0},
		{"fast", 0},
		{"", 0},
	} {
		var r rate
		err := r.Set(tt.text)
		if (err == nil) != (tt.want > 0) || r.every != tt.want {
			t.Errorf("%q: %v, %v, want %v", tt.text, r.every, err, tt.want)
		}
	}
}

// What the user typed is allowed, and no more than that: where a name leads,
// somebody else decides.
func TestGuard(t *testing.T) {
	for _, tt := range []struct {
		to, addr string
		private  bool
		want     bool
	}{
		{"http://127.0.0.1:9000/", "127.0.0.1", false, true},
		{"http://127.0.0.1:9000/", "127.0.0.2", false, false},
		{"http://localhost:9000/", "127.0.0.1", false, true},
		{"http://localhost:9000/", "::1", false, true},
		{"http://App.LocalHost./", "127.0.0.1", false, true},
		{"http://localhost:9000/", "10.0.0.1", false, false},
		{"http://[::1]:9000/", "::1", false, true},
		{"http://10.1.2.3/", "10.1.2.3", false, true},
		{"http://10.1.2.3/", "::ffff:10.1.2.3", false, true},
		{"http://10.1.2.3/", "10.1.2.4", false, false},
		{"http://app.internal/", "10.1.2.3", false, false},
		{"http://notlocalhost/", "127.0.0.1", false, false},
		{"http://app.internal/", "10.1.2.3", true, true},
		{"http://example.com/", "93.184.215.14", false, true},
	} {
		o := triggerOptions{to: tt.to, allowPrivate: tt.private}
		err := o.guard().Check(netip.MustParseAddr(tt.addr))
		if (err == nil) != tt.want {
			t.Errorf("%s at %s (--allow-private %v): %v", tt.to, tt.addr, tt.private, err)
		}
	}
}

func TestParseSecrets(t *testing.T) {
	const one, two = "whsec_Zmlyc3Qgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM=", "whsec_b3RoZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
	t.Setenv(secretVariable, " "+one+"\n"+two+" ")
	if secrets, err := parseSecrets(nil); err != nil || len(secrets) != 2 {
		t.Errorf("of the environment: %v, %v", secrets, err)
	}
	secrets, err := parseSecrets([]string{two})
	if err != nil || len(secrets) != 1 || secrets[0].Text() != two {
		t.Errorf("given: %v, %v; want that one alone", secrets, err)
	}
	_, err = parseSecrets([]string{"whsec_c2hvcnQ="})
	if err == nil || strings.Contains(err.Error(), "c2hvcnQ") {
		t.Errorf("%v; want an error that doesn't show the secret", err)
	}
}

// What an endpoint puts off is called deferred, in text and in JSON.
func TestDeferred(t *testing.T) {
	sent := sending{url: "http://endpoint.test/", id: "evt_1", attempt: emitter.Attempt{
		Outcome: emitter.Deferred, Status: 503, RetryAfter: 2 * time.Minute,
	}}
	for _, tt := range []struct {
		json bool
		want []string
	}{
		{false, []string{"✗ 503 Service Unavailable  deferred in 0.0 ms\n", "\n  next: it asks to try again after 2m0s\n"}},
		{true, []string{`"outcome":"deferred","status":503,"retry_after":120,`}},
	} {
		var out strings.Builder
		view := &attemptView{Terminal: report.Terminal{Width: 80}, out: &out, json: tt.json}
		if err := view.show(sent); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in\n%s", want, out.String())
			}
		}
	}
}

func TestTookText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                        "0.0 ms",
		1234 * time.Microsecond:  "1.2 ms",
		12345 * time.Microsecond: "12 ms",
		1234 * time.Millisecond:  "1.2 s",
		75 * time.Second:         "75 s",
	} {
		if got := tookText(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
