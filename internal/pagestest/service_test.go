// Package pagestest tests the pages of runhooks serve in a browser: headless
// Chromium, with axe-core for what is accessible. It is a module of its own, so that
// what drives the browser is not what everybody gets who imports Runhooks.
package pagestest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that a test waits for.
const patience = 30 * time.Second

// program builds runhooks, once, and returns its path. TestMain removes it.
var program = sync.OnceValues(func() (string, error) {
	file := filepath.Join(scratch, "runhooks")
	build := exec.Command("go", "build", "-o", file, "./cmd/runhooks")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

// scratch is a folder for what all tests share.
var scratch string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "pagestest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	code := m.Run()
	closeBrowser()
	return code
}

// A service is a running "runhooks serve" with data of its own.
type service struct {
	url   string // http://127.0.0.1:1234
	token string // of an admin
	data  string // the folder
	flags []string
	stop  func()
}

// serve runs the service until the test ends, or until stop.
func serve(t *testing.T, flags ...string) *service {
	t.Helper()
	s := &service{data: t.TempDir(), flags: flags}
	s.start(t, "127.0.0.1:0")
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	s.token = strings.TrimSpace(string(token))
	return s
}

// start runs the service at an address.
func (s *service) start(t *testing.T, address string) {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(file, append([]string{"serve", "--addr", address, "--data", s.data, "--allow", "127.0.0.0/8"}, s.flags...)...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it may have ended
	first, _ := lines.ReadString('\n')                                   // what is there is shown
	timer.Stop()
	logged := make(chan []byte, 1)
	go func() {
		rest, _ := io.ReadAll(lines) // so that the service never waits for a reader
		logged <- rest
	}()
	s.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)                              // it may have ended
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it may have ended
		defer timer.Stop()
		rest := <-logged
		err := cmd.Wait()
		if err != nil {
			t.Errorf("runhooks serve: %v", err)
		}
		if err != nil || t.Failed() {
			t.Logf("runhooks serve logged:\n%s%s", first, rest)
		}
	})
	t.Cleanup(s.stop)
	var listening struct{ URL string }
	if err := json.Unmarshal([]byte(first), &listening); err != nil || listening.URL == "" {
		t.Fatalf("runhooks serve does not listen: %q", first)
	}
	s.url = strings.TrimSuffix(listening.URL, "/")
}

// call calls the API as an admin, and decodes the answer into out, unless it is nil.
func (s *service) call(t *testing.T, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s\n%s", method, path, answer.Status, text)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, text)
		}
	}
}

// object is a JSON object.
type object = map[string]any

// endpoint adds an endpoint to a robot, and returns its identifier. Further settings
// are members of the request.
func (s *service) endpoint(t *testing.T, robot, url string, settings object) string {
	t.Helper()
	body := object{"robot_id": robot, "url": url, "retry_delays": []int{1}}
	for name, value := range settings {
		body[name] = value
	}
	var created struct{ ID string }
	s.call(t, http.MethodPost, "/v1/endpoints", body, &created)
	return created.ID
}

// publish publishes a run_completed of a robot, as changed by change, unless it is nil.
func (s *service) publish(t *testing.T, robot, run string, change func(data object)) {
	t.Helper()
	data := object{
		"robot_id": robot, "run_id": run, "robot_name": "Price watch", "status": "success",
		"started_at": "2026-05-29T15:52:30.595Z", "finished_at": "2026-05-29T15:53:15.595Z",
		"extracted_data": object{
			"captured_texts":       []object{{"Product": "MacBook Pro 16-inch", "Price": "$3,999.00"}},
			"captured_lists":       object{"Best sellers": []object{{"Rank": "1", "Product": "MacBook Air"}, {"Rank": "2", "Product": "iPad"}}},
			"total_rows":           3,
			"captured_texts_count": 1,
			"captured_lists_count": 2,
			"screenshots_count":    0,
		},
		"metadata": object{"user_id": 108},
	}
	if change != nil {
		change(data)
	}
	s.call(t, http.MethodPost, "/v1/events", object{"event_type": "run_completed", "data": data}, nil)
}

// fail publishes a run_failed of a robot.
func (s *service) fail(t *testing.T, robot, run, message string) {
	t.Helper()
	s.call(t, http.MethodPost, "/v1/events", object{"event_type": "run_failed", "data": object{
		"robotId": robot, "runId": run, "robotName": "Price watch", "status": "failed",
		"error": object{"message": message, "type": "TimeoutError", "stack": ""},
	}}, nil)
}

// A sink is an endpoint on this machine. It answers as it is told to, first with 204.
type sink struct {
	*httptest.Server

	mu     sync.Mutex
	status int
	header http.Header
	body   string
	taken  int // requests
}

// newSink listens until the test ends.
func newSink(t *testing.T) *sink {
	s := &sink{status: http.StatusNoContent}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the connection is used again
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken++
		for name, values := range s.header {
			w.Header()[name] = values
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, s.body)
	}))
	t.Cleanup(s.Close)
	return s
}

// answer is what the sink answers with from now on.
func (s *sink) answer(status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.body = status, body
}

// received returns how many requests there were.
func (s *sink) received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it did not happen within %v", what, patience)
		}
		<-ticker.C
	}
}
