package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// A worker is a process that keeps running and judges payloads, in another language, or in
// Go in another build. It reads requests and writes answers, one line of JSON each, and
// times itself, so that no figure includes a round trip.
type worker struct {
	name     string
	process  *exec.Cmd
	requests *json.Encoder
	answers  *json.Decoder
	stop     io.Closer
	versions map[string]string
	loaded   map[string]bool // corpora by name
}

type request struct {
	Do       string            `json:"do"`
	Schemas  map[string]string `json:"schemas,omitempty"`  // of start: the text of the documented ones, by event_type
	Observed map[string]string `json:"observed,omitempty"` // of start: the same of the observed ones
	Subject  string            `json:"subject,omitempty"`
	Corpus   string            `json:"corpus,omitempty"`
	File     string            `json:"file,omitempty"`  // of load: the payloads, each with a line feed
	Sizes    []int             `json:"sizes,omitempty"` // of load: of each payload, without the line feed
	Payload  []byte            `json:"payload,omitempty"`
	Payloads int               `json:"payloads,omitempty"` // of run: how many, from the first
	Passes   int               `json:"passes,omitempty"`
}

type answer struct {
	Error       string            `json:"error"`
	Versions    map[string]string `json:"versions"`
	Reason      string            `json:"reason"` // why a payload is rejected
	Rejected    int               `json:"rejected"`
	Found       int               `json:"found"` // errors that were listed
	Nanoseconds int64             `json:"nanoseconds"`
	Allocs      *int64            `json:"allocs"` // of the run, if the worker knows
}

// startWorker starts the program, with the interpreter's arguments before it.
func startWorker(start request, interpreter string, args ...string) (*worker, error) {
	if _, err := exec.LookPath(interpreter); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnavailable, err)
	}
	w := &worker{name: interpreter, process: exec.Command(interpreter, args...), loaded: make(map[string]bool)}
	w.process.Stderr = os.Stderr
	stdin, err := w.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := w.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.process.Start(); err != nil {
		return nil, err
	}
	w.requests, w.answers, w.stop = json.NewEncoder(stdin), json.NewDecoder(stdout), stdin
	a, err := w.ask(start)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.versions = a.Versions
	return w, nil
}

func (w *worker) ask(r request) (answer, error) {
	if err := w.requests.Encode(r); err != nil {
		return answer{}, fmt.Errorf("%s: %w", w.name, err)
	}
	var a answer
	if err := w.answers.Decode(&a); err != nil {
		return answer{}, fmt.Errorf("%s: no answer to %q: %w", w.name, r.Do, err)
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("%s: %q: %s", w.name, r.Do, a.Error)
	}
	return a, nil
}

// close ends the process, by the end of its requests.
func (w *worker) close() error { return errors.Join(w.stop.Close(), w.process.Wait()) }

// A workerRunner is a subject of a worker.
type workerRunner struct {
	worker  *worker
	subject string
}

func (r workerRunner) accepts(payload []byte) (bool, error) {
	a, err := r.worker.ask(request{Do: "judge", Subject: r.subject, Payload: payload})
	return a.Reason == "", err
}

func (r workerRunner) run(in *input, p portion) (run, error) {
	if !r.worker.loaded[in.Name] {
		sizes := make([]int, len(in.Payloads))
		for i, p := range in.Payloads {
			sizes[i] = len(p)
		}
		if _, err := r.worker.ask(request{Do: "load", Corpus: in.Name, File: in.file, Sizes: sizes}); err != nil {
			return run{}, err
		}
		r.worker.loaded[in.Name] = true
	}
	a, err := r.worker.ask(request{Do: "run", Subject: r.subject, Corpus: in.Name, Payloads: p.payloads, Passes: p.passes})
	if err != nil {
		return run{}, err
	}
	got := run{elapsed: time.Duration(a.Nanoseconds), rejected: a.Rejected, found: a.Found, reason: a.Reason, allocs: unknown}
	if a.Allocs != nil {
		got.allocs = float64(*a.Allocs) / float64(p.passes*p.payloads)
	}
	return got, nil
}
