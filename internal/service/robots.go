package service

import (
	"context"

	api "github.com/runhooks/runhooks/gen/service"
)

func (s *server) ListRobots(ctx context.Context, r api.ListRobotsRequestObject) (api.ListRobotsResponseObject, error) {
	return api.ListRobots200JSONResponse{Items: []api.Robot{}}, nil
}
