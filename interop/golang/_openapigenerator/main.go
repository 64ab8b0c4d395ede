// Command openapigenerator reports on the types that openapi-generator makes for Go. Its
// folder is left out of ./... by its name, since they are there only when run.sh has
// generated them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/runhooks/runhooks/interop/golang/generated/openapigenerator"
	"github.com/runhooks/runhooks/interop/matrix"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "openapigenerator:", err)
		os.Exit(1)
	}
}

// run prints the report. The types compile, and go vet has nothing to say of them, since
// this program is run.
func run() error {
	version, err := os.ReadFile("generated/openapigenerator/.openapi-generator/VERSION")
	if err != nil {
		return err
	}
	report := matrix.Report{
		Kind: matrix.Generator, Tool: "openapi-generator go", Version: strings.TrimSpace(string(version)),
		Input:    "openapi/dist/receiver-3.0.yaml",
		Note:     "with disallowAdditionalPropertiesIfNotPresent=false, without which it refuses members that the contract doesn't name; and useOneOfDiscriminatorLookup=true, for code that needs no other module",
		Compiles: &matrix.Answer{OK: true}, Narrows: &matrix.Answer{OK: true}, Decoded: map[string]matrix.Decoded{},
	}
	for _, v := range matrix.Payloads(report) {
		var event openapigenerator.RunEvent
		if err := json.Unmarshal(v.Payload, &event); err != nil {
			report.Decoded[v.Name] = matrix.Decoded{Error: err.Error()}
			continue
		}
		if event.RunCompleted == nil && event.RunFailed == nil {
			report.Decoded[v.Name] = matrix.Decoded{Error: "is decoded as neither event"}
			continue
		}
		var is struct {
			EventType string `json:"event_type"`
		}
		if err := json.Unmarshal(v.Payload, &is); err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
		if (event.RunFailed != nil) != (is.EventType == "run_failed") {
			report.Narrows = &matrix.Answer{Note: v.Name + " is decoded as the other event"}
		}
		text, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("can't encode %s again: %w", v.Name, err)
		}
		report.Decoded[v.Name] = matrix.Decoded{JSON: string(text)}
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}
