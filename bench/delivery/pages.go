package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// openPages times the pages of a robot that has much, and publishes while many pages
// show deliveries as they happen.
func openPages(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()

	// A robot with 500 endpoints, and 20 deliveries to each of them.
	large := newPayload("large", 1<<10)
	for i := range lengths(r, 500, 10) {
		if _, err := p.endpoint(ctx, object{"robot_id": "large", "url": k.url(fmt.Sprintf("/ok/large-%d", i))}); err != nil {
			return err
		}
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	l := new(ledger)
	for range 20 {
		if pub.insist(ctx, robot{payload: large, path: "/ok/large-0"}, time.Now(), l); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	r.most("accepted events that did not arrive", float64(l.arrive(ctx, k, 30*time.Second)), 0, "")

	b, err := p.browser(ctx)
	if err != nil {
		return err
	}
	var endpoints struct{ Items []struct{ ID string } }
	if err := p.call(ctx, http.MethodGet, "/v1/endpoints?robot_id=large&limit=1", nil, &endpoints); err != nil {
		return err
	}
	var deliveries struct{ Items []struct{ ID string } }
	if err := p.call(ctx, http.MethodGet, "/v1/deliveries?robot_id=large&limit=1", nil, &deliveries); err != nil {
		return err
	}
	for _, page := range []struct{ name, path string }{
		{"robots", "/robots"},
		{"settings of a robot", "/robots/large"},
		{"endpoint", "/endpoints/" + endpoints.Items[0].ID},
		{"new endpoint", "/robots/large/endpoints/new"},
		{"preview", "/robots/large/preview"},
		{"deliveries", "/deliveries"},
		{"deliveries of a robot", "/deliveries?robot_id=large"},
		{"deliveries that failed", "/deliveries?robot_id=large&state=exhausted"},
		{"delivery", "/deliveries/" + deliveries.Items[0].ID},
		{"contract", "/contract"},
	} {
		var took []time.Duration
		for range lengths(r, 50, 3) {
			start := time.Now()
			if err := b.open(ctx, page.path); err != nil {
				return err
			}
			took = append(took, time.Since(start))
		}
		r.most("answered, p95: "+page.name, ms(quantile(took, 0.95)), 100, "ms")
	}

	robots, err := p.robots(ctx, k, 16, "watched", "/ok/%d", 1<<10, object{"max_in_flight": 100})
	if err != nil {
		return err
	}
	length, rounds := lengths(r, 5*time.Second, time.Second), lengths(r, 5, 1)
	const pages = 200
	var without, with []float64
	messages := int64(0)
	for n := range rounds + 1 {
		alone, _, err := measure(ctx, r, pub, k, robots, single, length)
		if err != nil {
			return err
		}
		watching, err := b.watch(ctx, pages, robots)
		if err != nil {
			return err
		}
		beside, _, err := measure(ctx, r, pub, k, robots, single, length)
		if err != nil {
			return err
		}
		got, err := watching.end()
		if err != nil {
			return err
		}
		if n > 0 { // the first is to warm up
			without, with, messages = append(without, alone), append(with, beside), messages+got
		}
	}
	r.note("published without pages", median(without), "/s")
	r.note(fmt.Sprintf("published beside %d open pages", pages), median(with), "/s")
	r.least("times that each page showed something new", float64(messages)/pages/float64(rounds), 1, "")
	var slower []float64
	for i := range with {
		slower = append(slower, 100*(1-with[i]/without[i]))
	}
	r.most("slower by", median(slower), 10, "%")
	return nil
}

// A pageBrowser has a session.
type pageBrowser struct {
	service *service
	http.Client
}

func (s *service) browser(ctx context.Context) (*pageBrowser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := &pageBrowser{s, http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}}
	form := url.Values{"token": {s.token}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url()+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := b.Do(req)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	if at := resp.Request.URL.Path; at != "/robots" {
		return nil, fmt.Errorf("signed in, the browser is at %s", at)
	}
	return b, nil
}

func (b *pageBrowser) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.service.url()+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || resp.Request.URL.RequestURI() != path {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s at %s", path, resp.Status, resp.Request.URL)
	}
	return resp, nil
}

// open reads a page to its end.
func (b *pageBrowser) open(ctx context.Context, path string) error {
	resp, err := b.get(ctx, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// watching is streams that are open.
type watching struct {
	cancel   context.CancelFunc
	streams  sync.WaitGroup
	messages atomic.Int64
	problem  atomic.Value
}

// watch opens the streams of pages: half of them of all deliveries, the others of one
// robot's each.
func (b *pageBrowser) watch(ctx context.Context, pages int, robots []robot) (*watching, error) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watching{cancel: cancel}
	for i := range pages {
		path := "/deliveries/live"
		if i%2 == 1 {
			path += fmt.Sprintf("?robot_id=watched-%d", i/2%len(robots))
		}
		resp, err := b.get(ctx, path)
		if err != nil {
			cancel()
			return nil, err
		}
		w.streams.Go(func() {
			defer resp.Body.Close()
			if err := w.read(resp.Body); ctx.Err() == nil {
				w.problem.CompareAndSwap(nil, err)
			}
		})
	}
	return w, nil
}

// read counts messages until the stream ends. A message ends with an empty line.
func (w *watching) read(stream io.Reader) error {
	buf := make([]byte, 64<<10)
	last := byte(0)
	for {
		n, err := stream.Read(buf)
		for _, c := range buf[:n] {
			if c == '\n' && last == '\n' {
				w.messages.Add(1)
			}
			last = c
		}
		if err != nil {
			return err
		}
	}
}

func (w *watching) end() (messages int64, err error) {
	w.cancel()
	w.streams.Wait()
	if err, ok := w.problem.Load().(error); ok {
		return 0, errors.Join(errors.New("a stream ended"), err)
	}
	return w.messages.Load(), nil
}
