package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-faster/jx"
	"github.com/go-json-experiment/json/jsontext"
	google "github.com/google/jsonschema-go/jsonschema"
	"github.com/minio/simdjson-go"
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v5 "github.com/santhosh-tekuri/jsonschema/v5"
	v6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/bench/internal/ogenapi"
	"github.com/runhooks/runhooks/bench/internal/ours"
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/openapi"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// A judge returns nil for a payload that it accepts, and why not for another.
type judge func(payload []byte) error

var errRejected = errors.New("rejected")

// The schemas and components by event_type. Peers are handed the schema of the
// event, not the union of both: that saves them one of its branches.
var (
	documented = map[string]string{"run_completed": "v1/run-completed.json", "run_failed": "v1/run-failed.json", "webhook_test": "v1/run-completed.json"}
	observed   = map[string]string{"run_completed": "observed/run-completed.json", "run_failed": "observed/run-failed.json", "webhook_test": "observed/run-completed.json"}
	components = map[string]string{"run_completed": "RunCompleted", "run_failed": "RunFailed", "webhook_test": "RunCompleted"}
)

// byEvent returns a judge that decodes a payload with encoding/json, as the
// documentation of the peers does, and has the one for its event_type validate
// the value.
func byEvent(validators map[string]func(any) error) judge {
	return func(payload []byte) error {
		var value any
		if err := json.Unmarshal(payload, &value); err != nil {
			return err
		}
		members, _ := value.(map[string]any)
		event, _ := members["event_type"].(string)
		validate, ok := validators[event]
		if !ok {
			return fmt.Errorf("event_type is %q", event)
		}
		return validate(value)
	}
}

// newOurs returns one of our own.
func newOurs(name string) func() (judge, error) {
	return func() (judge, error) { return ours.Judges[name], nil }
}

// newEach returns that of Check which lists each finding singly. Package ours hasn't got
// it: it has to build with commits that have no Each.
func newEach() (judge, error) {
	checker := conformance.Checker{Each: true}
	return func(payload []byte) error {
		if report := checker.Check(payload); report.Verdict != conformance.Conforms {
			return findings(len(report.Findings))
		}
		return nil
	}, nil
}

// findings is the error of a judge that lists all errors.
type findings = ours.Findings

// eachSchema hands add all schemas, since those of one layer refer to the other's.
func eachSchema(add func(id string, text []byte) error) error {
	files, err := fs.Glob(jsonschema.FS, "*/*.json")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			return err
		}
		if err := add(jsonschema.Base+file, text); err != nil {
			return err
		}
	}
	return nil
}

// validators compiles the schemas of files, which are by event_type.
func validators(files map[string]string, compile func(file string) (func(any) error, error)) (map[string]func(any) error, error) {
	compiled := make(map[string]func(any) error)
	for event, file := range files {
		var err error
		if compiled[event], err = compile(file); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

// first returns a judge that ends at the first error.
func first(compile func(file string) (func(any) error, error)) func() (judge, error) {
	return func() (judge, error) {
		compiled, err := validators(documented, compile)
		return byEvent(compiled), err
	}
}

// listing returns a judge that has the schemas of each layer list what they refuse,
// which count counts.
func listing(compile func(file string) (func(any) error, error), count func(error) int, layers ...map[string]string) func() (judge, error) {
	return func() (judge, error) {
		compiled := make([]map[string]func(any) error, len(layers))
		for i, files := range layers {
			var err error
			if compiled[i], err = validators(files, compile); err != nil {
				return nil, err
			}
		}
		both := make(map[string]func(any) error)
		for event := range documented {
			both[event] = func(value any) error {
				n := 0
				for _, layer := range compiled {
					if err := layer[event](value); err != nil {
						n += count(err)
					}
				}
				if n > 0 {
					return findings(n)
				}
				return nil
			}
		}
		return byEvent(both), nil
	}
}

func compileV5(file string) (func(any) error, error) {
	compiler := v5.NewCompiler()
	compiler.Draft = v5.Draft2020
	compiler.AssertFormat = true
	err := eachSchema(func(id string, text []byte) error { return compiler.AddResource(id, bytes.NewReader(text)) })
	if err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(jsonschema.Base + file)
	if err != nil {
		return nil, err
	}
	return schema.Validate, nil
}

// countV5 counts what the output has that is a list.
func countV5(err error) int {
	if refused, ok := err.(*v5.ValidationError); ok {
		return len(refused.BasicOutput().Errors)
	}
	return 1
}

func compileV6(file string) (func(any) error, error) {
	compiler := v6.NewCompiler()
	compiler.DefaultDraft(v6.Draft2020)
	compiler.AssertFormat()
	err := eachSchema(func(id string, text []byte) error {
		document, err := v6.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiler.AddResource(id, document)
	})
	if err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(jsonschema.Base + file)
	if err != nil {
		return nil, err
	}
	return schema.Validate, nil
}

// countV6 counts what the output has that is a list.
func countV6(err error) int {
	if refused, ok := err.(*v6.ValidationError); ok {
		return len(refused.BasicOutput().Errors)
	}
	return 1
}

func compileGoogle(file string) (func(any) error, error) {
	text, err := fs.ReadFile(jsonschema.FS, file)
	if err != nil {
		return nil, err
	}
	var schema google.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, err
	}
	return resolved.Validate, nil
}

func openAPIDocument() ([]byte, error) {
	return fs.ReadFile(openapi.Dist, path.Join("dist", "webhooks.yaml"))
}

// newKin returns a judge of kin-openapi's own validator, or, with an option, of
// the one that it has for OpenAPI 3.1.
func newKin(options ...openapi3.SchemaValidationOption) func() (judge, error) {
	options = append(options, openapi3.EnableFormatValidation())
	return func() (judge, error) {
		text, err := openAPIDocument()
		if err != nil {
			return nil, err
		}
		document, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			return nil, err
		}
		validators := make(map[string]func(any) error)
		for event, component := range components {
			ref := document.Components.Schemas[component]
			if ref == nil || ref.Value == nil {
				return nil, fmt.Errorf("the document has no component %s", component)
			}
			validators[event] = func(value any) error {
				err := ref.Value.VisitJSON(value, options...)
				if all, ok := err.(openapi3.MultiError); ok {
					return findings(len(all))
				}
				return err
			}
		}
		return byEvent(validators), nil
	}
}

