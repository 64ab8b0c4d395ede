package receivertest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/signature"
)

// An inbox is what is tested: it keeps what runs say.
type inbox []string

func (in *inbox) handlers() receiver.Handlers {
	return receiver.Handlers{
		RunCompleted: func(_ context.Context, d *receiver.Delivery) error {
			if d.Event.Counted().Rows.Value == 0 {
				return errors.New("nothing was captured")
			}
			*in = append(*in, "done: "+d.Event.Run.RobotName)
			return nil
		},
		RunFailed: func(_ context.Context, d *receiver.Delivery) error {
			*in = append(*in, "failed: "+d.Event.Error.Type)
			return nil
		},
		Test: func(context.Context, *receiver.Delivery) error { return nil },
	}
}

// testHandlers would be TestHandlers in a test of your own.
func testHandlers(t *testing.T) {
	secret := signature.NewSecret()
	for _, test := range []struct {
		name    string
		request *http.Request
		status  int
		want    inbox
	}{
		{
			name:    "a completed run",
			request: receivertest.Signed(t, secret, receivertest.DocumentedCompleted.Payload()),
			status:  http.StatusNoContent, want: inbox{"done: Price watch"},
		},
		{
			name:    "a failed run",
			request: receivertest.Signed(t, secret, receivertest.DocumentedFailed.Payload()),
			status:  http.StatusNoContent, want: inbox{"failed: TimeoutError"},
		},
		{
			name:    "a test event",
			request: receivertest.Signed(t, secret, receivertest.Test.Payload()),
			status:  http.StatusNoContent,
		},
		{
			name:    "a completed run as real servers send it",
			request: receivertest.Signed(t, secret, receivertest.Extract.Payload()),
			status:  http.StatusNoContent, want: inbox{"done: Price watch"},
		},
		{
			name:    "a success that captured nothing",
			request: receivertest.Signed(t, secret, receivertest.ExtractByAPI.Payload()),
			status:  http.StatusInternalServerError,
		},
		{
			name:    "somebody else's event",
			request: receivertest.Signed(t, signature.NewSecret(), receivertest.DocumentedCompleted.Payload()),
			status:  http.StatusUnauthorized,
		},
		{
			name:    "not signed",
			request: receivertest.Unsigned(receivertest.DocumentedCompleted.Payload()),
			status:  http.StatusUnauthorized,
		},
		{
			name:    "tampered with",
			request: receivertest.Tampered(t, secret, receivertest.DocumentedCompleted.Payload()),
			status:  http.StatusUnauthorized,
		},
		{
			name:    "replayed",
			request: receivertest.Old(t, secret, receivertest.DocumentedCompleted.Payload()),
			status:  http.StatusUnauthorized,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got inbox
			events, err := receiver.New(got.handlers(), receiver.Options{
				Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}},
			})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			events.ServeHTTP(w, test.request)
			if w.Code != test.status || !slices.Equal(got, test.want) {
				t.Errorf("status %d, inbox %q; want %d, %q; %s", w.Code, got, test.status, test.want, w.Body)
			}
		})
	}
}

// A test of handlers: what runs send arrives, and what isn't theirs is refused.
func Example() {}
