package cli

import (
	"context"
	"iter"
	"sync"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// A judged is one payload with its report, or the error that ended a source.
type judged struct {
	source  intake.Source
	payload intake.Payload
	report  conformance.Report
	err     error
}

// A pipeline reads sources and judges their payloads, several at once, and
// gives the outcomes in the order of the sources. What it holds at any time is
// bounded by the number of jobs, not by the length of the sources.
type pipeline struct {
	reader *intake.Reader
	check  func(intake.Payload) conformance.Report
	jobs   int
	// idle is called before waiting for an outcome that isn't there yet.
	idle func()
}

func (p *pipeline) run(ctx context.Context, sources []intake.Source) iter.Seq[judged] {
	return func(yield func(judged) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var workers sync.WaitGroup
		defer workers.Wait()
		defer cancel()

		type task struct {
			judged
			done chan judged
		}
		tasks := make(chan task)
		outcomes := make(chan chan judged, p.jobs)
		for range p.jobs {
			workers.Go(func() {
				for t := range tasks {
					t.report = p.check(t.payload)
					t.done <- t.judged
				}
			})
		}
		workers.Go(func() {
			defer close(outcomes)
			defer close(tasks)
			for _, source := range sources {
				for payload, err := range p.reader.Read(ctx, source) {
					if ctx.Err() != nil {
						return
					}
					t := task{judged{source: source, payload: payload, err: err}, make(chan judged, 1)}
					if err != nil {
						t.done <- t.judged
					} else {
						tasks <- t // a worker always comes
					}
					select {
					case outcomes <- t.done:
					case <-ctx.Done():
						return
					}
				}
				if ctx.Err() != nil {
					return
				}
			}
		})
		for done := range outcomes {
			var outcome judged
			select {
			case outcome = <-done:
			default:
				p.idle()
				outcome = <-done
			}
			if !yield(outcome) {
				return
			}
		}
	}
}
