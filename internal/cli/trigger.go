package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/internal/sample"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/signature"
)

// triggerOptions are the flags and argument of runhooks trigger.
type triggerOptions struct {
	event        string
	to           string
	as           string
	set          []string
	file         string
	count        int
	rate         rate
	secrets      []string
	id           string
	headers      []string
	timeout      time.Duration
	allowPrivate bool
	force        bool
	print        bool
	seed         uint64
	seeded       bool
	format       string
	color        string

	signing []signature.Secret // of secrets, or of the environment
	header  http.Header        // of headers
}

func newTrigger(s streams) *cobra.Command {
	o := &triggerOptions{}
	cmd := &cobra.Command{
		Use:   "trigger [flags] {EVENT | --file FILE} --to URL",
		Short: "Send an event to an endpoint, as a platform would",
		Long: `Trigger sends an event to an endpoint once, and shows the request and the answer.

EVENT is run_completed or run_failed, with sample data that conforms; ids and
times are new each time. Or it is webhook_test, which servers send to try an
endpoint, and which is not in the documented contract. --as maxun sends the
event in the shape that this server really sends. --file sends your own payload,
unchanged and unchecked.

With a secret, the request is signed, as Standard Webhooks specifies. Redirects
are not followed. If URL has a name, such as example.com, that leads to an
address of this machine or of a private network, nothing is sent, unless with
--allow-private; localhost, and an address that you write out, are allowed.

Secrets are not shown: user information and query values of URLs, and what an
answer repeats of them and of --header, appear as ***. What stands in the path
of a URL is shown.

Exit codes: 0 every event was accepted (2xx); 1 at least one was answered in
another way; 2 the command line or a payload is wrong, or an endpoint can't be
reached (the remaining events are sent all the same).`,
		Example: `  runhooks trigger run_completed --to http://127.0.0.1:9000
  RUNHOOKS_SECRET=whsec_… runhooks trigger run_failed --to https://example.com/events
  runhooks trigger run_failed --set data.robotName='Price watch' --to http://127.0.0.1:9000
  runhooks trigger run_completed --as maxun --to http://127.0.0.1:9000
  runhooks trigger --file events.ndjson --rate 10/s --to http://127.0.0.1:9000
  runhooks trigger run_completed --print | runhooks check -`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return sample.Events(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.event = args[0]
			}
			o.seeded = cmd.Flags().Changed("seed")
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.to, "to", "", "send to `URL`")
	flags.StringArrayVar(&o.set, "set", nil, "set a value of the sample, as `PATH=VALUE`: a path such as data.robot_name, or a JSON Pointer; a value in JSON, or else text (repeatable)")
	flags.StringVar(&o.as, "as", "", "send the shape that `SERVER` sends: maxun, or one of its releases, such as maxun@0.0.22")
	flags.StringVar(&o.file, "file", "", "send the payloads in `FILE` as they are: JSON, NDJSON (one payload a line) or HAR; - is standard input")
	flags.BoolVar(&o.force, "force", false, "send the event even if --set makes it break the contract")
	flags.StringArrayVar(&o.secrets, "secret", nil, "sign with `SECRET`, whsec_… or whsk_… (repeatable); better in the environment, as "+secretVariable+"; runhooks secret makes one")
	flags.StringVar(&o.id, "id", "", "send `ID` as the webhook-id of every event, instead of a new one for each")
	flags.StringArrayVar(&o.headers, "header", nil, "add a header, as `NAME=VALUE` (repeatable)")
	flags.IntVar(&o.count, "count", 1, "send `N` events, one after the other")
	flags.Var(&o.rate, "rate", "send at most `N/s` events a second (N/m: a minute, N/h: an hour)")
	flags.DurationVar(&o.timeout, "timeout", emitter.DefaultTimeout, "give up after `DURATION`")
	flags.BoolVar(&o.allowPrivate, "allow-private", false, "send even if the URL's name leads to an address that is not public")
	flags.BoolVar(&o.print, "print", false, "print the payload, and send nothing")
	flags.Uint64Var(&o.seed, "seed", 0, "make the same payloads and webhook-ids each time: ids from the number `N`, and times as in the sample")
	choiceVar(cmd, &o.format, "format", "form of the output: text, or json with an object for each attempt", "text", "json")
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	cmd.MarkFlagsMutuallyExclusive("to", "print")
	for _, name := range []string{"set", "as", "count", "seed", "force"} {
		cmd.MarkFlagsMutuallyExclusive("file", name)
	}
	return cmd
}

