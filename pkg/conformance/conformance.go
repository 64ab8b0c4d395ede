// Package conformance judges the payloads of robot-run webhooks: bytes in, a
// [Report] out.
//
// There are two layers of rules. The documented contract is what a sender must keep. The
// observed superset also accepts what servers are known to send instead, which a receiver
// has to survive. A payload gets one [Verdict]: it conforms when the documented contract
// accepts it, deviates when only the observed superset does, and is invalid when neither
// does. The report also has findings, in document order: everything that a check says about
// the payload, each with a code and its exact place. The same payload always gets the same
// report.
//
// The schemas of both layers are embedded, so a program that imports this package
// needs no file and no network. No payload, whatever its bytes, makes a check
// panic, or take time or memory without bound.
//
// Package [github.com/runhooks/runhooks/pkg/conformance/conformancetest] makes tests fail
// for payloads that this package doesn't pass.
//
// # Compatibility
//
// From the first release on, what conforms keeps conforming, and a code keeps its meaning.
// The observed superset only grows: what is invalid may deviate in a later version, but
// never the other way round. Messages and hints may change with any version.
//
// From v1.0.0 on, only a major version breaks this package's API. Before that a
// minor version may, and the changelog says how. Any version may add fields to
// structs and values to sets of constants: write literals with field names, and give
// a switch a default case.
package conformance

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

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
	// Strict makes findings of code contract.unknown-member errors rather than infos: a
	// payload that would conform without its members that the contract doesn't name
	// deviates.
	Strict bool
	// As says who the hints are for: the Sender of the payloads, which is the default, or
	// their Receiver. It changes nothing else in a report.
	As Role
	// Each lists each finding by itself. Otherwise those of one cause are one, with their
	// [Finding.Count]: 2,000 empty cells of one column are one thing to correct.
	Each bool
	// Engine is what judges: the zero value, or JSONSchema.
	Engine Engine
	// Schemas are schemas of the user's own; see [CompileSchema]. Payloads must satisfy
	// them besides the contract. One that doesn't is invalid, with findings of family
	// schema that name the schema.
	Schemas []*Schema
}

// An Engine is what a [Checker] judges by.
type Engine string

// JSONSchema is the reference that tests hold the zero Engine to: the schemas themselves,
// evaluated by santhosh-tekuri/jsonschema/v5, and strict JSON as go-json-experiment's
// jsontext reads it. It gives the same verdicts, but only findings of the families json and
// schema: the first thing that is not strict JSON, or everything that the documented layer
// refuses, even if the payload deviates. It is slow, and doesn't judge payloads of very
// many values, but gives a finding of code json.too-large. Strict has no effect on it.
const JSONSchema Engine = "jsonschema"

// Check judges one payload. It neither keeps nor changes it.
func (c Checker) Check(payload []byte) Report {
	if c.Engine == JSONSchema {
		return c.reference(payload)
	}
	report := c.judge(payload)
	c.withSchemas(payload, &report)
	return report
}

// judge is Check by the generated judges.
func (c Checker) judge(payload []byte) Report {
	w := writers.Get().(*writer)
	defer w.release()
	w.payload, w.as, w.notes.Each, w.notes.Explain = payload, c.As, c.Each, false
	var unsure []*validate.Event
	for _, event := range validate.Events {
		switch outcome := event.Judge(payload, &w.notes); {
		case outcome == validate.Unsure:
			unsure = append(unsure, event)
		case outcome > validate.Refused:
			name := event.Name
			if outcome == validate.Observed && len(event.Types) > 1 {
				name = knownType(event, payload)
			}
			return c.report(w, name, outcome)
		}
	}
	return c.explain(w, unsure)
}

// explain is judge for a payload that no event accepts. The judges of some may have been
// unsure, for lack of room for its names. That these differ is seen to here.
func (c Checker) explain(w *writer, unsure []*validate.Event) Report {
	w.notes.List = w.notes.List[:0]
	ended := w.readJSON()
	if len(w.drafts) > 0 {
		name := ""
		if ended {
			name = eventType(bytes.TrimPrefix(w.payload, []byte(bom)))
		}
		return c.report(w, name, validate.Unsure)
	}
	name := eventType(w.payload)
	for _, event := range validate.Events {
		if slices.Contains(event.Types, name) {
			w.notes.Explain = true
			outcome := event.Judge(w.payload, &w.notes)
			if !slices.Contains(unsure, event) {
				outcome = min(outcome, validate.Refused)
			}
			return c.report(w, name, outcome)
		}
	}
	w.unknownEvent()
	return c.report(w, name, validate.Refused)
}

