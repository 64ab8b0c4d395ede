package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A service is one that listens, in this process or in another one. Its address
// may change when it is started again.
type service struct {
	base  atomic.Value // string
	token string

	mu     sync.Mutex
	errors map[string]int // what publishers were told, and how often
}

func (s *service) url() string {
	base, _ := s.base.Load().(string)
	return base
}

// note counts an error that a publisher got.
func (s *service) note(err error) {
	text := err.Error()
	if e, ok := err.(*statusError); ok {
		text = fmt.Sprintf("status %d: %s", e.status, e.body)
	} else if errno := syscall.Errno(0); errors.As(err, &errno) {
		text = errno.Error() // without the ports, which are different each time
	} else if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
		text = "timeout"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.errors == nil {
		s.errors = make(map[string]int)
	}
	if len(s.errors) < 1000 {
		s.errors[text]++
	}
}

// call does one request of the API. It decodes the answer into out, if not nil.
func (s *service) call(ctx context.Context, method, path string, in, out any, header ...string) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url()+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %d: %s", method, path, resp.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// within returns how many of a histogram's observations are at most a bound, in
// per cent.
func (s *service) within(ctx context.Context, name, of, bound string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return 0, err
	}
	for _, m := range families[name].GetMetric() {
		if len(m.Label) != 1 || m.Label[0].GetValue() != of {
			continue
		}
		for _, b := range m.Histogram.Bucket {
			if strconv.FormatFloat(b.GetUpperBound(), 'f', -1, 64) == bound {
				return 100 * float64(b.GetCumulativeCount()) / float64(m.Histogram.GetSampleCount()), nil
			}
		}
	}
	return 0, fmt.Errorf("%s has no %s within %s s", name, of, bound)
}

// An object is one of the API.
type object map[string]any

// endpoint creates an endpoint, and returns its id.
func (s *service) endpoint(ctx context.Context, settings object) (string, error) {
	var made struct{ ID string }
	err := s.call(ctx, http.MethodPost, "/v1/endpoints", settings, &made)
	return made.ID, err
}

// robots creates n robots with an endpoint each at a sink, by the path, in which
// %d is the number of the robot.
func (s *service) robots(ctx context.Context, k *sink, n int, prefix, path string, size int, settings object) ([]robot, error) {
	made := make([]robot, n)
	for i := range made {
		name := fmt.Sprintf("%s-%d", prefix, i)
		made[i] = robot{payload: newPayload(name, size), path: fmt.Sprintf(path, i)}
		with := object{"robot_id": name, "url": k.url(made[i].path)}
		for member, value := range settings {
			with[member] = value
		}
		if _, err := s.endpoint(ctx, with); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// A listed is a delivery of the API.
type listed struct {
	ID      string
	EventID string `json:"event_id"`
	State   string
}

// deliveries returns all deliveries that a query matches.
func (s *service) deliveries(ctx context.Context, query url.Values) ([]listed, error) {
	var all []listed
	query.Set("limit", "200")
	for {
		var page struct {
			Items []listed
			Next  string
		}
		if err := s.call(ctx, http.MethodGet, "/v1/deliveries?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

// settled waits until no delivery is pending, and returns how many still are.
func (s *service) settled(ctx context.Context, patience time.Duration) (pending int, err error) {
	for deadline := time.Now().Add(patience); ; {
		left, err := s.deliveries(ctx, url.Values{"state": {"pending"}})
		if err == nil && len(left) == 0 {
			return 0, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return len(left), err
		}
		pause(ctx, 200*time.Millisecond)
	}
}
