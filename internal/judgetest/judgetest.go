// Package judgetest is a second opinion on payloads, for tests: it shares no code with the
// checker and with the generated validators. It asks jsontext whether bytes are strict
// JSON, and jsonschema/v5 which layer accepts them.
package judgetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/jsonschema"
)

// MaxDepth is how many levels of arrays and objects a payload may have.
const MaxDepth = 1000

// An Opinion is what each judge says of a payload.
type Opinion struct {
	// Strict: it is one I-JSON document (RFC 7493) of a depth that is allowed.
	Strict bool
	// Documented and Observed: it is strict, and the layer's union of events
	// accepts it.
	Documented, Observed bool
	// Unknown: it is strict, and holds numbers with which v5 can't compute, so
	// that nothing is said of the layers.
	Unknown bool
}

// Judge gives the opinion on payload.
func Judge(payload []byte) Opinion {
	o := Opinion{Strict: Strict(payload)}
	if !o.Strict {
		return o
	}
	if hugeNumber.Match(payload) {
		o.Unknown = true
		return o
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		panic(fmt.Sprintf("judgetest: jsontext takes what encoding/json refuses: %v", err))
	}
	o.Documented = unions()["v1"].Validate(value) == nil
	o.Observed = unions()["observed"].Validate(value) == nil
	return o
}

// hugeNumber matches numbers, and other text, that v5 might not get through.
var hugeNumber = regexp.MustCompile(`[eE][-+]?[0-9]{4,}|[0-9]{400,}`)

// Strict reports whether payload is one I-JSON document of a depth that is allowed.
func Strict(payload []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(payload))
	for {
		if _, err := d.ReadToken(); err != nil || d.StackDepth() > MaxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	return len(bytes.Trim(payload[d.InputOffset():], " \t\r\n")) == 0
}

// unions are the schemas of both events of each layer.
var unions = sync.OnceValue(func() map[string]*judge.Schema {
	compiler := judge.NewCompiler()
	compiler.Draft = judge.Draft2020
	compiler.AssertFormat = true
	schemas := make(map[string]*judge.Schema)
	for _, layer := range []string{"v1", "observed"} {
		for _, name := range []string{"run-completed", "run-failed", "run-event"} {
			file := layer + "/" + name + ".json"
			text, err := jsonschema.FS.ReadFile(file)
			if err != nil {
				panic(err)
			}
			if err := compiler.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
				panic(err)
			}
		}
	}
	for _, layer := range []string{"v1", "observed"} {
		schemas[layer] = compiler.MustCompile(jsonschema.Base + layer + "/run-event.json")
	}
	return schemas
})
