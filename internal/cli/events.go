package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func newEvents(s streams) *cobra.Command {
	cmd := group("events", "Publish events, and list them", `An event is published once, and goes to each endpoint of its robot that gets
events of its type.`,
		`  runhooks events publish event.json
  runhooks events list --robot shop
  runhooks events show evt_…`)
	cmd.AddCommand(newEventsPublish(s), newEventsList(s), newEventsShow(s), newEventsSetAside(s))
	return cmd
}

func newEventsList(s streams) *cobra.Command {
	o := &clientOptions{}
	var robot, run, kind string
	var since, until instant
	var limit int
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List events",
		Long:  "List shows events, the newest first." + clientHelp,
		Args:  cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListEventsParams{
			RobotID: optional(robot), RunID: optional(run), EventType: optional(service.EventType(kind)), From: since.at, To: until.at,
		}
		now := time.Now()
		return list[service.Event]{
			many:    "events",
			heading: []string{"ID", "TYPE", "ACCEPTED", "ROBOT", "RUN"},
			row: func(e service.Event) []cell {
				return plain(e.ID, e.EventType, agoText(e.AcceptedAt, now), value(e.RobotID), value(e.RunID))
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListEvents(ctx, &p)
			},
		}.show(c, limit)
	})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&robot, "robot", "", "only those of the robot `ID`")
	flags.StringVar(&run, "run", "", "only those of the run `ID`")
	wordVar(cmd, &kind, "type", "only those of this type", eventTypes...)
	flags.Var(&since, "since", "only those since `TIME`, such as 2026-01-02T15:04:05Z, or 3d for three days ago")
	flags.Var(&until, "until", "only those before `TIME`")
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

func newEventsSetAside(s streams) *cobra.Command {
	o := &clientOptions{}
	var limit int
	cmd := &cobra.Command{
		Use:   "set-aside [flags]",
		Short: "List events of the outbox that don't conform",
		Long: `Set-aside shows the events that a platform published in a transaction of its own and
that don't conform, the newest first, each with the first thing that is wrong with
it. They are never sent. --json has all findings, and the text of the event.` + clientHelp,
		Args: cobra.NoArgs,
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, _ []string) error {
		p := service.ListSetAsideParams{}
		now := time.Now()
		return list[service.SetAside]{
			many:    "events set aside",
			heading: []string{"ID", "PUBLISHED", "FINDING"},
			row: func(e service.SetAside) []cell {
				finding := ""
				if len(e.Findings) > 0 {
					f := e.Findings[0]
					finding = strings.TrimSpace(f.Code + " " + f.Pointer + ": " + f.Message)
				}
				more := -1
				for _, f := range e.Findings {
					if more++; f.Count != nil {
						more += *f.Count - 1
					}
				}
				if more > 0 {
					finding += " (and " + number(more, "more finding") + ")"
				}
				return plain(e.ID, agoText(e.PublishedAt, now), finding)
			},
			page: func(cursor *string, limit *int) (*http.Response, error) {
				p.Cursor, p.Limit = cursor, limit
				return c.ListSetAside(ctx, &p)
			},
		}.show(c, limit)
	})
	limitVar(cmd, &limit)
	o.add(cmd)
	return cmd
}

func newEventsShow(s streams) *cobra.Command {
	o := &clientOptions{}
	cmd := &cobra.Command{
		Use:   "show [flags] ID",
		Short: "Show an event as it was published",
		Long:  "Show prints an event with its body." + clientHelp,
		Args:  oneArg,
		RunE: o.command(s, func(ctx context.Context, c *client, args []string) error {
			e, raw, err := ask[service.Event](c.GetEvent(ctx, args[0]))
			if err != nil {
				return err
			}
			return c.show(raw, func(b *strings.Builder) {
				fmt.Fprintf(b, "%s  %s\n", c.Paint(report.Bold, report.Visible(e.ID, maxCell)), report.Visible(e.EventType, maxCell))
				writeFields(b, c.Terminal, [][2]string{
					{"robot", value(e.RobotID)}, {"run", value(e.RunID)}, {"accepted", momentText(&e.AcceptedAt)},
				}...)
				var body bytes.Buffer
				if json.Indent(&body, value(e.Body), "  ", "  ") == nil {
					for line := range strings.Lines(body.String()) {
						fmt.Fprintln(b, report.Visible(strings.TrimSuffix(line, "\n"), 1000))
					}
				}
			})
		}),
	}
	o.add(cmd)
	return cmd
}

