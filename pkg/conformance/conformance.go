// Package conformance judges the payloads of robot-run webhooks: bytes in, a
// [Report] out.
//
// There are two layers of rules. The documented contract is what a sender must keep.
// The observed superset also accepts what servers are known to send instead, which a
// receiver has to survive. A payload gets one [Verdict]: it conforms when the
// documented contract accepts it, deviates when only the observed superset does, and
// is invalid when neither does. The report also has findings, in document order: all
// that there is to say about the payload, each with a code and its exact place. The
// same payload always gets the same report.
//
// The schemas of both layers are embedded, so a program that imports this package
// needs no file and no network. No payload, whatever its bytes, makes a check
// panic, or take time or memory without bound.
//
// Package [github.com/runhooks/runhooks/pkg/conformance/conformancetest] fails tests
// by what this package says.
//
// # Compatibility
//
// From the first release on, what conforms goes on conforming, and a code keeps its
// meaning. The observed superset only grows: what is invalid may come to deviate,
// and never the other way round. Messages and hints may change with any version.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/runhooks/runhooks/internal/validate"
)

// Check judges one payload. It is short for the method of the zero [Checker].
func Check(payload []byte) Report { return Checker{}.Check(payload) }

// Valid reports whether the verdict on payload is [Conforms]. If it is, Valid
// allocates nothing, and takes about as long as reading the bytes. If it isn't,
// [Check] says why.
func Valid(payload []byte) bool {
	return validate.RunEvent(payload) || Check(payload).Verdict == Conforms
}

// A Checker judges payloads. The zero value judges by the contract and nothing
// else. It may be used by several goroutines at once.
type Checker struct {
	// Strict makes findings of code contract.unknown-member errors rather than
	// infos: a payload that would conform but for members that the contract
	// doesn't name deviates.
	Strict bool
}

// Check judges one payload. It neither keeps nor changes it.
func (c Checker) Check(payload []byte) Report {
	event, drafts, ok := remark(payload)
	if ok {
		if len(drafts) == 0 {
			return Report{EventType: event, Verdict: Conforms, Findings: []Finding{}}
		}
		return c.report(payload, event, drafts, false)
	}
	return c.explain(payload)
}

// explain is Check for a payload of which the generated validators aren't sure.
func (c Checker) explain(payload []byte) Report {
	value, drafts, truncated := parse(payload)
	if len(drafts) == 0 {
		drafts, truncated = loadContract().examine(value, validate.RunEvent(payload))
	}
	return c.report(payload, eventType(value), drafts, truncated)
}

// report makes a report of drafts.
func (c Checker) report(payload []byte, event string, drafts []draft, truncated bool) Report {
	report := Report{EventType: event, Truncated: truncated}
	for i := range drafts {
		if c.Strict && drafts[i].Code == "contract.unknown-member" {
			drafts[i].Severity = SeverityError
		}
	}
	report.Findings = settle(payload, drafts)
	report.Verdict = verdict(report.Findings)
	return report
}

// TooLarge returns the report on a payload that its reader did not read, because it
// has size bytes or more and the reader's limit is limit bytes. Its one finding has
// the code json.too-large, which [Check] never reports: it has no limit of its own.
func TooLarge(size, limit int64) Report {
	return Report{Verdict: Invalid, Findings: []Finding{{
		Code: "json.too-large", Severity: SeverityError, Line: 1, Column: 1,
		Message: fmt.Sprintf("the payload has %d bytes or more; the limit is %d", size, limit),
		Hint:    registry["json.too-large"].Hint,
	}}}
}

// verdict follows from findings: warnings and infos break no layer, errors of these
// families break the documented one, and whatever else there is breaks both.
func verdict(findings []Finding) Verdict {
	v := Conforms
	for _, f := range findings {
		if f.Severity == SeverityWarning || f.Severity == SeverityInfo {
			continue
		}
		family := f.Code.Family()
		if f.Severity != SeverityError || family != "dialect" && family != "data" && family != "contract" {
			return Invalid
		}
		v = Deviates
	}
	return v
}

func eventType(value any) string {
	object, _ := value.(map[string]any)
	event, _ := object["event_type"].(string)
	return strings.Clone(event) // not a part of all that was read
}

