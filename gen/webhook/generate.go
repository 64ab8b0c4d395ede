// Package webhook has generated Go types of the two events, a [WebhookInitiator]
// that sends them, and a [Dispatcher] that receives both at one URL. See
// config.yaml for how they are generated.
//
// It is a convenience, and its API may change: an upgrade of the generator may
// rename or retype anything here, in any release. The packages in pkg have a
// stable API, and neither import nor expose this package.
//
// Every payload that conforms to the contract can be decoded without loss, by
// json.Unmarshal of encoding/json or of its successor, and by the Dispatcher.
// Names are compared exactly, so a member whose name differs in case is one that
// the contract doesn't name. Numbers and times keep their texts: see [Integer] and
// [DateTime]. Duplicate names, bad UTF-8, and null for a member that has a field
// here are errors. Other rules of the contract are not checked; use package
// conformance for that.
//
// The package doesn't sign, verify or retry. Give a sender an http.Client that
// doesn't follow redirects: after a 301, 302 or 303 the standard one sends a GET
// without the event, which may well be answered with 200.
package webhook

//go:generate go tool -modfile=../../tools/codegen/go.mod oapi-codegen -config config.yaml ../../openapi/dist/webhooks.yaml
