package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// snapshot measures before and while a transaction of somebody else is open.
func snapshot(ctx context.Context, r *run) error {
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
	robots, err := p.robots(ctx, k, 50, "r", "/ok/%d", 1<<10, object{"max_in_flight": 100})
	if err != nil {
		return err
	}
	pub := newPublisher(&p.service)
	defer pub.close()
	peak := func() (float64, error) {
		var all []float64
		for range lengths(r, 5, 1) {
			one, _, err := measure(ctx, r, pub, k, robots, single, lengths(r, 4*time.Second, time.Second))
			if err != nil {
				return 0, err
			}
			all = append(all, one)
		}
		return median(all), nil
	}
	if _, err := peak(); err != nil { // to warm up
		return err
	}
	before, err := peak()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, store)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return err
	}
	var n int64
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM runhooks.events").Scan(&n); err != nil {
		return err
	}
	missing := 0
	var slow []time.Duration
	for range 5 {
		k.reset()
		l := new(ledger)
		pub.steady(ctx, 500, lengths(r, 15*time.Minute, 5*time.Second)/5, robots, l)
		missing += l.arrive(ctx, k, 10*time.Second)
		slow = l.latencies(k)
	}
	r.most("accepted events that did not arrive", float64(missing), 0, "")
	r.note("p99 from publishing to the first attempt, at the end", ms(quantile(slow, 0.99)), "ms")
	for _, of := range []string{"claim", "peek", "due"} {
		share, err := p.within(ctx, "runhooks_find_seconds", of, "0.05")
		if err != nil {
			return err
		}
		r.least("found within 50 ms: "+of, share, 99, "%")
	}
	after, err := peak()
	if err != nil {
		return err
	}
	var starts []time.Duration
	for range lengths(r, 5, 1) {
		if err := p.stop(); err != nil {
			return err
		}
		start := time.Now()
		if err := p.start(ctx); err != nil {
			return err
		}
		starts = append(starts, time.Since(start))
	}
	r.note("start until ready, under the snapshot", ms(quantile(starts, 0.5)), "ms")
	if _, err := conn.Exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("the snapshot did not stay open: %w", err)
	}
	r.note("throughput before", before, "/s")
	r.note("throughput under it", after, "/s")
	r.least("share", 100*after/before, 80, "%")
	return nil
}
