package pages_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/pages"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

const (
	robotA = "d453def3-800a-4b6c-ba31-854cf8dd8d26"
	robotB = "b0b0b0b0-0000-4000-8000-00000000000b"
)

// A lab is the pages of a service over a store of its own.
type lab struct {
	t       testing.TB
	url     string
	admin   string
	service *service.Service
	store   delivery.Store
}

func newLab(t testing.TB, with ...func(*pages.Options)) *lab {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store, err := sqlite.Open(ctx, t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyring.NewKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	loopback := emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	engine := delivery.New(store, delivery.Options{
		Name: "a", Deliver: true, Client: &emitter.Client{Guard: loopback, Unchecked: true},
		Unseal: service.Unseal(ring), Logger: logger,
	})
	running := make(chan error, 1)
	go func() { running <- engine.Run(ctx) }()
	l := &lab{t: t, store: store}
	l.service, err = service.New(service.Options{Store: store, Engine: engine, Keyring: ring, Guard: loopback, Logger: logger,
		MaxBody: 1 << 20, // so that tests need not send 64 MiB
	})
	if err != nil {
		t.Fatal(err)
	}
	options := pages.Options{Service: l.service, Keyring: ring, Logger: logger}
	for _, change := range with {
		change(&options)
	}
	shown, err := pages.New(options)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", l.service)
	mux.Handle("/", shown)
	server := httptest.NewServer(l.service.Direct(mux))
	l.url = server.URL
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-running; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the engine: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("the store: %v", err)
		}
	})
	if l.admin, err = service.FirstToken(ctx, store); err != nil {
		t.Fatal(err)
	}
	return l
}

// token makes a token.
func (l *lab) token(role api.Role, robot string) string {
	l.t.Helper()
	text, t := service.NewToken("test", role, robot, time.Time{})
	if err := l.store.CreateToken(context.Background(), t, delivery.Audit{At: time.Now(), Changes: []byte("{}")}); err != nil {
		l.t.Fatal(err)
	}
	return text
}

// do asks the API as the admin, and reads the answer into out, unless it is nil.
func (l *lab) do(method, path string, in, out any) {
	l.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		l.t.Fatal(err)
	}
	r, err := http.NewRequest(method, l.url+path, bytes.NewReader(text))
	if err != nil {
		l.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+l.admin)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	if answer.StatusCode/100 != 2 {
		l.t.Fatalf("%s %s: %s: %s", method, path, answer.Status, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			l.t.Fatalf("%v: %s", err, body)
		}
	}
}

// A browser keeps cookies, as a person's does.
type browser struct {
	l *lab
	http.Client
}

// A shown page is what the browser got.
type shown struct {
	status int
	path   string // after redirects
	header http.Header
	body   string
}

func (l *lab) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return &browser{l, http.Client{Jar: jar}}
}

// signedIn returns a browser with a session of the token.
func (l *lab) signedIn(token string) *browser {
	l.t.Helper()
	b := l.browser()
	if p := b.post("/sign-in", "token", token); strings.HasPrefix(p.path, "/sign-in") {
		l.t.Fatalf("signed in, the browser is at %s: %d %s", p.path, p.status, p.body)
	}
	return b
}

func (b *browser) get(path string) shown {
	b.l.t.Helper()
	return b.send(http.MethodGet, path, nil)
}

// post sends a form of names and values.
func (b *browser) post(path string, form ...string) shown {
	b.l.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	return b.send(http.MethodPost, path, values)
}

func (b *browser) send(method, path string, form url.Values) shown {
	b.l.t.Helper()
	r, err := http.NewRequest(method, b.l.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.l.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	answer, err := b.Do(r)
	if err != nil {
		b.l.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.l.t.Fatal(err)
	}
	return shown{answer.StatusCode, answer.Request.URL.RequestURI(), answer.Header, string(body)}
}

// has fails the test unless the page has all of the texts.
func (p shown) has(t testing.TB, texts ...string) shown {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("%s (%d) doesn't have %q:\n%s", p.path, p.status, text, p.body)
		}
	}
	return p
}

// lacks fails the test if the page has one of the texts.
func (p shown) lacks(t testing.TB, texts ...string) shown {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(p.body, text) {
			t.Errorf("%s (%d) has %q:\n%s", p.path, p.status, text, p.body)
		}
	}
	return p
}

// is fails the test unless the page came with the status.
func (p shown) is(t testing.TB, status int) shown {
	t.Helper()
	if p.status != status {
		t.Errorf("%s: %d, want %d:\n%s", p.path, p.status, status, p.body)
	}
	return p
}

// endpoint makes an endpoint of a robot.
func (l *lab) endpoint(robot, url string) api.Endpoint {
	l.t.Helper()
	var e api.Endpoint
	l.do(http.MethodPost, "/v1/endpoints", map[string]any{"robot_id": robot, "url": url}, &e)
	return e
}

// publish publishes a run that finished.
func (l *lab) publish(robot, run string) {
	l.t.Helper()
	l.do(http.MethodPost, "/v1/events", json.RawMessage(fmt.Sprintf(`{"event_type":"run_completed","data":{"robot_id":%q,"run_id":%q,"robot_name":"Prices","status":"success",`+
		`"started_at":"2025-05-29T15:53:15.595Z","finished_at":"2025-05-29T15:53:20.595Z","extracted_data":{"captured_texts":[],"captured_lists":{"list_0":[{"Price":"12.50"}]},"total_rows":1,"captured_texts_count":0,"captured_lists_count":1,"screenshots_count":0},`+
		`"metadata":{"browser_id":"b","user_id":1}}}`, robot, run)), nil)
}
