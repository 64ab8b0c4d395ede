package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/runhooks/runhooks/gen/service"
)

// A client sends its token with each request, and reads the problem in the answer to
// a request that failed.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// It stands for runhooks serve.
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"title":"Forbidden","status":403,"detail":"this needs a token of role admin; this one is of role reader"}`)
	}))
	defer server.Close()

	client, err := service.NewClientWithResponses(server.URL, service.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer rh_example")
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	robot := "d453def3-800a-4b6c-ba31-854cf8dd8d26"
	answer, err := client.CreateEndpointWithResponse(context.Background(), service.EndpointCreate{
		RobotID: &robot,
		URL:     "https://hooks.example.com/runs",
		Events:  []service.EventType{service.EventTypeRunFailed},
	})
	switch {
	case err != nil:
		fmt.Println(err)
	case answer.JSON201 != nil:
		fmt.Println("created", answer.JSON201.ID)
	default:
		var problem service.Problem
		if err := json.Unmarshal(answer.Body, &problem); err != nil {
			fmt.Println(answer.Status())
			return
		}
		fmt.Println(*problem.Detail)
	}
	// Output: this needs a token of role admin; this one is of role reader
}
