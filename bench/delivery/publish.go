package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A payload is a body to publish, in two parts between which the run's id stands.
type payload struct{ before, after string }

// newPayload returns a run_completed of about so many bytes, of a robot.
func newPayload(robot string, size int) payload {
	p := payload{
		before: `{"event_type":"run_completed","data":{"robot_id":"` + robot + `","run_id":"`,
		after: `","robot_name":"Prices","status":"success","started_at":"2025-05-29T15:52:30.595Z",` +
			`"finished_at":"2025-05-29T15:53:15.595Z","extracted_data":{"captured_texts":[],"captured_lists":{"list_0":[`,
	}
	const end = `]},"total_rows":%d,"captured_texts_count":0,"captured_lists_count":%d,"screenshots_count":0},` +
		`"metadata":{"browser_id":"d27ace57-75cb-441c-8589-8ba34e52f7d1","user_id":108}}}`
	const row = `{"Rank":"%d","Product":"MacBook Air M2","Category":"Laptops","Units Sold":"2,847","Revenue":"$2,847,000"}`
	var rows []string
	for n := len(p.before) + len(p.after) + len(end) + runIDLength; n < size || len(rows) == 0; n += len(row) {
		rows = append(rows, fmt.Sprintf(row, len(rows)+1))
	}
	p.after += strings.Join(rows, ",") + fmt.Sprintf(end, len(rows), len(rows))
	return p
}

const runIDLength = 20

func (p payload) size() int { return len(p.before) + runIDLength + len(p.after) }

// body returns the payload of run n.
func (p payload) body(n int64) []byte {
	b := make([]byte, 0, p.size())
	b = append(b, p.before...)
	b = fmt.Appendf(b, "%0*d", runIDLength, n)
	return append(b, p.after...)
}

// A publisher publishes to a service. Its fields must not change once it is used.
type publisher struct {
	service *service
	client  *http.Transport
}

// runs counts the runs of which events are published. No two publishers give an event
// the same key.
var runs atomic.Int64

func newPublisher(s *service) *publisher {
	return &publisher{service: s, client: &http.Transport{MaxIdleConnsPerHost: 1024, MaxIdleConns: 1024}}
}

func (p *publisher) close() { p.client.CloseIdleConnections() }

// A statusError is an answer that is not 202.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("publishing: status %d: %s", e.status, e.body)
}

// post sends a body, and returns the answer's.
func (p *publisher) post(ctx context.Context, path, contentType, key string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.service.url()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header["Authorization"] = []string{"Bearer " + p.service.token}
	req.Header["Content-Type"] = []string{contentType}
	if key != "" {
		req.Header["Idempotency-Key"] = []string{key}
	}
	resp, err := p.client.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, &statusError{resp.StatusCode, string(answer)}
	}
	return answer, nil
}

// publish publishes one event once, and returns its id.
func (p *publisher) publish(ctx context.Context, body []byte, key string) (string, error) {
	answer, err := p.post(ctx, "/v1/events", "application/json", key, body)
	if err != nil {
		return "", err
	}
	var published struct {
		EventID string `json:"event_id"`
	}
	if err := json.Unmarshal(answer, &published); err != nil || published.EventID == "" {
		return "", fmt.Errorf("publishing: the answer is %q", answer)
	}
	return published.EventID, nil
}

// batch publishes events at once, and returns their ids.
func (p *publisher) batch(ctx context.Context, bodies [][]byte) ([]string, error) {
	answer, err := p.post(ctx, "/v1/events/batch", "application/x-ndjson", "", append(bytes.Join(bodies, []byte("\n")), '\n'))
	if err != nil {
		return nil, err
	}
	var result struct {
		Results []struct {
			EventID string `json:"event_id"`
			Detail  string `json:"detail"`
		}
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(bodies))
	for _, line := range result.Results {
		if line.EventID == "" {
			return ids, fmt.Errorf("publishing a batch: %s", line.Detail)
		}
		ids = append(ids, line.EventID)
	}
	return ids, nil
}

// A ledger has what was accepted.
type ledger struct {
	mu     sync.Mutex
	events []entry
}

type entry struct {
	id    string
	path  string    // of the endpoint that gets it
	asked time.Time // when it was published, or meant to be
	took  time.Duration
}

func (l *ledger) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *ledger) all() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[:len(l.events):len(l.events)]
}

// missing counts accepted events that have not arrived.
func (l *ledger) missing(s *sink) int {
	n := 0
	for _, e := range l.all() {
		if _, ok := s.at(e.id, e.path); !ok {
			n++
		}
	}
	return n
}

// repeated counts arrivals beyond the first of each event.
func (l *ledger) repeated(s *sink) int {
	n := 0
	for _, e := range l.all() {
		if a, ok := s.at(e.id, e.path); ok {
			n += a.count - 1
		}
	}
	return n
}

// latencies returns how long the events took from being published to their first
// attempt, of those that arrived.
func (l *ledger) latencies(s *sink) []time.Duration {
	var all []time.Duration
	for _, e := range l.all() {
		if a, ok := s.at(e.id, e.path); ok {
			all = append(all, a.first.Sub(e.asked))
		}
	}
	return all
}

// arrive waits until all accepted events have arrived, at most for so long after
// the last arrival.
func (l *ledger) arrive(ctx context.Context, s *sink, patience time.Duration) (missing int) {
	progress, last := time.Now(), -1
	for {
		missing = l.missing(s)
		if missing == 0 || ctx.Err() != nil {
			return missing
		}
		if missing != last {
			progress, last = time.Now(), missing
		}
		if time.Since(progress) > patience {
			return missing
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// A robot is where a load publishes to, and the path of its endpoint.
type robot struct {
	payload payload
	path    string
}

// steady publishes at a rate for a time, whatever the service does, each event at
// its own time: a service that stalls gets no pause. Events that fail are tried
// again, with their idempotency keys, until ctx is done.
func (p *publisher) steady(ctx context.Context, rate float64, length time.Duration, robots []robot, l *ledger) (failures int64) {
	var (
		group  sync.WaitGroup
		failed atomic.Int64
		start  = time.Now()
		gap    = time.Duration(float64(time.Second) / rate)
		slots  = make(chan struct{}, 512)
	)
	for i := 0; ctx.Err() == nil; i++ {
		at := start.Add(time.Duration(i) * gap)
		if at.Sub(start) >= length {
			break
		}
		pause(ctx, time.Until(at))
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			failed.Add(p.insist(ctx, robots[i%len(robots)], at, l))
		})
	}
	group.Wait()
	return failed.Load()
}

// insist publishes an event until it is accepted, or refused for good (4xx), and
// returns how often it was not accepted.
func (p *publisher) insist(ctx context.Context, r robot, at time.Time, l *ledger) (failures int64) {
	n := runs.Add(1)
	body := r.payload.body(n)
	key := fmt.Sprintf("run-%d", n)
	for ctx.Err() == nil {
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		id, err := p.publish(attempt, body, key)
		cancel()
		if err == nil {
			l.add(entry{id: id, path: r.path, asked: at, took: time.Since(at)})
			return failures
		}
		failures++
		p.service.note(err)
		if refused := (*statusError)(nil); errors.As(err, &refused) && refused.status < 500 {
			return failures
		}
		pause(ctx, 50*time.Millisecond)
	}
	return failures
}

// pause waits for a time, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
