// Package service has generated Go types of the delivery service's API, a [Client]
// of it, and the interface that a server of it implements. The types of the
// operational events, such as [EndpointFailing], are here, too.
//
// It is a convenience, and its API may change: an upgrade of the generator may
// rename or retype anything here, in any release.
//
// [ClientWithResponses] reads what the service answers. An error of the service is
// problem details, whatever the operation: decode the response's Body as a
// [Problem] where the status is 400 or more.
package service

// The server lacks the operations whose bodies are too many, too large or no JSON:
// package internal/service handles those itself.
//go:generate go tool -modfile=../../tools/codegen/go.mod oapi-codegen -config client.yaml ../../openapi/dist/service.yaml
//go:generate go tool -modfile=../../tools/codegen/go.mod oapi-codegen -config server.yaml ../../openapi/dist/service.yaml
