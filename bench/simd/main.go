// Simd judges payloads for the benchmarks as the main program does, but is built
// with the vector instructions that Go has behind GOEXPERIMENT=simd. It is a
// worker: see worker.go.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A request is what of one is used here.
type request struct {
	Do       string `json:"do"`
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
	Nanoseconds int64  `json:"nanoseconds"`
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
			fmt.Fprintln(os.Stderr, "simd:", err)
			os.Exit(1)
		}
		a, err := do(r, corpora)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, "simd:", err)
			os.Exit(1)
		}
	}
}

const rejected = "does not conform"

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
		if !conformance.Valid(r.Payload) {
			a.Reason = rejected
		}
	case "run":
		runtime.GC()
		start := time.Now()
		for range r.Passes {
			for _, payload := range corpora[r.Corpus][:r.Payloads] {
				if !conformance.Valid(payload) {
					a.Rejected++
				}
			}
		}
		a.Nanoseconds = time.Since(start).Nanoseconds()
		if a.Rejected > 0 {
			a.Reason = rejected
		}
	default:
		return a, fmt.Errorf("%q is no request", r.Do)
	}
	return a, nil
}
