package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/delivery"
)

// patience is how long tests wait for what happens soon.
const patience = 20 * time.Second

func exec(tb testing.TB, s *Store, sql string, args ...any) {
	tb.Helper()
	if _, err := s.pool.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatal(err)
	}
}

func scan[T any](tb testing.TB, s *Store, sql string, args ...any) T {
	tb.Helper()
	var v T
	if err := s.pool.QueryRow(tb.Context(), sql, args...).Scan(&v); err != nil {
		tb.Fatal(err)
	}
	return v
}

func renew(tb testing.TB, s *Store) delivery.Lease {
	tb.Helper()
	l, err := s.Renew(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func claim(tb testing.TB, s *Store, most int) []delivery.Claim {
	tb.Helper()
	c, err := s.Claim(tb.Context(), most)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// silence makes a node's last renewal look old.
func silence(tb testing.TB, s *Store) {
	tb.Helper()
	exec(tb, s, "UPDATE runhooks.nodes SET renewed_at = renewed_at - interval '2 s' WHERE id = $1", s.node.Load())
}

func TestNodesMigrateAtOnce(t *testing.T) {
	url := database(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	all.Wait()
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	url := database(t)
	exec(t, open(t, url), "INSERT INTO runhooks.goose_db_version (version_id, is_applied) VALUES (99999, true)")
	if s, err := Open(t.Context(), url); !errors.Is(err, delivery.ErrNewer) {
		if err == nil {
			s.Close()
		}
		t.Errorf("Open: %v, want ErrNewer", err)
	}
}

func TestClaimsAreExclusive(t *testing.T) {
	url := database(t)
	publisher := open(t, url)
	if _, err := publisher.Join(t.Context(), "publisher", false); err != nil {
		t.Fatal(err)
	}
	const n = 100
	var batch delivery.Batch
	for i := range n {
		endpoint(t, publisher, fmt.Sprintf("e%03d", i), "r", false)
	}
	batch.Publish = []delivery.Publication{publication("r")}
	for _, r := range commit(t, publisher, &batch).Published[0].Deliveries {
		if r.Owned {
			t.Fatalf("a node that doesn't deliver owns %s", r.EndpointID)
		}
	}
	nodes := []*Store{open(t, url), open(t, url), open(t, url)}
	owners := make([][]string, len(nodes))
	var all sync.WaitGroup
	for i, s := range nodes {
		join(t, s)
		all.Go(func() {
			for {
				claims, err := s.Claim(context.Background(), 7)
				if err != nil {
					t.Error(err)
					return
				}
				if len(claims) == 0 {
					return
				}
				for _, c := range claims {
					owners[i] = append(owners[i], c.EndpointID)
				}
			}
		})
	}
	all.Wait()
	got := slices.Sorted(slices.Values(slices.Concat(owners...)))
	if len(got) != n || len(slices.Compact(slices.Clone(got))) != n {
		t.Errorf("claimed %d endpoints, %d of them different; want %d", len(got), len(slices.Compact(got)), n)
	}
	if l := renew(t, nodes[0]); l.Nodes != 3 || l.Queues != n {
		t.Errorf("the lease says %d nodes and %d queues, want 3 and %d", l.Nodes, l.Queues, n)
	}
	if l := renew(t, publisher); l.Nodes != 3 {
		t.Errorf("the publisher's lease says %d nodes, want 3", l.Nodes)
	}
}

func TestAKilledNodesEndpointsAreFree(t *testing.T) {
	url := database(t)
	a, b := open(t, url), open(t, url)
	join(t, a)
	join(t, b)
	endpoint(t, a, "e", "r", false)
	commit(t, a, &delivery.Batch{Publish: []delivery.Publication{publication("r")}})

	silence(t, a)
	renew(t, b)
	if c := claim(t, b, 10); len(c) != 0 {
		t.Errorf("claimed %v of a node that holds its lock", c)
	}
	a.end() // as if it had been killed: it has not left
	var c []delivery.Claim
	for start := time.Now(); len(c) == 0 && time.Since(start) < patience; { // until the server has noticed
		renew(t, b)
		c = claim(t, b, 10)
	}
	if len(c) != 1 || c[0].EndpointID != "e" || c[0].Endpoint.URL == "" {
		t.Errorf("claimed %v, want e", c)
	}
	if l := renew(t, b); l.Nodes != 1 || l.Queues != 1 {
		t.Errorf("the lease says %d nodes and %d queues, want 1 and 1", l.Nodes, l.Queues)
	}
}

func TestALeaseThatEnds(t *testing.T) {
	url := database(t)
	a, b := open(t, url), open(t, url)
	join(t, a)
	join(t, b)
	endpoint(t, a, "e", "r", false)
	ref := commit(t, a, &delivery.Batch{Publish: []delivery.Publication{publication("r")}}).Published[0].Deliveries[0]

	exec(t, a, "UPDATE runhooks.nodes SET expires_at = now() WHERE id = $1", a.node.Load())
	renew(t, b)
	c := claim(t, b, 10)
	if len(c) != 1 || c[0].Epoch <= ref.Epoch {
		t.Fatalf("claimed %v, want e with an epoch over %d", c, ref.Epoch)
	}
	late := commit(t, a, &delivery.Batch{
		Outcomes: []delivery.Outcome{outcome(ref, 1, delivery.Delivered)},
		Health:   []delivery.HealthChange{{EndpointID: "e", Epoch: ref.Epoch, Health: delivery.Health{Failures: 9}}},
		Release:  []delivery.Claim{{EndpointID: "e", Epoch: ref.Epoch}},
	})
	if !late.Late[0] {
		t.Error("the outcome of a node that lost the endpoint is not late")
	}
	if d, err := b.Delivery(t.Context(), ref.ID); err != nil || d.State != delivery.Pending {
		t.Errorf("the late outcome left %+v, %v; want it pending", d, err)
	}
	if h, err := b.Health(t.Context(), "e"); err != nil || h.Failures != 0 {
		t.Errorf("the late health was written: %+v, %v", h, err)
	}
	if _, err := a.Renew(t.Context()); !errors.Is(err, delivery.ErrLeaseLost) {
		t.Errorf("Renew: %v, want ErrLeaseLost", err)
	}
	join(t, a)
	ref.Epoch = c[0].Epoch
	o := outcome(ref, 1, delivery.Delivered)
	o.Attempt.Node = "b"
	if commit(t, b, &delivery.Batch{Outcomes: []delivery.Outcome{o}}).Late[0] {
		t.Error("the owner's outcome is late")
	}
	attempts, err := a.Attempts(t.Context(), ref.ID)
	if err != nil || len(attempts) != 2 {
		t.Errorf("attempts %+v, %v; want two", attempts, err)
	}
}

func TestANodeOutlivesItsSession(t *testing.T) {
	url := database(t)
	a, b := open(t, url), open(t, url)
	join(t, a)
	join(t, b)
	endpoint(t, a, "e", "r", false)
	commit(t, a, &delivery.Batch{Publish: []delivery.Publication{publication("r")}})
	// Other databases of this server, of tests that run at the same time, have nodes of the same number.
	const holder = `SELECT coalesce(max(pid), 0) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	old := scan[int](t, b, holder, nodeLocks, a.node.Load())
	exec(t, b, "SELECT pg_terminate_backend($1)", old)
	for start := time.Now(); ; {
		if pid := scan[int](t, b, holder, nodeLocks, a.node.Load()); pid != 0 && pid != old {
			break
		}
		if time.Since(start) > patience {
			t.Fatal("the node doesn't take its lock again")
		}
		renew(t, a)
	}
	silence(t, a)
	renew(t, b)
	if c := claim(t, b, 10); len(c) != 0 {
		t.Errorf("claimed %v of a node that lives", c)
	}
	renew(t, a)
}

func TestOtherNodesHear(t *testing.T) {
	url := database(t)
	a, b := open(t, url), open(t, url)
	join(t, a)
	join(t, b)
	endpoint(t, a, "e", "r", false)
	commit(t, a, &delivery.Batch{Publish: []delivery.Publication{publication("r")}})
	renew(t, b) // sees the new endpoint

	hear := func(s *Store, id string) {
		t.Helper()
		for {
			select {
			case got := <-s.Hints():
				if got == id {
					return
				}
			case <-time.After(patience):
				t.Fatalf("no hint of %q", id)
			}
		}
	}
	commit(t, b, &delivery.Batch{Publish: []delivery.Publication{publication("r")}})
	hear(a, "e")

	e, err := a.Endpoint(t.Context(), "e")
	if err != nil {
		t.Fatal(err)
	}
	renew(t, a)
	if _, err := a.UpdateEndpoint(t.Context(), e, delivery.Audit{}); err != nil {
		t.Fatal(err)
	}
	hear(b, "e")
	if got := renew(t, a).Changed; len(got) != 0 {
		t.Errorf("the node that changed it is told that %v changed", got)
	}
	if diff := cmp.Diff([]string{"e"}, renew(t, b).Changed); diff != "" {
		t.Errorf("what changed (-want +got):\n%s", diff)
	}
	if got := renew(t, b).Changed; len(got) != 0 {
		t.Errorf("told twice that %v changed", got)
	}
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	hear(b, "")
	if c := claim(t, b, 10); len(c) != 1 {
		t.Errorf("claimed %v after the owner left, want e", c)
	}
}

// An engine that never hears of a claim must get it later.
func TestAClaimWhoseAnswerIsLost(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "e", "r", false)
	commit(t, s, &delivery.Batch{Publish: []delivery.Publication{publication("r")}})
	s.known = map[string]int64{}
	s.doubt()
	if c := claim(t, s, 10); len(c) != 1 || c[0].EndpointID != "e" {
		t.Errorf("claimed %v, want e", c)
	}
	if c := claim(t, s, 10); len(c) != 0 {
		t.Errorf("claimed %v twice", c)
	}
}

// While one node publishes, another delivers and gives up the endpoint as soon as it
// looks idle. Nothing may be left that nobody would claim.
func TestGivingUpLosesNoWork(t *testing.T) {
	for _, ordered := range []bool{false, true} {
		t.Run("ordered="+strconv.FormatBool(ordered), func(t *testing.T) {
			url := database(t)
			a, b := open(t, url), open(t, url)
			if _, err := a.Join(t.Context(), "a", false); err != nil {
				t.Fatal(err)
			}
			join(t, b)
			endpoint(t, a, "e1", "r", ordered)
			endpoint(t, a, "e2", "r", ordered)
			const publishers, each = 4, 150
			var all sync.WaitGroup
			done := make(chan struct{})
			for range publishers {
				all.Go(func() {
					for range each {
						if _, err := a.Commit(context.Background(), &delivery.Batch{Publish: []delivery.Publication{publication("r")}}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			go func() { all.Wait(); close(done) }()
			delivered, given := 0, 0
			for last := false; ; {
				claims, err := b.Claim(t.Context(), 10)
				if err != nil {
					t.Fatal(err)
				}
				var batch delivery.Batch
				for _, c := range claims {
					due, err := b.Due(t.Context(), delivery.DueQuery{EndpointID: c.EndpointID, Ordered: ordered, Limit: 5})
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range due.Deliveries {
						batch.Outcomes = append(batch.Outcomes, outcome(delivery.Ref{ID: d.Delivery.ID, EndpointID: c.EndpointID, Epoch: c.Epoch}, 1, delivery.Delivered))
					}
				}
				batch.Release = claims
				for _, late := range commit(t, b, &batch).Late {
					if late {
						t.Error("late")
					}
				}
				delivered, given = delivered+len(batch.Outcomes), given+len(claims)
				if last && len(claims) == 0 {
					break
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
			if delivered != 2*publishers*each {
				t.Errorf("delivered %d of %d, with %d claims", delivered, 2*publishers*each, given)
			}
			if n := scan[int](t, b, "SELECT count(*) FROM runhooks.queues"); n != 0 {
				t.Errorf("%d endpoints without work still have a queue", n)
			}
		})
	}
}

// Ordered deliveries become visible in the order of their ids, so that a reader that
// goes on after the last one misses none.
func TestOrderedDeliveriesAppearInOrder(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "e", "r", true)
	const publishers, each = 4, 100
	var all sync.WaitGroup
	for range publishers {
		all.Go(func() {
			for range each {
				if _, err := s.Commit(context.Background(), &delivery.Batch{Publish: []delivery.Publication{publication("r")}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	seen, after := 0, int64(0)
	for last := false; ; {
		due, err := s.Due(t.Context(), delivery.DueQuery{EndpointID: "e", Ordered: true, After: after, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due.Deliveries {
			seen, after = seen+1, d.Delivery.ID
		}
		if last && len(due.Deliveries) == 0 {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	if seen != publishers*each {
		t.Errorf("a reader that goes on after the last saw %d of %d", seen, publishers*each)
	}
}

// Backends die while events are published, and the publications are committed again.
func TestTerminatedBackendsLoseNothing(t *testing.T) {
	url := database(t)
	s, killer := open(t, url), open(t, url)
	join(t, s)
	endpoint(t, s, "e", "r", false)
	// Each publication meets one kill, at any time during its commit. More of them
	// could keep a slow machine from ever committing.
	began := make(chan struct{})
	var kills int
	var killing sync.WaitGroup
	killing.Go(func() {
		for range began {
			var n int
			err := killer.pool.QueryRow(context.Background(), `SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) p`).Scan(&n)
			if err != nil && !strings.Contains(err.Error(), "57P01") {
				t.Error(err)
			}
			kills += n
		}
	})
	const total = 60
	var errs int
	var refs []int64
	for range total {
		b := &delivery.Batch{Publish: []delivery.Publication{publication("r")}}
		began <- struct{}{}
		for start := time.Now(); ; {
			c, err := s.Commit(t.Context(), b)
			if err == nil {
				refs = append(refs, c.Published[0].Deliveries[0].ID)
				break
			}
			errs++
			if time.Since(start) > patience {
				t.Fatal(err)
			}
		}
	}
	close(began)
	killing.Wait()
	if kills == 0 {
		t.Fatal("no backend was terminated")
	}
	slices.Sort(refs)
	if n := scan[int](t, killer, "SELECT count(*) FROM runhooks.pending"); n != total || len(slices.Compact(refs)) != total {
		t.Errorf("%d deliveries, %d refs; want %d of both (%d backends terminated, %d errors)", n, len(refs), total, kills, errs)
	}
	t.Logf("%d backends terminated, %d errors", kills, errs)
}

func TestOldDaysAreDropped(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "e", "r", false)
	var batch delivery.Batch
	for range 3 {
		batch.Publish = append(batch.Publish, publication("r"))
	}
	var refs []delivery.Ref
	for _, p := range commit(t, s, &batch).Published {
		refs = append(refs, p.Deliveries...)
	}
	commit(t, s, &delivery.Batch{Outcomes: []delivery.Outcome{outcome(refs[0], 1, delivery.Delivered), outcome(refs[1], 1, delivery.Delivered)}})

	// Ten days ago, all of this happened, but for the end of the second delivery.
	exec(t, s, "SELECT runhooks.shelve(runhooks.today() - 10)")
	exec(t, s, "UPDATE runhooks.events SET day = runhooks.today() - 10")
	exec(t, s, "UPDATE runhooks.attempts SET day = runhooks.today() - 10")
	exec(t, s, "UPDATE runhooks.pending SET event_day = runhooks.today() - 10")
	exec(t, s, "UPDATE runhooks.finished SET event_day = runhooks.today() - 10")
	exec(t, s, "UPDATE runhooks.finished SET day = runhooks.today() - 10 WHERE id = $1", refs[0].ID)

	retain := func(r delivery.Retention) {
		t.Helper()
		for range 20 {
			n, err := s.Retain(t.Context(), r, 1)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				return
			}
		}
		t.Fatal("there is always more to remove")
	}
	const old = "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_' || to_char(runhooks.today() - 10, 'YYYYMMDD') AND relkind = 'r'"
	retain(delivery.Retention{Finished: 20 * 24 * time.Hour, MaxBytes: 1 << 40})
	if n := scan[int](t, s, old); n != 3 {
		t.Fatalf("%d partitions of a day that is kept, want 3", n)
	}
	retain(delivery.Retention{Finished: 9 * 24 * time.Hour})
	if n := scan[int](t, s, old); n != 0 {
		t.Errorf("%d partitions of a day that is over", n)
	}
	if _, err := s.Delivery(t.Context(), refs[0].ID); !errors.Is(err, delivery.ErrNotFound) {
		t.Errorf("the old delivery: %v, want ErrNotFound", err)
	}
	for _, r := range refs[1:] {
		d, err := s.Delivery(t.Context(), r.ID)
		if err != nil {
			t.Errorf("a delivery that is kept: %v", err)
		} else if _, err := s.Event(t.Context(), d.EventID); err != nil {
			t.Errorf("its event: %v", err)
		}
	}
	due, err := s.Due(t.Context(), delivery.DueQuery{EndpointID: "e", Limit: 9})
	if err != nil || len(due.Deliveries) != 1 {
		t.Errorf("due %+v, %v; want the delivery that is pending", due, err)
	}
	events, err := s.Events(t.Context(), delivery.EventFilter{}, delivery.Page{})
	if err != nil || len(events) != 2 {
		t.Errorf("%d events, %v; want 2", len(events), err)
	}
}
