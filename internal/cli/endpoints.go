package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/signature"
)

func newEndpoints(s streams) *cobra.Command {
	cmd := group("endpoints", "Say where the events of a robot go", `Endpoints are the settings of a robot that say where its events go, and how. An
endpoint is a URL with its secret, its retries and its limits. An endpoint of the
operator (--operator) gets operational events: that an endpoint fails, recovered
or was disabled, that a delivery is exhausted, that an event was set aside.`,
		`  runhooks endpoints create https://example.com/events --robot shop
  runhooks endpoints list --robot shop
  runhooks endpoints test ID
  runhooks endpoints recover ID --since 3d`)
	cmd.AddCommand(
		newEndpointsCreate(s), newEndpointsList(s), newEndpointsShow(s), newEndpointsUpdate(s),
		newEndpointsActive(s, "enable", true), newEndpointsActive(s, "pause", false),
		newEndpointsTest(s), newEndpointsRotate(s), newEndpointsRecover(s), newEndpointsDelete(s),
	)
	return cmd
}

// group returns a command that only has subcommands.
func group(name, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use:                        name + " COMMAND",
		Short:                      short,
		Long:                       long + clientHelp,
		Example:                    example,
		SuggestionsMinimumDistance: 2,
		Args:                       noSuchCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// endpointSettings are the flags for settings of an endpoint.
type endpointSettings struct {
	file        string
	form        string
	events      []string
	description string
	headers     []string
	ordered     bool
	maxAttempts int
	delays      []string
	timeout     time.Duration
	rate        float64
	maxInFlight int
}

func (e *endpointSettings) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&e.events, "events", nil, "`TYPES` of the events that it gets, such as run_failed (default: all)")
	wordVar(cmd, &e.form, "form", "deliver events as received, byte for byte, as canonical, one typed form for all, or as documented, where that can be said (default: received)",
		string(service.FormReceived), string(service.FormCanonical), string(service.FormDocumented))
	flags.StringVar(&e.description, "description", "", "what it is for, in `TEXT`")
	flags.StringArrayVar(&e.headers, "header", nil, "send a header, as `NAME=VALUE` (repeatable); a value that is secret belongs to --settings")
	flags.BoolVar(&e.ordered, "ordered", false, "deliver one event after the other, in their order")
	flags.IntVar(&e.maxAttempts, "max-attempts", 0, "give up a delivery after `N` attempts")
	flags.StringSliceVar(&e.delays, "retry-delays", nil, "the pauses between attempts, as `DURATIONS` such as 5s,1m,1h; the last is repeated")
	flags.DurationVar(&e.timeout, "timeout", 0, "give up an attempt after `DURATION`")
	flags.Float64Var(&e.rate, "rate-limit", 0, "make at most `N` attempts a second; 0 is without limit")
	flags.IntVar(&e.maxInFlight, "max-in-flight", 0, "make at most `N` attempts at once")
	flags.StringVar(&e.file, "settings", "", "take settings from `FILE`, a JSON object with the members of the API, such as authorization; - is standard input")
	_ = cmd.RegisterFlagCompletionFunc("events", cobra.FixedCompletions(eventTypes, cobra.ShellCompDirectiveNoFileComp))
}

// eventTypes are those that endpoints can ask for: a robot's, and the operator's.
var eventTypes = []string{
	"run_completed", "run_failed", "webhook_test",
	"endpoint_failing", "endpoint_recovered", "endpoint_disabled", "delivery_exhausted", "event_set_aside",
}

