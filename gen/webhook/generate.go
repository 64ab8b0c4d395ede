// Package webhook is the contract in Go: the types of the two events, a
// [WebhookInitiator] that sends them, and a [Dispatcher] that takes both at one
// URL. All of it is generated; see config.yaml.
//
// It is a convenience, and its API is not promised: an upgrade of the generator
// may rename or retype anything here, in any release. What is promised is in pkg,
// which neither imports nor exposes this package.
//
// Whatever conforms to the contract can be decoded, to exactly the values that it
// has, by json.Unmarshal of encoding/json or of its successor, and by the
// Dispatcher. Names are compared exactly, so a member of another case is one that
// the contract doesn't name. Numbers and times keep their texts: see [Integer] and
// [DateTime]. Duplicate names, bad UTF-8, and null for a member that has a field
// here, are errors. Other rules of the contract are not checked; that is for
// package conformance.
//
// The package is thin: nothing is signed, verified or retried. Give a sender an
// http.Client that follows no redirect: after a 301, 302 or 303 the standard one
// sends a GET without the event, which may well be answered with 200.
package webhook

// The bundle comes first: the types are generated from it.
//go:generate go run github.com/runhooks/runhooks/internal/bundle/cmd/bundle ../..
//go:generate go tool -modfile=../../tools/codegen/go.mod oapi-codegen -config config.yaml ../../openapi/dist/webhooks.yaml
