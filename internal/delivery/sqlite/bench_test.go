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

// BenchmarkMillion opens a store with 1,000,000 deliveries that wait for a retry, of
// 100 endpoints, claims all, and asks each for what is due.
func BenchmarkMillion(b *testing.B) {
	dir := b.TempDir()
	s, err := sqlite.Open(b.Context(), dir, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, sql := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO endpoints
			SELECT i, printf('01940000-0000-7000-8000-%012d', i), 'robot', printf('https://example.com/%d', i), 'active', '{}', NULL, 1, 1, 1, 0 FROM n`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO events
			SELECT i, printf('evt_%026d', i), 'run_completed', 'robot', printf('run-%d', i), 1, i, 1, 0, '', zeroblob(200) FROM n`,
		`INSERT INTO deliveries SELECT seq, seq, 1 + seq % 100, 0, 0, 1, 1, 4000000000000 + seq, 1, '' FROM events`,
	} {
		if err := s.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var opening, asking time.Duration
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		s, err := sqlite.Open(b.Context(), dir, sqlite.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Join(b.Context(), "bench", true); err != nil {
			b.Fatal(err)
		}
		claims, err := s.Claim(b.Context(), 1000)
		if err != nil || len(claims) != 100 {
			b.Fatal(len(claims), err)
		}
		opening += time.Since(start)
		start = time.Now()
		from := map[string]time.Time{}
		for _, c := range claims {
			r, err := s.Due(b.Context(), delivery.DueQuery{EndpointID: c.EndpointID, Limit: 10, MaxBytes: 1 << 20})
			if err != nil || r.NextDue.IsZero() {
				b.Fatal(r, err)
			}
			from[c.EndpointID] = time.Time{}
		}
		if found, err := s.Peek(b.Context(), from); err != nil || len(found) != 100 {
			b.Fatal(len(found), err)
		}
		asking += time.Since(start)
		start = time.Now()
		if _, err := s.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/stats")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms/open+claim")
	b.ReportMetric(float64(asking.Microseconds())/float64(b.N)/200, "µs/due,peek")
}

// BenchmarkRetain removes deliveries with one attempt each, and tells how long the
// longest step took, in which nobody else could write.
func BenchmarkRetain(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, sql := range []string{
		`INSERT INTO endpoints VALUES (1, 'e', 'robot', 'https://example.com/', 'active', '{}', NULL, 1, 1, 1, 0)`,
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO events
			SELECT i, printf('evt_%%026d', i), 'run_completed', 'robot', printf('run-%%d', i), 1, i, 1, 0, '', zeroblob(1000) FROM n`, b.N),
		`INSERT INTO deliveries SELECT seq, seq, 1, 2, 0, 1, 1, 1, 1, '' FROM events`,
		`INSERT INTO attempts SELECT seq * 65536 + 1, 1, 1, 'accepted', 200, 1, 0, 'bench', zeroblob(400) FROM events`,
	} {
		if err := s.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	var longest time.Duration
	b.ResetTimer()
	for {
		start := time.Now()
		n, err := s.Retain(b.Context(), delivery.Retention{Finished: time.Hour}, 1000)
		if err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(start))
		if n == 0 {
			break
		}
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms/longest")
	if found, err := s.Deliveries(b.Context(), delivery.DeliveryFilter{}, delivery.Page{Limit: 1}); err != nil || len(found) > 0 {
		b.Fatal(found, err)
	}
}
