package service

import (
	"context"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
)

func (s *server) ListRobots(ctx context.Context, r api.ListRobotsRequestObject) (api.ListRobotsResponseObject, error) {
	robot, err := scope(callOf(ctx).bearer, r.Params.RobotID)
	if err != nil {
		return nil, err
	}
	after, err := cursorText(r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	limit := or(r.Params.Limit, defaultLimit)
	robots, err := s.store.Robots(ctx, delivery.RobotFilter{RobotID: robot, After: after, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	list := api.ListRobots200JSONResponse{Items: []api.Robot{}}
	if len(robots) > limit {
		robots = robots[:limit]
		list.Next = cursorOf(robots[limit-1].ID)
	}
	for i := range robots {
		list.Items = append(list.Items, api.Robot{
			ID: robots[i].ID, Endpoints: robots[i].Endpoints, LastEventAt: optional(robots[i].LastEvent), Hours: hoursOf(&robots[i].Hours),
		})
	}
	return list, nil
}

func hoursOf(h *delivery.Hours) []api.AttemptCounts {
	list := make([]api.AttemptCounts, len(h))
	for i, n := range h {
		list[i] = api.AttemptCounts{Succeeded: n.Succeeded, Failed: n.Failed}
	}
	return list
}

// activityOf returns the activity of an endpoint, or nil if it was deleted meanwhile.
func activityOf(activity map[string]delivery.Activity, endpointID string) *api.EndpointActivity {
	a, ok := activity[endpointID]
	if !ok {
		return nil
	}
	return &api.EndpointActivity{
		Waiting: a.Waiting, Held: a.Held, LastSuccessAt: optional(a.LastSuccess), LastAttemptAt: optional(a.LastAttempt),
		Hours: hoursOf(&a.Hours),
	}
}
