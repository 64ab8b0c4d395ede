package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/form"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/report"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/pkg/receiver"
	"github.com/runhooks/runhooks/pkg/signature"
)

const all = "all"

// listenOptions are the flags of runhooks listen.
type listenOptions struct {
	addr    string
	path    string
	forward string
	// How events go to forward.
	forwardAs      string
	forwardSecrets []string
	localTimes
	record string

	recordSecrets bool
	basic         []string
	pathSecrets   []string
	querySecrets  []string
	credentials   []receiver.Credentials // of basic
	trust         trust                  // of forward
	secrets       []string
	as            string
	against       string
	status        int
	delay         time.Duration
	count         int
	format        string
	color         string
	verbose       bool
	each          bool

	schemas []string

	listenAt string                // of addr: host and port
	verify   []signature.Secret    // of secrets, or of the environment
	target   *forwarder            // of forward
	parser   event.Parser          // of localTimes
	held     []*conformance.Schema // of schemas
}

func newListen(s streams) *cobra.Command {
	o := &listenOptions{}
	cmd := &cobra.Command{
		Use:   "listen [flags]",
		Short: "Receive events, and show each as it arrives",
		Long: `Listen is a receiver to develop against. It shows each event that arrives, with
its verdict and findings, and each request that it refuses, with the reason.
Ctrl-C ends it with a summary. The exit code is 0, or 2 if it can't start or
record.

It accepts events that conform or deviate (runhooks check --help), and refuses
invalid ones, unless --against says otherwise. With a secret, it accepts only
events that are signed with it, as Standard Webhooks specifies. For senders that
can't sign, it can ask for a user and password, or for a secret in the URL:
--basic, --path-secret and --query-secret. If you give several, any one will do.

--schema also holds events to a JSON Schema of your own. An event that breaks it is
invalid.

runhooks serve can deliver events in the canonical form, and says so in the header
Runhooks-Form. Such an event has no verdict: it is accepted if it can be read.

An event that it accepts is answered with status 204, or that of --status. With
--forward, another receiver answers: it gets the body unchanged and the headers
that came with it, and its answer goes back to the sender, also a redirect.

With --forward-as, that receiver gets typed events, whatever server sends them:

  canonical   one JSON form for all events; runhooks schema canonical/run-event
              prints its schema
  documented  payloads as the contract documents them, for events that can be
              written so without making anything up. Others go as canonical, and
              listen shows why: mostly run times without a zone, for which there
              are --zone and --locale

The header Runhooks-Form says which it is. What is not an event, which only
--against all accepts, goes as received, without that header. With
--forward-secret, what goes on is signed as Standard Webhooks specifies, in any
form, so a receiver can verify what comes from a server that signs nothing. Its
webhook-id is the sender's if the listener has verified it, and otherwise a hash
of the payload, so that a repetition has the same. Listen stores nothing: send
what must not be lost through runhooks serve.

--record FILE.har adds each POST to an HTTP archive, even if it is refused: its
headers, the exact bytes of its body, and the answer. runhooks
check reads the payloads in it, runhooks verify says why a signature doesn't
match, and runhooks trigger --replay sends the requests again. Values that are
secret in headers and URLs are recorded as ***, unless with --record-secrets.

--record FILE.ndjson adds each payload that is authentic, whatever its verdict,
as one line. Line feeds in it become spaces (in a string, where JSON forbids
them, carriage returns); nothing else changes.

When it is ready, it writes "listening on URL" to standard error. ADDR without a
host is only reached from this machine; 0.0.0.0:9000 is reached from everywhere.

Secrets are not shown: user information and query values of URLs appear as ***.
The path of a URL is shown.`,
		Example: `  runhooks listen
  RUNHOOKS_SECRET=whsec_… runhooks listen --addr 127.0.0.1:9000
  runhooks listen --record events.ndjson    # then: runhooks check events.ndjson
  runhooks listen --record all.har          # then: runhooks verify all.har
  runhooks listen --forward http://127.0.0.1:3000/events
  RUNHOOKS_FORWARD_SECRET=whsec_… runhooks listen --forward http://127.0.0.1:3000/ --forward-as canonical
  runhooks listen --status 503 --delay 2s   # does the sender try again?
  runhooks listen --addr :0 --count 1 --format ndjson`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(cmd.Flags().Changed); err != nil {
				return err
			}
			return o.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.addr, "addr", "127.0.0.1:9000", "listen at `ADDR`, HOST:PORT; port 0 chooses a free one")
	flags.StringVar(&o.path, "path", "/", "accept events at `PATH`, and below it if it ends in /")
	flags.StringArrayVar(&o.secrets, "secret", nil, "verify signatures with `SECRET`, whsec_… or whpk_… (repeatable); better in the environment, as "+secretVariable+"; runhooks secret makes one")
	flags.StringArrayVar(&o.basic, "basic", nil, "take events with this user and password, as `USER:PASSWORD` (repeatable); better in the environment, as "+basicVariable)
	flags.StringArrayVar(&o.pathSecrets, "path-secret", nil, "take events with `SECRET` as the last segment of the URL's path (repeatable); better in the environment, as "+pathVariable)
	flags.StringArrayVar(&o.querySecrets, "query-secret", nil, "take events with `SECRET` as the parameter \"secret\" of the URL's query (repeatable); better in the environment, as "+queryVariable)
	choiceVar(cmd, &o.as, "as", "who the hints are for: the receiver that you develop, or the sender (receiver or sender)", string(conformance.Receiver), string(conformance.Sender))
	choiceVar(cmd, &o.against, "against", "what to accept: observed (what conforms or deviates), documented (what conforms) or all", observed, documented, all)
	flags.StringVar(&o.forward, "forward", "", "pass accepted events on to `URL`, and pass its answers back")
	choiceVar(cmd, &o.forwardAs, "forward-as", "form in which events go to --forward: received, canonical or documented", string(form.Received), string(form.Canonical), string(form.Documented))
	flags.StringArrayVar(&o.forwardSecrets, "forward-secret", nil, "sign what goes to --forward with `SECRET`, whsec_… or whsk_… (repeatable); better in the environment, as "+forwardVariable)
	o.localTimes.flags(cmd)
	o.trust.flags(flags)
	flags.StringVar(&o.record, "record", "", "add requests to `FILE` (.har), or payloads, one a line (.ndjson)")
	flags.BoolVar(&o.recordSecrets, "record-secrets", false, "also record what is secret in headers and URLs")
	flags.IntVar(&o.status, "status", http.StatusNoContent, "answer accepted events with status `N`")
	flags.DurationVar(&o.delay, "delay", 0, "wait for `DURATION`, such as 2s, before answering an accepted event")
	flags.IntVar(&o.count, "count", 0, "end after `N` POST requests (default: never)")
	choiceVar(cmd, &o.format, "format", "form of the output: text, or ndjson with an object for each request", "text", "ndjson")
	choiceVar(cmd, &o.color, "color", "colour the text: auto, always or never", "auto", "always", "never")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show all findings of an event, not only the first few")
	flags.BoolVar(&o.each, "each", false, "list each finding by itself, rather than those of one rule in one column as one")
	schemaVar(cmd, &o.schemas)
	cmd.MarkFlagsMutuallyExclusive("status", "forward")
	return cmd
}

