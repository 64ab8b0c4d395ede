// Package serve runs the delivery service for the generated clients of its API, with
// something to deliver to.
package serve

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long the service may take to listen, and to end.
const patience = 30 * time.Second

// A Service is a running "runhooks serve", and a sink: a receiver that accepts
// everything. Both listen on loopback only.
type Service struct {
	cmd        *exec.Cmd
	sink       *httptest.Server
	url, token string
	data       string
	logged     chan struct{} // closed when the service has logged its last line
}

// Start runs the service of program, the path of runhooks, until Close. The error is
// that it does not listen; it has the first line that the service printed.
func Start(program string) (*Service, error) {
	data, err := os.MkdirTemp("", "interop")
	if err != nil {
		return nil, err
	}
	s := &Service{
		data: data, logged: make(chan struct{}),
		sink: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // so that the connection is used again
			w.WriteHeader(http.StatusNoContent)
		})),
	}
	if err := s.start(program); err != nil {
		s.sink.Close()
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	return s, nil
}

func (s *Service) start(program string) error {
	s.cmd = exec.Command(program, "serve", "--addr", "127.0.0.1:0", "--data", s.data, "--allow", "127.0.0.0/8")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that an interrupt is for Close to tell it
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	first := make(chan string, 1)
	go func() {
		defer close(s.logged)
		lines := bufio.NewReader(log)
		line, _ := lines.ReadString('\n') // what is there is shown
		first <- line
		_, _ = io.Copy(io.Discard, lines) // or the service would wait for a reader
	}()
	timer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() }) // it may have ended
	line := <-first
	timer.Stop()
	var listening struct{ URL string }
	if err := json.Unmarshal([]byte(line), &listening); err != nil || listening.URL == "" {
		_ = s.end() // it is the line that says why
		return fmt.Errorf("runhooks serve does not listen: %q", line)
	}
	s.url = listening.URL
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		return errors.Join(err, s.end())
	}
	s.token = strings.TrimSpace(string(token))
	return nil
}

// Env returns the variables by which a run.sh finds the service: its URL, a token of
// the role admin, and the URL of the sink.
func (s *Service) Env() []string {
	return []string{"SERVICE_URL=" + s.url, "SERVICE_TOKEN=" + s.token, "SERVICE_SINK=" + s.sink.URL}
}

// Close ends the service and its sink, and removes its data.
func (s *Service) Close() error {
	err := s.end()
	s.sink.Close()
	return errors.Join(err, os.RemoveAll(s.data))
}

func (s *Service) end() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)                              // it may have ended
	timer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() }) // it may have ended
	defer timer.Stop()
	<-s.logged // Wait closes the pipe
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("runhooks serve: %w", err)
	}
	return nil
}
