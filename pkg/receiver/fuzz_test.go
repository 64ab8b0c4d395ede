package receiver_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
	"github.com/runhooks/runhooks/vectors"
)

// FuzzServeHTTP: whatever comes, nothing panics, the answer is one that is
// documented, and a handler is called if and only if the answer says so.
func FuzzServeHTTP(f *testing.F) {
	now := time.Unix(1_750_000_000, 0)
	s := secret(f)
	verifier := &signature.Verifier{Secrets: []signature.Secret{s}, Tolerance: math.MaxInt64} // whenever a seed was signed
	signatureOf := func(payload []byte) string {
		text, err := signature.Sign("msg_1", now, payload, s)
		if err != nil {
			f.Fatal(err)
		}
		return text
	}
	for i, v := range vectors.All() {
		switch {
		case len(v.Payload) > 10_000:
		case i%10 == 0:
			f.Add(uint8(i), "POST", "application/json", "gzip", int64(-1), signatureOf(v.Payload), zip(f, v.Payload))
		default:
			f.Add(uint8(i), "POST", "application/json; charset=utf-8", "", int64(len(v.Payload)), signatureOf(v.Payload), v.Payload)
		}
	}
	f.Add(uint8(0), "GET", "", "identity", int64(0), "", []byte(nil))
	f.Add(uint8(3), "POST", "application/x+json", "gzip, gzip", int64(1<<40), "v1,", []byte("{}"))
	f.Fuzz(func(t *testing.T, kind uint8, method, contentType, encoding string, length int64, signed string, body []byte) {
		r := &http.Request{
			Method: method, ProtoMajor: 1, ProtoMinor: 1, ContentLength: length,
			Header: http.Header{
				"Content-Type": {contentType}, signature.HeaderSignature: {signed},
				signature.HeaderID: {"msg_1"}, signature.HeaderTimestamp: {"1750000000"},
			},
			Body: http.NoBody,
		}
		if encoding != "" {
			r.Header["Content-Encoding"] = []string{encoding}
		}
		if len(body) > 0 {
			r.Body = readCloser{bytes.NewReader(body)}
		}
		options := receiver.Options{Accept: receiver.Acceptance(kind % 3), MaxBytes: 1 << 16}
		if kind%2 == 0 {
			options.Verifier = verifier
		}
		var rec recorder
		w := httptest.NewRecorder()
		rec.receiver(t, options).ServeHTTP(w, r)

		if !slices.Contains([]int{204, 400, 401, 405, 413, 415, 422}, w.Code) {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if called := len(rec.calls); called > 1 || (called == 1) != (w.Code == 204) {
			t.Errorf("status %d, called %q", w.Code, rec.calls)
		}
		if len(rec.decisions) != 1 || rec.decisions[0].Status != w.Code {
			t.Errorf("decisions %+v", rec.decisions)
		}
		if w.Code == 204 {
			checkDelivery(t, rec.delivery, options)
			return
		}
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Title == "" {
			t.Errorf("problem %s: %v", w.Body, err)
		}
	})
}

// checkDelivery holds what reached a handler to what the options promise.
func checkDelivery(t *testing.T, d *receiver.Delivery, options receiver.Options) {
	if len(d.Payload) > int(options.MaxBytes) {
		t.Errorf("the payload has %d bytes", len(d.Payload))
	}
	if signed := d.Sender.By == receiver.BySignature; signed != (options.Verifier != nil) {
		t.Errorf("signed: %v", signed)
	}
	if (d.Event != nil) != (d.Verdict != conformance.Invalid) {
		t.Errorf("it is %s, and has the event %v", d.Verdict, d.Event)
	}
	if report := conformance.Check(d.Payload); d.Verdict != report.Verdict || d.EventType != report.EventType {
		t.Errorf("%s %s, want %s %s", d.EventType, d.Verdict, report.EventType, report.Verdict)
	}
	if options.Accept == receiver.AcceptDocumented && d.Verdict != conformance.Conforms {
		t.Errorf("it %s, and conforming was required", d.Verdict)
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
