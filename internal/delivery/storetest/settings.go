package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/form"
)

var settingsTests = []test{
	{"EndpointIsKeptAsItIs", func(b *bench) {
		want := newEndpoint("robot", func(e *delivery.Endpoint) {
			e.Events = []string{"run_completed", "run_failed"}
			e.Description = "Größe ≤ 3"
			e.RateLimit, e.Ordered, e.Form = 2.5, true, form.Canonical
			e.State, e.DisabledReason, e.DisabledAt = delivery.Disabled, "It answered 410.", b.now.Truncate(time.Millisecond).UTC()
		})
		created, err := b.CreateEndpoint(b.ctx, want, delivery.Audit{})
		b.ok(err)
		if created.CreatedAt.Before(b.now.Add(-time.Second)) || !created.CreatedAt.Equal(created.UpdatedAt) {
			b.Errorf("created at %v, updated at %v; now is %v", created.CreatedAt, created.UpdatedAt, b.now)
		}
		want.Version, want.CreatedAt, want.UpdatedAt = 1, created.CreatedAt, created.UpdatedAt
		b.same(created, want)
		got, err := b.Endpoint(b.ctx, want.ID)
		b.ok(err)
		b.same(got, want)
	}},
	{"UpdateReplacesOneVersion", func(b *bench) {
		e := b.endpoint("robot")
		next := e
		next.URL, next.Sealed, next.Delays, next.Form = "https://example.com/next", []byte("other"), []time.Duration{time.Hour}, form.Documented
		updated, err := b.UpdateEndpoint(b.ctx, next, delivery.Audit{})
		b.ok(err)
		if updated.UpdatedAt.Before(e.UpdatedAt) {
			b.Errorf("updated at %v, before %v", updated.UpdatedAt, e.UpdatedAt)
		}
		next.Version, next.UpdatedAt = 2, updated.UpdatedAt
		b.same(updated, next)
		got, err := b.Endpoint(b.ctx, e.ID)
		b.ok(err)
		b.same(got, next)

		_, err = b.UpdateEndpoint(b.ctx, e, delivery.Audit{}) // version 1
		b.is(err, delivery.ErrVersion)
		_, err = b.UpdateEndpoint(b.ctx, newEndpoint("robot"), delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
	}},
	{"URLsOfARobotAreDistinct", func(b *bench) {
		e := b.endpoint("robot")
		same := func(to *delivery.Endpoint) { to.URL = e.URL }
		_, err := b.CreateEndpoint(b.ctx, newEndpoint("robot", same), delivery.Audit{})
		b.is(err, delivery.ErrURLTaken)
		b.endpoint("other", same)
		second := b.endpoint("robot")
		second.URL = e.URL
		_, err = b.UpdateEndpoint(b.ctx, second, delivery.Audit{})
		b.is(err, delivery.ErrURLTaken)

		b.ok(b.DeleteEndpoint(b.ctx, e.ID, 0, delivery.Audit{}))
		third := b.endpoint("robot", same)
		b.ok(b.DeleteEndpoint(b.ctx, third.ID, 0, delivery.Audit{}))
		b.endpoint("robot", same)
	}},
	{"DeletedEndpointIsNotFound", func(b *bench) {
		e := b.endpoint("robot")
		b.is(b.DeleteEndpoint(b.ctx, e.ID, 2, delivery.Audit{}), delivery.ErrVersion)
		b.ok(b.DeleteEndpoint(b.ctx, e.ID, 1, delivery.Audit{}))
		b.is(b.DeleteEndpoint(b.ctx, e.ID, 0, delivery.Audit{}), delivery.ErrNotFound)
		_, err := b.Endpoint(b.ctx, e.ID)
		b.is(err, delivery.ErrNotFound)
		_, err = b.UpdateEndpoint(b.ctx, e, delivery.Audit{})
		b.is(err, delivery.ErrNotFound)
		all, err := b.Endpoints(b.ctx, delivery.EndpointFilter{})
		b.ok(err)
		b.same(all, []delivery.Endpoint{})
	}},
	{"EndpointsFilteredAndPaged", func(b *bench) {
		all := []delivery.Endpoint{b.endpoint("a"), b.endpoint("b", paused), b.endpoint("a", paused), b.endpoint(""), b.endpoint("a")}
		for _, test := range []struct {
			name string
			f    delivery.EndpointFilter
			want []int
		}{
			{"all", delivery.EndpointFilter{}, []int{0, 1, 2, 3, 4}},
			{"robot", delivery.EndpointFilter{RobotID: "a"}, []int{0, 2, 4}},
			{"operator", delivery.EndpointFilter{Operator: true}, []int{3}},
			{"state", delivery.EndpointFilter{State: delivery.Paused}, []int{1, 2}},
			{"robot and state", delivery.EndpointFilter{RobotID: "a", State: delivery.Active}, []int{0, 4}},
			{"first page", delivery.EndpointFilter{RobotID: "a", Limit: 2}, []int{0, 2}},
			{"next page", delivery.EndpointFilter{RobotID: "a", Limit: 2, After: all[2].ID}, []int{4}},
		} {
			b.Run(test.name, func(t *testing.T) {
				b := b.with(t)
				got, err := b.Endpoints(b.ctx, test.f)
				b.ok(err)
				var want []delivery.Endpoint
				for _, i := range test.want {
					want = append(want, all[i])
				}
				b.same(got, want)
			})
		}
	}},
	{"Tokens", func(b *bench) {
		one := delivery.Token{ID: "tok_1", Name: "one", Role: "admin", Hash: [32]byte{1}, CreatedAt: time.UnixMilli(1_700_000_000_000).UTC()}
		two := delivery.Token{ID: "tok_2", Name: "two", Role: "reader", RobotID: "robot", Hash: [32]byte{2}, CreatedAt: time.UnixMilli(1_700_000_000_001).UTC(),
			ExpiresAt: b.now.Add(time.Hour).Truncate(time.Millisecond).UTC()}
		old := delivery.Token{ID: "tok_3", Name: "old", Role: "reader", Hash: [32]byte{3}, CreatedAt: time.UnixMilli(1_700_000_000_002).UTC(),
			ExpiresAt: b.now.Add(-time.Hour).Truncate(time.Millisecond).UTC()}
		for _, token := range []delivery.Token{one, two, old} {
			b.ok(b.CreateToken(b.ctx, token, delivery.Audit{Action: "token.create", Subject: token.ID}))
		}
		all, err := b.Tokens(b.ctx)
		b.ok(err)
		if len(all) != 3 {
			b.Fatalf("there are %d tokens", len(all))
		}
		one.CreatedAt, two.CreatedAt, old.CreatedAt = all[0].CreatedAt, all[1].CreatedAt, all[2].CreatedAt // by the store or by the caller
		b.same(all, []delivery.Token{one, two, old})
		got, err := b.TokenByHash(b.ctx, two.Hash)
		b.ok(err)
		b.same(got, two)
		_, err = b.TokenByHash(b.ctx, old.Hash)
		b.is(err, delivery.ErrNotFound)
		_, err = b.TokenByHash(b.ctx, [32]byte{9})
		b.is(err, delivery.ErrNotFound)
		b.ok(b.DeleteToken(b.ctx, "tok_2", delivery.Audit{Action: "token.delete"}))
		b.is(b.DeleteToken(b.ctx, "tok_2", delivery.Audit{}), delivery.ErrNotFound)
		_, err = b.TokenByHash(b.ctx, two.Hash)
		b.is(err, delivery.ErrNotFound)
	}},
	{"TokensAreDeletedOnce", func(b *bench) {
		b.ok(b.CreateToken(b.ctx, delivery.Token{ID: "tok_1", Hash: [32]byte{1}, CreatedAt: b.now}, delivery.Audit{}))
		var all sync.WaitGroup
		var deleted atomic.Int32
		for range 8 {
			all.Go(func() {
				switch err := b.DeleteToken(b.ctx, "tok_1", delivery.Audit{Action: "delete"}); {
				case err == nil:
					deleted.Add(1)
				case !errors.Is(err, delivery.ErrNotFound):
					b.Error(err)
				}
			})
		}
		all.Wait()
		b.same(deleted.Load(), int32(1))
		audits, err := b.Audits(b.ctx, delivery.AuditFilter{}, delivery.Page{Limit: 10})
		b.ok(err)
		b.same(len(audits), 2) // of the creation, and of one end
	}},
	{"AuditOfEachChange", func(b *bench) {
		entry := func(action string) delivery.Audit {
			return delivery.Audit{Actor: "tok_1", Action: action, Subject: "s-" + action, RobotID: "robot", Changes: []byte(`{"url":["a","b"]}`)}
		}
		e, err := b.CreateEndpoint(b.ctx, newEndpoint("robot"), entry("create"))
		b.ok(err)
		e, err = b.UpdateEndpoint(b.ctx, e, entry("update"))
		b.ok(err)
		// What fails leaves no entry.
		e.Version = 7
		_, err = b.UpdateEndpoint(b.ctx, e, entry("fails"))
		b.is(err, delivery.ErrVersion)
		b.is(b.DeleteEndpoint(b.ctx, e.ID, 7, entry("fails")), delivery.ErrVersion)
		b.is(b.DeleteToken(b.ctx, "none", entry("fails")), delivery.ErrNotFound)
		retried, cancelled := b.one("robot", "1"), b.one("robot", "2")
		_, err = b.Retry(b.ctx, retried.ID, entry("retry"))
		b.ok(err)
		_, err = b.Cancel(b.ctx, cancelled.ID, "a test", entry("cancel"))
		b.ok(err)
		_, err = b.Cancel(b.ctx, cancelled.ID, "again", entry("fails"))
		b.is(err, delivery.ErrState)
		_, err = b.Retry(b.ctx, cancelled.ID+100, entry("fails"))
		b.is(err, delivery.ErrNotFound)
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, entry("recover"))
		b.ok(err)
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Recover, EndpointID: e.ID}, entry("fails"))
		b.is(err, delivery.ErrState)
		_, err = b.CreateJob(b.ctx, delivery.Job{Kind: delivery.Erase, RobotID: "robot", RunID: "2"}, entry("erase"))
		b.ok(err)
		b.ok(b.DeleteEndpoint(b.ctx, e.ID, 0, entry("delete")))
		token := entry("token")
		token.Actor, token.RobotID = "tok_2", ""
		b.ok(b.CreateToken(b.ctx, delivery.Token{ID: "tok_9"}, token))

		list := func(f delivery.AuditFilter, p delivery.Page) (found []delivery.Audit) {
			b.Helper()
			found, err := b.Audits(b.ctx, f, p)
			b.ok(err)
			return found
		}
		actions := func(as []delivery.Audit) (found []string) {
			for _, a := range as {
				found = append(found, a.Action)
			}
			return found
		}
		all := list(delivery.AuditFilter{}, delivery.Page{Limit: 10})
		b.same(actions(all), []string{"token", "delete", "erase", "recover", "cancel", "retry", "update", "create"})
		want := entry("update")
		want.Seq, want.At = all[6].Seq, all[6].At
		b.same(all[6], want)
		if all[6].At.Before(b.now.Add(-time.Second)) {
			b.Errorf("the entry is of %v; now is %v", all[6].At, b.now)
		}
		b.same(actions(list(delivery.AuditFilter{}, delivery.Page{Limit: 2, Before: all[5].Seq})), []string{"update", "create"})
		b.same(actions(list(delivery.AuditFilter{Subject: "s-update"}, delivery.Page{Limit: 10})), []string{"update"})
		b.same(actions(list(delivery.AuditFilter{RobotID: "robot"}, delivery.Page{Limit: 2})), []string{"delete", "erase"})
		b.same(actions(list(delivery.AuditFilter{Actor: "tok_2"}, delivery.Page{Limit: 10})), []string{"token"})
	}},
}
