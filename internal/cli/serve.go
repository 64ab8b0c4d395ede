package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/pages"
	"github.com/runhooks/runhooks/internal/service"
)

// The roles of a process that serves.
const (
	publishRole = "publish"
	deliverRole = "deliver"
)

// serveOptions are the flags of runhooks serve.
type serveOptions struct {
	addr           string
	data           string
	store          string
	roles          []string
	node           string
	keyFile        string
	keysLost       bool
	allow          []string
	proxy          string
	maxBody        byteSize
	maxInFlight    int
	disableAfter   period
	retain         period
	retainHeld     period
	retainAudit    period
	maxSize        byteSize
	grace          time.Duration
	wait           time.Duration
	traceEndpoints bool
	otlpEndpoint   string
	publicURL      string
	frameAncestors []string
	brandName      string
	brandLogo      string
	brandColor     string
	logLevel       string
	logFormat      string

	listenAt string         // of addr: host and port
	allowed  []netip.Prefix // of allow
	forward  *url.URL       // of proxy
	level    slog.Level     // of logLevel
	brand    pages.Brand    // of brandName, brandLogo and brandColor
	framedBy []string       // of frameAncestors
}

func newServe(s streams) *cobra.Command {
	o := &serveOptions{
		maxBody: service.DefaultMaxBody, disableAfter: period(120 * time.Hour),
		retain: period(30 * day), retainHeld: period(30 * day), retainAudit: period(365 * day),
	}
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Run the delivery service",
		Long: `Serve runs the delivery service: a platform publishes events to its HTTP API, and it
delivers them to the endpoints of each robot. An event that it has accepted is on
disk, and is delivered at least once.

In a browser, the same address shows the settings and deliveries of robots to people
who sign in with a token. A link that runhooks portal-link makes shows one robot, with
the platform's name, logo and colour.

Without flags it keeps everything in one folder, which it creates. The first start
writes a token for the API into the file admin-token there, and the key that
encrypts the secrets of endpoints into the file keys. The other commands of the
service (runhooks endpoints --help) find the token by themselves on this machine.

With --store it keeps its rows in PostgreSQL 15 or newer, which any number of
nodes may share. All of them need the same key: runhooks keys new makes one.

Each setting is a flag, or an environment variable, which is named in brackets below.
With _FILE at its end, a variable names a file that has the value. Give the store's
password and the key that way, since others on this machine can see flags.

On a terminal it prints text, otherwise a JSON object a line, to standard error.
SIGINT or SIGTERM ends it, once attempts under way are over or --grace has passed;
a second signal ends it at once. Events are not lost by either. The exit code is
0, 2 if it can't start or go on, or 130 or 143 after a second signal.`,
		Example: `  runhooks serve
  runhooks serve --addr 0.0.0.0:8080 --data /var/lib/runhooks
  runhooks serve --allow 10.0.0.0/8          # endpoints in a private network
  RUNHOOKS_STORE=postgres://user:password@db/runhooks runhooks serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "serve the API at `ADDR`, HOST:PORT; port 0 chooses a free one, 0.0.0.0:8080 can be reached from everywhere")
	dataVar(cmd, &o.data)
	flags.StringVar(&o.store, "store", "", "keep everything in PostgreSQL at `URL`, postgres://… (default: in SQLite, in --data)")
	flags.StringSliceVar(&o.roles, "role", []string{publishRole, deliverRole}, "`ROLES` of this node: publish serves the API, deliver makes attempts")
	flags.StringVar(&o.node, "node", "", "`NAME` of this node in records of attempts (default: the host's name)")
	flags.StringSliceVar(&o.allow, "allow", nil, "let endpoints be at addresses in `CIDR` although they are not public, such as 10.0.0.0/8 (repeatable)")
	flags.StringVar(&o.proxy, "proxy", "", "send attempts through the HTTP proxy at `URL`; HTTPS_PROXY and the like have no effect")
	flags.Var(&o.maxBody, "max-body", "refuse events larger than `SIZE`")
	flags.IntVar(&o.maxInFlight, "max-in-flight", 4096, "make at most `N` attempts at once, to all endpoints together")
	flags.Var(&o.disableAfter, "disable-after", "disable an endpoint whose attempts only failed for `PERIOD`")
	flags.Var(&o.retain, "retain", "remove finished deliveries, with their events and attempts, after `PERIOD`; 0 keeps them")
	flags.Var(&o.retainHeld, "retain-held", "let deliveries that an endpoint's pause holds expire after `PERIOD`; 0 keeps them")
	flags.Var(&o.retainAudit, "retain-audit", "remove entries of the audit log after `PERIOD`; 0 keeps them")
	flags.Var(&o.maxSize, "max-size", "remove the oldest finished deliveries earlier if the database is larger than `SIZE` (default: no limit)")
	flags.DurationVar(&o.grace, "grace", 30*time.Second, "when stopping, let attempts under way take `DURATION`, at least 1s")
	flags.DurationVar(&o.wait, "wait", time.Minute, "when starting, wait up to `DURATION` for PostgreSQL")
	flags.BoolVar(&o.keysLost, "keys-lost", false, "start although keys are lost: pause endpoints whose secrets can't be decrypted, and give them new ones")
	flags.BoolVar(&o.traceEndpoints, "trace-endpoints", false, "send the traceparent header to endpoints")
	flags.StringVar(&o.otlpEndpoint, "otlp-endpoint", "", "send traces to the OpenTelemetry collector at `URL`, such as http://127.0.0.1:4318 (OTLP over HTTP)")
	flags.StringVar(&o.publicURL, "public-url", "", "the `URL` at which browsers and servers reach the service, for portal links and inlets, such as https://hooks.example.com (default: that of the request that makes a link or an inlet)")
	flags.StringSliceVar(&o.frameAncestors, "frame-ancestors", nil, "let pages at `ORIGIN`, such as https://app.example.com or https://*.example.com, show the portal in a frame (repeatable); needs https")
	flags.StringVar(&o.brandName, "brand-name", "", "show `NAME` in the portal, as its owner")
	flags.StringVar(&o.brandLogo, "brand-logo", "", "show the logo in `FILE` in the portal: SVG or PNG, up to 256 KiB")
	flags.StringVar(&o.brandColor, "brand-color", "", "give the portal's bar and main buttons the `COLOR`, such as #0a7cff")
	choiceVar(cmd, &o.logLevel, "log-level", "what to log: debug, info, warn or error", "info", "debug", "warn", "error")
	choiceVar(cmd, &o.logFormat, "log-format", "form of the log: auto is text on a terminal, and json otherwise", "auto", "text", "json")
	settings(cmd)
	// Not one of settings: RUNHOOKS_KEY_FILE is the file's name, and RUNHOOKS_KEY what is in it.
	flags.StringVar(&o.keyFile, "key-file", "", "encrypt the secrets of endpoints with the keys in `FILE` (default: the file keys in --data) [RUNHOOKS_KEY_FILE, or the keys themselves: RUNHOOKS_KEY]")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{publishRole, deliverRole}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.MarkFlagFilename("brand-logo", "svg", "png")
	return cmd
}

// dataVar adds the flag of the folder in which a service keeps its data.
func dataVar(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "data", defaultData(), "the `DIR` of the service's data")
	_ = cmd.MarkFlagDirname("data")
}

// defaultData returns the folder for data of programs that the user runs, as the
// XDG Base Directory Specification has it.
func defaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "runhooks")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "runhooks-data"
	}
	return filepath.Join(home, ".local", "share", "runhooks")
}

// validate checks what no single flag can, and reads what is left to read.
func (o *serveOptions) validate() (err error) {
	if o.listenAt, err = parseAddr(o.addr); err != nil {
		return err
	}
	for _, role := range o.roles {
		if role != publishRole && role != deliverRole {
			return fmt.Errorf("--role %q: the roles are publish and deliver", role)
		}
	}
	switch {
	case len(o.roles) == 0:
		return errors.New("--role is empty: the roles are publish and deliver")
	case o.store == "" && !(o.has(publishRole) && o.has(deliverRole)):
		return errors.New("--role: with SQLite there is one node, which publishes and delivers; nodes with different roles share a PostgreSQL (--store)")
	case o.store != "" && !strings.HasPrefix(o.store, "postgres://") && !strings.HasPrefix(o.store, "postgresql://"):
		return errors.New("--store is not the URL of a PostgreSQL, such as postgres://user@host/database")
	case o.maxInFlight < 1:
		return fmt.Errorf("--max-in-flight is %d: it is 1 or more", o.maxInFlight)
	case o.disableAfter < period(time.Minute):
		return fmt.Errorf("--disable-after is %v: it is at least 1m", &o.disableAfter)
	case o.grace < 0 || o.wait < 0:
		return errors.New("--grace and --wait can't be negative")
	}
	for _, cidr := range o.allow {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(cidr))
		if err != nil {
			return fmt.Errorf("--allow %q is not a network such as 10.0.0.0/8, or 10.1.2.3/32 for one address", cidr)
		}
		o.allowed = append(o.allowed, prefix.Masked())
	}
	o.grace = max(o.grace, time.Second) // 0 would be the engine's default
	if o.proxy != "" {
		o.forward, err = url.Parse(o.proxy)
		if err != nil || o.forward.Host == "" || o.forward.Scheme != "http" && o.forward.Scheme != "https" {
			return errors.New("--proxy is not a URL such as http://proxy.example:3128")
		}
	}
	if o.otlpEndpoint != "" {
		if u, err := url.Parse(o.otlpEndpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
			return errors.New("--otlp-endpoint is not a URL such as http://127.0.0.1:4318, without user and query; OTEL_EXPORTER_OTLP_HEADERS may have an authorization")
		}
	}
	if err := o.validatePortal(); err != nil {
		return err
	}
	return o.level.UnmarshalText([]byte(o.logLevel))
}

// validatePortal reads the settings of the pages.
func (o *serveOptions) validatePortal() (err error) {
	if o.publicURL != "" {
		u, err := url.Parse(o.publicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return errors.New("--public-url is not a URL such as https://hooks.example.com, without a path")
		}
		o.publicURL = u.Scheme + "://" + u.Host
	}
	for _, text := range o.frameAncestors {
		origin, err := pages.ParseOrigin(text)
		if err != nil {
			return fmt.Errorf("--frame-ancestors %q: %w", text, err)
		}
		o.framedBy = append(o.framedBy, origin)
	}
	if o.brand.Name, err = pages.ParseName(o.brandName); err != nil {
		return fmt.Errorf("--brand-name: %w", err)
	}
	if o.brandColor != "" {
		if o.brand.Color, err = pages.ParseColor(o.brandColor); err != nil {
			return fmt.Errorf("--brand-color %q: %w", o.brandColor, err)
		}
	}
	if o.brandLogo != "" {
		if o.brand.Logo, err = readLogo(o.brandLogo); err != nil {
			return fmt.Errorf("--brand-logo %s: %w", o.brandLogo, err)
		}
	}
	return nil
}

func readLogo(file string) (*pages.Logo, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, rootCause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, pages.MaxLogo+1))
	if err != nil {
		return nil, rootCause(err)
	}
	return pages.ParseLogo(data)
}

func (o *serveOptions) has(role string) bool { return slices.Contains(o.roles, role) }

func (o *serveOptions) retention() delivery.Retention {
	return delivery.Retention{
		Finished: time.Duration(o.retain), Held: time.Duration(o.retainHeld), Audit: time.Duration(o.retainAudit),
		Idempotency: day, Expired: day, MaxBytes: int64(o.maxSize),
	}
}