// publishOptions are the flags of runhooks events publish.
type publishOptions struct {
	clientOptions
	batch  bool
	key    string
	sample string
	robot  string
}

func newEventsPublish(s streams) *cobra.Command {
	o := &publishOptions{}
	cmd := &cobra.Command{
		Use:   "publish [flags] {FILE | --sample EVENT --robot ID}",
		Short: "Publish events",
		Long: `Publish hands events to the service, which judges and stores each before it answers.

An event is the documented one without timestamp and webhook_id, which the service
adds. FILE has one as JSON, or several as NDJSON, one a line; - is standard input.
Several are published one after the other, or with --batch up to a thousand at
once. --sample publishes sample data instead.

With --idempotency-key it is safe to publish again when no answer came: the service
publishes only the first event with that key. Of several events, each has the
key with its number in the file added.` + clientHelp,
		Example: `  runhooks events publish --sample run_completed --robot shop
  runhooks events publish event.json --idempotency-key run-4711
  runhooks events publish --batch events.ndjson`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.RunE = o.command(s, func(ctx context.Context, c *client, args []string) error {
		p := &publishing{client: c, options: o}
		var err error
		switch {
		case o.sample == "" && len(args) == 0:
			return errors.New("which event? Give a FILE, or --sample run_completed")
		case o.sample != "" && len(args) > 0:
			return fmt.Errorf("--sample makes the event: leave out %q", args[0])
		case o.sample != "" && o.robot == "":
			return errors.New("of which robot? Give --robot")
		case o.sample != "":
			err = p.sample(ctx)
		default:
			err = p.file(ctx, args[0])
		}
		return p.end(err)
	})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&o.batch, "batch", false, "publish many events with each request")
	flags.StringVar(&o.key, "idempotency-key", "", "publish only the first event with this `KEY`")
	wordVar(cmd, &o.sample, "sample", "publish sample data: run_completed or run_failed", "run_completed", "run_failed")
	flags.StringVar(&o.robot, "robot", "", "with --sample: the event is about the robot `ID`")
	cmd.MarkFlagsMutuallyExclusive("batch", "sample")
	o.add(cmd)
	return cmd
}

// A publishing is one run of the command.
type publishing struct {
	*client
	options *publishOptions

	n         int // events so far, and those waiting in the batch
	batch     []publication
	published int
	refused   int
}

// A publication is an event to be published, and where it is from.
type publication struct {
	name string // of the file, with the line
	body []byte
	n    int // its number, from 1
}

// Bounds of a batch; the service takes larger ones.
const (
	maxBatch      = 1000
	maxBatchBytes = 8 << 20
)

