package matrix

import (
	"fmt"
	"slices"

	"github.com/runhooks/runhooks/internal/portability"
)

// Confirm lists what runhooks lint says of tools and no report confirms, and what
// a report says and runhooks lint doesn't. Unless the reports are complete, there
// may be none of a tool. Of a tool that was tried by hand there is none; it also lists
// the trials of what a report is of by now.
func Confirm(reports []Report, complete bool) (failures []string) {
	failures = superseded(reports)
	type claim struct{ rule, tool string }
	seen := map[claim]Report{}
	for _, r := range reports {
		if r.Kind == Rule {
			seen[claim{r.Rule, r.Tool}] = r
		}
	}
	for _, rule := range portability.Rules() {
		for _, b := range rule.Breaks {
			c := claim{rule.ID, b.Tool}
			r, ok := seen[c]
			delete(seen, c)
			if !ok {
				if version := versionTried(b.Tool); version != "" {
					if version != b.Version {
						failures = append(failures, fmt.Sprintf("%s: rules.go speaks of %s %s, and tried.json of %s", rule.ID, b.Tool, b.Version, version))
					}
				} else if complete {
					failures = append(failures, fmt.Sprintf("%s: nothing confirms that %s %s", rule.ID, b.Tool, b.How))
				}
				continue
			}
			if r.Version != b.Version {
				failures = append(failures, fmt.Sprintf("%s: rules.go speaks of %s %s, and this is %s", rule.ID, b.Tool, b.Version, r.Version))
			}
			if r.Error != "" {
				failures = append(failures, fmt.Sprintf("%s: %s: %s", rule.ID, b.Tool, r.Error))
				continue
			}
			if !r.Breaks.OK {
				failures = append(failures, fmt.Sprintf("%s: it is no longer so that %s %s (%s)", rule.ID, b.Tool, b.How, r.Breaks.Note))
			}
			if r.Helps != nil && !r.Helps.OK {
				failures = append(failures, fmt.Sprintf("%s: the fixed document doesn't help: %s still %s (%s)", rule.ID, b.Tool, b.How, r.Helps.Note))
			}
		}
	}
	for c, r := range seen {
		failures = append(failures, fmt.Sprintf("%s: %s %s is reported, and rules.go doesn't speak of it", c.rule, c.tool, r.Version))
	}
	slices.Sort(failures)
	return failures
}
