package serve

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "runhooks")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // it may have all to compile
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/runhooks")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s, err := Start(program)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	ask := func(method, url, token string) string {
		request, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return "no answer"
		}
		defer answer.Body.Close()
		return answer.Status
	}
	for _, tt := range []struct{ method, url, token, want string }{
		{http.MethodGet, env["SERVICE_URL"] + "/v1/tokens", env["SERVICE_TOKEN"], "200 OK"}, // only an admin may
		{http.MethodGet, env["SERVICE_URL"] + "/v1/tokens", "rh_other", "401 Unauthorized"},
		{http.MethodPost, env["SERVICE_SINK"], "", "204 No Content"},
	} {
		if got := ask(tt.method, tt.url, tt.token); got != tt.want {
			t.Errorf("%s %s is answered with %q, want %q", tt.method, tt.url, got, tt.want)
		}
	}

	if err := s.Close(); err != nil {
		t.Errorf("it ends: %v", err)
	}
	for _, url := range []string{env["SERVICE_URL"], env["SERVICE_SINK"]} {
		if got := ask(http.MethodGet, url, ""); got != "no answer" {
			t.Errorf("after Close, %s answers %q", url, got)
		}
	}
	if _, err := os.Stat(s.data); !os.IsNotExist(err) {
		t.Errorf("after Close, %s is there: %v", s.data, err)
	}
}

// What can't listen says why, and leaves nothing behind.
func TestStartErrors(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	program := filepath.Join(t.TempDir(), "runhooks")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the port is taken >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		program:              "does not listen: \"the port is taken\\n\"",
		program + ".missing": "no such file",
	} {
		if _, err := Start(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v (%v)", left, err)
	}
}
