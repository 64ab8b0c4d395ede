package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/postgres"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/internal/pages"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/service"
	"github.com/runhooks/runhooks/pkg/emitter"
)

// run serves until ctx ends, or can't go on.
func (o *serveOptions) run(ctx context.Context, s streams) error {
	_, tty := terminal(s.err)
	text := o.logFormat == "text" || o.logFormat == "auto" && tty
	log := newLogger(s.err, o.level, text)
	// Of what an endpoint sends unasked, net/http has only this to say, and it
	// quotes it.
	stdlog.SetOutput(io.Discard)

	ring, keysFrom, err := loadKeys(o.keyFile, o.data, o.isNew() || o.store == "" && o.keysLost)
	switch noKeys := errors.Is(err, os.ErrNotExist) && o.keyFile == ""; {
	case noKeys && o.store != "":
		return &exitError{exitUsage, "there is no key: nodes that share a PostgreSQL need the same one; runhooks keys new makes one, for RUNHOOKS_KEY or --key-file"}
	case noKeys:
		return &exitError{exitUsage, fmt.Sprintf("the database is not new, and there are no keys: copy the file keys of the backup's service to %s, or give --key-file or RUNHOOKS_KEY; if it is lost, give --keys-lost",
			filepath.Join(o.data, keysFile))}
	case err != nil:
		return &exitError{exitUsage, "the keys can't be read: " + err.Error()}
	}
	store, err := o.open(ctx, log)
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	defer store.Close()
	switch err := o.reseal(ctx, store, ring, log); {
	case errors.Is(err, keyring.ErrKey):
		return &exitError{exitUsage, fmt.Sprintf("%v (the keys are those of %s); if it is lost, give --keys-lost", err, keysFrom)}
	case err != nil:
		return &exitError{exitUsage, err.Error()}
	}
	token, err := firstToken(ctx, store, o.data)
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	tracer, sendTraces, err := o.tracer(ctx, log)
	if err != nil {
		return &exitError{exitUsage, "--otlp-endpoint: " + err.Error()}
	}
	engine := o.engine(store, ring, tracer, log)
	server, err := o.server(store, engine, ring, tracer, log)
	if err != nil {
		return err
	}
	socket, err := net.Listen("tcp", o.listenAt)
	if err != nil {
		return &exitError{exitUsage, listenFailure(o.listenAt, err)}
	}
	shown := log
	if text {
		shown = nil
	}
	o.announce(s.err, shown, socket.Addr(), token, tty)
	err = o.serve(ctx, socket, server, engine, log)

	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := sendTraces(late); err != nil {
		log.Warn("the last traces are lost", "err", err)
	}
	return err
}

// isNew says whether the database is to be made, so that no keys are needed for what
// is in it.
func (o *serveOptions) isNew() bool {
	_, err := os.Stat(filepath.Join(o.data, sqlite.File))
	return o.store == "" && errors.Is(err, os.ErrNotExist)
}

// open opens the store. It waits for a PostgreSQL that isn't there yet.
func (o *serveOptions) open(ctx context.Context, log *slog.Logger) (delivery.Store, error) {
	if o.store == "" {
		return sqlite.Open(ctx, o.data, sqlite.Options{})
	}
	const longest = 5 * time.Second
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, longest) {
		store, err := postgres.Open(waiting, o.store)
		if err == nil {
			return store, nil
		}
		if !mayPass(err) {
			return nil, err
		}
		if waiting.Err() == nil {
			log.Warn("PostgreSQL can't be reached: trying again", "err", err, "in", pause.String())
		}
		timer := time.NewTimer(pause)
		select {
		case <-waiting.Done():
			timer.Stop()
			if ctx.Err() != nil {
				return nil, errors.New("interrupted")
			}
			return nil, fmt.Errorf("PostgreSQL can't be reached for %v: %w", o.wait, err)
		case <-timer.C:
		}
	}
}

// mayPass says whether an error of opening a PostgreSQL may be gone a moment later:
// nothing listens yet, or the server is starting or stopping.
func mayPass(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		// Operator intervention, such as a start or a stop; insufficient resources.
		return strings.HasPrefix(refused.Code, "57P") || strings.HasPrefix(refused.Code, "53")
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting)
}

