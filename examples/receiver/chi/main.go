// Command chi receives events with the router chi.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	events "github.com/runhooks/runhooks/examples/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

func main() {
	secret, err := events.SecretFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	router, err := newRouter(secret)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr: events.AddressFromEnv(), Handler: router,
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}

func newRouter(secret signature.Secret) (http.Handler, error) {
	receiver, err := events.NewReceiver(secret)
	if err != nil {
		return nil, err
	}
	router := chi.NewRouter()
	router.Use(middleware.RequestID, middleware.Logger)
	// Handle takes every method: the receiver itself answers a GET, and says
	// what has become of the POST.
	router.Handle("/events", receiver)
	return router, nil
}
