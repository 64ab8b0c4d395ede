// Package validate is the contract as straight-line Go over the bytes of a payload.
// All of it is generated from jsonschema, by internal/schemac.
//
// For each schema there is a function that returns true where the payload is strict
// JSON that the schema accepts, with formats asserted. It reads the payload once,
// builds nothing, and allocates nothing. False means "not sure", not "invalid": a
// payload may have more names than it keeps apart.
//
// For each event there is a judge, [Event.Judge]. It reads a payload by the observed
// schema with the documented one beside it, and notes what there is to say.
// Package conformance turns the notes into findings.
//
// Strict is I-JSON (RFC 7493) of at most 1,000 levels, as in package conformance.
package validate

//go:generate go run github.com/runhooks/runhooks/internal/schemac/cmd/schemac -event v1/run-completed.json=observed/run-completed.json -event v1/run-failed.json=observed/run-failed.json ../../jsonschema . observed v1