// reseal encrypts what is secret with the first key. If something was encrypted with a
// key that the ring doesn't have, it fails, unless keys are lost: the endpoint then gets
// a new secret, and waits for a person who gives it to the receiver.
func (o *serveOptions) reseal(ctx context.Context, store delivery.Settings, ring *keyring.Ring, log *slog.Logger) error {
	filter := delivery.EndpointFilter{Limit: 500}
	changed := 0
	for {
		endpoints, err := store.Endpoints(ctx, filter)
		if err != nil {
			return err
		}
		for _, e := range endpoints {
			audit := delivery.Audit{
				At: time.Now(), Actor: "service", Action: "endpoint.reseal", Subject: e.ID, RobotID: e.RobotID, Changes: []byte("{}"),
			}
			sealed, again, err := service.Reseal(ring, &e)
			if o.keysLost && errors.Is(err, keyring.ErrKey) {
				log.Warn("the secrets of an endpoint are lost: it has a new one and is paused", "endpoint", e.ID, "err", err)
				audit.Action = "endpoint.secrets-lost"
				sealed, again, err = service.SealNew(ring, &e), true, nil
				if e.State == delivery.Active {
					e.State = delivery.Paused
				}
			}
			if err != nil {
				return err
			}
			if !again {
				continue
			}
			e.Sealed = sealed
			_, err = store.UpdateEndpoint(ctx, e, audit)
			if err != nil && !errors.Is(err, delivery.ErrVersion) && !errors.Is(err, delivery.ErrNotFound) { // on another node
				return err
			}
			changed++
		}
		if len(endpoints) < filter.Limit {
			break
		}
		filter.After = endpoints[len(endpoints)-1].ID
	}
	if changed > 0 {
		log.Info("secrets are encrypted with the first key: others are only needed for backups", "endpoints", changed, "keys", ring)
	}
	return nil
}

// firstToken makes a token if there is none yet, keeps it in the data folder and
// returns it.
func firstToken(ctx context.Context, store delivery.Store, data string) (string, error) {
	return service.KeepFirstToken(ctx, store, func(token string) error {
		err := os.MkdirAll(data, 0o700)
		if err == nil {
			err = replaceFile(filepath.Join(data, adminTokenFile), token+"\n")
		}
		if err != nil {
			return fmt.Errorf("the first token can't be kept in %s (%w)", data, rootCause(err))
		}
		return nil
	})
}

// tracer returns what traces go to, which is nil without --otlp-endpoint, and what
// sends the last of them.
func (o *serveOptions) tracer(ctx context.Context, log *slog.Logger) (trace.TracerProvider, func(context.Context) error, error) {
	if o.otlpEndpoint == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.otlpEndpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces can't be sent", "err", err) }))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(
		attribute.String("service.name", "runhooks"), attribute.String("service.version", version()),
	)))
	return provider, provider.Shutdown, nil
}

func (o *serveOptions) engine(store delivery.Store, ring *keyring.Ring, tracer trace.TracerProvider, log *slog.Logger) *delivery.Engine {
	name := o.node
	if name == "" {
		name, _ = os.Hostname() // or none
	}
	return delivery.New(store, delivery.Options{
		Name: name, Deliver: o.has(deliverRole),
		Client: &emitter.Client{
			Guard: o.guard(), Proxy: o.forward, UserAgent: "runhooks/" + version(), Unchecked: true,
			MaxIdle: o.maxInFlight, MaxIdlePerHost: 128,
			Timeout: 2 * time.Minute, // the longest that an endpoint may have, which has its own
		},
		Unseal:    service.Unseal(ring),
		Retention: o.retention(), DisableAfter: time.Duration(o.disableAfter), MaxInFlight: o.maxInFlight,
		Grace: o.grace, TraceEndpoints: o.traceEndpoints, Logger: log, Tracer: tracer,
	})
}

func (o *serveOptions) guard() emitter.Guard { return emitter.Guard{Allow: o.allowed} }

