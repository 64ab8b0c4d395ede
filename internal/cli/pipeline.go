package cli

import (
	"context"
	"iter"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// An outcome is what came of a batch, or the end of its source.
type outcome struct {
	batch *intake.Batch // nil at the end of the source
	// judged are the payloads of the batch of which there is something to say;
	// plain counts the others, which conform without a finding.
	judged []judged
	plain  int

	source intake.Source // that ended
	err    error         // why it ended early
}

// A judged is one payload with its report.
type judged struct {
	payload intake.Payload
	report  conformance.Report
}

// maxAtOnce is how many bytes of payloads are held at once. To judge one takes
// many times its size, so that of large ones there are fewer at a time.
const maxAtOnce = 16 << 20

// A pipeline reads sources and judges their payloads, several batches at once,
// and gives the outcomes in the order of the sources. What it holds at any time
// are a few more batches than jobs, of no more than maxAtOnce but for the last.
type pipeline struct {
	reader *intake.Reader
	check  func(intake.Payload) conformance.Report
	all    bool // whether no payload is plain
	jobs   int
}

// run gives the outcomes. One is good until the next is asked for.
func (p *pipeline) run(ctx context.Context, sources []intake.Source) iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var (
			// Workers take turns at reading, so that what was read is judged on
			// the core whose cache has it. Who has read takes a place in the
			// queue before the next one's turn.
			turn       sync.Mutex
			next, stop = iter.Pull(p.read(ctx, sources))
			room       = semaphore.NewWeighted(maxAtOnce)
			queue      = make(chan chan outcome, p.jobs)
		)
		read := func() (o outcome, place chan outcome) {
			turn.Lock()
			defer turn.Unlock()
			o, ok := next()
			if !ok || room.Acquire(ctx, weight(o.batch)) != nil {
				return o, nil
			}
			place = make(chan outcome, 1)
			select {
			case queue <- place:
				return o, place
			case <-ctx.Done():
				return o, nil
			}
		}
		var workers sync.WaitGroup
		for range p.jobs {
			workers.Go(func() {
				for {
					o, place := read()
					if place == nil {
						return
					}
					p.judge(&o)
					place <- o
				}
			})
		}
		go func() {
			workers.Wait()
			stop()
			close(queue)
		}()
		defer func() {
			cancel()
			for range queue { // until all workers are gone
			}
		}()
		for place := range queue {
			o := <-place
			if !yield(o) {
				return
			}
			room.Release(weight(o.batch))
			if o.batch != nil {
				o.batch.Free()
			}
		}
	}
}

// read gives the outcomes to be.
func (p *pipeline) read(ctx context.Context, sources []intake.Source) iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		for _, source := range sources {
			end := outcome{source: source}
			for batch, err := range p.reader.Read(ctx, source) {
				if err != nil {
					end.err = err
				} else if !yield(outcome{batch: batch}) {
					return
				}
			}
			if ctx.Err() != nil || !yield(end) {
				return
			}
		}
	}
}

// judge judges the payloads of a batch.
func (p *pipeline) judge(o *outcome) {
	if o.batch == nil {
		return
	}
	// The only payload of its source is worth a line.
	all := p.all || o.batch.Form == intake.JSON
	for _, payload := range o.batch.Payloads {
		report := p.check(payload)
		if !all && report.Verdict == conformance.Conforms && len(report.Findings) == 0 {
			o.plain++
			continue
		}
		o.judged = append(o.judged, judged{payload, report})
	}
}

// weight is how much of maxAtOnce a batch takes.
func weight(batch *intake.Batch) int64 {
	if batch == nil {
		return 0
	}
	return min(batch.Size, maxAtOnce)
}
