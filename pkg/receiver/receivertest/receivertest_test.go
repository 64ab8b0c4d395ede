package receivertest_test

import (
	"context"
	"io/fs"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
	"github.com/runhooks/runhooks/pkg/signature"
)

func TestExample(t *testing.T) { testHandlers(t) }

// TestShapes: each is what its name says, and a receiver has an event for it.
func TestShapes(t *testing.T) {
	want := map[receivertest.Shape]struct {
		verdict conformance.Verdict
		event   event.Type
	}{
		receivertest.DocumentedCompleted: {conformance.Conforms, event.RunCompleted},
		receivertest.DocumentedFailed:    {conformance.Conforms, event.RunFailed},
		receivertest.Test:                {conformance.Deviates, event.Test},
		receivertest.Extract:             {conformance.Deviates, event.RunCompleted},
		receivertest.Extract0024:         {conformance.Deviates, event.RunCompleted},
		receivertest.ExtractByAPI:        {conformance.Deviates, event.RunCompleted},
		receivertest.Scrape:              {conformance.Deviates, event.RunCompleted},
		receivertest.Crawl:               {conformance.Deviates, event.RunCompleted},
		receivertest.Failed:              {conformance.Deviates, event.RunFailed},
	}
	secret := signature.NewSecret()
	var got *receiver.Delivery
	events, err := receiver.New(receiver.Handlers{
		Event: func(_ context.Context, d *receiver.Delivery) error { got = d; return nil },
	}, receiver.Options{Verifier: &signature.Verifier{Secrets: []signature.Secret{secret}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range receivertest.Shapes() {
		t.Run(string(shape), func(t *testing.T) {
			got = nil
			w := httptest.NewRecorder()
			events.ServeHTTP(w, receivertest.Signed(t, secret, shape.Payload()))
			if got == nil {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if w := want[shape]; got.Verdict != w.verdict || got.Event.Type != w.event {
				t.Errorf("%s %s, want %+v", got.Event.Type, got.Verdict, w)
			}
			if rest := got.Event.Extra; len(rest) > 0 {
				t.Errorf("members without a field: %v", rest)
			}
		})
	}
	files, err := fs.Glob(os.DirFS("shapes"), "*.json")
	if err != nil || len(files) != len(want) || len(receivertest.Shapes()) != len(want) {
		t.Errorf("%d files and %d shapes, want %d; %v", len(files), len(receivertest.Shapes()), len(want), err)
	}
	if payload := receivertest.Shape("../go").Payload(); payload != nil {
		t.Errorf("no shape has a payload: %s", payload)
	}
}
