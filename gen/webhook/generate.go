// Package webhook is the contract in Go: the types of the two events, a
// [WebhookInitiator] that sends them, and a [Receiver] that takes both at one
// URL. All of it is generated; see config.yaml.
//
// It is as thin as the contract itself. Nothing is validated, signed, verified
// or retried here.
package webhook

// The bundle comes first: the types are generated from it.
//go:generate go run github.com/runhooks/runhooks/internal/bundle/cmd/bundle ../.. openapi/webhooks.yaml openapi/dist
//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config config.yaml ../../openapi/dist/webhooks.yaml
