package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/report"
)

func newPortalLink(s streams) *cobra.Command {
	o := &clientOptions{}
	var readOnly bool
	expires, session := period(5*time.Minute), period(8*time.Hour)
	cmd := &cobra.Command{
		Use:   "portal-link [flags] ROBOT",
		Short: "Make a link that opens a robot's settings in a browser",
		Long: `Portal-link prints a link that opens the settings and deliveries of one robot in a
browser, without a token. A platform gives it to its user. It opens once, for
--expires-in, and what it opens lasts for --session.

To revoke a link, or to end a session, find its id with runhooks tokens list, and
give it to runhooks tokens delete.` + clientHelp,
		Example: `  runhooks portal-link shop
  runhooks portal-link shop --read-only --expires-in 1h`,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			if args[0] == "" {
				return errors.New("which robot? Give its id")
			}
			body := service.PortalLinkCreate{ReadOnly: optional(readOnly), ExpiresIn: seconds(expires), Session: seconds(session)}
			link, raw, err := ask[service.PortalLink](c.CreatePortalLink(ctx, args[0], body))
			if err != nil {
				return err
			}
			if err := c.show(raw, func(b *strings.Builder) { fmt.Fprintln(b, report.Visible(link.URL, 1000)) }); err != nil {
				return err
			}
			c.next("give it to one person: it opens once, until %s; its id is %s", link.ExpiresAt.Local().Format("2006-01-02 15:04:05"), link.ID)
			return nil
		}),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&readOnly, "read-only", false, "allow no changes")
	flags.Var(&expires, "expires-in", "let the link expire after `PERIOD`, from 1m to 1d")
	flags.Var(&session, "session", "let the session that it opens last for `PERIOD`, from 5m to 7d")
	o.add(cmd)
	return cmd
}

// seconds returns a period as the service takes it.
func seconds(p period) *int {
	n := int(time.Duration(p).Seconds())
	return &n
}
