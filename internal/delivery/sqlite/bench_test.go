package sqlite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
)

// BenchmarkCommit commits, in each operation, one event with its delivery and one
// outcome with its attempt: the four rows of a delivery that succeeds at once. Bodies
// have 1 KB, and batches as many outcomes of the batch before as they have events.
func BenchmarkCommit(b *testing.B) {
	for _, endpoints := range []int{1, 1000} {
		for _, size := range []int{1, 32, 256} {
			b.Run(fmt.Sprintf("endpoints=%d/batch=%d", endpoints, size), func(b *testing.B) {
				s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				if _, err := s.Join(b.Context(), "bench", true); err != nil {
					b.Fatal(err)
				}
				for i := range endpoints {
					if _, err := s.CreateEndpoint(b.Context(), delivery.Endpoint{
						ID:      fmt.Sprintf("01940000-0000-7000-8000-%012d", i),
						RobotID: fmt.Sprintf("f47ac10b-58cc-4372-a567-%012d", i), URL: "https://example.com/",
						State: delivery.Active,
					}, delivery.Audit{}); err != nil {
						b.Fatal(err)
					}
				}
				body := []byte(`{"event_type":"run_completed","data":{"x":"` + strings.Repeat("x", 950) + `"}}`)
				detail := []byte(`{"url":"https://example.com/","request_headers":{"Content-Type":["application/json"],"User-Agent":["Runhooks/1"],"Webhook-Id":["evt_01J00000000000000000000000"],"Webhook-Timestamp":["1800000000"],"Webhook-Signature":["***"]},"response_headers":{"Date":["Sat, 28 Nov 2026 04:45:24 GMT"],"Content-Length":["0"]},"timings":{"first_byte_us":321,"total_us":345}}`)
				var outcomes []delivery.Outcome
				n := 0
				b.ResetTimer()
				for done := 0; done < b.N; done += size {
					now := time.Now()
					var batch delivery.Batch
					for range min(size, b.N-done) {
						n++
						batch.Publish = append(batch.Publish, delivery.Publication{Event: delivery.Event{
							ID: fmt.Sprintf("evt_%026d", n), Type: "run_completed",
							RobotID: fmt.Sprintf("f47ac10b-58cc-4372-a567-%012d", n%endpoints),
							RunID:   fmt.Sprintf("%08x-58cc-4372-a567-0e02b2c3d479", uint32(n)*2654435761),
							At:      now, Body: body,
						}})
					}
					batch.Outcomes = outcomes
					c, err := s.Commit(b.Context(), &batch)
					if err != nil {
						b.Fatal(err)
					}
					outcomes = outcomes[:0]
					for _, p := range c.Published {
						r := p.Deliveries[0]
						outcomes = append(outcomes, delivery.Outcome{
							EndpointID: r.EndpointID, Epoch: r.Epoch, State: delivery.Delivered, Round: 1,
							Attempt: delivery.Attempt{DeliveryID: r.ID, N: 1, At: now, Outcome: "accepted", Status: 204, Duration: 345 * time.Microsecond, Node: "bench", Detail: detail},
						})
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "quartets/s")
			})
		}
	}
}
