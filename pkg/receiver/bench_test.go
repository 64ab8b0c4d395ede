package receiver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/receiver/receivertest"
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

// BenchmarkJudgingMemory measures the most memory that is in use while a payload
// that deviates is received, as a multiple of its size. The package's comment has
// the results.
func BenchmarkJudgingMemory(b *testing.B) {
	const size = 4 << 20
	repeat := func(shape receivertest.Shape, element string) []byte {
		payload, list := shape.Payload(), []byte(`[{"Shop"`)
		if shape == receivertest.Scrape {
			list = []byte(`[{"url"`)
		}
		at := bytes.Index(payload, list) + 1
		return slices.Concat(payload[:at], bytes.Repeat([]byte(element+","), size/(len(element)+1)), payload[at:])
	}
	for _, bench := range []struct {
		name    string
		payload []byte
	}{
		{"rows", repeat(receivertest.Extract, `{"Shop":"Aurora","Price":"$1,249.00"}`)},
		{"short-rows", repeat(receivertest.Extract, `{"a":""}`)},
		{"smallest-objects", repeat(receivertest.Scrape, `{"":1}`)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			rc, err := receiver.New(receiver.Handlers{
				Event: func(context.Context, *receiver.Delivery) error { return nil },
			}, receiver.Options{InsecureNoAuthentication: true, Deduplicator: again{}})
			if err != nil {
				b.Fatal(err)
			}
			var most uint64
			for b.Loop() {
				before, stop := settledHeap(), watchHeap()
				w := httptest.NewRecorder()
				rc.ServeHTTP(w, post(bench.payload))
				most = max(most, stop()-before)
				if w.Code != http.StatusNoContent {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(most)/float64(len(bench.payload)), "x")
		})
	}
}

// watchHeap starts to watch how many bytes are in use. The function that it
// returns ends that, and returns the most.
func watchHeap() (stop func() uint64) {
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		inUse := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		ticker := time.NewTicker(200 * time.Microsecond)
		defer ticker.Stop()
		var peak uint64
		for {
			metrics.Read(inUse)
			peak = max(peak, inUse[0].Value.Uint64())
			select {
			case <-done:
				most <- peak
				return
			case <-ticker.C:
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-most
	}
}
