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
