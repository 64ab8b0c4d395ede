package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/report"
)

func newInlets(s streams) *cobra.Command {
	cmd := group("inlets", "Take events from servers that can't be changed", `An inlet is a secret URL that takes events as today's servers send them: not signed,
without an id, and in payloads that deviate from the contract. Enter it as the
webhook's URL in the settings of such a server. What arrives is stored, and delivered
to the endpoints of its robot: signed, retried, and in the form that each asks for
(runhooks endpoints create --form). What arrives twice is delivered once.`,
		`  runhooks inlets create "our scrapers"
  runhooks inlets create prices --robot shop --zone Europe/Berlin --locale de-DE
  runhooks inlets list
  runhooks inlets rotate inl_…`)
	cmd.AddCommand(newInletsCreate(s), newInletsList(s), newInletsShow(s), newInletsUpdate(s), newInletsRotate(s), newInletsDelete(s))
	return cmd
}

// serverTimes are the flags of how a server writes run times.
type serverTimes struct{ zone, locale string }

func (t *serverTimes) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.zone, "zone", "", "the server writes run times in `ZONE`, such as Europe/Berlin; needs --locale")
	flags.StringVar(&t.locale, "locale", "", "the server writes run times as in `LOCALE`, such as de-DE")
	_ = cmd.RegisterFlagCompletionFunc("locale", completeLocale)
	_ = cmd.RegisterFlagCompletionFunc("zone", cobra.NoFileCompletions)
}

func newInletsCreate(s streams) *cobra.Command {
	o, t := &clientOptions{}, &serverTimes{}
	var robot string
	cmd := &cobra.Command{
		Use:   "create [flags] NAME",
		Short: "Create an inlet",
		Long: `Create adds an inlet, and prints it with its URL, which is not shown again. Whoever
has the URL can send events. NAME says which server sends to it.

With --robot, the events go to the endpoints of that robot, whatever robot they name.
Without, they go to those of the robot that each event names.

Servers write run times in their own zone and language, and don't say which. With
--zone and --locale the service can read them. Without these, an event can't be
delivered as documented, and its run times have no instant in the canonical form.` + clientHelp,
		Example: `  runhooks inlets create "our scrapers"
  runhooks inlets create prices --robot shop --zone Europe/Berlin --locale de-DE`,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			body := service.InletCreate{Name: args[0], RobotID: optional(robot), Zone: optional(t.zone), Locale: optional(t.locale)}
			inlet, raw, err := ask[service.Inlet](c.CreateInlet(ctx, body))
			return c.newURL(inlet, raw, err)
		}),
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&robot, "robot", "", "deliver the events to the endpoints of the robot `ID`, whatever robot they name")
	t.add(cmd)
	o.add(cmd)
	return cmd
}

// newURL shows an inlet whose URL is new, unless that failed with err, and what to do
// with it.
func (c *client) newURL(inlet service.Inlet, raw []byte, err error) error {
	if err != nil {
		return err
	}
	if err := c.show(raw, func(b *strings.Builder) { c.inlet(b, inlet) }); err != nil {
		return err
	}
	c.next("enter it as the webhook's URL in the settings of the server; or try it:\n"+
		"  runhooks trigger run_completed --as maxun%s --to %s", setRobot(inlet), report.Visible(value(inlet.URL), 1000))
	return nil
}

// setRobot is what makes an event of a robot that has endpoints, where the event has to
// say which.
func setRobot(inlet service.Inlet) string {
	if inlet.RobotID != nil {
		return ""
	}
	return " --set data.robot_id=ROBOT"
}

// inlet writes an inlet.
func (c *client) inlet(b *strings.Builder, i service.Inlet) {
	fmt.Fprintf(b, "%s\n", c.Paint(report.Bold, report.Visible(i.ID, maxCell)))
	robot, received := value(i.RobotID), momentText(i.LastReceivedAt)
	if robot == "" {
		robot = "the one that each event names"
	}
	if received == "" {
		received = "nothing yet"
	}
	times := "not read: give the zone and the locale of the server"
	if i.Zone != nil {
		times = value(i.Zone) + ", as in " + value(i.Locale)
	}
	writeFields(b, c.Terminal, [][2]string{
		{"name", i.Name}, {"robot", robot}, {"run times", times}, {"created", momentText(&i.CreatedAt)}, {"received", received},
	}...)
	if i.URL != nil { // it is secret, and nobody else has it
		fmt.Fprintf(b, "its URL, shown only now:\n  %s\n", report.Visible(*i.URL, 1000))
	}
}

