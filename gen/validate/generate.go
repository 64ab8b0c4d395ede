// Package validate is the contract as straight-line Go: for each schema of
// jsonschema a function over the bytes of a payload, at the speed of reading
// them, without allocations. All of it is generated.
//
// A function says true where the payload is strict JSON that the schema
// accepts, with formats asserted. It says false where it isn't sure: then
// somebody else has to look, and can explain. Strict is meant as package
// conformance has it: I-JSON of 1,000 levels at most.
//
// A function whose name ends in Remarks also notes what the annotations of the
// schema have to say of a payload that it accepts, and says false where it isn't
// sure to have noted all.
package validate

//go:generate go run github.com/runhooks/runhooks/internal/schemac/cmd/schemac -remarks v1/run-[cf]*.json ../../jsonschema .
