package main

import (
	"bytes"
	"fmt"
	"os"

	v5 "github.com/santhosh-tekuri/jsonschema/v5"
	v6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// A validate gives an error for what a schema refuses.
type validate func(payload []byte) error

// validators reports the verdicts of our own validator, and of jsonschema on the
// schemas of openapi/dist.
func validators(versions map[string]string) ([]matrix.Report, error) {
	reports := []matrix.Report{verdicts(matrix.Report{
		Tool: "runhooks", Version: ours, Input: "jsonschema/v1/run-event.json", Note: "pkg/conformance",
	}, func(payload []byte) error {
		if !conformance.Valid(payload) {
			return errInvalid
		}
		return nil
	})}
	for _, input := range []string{
		"openapi/dist/json-schema-2020-12/run-event.json", "openapi/dist/json-schema-2020-12/observed-run-event.json",
		"openapi/dist/json-schema-draft-07/run-event.json", "openapi/dist/json-schema-draft-07/observed-run-event.json",
	} {
		schema, err := os.ReadFile(root + input)
		if err != nil {
			return nil, err
		}
		for _, tool := range []struct {
			module  string
			compile func(schema []byte) (validate, error)
		}{
			{"github.com/santhosh-tekuri/jsonschema/v5", compileV5},
			{"github.com/santhosh-tekuri/jsonschema/v6", compileV6},
		} {
			report := matrix.Report{Tool: "santhosh-tekuri/jsonschema", Version: versions[tool.module], Input: input}
			by, err := tool.compile(schema)
			if err != nil {
				report.Kind, report.Error = matrix.Validator, err.Error()
				reports = append(reports, report)
				continue
			}
			reports = append(reports, verdicts(report, by))
		}
	}
	return reports, nil
}

// errInvalid says only that a payload is refused.
var errInvalid = fmt.Errorf("invalid")

// verdicts completes a report.
func verdicts(r matrix.Report, by validate) matrix.Report {
	r.Kind, r.Verdicts = matrix.Validator, map[string]string{}
	for _, v := range vectors.All() {
		r.Verdicts[v.Name] = verdict(by, v.Payload)
	}
	return r
}

// verdict asks a validator that may panic.
func verdict(by validate, payload []byte) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("panics: %.100v", p)
		}
	}()
	if by(payload) != nil {
		return "invalid"
	}
	return "valid"
}

func compileV5(schema []byte) (validate, error) {
	c := v5.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource("schema.json", bytes.NewReader(schema)); err != nil {
		return nil, err
	}
	s, err := c.Compile("schema.json")
	return func(payload []byte) error {
		value, err := v6.UnmarshalJSON(bytes.NewReader(payload)) // with json.Number, as v5 wants it, too
		if err != nil {
			return err
		}
		return s.Validate(value)
	}, err
}

func compileV6(schema []byte) (validate, error) {
	document, err := v6.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := v6.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", document); err != nil {
		return nil, err
	}
	s, err := c.Compile("schema.json")
	return func(payload []byte) error {
		value, err := v6.UnmarshalJSON(bytes.NewReader(payload))
		if err != nil {
			return err
		}
		return s.Validate(value)
	}, err
}
