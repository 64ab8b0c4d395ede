// Package vectors holds payloads, each with the findings that a check of it must give. The
// files are data for every language; README.md says how to use them. This package is for
// Go.
package vectors

// The guide to a server shows vectors in its shapes, and the page of the contract shows
// findings. What writes them also judges payloads, so it runs after what is generated in
// internal/validate.
//go:generate go run github.com/runhooks/runhooks/internal/sample/cmd/maxundoc -out ../docs/maxun.md
//go:generate go run github.com/runhooks/runhooks/internal/reference/cmd/contractmd ../docs/contract.md

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A Vector is one payload and what a check of it must say.
type Vector struct {
	// Name is unique among all vectors, such as "dialect.local-time".
	Name string
	// Verdict is the folder that holds the vector: "conforms", "deviates" or
	// "invalid".
	Verdict string
	// Payload is the exact bytes, which may not be JSON at all. The caller may keep and
	// change them.
	Payload     []byte
	Expectation Expectation
	// Canonical is the canonical form of the event that the payload is, as JSON in the
	// form of jsonschema/canonical. It is nil if the verdict is invalid.
	Canonical []byte
}

// An Expectation is the content of a vector's .expect.json file.
type Expectation struct {
	// Description says in one sentence why the vector exists.
	Description string `json:"description"`
	Verdict     string `json:"verdict"`
	// Findings are all that there are: errors, warnings and infos, by their
	// place in the payload; at one place by pointer, then by code.
	Findings []Finding `json:"findings"`
}

// A Finding is one thing that a check must say.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	// Pointer is an RFC 6901 pointer to what the finding is about.
	Pointer string `json:"pointer"`
	// Line and Column count from 1, Column in code points. Both are 0 where
	// the vector leaves the place open.
	Line   int `json:"line"`
	Column int `json:"column"`
}

const (
	payloadExt     = ".json"
	expectationExt = ".expect.json"
	canonicalExt   = ".canonical.json"
)

// suite is every vector. Only [All] and what it calls may refer to it, and no
// package variable may be initialized from it: so the linker leaves these
// megabytes out of a program that does not call All.
//
//go:embed conforms deviates invalid
var suite embed.FS

// samples is what [Sample] and [Wild] read. The second pattern leaves out the
// rules of nst/JSONTestSuite, which are called json.y-… and json.n-….
//
//go:embed */contract.*.json */data.*.json */dialect.*.json */event.*.json */schema.*.json
//go:embed */json.?[a-z]*.json
//go:embed */wild.*.json
var samples embed.FS

// bases returns the paths of all vectors without their extensions, by name.
func bases() []string {
	found, err := fs.Glob(suite, "*/*"+expectationExt)
	if err != nil {
		panic(err) // the pattern above is wrong
	}
	for i, p := range found {
		found[i] = strings.TrimSuffix(p, expectationExt)
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	return found
}

// All returns every vector, sorted by name. A program that calls it has all of
// them in its binary.
func All() []Vector {
	found := bases()
	all := make([]Vector, 0, len(found))
	for _, base := range found {
		v, err := read(suite, base)
		if err != nil {
			panic(err) // the embedded files are broken; a test reads them all
		}
		all = append(all, v)
	}
	return all
}

// Sample returns the vector that shows the finding code with as little else as
// possible, and its counterpart that differs in just that point and conforms
// without any finding. It reports false for a code that has no such pair.
func Sample(code string) (failing, passing Vector, ok bool) {
	passing, err := read(samples, "conforms/"+code+".fixed")
	if err != nil {
		return Vector{}, Vector{}, false
	}
	failing, ok = find(code)
	if !ok {
		return Vector{}, Vector{}, false
	}
	return failing, passing, true
}

// Wild returns the vector that has the shape of a payload that a real server
// sends, such as "wild.test". It reports false for a name that is not one of
// these.
func Wild(name string) (Vector, bool) {
	if !strings.HasPrefix(name, "wild.") {
		return Vector{}, false
	}
	return find(name)
}

// find returns the sample with a name.
func find(name string) (Vector, bool) {
	for _, verdict := range []string{"conforms", "deviates", "invalid"} {
		if v, err := read(samples, verdict+"/"+name); err == nil {
			return v, true
		}
	}
	return Vector{}, false
}

// read reads the vector at base, a path without extension.
func read(files embed.FS, base string) (Vector, error) {
	payload, err := files.ReadFile(base + payloadExt)
	if err != nil {
		return Vector{}, err
	}
	expectation, err := files.ReadFile(base + expectationExt)
	if err != nil {
		return Vector{}, err
	}
	v := Vector{Name: path.Base(base), Verdict: path.Dir(base), Payload: payload}
	if err := json.Unmarshal(expectation, &v.Expectation); err != nil {
		return Vector{}, fmt.Errorf("%s%s: %w", base, expectationExt, err)
	}
	if v.Verdict != "invalid" {
		if v.Canonical, err = files.ReadFile(base + canonicalExt); err != nil {
			return Vector{}, err
		}
	}
	return v, nil
}