// report makes a report of what was written, and of what the judge has noted.
func (c Checker) report(w *writer, event string, outcome validate.Outcome) Report {
	found := conforms // by the findings
	for i := range w.drafts {
		found = max(found, gravity(w.drafts[i].Code, w.drafts[i].Severity))
	}
	for i := range w.notes.List {
		if n := &w.notes.List[i]; n.Count > 0 {
			if code, severity := w.word(n, c.Strict); code != "" {
				found = max(found, gravity(code, severity))
			}
		}
	}
	truncated := w.full || w.notes.Truncated
	judged, layer := conforms, ""
	switch outcome {
	case validate.Documented:
	case validate.Observed:
		judged, layer = deviates, "documented"
	default:
		judged, layer = invalid, "observed"
	}
	if found < judged && !truncated {
		// The schemas of the contract leave no room for that. If they did, the payload
		// must not pass for one that is accepted.
		rule, d := registry["schema.keyword"], w.draft()
		d.Code, d.Severity, d.Offset, d.Hint = rule.Code, rule.Severity, start(w.payload), rule.hint(c.As)
		d.Message = "the " + layer + " contract refuses the payload by a rule that the checker can't name"
		w.fit(d)
	}
	return Report{
		EventType: event,
		Verdict:   verdicts[max(found, judged)],
		Findings:  w.findings(),
		Truncated: truncated,
	}
}

// verdicts, by what they weigh.
var verdicts = [...]Verdict{Conforms, Deviates, Invalid}

const (
	conforms = iota
	deviates
	invalid
)

// gravity returns the index of the verdict that a finding makes at least: warnings and
// infos break no layer, errors of these families break the documented one, and whatever
// else there is breaks both.
func gravity(code Code, severity Severity) int {
	if severity == SeverityWarning || severity == SeverityInfo {
		return conforms
	}
	if severity == SeverityError {
		switch code.Family() {
		case "dialect", "data", "contract":
			return deviates
		}
	}
	return invalid
}

// TooLarge returns the report on a payload that its reader did not read, because it
// has size bytes or more and the reader's limit is limit bytes. Its one finding has
// the code json.too-large, which only the engine [JSONSchema] reports by itself.
func TooLarge(size, limit int64) Report {
	return Report{Verdict: Invalid, Findings: []Finding{{
		Code: "json.too-large", Severity: SeverityError, Line: 1, Column: 1,
		Message: fmt.Sprintf("the payload has %d bytes or more; the limit is %d", size, limit),
		Hint:    registry["json.too-large"].Hint,
	}}}
}

// knownType returns which event_type of an event that accepts it the payload has.
func knownType(event *validate.Event, payload []byte) string {
	rest, found := payload, true
	for _, part := range [...]string{"{", `"event_type"`, ":", `"`} {
		if rest, found = bytes.CutPrefix(bytes.TrimLeft(rest, spaces), []byte(part)); !found {
			return eventType(payload) // it isn't the first member
		}
	}
	for _, name := range event.Types {
		if len(rest) > len(name) && string(rest[:len(name)]) == name && rest[len(name)] == '"' {
			return name
		}
	}
	return eventType(payload)
}

// eventType returns the event_type of a payload that is JSON, if not strict JSON: of
// several the last, and "" where there is none that is a string.
func eventType(payload []byte) (name string) {
	for member, at := range members(payload, start(payload)) {
		if string(member) == "event_type" {
			name = ""
			if payload[at] == '"' {
				text, _ := jsontext.AppendUnquote(nil, stringAt(payload, at))
				name = string(text)
			}
		}
	}
	return name
}

// start returns the offset of the payload's value.
func start(payload []byte) int { return len(payload) - len(bytes.TrimLeft(payload, spaces)) }

// members yields the members of the object at an offset of a payload that is JSON: their
// names, as they are written where they are long, and the offsets of their values.
// Other values have none.
func members(payload []byte, at int) iter.Seq2[[]byte, int] {
	return func(yield func([]byte, int) bool) {
		d := lenient(payload[at:])
		if d.PeekKind() != '{' {
			return
		}
		d.ReadToken()
		var name []byte
		room := make([]byte, 0, 6*longestName)
		for d.PeekKind() == '"' {
			raw, err := d.ReadValue()
			if err != nil {
				return
			}
			if name = raw; len(raw) < 6*longestName {
				name, _ = jsontext.AppendUnquote(room[:0], raw)
			}
			value := at + int(d.InputOffset())
			for strings.IndexByte(spaces+":", payload[value]) >= 0 {
				value++
			}
			if !yield(name, value) || d.SkipValue() != nil {
				return
			}
		}
	}
}
