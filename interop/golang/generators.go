package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/interop/golang/bygojsonschema"
	"github.com/runhooks/runhooks/interop/golang/byoapicodegen"
	"github.com/runhooks/runhooks/interop/golang/byogen"
	"github.com/runhooks/runhooks/interop/matrix"
)

// generators reports on the generated types of this build, which compile, since it
// is there.
func generators(versions map[string]string) ([]matrix.Report, error) {
	var reports []matrix.Report
	for _, g := range []struct {
		tool, version, input, note string
		// decode gives the event, of whatever type it is.
		decode func(payload []byte) (event any, err error)
		// isFailed tells whether it is of the type of run_failed.
		isFailed func(event any) bool
		// mixed is why types don't tell one thing from another, where they don't.
		mixed string
	}{
		{"runhooks", ours, "openapi/dist/webhooks.yaml", "gen/webhook, and its Dispatcher", byDispatcher, is[*webhook.RunFailed], ""},
		{"oapi-codegen", versions["github.com/oapi-codegen/oapi-codegen/v2"], "openapi/dist/receiver.yaml", "", byOapiCodegen, is[byoapicodegen.RunFailed], ""},
		{"ogen", versions["github.com/ogen-go/ogen"], "openapi/dist/receiver.yaml", "", byOgen, func(event any) bool {
			return event.(*byogen.RunEvent).Type == byogen.RunFailedRunEvent
		}, ""},
		{"go-jsonschema", versions["github.com/atombender/go-jsonschema"], "openapi/dist/json-schema-draft-07/run-event.json", "", byGoJSONSchema, nil,
			"it makes nothing of oneOf: look at event_type, and choose the type"},
		{"go-jsonschema", versions["github.com/atombender/go-jsonschema"], "openapi/dist/json-schema-draft-07/canonical-run-event.json", "", canonicalByGoJSONSchema, nil,
			"it makes nothing of anyOf: a cell is an interface{}, and not a *string"},
	} {
		report := matrix.Report{
			Kind: matrix.Generator, Tool: g.tool, Version: g.version, Input: g.input, Note: g.note,
			Compiles: &matrix.Answer{OK: true}, Narrows: &matrix.Answer{OK: true}, Decoded: map[string]matrix.Decoded{},
		}
		if g.mixed != "" {
			report.Narrows = &matrix.Answer{Note: g.mixed}
		}
		for _, v := range matrix.Payloads(report) {
			event, err := g.decode(v.Payload)
			if err != nil {
				report.Decoded[v.Name] = matrix.Decoded{Error: err.Error()}
				continue
			}
			if g.isFailed != nil && g.isFailed(event) != (eventType(v.Payload) == "run_failed") {
				report.Narrows = &matrix.Answer{Note: v.Name + " is decoded as the other event"}
			}
			text, err := json.Marshal(event)
			if err != nil {
				return nil, fmt.Errorf("%s can't encode %s again: %w", g.tool, v.Name, err)
			}
			report.Decoded[v.Name] = matrix.Decoded{JSON: string(text)}
		}
		reports = append(reports, report)
	}
	return reports, nil
}

func is[T any](event any) bool {
	_, ok := event.(T)
	return ok
}

// eventType returns the event_type of payload. A struct would also take it from
// members whose names differ in case.
func eventType(payload []byte) string {
	var members map[string]json.RawMessage
	var name string
	if json.Unmarshal(payload, &members) == nil {
		_ = json.Unmarshal(members["event_type"], &name) // the type of what is not an event is ""
	}
	return name
}

// byDispatcher has the generated dispatcher decode an event, and choose its type.
func byDispatcher(payload []byte) (event any, err error) {
	dispatcher := webhook.Dispatcher{
		OnRunCompleted: func(_ context.Context, e *webhook.RunCompleted) error { event = e; return nil },
		OnRunFailed:    func(_ context.Context, e *webhook.RunFailed) error { event = e; return nil },
		MaxBytes:       int64(len(payload)),
	}
	request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(payload))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	dispatcher.ServeHTTP(answer, request)
	if event == nil {
		return nil, fmt.Errorf("is answered with %d: %.200s", answer.Code, answer.Body)
	}
	return event, nil
}

func byOapiCodegen(payload []byte) (any, error) {
	var event byoapicodegen.RunEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	return event.ValueByDiscriminator()
}

func byOgen(payload []byte) (any, error) {
	var event byogen.RunEvent
	err := json.Unmarshal(payload, &event)
	return &event, err
}

func byGoJSONSchema(payload []byte) (any, error) {
	if eventType(payload) == "run_failed" {
		var event bygojsonschema.RunFailed
		err := json.Unmarshal(payload, &event)
		return event, err
	}
	var event bygojsonschema.RunCompleted
	err := json.Unmarshal(payload, &event)
	return event, err
}

func canonicalByGoJSONSchema(payload []byte) (any, error) {
	var event bygojsonschema.CanonicalRunEvent
	err := json.Unmarshal(payload, &event)
	return event, err
}