// sample publishes sample data of a robot.
func (p *publishing) sample(ctx context.Context) error {
	maker := sample.Maker{Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Now: time.Now}
	payload, err := maker.Documented(p.options.sample)
	if err != nil {
		return err
	}
	path := "/data/robot_id"
	if p.options.sample == "run_failed" {
		path = "/data/robotId"
	}
	robot, err := json.Marshal(p.options.robot) // or 7 would be a number
	if err != nil {
		return err
	}
	if payload, err = sample.Set(payload, path, string(robot)); err != nil {
		return err
	}
	var documented struct {
		EventType string          `json:"event_type"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &documented); err != nil {
		return err
	}
	body, err := json.Marshal(documented)
	if err != nil {
		return err
	}
	return p.one(ctx, publication{"the sample", body, 1}, p.options.key)
}

// file publishes the events of a file.
func (p *publishing) file(ctx context.Context, name string) error {
	sources, _, unreachable := intake.Expand(ctx, []string{name})
	if len(unreachable) > 0 {
		return &exitError{exitUsage, unreachable[0].Error()}
	}
	reader := intake.Reader{Stdin: p.in}
	for _, source := range sources {
		for batch, err := range reader.Read(ctx, source) {
			if err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			for _, payload := range batch.Payloads {
				at := fmt.Sprintf("%s:%d", batch.Source, payload.Line)
				if payload.TooLarge {
					return &exitError{exitUsage, fmt.Sprintf("%s: the event is larger than %v", at, byteSize(intake.DefaultMaxBytes))}
				}
				if err := p.take(ctx, publication{at, slices.Clone(payload.Data), p.n + 1}); err != nil {
					return err
				}
			}
			batch.Free()
		}
	}
	return p.flush(ctx)
}

// take publishes an event, or keeps it for the batch.
func (p *publishing) take(ctx context.Context, e publication) error {
	p.n++
	if p.options.batch {
		e.body = oneLine(e.body)
		size := len(e.body)
		for _, other := range p.batch {
			size += len(other.body)
		}
		if len(p.batch) == maxBatch || size > maxBatchBytes && len(p.batch) > 0 {
			if err := p.flush(ctx); err != nil {
				return err
			}
		}
		p.batch = append(p.batch, e)
		return nil
	}
	key := p.options.key
	if key != "" && e.n > 1 {
		key = fmt.Sprintf("%s-%d", key, e.n)
	}
	return p.one(ctx, e, key)
}

// one publishes one event.
func (p *publishing) one(ctx context.Context, e publication, key string) error {
	params := &service.PublishEventParams{IdempotencyKey: optional(key)}
	published, raw, err := ask[service.Published](p.PublishEventWithBody(ctx, params, "application/json", bytes.NewReader(e.body)))
	if refused, ok := errors.AsType[*refusal](err); ok && (refused.status == http.StatusUnprocessableEntity || refused.status == http.StatusRequestEntityTooLarge) {
		// Its own fault: the others may be right.
		p.refused++
		return p.say(e, refused.problem)
	}
	if err != nil {
		return err
	}
	p.published++
	return p.show(raw, func(b *strings.Builder) { p.done(b, published) })
}

// done writes that an event is published.
func (p *publishing) done(b *strings.Builder, published service.Published) {
	again := ""
	if published.Replayed {
		again = ", already published with this key"
	}
	fmt.Fprintf(b, "%s %s  %s%s\n", p.Paint(report.Green, "✓"), report.Visible(published.EventID, maxCell),
		number(int(published.Deliveries), "endpoint"), again)
}

// say shows why an event is refused.
func (p *publishing) say(e publication, refused problem) error {
	if p.json {
		return writeLine(p.out, refused)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  refused\n", p.Paint(report.Red, "✗"), report.Visible(redact.Text(e.name), maxCell))
	if len(refused.Findings) == 0 {
		writeText(&b, p.Terminal, "", refused.Detail, 1000)
	}
	b.WriteString(redact.Text(p.Findings(report.Payload{Data: e.body, Report: conformance.Report{Findings: refused.Findings}})))
	_, err := p.out.Write([]byte(b.String()))
	return err
}

// flush publishes the batch.
func (p *publishing) flush(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	var body bytes.Buffer
	for _, e := range p.batch {
		body.Write(e.body)
		body.WriteByte('\n')
	}
	params := &service.PublishBatchParams{}
	if p.options.key != "" {
		// The service adds the line of each event in this batch.
		params.IdempotencyKey = optional(fmt.Sprintf("%s-%d", p.options.key, p.batch[0].n))
	}
	result, raw, err := ask[struct {
		Results []struct {
			service.Published
			Line     int                   `json:"line"`
			Status   int                   `json:"status"`
			Detail   string                `json:"detail"`
			Findings []conformance.Finding `json:"findings"`
		} `json:"results"`
	}](p.PublishBatchWithBody(ctx, params, "application/x-ndjson", &body))
	if err != nil {
		return err
	}
	batch := p.batch
	p.batch = p.batch[:0]
	if p.json {
		err = p.writeRaw(raw)
	}
	for _, line := range result.Results {
		if line.Line < 1 || line.Line > len(batch) {
			return &exitError{exitUsage, fmt.Sprintf("the service answers with line %d of a batch of %d", line.Line, len(batch))}
		}
		if line.Status < 300 {
			p.published++
			continue
		}
		p.refused++
		if !p.json {
			err = errors.Join(err, p.say(batch[line.Line-1], problem{Detail: line.Detail, Findings: line.Findings}))
		}
	}
	return err
}

// end shows how many events were published, and returns what ends the command.
func (p *publishing) end(err error) error {
	if !p.json && (p.n > 1 || p.options.batch) {
		fmt.Fprintf(p.out, "%s: %d published, %d refused\n", number(p.n, "event"), p.published, p.refused)
	}
	if err == nil && p.refused > 0 {
		err = &exitError{code: exitFail}
	}
	return err
}
