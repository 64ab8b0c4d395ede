package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

var chaosScenarios = []scenario{
	{"kill", "chaos", "kill -9 every 1 to 3 s under load.", both, kill},
	{"kill-one", "chaos", "kill -9 of one of two nodes, every 1 to 3 s under load.", []string{"postgres"}, killOne},
	{"stopped", "chaos", "The process is stopped (SIGSTOP) for a minute, and goes on; on PostgreSQL it is one of two.", both, stopped},
	{"terminate", "chaos", "pg_terminate_backend of random connections of the service, under load.", []string{"postgres"}, terminate},
	{"away", "chaos", "PostgreSQL is stopped as by a crash, and started again.", []string{"postgres"}, away},
	{"power", "chaos", "The power fails: what is not synced is lost, by ext4's own way to test that.", both, power},
	{"full", "chaos", "The disk is full for a while.", []string{"sqlite"}, full},
	{"nodes", "chaos", "Two nodes: one joins, one dies, one is stopped; and endpoints that take almost as long as their timeout.", []string{"postgres"}, nodes},
	{"disabled", "chaos", "An endpoint answers 410 and is disabled; 1,000 events are published; it is enabled and recovered.", both, disabled},
	{"forgery", "chaos", "Endpoints at forbidden addresses, in 60 forms, by delivery, by the test button and for operational events, with HTTPS_PROXY set.", []string{"sqlite"}, forgery},
}

// A load runs until it is stopped.
type load struct {
	ledger
	pub      *publisher
	cancel   context.CancelFunc // of publishing more
	giveUp   context.CancelFunc // of publishing at all
	group    sync.WaitGroup
	failures int64
}

// begin publishes at a rate until the load is ended.
func begin(ctx context.Context, s *service, rate float64, robots []robot) *load {
	ctx, giveUp := context.WithCancel(ctx)
	going, cancel := context.WithCancel(ctx)
	l := &load{pub: newPublisher(s), cancel: cancel, giveUp: giveUp}
	l.group.Go(func() { l.failures = l.pub.until(ctx, going, rate, robots, &l.ledger) })
	return l
}

// load begins the load under which things break: to 20 endpoints that answer after
// 50 ms.
func (r *run) load(ctx context.Context, s *service) (*load, error) {
	robots, err := s.robots(ctx, r.sink, 20, "r", "/slow/50/%d", 1<<10, nil)
	if err != nil {
		return nil, err
	}
	return begin(ctx, s, rate, robots), nil
}

// end stops publishing, and waits until all that was begun is accepted.
func (l *load) end() {
	l.cancel()
	l.group.Wait()
	l.pub.close()
}

// abandon stops publishing, whether or not what was begun is accepted.
func (l *load) abandon() {
	l.giveUp()
	l.end()
}

// until publishes at a rate until going is done, and then waits until what was
// begun is accepted, or ctx done.
func (p *publisher) until(ctx, going context.Context, rate float64, robots []robot, l *ledger) int64 {
	var group sync.WaitGroup
	var mu sync.Mutex
	var failures int64
	gap := time.Duration(float64(time.Second) / rate)
	slots := make(chan struct{}, 256)
	for i, at := 0, time.Now(); going.Err() == nil; i, at = i+1, at.Add(gap) {
		pause(going, time.Until(at))
		select {
		case slots <- struct{}{}:
		case <-going.Done():
			continue
		}
		group.Go(func() {
			defer func() { <-slots }()
			n := p.insist(ctx, robots[i%len(robots)], time.Now(), l)
			mu.Lock()
			failures += n
			mu.Unlock()
		})
	}
	group.Wait()
	return failures
}

