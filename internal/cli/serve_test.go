package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

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