func newLibOpenAPI() (judge, error) {
	text, err := openAPIDocument()
	if err != nil {
		return nil, err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	silent := slog.New(slog.DiscardHandler)
	validator := schema_validation.NewSchemaValidatorWithLogger(silent, config.WithFormatAssertions())
	validators := make(map[string]func(any) error)
	for event, component := range components {
		proxy, ok := model.Model.Components.Schemas.Get(component)
		if !ok {
			return nil, fmt.Errorf("the document has no component %s", component)
		}
		schema, err := proxy.BuildSchema()
		if err != nil {
			return nil, err
		}
		validators[event] = func(value any) error { return validateLibOpenAPI(validator, schema, value) }
	}
	return byEvent(validators), nil
}

func validateLibOpenAPI(validator schema_validation.SchemaValidator, schema *base.Schema, value any) error {
	if ok, problems := validator.ValidateSchemaObject(schema, value); !ok {
		n := 0
		for _, p := range problems {
			n += len(p.SchemaValidationErrors)
		}
		return findings(n)
	}
	return nil
}

// newOgen returns a judge that does what ogen's server does with a request: it
// decodes into the generated type, takes trailing data for an error, and
// validates. Which type it is, a first look at event_type says.
func newOgen() (judge, error) {
	return func(payload []byte) error {
		event, err := peekEventType(payload)
		if err != nil {
			return err
		}
		var into interface {
			Decode(*jx.Decoder) error
			Validate() error
		}
		switch event {
		case "run_completed":
			into = new(ogenapi.RunCompleted)
		case "run_failed":
			into = new(ogenapi.RunFailed)
		default:
			return fmt.Errorf("event_type is %q", event)
		}
		d := jx.GetDecoder()
		defer jx.PutDecoder(d)
		d.ResetBytes(payload)
		if err := into.Decode(d); err != nil {
			return err
		}
		if err := d.Skip(); err != io.EOF {
			return errors.New("unexpected trailing data")
		}
		return into.Validate()
	}, nil
}

// errFound ends a walk over members early.
var errFound = errors.New("found")

func peekEventType(payload []byte) (event string, err error) {
	d := jx.GetDecoder()
	defer jx.PutDecoder(d)
	d.ResetBytes(payload)
	err = d.ObjBytes(func(d *jx.Decoder, name []byte) error {
		if string(name) != "event_type" {
			return d.Skip()
		}
		if event, err = d.Str(); err != nil {
			return err
		}
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return event, err
}

func newJX() (judge, error) {
	return func(payload []byte) error {
		d := jx.GetDecoder()
		defer jx.PutDecoder(d)
		d.ResetBytes(payload)
		return d.Validate()
	}, nil
}

func newJSONText() (judge, error) {
	return func(payload []byte) error {
		if !jsontext.Value(payload).IsValid() {
			return errRejected
		}
		return nil
	}, nil
}

func newJSONValid() (judge, error) {
	return func(payload []byte) error {
		if !json.Valid(payload) {
			return errRejected
		}
		return nil
	}, nil
}

func newJSONUnmarshal() (judge, error) {
	return func(payload []byte) error {
		var value any
		return json.Unmarshal(payload, &value)
	}, nil
}

func newSimdjsonGo() (judge, error) {
	if !simdjson.SupportedCPU() {
		return nil, fmt.Errorf("%w: simdjson-go needs AVX2 and CLMUL", errUnavailable)
	}
	var parsed *simdjson.ParsedJson
	return func(payload []byte) error {
		next, err := simdjson.Parse(payload, parsed, simdjson.WithCopyStrings(false))
		if err == nil {
			parsed = next
		}
		return err
	}, nil
}
