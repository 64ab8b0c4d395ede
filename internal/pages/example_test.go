package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/pages"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

func Example() {
	ctx := context.Background()
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
	engine := delivery.New(store, delivery.Options{Client: &emitter.Client{Unchecked: true}, Unseal: service.Unseal(ring)})
	api, err := service.New(service.Options{Store: store, Engine: engine, Keyring: ring})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := pages.New(pages.Options{Service: api, Keyring: ring})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer handler.Stop() // ends the streams of open pages

	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/robots", nil))
	fmt.Println(answer.Code, answer.Header().Get("Location"))
	answer = httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/contract", nil))
	fmt.Println(answer.Code, strings.Contains(answer.Body.String(), "run_completed"))
	// Output:
	// 303 /sign-in?to=%2Frobots
	// 200 true
}
