package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/skiptest"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

const secret = "dN7rJ2kXq0vB5wZtHc4uW9pLs2eF7jGa"

// Each receiver takes the events of a server that signs nothing, and of nobody else,
// and tells nothing of its secret.
func TestReceivers(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name    string
		build   []string
		command []string
	}{
		{"Go", []string{"go", "build", "-o", filepath.Join(dir, "receiver"), "."}, []string{filepath.Join(dir, "receiver")}},
		{"Python", nil, []string{"python3", "receiver.py"}},
		{"Node.js", nil, []string{"node", "receiver.mjs"}},
		{"Java", nil, []string{"java", "Receiver.java"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			needs(t, tt.command[0])
			if tt.build != nil {
				run(t, tt.build...)
			}
			check(t, tt.command)
		})
	}
	t.Run("Rust", func(t *testing.T) {
		needs(t, "rustc")
		run(t, "rustc", "--edition", "2021", "--test", "-o", filepath.Join(dir, "sender"), "sender.rs")
		run(t, filepath.Join(dir, "sender"))
	})
}

// Each typed receiver gets the rows of what a listener passes on, and takes nothing else.
func TestTyped(t *testing.T) {
	dir := t.TempDir()
	runhooks := filepath.Join(dir, "runhooks")
	run(t, "go", "build", "-o", runhooks, "../../cmd/runhooks")
	forward := signature.NewSecret().Text()
	for _, tt := range []struct {
		name    string
		command []string
	}{
		{"Python", []string{"python3", "typed.py"}},
		{"Node.js", []string{"node", "typed.mjs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			needs(t, tt.command[0])
			env := []string{"RUNHOOKS_FORWARD_SECRET=" + forward, "RUNHOOKS_SECRET=", "PORT=0"}
			port, said := program(t, env, tt.command...)
			receiver := "http://127.0.0.1:" + port + "/"
			url, _ := program(t, env, runhooks, "listen", "--addr", "127.0.0.1:0", "--forward", receiver, "--forward-as", "canonical", "--path-secret", secret)
			if status := post(t, url+secret, "wild.ui-extract"); status != http.StatusNoContent {
				t.Errorf("status %d", status)
			}
			if status := post(t, receiver, "wild.ui-extract"); status != http.StatusUnauthorized {
				t.Errorf("unsigned, status %d", status)
			}
			if got := said(); !strings.HasPrefix(got, "sha256:") || !strings.Contains(got, " run_completed ") || !strings.Contains(got, `{"`) {
				t.Errorf("it says\n%s", got)
			}
		})
	}
}

// program starts a program that says where it listens, and ends it after the test. The
// function ends it, and returns what else it said.
func program(t *testing.T, env []string, command ...string) (at string, said func() string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	lines := bufio.NewScanner(out)
	var rest strings.Builder
	said = sync.OnceValue(func() string {
		cancel()
		for lines.Scan() {
			rest.WriteString(lines.Text() + "\n")
		}
		_ = cmd.Wait() // it was killed
		out.Close()
		return rest.String()
	})
	t.Cleanup(func() { said() })
	lines.Scan()
	at, ok := strings.CutPrefix(lines.Text(), "listening on ")
	if !ok {
		t.Fatalf("%s doesn't start: %s\n%s", command[0], lines.Text(), said())
	}
	return at, said
}

func post(t *testing.T, url, vector string) (status int) {
	event, ok := vectors.Wild(vector)
	if !ok {
		t.Fatalf("there is no vector %s", vector)
	}
	client := &http.Client{Timeout: 30 * time.Second}
	answer, err := client.Post(url, "application/json", bytes.NewReader(event.Payload))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	client.CloseIdleConnections()
	return answer.StatusCode
}

func needs(t *testing.T, command string) {
	if _, err := exec.LookPath(command); err != nil && !strings.Contains(command, "/") {
		skiptest.Missing(t, command)
	}
}

func run(t *testing.T, command ...string) {
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func check(t *testing.T, command []string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "EVENTS_SECRET="+secret, "PORT=0")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		_ = cmd.Wait()
		t.Fatalf("it doesn't start: %s", errOut.String())
	}
	port, ok := strings.CutPrefix(lines.Text(), "listening on ")
	if !ok {
		t.Fatalf("it says %q", lines.Text())
	}

	event, _ := vectors.Wild("wild.ui-extract")
	client := &http.Client{Timeout: 30 * time.Second}
	for _, tt := range []struct {
		target, user, password string
		want                   []int
	}{
		{"/events/" + secret, "", "", []int{204}},
		{"/events/" + secret, "", "", []int{200, 204}}, // again
		{"/events/", "robot", secret, []int{200, 204}},
		{"/events/?secret=" + secret, "", "", []int{200, 204}},
		{"/events/?a=b&secret=" + secret, "", "", []int{200, 204}},
		{"/events/", "", "", []int{401, 404}},
		{"/events/" + secret[1:], "", "", []int{401, 404}},
		{"/events/" + secret + "/", "", "", []int{401, 404}},
		{"/events/?secret=" + secret[1:], "", "", []int{401, 404}},
		{"/events/?secret=", "", "", []int{401, 404}},
		{"/events/", "robot", secret[1:], []int{401, 404}},
		{"/events/", "robot", "", []int{401, 404}},
		{"/events/", "other", secret, []int{401, 404}},
	} {
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+tt.target, bytes.NewReader(event.Payload))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.password)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", tt.target, err)
		}
		answer.Body.Close()
		if text := fmt.Sprint(tt.want); !strings.Contains(text, fmt.Sprint(answer.StatusCode)) {
			t.Errorf("%s as %q: status %d, want one of %s", tt.target, tt.user, answer.StatusCode, text)
		}
	}
	client.CloseIdleConnections()
	cancel()
	said := ""
	for lines.Scan() {
		said += lines.Text() + "\n"
	}
	_ = cmd.Wait() // it was killed
	const key = "sha256:"
	if strings.Contains(said+errOut.String(), secret[1:]) || !strings.HasPrefix(said, key) {
		t.Errorf("it says\n%s%s", said, errOut.String())
	}
}
