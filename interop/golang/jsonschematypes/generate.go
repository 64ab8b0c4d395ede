// Package jsonschematypes is what go-jsonschema makes of the contract.
package jsonschematypes

//go:generate go tool go-jsonschema --struct-name-from-title --tags json --package jsonschematypes --output types.gen.go ../../../openapi/dist/json-schema-draft-07/run-event.json
