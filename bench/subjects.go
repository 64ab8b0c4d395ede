package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/sys/cpu"

	"github.com/runhooks/runhooks/bench/corpus"
	"github.com/runhooks/runhooks/bench/internal/clock"
	"github.com/runhooks/runhooks/jsonschema"
)

// errUnavailable is what a subject is not measured for, without that being a
// failure: what it needs is not on this machine.
var errUnavailable = errors.New("not available")

// A subject is one row of the tables: something that judges payloads, in a process that
// keeps running.
type subject struct {
	name string
	// does says what one judgement is, from bytes to verdict.
	does string
	// packages are modules of Go, or packages that a worker reports on.
	packages []string
	// parses marks a floor: it only parses, so it can't reject what is JSON.
	parses bool
	// on says which corpora it judges.
	on kind
	// lists says that it lists everything that is wrong: it has to find something in each
	// payload that deviates. Others judge these by the observed schemas, and accept.
	lists bool
	start func(*workers) (runner, error)
}

// A kind is what corpora are made of.
type kind int

const (
	conforming kind = iota // events that are as the documentation has them
	deviating              // events as servers send them
	either
)

// covers reports whether corpora that deviate, or that don't, are of the kind.
func (k kind) covers(deviates bool) bool { return k == either || (k == deviating) == deviates }

// A runner is a subject that has started.
type runner interface {
	// accepts judges one payload.
	accepts(payload []byte) (bool, error)
	// run judges payloads of in as p says.
	run(in *input, p portion) (run, error)
}

// An input is a corpus and the file that has it: each payload with a line feed.
type input struct {
	corpus.Corpus
	file string
}

// A portion is how much of a corpus one measurement judges: its first payloads,
// over and over.
type portion struct{ payloads, passes int }

// size returns the bytes that a measurement of p judges.
func (in *input) size(p portion) int {
	return p.passes * corpus.Corpus{Payloads: in.Payloads[:p.payloads]}.Size()
}

// A run is what came of a call of a runner.
type run struct {
	elapsed  time.Duration // of the processor
	rejected int           // judgements
	found    int           // errors, of those that list them
	reason   string        // of the first of them
	allocs   float64       // per judgement, or unknown
}

const unknown = -1

const viaAny = "encoding/json into any, dispatch on event_type, validate"

// The subjects that the others are compared with, on each kind of corpora.
const (
	ourName    = "runhooks"
	ourChecker = "runhooks Check"
)

// Others that targets are about.
const (
	ourModule   = "runhooks (Node.js)"
	ourObserved = "runhooks ObservedRunEvent"
	allAjv      = "ajv (Node.js), all errors"
	allV5       = "jsonschema v5, all errors"
	allParse    = "simdjson (C++)"
)