func newInletsList(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot string
	var limit int
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List inlets",
		Long: `List shows inlets, in the order of their creation, without their URLs. RECEIVED is
when something last arrived.` + clientHelp,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListInletsParams{RobotID: optional(robot)}
		now := time.Now()
		return list[service.Inlet]{
			many:    "inlets",
			heading: []string{"ID", "ROBOT", "CREATED", "RECEIVED", "ZONE", "LOCALE", "NAME"},
			row: func(i service.Inlet) []cell {
				return plain(i.ID, value(i.RobotID), agoText(i.CreatedAt, now), agoText(value(i.LastReceivedAt), now), value(i.Zone), value(i.Locale), i.Name)
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListInlets(ctx, &p)
			},
		}.show(c, limit)
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&robot, "robot", "", "only those of the robot `ID`")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

func newInletsShow(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "show [flags] ID",
		Short: "Show an inlet",
		Long:  "Show prints an inlet, without its URL." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			inlet, raw, err := ask[service.Inlet](c.GetInlet(ctx, args[0]))
			if err != nil {
				return err
			}
			return c.show(raw, func(b *strings.Builder) { c.inlet(b, inlet) })
		}),
	}
	o.add(cmd)
	return cmd
}

func newInletsUpdate(s streams) *cobra.Command {
	o, t := &clientOptions{}, &serverTimes{}
	var name string
	cmd := &cobra.Command{
		Use:   "update [flags] ID",
		Short: "Change an inlet's name, or how its server writes times",
		Long: `Update changes the settings that are given, and no others. Its URL stays. A change
of --zone or --locale counts for events that arrive from now on; both empty are none.
For another robot, create another inlet.` + clientHelp,
		Example: `  runhooks inlets update inl_… --zone Europe/Berlin --locale de-DE
  runhooks inlets update inl_… --zone '' --locale ''`,
		Args: oneArg,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		members := make(map[string]any)
		for flag, v := range map[string]string{"name": name, "zone": t.zone, "locale": t.locale} {
			if !cmd.Flags().Changed(flag) {
				continue
			}
			members[flag] = v
			if v == "" {
				members[flag] = nil
			}
		}
		if len(members) == 0 {
			return errors.New("nothing to change: give --name, or --zone and --locale")
		}
		body, err := json.Marshal(members)
		if err != nil {
			return err
		}
		inlet, raw, err := ask[service.Inlet](c.UpdateInletWithBody(ctx, args[0], "application/merge-patch+json", bytes.NewReader(body)))
		if err != nil {
			return err
		}
		return c.show(raw, func(b *strings.Builder) { c.inlet(b, inlet) })
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&name, "name", "", "say in `TEXT` which server sends to it")
	t.add(cmd)
	o.add(cmd)
	return cmd
}

func newInletsRotate(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "rotate [flags] ID",
		Short: "Give an inlet another URL",
		Long: `Rotate is for a URL that leaked. The old one takes nothing from now on: what the
server sends there is lost, unless you enter the new one there before it gives up
retrying. To change a URL without a gap, create a second inlet, and delete the first
when nothing arrives there any more.` + clientHelp,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			inlet, raw, err := ask[service.Inlet](c.RotateInlet(ctx, args[0]))
			return c.newURL(inlet, raw, err)
		}),
	}
	o.add(cmd)
	return cmd
}

func newInletsDelete(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "delete [flags] ID",
		Short: "Delete an inlet",
		Long:  "Delete closes an inlet: its URL takes no further events. Those that it took are\ndelivered as before." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			_, _, err := ask[struct{}](c.DeleteInlet(ctx, args[0]))
			return c.deleted(args[0], err)
		}),
	}
	o.add(cmd)
	return cmd
}