// serve serves until ctx ends or the engine can't go on, and then lets what has
// begun come to its end: requests first, since they need the engine.
func (o *serveOptions) serve(ctx context.Context, socket net.Listener, server *http.Server, engine *delivery.Engine, log *slog.Logger) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- engine.Run(running) }()
	go func() { ended <- server.Serve(socket) }()
	var err error
	left := 2
	select {
	case <-ctx.Done():
		log.Info("stopping: attempts under way may end; a second signal stops at once", "grace", o.grace.String())
	case err = <-ended:
		left--
		log.Error("stopping: it can't go on", "err", err)
	}
	// Requests are short, but for tests of endpoints. Attempts then get all of grace.
	grace, cancel := context.WithTimeout(running, min(o.grace, 10*time.Second))
	defer cancel()
	if server.Shutdown(grace) != nil {
		server.Close()
	}
	stop()
	for range left {
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, context.Canceled) {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	log.Info("stopped")
	return nil
}

// announce says that the service is ready, where its data is, and what to do next. A
// secret is shown on a terminal only.
func (o *serveOptions) announce(w io.Writer, log *slog.Logger, at net.Addr, token string, tty bool) {
	addr := at.String()
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		addr = net.JoinHostPort("localhost", port)
	}
	url := "http://" + addr
	store := "SQLite, " + filepath.Join(o.data, sqlite.File)
	if o.store != "" {
		store = "PostgreSQL, " + redact.URL(o.store)
	}
	file := filepath.Join(o.data, adminTokenFile)
	var flags string // that the commands need to find this service and its token
	if url != defaultServer {
		flags = " --server " + url
	}
	if data, _, _ := environment("data"); o.data != data && o.data != defaultData() {
		flags += " --data " + o.data
	}
	create := "runhooks endpoints create https://example.com/events --robot ROBOT" + flags
	if log != nil {
		log.Info("listening", "url", url, "store", store, "roles", o.roles, "version", version())
		if token != "" {
			log.Info("the first token is made", "role", "admin", "file", file, "next", create)
		}
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "listening on %s\n", url)
	fmt.Fprintf(&b, "  data   %s\n", store)
	switch {
	case token != "" && tty:
		fmt.Fprintf(&b, "  token  %s (made now, shown this once; it is in %s)\n", token, file)
	case token != "":
		fmt.Fprintf(&b, "  token  in %s (made now)\n", file)
	}
	if o.has(publishRole) {
		fmt.Fprintf(&b, "  pages  open %s in a browser, and sign in with the token\n", url)
	}
	fmt.Fprintf(&b, "  next   %s\n", create)
	fmt.Fprintf(&b, "         runhooks events publish --sample run_completed --robot ROBOT%s\n", flags)
	fmt.Fprintf(&b, "  Ctrl-C ends\n")
	_, _ = io.WriteString(w, b.String())
}

// server returns a server of the API and the pages, or, for a node that only delivers,
// of its health and metrics.
func (o *serveOptions) server(store delivery.Store, engine *delivery.Engine, ring *keyring.Ring, tracer trace.TracerProvider, log *slog.Logger) (*http.Server, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{engine, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	api, err := service.New(service.Options{
		Store: store, Engine: engine, Keyring: ring, Guard: o.guard(), MaxBody: int64(o.maxBody),
		PublicURL: o.publicURL, Registry: registry, Logger: log, Tracer: tracer,
	})
	if err != nil {
		return nil, err
	}
	server := api.Server()
	mux := http.NewServeMux()
	server.Handler = mux
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, api)
	}
	if !o.has(publishRole) {
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_ = writeLine(w, problem{Type: "about:blank", Title: "Not Found", Status: http.StatusNotFound, Detail: "this node only delivers: ask one with the role publish"})
		})
		return server, nil
	}
	mux.Handle("/v1/", api)
	shown, err := pages.New(pages.Options{Service: api, Keyring: ring, Brand: o.brand, FrameAncestors: o.framedBy, Logger: log})
	if err != nil {
		return nil, err
	}
	mux.Handle("/", shown)
	server.Handler = api.Direct(mux)
	server.RegisterOnShutdown(shown.Stop)
	return server, nil
}