// examine judges a payload that is strict JSON, and may be known to be valid. It
// gives the findings, and whether there may be more.
func (c *contract) examine(value any, valid bool) (found []draft, truncated bool) {
	object, ok := value.(map[string]any)
	if !ok {
		d := newDraft("schema.type", nil)
		d.Message = "expected an object, found " + describe(value)
		if _, ok := value.([]any); ok {
			d.Hint = "a payload is one event; give the events of an array one by one, or one a line as NDJSON"
		}
		return []draft{d}, false
	}
	event, ok := object["event_type"]
	if !ok {
		d := newDraft("event.type-missing", nil)
		d.Pointer = "/event_type"
		d.Message = "event_type is missing, so there is no telling which event this is"
		d.Hint = "add it, as " + alternatives(c.events())
		if guess := c.resembling(object); guess != nil {
			d.Hint = fmt.Sprintf("add it: the members of data are those of %s", guess.event)
		}
		return []draft{d}, false
	}
	name, _ := event.(string)
	a := c.byEvent[name]
	if a == nil {
		d := newDraft("event.type-unknown", []string{"event_type"})
		d.Message = fmt.Sprintf("event_type is %s, which is no event of the contract", describe(event))
		d.Hint = "send " + alternatives(c.events())
		if near := nearest(name, slices.Values(c.events())); near != "" {
			d.Hint = fmt.Sprintf("did you mean %s?", quote(near))
		}
		return []draft{d}, false
	}
	return c.judge(a, value, valid)
}

// judge holds value to both layers of an arm. The documented layer decides
// whether it conforms. What breaks it is told by the observed layer, which is
// the documented one with known deviations as further branches: its errors are
// broken rules, and the deviations on the way are dialects.
func (c *contract) judge(a *arm, value any, valid bool) (found []draft, truncated bool) {
	var broken, unknown refusals
	if !valid { // the generated validator is not sure
		broken.count(a.documented, value, 0)
	}
	observed := &examination{contract: c, arm: a, wanted: noticeOther}
	if broken.any {
		observed.wanted |= noticeError
		if unknown.count(a.observed, value, 0); unknown.any {
			observed.wanted |= noticeElements
			observed.judge(a.observed, value)
		}
	}
	observed.apply(a.observed, value)
	if unknown.any && len(observed.violations) == 0 {
		observed.violate(unexplained("observed"))
	}
	documented := &examination{contract: c, arm: a, wanted: noticeOther | noticeMembers, named: observed.named}
	documented.enter(a.documented, value)
	found = slices.Concat(documented.remarks, observed.remarks, observed.violations)
	truncated = documented.truncated || observed.truncated
	if !broken.any {
		return found, truncated
	}
	told := slices.ContainsFunc(found, func(d draft) bool { return d.Severity == SeverityError })
	if !told || broken.flood && !truncated {
		strict := &examination{contract: c, arm: a, wanted: noticeElements}
		strict.judge(a.documented, value)
		strict.apply(a.documented, value)
		if !told { // the observed layer has no word for it: the documented one has
			if len(strict.violations) == 0 {
				strict.violate(unexplained("documented"))
			}
			found = append(found, strict.violations...)
		}
		truncated = truncated || strict.truncated
	}
	return found, truncated
}

// resembling returns the arm that shares most documented members of data with
// object, or nil where there is none or it isn't clear.
func (c *contract) resembling(object map[string]any) *arm {
	data, _ := object["data"].(map[string]any)
	var best *arm
	most, clear := 0, false
	for _, a := range c.arms {
		n := 0
		for name := range a.members["/data"] {
			if _, ok := data[name]; ok {
				n++
			}
		}
		switch {
		case n > most:
			best, most, clear = a, n, true
		case n == most:
			clear = false
		}
	}
	if !clear {
		return nil
	}
	return best
}

// newDraft starts a finding at the value to which tokens lead, with what the
// registry says of its code. It keeps the tokens. A code that isn't registered is
// one of a rule that nobody has foreseen, and has its code.
func newDraft(code Code, tokens []string) draft {
	rule, ok := registry[code]
	if !ok {
		rule = registry["schema.keyword"]
	}
	return draft{
		Finding: Finding{Code: rule.Code, Severity: rule.Severity, Pointer: pointer(tokens), Hint: rule.Hint},
		at:      tokens,
	}
}

// unexplained is the finding that a layer refuses the payload, and says nothing
// of why. The schemas of the contract leave no room for that; if they did, the
// payload must not pass for one that is accepted.
func unexplained(layer string) draft {
	d := newDraft("schema.keyword", nil)
	d.Message = "the " + layer + " contract refuses the payload by a rule that the checker can't tell"
	return d
}

// alternatives lists names as an English choice.
func alternatives(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quote(n)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// sortedKeys returns the keys of m in order, so that nothing hangs on the order
// of a map.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