// validate checks what no single flag can, and reads what is left to read.
func (o *listenOptions) validate(changed func(flag string) bool) (err error) {
	switch {
	case !strings.HasPrefix(o.path, "/"):
		return fmt.Errorf("--path %q doesn't start with /", o.path)
	case strings.ContainsAny(o.path, "?#"):
		return fmt.Errorf("--path %s has more than a path: leave out what begins with ? or #", redact.URL(o.path))
	case redact.Text(o.path) != o.path:
		return errors.New("--path has a secret in it, which everybody would see: give it with --secret, or " + secretVariable)
	case changed("status") && (o.status < 200 || o.status > 599):
		return fmt.Errorf("--status is %d: it is 200 to 599", o.status)
	case o.delay < 0:
		return fmt.Errorf("--delay is %v: it can't be negative", o.delay)
	case o.count < 0:
		return fmt.Errorf("--count is %d: it is 1 or more", o.count)
	case o.record != "" && !strings.HasSuffix(o.record, ".ndjson") && !strings.HasSuffix(o.record, ".jsonl") && !strings.HasSuffix(o.record, ".har"):
		return fmt.Errorf("--record %q: call it .har for requests with their headers, or .ndjson for payloads, so that runhooks check knows the form", o.record)
	case o.recordSecrets && !strings.HasSuffix(o.record, ".har"):
		return errors.New("--record-secrets is about headers and URLs, which only --record FILE.har keeps")
	case o.forward == "" && (changed("forward-as") || changed("forward-secret")):
		return errors.New("--forward-as and --forward-secret are about what goes to --forward: give its URL as well")
	case o.localTimes.given() && o.forwardAs == form.Received.String():
		return errors.New("--zone, --locale and --layout are about --forward-as canonical or documented: what goes on as received is not changed")
	}
	if o.parser, err = o.localTimes.parser(); err != nil {
		return err
	}
	if o.listenAt, err = parseAddr(o.addr); err != nil {
		return err
	}
	if o.verify, err = parseSecrets(o.secrets); err != nil {
		return err
	}
	if err = o.parseUnsigned(); err != nil {
		return err
	}
	if o.held, err = loadSchemas(o.schemas); err != nil {
		return err
	}
	if o.forward != "" {
		trusted, err := o.trust.config()
		if err != nil {
			return err
		}
		if o.target, err = newForwarder(o.forward, trusted); err != nil {
			return fmt.Errorf("--forward %s: %w", redact.URL(o.forward), err)
		}
		return o.parseForwardForm()
	}
	return nil
}

