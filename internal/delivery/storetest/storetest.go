// Package storetest holds stores to what [delivery.Store] promises: one suite, run
// over each of them.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/runhooks/runhooks/internal/delivery"
)

// Options are what only some stores can do. What is nil isn't tested.
type Options struct {
	// Again opens the database of s anew, which was closed.
	Again func(t *testing.T, s delivery.Store) delivery.Store
	// Node opens the database of s, which is in use, for another node.
	Node func(t *testing.T, s delivery.Store) delivery.Store
	// Kill ends s as a kill of its process would.
	Kill func(t *testing.T, s delivery.Store)
	// Spoil adds something to a batch that s refuses, as late in it as possible.
	Spoil func(b *delivery.Batch)
	// Outbox puts events into the outbox of s, each a body with its idempotency
	// key. If it is nil, s must have no outbox.
	Outbox func(t *testing.T, s delivery.Store, events [][2]string)
	// WholeDays says that retention by size removes whole days, and never today.
	WholeDays bool
}

// Run runs the suite. open opens an empty store, and sees to it that it is closed
// when its test ends.
func Run(t *testing.T, open func(t *testing.T) delivery.Store, options ...Options) {
	var o Options
	for _, o = range options {
	}
	for _, tests := range [][]test{settingsTests, workTests, recordsTests, inletsTests, capturesTests, activityTests, upkeepTests} {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				b := newBench(t, open(t))
				b.options = o
				test.run(b)
			})
		}
	}
	for _, test := range optionalTests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open, o) })
	}
}

type test struct {
	name string
	run  func(b *bench)
}

// A bench is a store under test.
type bench struct {
	*testing.T
	delivery.Store
	ctx     context.Context
	options Options
	now     time.Time // when the store was opened, by its clock
}

func newBench(t *testing.T, s delivery.Store) *bench {
	b := &bench{T: t, Store: s, ctx: t.Context()}
	b.now = b.join(true).Now
	return b
}

func (b *bench) with(t *testing.T) *bench { c := *b; c.T, c.ctx = t, t.Context(); return &c }

func (b *bench) join(deliver bool) delivery.Lease {
	b.Helper()
	l, err := b.Join(b.ctx, "node", deliver)
	b.ok(err)
	return l
}

// rejoin makes this process another node, which owns nothing of what it did.
func (b *bench) rejoin(deliver bool) delivery.Lease {
	b.Helper()
	b.ok(b.Leave(b.ctx))
	return b.join(deliver)
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("the error is %v, not %v", err, want)
	}
}

// same compares what differs in no way that counts.
func (b *bench) same(got, want any) {
	b.Helper()
	if d := diff(got, want); d != "" {
		b.Errorf("(-got +want)\n%s", d)
	}
}

func diff(got, want any) string {
	// Of JSON that is only shown, a store may change the spaces.
	type attempt delivery.Attempt
	return cmp.Diff(got, want, cmpopts.EquateEmpty(), cmp.Transformer("Detail", func(a delivery.Attempt) attempt {
		var detail any
		if json.Unmarshal(a.Detail, &detail) == nil {
			a.Detail, _ = json.Marshal(detail)
		}
		return attempt(a)
	}))
}

// ids are distinct in the whole test binary, and ascending.
var ids atomic.Int64

// endpoint creates an active endpoint of a robot, or of the operator, as changed.
func (b *bench) endpoint(robot string, change ...func(e *delivery.Endpoint)) delivery.Endpoint {
	b.Helper()
	e, err := b.CreateEndpoint(b.ctx, newEndpoint(robot, change...), delivery.Audit{Actor: "tok_1", Action: "endpoint.create"})
	b.ok(err)
	return e
}

