package delivery_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/postgres"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// TestOverHTTP: what an engine sends over each store is signed, conforms, and is
// recorded without what is secret.
func TestOverHTTP(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		testOverHTTP(t, store)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		url := os.Getenv("POSTGRES_URL")
		switch {
		case url == "" && os.Getenv("REQUIRE_ALL") != "":
			t.Fatal("POSTGRES_URL is not set: run this with scripts/postgres.sh")
		case url == "":
			t.Skip("POSTGRES_URL is not set: run this with scripts/postgres.sh")
		}
		store, err := postgres.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		testOverHTTP(t, store)
	})
}

func testOverHTTP(t *testing.T, store delivery.Store) {
	t.Cleanup(func() { store.Close() })
	robot := rand.Text() // as the database may be that of an earlier run
	secret := signature.NewSecret()
	sealed := delivery.Sealed{Secrets: []signature.Secret{secret}, Header: http.Header{"Authorization": {"Bearer swordfish"}}}
	registry := prometheus.NewPedanticRegistry()
	e := delivery.New(store, delivery.Options{
		Name: "node", Deliver: true,
		Client: &emitter.Client{Unchecked: true, Guard: emitter.Guard{InsecureAllowAll: true}},
		Unseal: func(*delivery.Endpoint) (delivery.Sealed, error) { return sealed, nil },
	})
	registry.MustRegister(e)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })

	const events = 200
	arrived := make(chan string, 4*events)
	verifier := &signature.Verifier{Secrets: []signature.Secret{secret}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		payload, err := verifier.VerifyRequest(r)
		if err != nil || !conformance.Valid(payload) || r.Header.Get("Authorization") != "Bearer swordfish" {
			t.Errorf("arrived %s: %v", payload, err)
		}
		w.Header().Set("Set-Cookie", "a=b")
		io.WriteString(w, "I got swordfish and "+r.Header.Get(signature.HeaderSignature))
		arrived <- r.Header.Get(signature.HeaderID)
	}))
	t.Cleanup(server.Close)
	ep, err := store.CreateEndpoint(t.Context(), delivery.Endpoint{
		ID: "532c405f-81a8-4f99-8efd-" + fmt.Sprintf("%012x", time.Now().UnixMilli()), RobotID: robot, URL: server.URL, State: delivery.Active,
		MaxAttempts: 3, Timeout: 10 * time.Second, MaxInFlight: 10,
	}, delivery.Audit{Actor: "test", Action: "endpoint.create"})
	if err != nil {
		t.Fatal(err)
	}

	missing := map[string]bool{}
	for range events {
		published, err := e.Publish(t.Context(), []delivery.Publication{{Event: delivery.Event{
			Type: "run_failed", RobotID: robot, RunID: "run", Body: []byte(body),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		missing[published[0].EventID] = true
	}
	for range events {
		id := <-arrived
		if !missing[id] {
			t.Errorf("%s arrived twice, or was not published", id)
		}
		delete(missing, id)
	}
	if err := e.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if _, err := registry.Gather(); err != nil {
		t.Errorf("the metrics: %v", err)
	}
	if a, _, err := e.Try(t.Context(), ep, "evt_test", delivery.Render(&delivery.Event{At: time.Now(), Body: []byte(body)}, &ep)); err != nil || a.Outcome != emitter.Accepted {
		t.Errorf("Try: %v, %v", a, err)
	}
	stop()
	running.Wait()

	all, err := store.Deliveries(t.Context(), delivery.DeliveryFilter{EndpointID: ep.ID}, delivery.Page{Limit: 2 * events})
	if err != nil || len(all) != events {
		t.Fatal(len(all), err)
	}
	for _, d := range all {
		if d.State != delivery.Delivered || d.Attempts != 1 {
			t.Errorf("the delivery is %+v", d)
		}
	}
	attempts, err := store.Attempts(t.Context(), all[0].ID)
	if err != nil || len(attempts) != 1 {
		t.Fatal(attempts, err)
	}
	var detail delivery.Detail
	if err := json.Unmarshal(attempts[0].Detail, &detail); err != nil {
		t.Fatal(err)
	}
	if detail.URL != server.URL || detail.Timings.Total <= 0 || detail.RequestHeaders.Get("Webhook-Id") != all[0].EventID || detail.Answer == "" {
		t.Errorf("the detail is %+v", detail)
	}
	text := string(attempts[0].Detail)
	for _, secret := range []string{"swordfish", "v1,", "a=b"} {
		if strings.Contains(text, secret) {
			t.Errorf("the detail has %q: %s", secret, text)
		}
	}
}