// validate checks what no single flag can, and reads what is left to read.
func (o *triggerOptions) validate() (err error) {
	switch {
	case o.file == "" && o.event == "":
		return fmt.Errorf("which event? There are %s; or give --file", strings.Join(sample.Events(), ", "))
	case o.file != "" && o.event != "":
		return fmt.Errorf("--file has the payload: leave out the event %q", o.event)
	}
	if o.event != "" {
		event, ok := sample.Find(o.event)
		switch {
		case !ok && event != "":
			return fmt.Errorf("there is no event %q: did you mean %s?", o.event, event)
		case !ok:
			return fmt.Errorf("there is no event %q: there are %s", o.event, strings.Join(sample.Events(), ", "))
		}
		o.event = event
	}
	switch {
	case o.to == "" && !o.print:
		return errors.New("where to? Give --to URL, or --print to see the payload")
	case o.count < 1:
		return fmt.Errorf("--count is %d: it is 1 or more", o.count)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout is %v: it is more than 0, as 10s", o.timeout)
	}
	for _, assignment := range o.set {
		if path, _, ok := strings.Cut(assignment, "="); !ok || path == "" {
			return fmt.Errorf("--set %q is not PATH=VALUE, such as data.robot_name=Shop", assignment)
		}
	}
	if o.header, err = parseHeaders(o.headers); err != nil {
		return err
	}
	if o.signing, err = parseSecrets(o.secrets); err != nil {
		return err
	}
	if o.to == "" {
		return nil
	}
	if !strings.Contains(o.to, "://") {
		suggestion := redact.URL("http://" + o.to)
		return fmt.Errorf("--to %s is not a URL: did you mean %s?", strings.TrimPrefix(suggestion, "http://"), suggestion)
	}
	err = o.guard().CheckURL(o.to)
	if blocked, ok := errors.AsType[*emitter.BlockedError](err); ok { // an IPv6 address that leads to an IPv4 one
		return fmt.Errorf("--to %s: %w; give --allow-private to send there", redact.URL(o.to), blocked)
	}
	if err != nil {
		return fmt.Errorf("--to %s: %s", redact.URL(o.to), strings.TrimPrefix(err.Error(), "endpoint: "))
	}
	return o.tryAttempt()
}

// tryAttempt finds what no attempt can be made with, before one is.
func (o *triggerOptions) tryAttempt() error {
	id := o.id
	switch {
	case id == "":
		id = event.NewID()
	case redact.Text(id) != id:
		return errors.New("--id has a secret in it, which would be sent and shown: it belongs to --secret, or " + secretVariable)
	}
	_, err := signature.Sign(id, time.Now(), nil, orAny(o.signing)...)
	switch {
	case errors.Is(err, signature.ErrHeaderMalformed):
		return fmt.Errorf("--id %q can't be sent: an id is 1 to 256 visible ASCII characters without a full stop", o.id)
	case err != nil:
		return fmt.Errorf("the secrets can't sign: %s", strings.TrimPrefix(err.Error(), "signature: "))
	}
	return nil
}

// orAny gives secrets, or one that nobody has.
func orAny(secrets []signature.Secret) []signature.Secret {
	if len(secrets) == 0 {
		return []signature.Secret{signature.NewSecret()}
	}
	return secrets
}

// guard allows what the user typed. What a name leads to, its owner decides and
// not the user.
func (o *triggerOptions) guard() emitter.Guard {
	if o.allowPrivate {
		return emitter.Guard{InsecureAllowAll: true}
	}
	u, err := url.Parse(o.to)
	if err != nil {
		return emitter.Guard{}
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, section 6.3
		return emitter.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return emitter.Guard{}
	}
	addr = addr.Unmap().WithZone("")
	return emitter.Guard{Allow: []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}}
}