// members returns the settings as the API has them. Flags come before the file.
func (e *endpointSettings) members(cmd *cobra.Command, stdin io.Reader) (map[string]any, error) {
	members := make(map[string]any)
	if e.file != "" {
		text, err := readFile(e.file, stdin)
		if err != nil {
			return nil, err
		}
		var given map[string]json.RawMessage
		if err := json.Unmarshal(text, &given); err != nil {
			// The error of the decoder may quote a secret.
			return nil, errors.New("--settings is not a JSON object, such as {\"authorization\": \"Bearer …\"}")
		}
		for name, v := range given {
			members[name] = v
		}
	}
	flags := cmd.Flags()
	for flag, v := range map[string]any{
		"events": e.events, "form": e.form, "description": e.description, "ordered": e.ordered, "max-attempts": e.maxAttempts,
		"rate-limit": e.rate, "max-in-flight": e.maxInFlight,
	} {
		if flags.Changed(flag) {
			members[strings.ReplaceAll(flag, "-", "_")] = v
		}
	}
	if flags.Changed("timeout") {
		if e.timeout < time.Second || e.timeout%time.Second != 0 {
			return nil, fmt.Errorf("--timeout is %v: it is in whole seconds, such as 10s", e.timeout)
		}
		members["timeout"] = int(e.timeout / time.Second)
	}
	if flags.Changed("retry-delays") {
		delays := make([]int, len(e.delays))
		for i, text := range e.delays {
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 || d%time.Second != 0 {
				return nil, fmt.Errorf("--retry-delays: %q is not a duration in whole seconds, such as 5s or 1m", text)
			}
			delays[i] = int(d / time.Second)
		}
		members["retry_delays"] = delays
	}
	if flags.Changed("header") {
		header, err := parseHeaders(e.headers)
		if err != nil {
			return nil, err
		}
		values := make(map[string]string)
		for name := range header {
			values[name] = header.Get(name)
		}
		members["headers"] = values
	}
	return members, nil
}

// readFile reads a file whole, or standard input for -. It is for what a person
// wrote: more than a megabyte is an error.
func readFile(name string, stdin io.Reader) ([]byte, error) {
	const limit = 1 << 20
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && len(text) > limit {
		err = fmt.Errorf("%s has more than a megabyte", name)
	}
	return text, err
}

func newEndpointsCreate(s streams) *cobra.Command {
	o, e := &clientOptions{}, &endpointSettings{}
	var robot, kind string
	var operator bool
	cmd := &cobra.Command{
		Use:   "create [flags] URL {--robot ID | --operator}",
		Short: "Create an endpoint",
		Long: `Create adds an endpoint, and prints it with its secret, which is not shown again.
The receiver verifies events with it. The secret is that of the variable
` + secretVariable + `, if it has one, or else the service makes one.` + clientHelp,
		Example: `  runhooks endpoints create https://example.com/events --robot shop
  runhooks endpoints create https://example.com/failures --robot shop --events run_failed --retry-delays 10s,1m,10m,1h
  runhooks endpoints create https://example.com/rows --robot shop --form canonical
  echo '{"authorization": "Bearer …"}' | runhooks endpoints create https://example.com/ --robot shop --settings -`,
		Args: oneArg,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		members, err := e.members(cmd, s.in)
		if err != nil {
			return err
		}
		members["url"] = args[0]
		switch {
		case operator:
			members["operator"] = true
		case robot != "":
			members["robot_id"] = robot
		case members["robot_id"] == nil && members["operator"] == nil: // of --settings
			return errors.New("whose endpoint? Give --robot ID or --operator")
		}
		if kind != "" {
			members["signature"] = kind
		}
		if err := addSecret(members, os.Getenv(secretVariable), secretVariable); err != nil {
			return err
		}
		body, err := json.Marshal(members)
		if err != nil {
			return err
		}
		endpoint, raw, err := ask[service.Endpoint](c.CreateEndpointWithBody(ctx, "application/json", bytes.NewReader(body)))
		if err != nil {
			return err
		}
		if err := c.show(raw, func(b *strings.Builder) { c.endpoint(b, endpoint) }); err != nil {
			return err
		}
		c.next("runhooks endpoints test %s", endpoint.ID)
		return nil
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&robot, "robot", "", "the `ID` of the robot whose events it gets")
	cmd.Flags().BoolVar(&operator, "operator", false, "it is the operator's, and gets operational events")
	e.add(cmd)
	signatureVar(cmd, &kind)
	o.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("robot", "operator")
	return cmd
}