// forwardVariable is the environment variable with the secrets of --forward-secret.
const forwardVariable = "RUNHOOKS_FORWARD_SECRET"

// parseForwardForm reads how events go to --forward.
func (o *listenOptions) parseForwardForm() (err error) {
	if o.target.form, err = form.Parse(o.forwardAs); err != nil {
		return err // which the flag has ruled out
	}
	if o.target.secrets, err = parseSecretsOf("--forward-secret", o.forwardSecrets, forwardVariable); err != nil {
		return err
	}
	if len(o.target.secrets) > 0 {
		if _, err := signature.Sign("id", time.Now(), nil, o.target.secrets...); err != nil {
			return fmt.Errorf("--forward-secret, or %s: %s", forwardVariable, strings.TrimPrefix(err.Error(), "signature: "))
		}
	}
	return nil
}

// parseAddr gives the host and port of --addr: :9000 and 9000 are of the
// loopback interface.
func parseAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil && !strings.Contains(addr, ":") {
		host, port, err = "", addr, nil
	}
	if err != nil {
		return "", fmt.Errorf("--addr %q is not HOST:PORT, such as 127.0.0.1:9000", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("--addr %q: a port is 0 to 65535, where 0 is any that is free", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// acceptances are those of --against.
var acceptances = map[string]receiver.Acceptance{
	documented: receiver.AcceptDocumented,
	observed:   receiver.AcceptObserved,
	all:        receiver.AcceptAll,
}

// run listens until ctx ends, or there were enough requests.
func (o *listenOptions) run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := &listener{
		path: o.path, status: o.status, delay: o.delay, forward: o.target, count: o.count,
		verifies: len(o.verify) > 0, asksUnsigned: o.asksUnsigned(), hidesPath: len(o.pathSecrets) > 0, recordsSecrets: o.recordSecrets,
		checker: conformance.Checker{As: conformance.Role(o.as), Each: o.each, Schemas: o.held}, stopping: ctx, stop: cancel,
		view: &arrivalView{Terminal: styled(s.out, o.color), out: s.out, json: o.format == "ndjson", verbose: o.verbose,
			policy: report.Policy{Observed: o.against != documented, As: conformance.Role(o.as)}},
	}
	if err := l.receive(o); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if o.record != "" {
		var err error
		if l.recorder, err = openRecorder(o.record, o.recordSecrets); err != nil {
			return &exitError{exitUsage, err.Error()}
		}
		defer l.recorder.Close()
	}
	socket, err := net.Listen("tcp", o.listenAt)
	if err != nil {
		return &exitError{exitUsage, listenFailure(o.listenAt, err)}
	}
	url, addr := o.url(socket.Addr())
	if o.target != nil && o.target.leadsTo(addr) {
		socket.Close()
		return &exitError{exitUsage, fmt.Sprintf("--forward %s is this listener itself", o.forward)}
	}
	conformance.Check(nil) // gets the contract ready, for which the first event would have to wait
	o.announce(s.err, url, addr)
	return l.serve(ctx, socket)
}

// receive makes the receiver that the listener asks.
func (l *listener) receive(o *listenOptions) (err error) {
	options := receiver.Options{
		Accept:       acceptances[o.against],
		Parser:       o.parser,
		Schemas:      o.held,
		Deduplicator: l,
		Observer:     observe,
		Logger:       slog.New(slog.DiscardHandler),
	}
	if l.verifies {
		options.Verifier = &signature.Verifier{Secrets: o.verify}
	}
	options.Basic, options.PathSecrets, options.QuerySecrets = o.credentials, o.pathSecrets, o.querySecrets
	options.InsecureNoAuthentication = !l.verifies && !o.asksUnsigned()
	l.receiver, err = receiver.New(receiver.Handlers{Event: l.take, Unknown: l.take}, options)
	return err
}

// serve serves until ctx ends, and then lets what has begun come to its end.
func (l *listener) serve(ctx context.Context, socket net.Listener) error {
	server := &http.Server{
		Handler:           l,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	}()
	if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		l.fail(err)
	}
	<-stopped
	if err := l.view.summary(); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	var failed *listenError
	if errors.As(context.Cause(ctx), &failed) {
		return &exitError{exitUsage, failed.Error()}
	}
	return nil
}

// A listenError ends a listener that can't go on.
type listenError struct{ error }

// url gives the URL that senders can use, and the address that it stands for.
func (o *listenOptions) url(at net.Addr) (string, netip.AddrPort) {
	addr, _ := netip.ParseAddrPort(at.String()) // TCP addresses are in that form
	host := addr.String()
	if addr.Addr().IsUnspecified() {
		host = fmt.Sprintf("localhost:%d", addr.Port())
	}
	return "http://" + host + o.path, addr
}

// announce says that the listener is ready, and how it is set.
func (o *listenOptions) announce(w io.Writer, url string, addr netip.AddrPort) {
	var b strings.Builder
	fmt.Fprintf(&b, "listening on %s\n", url)
	for _, way := range []struct {
		n    int
		what string
	}{
		{len(o.credentials), "a user and password, by HTTP Basic"}, {len(o.pathSecrets), "a secret behind the URL above"},
		{len(o.querySecrets), "a secret as ?" + receiver.QueryParameter + "=… behind the URL above"},
	} {
		if way.n > 0 {
			fmt.Fprintf(&b, "  events are accepted with %s\n", way.what)
		}
	}
	switch n := len(o.verify); {
	case n == 0 && o.asksUnsigned():
	case n > 0 && len(o.secrets) == 0:
		fmt.Fprintf(&b, "  signatures are verified, with %s of %s\n", number(n, "secret"), secretVariable)
	case n > 0:
		fmt.Fprintf(&b, "  signatures are verified, with %s\n", number(n, "secret"))
	case addr.Addr().IsLoopback():
		fmt.Fprintf(&b, "  signatures are not verified: give --secret, or %s; runhooks secret makes one\n", secretVariable)
	default:
		fmt.Fprintf(&b, "  anybody who can reach %v can send: give --secret, or %s, to verify signatures; runhooks secret makes one\n", addr, secretVariable)
	}
	if len(o.schemas) > 0 {
		fmt.Fprintf(&b, "  events must also satisfy %s\n", redact.Text(strings.Join(o.schemas, ", ")))
	}
	if f := o.target; f != nil {
		how := ""
		if f.form != form.Received {
			how = ", as " + f.form.String()
		}
		if len(f.secrets) > 0 {
			how += ", signed with " + number(len(f.secrets), "secret")
			if len(o.forwardSecrets) == 0 {
				how += " of " + forwardVariable
			}
		}
		fmt.Fprintf(&b, "  accepted events go to %s%s\n", redact.URL(o.forward), how)
		if f.delivers() && len(f.secrets) == 0 {
			fmt.Fprintf(&b, "  what goes there is not signed: give --forward-secret, or %s; runhooks secret makes one\n", forwardVariable)
		}
	}
	if o.record != "" {
		what := "payloads"
		if strings.HasSuffix(o.record, ".har") {
			what = "requests"
		}
		fmt.Fprintf(&b, "  %s are added to %s\n", what, redact.Text(o.record))
	}
	if o.count == 0 {
		fmt.Fprintln(&b, "  Ctrl-C ends")
	}
	_, _ = io.WriteString(w, b.String()) // as with any other line there
}

// listenFailure says why there can't be listened at an address.
func listenFailure(addr string, err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return addr + " is in use: choose another with --addr, or :0 for any port that is free"
	case errors.Is(err, syscall.EACCES):
		return addr + " is not allowed: choose a port above 1023 with --addr"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return addr + " is not an address of this machine: choose another with --addr, such as 127.0.0.1:9000"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fmt.Sprintf("can't listen at %s: %v", addr, err)
}
