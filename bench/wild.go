package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runhooks/runhooks/bench/corpus"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// observedDir is a folder of payloads that were captured from real servers. They are not
// part of the project. If the folder is there, or the one that OBSERVED_DIR names, a corpus
// is made from them.
const observedDir = "../../shared/observed"

// wildSeeds returns the payloads of observedDir that deviate: those of its .json
// files, and of the lines of ../cases/real-servers.ndjson, either of which may be
// missing.
func wildSeeds() ([][]byte, error) {
	dir := observedDir
	if named := os.Getenv("OBSERVED_DIR"); named != "" {
		dir = named
	}
	files, err := fs.Glob(os.DirFS(dir), "*.json")
	if err != nil {
		return nil, err
	}
	var payloads [][]byte
	for _, name := range files {
		payload, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		payloads = append(payloads, payload)
	}
	if lines, err := os.ReadFile(filepath.Join(dir, "..", "cases", "real-servers.ndjson")); err == nil {
		payloads = append(payloads, bytes.Split(bytes.TrimSpace(lines), []byte("\n"))...)
	}
	var seeds [][]byte
	for _, payload := range payloads {
		if conformance.Check(payload).Verdict == conformance.Deviates {
			seeds = append(seeds, payload)
		}
	}
	return seeds, nil
}

// recipes returns those of all corpora. That of captured payloads is missing where
// these are.
func recipes() ([]corpus.Recipe, error) {
	all := corpus.Recipes()
	seeds, err := wildSeeds()
	if err != nil {
		return nil, err
	}
	if len(seeds) > 0 {
		wild, err := corpus.Wild("wild", fmt.Sprintf("50,000 events as servers send them, varied from %d that were captured", len(seeds)), seeds)
		if err != nil {
			return nil, err
		}
		all = append(all, wild)
	} else {
		fmt.Fprintln(os.Stderr, "SKIP wild: captured payloads are neither beside the project nor in OBSERVED_DIR; wild-vectors is made from the project's own")
	}
	return append(all, corpus.WildVectors()), nil
}
