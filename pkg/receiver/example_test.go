package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/signature"
)

// A failure as real servers send it: spelled as run_completed is.
const failure = `{
  "event_type": "run_failed",
  "timestamp": "2026-06-25T15:53:15.595Z",
  "webhook_id": "1b480cbd-c43b-4541-a69e-92d82000d992",
  "data": {
    "robot_id": "d453def3-800a-4b6c-ba31-854cf8dd8d26",
    "run_id": "110c4dae-c39b-4b30-a932-eff1022e4bb0",
    "robot_name": "Test Robot",
    "status": "failed",
    "error": { "message": "Timeout exceeded", "type": "TimeoutError", "stack": "" },
    "metadata": {}
  }
}`

// The same as the contract has it.
var documentedFailure = strings.NewReplacer(
	"robot_id", "robotId", "run_id", "runId", "robot_name", "robotName",
).Replace(failure)

// send POSTs a payload to a receiver, and gives its answer.
func send(h http.Handler, payload string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/events/dN7rJ2kXq0vB5wZt", strings.NewReader(payload))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func Example() {
	secret, err := signature.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}
	events, err := receiver.New(receiver.Handlers{
		Event: func(ctx context.Context, d *receiver.Delivery) error {
			e := d.Event
			fmt.Println(e.Type, e.Run.RobotName, e.Error.Message)
			return nil // and the sender is told that the event is taken
		},
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/events", events)
	server := &http.Server{
		Addr:              "localhost:8080",
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	_ = server // log.Fatal(server.ListenAndServe())

	r := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(failure))
	r.Header.Set("Content-Type", "application/json")
	if err := signature.SetHeaders(r.Header, "msg_1", time.Now(), []byte(failure), secret); err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// run_failed Test Robot Timeout exceeded
	// 204
}

func ExampleNew() {
	_, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{})
	fmt.Println(strings.Split(err.Error(), ";")[0])
	// Output: receiver: nothing says how senders are authenticated
}

func ExampleHandlers() {
	events, err := receiver.New(receiver.Handlers{
		RunFailed: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println("RunFailed takes", d.Event.Run.RobotName, "of a payload that", d.Verdict)
			return nil
		},
		Test: func(context.Context, *receiver.Delivery) error {
			fmt.Println("Test takes what tries the endpoint")
			return nil
		},
		Event: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println("Event takes every other event, such as", d.Event.Type)
			return nil
		},
		Unknown: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println("Unknown takes", d.EventType, "as", len(d.Payload), "bytes")
			return nil
		},
	}, receiver.Options{InsecureNoAuthentication: true})
	if err != nil {
		log.Fatal(err)
	}
	send(events, documentedFailure)
	send(events, failure)
	send(events, string(receivertest.Test.Payload()))
	send(events, string(receivertest.Extract.Payload()))
	send(events, strings.Replace(failure, "run_failed", "run_paused", 1))
	// Output:
	// RunFailed takes Test Robot of a payload that conforms
	// RunFailed takes Test Robot of a payload that deviates
	// Test takes what tries the endpoint
	// Event takes every other event, such as run_completed
	// Unknown takes run_paused as 418 bytes
}

