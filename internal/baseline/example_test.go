package baseline_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/runhooks/runhooks/internal/baseline"
	"github.com/runhooks/runhooks/pkg/conformance"
)

func Example() {
	dir, err := os.MkdirTemp("", "baseline")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "known.json")

	// One run records what it finds.
	found := conformance.Finding{Code: "dialect.local-time", Severity: conformance.SeverityError, Pointer: "/data/started_at"}
	var record baseline.File
	record.Add("a.json", []conformance.Finding{found})
	if err := record.Save(path); err != nil {
		fmt.Println(err)
		return
	}

	// The next one sets it aside.
	known, err := baseline.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := known.Matcher()
	added := conformance.Finding{Code: "schema.type", Severity: conformance.SeverityError, Pointer: "/data/run_id"}
	fresh, n := m.Filter("a.json", []conformance.Finding{found, added})
	m.Done("a.json")
	fmt.Println(n, "known, new:", fresh[0].Code)
	// Output: 1 known, new: schema.type
}

func ExampleMatcher_Stale() {
	var known baseline.File
	fixed := conformance.Finding{Code: "dialect.local-time", Severity: conformance.SeverityError, Pointer: "/data/started_at"}
	known.Add("a.json", []conformance.Finding{fixed, fixed})

	m := known.Matcher()
	m.Filter("a.json", []conformance.Finding{fixed})
	m.Done("a.json")
	for _, e := range m.Stale() {
		fmt.Println(e.Source, e.Code, e.Pointer, e.Count)
	}
	// Output: a.json dialect.local-time /data/started_at 1
}
