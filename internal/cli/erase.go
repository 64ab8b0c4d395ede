package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/report"
)

func newErase(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot, run string
	var yes, detach bool
	cmd := &cobra.Command{
		Use:   "erase [flags] --robot ID [--run ID]",
		Short: "Erase what is stored of a robot or a run",
		Long: `Erase removes all events of a robot, or of one of its runs, with their deliveries and
attempts, finished or not. It can't be undone. Endpoints, tokens and the audit log
stay, and so do backups.

On a terminal it asks first; elsewhere it needs --yes. The service erases in steps.
The command shows how far it is; interrupting it doesn't stop the service.` + clientHelp,
		Example: `  runhooks erase --robot shop --run 4711
  runhooks erase --robot shop --yes`,
		Args: cobra.NoArgs,
		RunE: o.command(s, func(ctx context.Context, c *client, _ []string) error {
			if robot == "" {
				return errors.New("of which robot? Give --robot")
			}
			if !yes {
				what := "the robot " + robot
				if run != "" {
					what = "the run " + run + " of " + what
				}
				if err := s.confirm("Erase all events of " + what + "? This can't be undone."); err != nil {
					return err
				}
			}
			job, raw, err := ask[service.Job](c.CreateErasure(ctx, service.Erasure{RobotID: robot, RunID: optional(run)}))
			if err != nil {
				return err
			}
			return c.follow(ctx, job, raw, detach, func(n int64) string { return number(int(n), "event") + " erased" })
		}),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&robot, "robot", "", "erase what is stored of the robot `ID`")
	flags.StringVar(&run, "run", "", "only of its run `ID`")
	flags.BoolVar(&yes, "yes", false, "don't ask")
	flags.BoolVar(&detach, "detach", false, "don't wait until it is done")
	o.add(cmd)
	return cmd
}

// confirm asks a question on a terminal. Its error is nil if the answer is yes.
func (s streams) confirm(question string) error {
	if f, ok := s.in.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return errors.New("this can't be undone: give --yes")
	}
	fmt.Fprintf(s.err, "%s [y/N] ", report.Visible(question, 1000))
	answer, _ := bufio.NewReader(s.in).ReadString('\n') // without one, it is no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return &exitError{exitUsage, "nothing was erased"}
}
