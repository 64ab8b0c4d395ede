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
	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/openapi"
)

// A judge gives nil for a payload that it accepts, and why not for another.
type judge func(payload []byte) error

var errRejected = errors.New("rejected")

// The schemas and components by event_type. Peers are handed the schema of the
// event, not the union of both: that saves them one of its branches.
var (
	schemaFiles = map[string]string{"run_completed": "v1/run-completed.json", "run_failed": "v1/run-failed.json"}
	components  = map[string]string{"run_completed": "RunCompleted", "run_failed": "RunFailed"}
)

// byEvent gives a judge that decodes a payload with encoding/json, as the
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

func newOurs() (judge, error) {
	return func(payload []byte) error {
		if !ours(payload) {
			return errRejected
		}
		return nil
	}, nil
}

func newV5() (judge, error) {
	compiler := v5.NewCompiler()
	compiler.Draft = v5.Draft2020
	compiler.AssertFormat = true
	validators := make(map[string]func(any) error)
	for event, file := range schemaFiles {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
			return nil, err
		}
		schema, err := compiler.Compile(jsonschema.Base + file)
		if err != nil {
			return nil, err
		}
		validators[event] = schema.Validate
	}
	return byEvent(validators), nil
}

func newV6() (judge, error) {
	compiler := v6.NewCompiler()
	compiler.DefaultDraft(v6.Draft2020)
	compiler.AssertFormat()
	validators := make(map[string]func(any) error)
	for event, file := range schemaFiles {
		text, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			return nil, err
		}
		document, err := v6.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(jsonschema.Base+file, document); err != nil {
			return nil, err
		}
		schema, err := compiler.Compile(jsonschema.Base + file)
		if err != nil {
			return nil, err
		}
		validators[event] = schema.Validate
	}
	return byEvent(validators), nil
}

func newGoogle() (judge, error) {
	validators := make(map[string]func(any) error)
	for event, file := range schemaFiles {
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
		validators[event] = resolved.Validate
	}
	return byEvent(validators), nil
}

func openAPIDocument() ([]byte, error) {
	return fs.ReadFile(openapi.Dist, path.Join("dist", "webhooks.yaml"))
}

// newKin gives a judge of kin-openapi's own validator, or, with an option, of
// the one that it has for OpenAPI 3.1.
func newKin(options ...openapi3.SchemaValidationOption) func() (judge, error) {
	options = append(options, openapi3.EnableFormatValidation(), openapi3.FailFast())
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
			validators[event] = func(value any) error { return ref.Value.VisitJSON(value, options...) }
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
		if len(problems) > 0 {
			return problems[0]
		}
		return errRejected
	}
	return nil
}

// newOgen gives a judge that does what ogen's server does with a request: it
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
