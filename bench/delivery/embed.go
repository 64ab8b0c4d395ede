package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/postgres"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// An embedded service runs in this process.
type embedded struct {
	service
	*publisher
	stop func()
}

func (e *embedded) close() { e.publisher.close(); e.stop() }

func (r *run) embed(ctx context.Context) (*embedded, error) {
	var store delivery.Store
	var err error
	if r.store == "postgres" {
		url, err := r.database(ctx)
		if err != nil {
			return nil, err
		}
		if store, err = postgres.Open(ctx, url); err != nil {
			return nil, err
		}
	} else if store, err = sqlite.Open(ctx, r.dir, sqlite.Options{}); err != nil {
		return nil, err
	}
	secret := signature.NewSecret()
	engine := delivery.New(store, delivery.Options{
		Name: "bench", Deliver: true,
		Client: &emitter.Client{Guard: emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Unchecked: true, MaxAnswer: 1024},
		Unseal: func(*delivery.Endpoint) (delivery.Sealed, error) {
			return delivery.Sealed{Secrets: []signature.Secret{secret}}, nil
		},
	})
	working, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := engine.Run(working); err != nil {
			fmt.Println("engine:", err)
		}
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		j := delivery.Judge(body)
		if !j.Conforms() {
			http.Error(w, "no", 422)
			return
		}
		p, err := engine.Publish(q.Context(), []delivery.Publication{{Event: delivery.Event{Type: j.Type, RobotID: j.RobotID, RunID: j.RunID, Body: body}}})
		if err != nil {
			code := 500
			if errors.Is(err, delivery.ErrBusy) {
				code = 503
			}
			http.Error(w, err.Error(), code)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"event_id":%q}`, p[0].EventID)
	})
	mux.HandleFunc("POST /v1/endpoints", func(w http.ResponseWriter, q *http.Request) {
		var in struct {
			RobotID string `json:"robot_id"`
			URL     string
			Max     int `json:"max_in_flight"`
		}
		json.NewDecoder(q.Body).Decode(&in)
		e, err := store.CreateEndpoint(q.Context(), delivery.Endpoint{ID: uuid.Must(uuid.NewV7()).String(), RobotID: in.RobotID, URL: in.URL,
			State: delivery.Active, MaxAttempts: 10, Delays: []time.Duration{time.Second}, Timeout: 30 * time.Second, MaxInFlight: in.Max}, delivery.Audit{Changes: []byte("{}")})
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"id": e.ID})
	})
	mux.HandleFunc("GET /v1/deliveries", func(w http.ResponseWriter, q *http.Request) {
		ds, err := store.Deliveries(q.Context(), delivery.DeliveryFilter{State: delivery.State(q.URL.Query().Get("state"))}, delivery.Page{Limit: 200})
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		items := []object{}
		for _, d := range ds {
			items = append(items, object{"id": fmt.Sprint(d.ID), "event_id": d.EventID})
		}
		json.NewEncoder(w).Encode(object{"items": items})
	})
	server := &http.Server{Handler: mux}
	go server.Serve(listener)
	e := &embedded{}
	e.base.Store("http://" + listener.Addr().String())
	e.publisher = newPublisher(&e.service)
	e.stop = func() {
		server.Close()
		cancel()
		<-over
		store.Close()
	}
	return e, nil
}
