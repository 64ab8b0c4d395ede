// Command nethttp receives events with the router of the standard library.
package main

import (
	"log"
	"net/http"
	"time"

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
	mux := http.NewServeMux()
	// Without a method before the path: the receiver itself answers a GET, and
	// says what has become of the POST.
	mux.Handle("/events", receiver)
	return mux, nil
}
