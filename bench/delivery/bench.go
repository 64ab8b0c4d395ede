package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

var benchScenarios = []scenario{
	{"throughput", "bench", "Events a second end to end, published over HTTP as fast as they are taken, beside a bare net/http service that POSTs on what it gets. Client, service and sink are in one process, and take turns in each round.", both, throughput},
	{"latency", "bench", "From publishing to the first attempt, at 500 events a second.", both, latency},
	{"bad", "bench", "Healthy endpoints beside bad ones, each of which has 2,000 events waiting: hanging, answering after 5 s, and answering a byte a second.", both, badEndpoints},
	{"waiting", "bench", "1,000,000 deliveries wait for a retry that is due later.", both, waiting},
	{"retention", "bench", "500 events a second, each to two endpoints, while finished ones are removed.", both, retention},
	{"snapshot", "bench", "A transaction of somebody else stays open, so that PostgreSQL can't clean up.", []string{"postgres"}, snapshot},
	{"pages", "bench", "Pages of a robot with 500 endpoints and 10,000 deliveries; and publishing beside 200 pages that show deliveries as they happen.", both, openPages},
	{"connections", "bench", "Connections to endpoints are used again, and few are kept.", []string{"sqlite"}, connections},
}

// A way is how events are published.
type way struct {
	name       string
	publishers int // at once
	size       int
	batch      int
	bound      map[string]float64 // the share of the ceiling, in per cent, by store
}

// single is the way of most scenarios.
var single = way{publishers: 64, batch: 1}

