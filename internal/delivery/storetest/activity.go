package storetest

import (
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// tally counts attempts to an endpoint that started some hours ago.
func (b *bench) tally(e delivery.Endpoint, ago int, succeeded, failed int64) delivery.Tally {
	at := b.now.Add(-time.Duration(ago) * time.Hour).UTC().Truncate(time.Millisecond)
	t := delivery.Tally{
		EndpointID: e.ID, Hour: at.Truncate(time.Hour), Counts: delivery.Counts{Succeeded: succeeded, Failed: failed}, LastAttempt: at,
	}
	if succeeded > 0 {
		t.LastSuccess = at
	}
	return t
}

func (b *bench) count(tallies ...delivery.Tally) {
	b.Helper()
	b.ok(b.AddActivity(b.ctx, tallies))
}

// activity returns that of an endpoint, and the counts of hours that have some, the
// oldest first.
func (b *bench) activity(e delivery.Endpoint) (delivery.Activity, []delivery.Counts) {
	b.Helper()
	found, err := b.Activity(b.ctx, []string{e.ID})
	b.ok(err)
	a, ok := found[e.ID]
	if !ok {
		b.Fatalf("there is no activity of %s", e.ID)
	}
	return a, some(a.Hours)
}

// some leaves out what depends on whether the hour changes during the test.
func some(h delivery.Hours) []delivery.Counts {
	return slices.DeleteFunc(h[:], func(n delivery.Counts) bool { return n == delivery.Counts{} })
}

func (b *bench) robots(f delivery.RobotFilter) []delivery.Robot {
	b.Helper()
	robots, err := b.Robots(b.ctx, f)
	b.ok(err)
	return robots
}

func robotIDs(robots []delivery.Robot) (ids []string) {
	for _, r := range robots {
		ids = append(ids, r.ID)
	}
	return ids
}

var activityTests = []test{
	{"CountsOfAttempts", func(b *bench) {
		e, other := b.endpoint("robot"), b.endpoint("robot")
		found, err := b.Activity(b.ctx, []string{e.ID, "unknown"})
		b.ok(err)
		b.same(found, map[string]delivery.Activity{e.ID: {}})

		b.count(b.tally(e, 2, 3, 1), b.tally(e, 0, 0, 2), b.tally(other, 30, 1, 0), b.tally(delivery.Endpoint{ID: "unknown"}, 0, 1, 1))
		b.count(b.tally(e, 2, 1, 1), b.tally(e, 5, 1, 0))
		b.count()
		a, hours := b.activity(e)
		b.same(hours, []delivery.Counts{{Succeeded: 1}, {Succeeded: 4, Failed: 2}, {Failed: 2}})
		now := b.tally(e, 0, 0, 0).LastAttempt
		b.same([]time.Time{a.LastSuccess, a.LastAttempt}, []time.Time{now.Add(-2 * time.Hour), now})
		a, hours = b.activity(other) // the hour is over, and the time stays
		b.same(len(hours), 0)
		b.same([]time.Time{a.LastSuccess, a.LastAttempt}, []time.Time{now.Add(-30 * time.Hour), now.Add(-30 * time.Hour)})

		// An hour is at its place.
		a, _ = b.activity(e)
		at := slices.IndexFunc(a.Hours[:], func(n delivery.Counts) bool { return n.Succeeded == 4 })
		if at != 21 && at != 20 { // if the hour has just changed
			b.Errorf("what was two hours ago is in place %d", at)
		}
	}},
	{"CountsOfDeliveries", func(b *bench) {
		on, off := b.endpoint("robot"), b.endpoint("robot", paused, ordered)
		inOrder := b.endpoint("robot", ordered)
		var refs []delivery.Ref
		for range 3 {
			refs = append(refs, b.publish(event("robot", "1"))[0].Deliveries...)
		}
		b.finish(refs[0], delivery.Delivered)
		b.finish(refs[3], delivery.Exhausted)
		for e, want := range map[*delivery.Endpoint][2]int64{&on: {1, 0}, &off: {0, 3}, &inOrder: {3, 0}} {
			a, _ := b.activity(*e)
			b.same([2]int64{a.Waiting, a.Held}, want)
		}
		var batch delivery.Batch
		for range delivery.CountMost {
			batch.Publish = append(batch.Publish, event("robot", "1"))
		}
		b.commit(batch)
		for e, want := range map[*delivery.Endpoint][2]int64{&on: {1000, 0}, &off: {0, 1000}, &inOrder: {1000, 0}} {
			a, _ := b.activity(*e)
			b.same([2]int64{a.Waiting, a.Held}, want)
		}
	}},
	{"HealthInActivity", func(b *bench) {
		e, other := b.endpoint("robot"), b.endpoint("another")
		r := b.one("robot", "1")
		at := b.now.Truncate(time.Millisecond).UTC()
		health := delivery.Health{Failures: 7, FailingSince: at.Add(-time.Hour), NotBefore: at.Add(time.Hour), Opened: 2, Told: true}
		b.commit(delivery.Batch{Health: []delivery.HealthChange{{EndpointID: e.ID, Epoch: r.Epoch, Health: health}}})
		a, _ := b.activity(e)
		b.same(a.Health, health)
		a, _ = b.activity(other)
		b.same(a.Health, delivery.Health{})
	}},
	{"CountsOfADeletedEndpoint", func(b *bench) {
		e, kept := b.endpoint("robot"), b.endpoint("robot")
		b.count(b.tally(e, 1, 5, 0), b.tally(kept, 1, 2, 1))
		b.ok(b.DeleteEndpoint(b.ctx, e.ID, 0, delivery.Audit{}))
		b.count(b.tally(e, 1, 5, 0)) // by attempts that were under way
		found, err := b.Activity(b.ctx, []string{e.ID})
		b.ok(err)
		b.same(len(found), 0)
		r := b.robots(delivery.RobotFilter{RobotID: "robot"})[0]
		b.same(r.Endpoints, int64(1))
		b.same(some(r.Hours), []delivery.Counts{{Succeeded: 2, Failed: 1}})
	}},
	{"RetainCounts", func(b *bench) {
		e := b.endpoint("robot")
		old := int(delivery.KeepHours/time.Hour) + 1
		b.count(b.tally(e, old, 1, 0), b.tally(e, old+1, 1, 0), b.tally(e, old+2, 1, 0), b.tally(e, 3, 7, 0))
		b.same(b.retain(delivery.Retention{}), 3)
		a, hours := b.activity(e)
		b.same(hours, []delivery.Counts{{Succeeded: 7}})
		b.same(a.LastAttempt.IsZero(), false)
	}},
	{"Robots", func(b *bench) {
		b.same(len(b.robots(delivery.RobotFilter{Limit: 10})), 0)
		b.same(b.robots(delivery.RobotFilter{RobotID: "b"}), []delivery.Robot{{ID: "b"}})
		b.endpoint("") // of the operator
		first, second := b.endpoint("b"), b.endpoint("b")
		b.endpoint("d")
		gone := b.endpoint("f")
		b.ok(b.DeleteEndpoint(b.ctx, gone.ID, 0, delivery.Audit{}))
		about := event("e", "")
		about.Event.Type, about.Event.Operational = "endpoint_failing", true
		last := event("b", "2")
		last.Event.At = last.Event.At.Add(time.Second)
		b.publish(event("b", "1"), last, about)
		b.publish(event("a", "1"))
		b.count(b.tally(first, 1, 1, 2), b.tally(second, 1, 3, 4))
		b.publish(event("ä", "1"), event("C", "1"))

		all := b.robots(delivery.RobotFilter{})
		b.same(robotIDs(all), []string{"C", "a", "b", "d", "ä"}) // by their bytes
		b.same(all[2].Endpoints, int64(2))
		b.same(all[2].LastEvent, last.Event.At)
		b.same(some(all[2].Hours), []delivery.Counts{{Succeeded: 4, Failed: 6}})
		b.same([]any{all[1].Endpoints, all[1].LastEvent.IsZero(), len(some(all[1].Hours))}, []any{int64(0), false, 0})
		b.same([]any{all[3].Endpoints, all[3].LastEvent.IsZero()}, []any{int64(1), true})
		b.same(b.robots(delivery.RobotFilter{RobotID: "b"}), all[2:3])
		var paged []delivery.Robot
		for after := ""; ; after = paged[len(paged)-1].ID {
			page := b.robots(delivery.RobotFilter{After: after, Limit: 2})
			if paged = append(paged, page...); len(page) < 2 {
				break
			}
		}
		b.same(paged, all)

		b.count() // after which they may be found in another way
		b.same(b.robots(delivery.RobotFilter{}), all)
		later := event("a", "3")
		later.Event.At = last.Event.At.Add(time.Second)
		b.publish(later)
		b.same(b.robots(delivery.RobotFilter{RobotID: "a"})[0].LastEvent, later.Event.At)
		b.count()
		b.same(b.robots(delivery.RobotFilter{RobotID: "a"})[0].LastEvent, later.Event.At)
		_, err := b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Erase, RobotID: "a"}, delivery.Audit{})
		b.ok(err)
		b.jobs()
		b.count()
		b.same(robotIDs(b.robots(delivery.RobotFilter{})), []string{"C", "b", "d", "ä"})
	}},
	{"RetainRobots", func(b *bench) {
		b.publish(event("robot", "1"))
		b.count()
		b.same(b.retain(delivery.Retention{Finished: time.Hour}), 0)
		b.soon("the end of a robot without events and endpoints", func() bool {
			b.retain(delivery.Retention{Finished: time.Millisecond})
			return len(b.robots(delivery.RobotFilter{})) == 0
		})
	}},
}