// signatureVar adds the flag of how an endpoint's events are signed.
func signatureVar(cmd *cobra.Command, kind *string) {
	kinds := []string{string(service.SignatureKindV1), string(service.SignatureKindV1A)}
	cmd.Flags().Var(choice{kind, kinds}, "signature", "sign by v1, with a shared secret, or v1a, with a key pair (default: v1)")
	_ = cmd.RegisterFlagCompletionFunc("signature", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp))
}

// addSecret adds a secret to the members of a request, if it isn't empty.
func addSecret(members map[string]any, text, from string) error {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	if _, err := signature.ParseSecret(text); err != nil {
		return fmt.Errorf("%s: %s; runhooks secret makes one", from, strings.TrimPrefix(err.Error(), "signature: "))
	}
	members["secret"] = text
	return nil
}

func newEndpointsList(s streams) *cobra.Command {
	o := &clientOptions{}
	var p service.ListEndpointsParams
	var robot, state string
	var operator bool
	var limit int
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List endpoints",
		Long: `List shows endpoints, in the order of their creation. SUCCESS 24H is how many of
the attempts of the last 24 hours were accepted.` + clientHelp,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p.RobotID, p.State, p.Operator = optional(robot), optional(service.EndpointState(state)), optional(operator)
		now := time.Now()
		return list[service.Endpoint]{
			many:    "endpoints",
			heading: []string{"ID", "ROBOT", "STATE", "CREATED", "LAST SUCCESS", "SUCCESS 24H", "EVENTS", "URL"},
			row: func(e service.Endpoint) []cell {
				a := value(e.Activity)
				row := plain(e.ID, ownerText(e), string(e.State), agoText(e.CreatedAt, now),
					agoText(value(a.LastSuccessAt), now), successText(a.Hours), eventsText(e), e.URL)
				row[2].style = stateStyle(string(e.State))
				return row
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListEndpoints(ctx, &p)
			},
		}.show(c, limit)
	})
	cmd.Flags().StringVar(&robot, "robot", "", "only those of the robot `ID`")
	cmd.Flags().BoolVar(&operator, "operator", false, "only those of the operator")
	wordVar(cmd, &state, "state", "only those that are active, paused or disabled", "active", "paused", "disabled")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

// wordVar adds a flag that takes one of a few words, or none.
func wordVar(cmd *cobra.Command, value *string, name, usage string, options ...string) {
	cmd.Flags().Var(choice{value, options}, name, usage)
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(options, cobra.ShellCompDirectiveNoFileComp))
}

func ownerText(e service.Endpoint) string {
	if e.Operator {
		return "(operator)"
	}
	return value(e.RobotID)
}

func eventsText(e service.Endpoint) string {
	if len(e.Events) == 0 {
		return "all"
	}
	names := make([]string, len(e.Events))
	for i, name := range e.Events {
		names[i] = string(name)
	}
	return strings.Join(names, ",")
}