// subjects returns all rows, validators before floors.
func subjects() []subject {
	return []subject{
		{
			name:     ourName,
			does:     "validates the bytes; builds nothing",
			packages: []string{"github.com/runhooks/runhooks"},
			start:    inProcess(newOurs("Valid")),
		},
		{
			name:  ourChecker,
			does:  "judges the bytes by both layers, and makes the report: each finding with its place, message and hint",
			on:    either,
			lists: true,
			start: inProcess(newOurs("Check")),
		},
		{
			name:  ourChecker + ", each",
			does:  "the same with Each: findings of one rule in one column are not put together",
			on:    deviating,
			lists: true,
			start: inProcess(newEach),
		},
		{
			name:  ourObserved,
			does:  "only accepts or refuses, by the observed layer: what Check can't be faster than",
			on:    deviating,
			start: inProcess(newOurs("ObservedRunEvent")),
		},
		{
			name:  ourName + ", simd",
			does:  "the same, built with `GOEXPERIMENT=simd` and `GOAMD64=v3`",
			start: inSIMD,
		},
		{
			name:     "jsonschema v5",
			does:     viaAny,
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v5"},
			start:    inProcess(first(compileV5)),
		},
		{
			name:     "jsonschema v6",
			does:     viaAny,
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v6"},
			start:    inProcess(first(compileV6)),
		},
		{
			name:     "google/jsonschema-go",
			does:     viaAny + "; it knows no formats",
			packages: []string{"github.com/google/jsonschema-go"},
			start:    inProcess(first(compileGoogle)),
		},
		{
			name:     "kin-openapi",
			does:     viaAny + " by its own validator, which is for OpenAPI 3.0",
			packages: []string{"github.com/getkin/kin-openapi"},
			start:    inProcess(newKin(openapi3.FailFast())),
		},
		{
			name:     "kin-openapi, 2020-12",
			does:     viaAny + " as it does for OpenAPI 3.1: by jsonschema v6, for which it compiles the schema each time",
			packages: []string{"github.com/getkin/kin-openapi"},
			start:    inProcess(newKin(openapi3.EnableJSONSchema2020(), openapi3.FailFast())),
		},
		{
			name:     "libopenapi-validator",
			does:     viaAny + " by ValidateSchemaObject, which keeps the schema compiled; its checks of requests need paths and have none for webhooks",
			packages: []string{"github.com/pb33f/libopenapi-validator"},
			start:    inProcess(newLibOpenAPI),
		},
		{
			name:     "ogen",
			does:     "dispatches on event_type, decodes the bytes into generated types, calls their Validate",
			packages: []string{"github.com/ogen-go/ogen"},
			start:    inProcess(newOgen),
		},
		{
			name:     "ajv (Node.js)",
			does:     "Buffer to string, JSON.parse, dispatch on event_type, standalone code of ajv in strict mode with ajv-formats",
			packages: []string{"ajv", "ajv-formats", "node"},
			start:    inNode("ajv"),
		},
		{
			name:     ourModule + " check",
			does:     "package runhooks of npm, the same code as WebAssembly: the report of Check, as JSON and from there as objects",
			packages: []string{"node"},
			on:       either,
			lists:    true,
			start:    inNode("runhooks check"),
		},
		{
			name:     ourModule + " parse",
			does:     "the same, and the canonical event",
			packages: []string{"node"},
			on:       either,
			lists:    true,
			start:    inNode("runhooks parse"),
		},
		{
			name:     allV5,
			does:     viaAny + " by the documented layer, BasicOutput",
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v5"},
			on:       deviating,
			lists:    true,
			start:    inProcess(listing(compileV5, countV5, documented)),
		},
		{
			name:     "jsonschema v5, both layers",
			does:     "the same, and by the observed layer",
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v5"},
			on:       deviating,
			lists:    true,
			start:    inProcess(listing(compileV5, countV5, documented, observed)),
		},
		{
			name:     "jsonschema v6, all errors",
			does:     viaAny + " by the documented layer, BasicOutput",
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v6"},
			on:       deviating,
			lists:    true,
			start:    inProcess(listing(compileV6, countV6, documented)),
		},
		{
			name:     "jsonschema v6, both layers",
			does:     "the same, and by the observed layer",
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v6"},
			on:       deviating,
			lists:    true,
			start:    inProcess(listing(compileV6, countV6, documented, observed)),
		},
		{
			name:     "kin-openapi, all errors",
			does:     viaAny + " by its own validator with MultiErrors",
			packages: []string{"github.com/getkin/kin-openapi"},
			on:       deviating,
			lists:    true,
			start:    inProcess(newKin(openapi3.MultiErrors())),
		},
		{
			name:     "libopenapi-validator, all errors",
			does:     viaAny + " by ValidateSchemaObject, which always lists them",
			packages: []string{"github.com/pb33f/libopenapi-validator"},
			on:       deviating,
			lists:    true,
			start:    inProcess(newLibOpenAPI),
		},
		{
			name:     allAjv,
			does:     "as ajv's row, with `allErrors`, by the documented layer",
			packages: []string{"ajv", "ajv-formats", "node"},
			on:       deviating,
			lists:    true,
			start:    inNode("ajv, all errors"),
		},
		{
			name:     "ajv (Node.js), both layers",
			does:     "the same, and by the observed layer, for which strictTypes is off",
			packages: []string{"ajv", "ajv-formats", "node"},
			on:       deviating,
			lists:    true,
			start:    inNode("ajv, both layers"),
		},
		{
			name:     allParse,
			does:     "parses to a tape, called through Python for each payload",
			packages: []string{"pysimdjson", "python", "simdjson"},
			parses:   true,
			on:       either,
			start:    inPython("simdjson"),
		},
		{
			name:     "simdjson-go",
			does:     "parses to a tape",
			packages: []string{"github.com/minio/simdjson-go"},
			parses:   true,
			on:       either,
			start:    inProcess(newSimdjsonGo),
		},
		{
			name:     "jx",
			does:     "skips over the document; keeps nothing",
			packages: []string{"github.com/go-faster/jx"},
			parses:   true,
			on:       either,
			start:    inProcess(newJX),
		},
		{
			name:     "jsontext",
			does:     "checks the tokens, UTF-8 and names for duplicates; keeps nothing",
			packages: []string{"github.com/go-json-experiment/json"},
			parses:   true,
			on:       either,
			start:    inProcess(newJSONText),
		},
		{
			name:   "json.Valid",
			does:   "checks the tokens; keeps nothing",
			parses: true,
			on:     either,
			start:  inProcess(newJSONValid),
		},
		{
			name:   "json.Unmarshal",
			does:   "decodes into any: what the validators of Go values do first",
			parses: true,
			on:     either,
			start:  inProcess(newJSONUnmarshal),
		},
		{
			name:     "JSON.parse (Node.js)",
			does:     "Buffer to string, JSON.parse: what ajv's row does first",
			packages: []string{"node"},
			parses:   true,
			on:       either,
			start:    inNode("JSON.parse"),
		},
	}
}

