package cli

import (
	"context"
	"iter"
	"sync"

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

// A pipeline reads sources and judges their payloads, several at once, and
// gives the outcomes in the order of the sources. What it holds at any time is
// bounded by the number of jobs, not by the length of the sources.
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
			give := func(t task) bool {
				if ctx.Err() != nil {
					return false
				}
				if t.end {
					t.done <- t.judged
				} else {
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
					} else if !give(task{judged{payload: payload}, make(chan judged, 1)}) {
						return
					}
				}
				if !give(task{end, make(chan judged, 1)}) {
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
