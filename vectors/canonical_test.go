package vectors_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	schema "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/event"
)

var update = flag.Bool("update", false, "write the canonical forms again")

// TestCanonical: beside each payload that conforms or deviates is its canonical form,
// which is what the schema says. With -update the forms are written; they are read when
// the test is compiled, so that the next run compares them.
func TestCanonical(t *testing.T) {
	const name = "canonical/run-event.json"
	text, err := jsonschema.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c := schema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(jsonschema.Base+name, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	judge, err := c.Compile(jsonschema.Base + name)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, expectation := range glob(t, "*/*.expect.json") {
		base := strings.TrimSuffix(expectation, ".expect.json")
		payload, err := os.ReadFile(base + ".json")
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Parse(payload)
		if filepath.Dir(base) == "invalid" {
			if err == nil {
				t.Errorf("%s has an event", base)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		form, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if err := judge.Validate(decode(t, form)); err != nil {
			t.Errorf("%s: %#v", base, err)
		}
		if *update {
			if line, err := e.MarshalJSON(); err != nil {
				t.Fatal(err)
			} else if len(form) > 4*len(line) { // a thousand levels
				form = line
			}
			if err := os.WriteFile(base+".canonical.json", append(form, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(base + ".canonical.json")
		if err != nil {
			t.Errorf("%v; go test ./vectors -run TestCanonical -update writes it", err)
			continue
		}
		if !reflect.DeepEqual(decode(t, want), decode(t, form)) { // cmp takes forever at a depth of 1,000
			t.Errorf("%s: the canonical form is another one: %.2000s", base, form)
		}
		compared++
	}
	if compared < 100 && !*update {
		t.Errorf("compared only %d canonical forms", compared)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func decode(t *testing.T, text []byte) (v any) {
	t.Helper()
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
