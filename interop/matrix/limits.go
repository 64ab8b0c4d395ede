package matrix

import (
	_ "embed"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/vectors"
)

// A limit is a way in which tools are known to fall short, at the edge of what
// JSON or RFC 3339 allow, or in all that they do. What a tool makes otherwise than
// it should is explained if it is within a limit.
type limit struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Why says in a sentence or two what happens, and what it matters.
	Why string `json:"why"`
	// Vectors are patterns, as of path.Match, of the names of those at this limit.
	// There are none where a limit is told in another way.
	Vectors []string `json:"vectors,omitempty"`
}

// lenient is the limit of what is no strict JSON.
const lenient = "lenient"

// The limits that are told by what has become of a payload.
const (
	members      = "members"
	nulls        = "nulls"
	emptyObjects = "empty-objects"
	times        = "times"
	fractions    = "fractions"
	nextSecond   = "next-second"
	numbers      = "numbers"
	overflow     = "overflow"
)

//go:embed limits.json
var limitsJSON []byte

// limits gives all limits, in the order of the page.
var limits = sync.OnceValue(func() (all []limit) {
	if err := json.Unmarshal(limitsJSON, &all); err != nil {
		panic(err) // the embedded file is broken; a test reads it
	}
	return all
})

// limitOf gives the limit at which a vector is, or "".
func limitOf(v vectors.Vector) string {
	if !strict(v) {
		return lenient
	}
	for _, limit := range limits() {
		for _, pattern := range limit.Vectors {
			if ok, _ := path.Match(pattern, v.Name); ok { // a test compiles all patterns
				return limit.ID
			}
		}
	}
	return other
}

// strict tells whether a vector is strict JSON, if not necessarily an event.
func strict(v vectors.Vector) bool {
	return !slices.ContainsFunc(v.Expectation.Findings, func(f vectors.Finding) bool {
		return strings.HasPrefix(f.Code, "json.")
	})
}
