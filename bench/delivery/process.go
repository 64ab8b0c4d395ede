package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is a runhooks serve.
type process struct {
	service
	binary string
	args   []string
	data   string
	addr   string
	log    string // its file

	mu   sync.Mutex
	cmd  *exec.Cmd
	over chan struct{}
}

// database makes a new database of the cluster, and returns its URL.
func (r *run) database(ctx context.Context) (string, error) {
	r.databases++
	name := fmt.Sprintf("db%d_%d", os.Getpid(), time.Now().UnixNano())
	if err := r.cluster.run(ctx, "createdb", "-h", r.cluster.dir, "-U", "postgres", name); err != nil {
		return "", err
	}
	return r.cluster.url(name), nil
}

// serve starts a node over the run's store, with flags besides those that a test
// needs.
func (r *run) serve(ctx context.Context, flags ...string) (*process, error) {
	url := ""
	if r.store == "postgres" {
		var err error
		if url, err = r.database(ctx); err != nil {
			return nil, err
		}
	}
	return r.node(ctx, nil, url, flags...)
}

// node starts a node; beside another one, if that isn't nil.
func (r *run) node(ctx context.Context, beside *process, store string, flags ...string) (*process, error) {
	data, err := os.MkdirTemp(r.dir, "data-")
	if err != nil {
		return nil, err
	}
	return r.nodeIn(ctx, data, beside, store, flags...)
}

func (r *run) nodeIn(ctx context.Context, data string, beside *process, store string, flags ...string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &process{binary: r.binary, data: data, addr: fmt.Sprintf("127.0.0.1:%d", port), log: filepath.Join(r.dir, filepath.Base(data)+".log")}
	p.args = append([]string{"serve", "--addr", p.addr, "--data", data, "--node", filepath.Base(data), "--log-format", "json"}, flags...)
	if !strings.Contains(strings.Join(flags, " "), "--allow") {
		p.args = append(p.args, "--allow", "127.0.0.0/8")
	}
	if store != "" {
		p.args = append(p.args, "--store", store)
	}
	if store != "" {
		keys, err := r.keys(ctx)
		if err != nil {
			return nil, err
		}
		p.args = append(p.args, "--key-file", keys)
	}
	if beside != nil {
		p.token = beside.token
	}
	p.base.Store("http://" + p.addr)
	if err := p.start(ctx); err != nil {
		return nil, err
	}
	if p.token == "" {
		token, err := os.ReadFile(filepath.Join(data, "admin-token"))
		if err != nil {
			return nil, err
		}
		p.token = strings.TrimSpace(string(token))
	}
	return p, nil
}

// keys returns the file of the key that the run's nodes share.
func (r *run) keys(ctx context.Context) (string, error) {
	file := filepath.Join(r.dir, "keys")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	key, err := exec.CommandContext(ctx, r.binary, "keys", "new").Output()
	if err != nil {
		return "", err
	}
	return file, os.WriteFile(file, key, 0o600)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// start starts it, or starts it again, and waits until it is ready.
func (p *process) start(ctx context.Context) error {
	if err := p.launch(); err != nil {
		return err
	}
	return p.ready(ctx, 30*time.Second)
}

func (p *process) launch() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.binary, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	// Proxies of the environment must have no effect, so there is one in it.
	cmd.Env = append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "ALL_PROXY=http://127.0.0.1:1")
	if err := cmd.Start(); err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(over)
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.over = cmd, over
	return nil
}

// ready waits until /readyz is 200.
func (p *process) ready(ctx context.Context, patience time.Duration) error {
	_, over := p.running()
	deadline := time.Now().Add(patience)
	for {
		status, err := p.readiness(ctx)
		if status == http.StatusOK {
			return nil
		}
		select {
		case <-over:
			return fmt.Errorf("runhooks serve ended:\n%s", p.tail())
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("runhooks serve is not ready after %v (status %d, %v):\n%s", patience, status, err, p.tail())
		}
		pause(ctx, 10*time.Millisecond)
	}
}

func (p *process) readiness(ctx context.Context) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+"/readyz", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func (p *process) running() (*exec.Cmd, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd, p.over
}

// signal sends a signal, and after one that ends it, waits for the end.
func (p *process) signal(s syscall.Signal) {
	cmd, over := p.running()
	_ = cmd.Process.Signal(s)
	if s == syscall.SIGKILL {
		<-over
	}
}

// stop stops it gracefully, and returns an error if it did not end well.
func (p *process) stop() error {
	cmd, over := p.running()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-over:
	case <-time.After(45 * time.Second):
		_ = cmd.Process.Kill()
		<-over
		return errors.New("runhooks serve did not stop within 45 s")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("runhooks serve ended with %d:\n%s", code, p.tail())
	}
	return nil
}

// kill ends it whatever it does, for good.
func (p *process) kill() {
	cmd, over := p.running()
	select {
	case <-over:
	default:
		_ = cmd.Process.Kill()
		<-over
	}
}

func (p *process) pid() int {
	cmd, _ := p.running()
	return cmd.Process.Pid
}

func (p *process) tail() string {
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-3000):])
}

// resident returns the memory that it holds, in bytes, and the most that it ever did.
func (p *process) resident() (now, peak float64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	for line := range strings.Lines(string(text)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			now = kb * 1024
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			peak = kb * 1024
		}
	}
	return now, peak
}

// size returns the bytes of all files in a folder.
func size(dir string) (bytes int64) {
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}

// fileLimit returns how many files a process may have open.
func fileLimit(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var limit float64
		if n, _ := fmt.Sscanf(line, "Max open files %f", &limit); n == 1 {
			return limit, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/limits has no limit of open files", pid)
}
