package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

// TestActivityByIndexes: no figure is found by reading a whole table.
func TestActivityByIndexes(t *testing.T) {
	s := open(t, database(t))
	for name, q := range map[string]struct {
		sql     string
		args    []any
		indexes []string
	}{
		"activityOf": {activityOf, []any{[]string{"e"}, 1000}, []string{"pending_due", "pending_ordered", "pending_held", "activity_pkey"}},
		"hoursOf":    {hoursOf, []any{[]string{"e"}}, []string{"activity_hours_pkey"}},
		"robots":     {robotsFrom + robotColumns, []any{"", 50}, []string{"endpoints_url", "robot_id_seq_idx"}},
		"one robot":  {oneRobot + robotColumns, []any{"r"}, []string{"robot_id_seq_idx"}},
		"robotHours": {robotHours, []any{[]string{"r"}}, []string{"activity_hours_pkey"}},
	} {
		rows, err := s.pool.Query(t.Context(), "EXPLAIN "+q.sql, q.args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s reads a whole table:\n%s", name, plan)
		}
		for _, index := range q.indexes {
			if !strings.Contains(plan, index) {
				t.Errorf("%s doesn't use %s:\n%s", name, index, plan)
			}
		}
	}
}

// TestActivityOfDeletedEndpointsGoes: the rows go when no node can be counting any more.
func TestActivityOfDeletedEndpointsGoes(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "gone", "r", false)
	endpoint(t, s, "kept", "r", false)
	now := time.Now().UTC()
	var tallies []delivery.Tally
	for _, id := range []string{"gone", "kept"} {
		tallies = append(tallies, delivery.Tally{
			EndpointID: id, Hour: now.Truncate(time.Hour), Counts: delivery.Counts{Succeeded: 1}, LastSuccess: now, LastAttempt: now,
		})
	}
	if err := s.AddActivity(t.Context(), tallies); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteEndpoint(t.Context(), "gone", 0, delivery.Audit{}); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		if _, err := s.Settle(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		return scan[string](t, s, `SELECT string_agg(endpoint_id, ' ' ORDER BY endpoint_id) FROM
			(SELECT endpoint_id FROM runhooks.activity UNION ALL SELECT endpoint_id FROM runhooks.activity_hours) a`)
	}
	if got := left(); got != "gone gone kept kept" {
		t.Errorf("at first there are rows of %s", got)
	}
	exec(t, s, "UPDATE runhooks.endpoints SET settle_until = now() WHERE settle_until IS NOT NULL")
	if got := left(); got != "kept kept" {
		t.Errorf("a minute later there are rows of %s", got)
	}
}

// TestDeletedEndpointsAreSettledForAWhile: a publication that read the endpoint before it
// was deleted may commit its delivery after it was settled.
func TestDeletedEndpointsAreSettledForAWhile(t *testing.T) {
	s := open(t, database(t))
	join(t, s)
	endpoint(t, s, "gone", "r", false)
	r := commit(t, s, &delivery.Batch{Publish: []delivery.Publication{publication("r")}}).Published[0].Deliveries[0]
	exec(t, s, "CREATE TABLE late AS SELECT * FROM runhooks.pending")
	exec(t, s, "DELETE FROM runhooks.pending")
	if err := s.DeleteEndpoint(t.Context(), "gone", 0, delivery.Audit{}); err != nil {
		t.Fatal(err)
	}
	settle := func() {
		if _, err := s.Settle(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	exec(t, s, "INSERT INTO runhooks.pending SELECT * FROM late")
	settle()
	if d, err := s.Delivery(t.Context(), r.ID); err != nil || d.State != delivery.Cancelled {
		t.Errorf("the delivery is %+v, %v", d, err)
	}
}

// BenchmarkActivity is of 500 endpoints of one robot with 10,000 deliveries and a day of
// counts, among 1,000 robots with events in 32 days.
func BenchmarkActivity(b *testing.B) {
	s := open(b, database(b))
	join(b, s)
	exec(b, s, "SELECT runhooks.shelve(runhooks.today() - d) FROM generate_series(2, 31) d")
	exec(b, s, `INSERT INTO runhooks.events (seq, id, day, type, robot_id, run_id, at, operational, traceparent, body)
		SELECT nextval('runhooks.events_seq'), 'evt_' || r || '_' || d, runhooks.today() - d, 'run_completed', 'robot' || r, 'run', now() - d * interval '1 day', false, '', '{}'
		FROM generate_series(31, 0, -1) d, generate_series(1, 1000) r`)
	now := time.Now().UTC()
	var ids []string
	var tallies []delivery.Tally
	for i := range 500 {
		ids = append(ids, fmt.Sprintf("endpoint%03d", i))
		endpoint(b, s, ids[i], "robot1", false)
		for hour := range 24 {
			at := now.Add(-time.Duration(hour) * time.Hour)
			tallies = append(tallies, delivery.Tally{
				EndpointID: ids[i], Hour: at.Truncate(time.Hour), Counts: delivery.Counts{Succeeded: 10, Failed: 1}, LastSuccess: at, LastAttempt: at,
			})
		}
	}
	if err := s.AddActivity(b.Context(), tallies); err != nil {
		b.Fatal(err)
	}
	for range 20 {
		commit(b, s, &delivery.Batch{Publish: []delivery.Publication{publication("robot1")}})
	}
	exec(b, s, "ANALYZE")
	b.Run("endpoints", func(b *testing.B) {
		for b.Loop() {
			if found, err := s.Activity(b.Context(), ids); err != nil || len(found) != 500 || found[ids[7]].Waiting != 20 {
				b.Fatalf("%d found, %v", len(found), err)
			}
		}
	})
	b.Run("robots", func(b *testing.B) {
		for b.Loop() {
			robots, err := s.Robots(b.Context(), delivery.RobotFilter{Limit: 50})
			if err != nil || len(robots) != 50 || robots[0].Hours[7].Succeeded != 5000 || robots[49].LastEvent.IsZero() {
				b.Fatalf("%+v, %v", robots, err)
			}
		}
	})
}
