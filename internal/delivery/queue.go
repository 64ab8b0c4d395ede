package delivery

import (
	"container/heap"
	"slices"
	"time"
)

// A class says how much an endpoint may take of what all share. See [admits].
type class uint8

const (
	proven  class = iota // its last attempt was accepted, and soon
	unknown              // nothing is known of it
	bad                  // it fails, or takes long
	classes
)

// slowAfter is how long an attempt may take before its endpoint counts as bad.
const slowAfter = time.Second

// admits says whether an endpoint of a class may have more of something, of which
// there is most: what proven endpoints need is never taken up by others, and what
// unknown ones need to become proven not by bad ones.
func admits(used *[classes]int, most int, c class) bool {
	if used[proven]+used[unknown]+used[bad] >= most {
		return false
	}
	switch c {
	case proven:
		return true
	case unknown:
		return used[unknown]+used[bad] < most*7/8
	}
	return used[bad] < most*3/4
}

// A queue is what memory holds of an endpoint that this node owns.
type queue struct {
	id     string
	epoch  int64
	ep     *Endpoint // replaced, never changed
	sealed *Sealed   // of this version of the endpoint, or nil
	health Health
	class  class

	limit    int // of attempts at once; adapts itself
	inFlight int
	bytes    int     // of bodies held
	busy     []int64 // deliveries in flight, or whose outcome is not written yet
	nextSlot time.Time

	// ready are due. lane are the ordered ones, whose first may be due later.
	ready    []Task
	lane     []Task
	laneBusy bool // the first of them is busy

	// more says that the store has, or may have, further ones like ready that are
	// due, and laneMore such as lane. nextDue is when the next is due.
	more     bool
	laneMore bool
	nextDue  time.Time
	seen     time.Time // up to when nothing is pending but what memory holds; zero if that isn't known
	loadedTo int64     // the highest delivery that the store returned
	scanned  time.Time // when the store was asked without From

	// While the store is asked: what was published since, what was finished since,
	// and that the answer is of no use, as other things have changed since.
	loading  bool
	arrived  []Task
	done     []int64
	outdated bool

	stale   bool      // its settings are to be read again
	blocked bool      // it is being released
	dropped bool      // this node doesn't own it any more
	pause   time.Time // until when nothing is started or loaded: a fault of our own
	queued  bool      // in a ring of those that may start an attempt
	ring    class     // which
	waits   bool      // in a ring of those to be loaded

	wake  time.Time // when it is looked at again
	timer int       // its place among the timers, from 1; 0 is none
	idle  time.Time // since when it has had nothing to do; zero if it has
}

// newQueue begins with one attempt at a time, so that endpoints that hang take
// little before that is known of them.
func newQueue(c *Claim) *queue {
	ep := c.Endpoint
	q := &queue{id: c.EndpointID, epoch: c.Epoch, ep: &ep, health: c.Health, class: unknown, limit: 1}
	if q.health.Failures > 0 {
		q.class = bad
	}
	return q
}

// empty says that nothing of the queue is known to be pending.
func (q *queue) empty() bool {
	return len(q.ready) == 0 && len(q.lane) == 0 && len(q.busy) == 0 && q.inFlight == 0 &&
		!q.more && !q.laneMore && !q.loading && q.nextDue.IsZero()
}

// window is how many deliveries are held that wait for their turn.
func (q *queue) window() int { return min(max(4*q.limit, 8), 256) }

// unbusy is called when the outcome of a delivery is written, or there is none.
func (q *queue) unbusy(id int64) {
	if i := slices.Index(q.busy, id); i >= 0 {
		q.busy[i] = q.busy[len(q.busy)-1]
		q.busy = q.busy[:len(q.busy)-1]
	}
	if q.loading { // the store may have answered before
		q.done = append(q.done, id)
	}
}

// due notes that a delivery is due at a time of the store.
func (q *queue) due(at time.Time) {
	if q.nextDue.IsZero() || at.Before(q.nextDue) {
		q.nextDue = at
	}
}

// mark notes that the store may have deliveries that memory doesn't have.
func (q *queue) mark(ordered bool) {
	if ordered {
		q.laneMore = true
	} else {
		q.more = true
	}
}

// A ring is queues that take turns.
type ring struct {
	queues []*queue
	first  int
}

func (r *ring) len() int { return len(r.queues) - r.first }

func (r *ring) push(q *queue) { r.queues = append(r.queues, q) }

func (r *ring) pop() *queue {
	q := r.queues[r.first]
	r.queues[r.first] = nil
	r.first++
	if r.first*2 > len(r.queues) && r.first > 64 || r.first == len(r.queues) {
		n := copy(r.queues, r.queues[r.first:])
		clear(r.queues[n:])
		r.queues, r.first = r.queues[:n], 0
	}
	return q
}

// timers is a heap of queues by their wake.
type timers []*queue

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].wake.Before(t[j].wake) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timer, t[j].timer = i+1, j+1
}

func (t *timers) Push(x any) {
	q := x.(*queue)
	*t = append(*t, q)
	q.timer = len(*t)
}

func (t *timers) Pop() any {
	old := *t
	q := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	q.timer = 0
	return q
}

// set has q looked at again at a time.
func (t *timers) set(q *queue, at time.Time) {
	q.wake = at
	if q.timer != 0 {
		heap.Fix(t, q.timer-1)
	} else {
		heap.Push(t, q)
	}
}
