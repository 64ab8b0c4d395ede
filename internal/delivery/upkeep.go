package delivery

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// upkeepStep is how many rows one step touches, so that none holds up a commit.
const upkeepStep = 500

// upkeep does what is to be done beside delivering, until ctx is done.
func (e *Engine) upkeep(ctx context.Context) {
	round := 0
	every(ctx, time.Second, e.jobs, func(ctx context.Context) {
		e.steps(ctx, "the outbox can't be emptied", e.ingest)
		e.steps(ctx, "a job can't go on", e.workOn)
		e.steps(ctx, "deliveries can't be fitted to their endpoints", func(ctx context.Context) (bool, error) {
			n, err := e.store.Settle(ctx, upkeepStep)
			return n > 0, err
		})
		if round++; round%5 == 0 {
			if err := e.writeTallies(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("attempts can't be counted; this is tried again", "error", err)
			}
		}
		if round%10 == 1 {
			e.steps(ctx, "what is old can't be removed", func(ctx context.Context) (bool, error) {
				n, err := e.store.Retain(ctx, e.o.Retention, upkeepStep)
				return n > 0, err
			})
		}
	})
}

// steps takes steps as long as there are more, but not for ever, as others have to
// have their turn.
func (e *Engine) steps(ctx context.Context, failure string, step func(context.Context) (more bool, err error)) {
	for began := time.Now(); time.Since(began) < 2*time.Second; {
		more, err := step(ctx)
		if err != nil && ctx.Err() == nil {
			e.log.Warn(failure, "error", err)
		}
		if !more || err != nil {
			return
		}
	}
	wake(e.jobs)
}

func (e *Engine) workOn(ctx context.Context) (more bool, err error) {
	job, err := e.store.WorkOn(ctx, upkeepStep)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	switch {
	case err != nil:
		return false, err
	case job.EndpointID != "":
		e.hint(job.EndpointID)
	case !job.FinishedAt.IsZero():
		e.erased(&job)
	}
	return true, nil
}

// erased removes from memory what a job has removed from the store.
func (e *Engine) erased(j *Job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	is := func(t Task) bool {
		return (j.RobotID == "" || t.Event.RobotID == j.RobotID) && (j.RunID == "" || t.Event.RunID == j.RunID)
	}
	for _, q := range e.queues {
		if q.loading || slices.ContainsFunc(q.ready, is) || slices.ContainsFunc(q.lane, is) {
			e.reload(q, now)
		}
	}
	e.dispatch(now)
}

// ingest takes events from the outbox: those that conform are published, and the
// others set aside.
func (e *Engine) ingest(ctx context.Context) (more bool, err error) {
	var publish []Publication
	n, committed, err := e.store.Ingest(ctx, upkeepStep, func(boxed []Outboxed) Judged {
		judged := e.judgeAll(boxed)
		publish = judged.Publish
		return judged
	})
	if err != nil || committed == nil {
		return false, err
	}
	e.mu.Lock()
	now := time.Now()
	e.accepted(publish, committed.Published, now)
	e.dispatch(now)
	e.mu.Unlock()
	return n == upkeepStep, nil
}

func (e *Engine) judgeAll(boxed []Outboxed) Judged {
	var all Judged
	now := e.now()
	for i := range boxed {
		b := &boxed[i]
		j := Judge(b.Body)
		if j.Conforms() {
			at := b.At.UTC().Truncate(time.Millisecond)
			all.Publish = append(all.Publish, Publication{
				Event: Event{
					ID: NewEventID(at), Type: j.Type, RobotID: j.RobotID, RunID: j.RunID, At: at, Body: b.Body,
				},
				IdempotencyKey: b.IdempotencyKey, BodyHash: sha256.Sum256(b.Body),
			})
			continue
		}
		a := SetAside{ID: NewSetAsideID(b.At), At: b.At, Body: b.Body, Report: reportJSON(&j.Report)}
		all.SetAside = append(all.SetAside, a)
		all.Publish = append(all.Publish, setAside(&a, firstError(&j.Report), now)...)
	}
	return all
}

func firstError(r *conformance.Report) string {
	for _, f := range r.Findings {
		if f.Severity == conformance.SeverityError {
			return f.Message
		}
	}
	return "the event doesn't conform to the contract"
}

// keepStats reads the store's counts, until ctx is done.
func (e *Engine) keepStats(ctx context.Context) {
	var next time.Time
	read := func(ctx context.Context) {
		start := time.Now()
		if start.Before(next) {
			return
		}
		stats, err := e.store.Stats(ctx)
		if err != nil {
			return // metrics show that they are old
		}
		e.mu.Lock()
		e.stats = stats
		e.mu.Unlock()
		next = time.Now().Add(20 * time.Since(start)) // so that counting takes little of the store's time
	}
	read(ctx)
	every(ctx, 10*time.Second, nil, read)
}
