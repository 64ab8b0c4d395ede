package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/postgres"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	api "github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// An embedded service runs in this process: engine, store and API, put together as
// runhooks serve does.
type embedded struct {
	service
	*publisher
	stop []func()
}

func (e *embedded) close() {
	e.publisher.close()
	for i := len(e.stop) - 1; i >= 0; i-- {
		e.stop[i]()
	}
}

// embed starts a service over the run's store.
func (r *run) embed(ctx context.Context) (_ *embedded, err error) {
	e := new(embedded)
	e.publisher = newPublisher(&e.service)
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	var store delivery.Store
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
	e.stop = append(e.stop, func() { store.Close() })
	key, err := keyring.NewKey("bench")
	if err != nil {
		return nil, err
	}
	ring, err := keyring.Parse(key)
	if err != nil {
		return nil, err
	}
	guard := emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	client := &emitter.Client{Guard: guard, Unchecked: true}
	engine := delivery.New(store, delivery.Options{Name: "bench", Deliver: true, Client: client, Unseal: api.Unseal(ring)})
	running, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := engine.Run(running); err != nil {
			fmt.Println("    the engine ended:", err)
		}
	}()
	e.stop = append(e.stop, func() { cancel(); <-over; client.CloseIdleConnections() })
	handler, err := api.New(api.Options{Store: store, Engine: engine, Keyring: ring, Guard: guard})
	if err != nil {
		return nil, err
	}
	if e.token, err = api.FirstToken(ctx, store); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := handler.Server()
	go server.Serve(listener)
	e.stop = append(e.stop, func() { server.Close() })
	e.base.Store("http://" + listener.Addr().String())
	return e, nil
}
