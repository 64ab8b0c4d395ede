package cli

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
)

func newDeliveries(s streams) *cobra.Command {
	cmd := group("deliveries", "Show what became of events, and retry them", `A delivery is one event to one endpoint. It has an attempt for each request that
was made.`,
		`  runhooks deliveries list --state exhausted --since 1d
  runhooks deliveries show dlv_17
  runhooks deliveries retry dlv_17`)
	cmd.AddCommand(newDeliveriesList(s), newDeliveriesShow(s))
	for name, ask := range map[string]func(*client, context.Context, string) (*http.Response, error){
		"retry": func(c *client, ctx context.Context, id string) (*http.Response, error) {
			return c.RetryDelivery(ctx, id)
		},
		"cancel": func(c *client, ctx context.Context, id string) (*http.Response, error) {
			return c.CancelDelivery(ctx, id)
		},
	} {
		cmd.AddCommand(newDeliveriesChange(s, name, ask))
	}
	return cmd
}

func newDeliveriesList(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot, endpoint, run, event, kind, state string
	var since, until instant
	var limit int
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List deliveries",
		Long:  "List shows deliveries, the newest first." + clientHelp,
		Example: `  runhooks deliveries list --robot shop
  runhooks deliveries list --state exhausted --since 1d --limit 0 --json`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListDeliveriesParams{
			RobotID: optional(robot), EndpointID: optional(endpoint), RunID: optional(run), EventID: optional(event),
			EventType: optional(service.EventType(kind)), State: optional(service.DeliveryState(state)), From: since.at, To: until.at,
		}
		now := time.Now()
		return list[service.Delivery]{
			many:    "deliveries",
			heading: []string{"ID", "STATE", "ATTEMPTS", "NEXT", "CREATED", "EVENT", "ROBOT", "RUN", "ENDPOINT"},
			row: func(d service.Delivery) []cell {
				due := ""
				if d.DueAt != nil {
					due = agoText(*d.DueAt, now)
				}
				row := plain(d.ID, string(d.State), fmt.Sprint(d.Attempts), due, agoText(d.CreatedAt, now),
					d.EventType, value(d.RobotID), value(d.RunID), d.EndpointID)
				row[1].style = stateStyle(string(d.State))
				return row
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListDeliveries(ctx, &p)
			},
		}.show(c, limit)
	})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&robot, "robot", "", "only those of the robot `ID`")
	flags.StringVar(&endpoint, "endpoint", "", "only those to the endpoint `ID`")
	flags.StringVar(&run, "run", "", "only those of the run `ID`")
	flags.StringVar(&event, "event", "", "only those of the event `ID`")
	wordVar(cmd, &kind, "type", "only those of events of this type", eventTypes...)
	wordVar(cmd, &state, "state", "only those in this state: pending, held, delivered, exhausted, cancelled or expired",
		"pending", "held", "delivered", "exhausted", "cancelled", "expired")
	flags.Var(&since, "since", "only those of events since `TIME`, such as 2026-01-02T15:04:05Z, or 3d for three days ago")
	flags.Var(&until, "until", "only those of events before `TIME`")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

func newDeliveriesShow(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "show [flags] ID",
		Short: "Show a delivery with each attempt",
		Long:  "Show prints a delivery, and the request and the answer of each attempt." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			detail, raw, err := ask[service.DeliveryDetail](c.GetDelivery(ctx, args[0]))
			if err != nil {
				return err
			}
			return c.show(raw, func(b *strings.Builder) {
				c.delivery(b, detail.Delivery)
				for _, attempt := range detail.Attempts {
					fmt.Fprintf(b, "\n%s  %s", c.Paint(report.Bold, fmt.Sprintf("attempt %d", attempt.Number)),
						c.Paint(report.Dim, momentText(&attempt.At)))
					if node := value(attempt.Node); node != "" {
						fmt.Fprintf(b, "%s", c.Paint(report.Dim, "  by "+report.Visible(node, maxCell)))
					}
					b.WriteByte('\n')
					c.attempt(b, attempt)
				}
			})
		}),
	}
	o.add(cmd)
	return cmd
}