// run makes the payloads, and prints or sends them.
func (o *triggerOptions) run(ctx context.Context, s streams) error {
	t := &trigger{
		options: o,
		client: &emitter.Client{
			Guard: o.guard(), Timeout: o.timeout, UserAgent: "runhooks/" + version(),
			Unchecked: true, // what may be sent is decided here
		},
		endpoint: emitter.Endpoint{URL: o.to, Secrets: o.signing, Unsigned: len(o.signing) == 0, Header: o.header},
		maker:    sample.Maker{Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Now: time.Now},
		view:     &attemptView{Terminal: styled(s.out, o.color), out: s.out, json: o.format == "json"},
		errOut:   s.err,
	}
	defer t.client.CloseIdleConnections()
	if o.seeded {
		t.maker = sample.Maker{Rand: rand.New(rand.NewPCG(o.seed, 0))}
	}
	each := t.samples
	if o.file != "" {
		each = func(ctx context.Context, take func([]byte) error) error { return t.payloads(ctx, s.in, take) }
	}
	if o.print {
		return each(ctx, func(payload []byte) error {
			_, err := s.out.Write(append(slices.Clone(oneLine(payload)), '\n'))
			return err
		})
	}
	return t.sendAll(ctx, each)
}

// A trigger is one run of the command.
type trigger struct {
	options  *triggerOptions
	client   *emitter.Client
	endpoint emitter.Endpoint
	maker    sample.Maker
	view     *attemptView
	errOut   io.Writer
}

// sendAll sends every payload that each gives. The error tells the exit code.
func (t *trigger) sendAll(ctx context.Context, each func(context.Context, func([]byte) error) error) error {
	pace := pacer{every: t.options.rate.every}
	sent, refused, unreached := 0, 0, 0
	err := each(ctx, func(payload []byte) error {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		attempt, err := t.send(ctx, payload)
		if err != nil {
			return err
		}
		sent++
		switch {
		case attempt.Status == 0:
			unreached++
		case attempt.Outcome != emitter.Accepted:
			refused++
		}
		return nil
	})
	if sent > 1 || ctx.Err() != nil {
		t.view.summary(sent, refused, unreached)
	}
	switch {
	case ctx.Err() != nil && refused > 0:
		return &exitError{exitFail, "interrupted"}
	case ctx.Err() != nil:
		return &exitError{exitUsage, "interrupted"}
	case err != nil:
		return err
	case unreached > 0:
		return &exitError{code: exitUsage}
	case refused > 0:
		return &exitError{code: exitFail}
	case sent == 0:
		return &exitError{exitUsage, "nothing was sent: " + t.options.file + " holds no payloads"}
	}
	return nil
}

// send makes one attempt, and shows it.
func (t *trigger) send(ctx context.Context, payload []byte) (emitter.Attempt, error) {
	id := t.options.id
	switch {
	case id != "":
	case t.options.seeded:
		id = t.maker.ID()
	default:
		id = event.NewID()
	}
	attempt, err := t.client.Send(ctx, t.endpoint, id, payload)
	if err != nil {
		return attempt, &exitError{exitUsage, strings.TrimPrefix(err.Error(), "endpoint: ")}
	}
	attempt.Answer = []byte(redact.Echo(string(attempt.Answer), t.options.to, t.options.header))
	attempt.Location = redact.Echo(attempt.Location, t.options.to, t.options.header)
	sent := sending{
		url: t.options.to, id: id, payload: payload, report: conformance.Check(payload), attempt: attempt,
	}
	if !t.endpoint.Unsigned {
		// The same again, as the header had it.
		if sent.signature, err = signature.Sign(id, attempt.At, payload, t.endpoint.Secrets...); err != nil {
			return attempt, err
		}
	}
	return attempt, t.view.show(sent)
}

// samples makes the payloads of an event.
func (t *trigger) samples(_ context.Context, take func([]byte) error) error {
	for range t.options.count {
		payload, err := t.sample()
		if err != nil {
			return err
		}
		if err := take(payload); err != nil {
			return err
		}
	}
	return nil
}