// account reports that nothing accepted is lost, and that all of it is written as
// delivered.
func (r *run) account(ctx context.Context, k *sink, s *service, l *ledger, patience time.Duration) error {
	r.note("events accepted", float64(len(l.all())), "")
	r.most("accepted events that did not arrive", float64(l.arrive(ctx, k, patience)), 0, "")
	pending, err := s.settled(ctx, patience)
	if err != nil {
		return err
	}
	r.most("deliveries that stay pending", float64(pending), 0, "")
	accepted := make(map[string]bool, len(l.all()))
	for _, e := range l.all() {
		accepted[e.id] = true
	}
	done, err := s.deliveries(ctx, url.Values{"state": {"delivered"}})
	if err != nil {
		return err
	}
	for _, d := range done {
		delete(accepted, d.EventID)
	}
	r.most("accepted events that are not recorded as delivered", float64(len(accepted)), 0, "")
	shown := 0
	for id := range accepted {
		if shown++; shown > 5 {
			break
		}
		found, err := s.deliveries(ctx, url.Values{"event_id": {id}})
		known := s.call(ctx, http.MethodGet, "/v1/events/"+id, nil, nil)
		fmt.Printf("    %s: deliveries %v (%v), event: %.100v\n", id, found, err, known)
	}
	return nil
}

const rate = 200 // events a second under which things break

func kill(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	kills := lengths(r, 100, 3)
	underway, longest := 0, time.Duration(0)
	for range kills {
		pause(ctx, time.Second+rand.N(2*time.Second))
		p.signal(syscall.SIGKILL)
		underway += k.since(time.Now().Add(-unwritten))
		killed := time.Now()
		if err := p.start(ctx); err != nil {
			return err
		}
		k.another(ctx)
		longest = max(longest, time.Since(killed))
	}
	l.end()
	r.note("kills", float64(kills), "")
	if err := r.account(ctx, k, &p.service, &l.ledger, 10*time.Second); err != nil {
		return err
	}
	r.most("events that came more than once, of those in flight when it was killed", float64(l.repeated(k)), float64(underway), "")
	r.most("goes on within", longest.Seconds(), 5, "s")
	return p.stop()
}

// unwritten is how long ago an attempt may have begun whose outcome is not written
// yet: the endpoints take 50 ms, and a commit a few.
const unwritten = 100 * time.Millisecond

// another waits for an attempt, which a load makes the service start when it goes on.
func (s *sink) another(ctx context.Context) {
	start, came := time.Now(), s.total.Load()
	for s.total.Load() == came && ctx.Err() == nil && time.Since(start) < time.Minute {
		pause(ctx, 5*time.Millisecond)
	}
}

// since counts the deliveries whose last attempt began after a time.
func (s *sink) since(at time.Time) (n int) {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		for _, a := range s.shards[i].of {
			if a.last.After(at) {
				n++
			}
		}
		s.shards[i].mu.Unlock()
	}
	return n
}

// pair starts two nodes over one database.
func (r *run) pair(ctx context.Context, flags ...string) (a, b *process, store string, err error) {
	if store, err = r.database(ctx); err != nil {
		return nil, nil, "", err
	}
	if a, err = r.node(ctx, nil, store, flags...); err != nil {
		return nil, nil, "", err
	}
	if b, err = r.node(ctx, a, store, flags...); err != nil {
		a.kill()
		return nil, nil, "", err
	}
	return a, b, store, nil
}

func killOne(ctx context.Context, r *run) error {
	k := r.sink
	a, b, _, err := r.pair(ctx)
	if err != nil {
		return err
	}
	defer a.kill()
	defer b.kill()
	l, err := r.load(ctx, &a.service) // the other one is killed
	if err != nil {
		return err
	}
	defer l.abandon()
	kills := lengths(r, 100, 3)
	underway := 0
	for range kills {
		pause(ctx, time.Second+rand.N(2*time.Second))
		b.signal(syscall.SIGKILL)
		underway += k.since(time.Now().Add(-unwritten))
		pause(ctx, 500*time.Millisecond)
		if err := b.start(ctx); err != nil {
			return err
		}
	}
	l.end()
	r.note("kills", float64(kills), "")
	if err := r.account(ctx, k, &a.service, &l.ledger, 10*time.Second); err != nil {
		return err
	}
	r.most("events that came more than once, of those in flight when it was killed", float64(l.repeated(k)), float64(underway), "")
	all := l.latencies(k)
	r.note("median from publishing to the first attempt", ms(quantile(all, 0.5)), "ms")
	r.most("longest from publishing to the first attempt", quantile(all, 1).Seconds(), 6, "s") // the lease, and 1 s
	return errors.Join(a.stop(), b.stop())
}

