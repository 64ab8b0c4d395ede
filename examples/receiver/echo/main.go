// Command echo receives events with the framework echo.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

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
	router := echo.New()
	router.Use(middleware.RequestID())
	// Any takes every method: the receiver itself answers a GET, and says what
	// has become of the POST. Nothing before it may read the body.
	router.Any("/events", echo.WrapHandler(receiver))
	return router, nil
}
