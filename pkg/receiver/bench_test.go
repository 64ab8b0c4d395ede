package receiver_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

// A sink is a ResponseWriter that costs nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header             { return s.header }
func (s *sink) Write(b []byte) (int, error)     { return len(b), nil }
func (s *sink) WriteHeader(int)                 {}
func (s *sink) SetReadDeadline(time.Time) error { return nil }

// A rereader is a body that can be read again.
type rereader struct {
	payload []byte
	at      int
}

func (r *rereader) Read(b []byte) (int, error) {
	if r.at == len(r.payload) {
		return 0, io.EOF
	}
	n := copy(b, r.payload[r.at:])
	r.at += n
	return n, nil
}

func (r *rereader) Close() error { return nil }

// again is a Deduplicator that lets every event through.
type again struct{}

func (again) Claim(_ context.Context, key string) (receiver.Claim, error) {
	return receiver.Claim{Key: key, State: receiver.Claimed}, nil
}
func (again) Commit(context.Context, receiver.Claim) error  { return nil }
func (again) Release(context.Context, receiver.Claim) error { return nil }

// BenchmarkServeHTTP is the receiver's own share: from a request whose headers
// are parsed to the call of the handler and the answer.
func BenchmarkServeHTTP(b *testing.B) {
	verifier := &signature.Verifier{Secrets: []signature.Secret{secret(b)}}
	handlers := receiver.Handlers{Event: func(context.Context, *receiver.Delivery) error { return nil }}
	for _, bench := range []struct {
		name, vector string
		options      receiver.Options
	}{
		{"signed", "page.run-completed", receiver.Options{Verifier: verifier, Deduplicator: again{}}},
		{"signed-memory", "page.run-completed", receiver.Options{Verifier: verifier}},
		{"unsigned", "page.run-completed", receiver.Options{InsecureNoAuthentication: true, Deduplicator: again{}}},
		{"failed", "page.run-failed", receiver.Options{InsecureNoAuthentication: true, Deduplicator: again{}}},
		{"deviating", "dialect.field-case", receiver.Options{InsecureNoAuthentication: true, Deduplicator: again{}}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.options.Logger = slog.New(slog.DiscardHandler)
			rc, err := receiver.New(handlers, bench.options)
			if err != nil {
				b.Fatal(err)
			}
			payload := vector(b, bench.vector)
			r := post(payload)
			body := &rereader{payload: payload}
			r.Body = body
			if bench.options.Verifier != nil {
				if err := signature.SetHeaders(r.Header, "msg_1", time.Now(), payload, secret(b)); err != nil {
					b.Fatal(err)
				}
			}
			w := &sink{header: http.Header{}}
			answer := httptest.NewRecorder()
			rc.ServeHTTP(answer, r)
			if answer.Code != http.StatusNoContent {
				b.Fatalf("status %d: %s", answer.Code, answer.Body)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			used := cpuTime()
			for b.Loop() {
				body.at = 0
				rc.ServeHTTP(w, r)
			}
			b.ReportMetric(float64(cpuTime()-used)/float64(b.N), "cpu-ns/op") // also tells on a busy machine
		})
	}
}