// endpoint writes an endpoint with all its settings.
func (c *client) endpoint(b *strings.Builder, e service.Endpoint) {
	fmt.Fprintf(b, "%s  %s\n", c.Paint(report.Bold, report.Visible(e.ID, maxCell)), c.Paint(stateStyle(string(e.State)), string(e.State)))
	fields := [][2]string{
		{"url", e.URL},
		{"robot", ownerText(e)},
		{"events", eventsText(e)},
		{"form", string(e.Form)},
		{"description", e.Description},
		{"created", momentText(&e.CreatedAt)},
		{"retries", fmt.Sprintf("%s, %s apart", number(e.MaxAttempts, "attempt"), delaysText(e.RetryDelays))},
		{"timeout", (time.Duration(e.Timeout) * time.Second).String()},
		{"at once", number(e.MaxInFlight, "attempt")},
	}
	if e.RateLimit > 0 {
		fields = append(fields, [2]string{"rate limit", fmt.Sprintf("%g attempts a second", e.RateLimit)})
	}
	if e.Ordered {
		fields = append(fields, [2]string{"ordered", "one event after the other"})
	}
	if e.HasAuthorization {
		fields = append(fields, [2]string{"authorization", "set, and not shown"})
	}
	if len(e.HeaderNames) > 0 {
		fields = append(fields, [2]string{"headers", strings.Join(e.HeaderNames, ", ")})
	}
	if e.DisabledReason != nil {
		fields = append(fields, [2]string{"disabled", momentText(e.DisabledAt) + ": " + *e.DisabledReason})
	}
	if h := e.Health; h != nil && h.Failures > 0 {
		text := number(int(h.Failures), "failed attempt")
		if h.FailingSince != nil {
			text += " since " + momentText(h.FailingSince)
		}
		if h.NotBefore != nil {
			text += "; the next is due " + momentText(h.NotBefore)
		}
		fields = append(fields, [2]string{"health", text})
	}
	if a := e.Activity; a != nil {
		count := func(n int64) string {
			if n >= mostCounted {
				return fmt.Sprintf("at least %d", n)
			}
			return fmt.Sprint(n)
		}
		fields = append(fields, [][2]string{
			{"last success", momentText(a.LastSuccessAt)}, {"last attempt", momentText(a.LastAttemptAt)},
			{"success 24h", successText(a.Hours)},
			{"deliveries", count(a.Waiting) + " pending, " + count(a.Held) + " held"},
		}...)
	}
	for _, secret := range e.Secrets {
		text := string(secret.Signature)
		if secret.PublicKey != nil {
			text += " with the public key " + *secret.PublicKey
		}
		if secret.ExpiresAt != nil {
			text += ", until " + momentText(secret.ExpiresAt)
		}
		fields = append(fields, [2]string{"signature", text})
	}
	writeFields(b, c.Terminal, fields...)
	if e.Secret != nil { // the one secret that is shown, since nobody else has it
		fmt.Fprintf(b, "its secret, shown only now:\n  %s\n", report.Visible(*e.Secret, 1000))
	}
}

func delaysText(seconds []int) string {
	texts := make([]string, len(seconds))
	for i, n := range seconds {
		text := (time.Duration(n) * time.Second).String() // such as 1h0m0s
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(text, zero) {
				text = text[:len(text)-2]
			}
		}
		texts[i] = text
	}
	return strings.Join(texts, ", ")
}

func newEndpointsShow(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "show [flags] ID",
		Short: "Show an endpoint with all its settings",
		Long: `Show prints an endpoint's settings and health, and what happened at it recently.
What is secret is not shown.` + clientHelp,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			endpoint, raw, err := ask[service.Endpoint](c.GetEndpoint(ctx, args[0]))
			if err != nil {
				return err
			}
			return c.show(raw, func(b *strings.Builder) { c.endpoint(b, endpoint) })
		}),
	}
	o.add(cmd)
	return cmd
}

// patch changes an endpoint, whatever its version: only what is named changes.
func (c *client) patch(ctx context.Context, id string, members map[string]any) (service.Endpoint, []byte, error) {
	body, err := json.Marshal(members)
	if err != nil {
		return service.Endpoint{}, nil, err
	}
	p := &service.UpdateEndpointParams{IfMatch: optional("*")}
	return ask[service.Endpoint](c.UpdateEndpointWithBody(ctx, id, p, "application/merge-patch+json", bytes.NewReader(body)))
}

func newEndpointsUpdate(s streams) *cobra.Command {
	o, e := &clientOptions{}, &endpointSettings{}
	var to string
	cmd := &cobra.Command{
		Use:   "update [flags] ID",
		Short: "Change settings of an endpoint",
		Long: `Update changes the settings that are given, and no others. In --settings, null
stands for the default. A new URL also counts for deliveries that wait. To change
the secret, rotate it.` + clientHelp,
		Example: `  runhooks endpoints update ID --url https://example.com/v2 --timeout 10s
  echo '{"headers": {"X-Team": null}}' | runhooks endpoints update ID --settings -`,
		Args: oneArg,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		members, err := e.members(cmd, s.in)
		if err != nil {
			return err
		}
		if to != "" {
			members["url"] = to
		}
		if len(members) == 0 {
			return errors.New("what is to change? Give a setting, such as --url")
		}
		endpoint, raw, err := c.patch(ctx, args[0], members)
		if err != nil {
			return err
		}
		return c.show(raw, func(b *strings.Builder) { c.endpoint(b, endpoint) })
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&to, "url", "", "send events to `URL`")
	e.add(cmd)
	o.add(cmd)
	return cmd
}