func stopped(ctx context.Context, r *run) error {
	k := r.sink
	var p, other *process
	var err error
	if r.store == "postgres" {
		if other, p, _, err = r.pair(ctx); err != nil {
			return err
		}
		defer other.kill()
	} else {
		if p, err = r.serve(ctx); err != nil {
			return err
		}
		other = p
	}
	defer p.kill()
	l, err := r.load(ctx, &other.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	pause(ctx, 2*time.Second)
	p.signal(syscall.SIGSTOP)
	length := lengths(r, 60*time.Second, 7*time.Second)
	pause(ctx, length)
	p.signal(syscall.SIGCONT)
	pause(ctx, lengths(r, 10*time.Second, 2*time.Second))
	l.end()
	if err := r.account(ctx, k, &other.service, &l.ledger, 15*time.Second); err != nil {
		return err
	}
	r.note("events that came more than once", float64(l.repeated(k)), "")
	r.most("attempts of a delivery that overlap, but for those under way when it was stopped", float64(k.overlap.Load()), 200, "")
	if r.store == "postgres" {
		r.most("longest from publishing to the first attempt, on the other node", quantile(l.latencies(k), 1).Seconds(), 6, "s")
		return errors.Join(p.stop(), other.stop())
	}
	return p.stop()
}

// sql runs a query on a database, and returns the first number in its result.
func sql(ctx context.Context, store, query string, args ...any) (n int64, err error) {
	conn, err := pgx.Connect(ctx, store)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.Background())
	err = conn.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

func terminate(ctx context.Context, r *run) error {
	k := r.sink
	store, err := r.database(ctx)
	if err != nil {
		return err
	}
	p, err := r.node(ctx, nil, store)
	if err != nil {
		return err
	}
	defer p.kill()
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	times := lengths(r, 100, 10)
	for range times {
		pause(ctx, 100*time.Millisecond+rand.N(500*time.Millisecond))
		if _, err := sql(ctx, store, `select count(pg_terminate_backend(pid)) from (
			select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
			order by random() limit 1) one`); err != nil {
			return err
		}
	}
	l.end()
	r.note("connections terminated", float64(times), "")
	if err := r.account(ctx, k, &p.service, &l.ledger, 15*time.Second); err != nil {
		return err
	}
	r.note("events that came more than once", float64(l.repeated(k)), "")
	r.note("longest from publishing to the first attempt", quantile(l.latencies(k), 1).Seconds(), "s")
	return p.stop()
}

func away(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	for _, length := range lengths(r, []time.Duration{3 * time.Second, 60 * time.Second}, []time.Duration{2 * time.Second}) {
		pause(ctx, 3*time.Second)
		if err := r.cluster.stop(ctx); err != nil {
			return err
		}
		pause(ctx, length/2)
		status, _ := p.readiness(ctx)
		r.most(fmt.Sprintf("/readyz is 200 while it is away for %v", length), b2f(status == http.StatusOK), 0, "")
		pause(ctx, length/2)
		if err := r.cluster.start(ctx); err != nil {
			return err
		}
		back := time.Now()
		if err := p.ready(ctx, 30*time.Second); err != nil {
			return err
		}
		k.another(ctx)
		r.most(fmt.Sprintf("goes on, after %v, within", length), time.Since(back).Seconds(), 5, "s")
	}
	pause(ctx, time.Second)
	l.end()
	r.note("errors that publishers got, kinds", float64(len(p.errors)), "")
	p.say()
	return errors.Join(r.account(ctx, k, &p.service, &l.ledger, 20*time.Second), p.stop())
}

// say prints what publishers were told.
func (s *service) say() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for text, n := range s.errors {
		fmt.Printf("    %d× %.200s\n", n, strings.ReplaceAll(text, "\n", " "))
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func full(ctx context.Context, r *run) error {
	if os.Getuid() != 0 {
		r.add(row{Figure: "disk full", NotRun: "it takes root to mount a small disk"})
		return nil
	}
	disk := filepath.Join(r.dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"); err != nil {
		r.add(row{Figure: "disk full", NotRun: "a small disk can't be mounted: " + err.Error()})
		return nil
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	k := r.sink
	data := filepath.Join(disk, "data")
	p, err := r.nodeIn(ctx, data, nil, "")
	if err != nil {
		return err
	}
	defer p.kill()
	l, err := r.load(ctx, &p.service)
	if err != nil {
		return err
	}
	defer l.abandon()
	pause(ctx, 2*time.Second)
	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		return err
	}
	for block := make([]byte, 64<<10); err == nil; {
		_, err = ballast.Write(block)
	}
	_ = ballast.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	pause(ctx, lengths(r, 30*time.Second, 5*time.Second))
	accepted := len(l.all())
	pause(ctx, time.Second)
	r.note("events accepted in a second while it was full", float64(len(l.all())-accepted), "")
	status, _ := p.readiness(ctx)
	r.most("/readyz is 200 while it is full", b2f(status == http.StatusOK), 0, "")
	if err := os.Remove(ballast.Name()); err != nil {
		return err
	}
	back := time.Now()
	if err := p.ready(ctx, 30*time.Second); err != nil {
		return err
	}
	r.most("goes on within", time.Since(back).Seconds(), 5, "s")
	pause(ctx, 2*time.Second)
	l.end()
	p.say()
	return errors.Join(r.account(ctx, k, &p.service, &l.ledger, 20*time.Second), p.stop())
}

func nodes(ctx context.Context, r *run) error {
	k := r.sink
	store, err := r.database(ctx)
	if err != nil {
		return err
	}
	a, err := r.node(ctx, nil, store)
	if err != nil {
		return err
	}
	defer a.kill()
	robots, err := a.robots(ctx, k, 40, "r", "/slow/50/%d", 1<<10, nil)
	if err != nil {
		return err
	}
	// Their timeout is 3 s, and they take 2.
	slow, err := a.robots(ctx, k, 10, "slow", "/slow/2000/%d", 1<<10, object{"timeout": 3})
	if err != nil {
		return err
	}
	l := begin(ctx, &a.service, rate, robots)
	defer l.abandon()
	late := begin(ctx, &a.service, 20, slow)
	defer late.abandon()
	pause(ctx, 3*time.Second)

	// A node that joins gets a share.
	b, err := r.node(ctx, a, store)
	if err != nil {
		return err
	}
	defer b.kill()
	since := time.Now()
	share, err := until(ctx, 10*time.Second, func() (bool, error) {
		n, err := owned(ctx, store, filepath.Base(b.data))
		return n > 0, err
	})
	if err != nil {
		return err
	}
	r.most("a node that joins has endpoints within", share.Sub(since).Seconds(), 2, "s")
	pause(ctx, 3*time.Second)
	made, err := sql(ctx, store, `select 100 * count(*) filter (where node = $1) / count(*) from runhooks.attempts where at > now() - interval '2 seconds'`,
		filepath.Base(b.data))
	if err != nil {
		return err
	}
	r.note("of all attempts, it then makes", float64(made), "%")

	// A node that dies: nobody waits longer than for its advisory lock.
	from := len(l.all())
	b.signal(syscall.SIGKILL)
	dead := time.Now()
	gone, err := until(ctx, 10*time.Second, func() (bool, error) {
		n, err := owned(ctx, store, filepath.Base(b.data))
		return n == 0, err
	})
	if err != nil {
		return err
	}
	r.most("a node that dies has lost its endpoints within", gone.Sub(dead).Seconds(), 2, "s")
	pause(ctx, 3*time.Second)
	after := ledger{events: l.all()[from:]}
	r.most("longest from publishing to the first attempt around it", quantile(after.latencies(k), 1).Seconds(), 3, "s")

	// A node that hangs is as good as a lost host: only its lease ends.
	if err := b.start(ctx); err != nil {
		return err
	}
	pause(ctx, 4*time.Second)
	from = len(l.all())
	overlapped := k.overlap.Load()
	b.signal(syscall.SIGSTOP)
	pause(ctx, lengths(r, 20*time.Second, 10*time.Second))
	b.signal(syscall.SIGCONT)
	pause(ctx, 3*time.Second)
	after = ledger{events: l.all()[from:]}
	r.most("longest from publishing to the first attempt around a lost host", quantile(after.latencies(k), 1).Seconds(), 6, "s")
	r.note("attempts of a delivery that overlap, around a lost host", float64(k.overlap.Load()-overlapped), "")
	l.end()
	late.end()
	missing := late.arrive(ctx, k, 20*time.Second)
	r.most("accepted events of slow endpoints that did not arrive", float64(missing), 0, "")
	r.most("attempts of a delivery that overlap, but for a lost host", float64(overlapped), 0, "")
	l.mu.Lock()
	l.events = append(l.events, late.all()...)
	l.mu.Unlock()
	return errors.Join(r.account(ctx, k, &a.service, &l.ledger, 20*time.Second), a.stop(), b.stop())
}

// owned counts the endpoints that a node owns.
func owned(ctx context.Context, store, node string) (int64, error) {
	return sql(ctx, store, `select count(*) from runhooks.queues q join runhooks.nodes n on n.id = q.owner where n.name = $1`, node)
}

// until returns when something became true.
func until(ctx context.Context, patience time.Duration, is func() (bool, error)) (time.Time, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; {
		ok, err := is()
		if err != nil {
			return time.Time{}, err
		}
		if ok {
			return time.Now(), nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return time.Now(), ctx.Err()
}

func disabled(ctx context.Context, r *run) error {
	k := r.sink
	p, err := r.serve(ctx)
	if err != nil {
		return err
	}
	defer p.kill()
	if _, err := p.endpoint(ctx, object{"operator": true, "url": k.url("/ok/operator")}); err != nil {
		return err
	}
	to := robot{newPayload("robot", 1<<10), "/switch/0"}
	id, err := p.endpoint(ctx, object{"robot_id": "robot", "url": k.url(to.path), "max_in_flight": 100})
	if err != nil {
		return err
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	since := time.Now().Add(-time.Minute)
	k.answer.Store(http.StatusGone)
	l := new(ledger)
	pub.insist(ctx, to, time.Now(), l)
	began := time.Now()
	told, err := until(ctx, 20*time.Second, func() (bool, error) { return k.count("/ok/operator") > 0, nil })
	if err != nil {
		return err
	}
	r.most("the operational event came within", told.Sub(began).Seconds(), 5, "s")
	events := lengths(r, 1000, 100)
	l = new(ledger)
	for range events {
		pub.insist(ctx, to, time.Now(), l)
	}
	pause(ctx, 2*time.Second)
	r.most("events that came while it was disabled", float64(len(l.latencies(k))), 0, "")
	k.answer.Store(http.StatusNoContent)
	if err := p.call(ctx, http.MethodPatch, "/v1/endpoints/"+id, object{"active": true}, nil,
		"Content-Type", "application/merge-patch+json", "If-Match", "*"); err != nil {
		return err
	}
	var job struct {
		ID         string
		Done       int
		FinishedAt string `json:"finished_at"`
	}
	if err := p.call(ctx, http.MethodPost, "/v1/endpoints/"+id+"/recover", object{"since": since.UTC().Format(time.RFC3339)}, &job); err != nil {
		return err
	}
	r.most(fmt.Sprintf("of %d events, did not arrive when recovered", events), float64(l.arrive(ctx, k, 15*time.Second)), 0, "")
	if _, err := until(ctx, 10*time.Second, func() (bool, error) {
		err := p.call(ctx, http.MethodGet, "/v1/jobs/"+job.ID, nil, &job)
		return job.FinishedAt != "", err
	}); err != nil {
		return err
	}
	r.least("the job counted", float64(job.Done), float64(events), "")
	return p.stop()
}

// count counts the events that came to a path.
func (s *sink) count(path string) (n int) {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		for key, a := range s.shards[i].of {
			if strings.HasSuffix(key, " "+path) {
				n += a.count
			}
		}
		s.shards[i].mu.Unlock()
	}
	return n
}
