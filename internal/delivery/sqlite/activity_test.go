package sqlite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
)

// TestActivityByIndexes: no figure is found by reading a whole table.
func TestActivityByIndexes(t *testing.T) {
	s := open(t, t.TempDir(), sqlite.Options{})
	plans, err := s.ActivityPlans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	searches := 0
	for name, plan := range plans {
		for _, step := range plan {
			switch {
			case strings.HasPrefix(step, "SEARCH "):
				searches++
			case strings.HasPrefix(step, "SCAN (subquery"), step == "SCAN CONSTANT ROW", step == "SCAN counters": // of one row
			case strings.HasPrefix(step, "SCAN "):
				t.Errorf("%s: %s", name, step)
			}
		}
	}
	if searches < 12 {
		t.Errorf("there are %d searches in %q", searches, plans)
	}
}

// TestEraseForgetsARobot: of an erased robot no row is left, unless it got another event
// while it was being erased.
func TestEraseForgetsARobot(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again=%v", again), func(t *testing.T) {
			s := open(t, t.TempDir(), sqlite.Options{})
			robot(t, s)
			if _, err := publish(t.Context(), s, "run", 100, 10); err != nil {
				t.Fatal(err)
			}
			if err := s.AddActivity(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.CreateJob(t.Context(), delivery.Job{Kind: delivery.Erase, RobotID: "robot"}, delivery.Audit{}); err != nil {
				t.Fatal(err)
			}
			for steps := 0; ; steps++ {
				if _, err := s.WorkOn(t.Context(), 20); errors.Is(err, delivery.ErrNotFound) {
					if steps < 3 {
						t.Fatalf("it is erased in %d steps", steps)
					}
					break
				} else if err != nil {
					t.Fatal(err)
				}
				if again && steps == 1 {
					if _, err := publish(t.Context(), s, "later", 1, 10); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.AddActivity(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
			}
			left := 0
			if err := s.Dump(t.Context(), func(table string, value any) {
				if table == "robots" && value == "robot" {
					left++
				}
			}); err != nil {
				t.Fatal(err)
			}
			robots, err := s.Robots(t.Context(), delivery.RobotFilter{RobotID: "robot"})
			if err != nil {
				t.Fatal(err)
			}
			if known := !robots[0].LastEvent.IsZero(); known != again || (left == 1) != again {
				t.Errorf("the robot is %+v, and has %d rows", robots[0], left)
			}
		})
	}
}

// BenchmarkActivity is of 500 endpoints of one robot with 10,000 deliveries and a day of
// counts, as a list of endpoints or of robots asks for it.
func BenchmarkActivity(b *testing.B) {
	s, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	now := time.Now().UTC()
	var ids []string
	var tallies []delivery.Tally
	for i := range 500 {
		e, err := s.CreateEndpoint(b.Context(), delivery.Endpoint{
			ID: fmt.Sprintf("01940000-0000-7000-8000-%012d", i), RobotID: "robot", URL: fmt.Sprintf("https://example.com/%d", i),
			State: delivery.Active,
		}, delivery.Audit{})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, e.ID)
		for hour := range 24 {
			at := now.Add(-time.Duration(hour) * time.Hour)
			tallies = append(tallies, delivery.Tally{
				EndpointID: e.ID, Hour: at.Truncate(time.Hour), Counts: delivery.Counts{Succeeded: 10, Failed: 1}, LastSuccess: at, LastAttempt: at,
			})
		}
	}
	for i := range 20 {
		if _, err := s.Commit(b.Context(), &delivery.Batch{Publish: []delivery.Publication{{Event: delivery.Event{
			ID: fmt.Sprintf("evt_%026d", i), Type: "run_completed", RobotID: "robot", RunID: "run", At: now, Body: []byte(`{}`),
		}}}}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.AddActivity(b.Context(), tallies); err != nil {
		b.Fatal(err)
	}
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
			if err != nil || len(robots) != 1 || robots[0].Hours[7].Succeeded != 5000 {
				b.Fatalf("%+v, %v", robots, err)
			}
		}
	})
}
