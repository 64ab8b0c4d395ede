package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
)

func newTokens(s streams) *cobra.Command {
	cmd := group("tokens", "Say who may use the service", `A token lets its bearer use the API of the service. Its role is publisher
(publish events), reader (read settings, events and deliveries) or admin
(everything). It may be limited to one robot.`,
		`  runhooks tokens create platform --role publisher
  runhooks tokens list
  runhooks tokens delete tok_…`)
	cmd.AddCommand(newTokensCreate(s), newTokensList(s), newTokensDelete(s))
	return cmd
}

func newTokensCreate(s streams) *cobra.Command {
	o := &clientOptions{}
	var role, robot string
	var expires period
	cmd := &cobra.Command{
		Use:   "create [flags] NAME --role ROLE",
		Short: "Create a token",
		Long: `Create prints a new token on a line of its own. It is not shown again. NAME says
who or what uses it.` + clientHelp,
		Example: `  runhooks tokens create platform --role publisher
  runhooks tokens create "shop's dashboard" --role reader --robot shop --expires 90d`,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			if role == "" {
				return fmt.Errorf("which role? Give --role publisher, reader or admin")
			}
			body := service.TokenCreate{Name: args[0], Role: service.Role(role), RobotID: optional(robot)}
			if expires > 0 {
				at := time.Now().Add(time.Duration(expires)).UTC()
				body.ExpiresAt = &at
			}
			token, raw, err := ask[service.Token](c.CreateToken(ctx, body))
			if err != nil {
				return err
			}
			if err := c.show(raw, func(b *strings.Builder) { fmt.Fprintln(b, value(token.Token)) }); err != nil {
				return err
			}
			c.next("keep it where its bearer reads it, such as in %s; its id is %s", variable("token"), token.ID)
			return nil
		}),
	}
	cmd.Flags().SortFlags = false
	wordVar(cmd, &role, "role", "what it lets its bearer do: publisher, reader or admin", "publisher", "reader", "admin")
	cmd.Flags().StringVar(&robot, "robot", "", "limit it to the robot `ID`")
	cmd.Flags().Var(&expires, "expires", "let it expire after `PERIOD`, such as 90d (default: it doesn't)")
	o.add(cmd)
	return cmd
}

func newTokensList(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List tokens",
		Long: `List shows all tokens that have not expired, without their secret part. Portal links
that were not opened yet, and sessions of those that were, are among them.` + clientHelp,
		Args: cobra.NoArgs,
		RunE: o.command(s, func(ctx context.Context, c *client, _ []string) error {
			now := time.Now()
			return list[service.Token]{
				many:    "tokens",
				heading: []string{"ID", "ROLE", "ROBOT", "CREATED", "EXPIRES", "NAME"},
				row: func(t service.Token) []cell {
					return plain(t.ID, string(t.Role), value(t.RobotID), agoText(t.CreatedAt, now), agoText(value(t.ExpiresAt), now), t.Name)
				},
				page: func(*string, *int) (*http.Response, error) { return c.ListTokens(ctx) },
			}.show(c, 0)
		}),
	}
	o.add(cmd)
	return cmd
}

func newTokensDelete(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "delete [flags] ID",
		Short: "Delete a token",
		Long:  "Delete makes the service refuse a token, on all nodes within a few seconds." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			_, _, err := ask[struct{}](c.DeleteToken(ctx, args[0]))
			return c.deleted(args[0], err)
		}),
	}
	o.add(cmd)
	return cmd
}

func newAudit(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot, subject, actor string
	var limit int
	cmd := &cobra.Command{
		Use:   "audit [flags]",
		Short: "Show who changed what, and when",
		Long: `Audit shows changes of settings and tokens, retries, cancellations, recoveries and
erasures, the newest first: when, which token asked for it, what was done to what,
and the values before and after. Of what is secret it shows only that it changed.` + clientHelp,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListAuditParams{RobotID: optional(robot), Subject: optional(subject), Actor: optional(actor)}
		now := time.Now()
		return list[service.AuditEntry]{
			many:    "changes",
			heading: []string{"WHEN", "ACTOR", "ACTION", "SUBJECT", "ROBOT", "CHANGES"},
			row: func(a service.AuditEntry) []cell {
				return plain(agoText(a.At, now), a.Actor, a.Action, a.Subject, value(a.RobotID), changesText(a.Changes))
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListAudit(ctx, &p)
			},
		}.show(c, limit)
	})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&robot, "robot", "", "only what belongs to the robot `ID`")
	flags.StringVar(&subject, "subject", "", "only changes of the endpoint, delivery or token `ID`")
	flags.StringVar(&actor, "actor", "", "only changes that the token `ID` asked for")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

// changesText returns what changed, with the values before and after. What was not
// there before, or is not there any more, has one value.
func changesText(raw []byte) string {
	var changes map[string][2]any
	if json.Unmarshal(raw, &changes) != nil {
		return string(raw)
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		text := name
		switch before, after := changes[name][0], changes[name][1]; {
		case before == nil:
			text += " " + valueText(after)
		case after == nil:
			text += " " + valueText(before) + " removed"
		default:
			text += " " + valueText(before) + " → " + valueText(after)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// valueText returns a value of the audit log: texts as they are, and others as JSON.
func valueText(v any) string {
	if text, ok := v.(string); ok && text != "" {
		return text
	}
	text, _ := json.Marshal(v) // it was made of JSON
	return string(text)
}