func newEndpointsActive(s streams, name string, active bool) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   name + " [flags] ID",
		Short: "Stop attempts to an endpoint for a while",
		Long: `Pause stops attempts to an endpoint. Its deliveries are held until they are
recovered, for as long as the service keeps those (runhooks serve --retain-held).` + clientHelp,
		Args: oneArg,
	}
	if active {
		cmd.Short = "Resume attempts to an endpoint"
		cmd.Long = `Enable makes an endpoint active that was paused, or that the service disabled. What
was held meanwhile stays held: runhooks endpoints recover releases it.` + clientHelp
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		endpoint, raw, err := c.patch(ctx, args[0], map[string]any{"active": active})
		if err != nil {
			return err
		}
		err = c.show(raw, func(b *strings.Builder) {
			fmt.Fprintf(b, "%s  %s\n", report.Visible(endpoint.ID, maxCell), c.Paint(stateStyle(string(endpoint.State)), string(endpoint.State)))
			if held := value(endpoint.Held); held > 0 {
				text := deliveriesText(held, "is", "are")
				if held >= mostCounted {
					text = "at least " + text
				}
				fmt.Fprintf(b, "  %s held\n", text)
			}
		})
		if value(endpoint.Held) > 0 {
			c.next("runhooks endpoints recover %s --since 30d", endpoint.ID)
		}
		return err
	})
	o.add(cmd)
	return cmd
}

// mostCounted is how many deliveries to an endpoint the service counts.
const mostCounted = 1000

// deliveriesText returns a number of deliveries with a verb.
func deliveriesText(n int64, one, many string) string {
	if n == 1 {
		return "1 delivery " + one
	}
	return fmt.Sprintf("%d deliveries %s", n, many)
}

func newEndpointsDelete(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "delete [flags] ID",
		Short: "Delete an endpoint",
		Long: `Delete ends attempts to an endpoint and cancels its unfinished deliveries. Its
history stays for as long as history is kept. To stop for a while, pause it.` + clientHelp,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			p := &service.DeleteEndpointParams{IfMatch: optional("*")}
			_, _, err := ask[struct{}](c.DeleteEndpoint(ctx, args[0], p))
			return c.deleted(args[0], err)
		}),
	}
	o.add(cmd)
	return cmd
}

func newEndpointsRotate(s streams) *cobra.Command {
	o := &clientOptions{}
	var overlap period
	var kind, file string
	cmd := &cobra.Command{
		Use:   "rotate [flags] ID",
		Short: "Give an endpoint a new secret",
		Long: `Rotate signs events with a new secret from now on, and for the time of --overlap
also with the old one. It prints the new secret, which is not shown again: give it
to the receiver within that time.` + clientHelp,
		Args: oneArg,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		members := make(map[string]any)
		if cmd.Flags().Changed("overlap") {
			members["overlap"] = int64(time.Duration(overlap) / time.Second)
		}
		if kind != "" {
			members["signature"] = kind
		}
		if file != "" {
			text, err := readFile(file, s.in)
			if err != nil {
				return err
			}
			if err := addSecret(members, string(text), "--secret-file"); err != nil {
				return err
			}
		}
		body, err := json.Marshal(members)
		if err != nil {
			return err
		}
		endpoint, raw, err := ask[service.Endpoint](c.RotateSecretWithBody(ctx, args[0], "application/json", bytes.NewReader(body)))
		if err != nil {
			return err
		}
		return c.show(raw, func(b *strings.Builder) { c.endpoint(b, endpoint) })
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&overlap, "overlap", "also sign with the old secret for `PERIOD`, such as 24h (default: that of the service)")
	signatureVar(cmd, &kind)
	cmd.Flags().StringVar(&file, "secret-file", "", "the new secret is in `FILE`; - is standard input (default: the service makes one)")
	o.add(cmd)
	return cmd
}

