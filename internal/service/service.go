// Package service is the HTTP API over package delivery: openapi/service.yaml.
//
// Roles, parameters and bodies of the operations are checked by that document, and
// so is each route: an operation that the document has is served, and nothing else.
// Events are judged by the contract and nothing else. ADR 23 says how access works,
// and how secrets are kept.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	api "github.com/runhooks/runhooks/gen/service"
	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/keyring"
	"github.com/runhooks/runhooks/pkg/emitter"
	"github.com/runhooks/runhooks/pkg/signature"
)

// DefaultMaxBody is the most bytes of an event's body, unless Options say
// otherwise.
const DefaultMaxBody = signature.DefaultMaxBytes

// The bounds of requests. maxSettings is of the bodies of all but events.
const (
	maxSettings    = 256 << 10
	maxHeader      = 32 << 10
	requestTimeout = 30 * time.Second
)

// Options are those of [New]. Store, Engine and Keyring are required.
type Options struct {
	Store   delivery.Store
	Engine  *delivery.Engine
	Keyring *keyring.Ring
	// Guard refuses URLs when they are saved. The engine's client has the same.
	Guard emitter.Guard
	// MaxBody is the most bytes of one event's body. 0 stands for
	// [DefaultMaxBody].
	MaxBody int64
	// PublicURL is the address at which browsers and servers reach the service, as portal
	// links and the URLs of inlets have it: scheme and host, such as
	// https://hooks.example.com. Empty stands for the one that the request for the link or
	// the inlet was sent to.
	PublicURL string
	// Registry is what /metrics shows, and gets the metrics of requests. nil stands
	// for a new one.
	Registry *prometheus.Registry
	// Logger is nil for none.
	Logger *slog.Logger
	// Tracer is nil for none.
	Tracer trace.TracerProvider
}

// A Service is the API, as an http.Handler.
type Service struct {
	store   delivery.Store
	engine  *delivery.Engine
	ring    *keyring.Ring
	guard   emitter.Guard
	maxBody int64
	public  string // Options.PublicURL
	logger  *slog.Logger
	tracer  trace.Tracer

	document *document
	tokens   cache[delivery.Token]
	inlets   cache[delivery.Inlet]
	// inspectors is held while one is created.
	inspectors sync.Mutex
	received   received
	mux        *http.ServeMux
	metrics    http.Handler
}

// New returns the API over a store and its engine.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Engine == nil || o.Keyring == nil {
		return nil, errors.New("service: Store, Engine and Keyring are required")
	}
	document, err := loadDocument()
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	s := &Service{
		store: o.Store, engine: o.Engine, ring: o.Keyring, guard: o.Guard,
		maxBody: cmp.Or(o.MaxBody, DefaultMaxBody), logger: o.Logger,
		public: strings.TrimSuffix(o.PublicURL, "/"), document: document, mux: http.NewServeMux(),
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if o.Tracer == nil {
		o.Tracer = noop.NewTracerProvider()
	}
	s.tracer = o.Tracer.Tracer("github.com/runhooks/runhooks/internal/service")
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	s.metrics = promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{})
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "runhooks_http_request_duration_seconds",
		Help:    "How long requests to the API took, by operation and class of status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
	}, []string{"operation", "status"})
	if err := o.Registry.Register(requests); err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}

	// What the generated server has; it finds the operation by itself.
	generated := api.HandlerWithOptions(
		api.NewStrictHandlerWithOptions(&server{s}, nil, api.StrictHTTPServerOptions{
			RequestErrorHandlerFunc:  s.badRequest,
			ResponseErrorHandlerFunc: s.fail,
		}),
		api.StdHTTPServerOptions{ErrorHandlerFunc: s.badRequest})
	byHand := map[string]http.HandlerFunc{
		"publishEvent": s.publishEvent,
		"publishBatch": s.publishBatch,
		"receiveEvent": s.receiveEvent,
		"getPayload":   s.getPayload,
		"getHealth":    s.getHealth,
		"getReadiness": s.getReadiness,
		"getMetrics":   s.metrics.ServeHTTP,
	}
	for _, op := range document.operations {
		var handler http.Handler = byHand[op.id]
		if byHand[op.id] == nil {
			handler = s.checked(op, generated)
		}
		s.mux.Handle(op.method+" "+op.path, s.operation(op, requests, handler))
	}
	s.mux.HandleFunc("/", s.noRoute)
	return s, nil
}