func newEndpoint(robot string, change ...func(e *delivery.Endpoint)) delivery.Endpoint {
	n := ids.Add(1)
	e := delivery.Endpoint{
		ID:      fmt.Sprintf("01940000-0000-7000-8000-%012d", n),
		RobotID: robot, URL: fmt.Sprintf("https://example.com/%d", n),
		State: delivery.Active, MaxAttempts: 3, Delays: []time.Duration{time.Second, time.Minute},
		Timeout: 15 * time.Second, MaxInFlight: 10, Sealed: []byte("sealed"),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func ordered(e *delivery.Endpoint) { e.Ordered = true }
func paused(e *delivery.Endpoint)  { e.State = delivery.Paused }

// change updates an endpoint.
func (b *bench) change(e delivery.Endpoint, change func(e *delivery.Endpoint)) delivery.Endpoint {
	b.Helper()
	e, err := b.Endpoint(b.ctx, e.ID)
	b.ok(err)
	change(&e)
	e, err = b.UpdateEndpoint(b.ctx, e, delivery.Audit{Actor: "tok_1", Action: "endpoint.update", Subject: e.ID})
	b.ok(err)
	return e
}

// event makes a run_completed of a run of a robot.
func event(robot, run string) delivery.Publication {
	return delivery.Publication{Event: delivery.Event{
		ID: fmt.Sprintf("evt_%026d", ids.Add(1)), Type: "run_completed", RobotID: robot, RunID: run,
		At: time.Now().Truncate(time.Millisecond).UTC(), TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Body: []byte(`{"event_type":"run_completed","data":{"run_id":"` + run + `"}}`),
	}}
}

func (b *bench) commit(batch delivery.Batch) *delivery.Committed {
	b.Helper()
	c, err := b.Commit(b.ctx, &batch)
	b.ok(err)
	return c
}

func (b *bench) publish(ps ...delivery.Publication) []delivery.Published {
	b.Helper()
	return b.commit(delivery.Batch{Publish: ps}).Published
}

// one publishes an event that goes to one endpoint.
func (b *bench) one(robot, run string) delivery.Ref {
	b.Helper()
	p := b.publish(event(robot, run))
	if len(p) != 1 || len(p[0].Deliveries) != 1 {
		b.Fatalf("published %+v, not one delivery", p)
	}
	return p[0].Deliveries[0]
}

// outcome is that of attempt n.
func outcome(r delivery.Ref, n int, s delivery.State) delivery.Outcome {
	o := delivery.Outcome{
		EndpointID: r.EndpointID, Epoch: r.Epoch, State: s, Round: n,
		Attempt: delivery.Attempt{
			DeliveryID: r.ID, N: n, At: time.UnixMilli(1_800_000_000_500).UTC(), Outcome: "accepted", Status: 200,
			Duration: 12_345 * time.Microsecond, Node: "node", Detail: []byte(`{"url":"https://example.com/","timings":{"total_us":12345}}`),
		},
	}
	if s != delivery.Delivered {
		o.Attempt.Outcome, o.Attempt.Status, o.Reason = "refused", 500, "It answered 500."
	}
	if s == delivery.Pending {
		o.Delay = time.Hour
	}
	return o
}

// finish commits the outcome of the first attempt.
func (b *bench) finish(r delivery.Ref, s delivery.State) {
	b.Helper()
	c := b.commit(delivery.Batch{Outcomes: []delivery.Outcome{outcome(r, 1, s)}})
	b.same(c.Late, []bool{false})
}

func (b *bench) delivery(id int64) delivery.Delivery {
	b.Helper()
	d, err := b.Delivery(b.ctx, id)
	b.ok(err)
	return d
}

// attempts returns how many there are of a delivery, which may not exist.
func (b *bench) attempts(id int64) int {
	b.Helper()
	as, err := b.Attempts(b.ctx, id)
	if !errors.Is(err, delivery.ErrNotFound) {
		b.ok(err)
	}
	return len(as)
}

// state checks the states of deliveries.
func (b *bench) state(want delivery.State, refs ...delivery.Ref) {
	b.Helper()
	for _, r := range refs {
		if d := b.delivery(r.ID); d.State != want {
			b.Errorf("delivery %d is %s, not %s", r.ID, d.State, want)
		}
	}
}

func (b *bench) due(e string, q delivery.DueQuery) delivery.DueResult {
	b.Helper()
	q.EndpointID = e
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.MaxBytes == 0 {
		q.MaxBytes = 1 << 20
	}
	r, err := b.Due(b.ctx, q)
	b.ok(err)
	return r
}

func numbers(r delivery.DueResult) (n []int64) {
	for _, t := range r.Deliveries {
		n = append(n, t.Delivery.ID)
	}
	return n
}

func refIDs(refs ...delivery.Ref) (n []int64) {
	for _, r := range refs {
		n = append(n, r.ID)
	}
	return n
}

// claim claims until there is nothing to claim.
func (b *bench) claim() (claims []delivery.Claim) {
	b.Helper()
	for {
		c, err := b.Claim(b.ctx, 2)
		b.ok(err)
		if len(c) == 0 {
			slices.SortFunc(claims, func(x, y delivery.Claim) int { return strings.Compare(x.EndpointID, y.EndpointID) })
			return claims
		}
		claims = append(claims, c...)
	}
}

func claimed(claims []delivery.Claim) (ids []string) {
	for _, c := range claims {
		ids = append(ids, c.EndpointID)
	}
	return ids
}

// settle settles until nothing is to be changed, and returns how much was.
func (b *bench) settle() (n int) {
	b.Helper()
	for {
		k, err := b.Settle(b.ctx, 2)
		b.ok(err)
		if k == 0 {
			return n
		}
		n += k
	}
}

// jobs works until no job is open, and returns the last.
func (b *bench) jobs() (last delivery.Job) {
	b.Helper()
	for {
		j, err := b.WorkOn(b.ctx, 2)
		if errors.Is(err, delivery.ErrNotFound) {
			return last
		}
		b.ok(err)
		last = j
	}
}

// retain retains until nothing is removed.
func (b *bench) retain(r delivery.Retention) (n int) {
	b.Helper()
	for {
		k, err := b.Retain(b.ctx, r, 2)
		b.ok(err)
		if k == 0 {
			return n
		}
		n += k
	}
}

// soon calls f until it says true.
func (b *bench) soon(what string, f func() bool) {
	b.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			b.Fatalf("%s didn't happen within 30 s", what)
		}
	}
}
