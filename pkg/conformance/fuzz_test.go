package conformance_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/jsonschema"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// FuzzCheck holds the checker to judges that share none of its code: whether
// bytes are strict JSON is asked of jsontext, and which layer accepts them of
// jsonschema/v5 alone.
func FuzzCheck(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 10_000 {
			f.Add(v.Payload)
		}
	}
	documented, observed := union(f, "v1"), union(f, "observed")
	f.Fuzz(func(t *testing.T, payload []byte) {
		report := conformance.Check(payload)
		if again := conformance.Check(payload); !reflect.DeepEqual(report, again) {
			t.Fatalf("two checks differ:\n%v\n%v", report, again)
		}
		checkReport(t, payload, report)

		strict := strictJSON(payload)
		if got := !hasFamily(report, "json"); got != strict {
			t.Fatalf("strict JSON: %v, want %v\n%v", got, strict, report.Findings)
		}
		if !strict || hugeNumber.Match(payload) {
			return
		}
		want := conformance.Invalid
		value := decode(t, payload)
		switch {
		case documented.Validate(value) == nil:
			want = conformance.Conforms
		case observed.Validate(value) == nil:
			want = conformance.Deviates
		}
		if report.Verdict != want {
			t.Fatalf("%s, want %s\n%v", report.Verdict, want, report.Findings)
		}
	})
}

// hugeNumber matches numbers that v5 can't compute with.
var hugeNumber = regexp.MustCompile(`[eE][-+]?[0-9]{4,}|[0-9]{400,}`)

// strictJSON tells whether payload is I-JSON of a depth that is allowed.
func strictJSON(payload []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(payload))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return false
		}
		_ = token
		if d.StackDepth() > conformance.MaxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			break
		}
	}
	return len(bytes.Trim(payload[d.InputOffset():], " \t\r\n")) == 0
}

// checkReport holds a report to what is promised of any report.
func checkReport(t *testing.T, payload []byte, report conformance.Report) {
	t.Helper()
	severities := map[conformance.Severity]int{}
	last := 0
	for _, f := range report.Findings {
		severities[f.Severity]++
		if _, ok := conformance.LookUp(f.Code); !ok {
			t.Errorf("code %q is not in the registry", f.Code)
		}
		if f.Offset < last || f.Offset > len(payload) {
			t.Errorf("offset %d after %d, in %d bytes", f.Offset, last, len(payload))
			continue
		}
		last = f.Offset
		before := payload[:f.Offset]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		if f.Line != line || f.Column != column {
			t.Errorf("%v: want %d:%d", f, line, column)
		}
		if f.Message == "" || f.Hint == "" {
			t.Errorf("%v: message %q, hint %q", f, f.Message, f.Hint)
		}
		if f.Pointer != "" && !strings.HasPrefix(f.Pointer, "/") {
			t.Errorf("pointer %q", f.Pointer)
		}
	}
	if (report.Verdict == conformance.Conforms) != (severities[conformance.Error] == 0) {
		t.Errorf("%s with %d errors", report.Verdict, severities[conformance.Error])
	}
}

func hasFamily(report conformance.Report, family string) bool {
	return slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool {
		return strings.HasPrefix(f.Code, family+".")
	})
}

// decode reads payload as the judge wants it.
func decode(t testing.TB, payload []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// union compiles the schema of both events of a layer.
func union(t testing.TB, layer string) *judge.Schema {
	t.Helper()
	compiler := judge.NewCompiler()
	compiler.AssertFormat = true
	for _, layer := range []string{"v1", "observed"} {
		for _, name := range []string{"run-completed", "run-failed", "run-event"} {
			file := layer + "/" + name + ".json"
			text, err := jsonschema.FS.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := compiler.AddResource(jsonschema.Base+file, bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema, err := compiler.Compile(jsonschema.Base + layer + "/run-event.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}
