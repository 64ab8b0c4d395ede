package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *Store) AddActivity(ctx context.Context, tallies []delivery.Tally) error {
	return s.do(ctx, "AddActivity", func(time.Time) error {
		for _, t := range tallies {
			e := s.db.endpoints[t.EndpointID]
			if e == nil || e.deleted {
				continue
			}
			n := e.hours[t.Hour]
			e.hours[t.Hour] = delivery.Counts{Succeeded: n.Succeeded + t.Succeeded, Failed: n.Failed + t.Failed}
			e.lastSuccess, e.lastAttempt = later(e.lastSuccess, t.LastSuccess), later(e.lastAttempt, t.LastAttempt)
		}
		return nil
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Store) Activity(_ context.Context, endpoints []string) (map[string]delivery.Activity, error) {
	found := map[string]delivery.Activity{}
	err := s.locked(func(now time.Time) error {
		for _, id := range endpoints {
			e := s.db.endpoints[id]
			if e == nil || e.deleted {
				continue
			}
			a := delivery.Activity{LastSuccess: e.lastSuccess, LastAttempt: e.lastAttempt, Health: e.health}
			for _, r := range e.open {
				n := &a.Waiting
				if r.State == delivery.Held {
					n = &a.Held
				}
				*n = min(*n+1, delivery.CountMost)
			}
			e.addHours(&a.Hours, now)
			found[id] = a
		}
		return nil
	})
	return found, err
}

func (e *endpoint) addHours(to *delivery.Hours, now time.Time) {
	for hour, n := range e.hours {
		to.Add(now, hour, n)
	}
}

func (s *Store) Robots(_ context.Context, f delivery.RobotFilter) (page []delivery.Robot, err error) {
	err = s.locked(func(now time.Time) error {
		robots := map[string]*delivery.Robot{}
		robot := func(id string) *delivery.Robot {
			if robots[id] == nil {
				robots[id] = &delivery.Robot{ID: id}
			}
			return robots[id]
		}
		for _, e := range s.db.endpoints {
			if e.RobotID != "" && !e.deleted {
				r := robot(e.RobotID)
				r.Endpoints++
				e.addHours(&r.Hours, now)
			}
		}
		for _, e := range s.db.bySeq {
			if !e.Operational {
				r := robot(e.RobotID)
				r.LastEvent = later(r.LastEvent, e.At)
			}
		}
		if f.RobotID != "" {
			page = []delivery.Robot{*robot(f.RobotID)}
			return nil
		}
		for _, id := range slices.Sorted(maps.Keys(robots)) {
			if id > f.After && (f.Limit <= 0 || len(page) < f.Limit) {
				page = append(page, *robots[id])
			}
		}
		return nil
	})
	return page, err
}