func newEndpointsTest(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "test [flags] ID",
		Short: "Send a test event, and show the answer",
		Long: `Test makes one attempt to deliver the documented sample, with status "test", and
shows the answer. Nothing is stored. The exit code is 0 only if the endpoint
accepted it.` + clientHelp,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			result, raw, err := ask[service.TestResult](c.TestEndpoint(ctx, args[0]))
			if err != nil {
				return err
			}
			err = c.show(raw, func(b *strings.Builder) {
				c.attempt(b, service.Attempt{
					Outcome: result.Outcome, Status: result.Status, Phase: result.Phase, Error: result.Error,
					Request: result.Request, Answer: result.Answer, Timings: result.Timings,
				})
				writeText(b, c.Terminal, "", result.Reason, 1000)
				if !result.Delivered {
					writeText(b, c.Terminal, "next:", result.NextStep, 1000)
				}
			})
			if err == nil && !result.Delivered {
				err = &exitError{code: exitFail}
			}
			return err
		}),
	}
	o.add(cmd)
	return cmd
}

func newEndpointsRecover(s streams) *cobra.Command {
	o := &clientOptions{}
	var since instant
	var detach bool
	cmd := &cobra.Command{
		Use:   "recover [flags] ID --since TIME",
		Short: "Deliver what an endpoint missed",
		Long: `Recover makes deliveries to an endpoint pending again: those of events since a time
that are held, exhausted or expired. The service does it in steps. The command shows
how far it is; interrupting it doesn't stop the service.` + clientHelp,
		Example: `  runhooks endpoints recover ID --since 3d
  runhooks endpoints recover ID --since 2026-01-02T15:00:00Z`,
		Args: oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			if since.at == nil {
				return errors.New("since when? Give --since, such as --since 3d")
			}
			job, raw, err := ask[service.Job](c.RecoverEndpoint(ctx, args[0], service.Recovery{Since: *since.at}))
			if err != nil {
				return err
			}
			return c.follow(ctx, job, raw, detach, func(n int64) string {
				return deliveriesText(n, "is pending again", "are pending again")
			})
		}),
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&since, "since", "recover events since `TIME`, such as 2026-01-02T15:04:05Z, or 3d for three days ago")
	cmd.Flags().BoolVar(&detach, "detach", false, "don't wait until it is done")
	o.add(cmd)
	return cmd
}

// follow waits for a job, unless it is to be left alone, and shows how far it is. What
// a job that is finished did with so many rows, did says.
func (c *client) follow(ctx context.Context, job service.Job, raw []byte, detach bool, did func(n int64) string) error {
	if !detach {
		var err error
		if job, raw, err = c.await(ctx, job); err != nil {
			return err
		}
	}
	return c.show(raw, func(b *strings.Builder) {
		if job.FinishedAt == nil {
			fmt.Fprintf(b, "%s  goes on: %d of %d\n", job.ID, job.Done, job.Total)
			return
		}
		fmt.Fprintf(b, "%s  %s\n", job.ID, did(job.Done))
	})
}

// await waits until a job is finished, and shows how far it is on a terminal.
func (c *client) await(ctx context.Context, job service.Job) (service.Job, []byte, error) {
	const first, longest = 50 * time.Millisecond, time.Second
	_, tty := terminal(c.err)
	timer := time.NewTimer(first)
	defer timer.Stop()
	for pause := first; ; pause = min(2*pause, longest) {
		var raw []byte
		var err error
		if job, raw, err = ask[service.Job](c.GetJob(ctx, job.ID)); err != nil || job.FinishedAt != nil {
			if tty {
				fmt.Fprint(c.err, "\r\x1b[K")
			}
			return job, raw, err
		}
		if tty {
			fmt.Fprintf(c.err, "\r\x1b[K%d of %d", job.Done, job.Total)
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return job, nil, &exitError{exitUsage, "interrupted: the service goes on with " + job.ID}
		case <-timer.C:
		}
	}
}
