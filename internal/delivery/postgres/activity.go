package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/runhooks/runhooks/internal/delivery"
)

// AddActivity takes the locks of rows in the order of their keys, as other nodes do.
func (s *Store) AddActivity(ctx context.Context, tallies []delivery.Tally) error {
	n := len(tallies)
	if n == 0 {
		return nil
	}
	var (
		endpoints = make([]string, n)
		hours     = make([]time.Time, n)
		succeeded = make([]int64, n)
		failures  = make([]int64, n)
		successes = make([]*time.Time, n)
		attempts  = make([]time.Time, n)
	)
	for i := range tallies {
		t := &tallies[i]
		endpoints[i], hours[i], succeeded[i], failures[i] = t.EndpointID, t.Hour, t.Succeeded, t.Failed
		successes[i], attempts[i] = orNull(t.LastSuccess), t.LastAttempt
	}
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO runhooks.activity_hours AS h (endpoint_id, hour, succeeded, failed)
		SELECT e.id, t.hour, sum(t.succeeded)::bigint, sum(t.failed)::bigint FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::bigint[])
			AS t(endpoint_id, hour, succeeded, failed) JOIN runhooks.endpoints e ON e.id = t.endpoint_id AND e.deleted_at IS NULL
		GROUP BY e.id, t.hour ORDER BY e.id, t.hour
		ON CONFLICT (endpoint_id, hour) DO UPDATE SET succeeded = h.succeeded + excluded.succeeded, failed = h.failed + excluded.failed`,
		endpoints, hours, succeeded, failures)
	b.Queue(`INSERT INTO runhooks.activity AS a (endpoint_id, last_success_at, last_attempt_at)
		SELECT e.id, max(t.success), max(t.attempt) FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[])
			AS t(endpoint_id, success, attempt) JOIN runhooks.endpoints e ON e.id = t.endpoint_id AND e.deleted_at IS NULL
		GROUP BY e.id ORDER BY e.id
		ON CONFLICT (endpoint_id) DO UPDATE SET last_success_at = greatest(a.last_success_at, excluded.last_success_at),
			last_attempt_at = greatest(a.last_attempt_at, excluded.last_attempt_at)`, endpoints, successes, attempts)
	return failed("add activity", s.pool.SendBatch(ctx, b).Close())
}

const (
	activityOf = `SELECT e.id, now(),
			(SELECT count(*) FROM (SELECT FROM runhooks.pending p WHERE p.endpoint_id = e.id AND p.state = 'pending' AND NOT p.ordered LIMIT $2) p),
			(SELECT count(*) FROM (SELECT FROM runhooks.pending p WHERE p.endpoint_id = e.id AND p.state = 'pending' AND p.ordered LIMIT $2) p),
			(SELECT count(*) FROM (SELECT FROM runhooks.pending p WHERE p.endpoint_id = e.id AND p.state = 'held' LIMIT $2) p),
			a.last_success_at, a.last_attempt_at,
			coalesce(h.failures, 0), h.failing_since, h.not_before, coalesce(h.opened, 0), coalesce(h.told, false)
		FROM unnest($1::text[]) AS i(id) JOIN runhooks.endpoints e ON e.id = i.id AND e.deleted_at IS NULL
		LEFT JOIN runhooks.activity a ON a.endpoint_id = e.id LEFT JOIN runhooks.health h ON h.endpoint_id = e.id`
	hoursOf    = "SELECT e.id, h.hour, h.succeeded, h.failed FROM unnest($1::text[]) AS e(id) CROSS JOIN LATERAL " + recent + " h"
	robotHours = `SELECT e.robot_id, h.hour, sum(h.succeeded)::bigint, sum(h.failed)::bigint
		FROM runhooks.endpoints e CROSS JOIN LATERAL ` + recent + ` h
		WHERE e.robot_id = ANY ($1) AND e.deleted_at IS NULL GROUP BY e.robot_id, h.hour`
	// By OFFSET, it is asked for each endpoint, and never for all that there are.
	recent = `(SELECT hour, succeeded, failed FROM runhooks.activity_hours
		WHERE endpoint_id = e.id AND hour > now() - interval '1 day' OFFSET 0)`

	// robotsFrom goes from one robot to the next, by indexes, instead of looking at
	// all that there is of each.
	robotsFrom = `WITH RECURSIVE r (id, n) AS (
		SELECT ` + robotAfter + `, 1::bigint FROM (SELECT $1::text COLLATE "C" AS id) r
		UNION ALL
		SELECT ` + robotAfter + `, n + 1 FROM r WHERE id IS NOT NULL AND n < $2
	) `
	robotAfter = `least(
		(SELECT e.robot_id FROM runhooks.endpoints e WHERE e.robot_id > r.id AND e.deleted_at IS NULL ORDER BY e.robot_id LIMIT 1),
		(SELECT e.robot_id FROM runhooks.events e WHERE e.robot_id > r.id AND NOT e.operational ORDER BY e.robot_id LIMIT 1))`
	oneRobot     = `WITH r (id) AS (SELECT $1::text COLLATE "C") `
	robotColumns = `SELECT r.id, now(),
		(SELECT count(*) FROM runhooks.endpoints e WHERE e.robot_id = r.id AND e.deleted_at IS NULL),
		(SELECT e.at FROM runhooks.events e WHERE e.robot_id = r.id AND NOT e.operational ORDER BY e.seq DESC LIMIT 1)
		FROM r WHERE r.id IS NOT NULL ORDER BY r.id`
)

func (s *Store) Activity(ctx context.Context, endpoints []string) (map[string]delivery.Activity, error) {
	found := make(map[string]delivery.Activity, len(endpoints))
	var now time.Time
	b := &pgx.Batch{}
	b.Queue(activityOf, endpoints, delivery.CountMost).Query(func(rows pgx.Rows) error {
		var id string
		var plain, ordered, held int64
		var success, attempt, since, before *time.Time
		var h delivery.Health
		_, err := pgx.ForEachRow(rows, []any{&id, &now, &plain, &ordered, &held, &success, &attempt, &h.Failures, &since, &before, &h.Opened, &h.Told}, func() error {
			h.FailingSince, h.NotBefore = given(since), given(before)
			found[id] = delivery.Activity{
				Waiting: min(plain+ordered, delivery.CountMost), Held: held, LastSuccess: given(success), LastAttempt: given(attempt), Health: h,
			}
			return nil
		})
		return err
	})
	b.Queue(hoursOf, endpoints).Query(func(rows pgx.Rows) error {
		return eachHour(rows, func(id string, hour time.Time, n delivery.Counts) {
			if a, ok := found[id]; ok {
				a.Hours.Add(now, hour, n)
				found[id] = a
			}
		})
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, failed("activity", err)
	}
	return found, nil
}

// eachHour reads counts, each with the id that it is of.
func eachHour(rows pgx.Rows, each func(id string, hour time.Time, n delivery.Counts)) error {
	var id string
	var hour time.Time
	var n delivery.Counts
	_, err := pgx.ForEachRow(rows, []any{&id, &hour, &n.Succeeded, &n.Failed}, func() error {
		each(id, hour, n)
		return nil
	})
	return err
}

func (s *Store) Robots(ctx context.Context, f delivery.RobotFilter) ([]delivery.Robot, error) {
	query, args := robotsFrom, []any{f.After, most(f.Limit)}
	if f.RobotID != "" {
		query, args = oneRobot, []any{f.RobotID}
	}
	var now time.Time
	rows, err := s.pool.Query(ctx, query+robotColumns, args...)
	page, err := list("robots", rows, err, func(r pgx.CollectableRow) (delivery.Robot, error) {
		var robot delivery.Robot
		var last *time.Time
		err := r.Scan(&robot.ID, &now, &robot.Endpoints, &last)
		robot.LastEvent = given(last)
		return robot, err
	})
	if err != nil || len(page) == 0 {
		return nil, err
	}
	place := make(map[string]int, len(page))
	ids := make([]string, len(page))
	for i := range page {
		ids[i], place[page[i].ID] = page[i].ID, i
	}
	rows, err = s.pool.Query(ctx, robotHours, ids)
	if err == nil {
		err = eachHour(rows, func(id string, hour time.Time, n delivery.Counts) { page[place[id]].Hours.Add(now, hour, n) })
	}
	return page, failed("robots", err)
}
