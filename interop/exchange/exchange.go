// Package exchange sends to a receiver what receivers get: events, signed and
// unsigned, as documented, as servers really send them, and none at all. It is one
// suite for the receivers of all languages, held to what our own answers.
package exchange

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// start is how long a receiver may take to accept, patience how long to answer, and
// to end, and whole how long to answer everything.
const (
	start    = 2 * time.Minute
	patience = 30 * time.Second
	whole    = 5 * time.Minute
)

// Run starts the receiver of a folder by its serve.sh, sends all there is to it,
// and gives the cells of matrix.Checks. Runhooks is the path of the program. What
// the receiver prints goes to a file receiver.log of the folder. The error is that
// it can't be started, or ends.
func Run(ctx context.Context, folder, runhooks string) (cells []matrix.Cell, err error) {
	log, err := os.Create(filepath.Join(folder, "receiver.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := sender{
		url: "http://127.0.0.1:" + port + "/events", runhooks: runhooks,
		secret: signature.NewSecret(), other: signature.NewSecret(),
		client: &http.Client{Timeout: patience},
	}

	server := exec.Command("sh", "serve.sh")
	server.Dir = folder
	server.Env = append(os.Environ(), "PORT="+port, "RUNHOOKS_SECRET="+s.secret.Text())
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what serve.sh starts ends with it
	if err := server.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	defer func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
			err = errors.Join(err, errors.New("the receiver doesn't end on SIGTERM"))
		}
	}()
	if err := accepts(ctx, "127.0.0.1:"+port, ended); err != nil {
		return nil, fmt.Errorf("%w; see %s", err, log.Name())
	}
	ctx, cancel := context.WithTimeout(ctx, whole)
	defer cancel()
	return s.suite(ctx)
}

// freePort gives a port of loopback that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// accepts waits until address accepts connections.
func accepts(ctx context.Context, address string, ended chan error) error {
	ctx, cancel := context.WithTimeout(ctx, start)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the receiver has ended: %v", err)
		case <-ctx.Done():
			return errors.New("the receiver doesn't accept connections")
		case <-again.C:
		}
	}
}

// A sender sends to one receiver.
type sender struct {
	url, runhooks string
	secret, other signature.Secret
	client        *http.Client
}

// suite sends everything, and gives the cells in the order of matrix.Checks.
func (s sender) suite(ctx context.Context) ([]matrix.Cell, error) {
	var signed, tampered, deviating, noEvent matrix.Cell
	for _, name := range []string{"run_completed", "run_failed"} {
		expect(&signed, name, taken, s.trigger(ctx, s.secret, name))
		expect(&tampered, name+" of another secret", refused, s.trigger(ctx, s.other, name))
		expect(&tampered, name+" without a signature", refused, s.trigger(ctx, signature.Secret{}, name))
	}
	for _, name := range []string{"run_completed", "run_failed", "webhook_test"} {
		expect(&deviating, name+" as maxun", taken, s.trigger(ctx, s.secret, name, "--as", "maxun", "--retries", "0"))
	}

	own, err := s.own() // what isn't an event is what ours refuses
	if err != nil {
		return nil, err
	}
	for _, v := range vectors.All() {
		want := own(v.Payload)
		status := s.post(ctx, v.Payload, s.headers(v.Payload, time.Now()))
		switch {
		case v.Verdict == "conforms":
			expect(&signed, v.Name, taken, status)
		case v.Verdict == "deviates":
			expect(&deviating, v.Name, taken, status)
		case want == no && is(taken, status):
			// A lenient parser or validator lets it pass. Other answers nothing excuses.
			noEvent.Vector(false, v, "is taken, and ours refuses it")
		default:
			expect(&noEvent, v.Name, want, status)
		}
	}

	payload := sample()
	all := changes(s)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		header := s.headers(payload, time.Now())
		body := all[name](header, bytes.Clone(payload))
		expect(&tampered, name, refused, s.post(ctx, body, header))
	}
	expect(&noEvent, "an event after all of that", taken, s.post(ctx, payload, s.headers(payload, time.Now())))
	return []matrix.Cell{signed, tampered, deviating, noEvent}, nil
}

