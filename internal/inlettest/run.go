package inlettest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/gen/service"
)

// A Trial is a service with an inlet and an endpoint, and a server that sends to it.
type Trial struct {
	// Program runs runhooks with arguments.
	Program func(args ...string) *exec.Cmd
	// Data is a folder for the service's data.
	Data string
	// Endpoint is the URL of the receiver, and Secret, whsec_…, that by which deliveries
	// to it are signed.
	Endpoint, Secret string
	// Form is that of the endpoint.
	Form service.Form
	// Payloads are what the server sends, several at a time. No two may be alike.
	Payloads [][]byte
	// Kills is how often the service is killed meanwhile, and started again.
	Kills int
}

// A Result is what came of a trial.
type Result struct {
	// Answers has an entry for each payload.
	Answers []Answer
	// Events are their ids, as the inlet has answered.
	Events []string
	// EndpointID is that of the endpoint.
	EndpointID string
	// Again is how often a payload was sent again.
	Again int
}

// robot is the one to whose endpoint all events go.
const robot = "robot-of-the-trial"

// Run runs a trial, until all that was sent is delivered. The error says what was lost,
// if it is not about the trial itself.
func (t *Trial) Run(ctx context.Context) (*Result, error) {
	s := &process{trial: t, addr: "127.0.0.1:0"}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	defer s.kill()
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	robotID, kind := robot, t.Form
	var endpoint service.Endpoint
	if err := ask(&endpoint)(api.CreateEndpoint(ctx, service.EndpointCreate{
		RobotID: &robotID, URL: t.Endpoint, Secret: &t.Secret, Form: &kind, RetryDelays: []int{1},
	})); err != nil {
		return nil, err
	}
	var inlet service.Inlet
	if err := ask(&inlet)(api.CreateInlet(ctx, service.InletCreate{Name: "trial", RobotID: &robotID})); err != nil {
		return nil, err
	}

	r := &Result{Answers: make([]Answer, len(t.Payloads)), Events: make([]string, len(t.Payloads)), EndpointID: endpoint.ID}
	server := &Server{URL: *inlet.URL, Pause: s.up}
	if err := t.send(ctx, server, s, r); err != nil {
		return r, err
	}
	return r, s.delivered(ctx, api, len(t.Payloads))
}

// atOnce is how many runs of the server end at a time.
const atOnce = 4

// send sends all payloads, and kills the service when parts of them are accepted.
func (t *Trial) send(ctx context.Context, server *Server, s *process, r *Result) error {
	var mu sync.Mutex
	var failed error
	accepted, kills := 0, 0
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				answer, err := server.Send(ctx, t.Payloads[i])
				var received service.Received
				switch {
				case err != nil:
					err = fmt.Errorf("payload %d is lost: %w", i, err)
				case answer.Emptied:
					err = fmt.Errorf("payload %d is lost: a redirect made a GET of it", i)
				default:
					if err = json.Unmarshal(answer.Body, &received); err == nil && received.SetAside {
						err = fmt.Errorf("payload %d is set aside: %s", i, answer.Body)
					}
				}
				mu.Lock()
				failed = errors.Join(failed, err)
				r.Answers[i], r.Events[i] = answer, received.EventID
				r.Again += answer.Tries - 1
				accepted++
				killing := kills < t.Kills && accepted*(t.Kills+1) > (kills+1)*len(t.Payloads)
				if killing {
					kills++
				}
				mu.Unlock()
				if killing {
					if err := s.restart(ctx); err != nil {
						mu.Lock()
						failed = errors.Join(failed, err)
						mu.Unlock()
					}
				}
			}
		})
	}
	for i := range t.Payloads {
		next <- i
	}
	close(next)
	workers.Wait()
	if failed == nil && kills < t.Kills {
		failed = fmt.Errorf("the service was killed %d times, and not %d times", kills, t.Kills)
	}
	return failed
}

// A process is the service, which may be killed.
type process struct {
	trial *Trial
	addr  string // the same after each start

	mu      sync.Mutex
	url     string
	cmd     *exec.Cmd
	log     *lines
	running chan struct{} // closed while it listens
}

// lines is what a process prints, of which the first line says where it listens.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	first chan string
}

// start starts the service, and returns when it listens.
func (p *process) start(ctx context.Context) error {
	cmd := p.trial.Program("serve", "--addr", p.addr, "--data", p.trial.Data, "--allow", "127.0.0.0/8")
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	l := &lines{first: make(chan string, 1)}
	go l.read(out)
	p.mu.Lock()
	p.cmd, p.log = cmd, l
	if p.running == nil {
		p.running = make(chan struct{})
	}
	p.mu.Unlock()
	var line string
	select {
	case line = <-l.first:
	case <-ctx.Done():
		return ctx.Err()
	}
	var listening struct{ URL string }
	if err := json.Unmarshal([]byte(line), &listening); err != nil || listening.URL == "" {
		return fmt.Errorf("runhooks serve doesn't listen: %s%s", line, l.seen())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = strings.TrimSuffix(listening.URL, "/")
	p.addr = strings.TrimPrefix(p.url, "http://")
	close(p.running)
	return nil
}

func (l *lines) read(out io.Reader) {
	r := bufio.NewReader(out)
	line, _ := r.ReadString('\n') // what is there is shown
	l.first <- line
	_, _ = io.Copy(l, r)
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) seen() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// kill ends the service at once, by SIGKILL.
func (p *process) kill() {
	p.mu.Lock()
	cmd := p.cmd
	p.running = make(chan struct{})
	p.mu.Unlock()
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()         // that it was killed
}

func (p *process) restart(ctx context.Context) error {
	p.kill()
	return p.start(ctx)
}

// up waits until the service listens, as long as a real server would wait.
func (p *process) up(ctx context.Context) error {
	p.mu.Lock()
	running := p.running
	p.mu.Unlock()
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) client() (*service.Client, error) {
	token, err := os.ReadFile(filepath.Join(p.trial.Data, "admin-token"))
	if err != nil {
		return nil, err
	}
	bearer := "Bearer " + strings.TrimSpace(string(token))
	return service.NewClient(p.url, service.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", bearer)
		return nil
	}))
}

// delivered waits until so many deliveries are made.
func (p *process) delivered(ctx context.Context, api *service.Client, n int) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	limit := 500
	for {
		var page service.DeliveryPage
		state := service.DeliveryStateDelivered
		err := ask(&page)(api.ListDeliveries(ctx, &service.ListDeliveriesParams{State: &state, Limit: &limit}))
		if err != nil {
			return err
		}
		if len(page.Items) >= n {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d events are delivered: %w; the log:\n%s", len(page.Items), n, ctx.Err(), p.log.seen())
		case <-again.C:
		}
	}
}

// ask reads an answer of the API into out.
func ask(out any) func(*http.Response, error) error {
	return func(answer *http.Response, err error) error {
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		if answer.StatusCode/100 != 2 {
			return fmt.Errorf("the service answers %s: %.500s", answer.Status, body)
		}
		return json.Unmarshal(body, out)
	}
}
