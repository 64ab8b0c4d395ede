// Command golang reports what validators and generators of Go make of the
// contract; see package matrix for what it prints.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/runhooks/runhooks/interop/matrix"
)

// root is the root of the repository, from this folder.
const root = "../../"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "golang:", err)
		os.Exit(1)
	}
}

func run() error {
	versions, err := modules()
	if err != nil {
		return err
	}
	var reports []matrix.Report
	for _, of := range []func(versions map[string]string) ([]matrix.Report, error){validators, generators, rules} {
		more, err := of(versions)
		if err != nil {
			return err
		}
		reports = append(reports, more...)
	}
	reports = append(reports, matrix.Report{
		Kind: matrix.Receiver, Tool: "pkg/receiver", Version: ours, Input: "examples/receiver/nethttp",
	})
	out := json.NewEncoder(os.Stdout)
	for _, r := range reports {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// ours is the version of what this repository holds.
const ours = "(this)"
