package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/cli"
)

// TestServeLogsAlone: what libraries write to standard error by themselves is in the
// log, as an object, or nowhere: net/http quotes what endpoints send.
func TestServeLogsAlone(t *testing.T) {
	var stray bytes.Buffer
	stdlog.SetOutput(&stray)
	t.Cleanup(func() { stdlog.SetOutput(os.Stderr) })
	endpoint, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer endpoint.Close()
	closed := make(chan error, 1) // by the service, which is then done with it
	go func() {
		conn, err := endpoint.Accept()
		if err != nil {
			closed <- err
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		request, err := http.ReadRequest(r)
		if err == nil {
			_, err = io.Copy(io.Discard, request.Body)
		}
		if err == nil {
			_, err = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\nunasked")
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		closed <- err
	}()

	data := t.TempDir()
	service := start(t, strings.NewReader(""), "serve", "--addr", "127.0.0.1:0", "--data", data, "--allow", "127.0.0.0/8", "--otlp-endpoint", "http://127.0.0.1:1")
	var listening struct{ URL string }
	if err := json.Unmarshal([]byte(service.until(`"listening"`)), &listening); err != nil {
		t.Fatal(err)
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
		{"endpoints", "create", "http://" + endpoint.Addr().String() + "/", "--robot", "shop"},
		{"events", "publish", "--sample", "run_completed", "--robot", "shop"},
	} {
		if code := cli.Run(t.Context(), append(args, "--server", listening.URL, "--data", data), strings.NewReader(""), &out, &out); code != 0 {
			t.Fatalf("%q ends with %d:\n%s", args, code, out.String())
		}
	}
	if err := cli.Await(t, "the end of the connection", closed, out.String); err != nil {
		t.Error(err)
	}
	service.stop()
	if code := service.ended(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	log := cli.Await(t, "the end of the log", lines, out.String)
	if !strings.Contains(log, `"traces can't be sent"`) {
		t.Errorf("the log doesn't have what OpenTelemetry says:\n%s", log)
	}
	if next := `"next":"runhooks endpoints create https://example.com/events --robot ROBOT --server ` + listening.URL; !strings.Contains(log, next) {
		t.Errorf("the log doesn't say what to do next:\n%s", log)
	}
	if stray.Len() > 0 {
		t.Errorf("beside the log there is %q", stray.String())
	}
}
