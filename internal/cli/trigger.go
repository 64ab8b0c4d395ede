package cli

import (
	"cmp"
	"context"
	"encoding/base64"
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
	"github.com/runhooks/runhooks/internal/recording"
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
	replay       string
	entry        int
	count        int
	rate         rate
	secrets      []string
	id           string
	unsigned     bool
	headers      []string
	contentType  string
	userAgent    string
	tamper       string
	age          time.Duration
	retries      int
	retryWait    time.Duration
	timeout      time.Duration
	allowPrivate bool
	trust        trust
	list         bool
	force        bool
	print        bool
	seed         uint64
	seeded       bool
	format       string
	color        string

	given   func(flag string) bool // on the command line
	signing []signature.Secret     // of secrets, or of the environment
	header  http.Header            // of headers
	server  *sample.Request        // of as: how that server sends; nil if the request is ours
}

func newTrigger(s streams) *cobra.Command {
	o := &triggerOptions{}
	cmd := &cobra.Command{
		Use:   "trigger [flags] {EVENT | --file FILE} --to URL",
		Short: "Send an event to an endpoint, as a platform would",
		Long: `Trigger sends an event to an endpoint, and shows the request and the answer.

EVENT is run_completed or run_failed, with sample data that conforms; ids and
times are new each time. Or it is webhook_test, which servers send to try an
endpoint, and which is not in the documented contract. --file sends your own
payload, unchanged and unchecked. --replay sends the requests of a recording again,
with their headers and the exact bytes of their bodies, as runhooks listen --record
FILE.har kept them. With a secret they are signed anew; without one they keep the
signatures that they had.

--as maxun sends what a Maxun server really sends, in the way it sends it. EVENT
may then also be a shape, which is one kind of payload, such as crawl or
failed-twice: --list lists them, with the releases that are known. There are no
webhook headers and no signature. The request is tried up to three times until the
answer is 2xx, after 5 s and 10 s. Redirects are followed: 301, 302 and 303 as a GET
without a body, and a 2xx to that counts as delivered. Two events of one run are
sent one after the other. With a secret or --id the request also has the webhook
headers, which that server doesn't send.

With a secret, the request is signed, as Standard Webhooks specifies. --tamper
changes something afterwards, so that a receiver has to refuse it:

  body       a digit or letter of the body is changed
  space      white space is added within the body
  newline    a line feed is added after the body
  truncate   the last byte of the body is missing
  id         the webhook-id is changed
  timestamp  the webhook-timestamp is a second later
  signature  a character of the signature is changed
  secret     the signature is made with another secret
  missing    there is no webhook-signature

Without --as, redirects are not followed. If the host in URL is a name, such
as example.com, that leads to this machine or a private network, nothing is sent
unless you give --allow-private. localhost, and an address that you write out, are
allowed.

Secrets are not shown: user information and query values of URLs, and anything in
an answer that repeats them or --header, appear as ***. The path of a URL is shown.

Exit codes: 0 every event was accepted (2xx); 1 at least one was answered in
another way; 2 the command line or a payload is wrong, or an endpoint can't be
reached (the remaining events are still sent).`,
		Example: `  runhooks trigger run_completed --to http://127.0.0.1:9000
  RUNHOOKS_SECRET=whsec_… runhooks trigger run_failed --to https://example.com/events
  runhooks trigger run_failed --set data.robotName='Price watch' --to http://127.0.0.1:9000
  runhooks trigger --list
  runhooks trigger crawl --as maxun@0.0.43 --to http://127.0.0.1:9000
  runhooks trigger run_failed --as maxun --retry-wait 100ms --to http://127.0.0.1:9000
  runhooks trigger run_completed --tamper body --to http://127.0.0.1:9000
  runhooks trigger run_completed --age 10m --to http://127.0.0.1:9000
  runhooks trigger --file events.ndjson --rate 10/s --to http://127.0.0.1:9000
  runhooks trigger --replay all.har --entry 3 --to http://127.0.0.1:3000/events
  runhooks trigger run_completed --print | runhooks check -`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return sample.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.event = args[0]
			}
			o.given = cmd.Flags().Changed
			o.seeded = o.given("seed")
			if o.list {
				return o.listShapes(s)
			}
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
	flags.StringVar(&o.as, "as", "", "send what `SERVER` sends, and as it does: maxun, or one of its releases, such as maxun@0.0.22")
	flags.BoolVar(&o.list, "list", false, "list the releases and shapes of servers, and send nothing")
	flags.StringVar(&o.file, "file", "", "send the payloads in `FILE` as they are: JSON, NDJSON (one payload a line) or HAR; - is standard input")
	flags.StringVar(&o.replay, "replay", "", "send the POSTs in `FILE` again (HAR), with their headers")
	flags.IntVar(&o.entry, "entry", 0, "replay only the `N`th entry of the recording")
	flags.BoolVar(&o.force, "force", false, "send the event even if --set makes it break the contract")
	flags.StringArrayVar(&o.secrets, "secret", nil, "sign with `SECRET`, whsec_… or whsk_… (repeatable); better in the environment, as "+secretVariable+"; runhooks secret makes one")
	flags.BoolVar(&o.unsigned, "unsigned", false, "don't sign, even if "+secretVariable+" has a secret")
	flags.StringVar(&o.tamper, "tamper", "", "change something after signing: `WAY` is "+strings.Join(tamperWays, ", "))
	flags.DurationVar(&o.age, "age", 0, "sign as if it were `DURATION` ago, such as 10m; ahead of time if it is negative")
	flags.StringVar(&o.id, "id", "", "send `ID` as the webhook-id of every event, instead of a new one for each")
	flags.StringArrayVar(&o.headers, "header", nil, "add a header, as `NAME=VALUE` (repeatable)")
	flags.StringVar(&o.contentType, "content-type", "application/json", "send `TYPE` as Content-Type; none if it is empty")
	flags.StringVar(&o.userAgent, "user-agent", "runhooks/"+version(), "send `NAME` as User-Agent; none if it is empty")
	flags.IntVar(&o.retries, "retries", 0, "try an event up to `N` times more while the answer is not 2xx (with --as: as that server does)")
	flags.DurationVar(&o.retryWait, "retry-wait", 5*time.Second, "wait for `DURATION` before the second try, and twice as long before each further one")
	flags.IntVar(&o.count, "count", 1, "send `N` events, one after the other")
	flags.Var(&o.rate, "rate", "send at most `N/s` events a second (N/m: a minute, N/h: an hour)")
	flags.DurationVar(&o.timeout, "timeout", emitter.DefaultTimeout, "give up after `DURATION`")
	flags.BoolVar(&o.allowPrivate, "allow-private", false, "send even if the URL's name leads to an address that is not public")
	o.trust.flags(flags)
	flags.BoolVar(&o.print, "print", false, "print the payload, and send nothing")
	flags.Uint64Var(&o.seed, "seed", 0, "make the same payloads and webhook-ids each time: ids from the number `N`, and times as in the sample")
	choiceVar(cmd, &o.format, "format", "form of the output: text, or json with an object for each attempt", "text", "json")
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	cmd.MarkFlagsMutuallyExclusive("to", "print")
	for _, name := range []string{"set", "as", "count", "seed", "force"} {
		cmd.MarkFlagsMutuallyExclusive("file", name)
		cmd.MarkFlagsMutuallyExclusive("replay", name)
	}
	cmd.MarkFlagsMutuallyExclusive("file", "replay")
	cmd.MarkFlagsMutuallyExclusive("secret", "unsigned")
	_ = cmd.RegisterFlagCompletionFunc("tamper", cobra.FixedCompletions(tamperWays, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// validate checks what no single flag can, and reads what is left to read.
func (o *triggerOptions) validate() (err error) {
	switch {
	case o.file == "" && o.replay == "" && o.event == "":
		return fmt.Errorf("which event? There are %s, and what trigger --list lists; or give --file", strings.Join(sample.Events(), ", "))
	case o.replay != "" && o.event != "":
		return fmt.Errorf("--replay has the requests: leave out the event %q", o.event)
	case o.file != "" && o.event != "":
		return fmt.Errorf("--file has the payload: leave out the event %q", o.event)
	case o.given("entry") && o.replay == "":
		return errors.New("--entry is one of the recording that --replay names")
	case o.entry < 0:
		return fmt.Errorf("--entry is %d: the first is 1", o.entry)
	}
	if o.event != "" {
		name, ok := sample.Find(o.event)
		switch {
		case !ok && name != "":
			return fmt.Errorf("there is no event %q: did you mean %s?", o.event, name)
		case !ok:
			return fmt.Errorf("there is no event %q: there are %s; trigger --list lists what servers send", o.event, strings.Join(sample.Events(), ", "))
		}
		o.event = name
		if o.as == "" && !slices.Contains(sample.Events(), name) {
			o.as = "maxun" // whose shape it is
		}
	}
	if o.as != "" {
		server, _, err := sample.ParseServer(o.as)
		if err != nil {
			return fmt.Errorf("--as: %w; trigger --list lists them", err)
		}
		o.server = &server.Request
		o.asServer()
	}
	switch {
	case o.to == "" && !o.print:
		return errors.New("where to? Give --to URL, or --print to see the payload")
	case o.count < 1:
		return fmt.Errorf("--count is %d: it is 1 or more", o.count)
	case o.retries < 0:
		return fmt.Errorf("--retries is %d: it is 0 or more", o.retries)
	case o.retryWait < 0:
		return fmt.Errorf("--retry-wait is %v: it can't be negative", o.retryWait)
	case o.tamper != "" && !slices.Contains(tamperWays, o.tamper):
		return fmt.Errorf("there is no --tamper %s: there are %s", o.tamper, strings.Join(tamperWays, ", "))
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
	for name, values := range o.header {
		for _, value := range values {
			if err := emitter.CheckHeader(name, value); err != nil {
				return errors.New(strings.TrimPrefix(err.Error(), "endpoint: "))
			}
		}
	}
	if !o.unsigned {
		if o.signing, err = parseSecrets(o.secrets); err != nil {
			return err
		}
	}
	for _, flag := range []string{"tamper", "age"} {
		if o.given(flag) && len(o.signing) == 0 {
			return fmt.Errorf("--%s is about what is signed: give a secret, as --secret or %s; runhooks secret makes one", flag, secretVariable)
		}
	}
	if o.to == "" {
		return nil
	}
	if !strings.Contains(o.to, "://") {
		suggestion := redact.URL("http://" + o.to)
		return fmt.Errorf("--to %s is not a URL: did you mean %s?", strings.TrimPrefix(suggestion, "http://"), suggestion)
	}
	if u, err := url.Parse(o.to); err == nil && u.User != nil && o.server != nil {
		// As the server's client does.
		password, _ := u.User.Password()
		o.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
		u.User = nil
		o.to = u.String()
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
		return errors.New("--id has a secret in it, which would be sent and shown: give it with --secret, or " + secretVariable)
	}
	_, err := signature.Sign(id, time.Now().Add(-o.age), nil, orAny(o.signing)...)
	switch {
	case errors.Is(err, signature.ErrHeaderMalformed) && o.given("age") && o.id == "":
		return fmt.Errorf("--age %v: a timestamp is in 1970 or later", o.age)
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

// asServer has what was not said on the command line be as the server has it.
func (o *triggerOptions) asServer() {
	for flag, set := range map[string]func(){
		"content-type": func() { o.contentType = o.server.ContentType },
		"user-agent":   func() { o.userAgent = o.server.UserAgent },
		"retries":      func() { o.retries = o.server.Tries - 1 },
		"retry-wait":   func() { o.retryWait = o.server.Wait() },
		"timeout":      func() { o.timeout = time.Duration(o.server.TimeoutSeconds) * time.Second },
	} {
		if !o.given(flag) {
			set()
		}
	}
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
	tlsConfig, err := o.trust.config()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	t := &trigger{
		options: o,
		client:  &emitter.Client{Guard: o.guard(), Timeout: o.timeout, TLS: tlsConfig},
		maker:   sample.Maker{Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Now: time.Now},
		view:    &attemptView{Terminal: styled(s.out, o.color), out: s.out, json: o.format == "json"},
		errOut:  s.err,
	}
	defer t.client.CloseIdleConnections()
	if o.seeded {
		t.maker = sample.Maker{Rand: rand.New(rand.NewPCG(o.seed, 0))}
	}
	each := t.samples
	switch {
	case o.file != "":
		each = func(ctx context.Context, take func(outgoing) error) error { return t.payloads(ctx, s.in, take) }
	case o.replay != "":
		each = t.recorded
	}
	if o.print {
		return each(ctx, func(out outgoing) error {
			_, err := s.out.Write(append(slices.Clone(oneLine(out.payload)), '\n'))
			return err
		})
	}
	return t.sendAll(ctx, each)
}

// An outgoing is what is to be sent.
type outgoing struct {
	payload  []byte
	recorded *recording.Request // of which it is the body; nil if it is of no recording
}

// A trigger is one run of the command.
type trigger struct {
	options *triggerOptions
	client  *emitter.Client
	maker   sample.Maker
	view    *attemptView
	errOut  io.Writer
}

// sendAll sends every payload that each gives. The error tells the exit code.
func (t *trigger) sendAll(ctx context.Context, each func(context.Context, func(outgoing) error) error) error {
	pace := pacer{every: t.options.rate.every}
	sent, refused, unreached := 0, 0, 0
	err := each(ctx, func(out outgoing) error {
		if err := pace.wait(ctx); err != nil {
			return err
		}
		attempt, err := t.send(ctx, out)
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
		return &exitError{exitUsage, "nothing was sent: " + cmp.Or(t.options.file, t.options.replay) + " holds no payloads"}
	}
	return nil
}

// send sends an event, and shows each attempt. It returns the one that decides.
func (t *trigger) send(ctx context.Context, out outgoing) (emitter.Attempt, error) {
	id := t.options.id
	switch {
	case id != "":
	case t.options.seeded:
		id = t.maker.ID()
	case out.recorded != nil && out.recorded.Header.Get(signature.HeaderID) != "":
		id = out.recorded.Header.Get(signature.HeaderID)
	default:
		id = event.NewID()
	}
	report := conformance.Check(out.payload)
	wait := t.options.retryWait
	for try := 1; ; try++ {
		r, note, err := t.request(id, out)
		if err != nil {
			return emitter.Attempt{}, &exitError{exitUsage, strings.TrimPrefix(err.Error(), "signature: ")}
		}
		s := sending{request: r, payload: out.payload, note: note, report: report, tampered: t.options.tamper, try: try, tries: 1 + t.options.retries}
		if s.attempt, err = t.attempt(ctx, &s, wait); err != nil || s.attempt.Outcome == emitter.Accepted || s.try == s.tries {
			return s.attempt, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return s.attempt, ctx.Err()
		case <-timer.C:
		}
		wait *= 2
	}
}

// attempt makes an attempt and shows it, and follows redirects where the server does.
func (t *trigger) attempt(ctx context.Context, s *sending, wait time.Duration) (emitter.Attempt, error) {
	for redirects := 0; ; redirects++ {
		attempt, err := t.client.SendRequest(ctx, s.request)
		if err != nil {
			return attempt, &exitError{exitUsage, strings.TrimPrefix(err.Error(), "endpoint: ")}
		}
		attempt.Answer = []byte(redact.Echo(string(attempt.Answer), s.request.URL, t.options.header))
		attempt.Location = redact.Echo(attempt.Location, s.request.URL, t.options.header)
		s.attempt = attempt
		following, follows := t.follow(s.request, attempt)
		follows = follows && redirects < maxRedirects
		s.follows, s.waits = follows, 0
		if !follows && attempt.Outcome != emitter.Accepted && s.try < s.tries {
			s.waits = wait
		}
		if err := t.view.show(*s); err != nil || !follows {
			return attempt, err
		}
		s.request, s.redirected = following, true
	}
}

// maxRedirects is how many redirects are followed.
const maxRedirects = 20

// follow returns the request that a server makes of a redirect, as clients on the web
// do (RFC 9110, section 15.4): after 301, 302 and 303 a GET without a body.
func (t *trigger) follow(r emitter.Request, a emitter.Attempt) (emitter.Request, bool) {
	if t.options.server == nil || a.Header.Get("Location") == "" {
		return r, false
	}
	switch a.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		r.Method, r.Body = http.MethodGet, nil
		r.Header = r.Header.Clone()
		r.Header.Del("Content-Type")
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return r, false
	}
	base, err := url.Parse(r.URL)
	if err != nil {
		return r, false
	}
	to, err := base.Parse(a.Header.Get("Location"))
	if err != nil || to.Scheme != "http" && to.Scheme != "https" {
		return r, false
	}
	if to.Host != base.Host {
		r.Header = r.Header.Clone()
		r.Header.Del("Authorization")
	}
	to.Fragment = ""
	r.URL = to.String()
	return r, true
}

// request makes the request of an attempt, with what there is to note about it.
func (t *trigger) request(id string, out outgoing) (r emitter.Request, note string, err error) {
	o := t.options
	r = emitter.Request{URL: o.to, Header: o.header.Clone(), Body: out.payload}
	for flag, h := range map[string][2]string{"content-type": {"Content-Type", o.contentType}, "user-agent": {"User-Agent", o.userAgent}} {
		if h[1] != "" && (out.recorded == nil || o.given(flag)) {
			r.Header.Set(h[0], h[1])
		}
	}
	signs := len(o.signing) > 0 || o.id != ""
	if out.recorded != nil {
		note = replay(&r, out.recorded, signs, o.given)
	}
	if !signs && (o.server != nil || out.recorded != nil) {
		return r, note, nil
	}
	secrets := orAny(o.signing)
	if o.tamper == "secret" {
		secrets = orAny(nil)
	}
	if err := signature.SetHeaders(r.Header, id, time.Now().Add(-o.age), out.payload, secrets...); err != nil {
		return r, note, err
	}
	if len(o.signing) == 0 {
		r.Header.Del(signature.HeaderSignature)
	}
	tamper(&r, o.tamper)
	return r, note, nil
}

// samples makes the payloads of an event.
func (t *trigger) samples(_ context.Context, take func(outgoing) error) error {
	for range t.options.count {
		payloads, err := t.sample()
		if err != nil {
			return err
		}
		for _, payload := range payloads {
			if err := take(outgoing{payload: payload}); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample makes the payloads of one run, mostly one, and refuses one that --set made
// worse.
func (t *trigger) sample() ([][]byte, error) {
	o := t.options
	as := o.as
	if as == "" && sample.IsDocumented(o.event) {
		payload, err := t.maker.Documented(o.event)
		if err != nil {
			return nil, err
		}
		payload, err = t.set(payload)
		return [][]byte{payload}, err
	}
	payloads, err := t.maker.As(cmp.Or(as, "maxun"), o.event)
	if err != nil {
		return nil, fmt.Errorf("%w; trigger --list lists them", err)
	}
	for i := range payloads {
		if payloads[i], err = t.set(payloads[i]); err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

// set sets what --set says.
func (t *trigger) set(payload []byte) (_ []byte, err error) {
	o := t.options
	if len(o.set) == 0 {
		return payload, nil
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
	return nil, &exitError{exitUsage, fmt.Sprintf("with --set the payload %s, so it was not sent: --force sends it anyway", broken)}
}

// payloads gives those of the file.
func (t *trigger) payloads(ctx context.Context, stdin io.Reader, take func(outgoing) error) error {
	sources, _, unreachable := intake.Expand(ctx, []string{t.options.file})
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
				if err := take(outgoing{payload: slices.Clone(payload.Data)}); err != nil {
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
	return parseSecretsOf("--secret", given, secretVariable)
}

// parseSecretsOf does so for a flag and an environment variable.
func parseSecretsOf(from string, given []string, variable string) ([]signature.Secret, error) {
	if len(given) == 0 {
		given, from = strings.Fields(os.Getenv(variable)), variable
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
