package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// A faulty store fails to be written to, or has a bug.
type faulty struct {
	delivery.Store
	ping error
}

func (f faulty) Ping(context.Context) error { return f.ping }

func (faulty) Event(context.Context, string) (delivery.Event, error) { panic("a bug at db.internal") }

// faultyService is the API over a faulty store whose engine doesn't run.
func (w *world) faultyService(ping error) (url string) {
	w.t.Helper()
	store := faulty{w.store, ping}
	logger := slog.New(slog.NewJSONHandler(w.log, nil))
	engine := delivery.New(store, delivery.Options{Client: &emitter.Client{}, Unseal: service.Unseal(w.ring), Logger: logger})
	api, err := service.New(service.Options{Store: store, Engine: engine, Keyring: w.ring, Logger: logger})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(api)
	w.t.Cleanup(server.Close)
	return server.URL
}

func (w *world) get(url string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.admin)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(read)
}

// TestNotReady: /readyz is red, and the log alone says why, since anybody may ask.
// That deliveries are due for too long is TestStale of package delivery.
func TestNotReady(t *testing.T) {
	for name, tt := range map[string]struct {
		ping error
		says string
	}{
		"the store is away":     {errors.New("dial tcp db.internal:5432: refused"), "db.internal:5432: refused"},
		"the disk is full":      {fmt.Errorf("sqlite: %w", delivery.ErrFull), delivery.ErrFull.Error()},
		"the node has no lease": {nil, "this node has no lease"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			url := w.faultyService(tt.ping)
			status, body := w.get(url + "/readyz")
			if status != 503 || !strings.Contains(body, `"status":503`) || strings.Contains(body, "db.internal") {
				t.Errorf("/readyz answers %d: %s", status, body)
			}
			if log := w.log.String(); !strings.Contains(log, `"msg":"not ready"`) || !strings.Contains(log, tt.says) {
				t.Errorf("the log doesn't say %q:\n%s", tt.says, log)
			}
			if status, body := w.get(url + "/healthz"); status != 200 {
				t.Errorf("/healthz answers %d: %s", status, body)
			}
		})
	}
}

// TestPanic: a bug costs one request, and the log says where it is.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	url := w.faultyService(nil)
	for range 2 {
		status, body := w.get(url + "/v1/events/evt_1")
		if status != 500 || !strings.Contains(body, `"status":500`) || strings.Contains(body, "db.internal") {
			t.Errorf("it answers %d: %s", status, body)
		}
	}
	if status, body := w.get(url + "/v1/events"); status != 200 {
		t.Errorf("after that it answers %d: %s", status, body)
	}
	if log := w.log.String(); strings.Count(log, `"msg":"panic"`) != 2 || !strings.Contains(log, "fault_test.go") {
		t.Errorf("the log:\n%s", log)
	}
}
