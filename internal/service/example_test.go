package service_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir, err := os.MkdirTemp("", "runhooks")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	key, _ := keyring.NewKey("k1")
	ring, err := keyring.Parse(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	engine := delivery.New(store, delivery.Options{
		Client: &emitter.Client{Unchecked: true}, Unseal: service.Unseal(ring),
	})
	handler, err := service.New(service.Options{Store: store, Engine: engine, Keyring: ring})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := service.FirstToken(ctx, store) // shown once, to whoever starts the service
	if err != nil {
		fmt.Println(err)
		return
	}

	server := httptest.NewServer(handler) // or handler.Server(), with its limits
	defer server.Close()
	client, err := api.NewClientWithResponses(server.URL, api.WithRequestEditorFn(bearer(token)))
	if err != nil {
		fmt.Println(err)
		return
	}
	robot := "d453def3-800a-4b6c-ba31-854cf8dd8d26"
	answer, err := client.CreateEndpointWithResponse(ctx, api.EndpointCreate{RobotID: &robot, URL: "https://hooks.example.com/runs"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status(), answer.JSON201.State, answer.JSON201.MaxAttempts)
	// Output: 201 Created active 10
}
