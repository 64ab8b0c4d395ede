package cli

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
)

func newRobots(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot string
	var limit int
	cmd := &cobra.Command{
		Use:   "robots [flags]",
		Short: "List robots, and how well their events arrive",
		Long: `Robots lists the robots that have endpoints or events, in the order of their ids.
SUCCESS 24H is how many of the attempts of the last 24 hours, at all endpoints of
the robot, were accepted.` + clientHelp,
		Example: `  runhooks robots
  runhooks robots --robot shop --json`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListRobotsParams{RobotID: optional(robot)}
		now := time.Now()
		return list[service.Robot]{
			many:    "robots",
			heading: []string{"ROBOT", "ENDPOINTS", "LAST EVENT", "SUCCESS 24H"},
			row: func(r service.Robot) []cell {
				return plain(r.ID, fmt.Sprint(r.Endpoints), agoText(value(r.LastEventAt), now), successText(r.Hours))
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListRobots(ctx, &p)
			},
		}.show(c, limit)
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&robot, "robot", "", "only the robot `ID`, even if there is nothing of it yet")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

// successText returns which part of the attempts of some hours succeeded, rounded down,
// or nothing if there were none.
func successText(hours []service.AttemptCounts) string {
	var succeeded, all int64
	for _, h := range hours {
		succeeded += h.Succeeded
		all += h.Succeeded + h.Failed
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%g%% of %d", math.Floor(1000*float64(succeeded)/float64(all))/10, all)
}
