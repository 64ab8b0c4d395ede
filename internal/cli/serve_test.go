package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestServe: what starts without a terminal logs objects, with no token in them, and
// what it traced reaches the collector before it ends.
func TestServe(t *testing.T) {
	traces := make(chan []byte, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
		traces <- body
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	data := filepath.Join(t.TempDir(), "data")

	service := start(t, strings.NewReader(""), "serve", "--addr", "127.0.0.1:0", "--data", data, "--otlp-endpoint", collector.URL)
	var listening struct{ Level, Msg, URL, Store string }
	if err := json.Unmarshal([]byte(service.until(`"listening"`)), &listening); err != nil {
		t.Fatal(err)
	}
	if listening.Level != "INFO" || !strings.Contains(listening.Store, data) {
		t.Errorf("the first line is %+v", listening)
	}
	lines := make(chan string, 1)
	go func() { // or it would wait for a reader
		for service.output.Scan() {
			service.seen.WriteString(service.output.Text() + "\n")
		}
		lines <- service.seen.String()
	}()

	var out bytes.Buffer
	for _, args := range [][]string{
		{"events", "publish", "--sample", "run_completed", "--robot", "shop"},
		{"events", "list"},
	} {
		if code := cli.Run(t.Context(), append(args, "--server", listening.URL, "--data", data), strings.NewReader(""), &out, &out); code != 0 {
			t.Fatalf("%q ends with %d:\n%s", args, code, out.String())
		}
	}
	service.stop()
	if code := service.ended(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	log := cli.Await(t, "the end of the log", lines, out.String)
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line is not JSON: %s", line)
		}
	}
	if strings.Contains(log, "rh_") {
		t.Errorf("the log has a token:\n%s", log)
	}
	if sent := cli.Await(t, "a trace", traces, func() string { return log }); !bytes.Contains(sent, []byte("service.name")) {
		t.Errorf("the collector got %q", sent)
	}
}

// TestStop: the first signal lets an attempt under way end, for --grace. A second one
// doesn't. What did not end is made again at the next start.
func TestStop(t *testing.T) {
	const grace = time.Second
	for _, test := range []struct {
		name     string
		flags    []string
		answered bool      // after the first signal
		second   os.Signal // or nil
		code     int
		says     string
	}{
		{name: "an answer", answered: true, says: "stopped"},
		{name: "no answer", flags: []string{"--grace", grace.String()}, says: "stopped"},
		{name: "SIGINT twice", second: os.Interrupt, code: 130, says: "runhooks: ended at once by a second signal (interrupt)"},
		{name: "SIGINT, then SIGTERM", second: syscall.SIGTERM, code: 143, says: "runhooks: ended at once by a second signal (terminated)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			arrived, gone, answer := make(chan string, 10), make(chan time.Time, 10), make(chan struct{})
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				arrived <- r.Header.Get("Webhook-Id")
				select {
				case <-answer:
				case <-r.Context().Done():
					gone <- time.Now()
				}
			}))
			defer receiver.Close()
			data := filepath.Join(t.TempDir(), "data")
			flags := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data, "--allow", "127.0.0.0/8", "--log-format", "text"}, test.flags...)
			ask := func(service *running, args ...string) string {
				t.Helper()
				var out bytes.Buffer
				_, url, _ := strings.Cut(service.seen.String(), "listening on ")
				url, _, _ = strings.Cut(url, "\n")
				if code := cli.Run(t.Context(), append(args, "--server", url, "--data", data), nil, &out, &out); code != 0 {
					t.Fatalf("%q ends with %d:\n%s", args, code, out.String())
				}
				return out.String()
			}

			service, process := startProcess(t, flags...)
			service.until("Ctrl-C ends")
			ask(service, "endpoints", "create", receiver.URL, "--robot", "shop")
			ask(service, "events", "publish", "--sample", "run_completed", "--robot", "shop")
			id := cli.Await(t, "the attempt", arrived, service.seen.String)
			asked := time.Now()
			if err := process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			service.until("stopping: attempts under way may end")
			if test.answered {
				answer <- struct{}{}
			}
			if test.second != nil {
				if err := process.Signal(test.second); err != nil {
					t.Fatal(err)
				}
			}
			service.until(test.says)
			if code := service.ended(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !test.answered {
				at := cli.Await(t, "the end of the connection", gone, service.seen.String)
				if waited := at.Sub(asked); test.second == nil && waited < grace {
					t.Errorf("it waited for %v, and not for %v", waited, grace)
				}
			}

			next := start(t, nil, append(flags, "--log-level", "error")...) // more would wait for a reader
			next.until("Ctrl-C ends")
			if test.answered {
				if list := ask(next, "deliveries", "list"); !regexp.MustCompile(`dlv_1 +delivered +1 `).MatchString(list) {
					t.Errorf("it didn't wait for the attempt:\n%s", list)
				}
			} else if again := cli.Await(t, "the next attempt", arrived, next.seen.String); again != id {
				t.Errorf("%s is delivered next, want %s", again, id)
			}
			close(answer)
			next.stop()
			if code := next.ended(); code != 0 {
				t.Errorf("the next one ends with %d", code)
			}
		})
	}
}