// changes are what is done to a signed request on its way, by name. Each gives the
// body that is sent, and may change the header.
func changes(s sender) map[string]func(http.Header, []byte) []byte {
	at := func(t time.Time) func(http.Header, []byte) []byte {
		return func(h http.Header, body []byte) []byte {
			clear(h)
			for name, values := range s.headers(body, t) {
				h[name] = values
			}
			return body
		}
	}
	set := func(name, value string) func(http.Header, []byte) []byte {
		return func(h http.Header, body []byte) []byte { h.Set(name, value); return body }
	}
	drop := func(name string) func(http.Header, []byte) []byte {
		return func(h http.Header, body []byte) []byte { h.Del(name); return body }
	}
	const id, timestamp, signatures = "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"
	return map[string]func(http.Header, []byte) []byte{
		"another name in it":     func(_ http.Header, b []byte) []byte { return bytes.Replace(b, []byte("Robot"), []byte("robot"), 1) },
		"a bit of it":            func(_ http.Header, b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"its last byte missing":  func(_ http.Header, b []byte) []byte { return b[:len(b)-1] },
		"a space after it":       func(_ http.Header, b []byte) []byte { return append(b, ' ') },
		"nothing of it":          func(http.Header, []byte) []byte { return nil },
		"six minutes old":        at(time.Now().Add(-6 * time.Minute)),
		"six minutes early":      at(time.Now().Add(6 * time.Minute)),
		"of 1970":                at(time.Unix(1, 0)),
		"another id":             set(id, "evt_other"),
		"an empty id":            set(id, ""),
		"no id":                  drop(id),
		"another timestamp":      set(timestamp, strconv.FormatInt(time.Now().Unix()-1, 10)),
		"a timestamp in words":   set(timestamp, "now"),
		"a fractional timestamp": set(timestamp, fmt.Sprintf("%d.5", time.Now().Unix())),
		"a negative timestamp":   set(timestamp, "-1"),
		"the least of 64 bits":   set(timestamp, "-9223372036854775808"),
		"the most of 64 bits":    set(timestamp, "9223372036854775807"),
		"beyond 64 bits":         set(timestamp, "99999999999999999999"),
		"1e400 as timestamp":     set(timestamp, "1e400"),
		"NaN as timestamp":       set(timestamp, "NaN"),
		"no timestamp":           drop(timestamp),
		"no signature":           drop(signatures),
		"an empty signature":     set(signatures, ""),
		"only the version":       set(signatures, "v1"),
		"only version and comma": set(signatures, "v1,"),
		"no base64 as signature": set(signatures, "v1,%%%"),
		"a short signature":      set(signatures, "v1,AAAA"),
		"a version nobody knows": func(h http.Header, b []byte) []byte { h.Set(signatures, "v9"+h.Get(signatures)[2:]); return b },
		"another signature":      set(signatures, "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))),
		"a thousand signatures":  set(signatures, strings.TrimSpace(strings.Repeat("v1,AAAA ", 1000))),
		"the event's name in it": func(_ http.Header, b []byte) []byte {
			return bytes.Replace(b, []byte("run_completed"), []byte("run_failed"), 1)
		},
		"an unsigned member in it": func(_ http.Header, b []byte) []byte { return bytes.Replace(b, []byte("{"), []byte(`{"x":1,`), 1) },
	}
}

// What is expected of an answer.
const (
	taken   = "2xx"
	refused = "400 or 401" // what was tampered with
	no      = "4xx"        // what is no event
)

// is tells whether an answer is what is expected.
func is(want, status string) bool {
	switch want {
	case taken:
		return len(status) == 3 && status[0] == '2'
	case refused:
		return status == "400" || status == "401"
	default:
		return len(status) == 3 && status[0] == '4'
	}
}

// expect enters into a cell what a request was answered.
func expect(c *matrix.Cell, name, want, status string) {
	c.Case(is(want, status), name, fmt.Sprintf("is answered with %s, and should be with %s", status, want))
}

// own gives what our own receiver answers to a signed payload: that it is taken,
// or not.
func (s sender) own() (func(payload []byte) string, error) {
	ours, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{s.secret}},
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return func(payload []byte) string {
		request := httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(payload))
		request.Header = s.headers(payload, time.Now())
		answer := httptest.NewRecorder()
		ours.ServeHTTP(answer, request)
		if answer.Code/100 == 2 {
			return taken
		}
		return no
	}, nil
}

// headers are those of a signed payload, with an id of its own.
func (s sender) headers(payload []byte, at time.Time) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if err := signature.SetHeaders(h, event.NewID(), at, payload, s.secret); err != nil {
		panic(err) // id and secret are ours
	}
	return h
}

// trigger gives what an event of runhooks trigger is answered.
func (s sender) trigger(ctx context.Context, secret signature.Secret, args ...string) string {
	cmd := exec.CommandContext(ctx, s.runhooks, append([]string{"trigger", "--to", s.url, "--format", "json"}, args...)...)
	cmd.Env = append(os.Environ(), "RUNHOOKS_SECRET=")
	if secret != (signature.Secret{}) {
		cmd.Env = append(os.Environ(), "RUNHOOKS_SECRET="+secret.Text())
	}
	out, err := cmd.Output() // exit code 1 is an answer, too
	var answer struct {
		Status int `json:"status"`
	}
	if json.Unmarshal(out, &answer) != nil || answer.Status == 0 {
		return fmt.Sprintf("no answer: %v", err)
	}
	return strconv.Itoa(answer.Status)
}

// post gives what a payload is answered.
func (s sender) post(ctx context.Context, payload []byte, header http.Header) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(payload))
	if err != nil {
		panic(err) // the URL is ours
	}
	request.Header = header
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Sprintf("no answer: %v", errors.Unwrap(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	return strconv.Itoa(answer.StatusCode)
}

// sample is a documented payload.
func sample() []byte {
	for _, v := range vectors.All() {
		if v.Name == "page.run-completed" {
			return v.Payload
		}
	}
	panic("the vector page.run-completed is missing")
}
