package receivertest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// Signed returns the request by which a sender delivers payload: a POST to
// /events, signed now with secret, under an id of its own. It fails the test if
// secret can't sign.
//
// Each call is another event to a receiver. To send the same event again, set the
// header [signature.HeaderID] and sign with [signature.SetHeaders].
func Signed(t testing.TB, secret signature.Secret, payload []byte) *http.Request {
	t.Helper()
	return signed(t, secret, time.Now(), payload, payload)
}

// Unsigned returns the same request without a signature, as platforms send it
// that can't sign. It is refused by a receiver that has a Verifier and no other
// way to authenticate.
func Unsigned(payload []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/events", bytes.NewReader(payload))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Tampered returns a request that has to be refused: its payload has a space
// more than what was signed.
func Tampered(t testing.TB, secret signature.Secret, payload []byte) *http.Request {
	t.Helper()
	return signed(t, secret, time.Now(), payload, append(bytes.Clone(payload), ' '))
}

// Old returns a request that has to be refused: it was signed a day ago, and may
// be a replay.
func Old(t testing.TB, secret signature.Secret, payload []byte) *http.Request {
	t.Helper()
	return signed(t, secret, time.Now().Add(-24*time.Hour), payload, payload)
}

// signed returns a request with the body sent, and the signature of payload.
func signed(t testing.TB, secret signature.Secret, at time.Time, payload, sent []byte) *http.Request {
	t.Helper()
	r := Unsigned(sent)
	if err := signature.SetHeaders(r.Header, event.NewID(), at, payload, secret); err != nil {
		t.Fatal(err)
	}
	return r
}
