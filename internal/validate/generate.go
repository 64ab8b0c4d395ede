// Package validate is the contract as straight-line Go: for each schema of
// jsonschema a function over the bytes of a payload, at the speed of reading
// them, without allocations. All of it is generated.
//
// A function returns true where the payload is strict JSON that the schema
// accepts, with formats asserted. False means "not sure", not "invalid": the
// judge of record has to decide. So the package is internal, and
// conformance.Valid is the function to export. Strict is I-JSON of at most 1,000
// levels, as in package conformance.
//
// A function whose name ends in Remarks also notes what the annotations of the
// schema say about a payload that it accepts. It returns false where it isn't
// sure that it noted everything.
package validate

//go:generate go run github.com/runhooks/runhooks/internal/schemac/cmd/schemac -remarks v1/run-[cf]*.json ../../jsonschema . observed v1
