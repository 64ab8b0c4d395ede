// Command unsigned receives events from a server that signs nothing, such as Maxun:
// it knows it by a secret in the URL, or a password.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
)

func main() {
	secret := os.Getenv("EVENTS_SECRET") // openssl rand -hex 16
	events, err := receiver.New(receiver.Handlers{Event: store, Unknown: store}, receiver.Options{
		Basic:        []receiver.Credentials{{Username: "robot", Password: secret}}, // the best of the three
		PathSecrets:  []string{secret},
		QuerySecrets: []string{secret},
	})
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", socket.Addr().(*net.TCPAddr).Port)
	mux := http.NewServeMux()
	mux.Handle("/events/", events) // and any last segment: the secret
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.Serve(socket))
}

// store takes an event. Its id is a hash of its bytes, the same in each attempt: make it
// the unique key of your table. Nothing of the URL or its headers is logged.
func store(_ context.Context, d *receiver.Delivery) error {
	fmt.Println(d.EventID, d.EventType, d.Sender)
	return nil
}
