package postgres

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
)

// BenchmarkCommit publishes events and writes the outcomes of their deliveries, in
// batches, from several goroutines. Run it with POSTGRES_FSYNC=on. One operation is
// one event from publishing to delivered.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 2, 3, 4} {
		for _, size := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("writers=%d/batch=%d", writers, size), func(b *testing.B) {
				s := open(b, database(b))
				join(b, s)
				for i := range 20 {
					endpoint(b, s, "e"+strconv.Itoa(i), "r"+strconv.Itoa(i), false)
				}
				body := make([]byte, 1000)
				batches := make(chan int, b.N/size+1)
				for n := 0; n < b.N; n += size {
					batches <- min(size, b.N-n)
				}
				close(batches)
				b.ResetTimer()
				var all sync.WaitGroup
				for range writers {
					all.Go(func() {
						var batch delivery.Batch
						for n := range batches {
							batch.Publish = batch.Publish[:0]
							for i := range n {
								p := publication("r" + strconv.Itoa(i%20))
								p.Event.Body = body
								batch.Publish = append(batch.Publish, p)
							}
							done, err := s.Commit(b.Context(), &batch)
							if err != nil {
								b.Error(err)
								return
							}
							batch.Outcomes = batch.Outcomes[:0]
							for _, p := range done.Published {
								for _, r := range p.Deliveries {
									batch.Outcomes = append(batch.Outcomes, outcome(r, 1, delivery.Delivered))
									batch.Outcomes[len(batch.Outcomes)-1].Attempt.Detail = detail
								}
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

var detail = []byte(`{"url":"https://example.com/webhooks/runs","remote":"192.0.2.1:443","reused":true,"request_headers":{"Content-Type":["application/json"],"User-Agent":["Runhooks/1"],"Webhook-Id":["evt_01JDQ0000000000000000000000"],"Webhook-Timestamp":["1764300000"],"Webhook-Signature":["***"]},"response_headers":{"Date":["Sat, 28 Nov 2026 04:00:00 GMT"],"Content-Length":["0"]},"timings":{"first_byte_us":312,"total_us":345}}`)
