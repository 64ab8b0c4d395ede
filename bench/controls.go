package main

import (
	"fmt"

	"github.com/runhooks/runhooks/vectors"
)

// controls are invalid vectors, grouped by what is wrong with them. A subject that accepts
// one does less than the others, and its row says so.
var controls = []struct {
	kind    string
	json    bool // a strict parser alone rejects these
	vectors []string
}{
	{"types", false, []string{"schema.type", "rule.cell-number", "rule.row-null", "rule.data-list"}},
	{"required members", false, []string{"schema.required", "rule.failed-without-error", "rule.completed-without-captured-lists"}},
	{"formats", false, []string{"schema.format", "time.date-only", "time.leap-day-not", "time.no-offset", "time.offset-24"}},
	{"enum", false, []string{"schema.enum", "rule.status-upper-case"}},
	{"const", false, []string{"schema.const"}},
	{"minLength", false, []string{"schema.min-length", "rule.failed-empty-ids"}},
	{"minimum", false, []string{"schema.minimum", "number.minus-one"}},
	{"integers", false, []string{"number.half"}},
	{"if and not", false, []string{"schema.not-allowed", "rule.status-failed-without-error", "rule.status-test-with-error"}},
	{"event_type", false, []string{"event.type-missing", "event.type-unknown"}},
	{"syntax", true, []string{"json.syntax", "document.trailing-comma", "truncated.in-nested-object", "json.n-number-with-leading-zero", "escape.bad-hex"}},
	{"control characters", true, []string{"control.newline-in-string", "control.nul-in-string"}},
	{"trailing data", true, []string{"json.trailing-data", "document.trailing-brace"}},
	{"duplicate names", true, []string{"json.duplicate-key", "duplicate.in-row", "duplicate.data-escaped"}},
	{"invalid UTF-8", true, []string{"json.invalid-utf8", "encoding.utf-8-overlong-2", "encoding.utf-8-surrogate"}},
	{"lone surrogates", true, []string{"json.lone-surrogate", "escape.surrogate-reversed"}},
	{"byte order mark", true, []string{"json.byte-order-mark"}},
}

// misses runs accepts on the controls, and returns the kinds that have one it accepts. If
// the subject only parses, only the controls that are not strict JSON count.
func misses(parses bool, accepts func([]byte) (bool, error)) ([]string, error) {
	payloads := make(map[string][]byte)
	for _, v := range vectors.All() {
		if v.Verdict == "invalid" {
			payloads[v.Name] = v.Payload
		}
	}
	var missed []string
	for _, c := range controls {
		if parses && !c.json {
			continue
		}
		accepted := 0
		for _, name := range c.vectors {
			payload, ok := payloads[name]
			if !ok {
				return nil, fmt.Errorf("control %s: there is no such invalid vector", name)
			}
			ok, err := accepts(payload)
			if err != nil {
				return nil, fmt.Errorf("control %s: %w", name, err)
			}
			if ok {
				accepted++
			}
		}
		switch n := len(c.vectors); {
		case accepted == n:
			missed = append(missed, c.kind)
		case accepted > 0:
			missed = append(missed, fmt.Sprintf("%s (%d of %d)", c.kind, accepted, n))
		}
	}
	return missed, nil
}
