package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

const (
	robotA = "d453def3-800a-4b6c-ba31-854cf8dd8d26"
	robotB = "b0b0b0b0-0000-4000-8000-00000000000b"
	runA   = "110c4dae-c39b-4b30-a932-eff1022e4bb0"
)

// A world is a service over a store in a folder of its own, and what it needs.
type world struct {
	t       testing.TB
	url     string
	service *service.Service
	store   *sqlite.Store
	engine  *delivery.Engine
	ring    *keyring.Ring
	admin   string
	log     *logBuffer
	stop    func() // as a process ends; the folder stays
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// loopback lets the tests' receivers be reached, and an address to which there is no
// way. All others that are not public stay blocked.
var loopback = emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("255.255.255.255/32")}}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := worldIn(t, t.TempDir(), newRing(t))
	if w.admin == "" {
		t.Fatal("there was a token in a new folder")
	}
	if again, err := service.FirstToken(t.Context(), w.store); err != nil || again != "" {
		t.Fatalf("FirstToken with a token there = %q, %v", again, err)
	}
	return w
}

func newRing(t testing.TB) *keyring.Ring {
	t.Helper()
	key, err := keyring.NewKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// worldIn is a world in a folder that may have been another's, whose admin has the token.
func worldIn(t testing.TB, dir string, ring *keyring.Ring) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store, ring: ring, log: &logBuffer{}}
	logger := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.engine = delivery.New(store, delivery.Options{
		Name: "a", Deliver: true, Client: &emitter.Client{Guard: loopback, Unchecked: true},
		Unseal: service.Unseal(ring), Logger: logger,
	})
	running := make(chan error, 1)
	go func() { running <- w.engine.Run(ctx) }()
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.engine)
	w.service, err = service.New(service.Options{
		Store: store, Engine: w.engine, Keyring: ring, Guard: loopback, Logger: logger, Registry: registry,
		MaxBody: 1 << 20, // so that tests need not send 64 MiB
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.service)
	w.url = server.URL
	w.stop = sync.OnceFunc(func() {
		server.Close()
		cancel()
		if err := <-running; err != nil {
			t.Errorf("the engine: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("the store: %v", err)
		}
	})
	t.Cleanup(w.stop)
	if w.admin, err = service.FirstToken(ctx, store); err != nil {
		t.Fatal(err)
	}
	return w
}

// token makes a token.
func (w *world) token(role api.Role, robot string) string {
	w.t.Helper()
	text, t := service.NewToken("test", role, robot, time.Time{})
	if err := w.store.CreateToken(context.Background(), t, delivery.Audit{At: time.Now(), Changes: []byte("{}")}); err != nil {
		w.t.Fatal(err)
	}
	return text
}

// A reply is an answer that was read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
}

// do sends a request with a token, and headers as names and values in turn.
func (w *world) do(token, method, path, body string, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := reply{resp.StatusCode, resp.Header, string(text)}
	conform(w.t, req, r)
	return r
}

// want fails unless the answer has a status.
func (w *world) want(status int, r reply) reply {
	w.t.Helper()
	if r.status != status {
		w.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	return r
}

func runFailed(robot, run string) string {
	return fmt.Sprintf(`{"event_type":"run_failed","data":{"robotId":%q,"runId":%q,"robotName":"Test Robot","status":"failed","error":{"message":"Timeout","type":"TimeoutError","stack":""}}}`, robot, run)
}

// endpoint creates one with further members, such as `"active":false`.
func (w *world) endpoint(robot, url, more string) api.Endpoint {
	w.t.Helper()
	var e api.Endpoint
	w.want(201, w.do(w.admin, "POST", "/v1/endpoints", fmt.Sprintf(`{"robot_id":%q,"url":%q%s}`, robot, url, more))).into(w.t, &e)
	return e
}

// receiver answers with a status, and hands over the first 100 requests that it
// gets.
func receiver(t testing.TB, status int) (string, <-chan *http.Request) {
	got := make(chan *http.Request, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		select {
		case got <- r:
		default:
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// until calls f until it returns true, or fails after a while.
func (w *world) until(what string, f func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func TestPublishAndDeliver(t *testing.T) {
	w := newWorld(t)
	url, got := receiver(t, 204)
	e := w.endpoint(robotA, url, "")
	var published api.Published
	w.want(202, w.do(w.admin, "POST", "/v1/events", runFailed(robotA, runA))).into(t, &published)
	if published.Deliveries != 1 || published.Replayed {
		t.Errorf("published: %+v", published)
	}
	select {
	case r := <-got:
		if id := r.Header.Get("Webhook-Id"); id != published.EventID {
			t.Errorf("webhook-id %q, want %q", id, published.EventID)
		}
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"webhook_id":"`+e.ID+`"`) {
			t.Errorf("payload: %s", body)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived")
	}
	var page api.DeliveryPage
	w.until("delivered", func() bool {
		w.want(200, w.do(w.admin, "GET", "/v1/deliveries?event_id="+published.EventID, "")).into(t, &page)
		return len(page.Items) == 1 && page.Items[0].State == api.DeliveryStateDelivered
	})
	var detail api.DeliveryDetail
	w.want(200, w.do(w.admin, "GET", "/v1/deliveries/"+page.Items[0].ID, "")).into(t, &detail)
	if len(detail.Attempts) != 1 || detail.Attempts[0].Outcome != api.OutcomeAccepted || value(detail.Attempts[0].Status) != 204 {
		t.Errorf("attempts: %+v", detail.Attempts)
	}
	var event api.Event
	w.want(200, w.do(w.admin, "GET", "/v1/events/"+published.EventID, "")).into(t, &event)
	if event.Body == nil || string(*event.Body) != runFailed(robotA, runA) {
		t.Errorf("event: %+v", event)
	}
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// bearer sends a token with each request of a client.
func bearer(token string) api.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}
