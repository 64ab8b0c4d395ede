package cli

import (
	"context"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/runhooks/runhooks/internal/intake"
)

// An outcome is what came of a batch or of a part of it, or the end of its source. R is
// what there is to say about a payload, such as a report.
type outcome[R any] struct {
	batch *intake.Batch // nil if judged is empty
	// judged are the payloads of which there is something to say; plain counts the
	// others.
	judged []judged[R]
	plain  int

	end    bool
	source intake.Source // that ended
	err    error         // why it ended early
}

// A judged is one payload with what there is to say about it.
type judged[R any] struct {
	payload *intake.Payload
	result  R
}

const (
	// maxAtOnce is how many bytes are held at once of payloads and their reports. To
	// judge a payload takes several times its size besides.
	maxAtOnce = 16 << 20
	// maxBatches is how many batches are held at once for each job: one that it
	// judges, and one that waits for its turn to be reported.
	maxBatches = 2
	// maxHandedOver is how many bytes of reports are handed over at once, if not one of
	// them is longer.
	maxHandedOver = 256 << 10
)

// A pipeline reads sources and judges their payloads, several batches at once.
// What it holds at any time is bounded by maxAtOnce, maxBatches and the largest
// batch, not by the length of the sources or of what there is to say.
type pipeline[R any] struct {
	reader *intake.Reader
	// passes, where set, tells of a payload that there is nothing to say of it. Of
	// another, check knows.
	passes func(*intake.Payload) bool
	// check judges a payload of a batch, and reports whether there is something to say of it.
	check func(*intake.Batch, *intake.Payload) (result R, telling bool)
	// size is how many bytes a result takes, more or less.
	size func(*R) int64
	jobs int
}

// run hands the outcomes to take, one at a time and in the order of the sources,
// until the end or the first error, which it returns. An outcome may not be used
// once take has returned.
//
// Workers take turns. Whoever comes to the end of a batch reads the next one, so
// that it is judged on the core whose cache has it. The batch whose turn it is goes
// to take in parts, as it is judged. Others are kept until then, and whoever hands a
// batch over does so with those after it that are judged. There is no other goroutine
// to wait for.
func (p *pipeline[R]) run(ctx context.Context, sources []intake.Source, take func(outcome[R]) error) error {
	workers, ctx := errgroup.WithContext(ctx)
	t := &turns[R]{take: take, early: map[int]kept[R]{}}
	t.changed.L = &t.mu
	defer context.AfterFunc(ctx, t.end)()

	reading := make(chan struct{}, 1) // holds a token while somebody reads
	next, stop := iter.Pull(p.read(ctx, sources))
	defer stop()
	count := 0
	read := func() (number int, o outcome[R], ok bool) {
		reading <- struct{}{}
		defer func() { <-reading }()
		if o, ok = next(); !ok || !t.hold(count, p.weight(o)) {
			return 0, outcome[R]{}, false
		}
		count++
		return count - 1, o, true
	}
	for range p.jobs {
		workers.Go(func() error {
			for {
				number, o, ok := read()
				if !ok {
					return nil
				}
				if err := p.judge(t, number, o); err != nil {
					return err
				}
			}
		})
	}
	return workers.Wait()
}

// read gives the outcomes to be.
func (p *pipeline[R]) read(ctx context.Context, sources []intake.Source) iter.Seq[outcome[R]] {
	return func(yield func(outcome[R]) bool) {
		for _, source := range sources {
			end := outcome[R]{end: true, source: source}
			for batch, err := range p.reader.Read(ctx, source) {
				if err != nil {
					end.err = err
				} else if !yield(outcome[R]{batch: batch}) {
					return
				}
			}
			if ctx.Err() != nil || !yield(end) {
				return
			}
		}
	}
}

// judge judges the payloads of the batch of that number, and hands the outcome over.
func (p *pipeline[R]) judge(t *turns[R], number int, o outcome[R]) error {
	k := kept[R]{o, p.weight(o)}
	if o.end {
		return t.hand(number, k)
	}
	ready := int64(0) // bytes of reports since some were handed over
	for i := range o.batch.Payloads {
		payload := &o.batch.Payloads[i]
		if p.passes != nil && p.passes(payload) {
			k.plain++
			continue
		}
		result, telling := p.check(o.batch, payload)
		if !telling {
			k.plain++
			continue
		}
		k.judged = append(k.judged, judged[R]{payload, result})
		if ready += p.size(&result); ready < maxHandedOver {
			continue
		}
		if !t.hold(number, ready) {
			return nil
		}
		k.held += ready
		ready = 0
		if t.isDue(number) {
			if err := t.take(k.outcome); err != nil {
				return err
			}
			clear(k.judged)
			k.judged, k.plain = k.judged[:0], 0
			t.release(k.held - p.weight(o))
			k.held = p.weight(o)
		}
	}
	if len(k.judged) == 0 {
		k.batch = nil
		o.batch.Free()
	}
	return t.hand(number, k)
}

// weight is how much of maxAtOnce the outcome takes before anything is said of it:
// its bytes, and at least so many that maxBatches holds.
func (p *pipeline[R]) weight(o outcome[R]) int64 {
	least := int64(maxAtOnce / (maxBatches * p.jobs))
	if o.end {
		return least
	}
	return max(o.batch.Size, least)
}

// A kept is an outcome with how many bytes of maxAtOnce it holds.
type kept[R any] struct {
	outcome[R]
	held int64
}

// turns says whose turn it is to be taken, and how much may be held until then.
// Batches are numbered in the order of the sources.
type turns[R any] struct {
	take func(outcome[R]) error // called by whoever has the batch that is due

	mu      sync.Mutex
	changed sync.Cond // due, held or ended
	due     int       // number of the batch whose turn it is
	held    int64
	ended   bool
	early   map[int]kept[R] // judged, and not due yet
}

// hold waits until there is room for n bytes of the batch of that number. The batch
// that is due needs none: there is nothing to wait for. It is not ok if the run ends
// before.
func (t *turns[R]) hold(number int, n int64) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.held+n > maxAtOnce && number != t.due && !t.ended {
		t.changed.Wait()
	}
	if t.ended {
		return false
	}
	t.held += n
	return true
}

// release gives room back.
func (t *turns[R]) release(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held -= n
	t.changed.Broadcast()
}

// hand has the outcome taken if it is due, with those after it that were early.
// Otherwise it keeps it.
func (t *turns[R]) hand(number int, k kept[R]) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if number != t.due {
		t.early[number] = k
		return nil
	}
	for ok := true; ok; k, ok = t.early[t.due] {
		delete(t.early, t.due)
		t.mu.Unlock()
		err := t.take(k.outcome)
		if err == nil && k.batch != nil {
			k.batch.Free()
		}
		t.mu.Lock()
		if err != nil {
			return err // and none is due any more
		}
		t.held -= k.held
		t.due++
		t.changed.Broadcast()
	}
	return nil
}

func (t *turns[R]) isDue(number int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return number == t.due
}

// end has nobody wait any more.
func (t *turns[R]) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.changed.Broadcast()
}
