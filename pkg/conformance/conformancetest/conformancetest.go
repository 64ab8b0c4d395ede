// Package conformancetest is for the tests of programs that send events: it fails
// those in which a payload breaks the contract.
package conformancetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// maxListed is how many errors a failure lists.
const maxListed = 100

// Conforms reports an error to t unless payload conforms to the documented contract, and
// lets the test go on. The error lists what is wrong: the place (line:column and JSON
// pointer), code, message and hint of each finding of severity error. Those of one cause
// are one, see [conformance.Checker]. If there are more than a hundred, it counts the
// others. Warnings and infos are left out.
func Conforms(t testing.TB, payload []byte) {
	t.Helper()
	report := conformance.Check(payload)
	if report.Verdict == conformance.Conforms {
		return
	}
	var text strings.Builder
	n := 0
	for _, f := range report.Findings {
		if f.Severity != conformance.SeverityError {
			continue
		}
		if n++; n > maxListed {
			continue
		}
		fmt.Fprintf(&text, "\n%d:%d %s: %s", f.Line, f.Column, f.Code, f.Message)
		if f.Pointer != "" {
			fmt.Fprintf(&text, "\n\tat %s", shown(f.Pointer))
		}
		if f.Count > 1 {
			fmt.Fprintf(&text, "\n\tand %d more like it at %s", f.Count-1, shown(f.Pattern))
		}
		fmt.Fprintf(&text, "\n\thint: %s", f.Hint)
	}
	if n > maxListed {
		fmt.Fprintf(&text, "\nand %d more", n-maxListed)
	}
	name := "payload"
	if report.EventType != "" {
		name = fmt.Sprintf("payload, a %.60q,", report.EventType)
	}
	t.Errorf("the %s does not conform to the contract: its verdict is %q%s", name, report.Verdict, text.String())
}

// shown returns a pointer, which holds names that the payload chose, such that it can
// be shown.
func shown(pointer string) string {
	quoted := fmt.Sprintf("%.200q", pointer)
	return quoted[1 : len(quoted)-1]
}
