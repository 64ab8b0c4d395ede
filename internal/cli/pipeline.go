package cli

import (
	"context"
	"iter"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// A judged is one payload with its report, or the end of its source.
type judged struct {
	payload intake.Payload
	report  conformance.Report

	end    bool
	source intake.Source
	err    error // why the source ended early
}

// maxAtOnce is how many bytes of payloads are judged at once. To judge one takes
// many times its size, so that of large ones there are fewer at a time.
const maxAtOnce = 16 << 20

// A pipeline reads sources and judges their payloads, several at once, and
// gives the outcomes in the order of the sources. What it holds at any time is
// bounded by maxAtOnce and the largest payload, not by the length of the sources.
type pipeline struct {
	reader *intake.Reader
	check  func(intake.Payload) conformance.Report
	jobs   int
}

func (p *pipeline) run(ctx context.Context, sources []intake.Source) iter.Seq[judged] {
	return func(yield func(judged) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()

		type task struct {
			judged
			weight int64
			done   chan judged
		}
		room := semaphore.NewWeighted(maxAtOnce)
		tasks := make(chan task)
		outcomes := make(chan chan judged, p.jobs)
		for range p.jobs {
			workers.Go(func() {
				for t := range tasks {
					t.report = p.check(t.payload)
					room.Release(t.weight)
					t.done <- t.judged
				}
			})
		}
		workers.Go(func() {
			defer close(outcomes)
			defer close(tasks)
			give := func(t task) bool {
				if ctx.Err() != nil {
					return false
				}
				if t.end {
					t.done <- t.judged
				} else {
					t.weight = min(int64(len(t.payload.Data)), maxAtOnce)
					if room.Acquire(ctx, t.weight) != nil {
						return false
					}
					tasks <- t // a worker always comes
				}
				select {
				case outcomes <- t.done:
					return true
				case <-ctx.Done():
					return false
				}
			}
			for _, source := range sources {
				end := judged{end: true, source: source}
				for payload, err := range p.reader.Read(ctx, source) {
					if err != nil {
						end.err = err
					} else if !give(task{judged: judged{payload: payload}, done: make(chan judged, 1)}) {
						return
					}
				}
				if !give(task{judged: end, done: make(chan judged, 1)}) {
					return
				}
			}
		})
		for done := range outcomes {
			if !yield(<-done) {
				return
			}
		}
	}
}
