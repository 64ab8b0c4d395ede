// Command golang reports on validators and generators of Go: what each makes of
// the vectors. See package matrix for what it prints.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	v5 "github.com/santhosh-tekuri/jsonschema/v5"
	v6 "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/runhooks/runhooks/gen/webhook"
	"github.com/runhooks/runhooks/interop/golang/jsonschematypes"
	"github.com/runhooks/runhooks/interop/golang/ogenapi"
	"github.com/runhooks/runhooks/interop/matrix"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

const (
	language = "Go"
	schema   = "openapi/dist/json-schema-2020-12/run-event.json"
	draft07  = "openapi/dist/json-schema-draft-07/run-event.json"
	webhooks = "openapi/dist/webhooks.yaml"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "golang:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile("../../" + schema)
	if err != nil {
		return err
	}
	byV5, err := compileV5(text)
	if err != nil {
		return err
	}
	byV6, err := compileV6(text)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, v := range []struct {
		tool, module, input string
		accepts             func(payload []byte) bool
	}{
		{"runhooks", "", "jsonschema/v1/run-event.json", conformance.Valid},
		{"jsonschema", "github.com/santhosh-tekuri/jsonschema/v5", schema, byV5},
		{"jsonschema", "github.com/santhosh-tekuri/jsonschema/v6", schema, byV6},
	} {
		row := matrix.Row{
			Language: language, Tool: v.tool, Version: version(v.module), Kind: matrix.Validator,
			Input: v.input, Check: "verdicts",
		}
		var wrong, panics []string
		for _, vector := range vectors.All() {
			if !strict(vector) {
				continue // what is wrong with it as JSON is for a parser to say
			}
			row.Of++
			switch accepted, ok := try(v.accepts, vector.Payload); {
			case !ok:
				panics = append(panics, vector.Name)
			case accepted == (vector.Verdict == "conforms"):
				row.Passed++
			default:
				wrong = append(wrong, vector.Name)
			}
		}
		row.OK = row.Passed == row.Of
		row.Note = strings.Trim(list("panics over", panics)+"; "+list("another verdict on", wrong), "; ")
		if err := out.Encode(row); err != nil {
			return err
		}
	}
	for _, g := range []struct {
		tool, module, input string
		roundTrip           func(event string, payload []byte) ([]byte, error)
	}{
		{"oapi-codegen", "github.com/oapi-codegen/oapi-codegen/v2", webhooks, byOapiCodegen},
		{"ogen", "github.com/ogen-go/ogen", webhooks, byOgen},
		{"go-jsonschema", "github.com/atombender/go-jsonschema", draft07, byGoJSONSchema},
	} {
		rows := []matrix.Row{{Check: "compiles", OK: true}, {Check: "decodes"}, {Check: "round-trip"}}
		var undecoded, changed []string
		lost := map[loss]int{} // vectors
		for _, vector := range vectors.All() {
			if vector.Verdict != "conforms" || !strict(vector) {
				continue
			}
			rows[1].Of++
			back, err := g.roundTrip(eventType(vector.Payload), vector.Payload)
			if err != nil {
				undecoded = append(undecoded, vector.Name)
				continue
			}
			rows[1].Passed++
			rows[2].Of++
			losses := map[loss]bool{}
			compare(decode(vector.Payload), decode(back), losses)
			for l := range losses {
				lost[l]++
			}
			if losses[another] {
				changed = append(changed, vector.Name)
			}
			if len(losses) == 0 {
				rows[2].Passed++
			}
		}
		rows[1].OK, rows[2].OK = len(undecoded) == 0, len(changed) == 0
		rows[1].Note = list("doesn't decode", undecoded)
		var notes []string
		for _, l := range []loss{dropped, rewritten, truncated, added} {
			if lost[l] > 0 {
				notes = append(notes, fmt.Sprintf("%s (%d vectors)", l, lost[l]))
			}
		}
		if changed != nil {
			notes = append(notes, list(string(another)+" of", changed))
		}
		rows[2].Note = strings.Join(notes, "; ")
		for _, row := range rows {
			row.Language, row.Tool, row.Version = language, g.tool, version(g.module)
			row.Kind, row.Input = matrix.Generator, g.input
			if err := out.Encode(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// try asks a validator that may panic.
func try(accepts func([]byte) bool, payload []byte) (accepted, ok bool) {
	defer func() { ok = recover() == nil }()
	return accepts(payload), true
}

// strict tells whether a vector is I-JSON, which is all that a validator of values
// can be asked about.
func strict(v vectors.Vector) bool {
	return !slices.ContainsFunc(v.Expectation.Findings, func(f vectors.Finding) bool { return strings.HasPrefix(f.Code, "json.") })
}

// list names some of the vectors.
func list(what string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	most := min(len(names), 3)
	text := what + " " + strings.Join(names[:most], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// version gives that of a module of this build, or of ours.
func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	if module == "" {
		return "(this)"
	}
	return tools()[module]
}

func eventType(payload []byte) string {
	var head struct {
		EventType string `json:"event_type"`
	}
	_ = json.Unmarshal(payload, &head)
	return head.EventType
}

func decode(payload []byte) any {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	return v
}

func compileV5(text []byte) (func([]byte) bool, error) {
	c := v5.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource("run-event.json", bytes.NewReader(text)); err != nil {
		return nil, err
	}
	s, err := c.Compile("run-event.json")
	return func(payload []byte) bool { return s.Validate(decode(payload)) == nil }, err
}

func compileV6(text []byte) (func([]byte) bool, error) {
	c := v6.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("run-event.json", decode(text)); err != nil {
		return nil, err
	}
	s, err := c.Compile("run-event.json")
	return func(payload []byte) bool { return s.Validate(decode(payload)) == nil }, err
}

func byOapiCodegen(event string, payload []byte) ([]byte, error) {
	if event == "run_failed" {
		return through[webhook.RunFailed](payload)
	}
	return through[webhook.RunCompleted](payload)
}

func byOgen(event string, payload []byte) ([]byte, error) {
	if event == "run_failed" {
		return through[ogenapi.RunFailed](payload)
	}
	return through[ogenapi.RunCompleted](payload)
}

func byGoJSONSchema(event string, payload []byte) ([]byte, error) {
	if event == "run_failed" {
		return through[jsonschematypes.RunFailed](payload)
	}
	return through[jsonschematypes.RunCompleted](payload)
}

// through decodes a payload into a T, and encodes it again.
func through[T any](payload []byte) ([]byte, error) {
	var v T
	if err := json.Unmarshal(payload, &v); err != nil {
		return nil, err
	}
	return json.Marshal(&v)
}