// delivery writes a delivery.
func (c *client) delivery(b *strings.Builder, d service.Delivery) {
	fmt.Fprintf(b, "%s  %s  %s  %s\n", c.Paint(report.Bold, report.Visible(d.ID, maxCell)), c.Paint(stateStyle(string(d.State)), string(d.State)),
		report.Visible(d.EventType, maxCell), c.Paint(report.Dim, number(int(d.Attempts), "attempt")))
	ordered := ""
	if d.Ordered {
		ordered = "after the delivery before it"
	}
	writeFields(b, c.Terminal, [][2]string{
		{"event", d.EventID}, {"endpoint", d.EndpointID}, {"robot", value(d.RobotID)}, {"run", value(d.RunID)},
		{"created", momentText(&d.CreatedAt)}, {"next", momentText(d.DueAt)}, {"finished", momentText(d.FinishedAt)},
		{"reason", value(d.Reason)}, {"ordered", ordered},
	}...)
}

// attempt writes the request and the answer of an attempt.
func (c *client) attempt(b *strings.Builder, a service.Attempt) {
	mark, style := "✗", report.Red
	if a.Outcome == service.OutcomeAccepted {
		mark, style = "✓", report.Green
	}
	head := string(a.Outcome)
	if status := value(a.Status); status != 0 {
		head = strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	fmt.Fprintf(b, "%s %s  %s\n", c.Paint(style, mark), c.Paint(style, head), c.Paint(report.Dim, timesText(a)))
	if a.Error != nil {
		text := *a.Error
		if a.Phase != nil {
			text = "while " + *a.Phase + ": " + text
		}
		writeText(b, c.Terminal, "", text, maxAnswer)
	}
	if form := value(a.Form); form != "" && form != service.FormReceived || a.FormReason != nil {
		text := string(form)
		if a.FormReason != nil {
			text += ", and not as the endpoint asks: " + *a.FormReason
		}
		writeText(b, c.Terminal, "form:", text, 1000)
	}
	if a.Late {
		writeText(b, c.Terminal, "", "it ended after another node had taken over the endpoint, and changed nothing", maxAnswer)
	}
	fmt.Fprintf(b, "  POST %s\n", report.Visible(redact.URL(a.Request.URL), 1000))
	writeHeaders(b, c.Terminal, "> ", a.Request.Headers)
	if a.Answer == nil {
		return
	}
	writeHeaders(b, c.Terminal, "< ", a.Answer.Headers)
	if body := strings.TrimSpace(a.Answer.Body); body != "" {
		if a.Answer.Truncated {
			body += " …"
		}
		writeText(b, c.Terminal, "<", body, maxAnswer)
	}
}

// writeHeaders writes headers, one a line, in the order of their names.
func writeHeaders(b *strings.Builder, t report.Terminal, lead string, header map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, v := range header[name] {
			fmt.Fprintf(b, "  %s\n", t.Paint(report.Dim, report.Visible(redact.Text(lead+name+": "+v), maxAnswer)))
		}
	}
}

// timesText says how long the parts of an attempt took.
func timesText(a service.Attempt) string {
	took := func(us *int64) string { return tookText(time.Duration(value(us)) * time.Microsecond) }
	var parts []string
	for _, part := range []struct {
		name string
		us   *int64
	}{{"DNS", a.Timings.DNSUs}, {"connect", a.Timings.ConnectUs}, {"TLS", a.Timings.TLSUs}, {"first byte", a.Timings.FirstByteUs}} {
		if value(part.us) > 0 {
			parts = append(parts, part.name+" "+took(part.us))
		}
	}
	if value(a.Request.Reused) {
		parts = append(parts, "connection reused")
	}
	text := string(a.Outcome) + " in "
	if a.Status == nil {
		text = "after "
	}
	text += took(&a.Timings.TotalUs)
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

func newDeliveriesChange(s streams, name string, change func(*client, context.Context, string) (*http.Response, error)) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   name + " [flags] ID",
		Short: "End a delivery that is not finished",
		Long:  "Cancel ends a delivery. An attempt that is under way is not stopped." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			delivery, raw, err := ask[service.Delivery](change(c, ctx, args[0]))
			if err != nil {
				return err
			}
			return c.show(raw, func(b *strings.Builder) { c.delivery(b, delivery) })
		}),
	}
	if name == "retry" {
		cmd.Short = "Make another attempt now, and more if it fails"
		cmd.Long = `Retry makes a delivery pending again, and due now, whatever its state was. Its
attempts start to count anew.` + clientHelp
	}
	o.add(cmd)
	return cmd
}
