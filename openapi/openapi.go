// Package openapi embeds what other languages' tools take of the contract:
// OpenAPI documents, and JSON Schemas that are complete in themselves. All of it
// is generated, by internal/bundle, from webhooks.yaml and package jsonschema.
package openapi

import "embed"

// Dist holds the generated files, as dist/NAME; dist/README.md says which is for
// whom.
//
//go:embed dist
var Dist embed.FS
