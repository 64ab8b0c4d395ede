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

// BenchmarkDeliveries lists deliveries in a month of them: 160,000 of a robot with 500
// endpoints, and 50,000 of one with five, as they are before PostgreSQL has analyzed
// its tables, and after.
func BenchmarkDeliveries(b *testing.B) {
	s := open(b, database(b))
	join(b, s)
	exec(b, s, "SELECT runhooks.shelve(runhooks.today() - d) FROM generate_series(2, 31) d")
	for i := range 500 {
		endpoint(b, s, fmt.Sprintf("large%03d", i), "large", false)
	}
	for i := range 5 {
		endpoint(b, s, fmt.Sprintf("small%d", i), "small", false)
	}
	exec(b, s, `INSERT INTO runhooks.events (seq, id, day, type, robot_id, run_id, at, operational, traceparent, body)
		SELECT n, 'evt_' || n, runhooks.today() - (10300 - n) * 30 / 10300, 'run_completed', CASE WHEN n % 34 = 0 THEN 'large' ELSE 'small' END, 'run' || n, now(), false, '', '{}'
		FROM generate_series(1, 10300) n`)
	exec(b, s, `INSERT INTO runhooks.finished (id, day, endpoint_id, event_id, event_day, size, state, ordered, attempts, round, created_at, finished_at, reason)
		SELECT row_number() OVER (ORDER BY e.seq, p.id), e.day, p.id, e.id, e.day, 2, 'delivered', false, 1, 0, e.at, e.at, ''
		FROM runhooks.events e JOIN runhooks.endpoints p ON p.robot_id = e.robot_id`)
	exec(b, s, "SELECT setval('runhooks.deliveries_id', 1000000), setval('runhooks.events_seq', 1000000)")
	for range 20 {
		commit(b, s, &delivery.Batch{Publish: []delivery.Publication{publication("large")}})
	}
	for _, when := range []string{"new", "analyzed"} {
		for _, of := range []struct {
			name   string
			filter delivery.DeliveryFilter
			n      int
		}{
			{"all", delivery.DeliveryFilter{}, 26},
			{"large", delivery.DeliveryFilter{RobotID: "large"}, 26},
			{"small", delivery.DeliveryFilter{RobotID: "small"}, 26},
			{"exhausted", delivery.DeliveryFilter{RobotID: "small", State: delivery.Exhausted}, 0},
			{"endpoint", delivery.DeliveryFilter{EndpointID: "large007"}, 26},
			{"run", delivery.DeliveryFilter{RobotID: "large", RunID: "run34"}, 26},
		} {
			b.Run(when+"/"+of.name, func(b *testing.B) {
				for b.Loop() {
					if page, err := s.Deliveries(b.Context(), of.filter, delivery.Page{Limit: 26}); err != nil || len(page) != of.n {
						b.Fatalf("%d found, %v", len(page), err)
					}
				}
			})
		}
		exec(b, s, "ANALYZE")
	}
}
