package cli_test

import (
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/pkg/signature"
)

// client sends what tests send, and doesn't wait for ever.
var client = &http.Client{Timeout: cli.Patience}

// startListener runs runhooks listen on a free port, and returns its URL. end
// waits for it to end by itself, and returns what it printed.
func startListener(t *testing.T, flags ...string) (url string, end func() string) {
	t.Helper()
	var out, errOut cli.Output
	seen := func() string { return out.String() + errOut.String() }
	urls := make(chan string, 1)
	ended := make(chan int, 1)
	go func() {
		defer close(urls)
		ended <- cli.Run(t.Context(), append([]string{"listen", "--addr", ":0"}, flags...), strings.NewReader(""), &out,
			writerFunc(func(b []byte) (int, error) {
				if _, rest, ready := strings.Cut(string(b), "listening on "); ready {
					url, _, _ := strings.Cut(rest, "\n")
					urls <- url
				}
				return errOut.Write(b)
			}))
	}()
	url = cli.Await(t, "the listener's URL", urls, seen)
	if url == "" {
		t.Fatalf("the listener doesn't start: exit code %d\n%s", <-ended, seen())
	}
	return url, func() string {
		if code := cli.Await(t, "the listener's end", ended, seen); code != 0 {
			t.Errorf("exit code %d\n%s", code, seen())
		}
		return out.String()
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// What arrives at once is shown one after the other, and recorded line by line.
func TestListenAtOnce(t *testing.T) {
	t.Setenv("RUNHOOKS_SECRET", "")
	recording := filepath.Join(t.TempDir(), "events.ndjson")
	// What was cut short there keeps to its own line.
	if err := os.WriteFile(recording, []byte(`{"event_type":`), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 64
	payload := sample(t, "page.run-completed")
	url, end := startListener(t, "--record", recording, "--count", "64")
	var senders sync.WaitGroup
	for range n {
		senders.Go(func() {
			resp, err := client.Post(url, "application/json", bytes.NewReader(payload))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	senders.Wait()
	out := end()
	if got := len(regexp.MustCompile(`(?m)^✓ .*  run_completed  conforms  → 204 in .*\n  Test Robot · `).FindAllString(out, -1)); got != n {
		t.Errorf("%d are shown, want %d:\n%s", got, n, out)
	}
	if got := strings.Count(out, "duplicate"); got > n-1 {
		t.Errorf("%d are duplicates", got)
	}
	if !strings.HasSuffix(out, "\n64 payloads: 64 conform, 0 deviate, 0 invalid\n") {
		t.Errorf("the end is %q", out[max(0, len(out)-100):])
	}
	lines, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	one := strings.ReplaceAll(strings.TrimRight(string(payload), "\n"), "\n", " ")
	if want := `{"event_type":` + "\n" + strings.Repeat(one+"\n", n); string(lines) != want {
		t.Errorf("recorded:\n%s", lines)
	}
}

// Whatever comes is shown, with what to do about it.
func TestListenExplains(t *testing.T) {
	t.Setenv("RUNHOOKS_SECRET", "")
	payload := sample(t, "page.run-failed")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(payload)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, contentType, encoding string
		body                                []byte
		status                              int
		want                                []string
	}{
		{"compressed", "POST", "application/json; charset=utf-8", "gzip", zipped.Bytes(), 204,
			[]string{"  run_failed  conforms  → 204 "}},
		{"a redirect's GET", "GET", "", "", nil, 405,
			[]string{"  GET /in?x=***  turned away  → 405 ", "a redirect on the way lost its body"}},
		{"a form", "POST", "application/x-www-form-urlencoded", "", payload, 415,
			[]string{"  turned away  → 415 ", "send application/json"}},
		{"an odd encoding", "POST", "application/json", "br", payload, 415,
			[]string{"  turned away  → 415 ", "send gzip, once, or none"}},
		{"no gzip", "POST", "application/json", "gzip", payload, 400,
			[]string{"  turned away  → 400 ", "not the gzip that Content-Encoding says"}},
		{"nothing", "POST", "application/json", "", nil, 422,
			[]string{"  no event  invalid  → 422 ", "error json.syntax 1:1 decides: there is no JSON here"}},
		{"no event", "POST", "application/json", "", []byte(`[1]`), 422,
			[]string{"  no event  invalid  → 422 ", "error schema.type 1:1 decides: expected an object"}},
		{"an unknown event", "POST", "application/json", "", []byte(`{"event_type":"order\u001b[31m_paid"}`), 204,
			[]string{`  order\u001b[31m_paid  invalid  → 204 `, "error event.type-unknown 1:15 "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, end := startListener(t, "--path", "/in", "--count", "1")
			send := func(method string, body []byte) int {
				req, err := http.NewRequestWithContext(t.Context(), method, url+"?x=1", bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if tt.contentType != "" {
					req.Header.Set("Content-Type", tt.contentType)
				}
				if tt.encoding != "" {
					req.Header.Set("Content-Encoding", tt.encoding)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				_, _ = io.Copy(io.Discard, resp.Body)
				return resp.StatusCode
			}
			if got := send(tt.method, tt.body); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if tt.method != "POST" {
				send("POST", nil) // which ends the listener
			}
			out := end()
			joined := strings.ReplaceAll(out, "\n  ", " ") // where lines were broken
			for _, want := range tt.want {
				if !strings.Contains(out, want) && !strings.Contains(joined, want) {
					t.Errorf("%q isn't shown:\n%s", want, out)
				}
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("an escape sequence comes through: %q", out)
			}
		})
	}
}

// A signature that is refused is said to be what it looks like, once.
func TestListenExplainsSignatures(t *testing.T) {
	secret := signature.NewSecret()
	t.Setenv("RUNHOOKS_SECRET", secret.Text())
	payload := sample(t, "page.run-failed")
	for _, tt := range []struct {
		name, header, value string
		want                []string
	}{
		{"hexadecimal", signature.HeaderSignature, "v1," + strings.Repeat("0a", 32), []string{
			"malformed header: Webhook-Signature is in hexadecimal, not in base64;", "next: sign as Standard Webhooks specifies;",
		}},
		{"milliseconds", signature.HeaderTimestamp, fmt.Sprint(time.Now().UnixMilli()), []string{
			"malformed header: Webhook-Timestamp looks like milliseconds; it takes seconds since 1970", "next: sign as Standard Webhooks specifies;",
		}},
		{"an id with a full stop", signature.HeaderID, "msg.1", []string{"Webhook-Id has a full stop at byte 3;"}},
		{"no id", signature.HeaderID, "", []string{
			"missing header: Webhook-Id", "next: send webhook-id, webhook-timestamp and webhook-signature, each once",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, end := startListener(t, "--count", "1")
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(payload))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if err := signature.SetHeaders(req.Header, "msg_1", time.Now(), payload, secret); err != nil {
				t.Fatal(err)
			}
			req.Header.Set(tt.header, tt.value)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("status %d", resp.StatusCode)
			}
			joined := strings.Join(strings.Fields(end()), " ")
			for _, want := range tt.want {
				if n := strings.Count(joined, want); n != 1 {
					t.Errorf("%q is shown %d times: %s", want, n, joined)
				}
			}
		})
	}
}

// Where an event can't be passed on, or is redirected, the listener says what to do.
func TestForwardAdvice(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	start := func(handler http.Handler, secure bool) *httptest.Server {
		server := httptest.NewUnstartedServer(handler)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		return server
	}
	secure := start(ok, true)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	moved := start(http.RedirectHandler("/login?next=hush-hush", http.StatusFound), false)
	for _, tt := range []struct {
		name, forward string
		flags         []string
		status        int
		want          string
	}{
		{"redirect", moved.URL + "/events", nil, 302, "it redirects to " + moved.URL + "/login?next=*** next: give --forward " + moved.URL + "/login?next=***; the sender gets this redirect"},
		{"unknown authority", secure.URL, nil, 502, "give --ca FILE"},
		{"with --ca", secure.URL, []string{"--ca", ca}, 204, "→ 204 from https://"},
		{"with --insecure-skip-verify", secure.URL, []string{"--insecure-skip-verify"}, 204, "→ 204 from https://"},
		{"http to https", strings.Replace(secure.URL, "https", "http", 1), nil, 400, "what listens there speaks https: send to " + secure.URL},
		{"https to http", strings.Replace(moved.URL, "http", "https", 1), nil, 502, "doesn't speak https: send to " + moved.URL},
		{"crashes", start(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), false).URL, nil, 502, "it closed the connection without an answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, end := startListener(t, append([]string{"--count", "1", "--forward", tt.forward}, tt.flags...)...)
			payload, err := os.ReadFile("../../vectors/deviates/wild.test.json")
			if err != nil {
				t.Fatal(err)
			}
			follow := *client
			follow.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			answer, err := follow.Post(url, "application/json", bytes.NewReader(payload))
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			out := end()
			if text := strings.Join(strings.Fields(out), " "); answer.StatusCode != tt.status || !strings.Contains(text, tt.want) || strings.Contains(text, "hush") {
				t.Errorf("status %d, want %d, and %q in\n%s", answer.StatusCode, tt.status, tt.want, out)
			}
		})
	}
}
