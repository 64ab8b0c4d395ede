package delivery_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
)

// TestCommitsGather: what is published while a commit is under way goes with the
// next, though the store has two writers, unless the first takes its time.
func TestCommitsGather(t *testing.T) {
	for name, test := range map[string]struct {
		takes   time.Duration // a commit
		atOnce  int           // commits
		commits int           // at most
	}{
		"quick": {takes: 5 * time.Millisecond, atOnce: 1, commits: 22},
		"slow":  {takes: 500 * time.Millisecond, atOnce: 2, commits: 40},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				store := memory.New()
				var commits, atOnce, most atomic.Int64
				store.Fault = func(_ context.Context, method string, done bool) error {
					switch {
					case method != "Commit":
					case done:
						atOnce.Add(-1)
					default:
						commits.Add(1)
						most.Store(max(most.Load(), atOnce.Add(1)))
						time.Sleep(test.takes)
					}
					return nil
				}
				r := l.run(store, nil)
				const publishers, each = 30, 10
				var all sync.WaitGroup
				for range publishers {
					all.Go(func() {
						for range each {
							if _, err := r.Publish(l.Context(), []delivery.Publication{{Event: delivery.Event{
								Type: "run_failed", RobotID: "robot", Body: []byte(body),
							}}}); err != nil {
								l.Error(err)
							}
						}
					})
				}
				all.Wait()
				if n := int(most.Load()); n != test.atOnce {
					l.Errorf("%d commits at once, want %d", n, test.atOnce)
				}
				if n := int(commits.Load()); n > test.commits {
					l.Errorf("%d commits of %d publications by %d publishers at once, want at most %d", n, publishers*each, publishers, test.commits)
				}
			})
		})
	}
}

// A watched store tells of its commits, each of which takes a while.
type watched struct {
	*memory.Store
	takes time.Duration
	mu    sync.Mutex // of tell
	tell  func(*delivery.Batch)
}

func (w *watched) Commit(ctx context.Context, b *delivery.Batch) (*delivery.Committed, error) {
	w.mu.Lock()
	w.tell(b)
	w.mu.Unlock()
	time.Sleep(w.takes)
	return w.Store.Commit(ctx, b)
}

// TestOutcomesGather: while events are published, what came of attempts is written
// with one commit of several, and yet soon; at once if nothing is published, or if
// something waits for it.
func TestOutcomesGather(t *testing.T) {
	const takes = 2 * time.Millisecond
	for name, test := range map[string]struct {
		publishers, each int
		ordered          bool
		status           int
		share            int           // of the commits that write publications, those that write outcomes, in per cent
		longest          time.Duration // that an outcome waited for a commit
	}{
		"load":     {publishers: 20, each: 200, status: 200, share: 60, longest: 10*time.Millisecond + 2*takes},
		"alone":    {publishers: 1, each: 1, status: 200, share: 100},
		"ordered":  {publishers: 20, each: 200, ordered: true, status: 200, share: 100, longest: takes},
		"failures": {publishers: 20, each: 200, status: 500, share: 100, longest: takes},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				var published, outcomes int
				var longest time.Duration
				store := memory.New()
				r := l.runOver(&watched{Store: store, takes: takes, tell: func(b *delivery.Batch) {
					if len(b.Publish) > 0 {
						published++
					}
					if len(b.Outcomes) > 0 {
						outcomes++
					}
					for _, o := range b.Outcomes {
						longest = max(longest, time.Since(o.Attempt.At.Add(o.Attempt.Duration)))
					}
				}}, store, nil)
				l.endpoint(r, "robot", "a", func(e *delivery.Endpoint) { e.Ordered, e.MaxInFlight = test.ordered, 100 })
				l.does["a"] = answers(test.status)
				var all sync.WaitGroup
				for range test.publishers {
					all.Go(func() {
						for range test.each {
							l.publish(r, "robot", 1)
						}
					})
				}
				all.Wait()
				r.stop()
				if most := published*test.share/100 + 2; outcomes > most {
					l.Errorf("%d commits wrote outcomes, and %d publications; want at most %d", outcomes, published, most)
				}
				if longest > test.longest {
					l.Errorf("an outcome waited for %v, want at most %v", longest, test.longest)
				}
			})
		})
	}
}

// TestPublicationsGather: where commits are quick, they write several publications each
// while many publish at once; one who publishes alone waits for nobody.
func TestPublicationsGather(t *testing.T) {
	for name, test := range map[string]struct {
		publishers, atOnce int
		commits            int           // at most, of 1,000 publications
		longest            time.Duration // that one waited
	}{
		"crowd":   {publishers: 50, atOnce: 1, commits: 100, longest: 2 * time.Millisecond},
		"alone":   {publishers: 1, atOnce: 1, commits: 1000, longest: 100 * time.Microsecond},
		"batches": {publishers: 1, atOnce: 50, commits: 20, longest: 100 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				const takes = 100 * time.Microsecond
				var commits int
				store := memory.New()
				r := l.runOver(&watched{Store: store, takes: takes, tell: func(b *delivery.Batch) {
					if len(b.Publish) > 0 {
						commits++
					}
				}}, store, nil)
				var longest atomic.Int64
				var all sync.WaitGroup
				for p := range test.publishers {
					all.Go(func() {
						for i := range 1000 / test.publishers / test.atOnce {
							time.Sleep(time.Duration(p+i) * 10 * time.Microsecond) // not all at the same time
							start := time.Now()
							publications := make([]delivery.Publication, test.atOnce)
							for i := range publications {
								publications[i].Event = delivery.Event{Type: "run_failed", RobotID: "robot", RunID: "run", Body: []byte(body)}
							}
							if _, err := r.Publish(l.Context(), publications); err != nil {
								l.Error(err)
							}
							longest.Store(max(longest.Load(), int64(time.Since(start))))
						}
					})
				}
				all.Wait()
				if commits > test.commits {
					l.Errorf("%d commits, want at most %d", commits, test.commits)
				}
				if waited := time.Duration(longest.Load()); waited > test.longest {
					l.Errorf("a publication took %v, want at most %v", waited, test.longest)
				}
				r.stop()
			})
		})
	}
}
