// Worker judges payloads for the benchmarks as the main program does, but is built
// in another way: with the vector instructions that Go has behind GOEXPERIMENT=simd,
// or with the Runhooks of another commit. See worker.go of the main program.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/runhooks/runhooks/bench/internal/clock"
	"github.com/runhooks/runhooks/bench/internal/ours"
)

// A request is what of one is used here.
type request struct {
	Do       string `json:"do"`
	Subject  string `json:"subject"`
	Corpus   string `json:"corpus"`
	File     string `json:"file"`
	Sizes    []int  `json:"sizes"`
	Payload  []byte `json:"payload"`
	Payloads int    `json:"payloads"`
	Passes   int    `json:"passes"`
}

type answer struct {
	Error       string `json:"error,omitempty"`
	Reason      string `json:"reason,omitempty"`
	Rejected    int    `json:"rejected"`
	Found       int    `json:"found"`
	Nanoseconds int64  `json:"nanoseconds"`
	Allocs      uint64 `json:"allocs"`
}

func main() {
	runtime.GOMAXPROCS(1) // as the main program has it
	requests, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	corpora := make(map[string][][]byte)
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		a, err := do(r, corpora)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
	}
}

func do(r request, corpora map[string][][]byte) (answer, error) {
	var a answer
	switch r.Do {
	case "start": // the schemas are compiled in
	case "load":
		data, err := os.ReadFile(r.File)
		if err != nil {
			return a, err
		}
		payloads := make([][]byte, len(r.Sizes))
		for i, size := range r.Sizes {
			if size >= len(data) {
				return a, fmt.Errorf("%s: shorter than its payloads", r.File)
			}
			payloads[i], data = data[:size:size], data[size+1:]
		}
		corpora[r.Corpus] = payloads
	case "judge":
		if err := ours.Judges[r.Subject](r.Payload); err != nil {
			a.Reason = err.Error()
		}
	case "run":
		judge := ours.Judges[r.Subject]
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := clock.CPU()
		for range r.Passes {
			for _, payload := range corpora[r.Corpus][:r.Payloads] {
				err := judge(payload)
				if err == nil {
					continue
				}
				if found, ok := err.(ours.Findings); ok {
					a.Found += int(found)
				}
				if a.Rejected++; a.Rejected == 1 {
					a.Reason = err.Error()
				}
			}
		}
		a.Nanoseconds = (clock.CPU() - start).Nanoseconds()
		runtime.ReadMemStats(&after)
		a.Allocs = after.Mallocs - before.Mallocs
	default:
		return a, fmt.Errorf("%q is no request", r.Do)
	}
	return a, nil
}
