package cli

import (
	"context"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
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
	payload *intake.Payload
	report  conformance.Report
}

const (
	// maxAtOnce is how many bytes of payloads are held at once. To judge one
	// takes many times its size, so that of large ones there are fewer at a time.
	maxAtOnce = 16 << 20
	// maxBatches is how many batches are held at once for each job: one that it
	// judges, and one that waits for its turn to be reported.
	maxBatches = 2
)

// A pipeline reads sources and judges their payloads, several batches at once.
// What it holds at any time is bounded by maxAtOnce, maxBatches and the largest
// batch, not by the length of the sources.
type pipeline struct {
	reader *intake.Reader
	check  func(*intake.Payload) conformance.Report
	all    bool // whether no payload is plain
	jobs   int
}

// run hands the outcomes to take, one at a time and in the order of the sources,
// until the end or the first error, which it gives. An outcome may not be used
// once take has returned.
//
// Workers take turns. Whoever comes to the end of a batch reads the next one, so
// that it is judged on the core whose cache has it; and whoever has judged the
// batch that is due hands it over, with those after it that were judged before.
// There is no other goroutine to wait for.
func (p *pipeline) run(ctx context.Context, sources []intake.Source, take func(outcome) error) error {
	workers, ctx := errgroup.WithContext(ctx)
	room := semaphore.NewWeighted(maxAtOnce)

	var reading sync.Mutex
	next, stop := iter.Pull(p.read(ctx, sources))
	defer stop()
	count := 0
	read := func() (number int, o outcome, ok bool) {
		reading.Lock()
		defer reading.Unlock()
		o, ok = next()
		if !ok || room.Acquire(ctx, p.weight(o)) != nil {
			return 0, outcome{}, false
		}
		count++
		return count - 1, o, true
	}

	var handing sync.Mutex
	early := make(map[int]outcome) // those that aren't due yet
	due := 0
	hand := func(number int, o outcome) error {
		handing.Lock()
		defer handing.Unlock()
		early[number] = o
		for {
			o, ok := early[due]
			if !ok {
				return nil
			}
			delete(early, due)
			if err := take(o); err != nil {
				return err // and none is due any more
			}
			due++
			room.Release(p.weight(o))
			if o.batch != nil {
				o.batch.Free()
			}
		}
	}

	for range p.jobs {
		workers.Go(func() error {
			var telling []judged // used again and again
			for {
				number, o, ok := read()
				if !ok {
					return nil
				}
				if o.batch != nil {
					telling = p.judge(o.batch, telling[:0])
					o.judged = slices.Clone(telling)
					o.plain = len(o.batch.Payloads) - len(telling)
				}
				if err := hand(number, o); err != nil {
					return err
				}
			}
		})
	}
	return workers.Wait()
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

// judge judges the payloads of a batch, and appends those to telling of which
// there is something to say.
func (p *pipeline) judge(batch *intake.Batch, telling []judged) []judged {
	all := p.all || batch.Form == intake.JSON // the only payload of its source is worth a line
	for i := range batch.Payloads {
		payload := &batch.Payloads[i]
		report := p.check(payload)
		if all || report.Verdict != conformance.Conforms || len(report.Findings) > 0 {
			telling = append(telling, judged{payload, report})
		}
	}
	return telling
}

// weight is how much of maxAtOnce the outcome takes: its bytes, and at least so
// many that maxBatches holds.
func (p *pipeline) weight(o outcome) int64 {
	least := int64(maxAtOnce / (maxBatches * p.jobs))
	if o.batch == nil {
		return least
	}
	return min(max(o.batch.Size, least), maxAtOnce)
}