// sample makes one payload, and refuses one that --set made worse.
func (t *trigger) sample() ([]byte, error) {
	o := t.options
	as := o.as
	if as == "" && !sample.IsDocumented(o.event) {
		as = "maxun"
	}
	var payload []byte
	var err error
	if as == "" {
		payload, err = t.maker.Documented(o.event)
	} else {
		payload, err = t.maker.As(as, o.event)
	}
	if err != nil || len(o.set) == 0 {
		return payload, err
	}
	before := conformance.Check(payload)
	for _, assignment := range o.set {
		path, value, _ := strings.Cut(assignment, "=")
		if payload, err = sample.Set(payload, path, value); err != nil {
			return nil, fmt.Errorf("--set %q: %w", assignment, err)
		}
	}
	after := conformance.Check(payload)
	if o.force || after.Verdict == before.Verdict || after.Verdict == conformance.Conforms {
		return payload, nil
	}
	after.Findings = slices.DeleteFunc(after.Findings, func(f conformance.Finding) bool {
		return f.Severity != conformance.SeverityError || slices.ContainsFunc(before.Findings, func(b conformance.Finding) bool {
			return b.Code == f.Code && b.Pointer == f.Pointer
		})
	})
	broken := "deviates"
	if after.Verdict == conformance.Invalid {
		broken = "is invalid"
	}
	fmt.Fprint(t.errOut, redact.Text(styled(t.errOut, o.color).Findings(report.Payload{Data: payload, Report: after})))
	return nil, &exitError{exitUsage, fmt.Sprintf("with --set the payload %s, so it was not sent: --force sends it all the same", broken)}
}

// payloads gives those of the file.
func (t *trigger) payloads(ctx context.Context, stdin io.Reader, take func([]byte) error) error {
	sources, unreachable := intake.Expand([]string{t.options.file})
	if len(unreachable) > 0 {
		return &exitError{exitUsage, unreachable[0].Error()}
	}
	reader := intake.Reader{Stdin: stdin}
	for _, source := range sources {
		for batch, err := range reader.Read(ctx, source) {
			if err != nil {
				return &exitError{exitUsage, err.Error()}
			}
			for _, payload := range batch.Payloads {
				if payload.TooLarge {
					return &exitError{exitUsage, fmt.Sprintf("%s:%d: the payload is larger than %v", batch.Source, payload.Line, byteSize(intake.DefaultMaxBytes))}
				}
				// A connection may go on reading it when its attempt is over.
				if err := take(slices.Clone(payload.Data)); err != nil {
					return err
				}
			}
			batch.Free()
		}
	}
	return nil
}

// secretVariable is the environment variable that has secrets, so that they
// don't stand in the list of processes.
const secretVariable = "RUNHOOKS_SECRET"

// parseSecrets reads secrets: those given, or else those of the environment,
// which are separated by white space. The error shows nothing of them.
func parseSecrets(given []string) ([]signature.Secret, error) {
	from := "--secret"
	if len(given) == 0 {
		given, from = strings.Fields(os.Getenv(secretVariable)), secretVariable
	}
	secrets := make([]signature.Secret, 0, len(given))
	for _, text := range given {
		secret, err := signature.ParseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %s; runhooks secret makes one", from, strings.TrimPrefix(err.Error(), "signature: "))
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// parseHeaders reads headers of the form NAME=VALUE. The error repeats nothing of a
// header, since any part of a malformed one may be secret.
func parseHeaders(given []string) (http.Header, error) {
	header := make(http.Header)
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" || strings.ContainsAny(name, ": \t") {
			return nil, errors.New("--header has to be NAME=VALUE, with an equals sign and no colon, such as X-Team=robots")
		}
		header.Add(name, value)
	}
	return header, nil
}

// A rate is a flag that bounds how often something is done. Its zero value
// doesn't.
type rate struct {
	text  string
	every time.Duration
}

func (r *rate) String() string { return r.text }
func (r *rate) Type() string   { return "RATE" }

func (r *rate) Set(text string) error {
	number, unit, _ := strings.Cut(text, "/")
	per, ok := map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(n >= 1e-3 && n <= 1e6) {
		return errors.New("it is like 10/s, 90/m or 0.5/s")
	}
	r.text, r.every = text, time.Duration(float64(per)/n)
	return nil
}

// A pacer lets time pass between two events.
type pacer struct {
	every time.Duration
	next  time.Time
}

func (p *pacer) wait(ctx context.Context) error {
	if wait := time.Until(p.next); p.every > 0 && wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	p.next = time.Now().Add(p.every)
	return ctx.Err()
}
