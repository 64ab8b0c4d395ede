package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

// aside makes the publication of a payload that an inlet received and that is invalid.
func aside(robot, run, key string) delivery.Publication {
	p := event(robot, run)
	p.Event.Type, p.Event.Operational = "event_set_aside", true
	p.IdempotencyKey = key
	p.SetAside = &delivery.SetAside{
		ID: delivery.NewSetAsideID(p.Event.At), At: p.Event.At, Body: []byte("a\x00\xff"), Report: []byte(`{"findings":[]}`),
		InletID: "inl_1", RobotID: robot, RunID: run,
	}
	return p
}

var inletsTests = []test{
	{"Inlets", func(b *bench) {
		at := time.UnixMilli(1_700_000_000_000).UTC()
		all := []delivery.Inlet{
			{ID: "inl_1", Name: "one", Hash: [32]byte{1}, CreatedAt: at},
			{ID: "inl_2", Name: "Größe", RobotID: "robot", Zone: "Europe/Berlin", Locale: "de-DE", Hash: [32]byte{2}, CreatedAt: at},
			{ID: "inl_3", Name: "three", RobotID: "robot", Hash: [32]byte{3}, CreatedAt: at},
		}
		for _, i := range []int{1, 0, 2} {
			b.ok(b.CreateInlet(b.ctx, all[i], delivery.Audit{Action: "inlet.create", Subject: all[i].ID}))
		}
		for _, test := range []struct {
			name string
			f    delivery.InletFilter
			want []delivery.Inlet
		}{
			{"all", delivery.InletFilter{}, all},
			{"robot", delivery.InletFilter{RobotID: "robot"}, all[1:]},
			{"first page", delivery.InletFilter{Limit: 2}, all[:2]},
			{"next page", delivery.InletFilter{Limit: 2, After: "inl_2"}, all[2:]},
			{"none", delivery.InletFilter{RobotID: "other"}, nil},
		} {
			b.Run(test.name, func(t *testing.T) {
				b := b.with(t)
				got, err := b.Inlets(b.ctx, test.f)
				b.ok(err)
				b.same(got, test.want)
			})
		}
		found := func(want delivery.Inlet) {
			b.Helper()
			got, err := b.Inlet(b.ctx, want.ID)
			b.ok(err)
			b.same(got, want)
			got, err = b.InletByHash(b.ctx, want.Hash)
			b.ok(err)
			b.same(got, want)
		}
		found(all[1])
		_, err := b.InletByHash(b.ctx, [32]byte{4})
		b.is(err, delivery.ErrNotFound)

		// An update changes what may be changed, and nothing else.
		want := all[1]
		want.Name, want.Zone, want.Locale = "two", "Europe/London", "en-GB"
		with := want
		with.RobotID, with.Hash, with.CreatedAt = "other", [32]byte{9}, at.Add(time.Hour)
		got, err := b.UpdateInlet(b.ctx, with, delivery.Audit{Action: "inlet.update", Subject: want.ID})
		b.ok(err)
		b.same(got, want)
		found(want)
		want.Hash = [32]byte{4}
		got, err = b.RotateInlet(b.ctx, want.ID, want.Hash, delivery.Audit{Action: "inlet.rotate", Subject: want.ID})
		b.ok(err)
		b.same(got, want)
		found(want)
		_, err = b.InletByHash(b.ctx, [32]byte{2})
		b.is(err, delivery.ErrNotFound)
		b.ok(b.NoteReceived(b.ctx, want.ID))
		got, err = b.Inlet(b.ctx, want.ID)
		b.ok(err)
		if got.LastReceived.Before(b.now.Add(-time.Second)) {
			b.Errorf("last received at %v; now is %v", got.LastReceived, b.now)
		}

		b.ok(b.DeleteInlet(b.ctx, want.ID, delivery.Audit{Action: "inlet.delete", Subject: want.ID}))
		_, err = b.Inlet(b.ctx, want.ID)
		b.is(err, delivery.ErrNotFound)
		_, err = b.InletByHash(b.ctx, want.Hash)
		b.is(err, delivery.ErrNotFound)
		_, err = b.UpdateInlet(b.ctx, want, delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
		_, err = b.RotateInlet(b.ctx, want.ID, want.Hash, delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
		b.is(b.DeleteInlet(b.ctx, want.ID, delivery.Audit{}), delivery.ErrNotFound)
		b.is(b.NoteReceived(b.ctx, want.ID), delivery.ErrNotFound)

		// What failed has no entry.
		audits, err := b.Audits(b.ctx, delivery.AuditFilter{Subject: want.ID}, delivery.Page{})
		b.ok(err)
		var actions []string
		for _, a := range audits {
			actions = append(actions, a.Action)
		}
		b.same(actions, []string{"inlet.delete", "inlet.rotate", "inlet.update", "inlet.create"})
	}},
	{"SourceIsKeptWithTheEvent", func(b *bench) {
		e := b.endpoint("robot")
		p, plain := event("robot", "1"), event("robot", "2")
		p.Event.Source = delivery.Source{InletID: "inl_1", Zone: "Europe/Berlin", Locale: "de-DE"}
		b.publish(plain, p)
		for _, want := range []delivery.Publication{p, plain} {
			got, err := b.Event(b.ctx, want.Event.ID)
			b.ok(err)
			b.same(got.Source, want.Event.Source)
		}
		due := b.due(e.ID, delivery.DueQuery{Limit: 10}).Deliveries
		b.same([]delivery.Source{due[0].Event.Source, due[1].Event.Source}, []delivery.Source{{}, p.Event.Source})
		events, err := b.Events(b.ctx, delivery.EventFilter{}, delivery.Page{})
		b.ok(err)
		b.same([]delivery.Source{events[0].Source, events[1].Source}, []delivery.Source{{}, {}})
	}},
	{"SetAsideOnce", func(b *bench) {
		operator := b.endpoint("")
		b.endpoint("robot")
		first, again, other := aside("robot", "1", "k"), aside("robot", "1", "k"), aside("", "", "l")
		other.SetAside.InletID = "inl_2"
		p := b.publish(first, again, other, event("robot", "2"))
		b.same([]bool{p[0].Replayed, p[1].Replayed, p[2].Replayed}, []bool{false, true, false})
		b.same(p[1].EventID, first.Event.ID)
		b.same([]int{len(p[0].Deliveries), len(p[1].Deliveries), len(p[2].Deliveries)}, []int{1, 0, 1})
		b.same(p[0].Deliveries[0].EndpointID, operator.ID)
		b.same(b.publish(again)[0].Replayed, true)
		found, err := b.SetAsides(b.ctx, delivery.Page{})
		b.ok(err)
		b.same(found, []delivery.SetAside{*other.SetAside, *first.SetAside})
		found, err = b.SetAsides(b.ctx, delivery.Page{Limit: 1, Before: other.SetAside.ID})
		b.ok(err)
		b.same(found, []delivery.SetAside{*first.SetAside})
		s, err := b.Stats(b.ctx)
		b.ok(err)
		b.same(s.SetAside, int64(2))

		b.same(b.retain(delivery.Retention{Finished: time.Hour, Idempotency: time.Hour}), 0)
		b.soon("the end of what was set aside", func() bool {
			b.retain(delivery.Retention{Finished: time.Millisecond})
			s, err := b.Stats(b.ctx)
			b.ok(err)
			return s.SetAside == 0
		})
	}},
	{"EraseWhatWasSetAside", func(b *bench) {
		key := 0
		put := func() {
			b.Helper()
			for _, of := range [][2]string{{"robot", "1"}, {"robot", "2"}, {"robot", ""}, {"other", "1"}, {"", ""}} {
				key++
				b.publish(aside(of[0], of[1], fmt.Sprint("k", key)))
			}
		}
		left := func() (of [][2]string) {
			b.Helper()
			found, err := b.SetAsides(b.ctx, delivery.Page{})
			b.ok(err)
			for _, a := range found {
				of = append(of, [2]string{a.RobotID, a.RunID})
			}
			return of
		}
		erase := func(j delivery.Job) {
			b.Helper()
			j.Kind = delivery.Erase
			_, err := b.CreateJob(b.ctx, j, delivery.Audit{})
			b.ok(err)
			b.jobs()
		}
		put()
		erase(delivery.Job{RobotID: "robot", RunID: "1"})
		b.same(left(), [][2]string{{"", ""}, {"other", "1"}, {"robot", ""}, {"robot", "2"}})
		erase(delivery.Job{RobotID: "robot"})
		b.same(left(), [][2]string{{"", ""}, {"other", "1"}})
		events, err := b.Events(b.ctx, delivery.EventFilter{RobotID: "robot"}, delivery.Page{})
		b.ok(err)
		b.same(len(events), 0)
	}},
}
