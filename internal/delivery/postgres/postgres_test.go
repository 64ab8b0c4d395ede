package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

// server is the URL of a database server to test with.
func server(tb testing.TB) string {
	tb.Helper()
	url := os.Getenv("POSTGRES_URL")
	if url == "" {
		if os.Getenv("REQUIRE_ALL") != "" {
			tb.Fatal("POSTGRES_URL is not set: run this with scripts/postgres.sh")
		}
		tb.Skip("POSTGRES_URL is not set: run this with scripts/postgres.sh")
	}
	return url
}

// database makes an empty database, and returns its URL.
func database(tb testing.TB) string {
	tb.Helper()
	ctx := context.Background()
	config, err := pgx.ParseConfig(server(tb))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close(ctx)
	name := fmt.Sprintf("test_%x", rand.Text())
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			tb.Fatal(err)
		}
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return fmt.Sprintf("host=%s port=%d user=%s password='%s' dbname=%s", config.Host, config.Port, config.User, config.Password, name)
}

func open(tb testing.TB, url string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	s.ttl = time.Minute // so that a slow machine doesn't lose it
	tb.Cleanup(func() { s.Close() })
	return s
}

func join(tb testing.TB, s *Store) delivery.Lease {
	tb.Helper()
	l, err := s.Join(tb.Context(), "node", true)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func endpoint(tb testing.TB, s *Store, id, robot string, ordered bool) delivery.Endpoint {
	tb.Helper()
	e, err := s.CreateEndpoint(tb.Context(), delivery.Endpoint{
		ID: id, RobotID: robot, URL: "https://example.com/" + id, State: delivery.Active, MaxAttempts: 3,
		Delays: []time.Duration{time.Second}, Timeout: time.Second, MaxInFlight: 8, Ordered: ordered,
	}, delivery.Audit{Actor: "tok_1", Action: "endpoint.create", Subject: id, RobotID: robot})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func publication(robot string) delivery.Publication {
	return delivery.Publication{Event: delivery.Event{
		ID: fmt.Sprintf("evt_%016x%s", time.Now().UnixNano(), rand.Text()[:10]), Type: "run_completed", RobotID: robot, RunID: "run", At: time.Now().Truncate(time.Millisecond),
		Body: []byte(`{"event_type":"run_completed","data":{}}`),
	}}
}

func commit(tb testing.TB, s *Store, b *delivery.Batch) *delivery.Committed {
	tb.Helper()
	done, err := s.Commit(tb.Context(), b)
	if err != nil {
		tb.Fatal(err)
	}
	return done
}

func outcome(r delivery.Ref, n int, state delivery.State) delivery.Outcome {
	return delivery.Outcome{
		EndpointID: r.EndpointID, Epoch: r.Epoch, State: state, Round: n,
		Attempt: delivery.Attempt{DeliveryID: r.ID, N: n, At: time.Now(), Outcome: "accepted", Status: 200, Node: "node"},
	}
}

func TestFromPublishingToTheRecord(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "e1", "r1", false)
	done := commit(t, s, &delivery.Batch{Publish: []delivery.Publication{publication("r1"), publication("nobody")}})
	refs := done.Published[0].Deliveries
	if len(refs) != 1 || !refs[0].Owned || refs[0].Claim == nil || len(done.Published[1].Deliveries) != 0 {
		t.Fatalf("published %+v", done.Published)
	}
	due, err := s.Due(t.Context(), delivery.DueQuery{EndpointID: "e1", Limit: 10})
	if err != nil || len(due.Deliveries) != 1 || due.More {
		t.Fatalf("due %+v, %v", due, err)
	}
	done = commit(t, s, &delivery.Batch{Outcomes: []delivery.Outcome{outcome(refs[0], 1, delivery.Delivered)}})
	if done.Late[0] {
		t.Error("the owner's outcome is late")
	}
	d, err := s.Delivery(t.Context(), refs[0].ID)
	if err != nil || d.State != delivery.Delivered || d.Attempts != 1 {
		t.Errorf("delivery %+v, %v", d, err)
	}
	if _, err := s.Stats(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Retain(t.Context(), delivery.Retention{Finished: time.Hour, Held: time.Hour, Audit: time.Hour, Idempotency: time.Hour, MaxBytes: 1}, 100); err != nil {
		t.Error(err)
	}
	if err := s.Leave(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDeliveriesOfManyEndpoints: those of a robot are found whether its endpoints are
// looked at one by one, or are too many for that; of the operator's, only those that
// are about the robot.
func TestDeliveriesOfManyEndpoints(t *testing.T) {
	for _, endpoints := range []int{1, fewEndpoints + 5} {
		s := open(t, database(t))
		join(t, s)
		for i := range endpoints {
			endpoint(t, s, fmt.Sprint("e", i), "a", false)
		}
		endpoint(t, s, "other", "b", false)
		endpoint(t, s, "operator", "", false)
		about := func(robot string) delivery.Publication {
			p := publication(robot)
			p.Event.Operational = true
			return p
		}
		commit(t, s, &delivery.Batch{Publish: []delivery.Publication{publication("a"), about("a"), about("b"), publication("b")}})
		for robot, want := range map[string]int{"a": endpoints + 1, "b": 2, "c": 0} {
			found, err := s.Deliveries(t.Context(), delivery.DeliveryFilter{RobotID: robot}, delivery.Page{})
			if err != nil || len(found) != want {
				t.Errorf("with %d endpoints, %d deliveries of %s, want %d: %v", endpoints, len(found), robot, want, err)
			}
			for i, d := range found {
				if d.RobotID != robot || i > 0 && d.ID >= found[i-1].ID {
					t.Errorf("with %d endpoints, delivery %d of %s is %+v", endpoints, i, robot, d)
				}
			}
		}
	}
}