// inProcess starts a subject that is Go.
func inProcess(start func() (judge, error)) func(*workers) (runner, error) {
	return func(*workers) (runner, error) {
		j, err := start()
		if err != nil {
			return nil, err
		}
		return goRunner(j), nil
	}
}

// inSIMD starts ours as another build has it.
func inSIMD(w *workers) (runner, error) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasBMI2 || !cpu.X86.HasFMA {
		return nil, fmt.Errorf("%w: the processor has no AVX2", errUnavailable)
	}
	simd, err := w.simd()
	if err != nil {
		return nil, err
	}
	return workerRunner{worker: simd, subject: "Valid"}, nil
}

func inNode(name string) func(*workers) (runner, error) {
	return func(w *workers) (runner, error) {
		node, err := w.node()
		if err != nil {
			return nil, err
		}
		return workerRunner{worker: node, subject: name}, nil
	}
}

func inPython(name string) func(*workers) (runner, error) {
	return func(w *workers) (runner, error) {
		python, err := w.python()
		if err != nil {
			return nil, err
		}
		return workerRunner{worker: python, subject: name}, nil
	}
}

// workers are those of other languages and builds, started when first asked for.
type workers struct {
	node, python, simd, before, after func() (*worker, error)

	started []*worker
}

// newWorkers returns workers that can be started. Without others, none can. Before is the
// program of that one.
func newWorkers(others bool, python, before string) *workers {
	w := new(workers)
	lazily := func(interpreter string, args ...string) func() (*worker, error) {
		return sync.OnceValues(func() (*worker, error) {
			if !others {
				return nil, fmt.Errorf("%w: only Go was asked for", errUnavailable)
			}
			start := request{Do: "start"}
			var err error
			if start.Schemas, err = schemaTexts(documented); err != nil {
				return nil, err
			}
			if start.Observed, err = schemaTexts(observed); err != nil {
				return nil, err
			}
			started, err := startWorker(start, interpreter, args...)
			if err != nil {
				return nil, err
			}
			w.started = append(w.started, started)
			return started, nil
		})
	}
	// One thread, as the Go subjects have: V8 would collect garbage on others.
	w.node = lazily("node", "--single-threaded", "--expose-gc", "node/worker.mjs")
	w.python = lazily(python, "python/worker.py")
	w.simd = lazily("env", "GOEXPERIMENT=simd", "GOAMD64=v3", "go", "run", "./worker")
	w.before = lazily(before)
	w.after = lazily("go", "run", "./worker")
	return w
}

// schemaTexts reads the files, which are by event_type.
func schemaTexts(files map[string]string) (map[string]string, error) {
	texts := make(map[string]string)
	for event, file := range files {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			return nil, err
		}
		texts[event] = string(text)
	}
	return texts, nil
}

func (w *workers) close() error {
	var errs []error
	for _, started := range w.started {
		errs = append(errs, started.close())
	}
	return errors.Join(errs...)
}

// versions returns the packages of s with their versions.
func (w *workers) versions(s subject) []string {
	var found []string
	info, _ := debug.ReadBuildInfo()
	for _, name := range s.packages {
		if info != nil {
			at := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == name })
			if at >= 0 && !strings.HasPrefix(info.Deps[at].Version, "v0.0.0") {
				found = append(found, name+" "+info.Deps[at].Version)
			}
		}
		for _, started := range w.started {
			if v := started.versions[name]; v != "" {
				found = append(found, name+" "+v)
			}
		}
	}
	return found
}

// A goRunner is a subject of this process.
type goRunner judge

func (g goRunner) accepts(payload []byte) (bool, error) { return g(payload) == nil, nil }

func (g goRunner) run(in *input, p portion) (run, error) {
	runtime.GC() // what others left behind is not this one's
	var r run
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := clock.CPU()
	for range p.passes {
		for _, payload := range in.Payloads[:p.payloads] {
			if err := g(payload); err != nil {
				r.rejected++
				if n, ok := err.(findings); ok {
					r.found += int(n)
				}
				if r.reason == "" {
					r.reason = err.Error()
				}
			}
		}
	}
	r.elapsed = clock.CPU() - start
	runtime.ReadMemStats(&after)
	r.allocs = float64(after.Mallocs-before.Mallocs) / float64(p.passes*p.payloads)
	return r, nil
}
