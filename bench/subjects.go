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
	"github.com/runhooks/runhooks/jsonschema"
)

// errUnavailable is what a subject is not measured for, without that being a
// failure: what it needs is not on this machine.
var errUnavailable = errors.New("not available")

// A subject is one row of the tables: something that judges payloads in a
// process that stays.
type subject struct {
	name string
	// does says what one judgement is, from bytes to verdict.
	does string
	// packages are modules of Go, or packages that a worker reports on.
	packages []string
	// parses marks a floor: it only parses, so it can't reject what is JSON.
	parses bool
	start  func(*workers) (runner, error)
}

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

// size gives the bytes that a measurement of p judges.
func (in *input) size(p portion) int {
	return p.passes * corpus.Corpus{Payloads: in.Payloads[:p.payloads]}.Size()
}

// A run is what came of a call of a runner.
type run struct {
	elapsed  time.Duration
	rejected int     // judgements
	reason   string  // of the first of them
	allocs   float64 // per judgement, or unknown
}

const unknown = -1

const viaAny = "encoding/json into any, dispatch on event_type, validate"

// ourName is the subject that the others are compared with.
const ourName = "runhooks"

// subjects gives all rows, validators before floors.
func subjects() []subject {
	return []subject{
		{
			name:     ourName,
			does:     "validates the bytes; builds nothing",
			packages: []string{"github.com/runhooks/runhooks"},
			start:    inProcess(newOurs),
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
			start:    inProcess(newV5),
		},
		{
			name:     "jsonschema v6",
			does:     viaAny,
			packages: []string{"github.com/santhosh-tekuri/jsonschema/v6"},
			start:    inProcess(newV6),
		},
		{
			name:     "google/jsonschema-go",
			does:     viaAny + "; it knows no formats",
			packages: []string{"github.com/google/jsonschema-go"},
			start:    inProcess(newGoogle),
		},
		{
			name:     "kin-openapi",
			does:     viaAny + " by its own validator, which is for OpenAPI 3.0",
			packages: []string{"github.com/getkin/kin-openapi"},
			start:    inProcess(newKin()),
		},
		{
			name:     "kin-openapi, 2020-12",
			does:     viaAny + " as it does for OpenAPI 3.1: by jsonschema v6, for which it compiles the schema each time",
			packages: []string{"github.com/getkin/kin-openapi"},
			start:    inProcess(newKin(openapi3.EnableJSONSchema2020())),
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
			name:     "simdjson (C++)",
			does:     "parses to a tape, called through Python for each payload",
			packages: []string{"pysimdjson", "python", "simdjson"},
			parses:   true,
			start:    inPython("simdjson"),
		},
		{
			name:     "simdjson-go",
			does:     "parses to a tape",
			packages: []string{"github.com/minio/simdjson-go"},
			parses:   true,
			start:    inProcess(newSimdjsonGo),
		},
		{
			name:     "jx",
			does:     "skips over the document; keeps nothing",
			packages: []string{"github.com/go-faster/jx"},
			parses:   true,
			start:    inProcess(newJX),
		},
		{
			name:     "jsontext",
			does:     "checks the tokens, UTF-8 and names for duplicates; keeps nothing",
			packages: []string{"github.com/go-json-experiment/json"},
			parses:   true,
			start:    inProcess(newJSONText),
		},
		{
			name:   "json.Valid",
			does:   "checks the tokens; keeps nothing",
			parses: true,
			start:  inProcess(newJSONValid),
		},
		{
			name:   "json.Unmarshal",
			does:   "decodes into any: what the validators of Go values do first",
			parses: true,
			start:  inProcess(newJSONUnmarshal),
		},
		{
			name:     "JSON.parse (Node.js)",
			does:     "Buffer to string, JSON.parse: what ajv's row does first",
			packages: []string{"node"},
			parses:   true,
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
	return workerRunner{worker: simd}, nil
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
	node, python, simd func() (*worker, error)
	started            []*worker
}

// newWorkers gives workers that can be started. Without others, none can.
func newWorkers(others bool, python string) *workers {
	w := new(workers)
	lazily := func(interpreter string, args ...string) func() (*worker, error) {
		return sync.OnceValues(func() (*worker, error) {
			if !others {
				return nil, fmt.Errorf("%w: only Go was asked for", errUnavailable)
			}
			schemas := make(map[string]string)
			for event, file := range schemaFiles {
				text, err := fs.ReadFile(jsonschema.FS, file)
				if err != nil {
					return nil, err
				}
				schemas[event] = string(text)
			}
			started, err := startWorker(schemas, interpreter, args...)
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
	w.simd = lazily("env", "GOEXPERIMENT=simd", "GOAMD64=v3", "go", "run", "./simd")
	return w
}

func (w *workers) close() error {
	var errs []error
	for _, started := range w.started {
		errs = append(errs, started.close())
	}
	return errors.Join(errs...)
}

// versions gives the packages of s with their versions.
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
	start := time.Now()
	for range p.passes {
		for _, payload := range in.Payloads[:p.payloads] {
			if err := g(payload); err != nil {
				r.rejected++
				if r.reason == "" {
					r.reason = err.Error()
				}
			}
		}
	}
	r.elapsed = time.Since(start)
	runtime.ReadMemStats(&after)
	r.allocs = float64(after.Mallocs-before.Mallocs) / float64(p.passes*p.payloads)
	return r, nil
}
