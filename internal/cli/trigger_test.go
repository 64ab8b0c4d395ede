package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
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
	sent := sending{request: emitter.Request{URL: "http://endpoint.test/"}, attempt: emitter.Attempt{
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

// As a server, trigger follows redirects as that server does; else it follows none.
func TestRedirects(t *testing.T) {
	type request struct {
		Method, Path, ContentType, Authorization string
		Body                                     bool
	}
	for _, tt := range []struct {
		name, path string
		args       []string
		code       int
		want       []request
		says, user string
	}{
		{"not ours", "/302", nil, 1, []request{{"POST", "/302", "application/json", "", true}}, "it redirects to", ""},
		{"moved", "/301", []string{"--as", "maxun"}, 0, []request{{"POST", "/301", "application/json", "", true}, {"GET", "/there", "", "", false}}, "though it did not arrive", ""},
		{"found", "/302", []string{"--as", "maxun"}, 0, []request{{"POST", "/302", "application/json", "", true}, {"GET", "/there", "", "", false}}, "the event doesn't arrive", ""},
		{"see other", "/303", []string{"--as", "maxun"}, 0, []request{{"POST", "/303", "application/json", "", true}, {"GET", "/there", "", "", false}}, "though it did not arrive", ""},
		{"temporary", "/307", []string{"--as", "maxun"}, 0, []request{{"POST", "/307", "application/json", "", true}, {"POST", "/there", "application/json", "", true}}, "with the same body", ""},
		{"permanent", "/308", []string{"--as", "maxun"}, 0, []request{{"POST", "/308", "application/json", "", true}, {"POST", "/there", "application/json", "", true}}, "with the same body", ""},
		{"without a place", "/304", []string{"--as", "maxun", "--retries", "0"}, 1, []request{{"POST", "/304", "application/json", "", true}}, "304 Not Modified", ""},
		{"with Basic in the URL", "/302", []string{"--as", "maxun"}, 0, []request{{"POST", "/302", "application/json", "Basic dXNlcjpwYXNz", true}, {"GET", "/there", "", "Basic dXNlcjpwYXNz", false}}, "though it did not arrive", "user:pass@"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = append(got, request{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), len(body) > 0})
				if status, err := strconv.Atoi(r.URL.Path[1:]); err == nil {
					if status != 304 {
						w.Header().Set("Location", "/there#x")
					}
					w.WriteHeader(status)
				}
			}))
			defer server.Close()
			to := strings.Replace(server.URL, "://", "://"+tt.user, 1) + tt.path
			var out, errOut bytes.Buffer
			code := Run(t.Context(), append([]string{"trigger", "run_failed", "--unsigned", "--to", to}, tt.args...), strings.NewReader(""), &out, &errOut)
			text := strings.Join(strings.Fields(out.String()+errOut.String()), " ")
			if code != tt.code || !strings.Contains(text, tt.says) || strings.Contains(text, "pass") {
				t.Errorf("exit code %d, want %d, and %q in\n%s%s", code, tt.code, tt.says, out.String(), errOut.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	loop := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
	defer loop.Close()
	var out bytes.Buffer
	code := Run(t.Context(), []string{"trigger", "run_failed", "--unsigned", "--as", "maxun", "--retries", "0", "--to", loop.URL}, strings.NewReader(""), &out, &out)
	if n := strings.Count(out.String(), "\nGET "); code != 1 || n != maxRedirects {
		t.Errorf("exit code %d, and %d GETs", code, n)
	}
}

// Each way to tamper makes the signature another one than that of what is sent, and
// leaves the payload as it was.
func TestTamper(t *testing.T) {
	secret := signature.NewSecret()
	verifier := signature.Verifier{Secrets: []signature.Secret{secret}}
	for _, payload := range []string{`{"a":"x","n":108}`, `{"a":"x"}`, `[]`, `x`, ``} {
		for _, way := range tamperWays {
			body := []byte(payload)
			r := emitter.Request{Header: make(http.Header), Body: body}
			signer := secret
			if way == "secret" {
				signer = signature.NewSecret()
			}
			if err := signature.SetHeaders(r.Header, "evt_1", time.Now(), r.Body, signer); err != nil {
				t.Fatal(err)
			}
			tamper(&r, way)
			_, err := verifier.Verify(r.Header, r.Body)
			if unchanged := payload == "" && (way == "body" || way == "truncate"); (err == nil) != unchanged {
				t.Errorf("%s of %q: %v", way, payload, err)
			}
			if string(body) != payload {
				t.Errorf("%s of %q changes it to %q", way, payload, body)
			}
			if strings.HasPrefix(payload, "{") && way == "body" && !json.Valid(r.Body) {
				t.Errorf("%s is no JSON any more", r.Body)
			}
		}
	}
}
