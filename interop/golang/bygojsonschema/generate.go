// Package bygojsonschema is what go-jsonschema makes of the contract.
package bygojsonschema

//go:generate go tool go-jsonschema --struct-name-from-title --tags json --package bygojsonschema --output types.gen.go ../../../openapi/dist/json-schema-draft-07/run-event.json ../../../openapi/dist/json-schema-draft-07/canonical-run-event.json
