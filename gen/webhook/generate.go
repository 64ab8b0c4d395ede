// Package webhook is the contract in Go: the types of the two events, a
// [WebhookInitiator] that sends them, and a [Receiver] that takes both at one
// URL. All of it is generated; see config.yaml.
//
// It is thin. Nothing is validated, signed, verified or retried here. A sender
// should be given an http.Client that follows no redirect: after a 301, 302 or
// 303 the standard one sends a GET without the event, which may well be
// answered with 200.
package webhook

// The bundle comes first: the types are generated from it.
//go:generate go run github.com/runhooks/runhooks/internal/bundle/cmd/bundle ../..
//go:generate go tool -modfile=../../tools/codegen/go.mod oapi-codegen -config config.yaml ../../openapi/dist/webhooks.yaml