// Server returns a server of s, with limits that keep slow clients from holding it
// up.
func (s *Service) Server() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		// The test of an endpoint waits for the endpoint.
		WriteTimeout:   3 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}

// These headers are the same in every answer. A slice of one is shared by all.
var (
	noSniff    = []string{"nosniff"}
	noStore    = []string{"no-store"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
)

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["X-Content-Type-Options"] = noSniff
	h["Cache-Control"] = noStore
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	s.mux.ServeHTTP(w, r)
}

// A call is what is known of a request, beside the request itself.
type call struct {
	op     *operation
	bearer delivery.Token
	// request is as it came; its body may have been read.
	request *http.Request
	// body is that of a request that was checked by the document.
	body []byte
}

type callKey struct{}

// callOf returns the call of a request's context. Each request has one.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// operation serves one operation: it sees to access, records and faults.
func (s *Service) operation(op *operation, requests *prometheus.HistogramVec, next http.Handler) http.Handler {
	var classes [6]prometheus.Observer
	for i := range classes {
		classes[i] = requests.WithLabelValues(op.id, fmt.Sprintf("%dxx", i))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		c := &call{op: op, request: r}
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler {
					panic(v)
				}
				s.logger.ErrorContext(r.Context(), "panic", "operation", op.id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
				if rec.status != 0 {
					panic(http.ErrAbortHandler) // half an answer is no answer
				}
				internalProblem().write(rec)
			}
			took := time.Since(start)
			classes[min(rec.status/100, 5)].Observe(took.Seconds())
			level := slog.LevelInfo
			switch {
			case rec.status >= 500:
				level = slog.LevelWarn
			case op.role == "" || op.role == string(api.RolePublisher) && rec.status < 400:
				level = slog.LevelDebug // too many to be of interest
			}
			if s.logger.Enabled(r.Context(), level) {
				s.logger.LogAttrs(r.Context(), level, "request",
					slog.String("operation", op.id), slog.Int("status", rec.status), slog.Duration("took", took),
					slog.String("token", c.bearer.ID), slog.String("from", host(r.RemoteAddr)))
			}
		}()
		if op.role != "" {
			var p *problem
			if c.bearer, p = s.authenticate(r, op); p != nil {
				p.write(rec)
				return
			}
		}
		next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	})
}

// checked holds a request to the document before the generated server sees it.
func (s *Service) checked(op *operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := requestTimeout
		if op.id == "testEndpoint" {
			limit = 150 * time.Second // which is more than an endpoint's timeout may be
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		r = r.WithContext(ctx)
		body, p := op.check(w, r)
		if p != nil {
			p.write(w)
			return
		}
		callOf(ctx).body = body
		next.ServeHTTP(w, r)
	})
}

// noRoute answers what is not in the document.
func (s *Service) noRoute(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, inletPath) {
		wrongInletMethod(w)
		return
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if _, pattern := s.mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		problemf(http.StatusNotFound, "there is nothing at this path; the API's paths start with /v1/").write(w)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	problemf(http.StatusMethodNotAllowed, "this path takes %s", strings.Join(allowed, " and ")).write(w)
}

func (s *Service) badRequest(w http.ResponseWriter, r *http.Request, err error) {
	// What the document lets pass the generated code can read, so this is a
	// path or a header. The error may quote it, and so anything.
	s.logger.DebugContext(r.Context(), "unreadable request", "operation", callOf(r.Context()).op.id, "error", err)
	problemf(http.StatusBadRequest, "a parameter of the request can't be read").write(w)
}

// fail answers with an error of a handler.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.cause != nil && p.status >= 500 {
		s.logger.ErrorContext(r.Context(), "request failed", "operation", callOf(r.Context()).op.id, "error", p.cause)
	}
	p.write(w)
}

func (s *Service) getHealth(w http.ResponseWriter, r *http.Request) { writeOK(w) }

func (s *Service) getReadiness(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := s.engine.Ready(ctx); err != nil {
		// The probe is open to all, and the error may name hosts of the store.
		s.logger.WarnContext(r.Context(), "not ready", "error", err)
		unavailable(5*time.Second, "the service is not ready; its log says why").write(w)
		return
	}
	writeOK(w)
}

func writeOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// A recorder keeps the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func host(addr string) string {
	if h, _, err := net.SplitHostPort(addr); err == nil {
		return h
	}
	return addr
}