// Payloads have to satisfy a schema of the receiver's own.
func ExampleOptions_schemas() {
	errorTypes, err := conformance.CompileSchema("errors.json", []byte(`{
		"properties": {"data": {"properties": {"error": {"properties": {
			"type": {"enum": ["TimeoutError", "BlockedError"]}
		}}}}}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		Schemas:                  []*conformance.Schema{errorTypes},
		InsecureNoAuthentication: true,
		Observer: func(_ context.Context, d *receiver.Decision) {
			for _, f := range d.Delivery.Findings {
				fmt.Println(f.Pointer, f.Message)
			}
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(send(events, documentedFailure).Code)
	fmt.Println(send(events, strings.Replace(documentedFailure, "TimeoutError", "Error", 1)).Code)
	// Output:
	// 204
	// /data/error/type the schema errors.json: expected "TimeoutError" or "BlockedError", found the string "Error"
	// 422
}

// A receiver behind a Runhooks that delivers canonical events takes those, too.
func ExampleOptions_canonical() {
	events, err := receiver.New(receiver.Handlers{
		RunFailed: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println(d.Event.Run.RobotName, "failed:", d.Event.Error.Message)
			return nil
		},
	}, receiver.Options{AcceptCanonical: true, InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	e, err := event.Parse([]byte(failure))
	if err != nil {
		log.Fatal(err)
	}
	canonical, err := e.MarshalJSON()
	if err != nil {
		log.Fatal(err)
	}
	send(events, string(canonical))
	send(events, documentedFailure)
	// Output:
	// Test Robot failed: Timeout exceeded
	// Test Robot failed: Timeout exceeded
}

func ExampleReceiver_ServeHTTP() {
	events, err := receiver.New(receiver.Handlers{
		RunFailed: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		PathSecrets: []string{"dN7rJ2kXq0vB5wZt"},
		Accept:      receiver.AcceptDocumented,
		Logger:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(send(events, documentedFailure).Code)
	fmt.Println(send(events, documentedFailure).Code, "for the same event again")
	refused := send(events, strings.Replace(documentedFailure, "runId", "run_id", 1))
	fmt.Println(refused.Code, refused.Body)
	// Output:
	// 204
	// 200 for the same event again
	// 422 {"type":"https://github.com/runhooks/runhooks/blob/main/docs/problems.md#nonconforming","title":"The payload breaks the contract","status":422,"detail":"the payload does not conform to run_failed: it deviates","findings":[{"code":"dialect.field-case","severity":"error","pointer":"/data/run_id","line":7,"column":5,"offset":202,"message":"\"run_id\" should be \"runId\"","hint":"`run_id` is how run_completed spells it; here it is `runId`"}]}
}

func ExampleStatusError() {
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error {
			return &receiver.StatusError{
				Status: http.StatusServiceUnavailable, RetryAfter: 2 * time.Minute,
				Detail: "the queue is full", Err: errors.New("for the log: 10,000 events on orders-3"),
			}
		},
	}, receiver.Options{InsecureNoAuthentication: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	answer := send(events, failure)
	fmt.Println(answer.Code, "Retry-After:", answer.Header().Get("Retry-After"))
	// Output: 503 Retry-After: 120
}

func ExampleDecision() {
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		InsecureNoAuthentication: true,
		Logger:                   slog.New(slog.DiscardHandler),
		Observer: func(_ context.Context, d *receiver.Decision) {
			fmt.Println(d.Disposition, d.Status, d.Delivery.EventType, d.Delivery.Verdict, len(d.Delivery.Payload))
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	send(events, failure)
	send(events, failure)
	send(events, "{}")
	// Output:
	// accepted 204 run_failed deviates 418
	// duplicate 200 run_failed deviates 418
	// nonconforming 422  invalid 2
}

func ExampleDecision_Stages() {
	d := receiver.Decision{Read: 300 * time.Microsecond, Judge: 2 * time.Microsecond, Total: 305 * time.Microsecond}
	for stage, took := range d.Stages() {
		fmt.Println(stage, took)
	}
	// Output:
	// read 300µs
	// judge 2µs
}

func ExampleDelivery() {
	events, err := receiver.New(receiver.Handlers{
		Event: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println(d.EventID)
			fmt.Println(d.EventType, d.Verdict, d.Event.Run.RobotName)
			fmt.Println(d.Findings[0])
			return nil
		},
	}, receiver.Options{InsecureNoAuthentication: true})
	if err != nil {
		log.Fatal(err)
	}
	send(events, failure)
	// Output:
	// sha256:97bafb781ffe90c9f88985c0e11e9708f799142b39f176ffbf3417925313a669
	// run_failed deviates Test Robot
	// 6:5: error: dialect.field-case: "robot_id" should be "robotId"
}

// With a secret for each sender, a handler knows which of them it was.
func ExampleSender() {
	shop, press := signature.NewSecret(), signature.NewSecret()
	names := []string{"shop", "press"}
	events, err := receiver.New(receiver.Handlers{
		Event: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println(d.Sender)
			if d.Sender.By == receiver.BySignature {
				fmt.Println("sent by", names[d.Sender.Index])
			}
			return nil
		},
	}, receiver.Options{
		Verifier: &signature.Verifier{Secrets: []signature.Secret{shop, press}},
		Basic:    []receiver.Credentials{{Username: "robot", Password: "dN7rJ2kXq0vB5wZt"}}, // can't sign
	})
	if err != nil {
		log.Fatal(err)
	}
	signed := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(failure))
	signed.Header.Set("Content-Type", "application/json")
	if err := signature.SetHeaders(signed.Header, "evt_1", time.Now(), []byte(failure), press); err != nil {
		log.Fatal(err)
	}
	events.ServeHTTP(httptest.NewRecorder(), signed)

	basic := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(failure))
	basic.Header.Set("Content-Type", "application/json")
	basic.SetBasicAuth("robot", "dN7rJ2kXq0vB5wZt")
	events.ServeHTTP(httptest.NewRecorder(), basic)
	// Output:
	// signature[1]
	// sent by press
	// basic[0] robot
}

func ExampleMemory() {
	// Shared by two receivers, so that an event is handled once whichever gets
	// it; and for an hour only.
	remembered := &receiver.Memory{TTL: time.Hour}
	for range 2 {
		events, err := receiver.New(receiver.Handlers{
			Event: func(context.Context, *receiver.Delivery) error { fmt.Println("handled"); return nil },
		}, receiver.Options{InsecureNoAuthentication: true, Deduplicator: remembered})
		if err != nil {
			log.Fatal(err)
		}
		send(events, failure)
	}
	// Output: handled
}

func ExampleAcceptance() {
	for _, accept := range []receiver.Acceptance{receiver.AcceptObserved, receiver.AcceptDocumented, receiver.AcceptAll} {
		events, err := receiver.New(receiver.Handlers{
			Event:   func(context.Context, *receiver.Delivery) error { return nil },
			Unknown: func(context.Context, *receiver.Delivery) error { return nil },
		}, receiver.Options{InsecureNoAuthentication: true, Accept: accept, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(accept, send(events, documentedFailure).Code, send(events, failure).Code, send(events, "{}").Code)
	}
	// Output:
	// AcceptObserved 204 204 422
	// AcceptDocumented 204 422 422
	// AcceptAll 204 204 204
}

func ExampleCredentials() {
	events, err := receiver.New(receiver.Handlers{
		Event: func(context.Context, *receiver.Delivery) error { return nil },
	}, receiver.Options{
		// The URL in the robot's settings: https://robot:…@example.com/events
		Basic:  []receiver.Credentials{{Username: "robot", Password: "dN7rJ2kXq0vB5wZt"}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(send(events, failure).Code)
	// Output: 401
}

// A server that signs nothing, such as Maxun, is told from others by its URL. Its
// payloads have no id of their own, so their bytes are what de-duplicates them.
func Example_unsigned() {
	events, err := receiver.New(receiver.Handlers{
		Event: func(_ context.Context, d *receiver.Delivery) error {
			fmt.Println(d.Sender, d.Event.Run.RobotName)
			return nil // once it is stored
		},
	}, receiver.Options{
		// What the server can do, the best first: https://robot:…@example.com/events/,
		// https://example.com/events/SECRET, https://example.com/events/?secret=SECRET
		Basic:        []receiver.Credentials{{Username: "robot", Password: "zY3dQm8vK1tR6wXb"}},
		PathSecrets:  []string{"dN7rJ2kXq0vB5wZt"},
		QuerySecrets: []string{"Hc4uW9pLs2eF7jGa"},
		Logger:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/events/", events) // and any last segment

	for _, target := range []string{"/events/dN7rJ2kXq0vB5wZt", "/events/dN7rJ2kXq0vB5wZt", "/events/?secret=guessed", "/events/"} {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(failure))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		events.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// path[0] Test Robot
	// 204
	// 200
	// 401
	// 401
}