func throughput(ctx context.Context, r *run) error {
	k := r.sink
	bare, err := newBare(k)
	if err != nil {
		return err
	}
	defer bare.close()
	s, err := r.embed(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	bound := map[string]float64{"sqlite": 45, "postgres": 38}
	ways := []way{
		{"1 KB", 64, 1 << 10, 1, bound},
		{"1 KB, 256 publishers", 256, 1 << 10, 1, bound},
		{"50 KB", 64, 50 << 10, 1, nil},
		{"1 KB, batches of 100", 64, 1 << 10, 100, nil},
	}
	robots := make([][]robot, len(ways))
	for i, w := range ways {
		if robots[i], err = s.robots(ctx, k, 16, fmt.Sprintf("r%d", i), fmt.Sprintf("/ok/%d-%%d", i), w.size, object{"max_in_flight": 100}); err != nil {
			return err
		}
	}
	length, rounds := lengths(r, 4*time.Second, 500*time.Millisecond), lengths(r, 7, 1)
	type figures struct{ ceiling, ours, share, cost []float64 }
	all := make([]figures, len(ways))
	for n := range rounds + 1 {
		for i, w := range ways {
			b, busyBare, err := measure(ctx, r, bare.publisher, k, robots[i], w, length)
			if err != nil {
				return err
			}
			stop := func() {}
			if r.profile != "" {
				if stop, err = profile(filepath.Join(r.profile, fmt.Sprintf("%s-%d-%d.cpu", r.store, i, n))); err != nil {
					return err
				}
			}
			o, busy, err := measure(ctx, r, s.publisher, k, robots[i], w, length)
			stop()
			if err != nil {
				return err
			}
			if n == 0 {
				continue // to warm up
			}
			f := &all[i]
			f.ceiling, f.ours, f.share = append(f.ceiling, b), append(f.ours, o), append(f.share, 100*o/b)
			f.cost = append(f.cost, 100*float64(busyBare)/float64(busy))
		}
	}
	for i, w := range ways {
		f := &all[i]
		r.note("ceiling, "+w.name, median(f.ceiling), "/s")
		r.note("end to end, "+w.name, median(f.ours), "/s")
		if bound, ok := w.bound[r.store]; ok {
			r.least("share of the ceiling, "+w.name, median(f.share), bound, "%")
		} else {
			r.note("share of the ceiling, "+w.name, median(f.share), "%")
		}
		r.note("processor time of the ceiling by its own, "+w.name, median(f.cost), "%")
	}
	pending, err := s.settled(ctx, 30*time.Second)
	if err != nil {
		return err
	}
	r.most("deliveries that are not written as delivered", float64(pending), 0, "")
	return nil
}

// measure publishes for a while, waits until all has arrived, and returns how many
// events a second that was, and how much processor time an event took.
func measure(ctx context.Context, r *run, p *publisher, k *sink, robots []robot, how way, length time.Duration) (rate float64, each time.Duration, err error) {
	k.reset()
	busy := r.cpu()
	var (
		group    sync.WaitGroup
		accepted atomic.Int64
		problem  atomic.Value
		start    = time.Now()
	)
	for w := range how.publishers {
		group.Go(func() {
			for i := w; time.Since(start) < length && ctx.Err() == nil; i++ {
				to := robots[i%len(robots)]
				var err error
				if how.batch == 1 {
					_, err = p.publish(ctx, to.payload.body(runs.Add(1)), "")
				} else {
					bodies := make([][]byte, how.batch)
					for j := range bodies {
						bodies[j] = to.payload.body(runs.Add(1))
					}
					_, err = p.batch(ctx, bodies)
				}
				if e := (*statusError)(nil); errors.As(err, &e) && e.status == http.StatusServiceUnavailable {
					pause(ctx, 10*time.Millisecond) // it is full, and says so
					continue
				}
				if err != nil {
					problem.CompareAndSwap(nil, err.Error())
					return
				}
				accepted.Add(int64(how.batch))
			}
		})
	}
	group.Wait()
	if text, ok := problem.Load().(string); ok {
		return 0, 0, errors.New(text)
	}
	deadline := time.Now().Add(time.Minute)
	for k.total.Load() < accepted.Load() {
		if time.Now().After(deadline) {
			return 0, 0, fmt.Errorf("of %d events, %d arrived", accepted.Load(), k.total.Load())
		}
		pause(ctx, time.Millisecond)
	}
	took := time.Unix(0, k.latest.Load()).Sub(start)
	n := accepted.Load()
	return float64(n) / took.Seconds(), (r.cpu() - busy) / time.Duration(n), ctx.Err()
}

// A bare service POSTs on what it gets, and does nothing else.
type bare struct {
	service
	*publisher
	server *http.Server
}

func newBare(k *sink) (*bare, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := new(bare)
	client := &http.Transport{MaxIdleConnsPerHost: 1024, MaxIdleConns: 1024}
	to := k.url("/ok/bare")
	var n atomic.Int64
	send := func(ctx context.Context, body []byte) (string, error) {
		id := fmt.Sprintf("evt_%026d", n.Add(1))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		req.Header["Webhook-Id"] = []string{id}
		req.Header["Content-Type"] = []string{"application/json"}
		resp, err := client.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return id, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/events", func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		id, err2 := send(q.Context(), body)
		if err := errors.Join(err, err2); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"event_id":%q}`, id)
	})
	mux.HandleFunc("POST /v1/events/batch", func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		ids := make([]string, len(lines))
		var group sync.WaitGroup
		for i, line := range lines {
			group.Go(func() { ids[i], _ = send(q.Context(), line) })
		}
		group.Wait()
		w.Write([]byte(`{"results":[`))
		for i, id := range ids {
			if i > 0 {
				w.Write([]byte(","))
			}
			fmt.Fprintf(w, `{"event_id":%q}`, id)
		}
		w.Write([]byte("]}"))
	})
	b.server = &http.Server{Handler: mux}
	go b.server.Serve(listener)
	b.base.Store("http://" + listener.Addr().String())
	b.publisher = newPublisher(&b.service)
	return b, nil
}

func (b *bare) close() { b.publisher.close(); b.server.Close() }

func profile(file string) (stop func(), err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

func latency(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	robots, err := p.robots(ctx, k, 50, "r", "/ok/%d", 1<<10, nil)
	if err != nil {
		return err
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	pub.steady(ctx, 500, time.Second, robots, new(ledger)) // to warm up
	l := new(ledger)
	failures := pub.steady(ctx, 500, lengths(r, time.Minute, 3*time.Second), robots, l)
	r.most("accepted events that did not arrive", float64(l.arrive(ctx, k, 10*time.Second)), 0, "")
	r.most("requests that failed", float64(failures), 0, "")
	all := l.latencies(k)
	r.note("median", ms(quantile(all, 0.5)), "ms")
	r.most("p99", ms(quantile(all, 0.99)), map[string]float64{"sqlite": 25, "postgres": 75}[r.store], "ms")
	return p.stop()
}

func badEndpoints(ctx context.Context, r *run) error {
	k := r.sink
	events := lengths(r, 2000, 50)
	for _, count := range lengths(r, []int{1, 100, 1000}, []int{1, 20}) {
		p, err := r.serve(ctx)
		if err != nil {
			return err
		}
		err = r.beside(ctx, k, p, count, events)
		p.kill()
		if err != nil {
			return err
		}
	}
	return nil
}

// beside measures healthy endpoints beside a number of bad ones.
func (r *run) beside(ctx context.Context, k *sink, p *process, count, events int) error {
	healthy, err := p.robots(ctx, k, 20, "healthy", "/ok/%d", 1<<10, nil)
	if err != nil {
		return err
	}
	var bad []robot
	for i, path := range []string{"/hang/%d", "/slow/5000/%d", "/drip/%d"} {
		n := count/3 + min(1, max(0, count%3-i))
		some, err := p.robots(ctx, k, n, fmt.Sprintf("bad%d", i), path, 1<<10, object{"timeout": 30, "max_in_flight": 10})
		if err != nil {
			return err
		}
		bad = append(bad, some...)
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	queued, err := fill(ctx, pub, bad, events)
	if err != nil {
		return err
	}
	r.note(fmt.Sprintf("events queued for %d bad", count), float64(queued), "")
	pause(ctx, lengths(r, 10*time.Second, time.Second))
	l := new(ledger)
	pub.steady(ctx, 200, lengths(r, 30*time.Second, 3*time.Second), healthy, l)
	missing := l.arrive(ctx, k, 10*time.Second)
	all := l.latencies(k)
	r.most(fmt.Sprintf("healthy events that did not arrive beside %d bad", count), float64(missing), 0, "")
	r.note(fmt.Sprintf("healthy median beside %d bad", count), ms(quantile(all, 0.5)), "ms")
	r.most(fmt.Sprintf("healthy p99 beside %d bad", count), ms(quantile(all, 0.99)), 250, "ms")
	_, peak := p.resident()
	r.note(fmt.Sprintf("peak memory beside %d bad", count), peak/1e6, "MB")
	return nil
}

// fill publishes events to each robot, in batches.
func fill(ctx context.Context, pub *publisher, robots []robot, events int) (int64, error) {
	var (
		group   sync.WaitGroup
		total   atomic.Int64
		problem atomic.Value
		slots   = make(chan struct{}, 8)
	)
	for _, to := range robots {
		for left := events; left > 0; {
			n := min(left, 500)
			left -= n
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				bodies := make([][]byte, n)
				for i := range bodies {
					bodies[i] = to.payload.body(runs.Add(1))
				}
				for ctx.Err() == nil {
					ids, err := pub.batch(ctx, bodies)
					total.Add(int64(len(ids)))
					bodies = bodies[len(ids):]
					if len(bodies) == 0 {
						return
					}
					var status *statusError
					if err != nil && errors.As(err, &status) && status.status != http.StatusServiceUnavailable {
						problem.CompareAndSwap(nil, err.Error())
						return
					}
					pause(ctx, 50*time.Millisecond)
				}
			})
		}
	}
	group.Wait()
	if text, ok := problem.Load().(string); ok {
		return total.Load(), errors.New(text)
	}
	return total.Load(), ctx.Err()
}

func waiting(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	healthy, err := p.robots(ctx, k, 16, "healthy", "/ok/%d", 1<<10, object{"max_in_flight": 100})
	if err != nil {
		return err
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	length, rounds := lengths(r, 5*time.Second, time.Second), lengths(r, 3, 1)
	rate := func() (float64, error) {
		var all []float64
		for range rounds {
			one, _, err := measure(ctx, r, pub, k, healthy, single, length)
			if err != nil {
				return 0, err
			}
			all = append(all, one)
		}
		return median(all), nil
	}
	if _, err := rate(); err != nil { // to warm up
		return err
	}
	before, err := rate()
	if err != nil {
		return err
	}
	// Each of them fails once and then waits for an hour.
	failing, err := p.robots(ctx, k, lengths(r, 100, 10), "failing", "/status/500/%d", 1<<10,
		object{"max_attempts": 3, "retry_delays": []int{3600, 3600}, "max_in_flight": 100})
	if err != nil {
		return err
	}
	want := lengths(r, 1_000_000, 2_000)
	start := time.Now()
	if _, err := fill(ctx, pub, failing, want/len(failing)); err != nil {
		return err
	}
	r.note("deliveries that wait", float64(want), "")
	r.note("published in", time.Since(start).Seconds(), "s")
	pause(ctx, lengths(r, 20*time.Second, time.Second))
	after, err := rate()
	if err != nil {
		return err
	}
	r.note("the rest before", before, "/s")
	r.note("the rest beside them", after, "/s")
	r.most("slower by", 100*(1-after/before), 10, "%")
	if err := p.stop(); err != nil {
		return err
	}
	start = time.Now()
	if err := p.start(ctx); err != nil {
		return err
	}
	r.most("start until ready", time.Since(start).Seconds(), 5, "s")
	l := new(ledger)
	pub.steady(ctx, 100, lengths(r, 30*time.Second, time.Second), healthy, l)
	r.most("accepted events that did not arrive", float64(l.arrive(ctx, k, 10*time.Second)), 0, "")
	now, peak := p.resident()
	r.most("memory after the start", now/1e6, 250, "MB")
	r.most("its peak", peak/1e6, 250, "MB")
	return nil
}

func retention(ctx context.Context, r *run) error {
	k := r.sink
	// The long form makes 2,000,000 attempts and keeps five minutes of them, so that
	// most of it is removed.
	length := lengths(r, 2000*time.Second, 10*time.Second)
	keep := lengths(r, "5m", "2s")
	p, err := r.serve(ctx, "--retain", keep)
	if err != nil {
		return err
	}
	defer p.kill()
	robots, err := p.robots(ctx, k, 50, "r", "/ok/%d", 1<<10, nil)
	if err != nil {
		return err
	}
	for i := range robots { // the second endpoint of each
		if _, err := p.endpoint(ctx, object{"robot_id": fmt.Sprintf("r-%d", i), "url": k.url(fmt.Sprintf("/ok/second-%d", i))}); err != nil {
			return err
		}
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	disk := func() float64 {
		if r.store == "postgres" { // its log is as large as the server is told
			return float64(size(filepath.Join(r.cluster.data(), "base")))
		}
		return float64(size(p.data))
	}
	const parts = 10
	var sizes, p99s []float64
	missing, attempts := 0, int64(0)
	for range parts {
		k.reset() // so that the sink doesn't grow, either
		l := new(ledger)
		pub.steady(ctx, 500, length/parts, robots, l)
		missing += l.arrive(ctx, k, 10*time.Second)
		attempts += k.total.Load()
		var took []time.Duration
		for _, e := range l.all() {
			took = append(took, e.took)
		}
		sizes, p99s = append(sizes, disk()), append(p99s, ms(quantile(took, 0.99)))
	}
	r.note("attempts", float64(attempts), "")
	r.most("accepted events that did not arrive", float64(missing), 0, "")
	// The first four parts are to warm up: files have their final sizes.
	warm := sizes[4:]
	base := median(warm)
	off := 0.0
	for _, s := range warm {
		off = max(off, 100*max(s/base-1, 1-s/base))
	}
	r.note("size on disk", base/1e6, "MB")
	r.note("p99 of publishing, first parts", median(p99s[1:4]), "ms")
	r.note("p99 of publishing, last parts", median(p99s[parts-3:]), "ms")
	slower := 100 * (median(p99s[parts-3:])/median(p99s[1:4]) - 1)
	r.most("size off its median by at most", off, 10, "%")
	r.most("p99 of publishing slower by", slower, 20, "%")
	return nil
}

func connections(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	pub := newPublisher(&p.service)
	defer pub.close()
	one, err := p.robots(ctx, k, 1, "one", "/slow/20/%d", 1<<10, object{"max_in_flight": 100})
	if err != nil {
		return err
	}
	l := new(ledger)
	// Each attempt takes 20 ms, so a hundred at once are 5,000 a second: as many as
	// are published keep the endpoint at its limit.
	load, cancel := context.WithTimeout(ctx, lengths(r, 60*time.Second, 3*time.Second))
	var group sync.WaitGroup
	for range 128 {
		group.Go(func() {
			for load.Err() == nil {
				pub.insist(load, one[0], time.Now(), l)
			}
		})
	}
	group.Wait()
	cancel()
	r.most("accepted events that did not arrive", float64(l.arrive(ctx, k, 20*time.Second)), 0, "")
	attempts := float64(k.total.Load())
	r.note("attempts to one host, 100 at once", attempts, "")
	r.least("on a connection that was used before", 100*(1-float64(k.opened.Load())/attempts), 95, "%")
	waits, err := k.timeWait()
	if err != nil {
		return err
	}
	r.most("sockets in TIME_WAIT", float64(waits), 200, "")

	hosts := lengths(r, 1000, 100)
	var many []robot
	for i := range hosts {
		name := fmt.Sprintf("host-%d", i)
		to := robot{newPayload(name, 1<<10), fmt.Sprintf("/ok/host-%d", i)}
		url, err := k.host(i, to.path)
		if err != nil {
			return err
		}
		if _, err := p.endpoint(ctx, object{"robot_id": name, "url": url}); err != nil {
			return err
		}
		many = append(many, to)
	}
	l = new(ledger)
	pub.steady(ctx, 500, time.Duration(2*hosts)*time.Second/500, many, l)
	r.most("accepted events of many hosts that did not arrive", float64(l.arrive(ctx, k, 20*time.Second)), 0, "")
	limit, err := fileLimit(p.pid())
	if err != nil {
		return err
	}
	r.note("limit of open files", limit, "")
	r.most(fmt.Sprintf("idle connections to %d hosts", hosts), float64(k.idle.Load()), limit/4, "")
	return p.stop()
}
