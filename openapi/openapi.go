// Package openapi embeds the OpenAPI documents that other languages' generators
// take. They are generated, by internal/bundle, from webhooks.yaml and the
// JSON Schemas it refers to.
package openapi

import "embed"

// Dist holds the generated documents, as dist/NAME.
//
//go:embed dist
var Dist embed.FS
