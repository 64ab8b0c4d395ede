package vectors

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// codes are those of the registry, but for two that no payload has by itself:
// json.too-large comes from a limit that the caller sets, and schema.keyword from a
// schema with a rule that has no code of its own, of which there is none here.
var codes = []string{
	"json.byte-order-mark", "json.duplicate-key", "json.invalid-utf8", "json.lone-surrogate",
	"json.syntax", "json.too-deep", "json.trailing-data",
	"event.type-missing", "event.type-unknown",
	"schema.const", "schema.enum", "schema.format", "schema.min-length", "schema.minimum",
	"schema.not-allowed", "schema.required", "schema.type",
	"dialect.failed-with-data", "dialect.field-case", "dialect.lists-array", "dialect.local-time",
	"dialect.empty-id", "dialect.member-absent", "dialect.null-cell", "dialect.null-list",
	"dialect.null-member", "dialect.number-for-text", "dialect.old-name",
	"dialect.test-event", "dialect.texts-map", "dialect.user-id-string",
	"data.ansi-escape", "data.count-mismatch", "data.empty-success", "data.nul", "data.placeholder",
	"data.repeated-rows", "data.time-order", "data.unreachable-url", "data.unsafe-integer",
	"contract.opaque-id", "contract.unknown-member",
}

func family(code string) string {
	name, _, _ := strings.Cut(code, ".")
	return name
}

func TestFilesComeInPairs(t *testing.T) {
	payloads, expectations, canonical := map[string]bool{}, map[string]bool{}, map[string]bool{}
	err := fs.WalkDir(suite, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if base, ok := strings.CutSuffix(p, expectationExt); ok {
			expectations[base] = true
		} else if base, ok := strings.CutSuffix(p, canonicalExt); ok {
			canonical[base] = true
		} else if base, ok := strings.CutSuffix(p, payloadExt); ok {
			payloads[base] = true
		} else {
			t.Errorf("%s is neither a payload nor an expectation", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(payloads) == 0 {
		t.Fatal("there are no vectors")
	}
	if diff := cmp.Diff(payloads, expectations); diff != "" {
		t.Errorf("payloads (-) and expectations (+) differ:\n%s", diff)
	}
	maps.DeleteFunc(payloads, func(base string, _ bool) bool { return strings.HasPrefix(base, "invalid/") })
	if diff := cmp.Diff(payloads, canonical); diff != "" {
		t.Errorf("payloads that are valid (-) and canonical forms (+) differ:\n%s", diff)
	}
}

func TestExpectationsMatchTheirSchema(t *testing.T) {
	const name = "expectation.schema.json"
	source, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource(name, source); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range bases() {
		text, err := suite.ReadFile(base + expectationExt)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// verdictOf returns the verdict that findings make: errors alone count.
func verdictOf(findings []Finding) string {
	verdict := "conforms"
	for _, f := range findings {
		switch {
		case f.Severity != "error":
		case family(f.Code) != "dialect":
			return "invalid"
		default:
			verdict = "deviates"
		}
	}
	return verdict
}

func TestExpectationsAreConsistent(t *testing.T) {
	last := ""
	for _, v := range All() {
		if v.Name <= last {
			t.Errorf("%s comes after %s: names are to be sorted and unique", v.Name, last)
		}
		last = v.Name
		want := v.Expectation
		if want.Verdict != v.Verdict {
			t.Errorf("%s: expects %s and stands in %s", v.Name, want.Verdict, v.Verdict)
		}
		if got := verdictOf(want.Findings); got != want.Verdict {
			t.Errorf("%s: expects %s, and its findings make it %s", v.Name, want.Verdict, got)
		}
		checkFindings(t, v)
	}
}

// checkFindings holds the findings of one vector to what is true of any.
func checkFindings(t *testing.T, v Vector) {
	t.Helper()
	lines := bytes.Split(v.Payload, []byte("\n"))
	families := map[string]int{}
	line, column := 0, 0
	for i, f := range v.Expectation.Findings {
		families[family(f.Code)]++
		if !slices.Contains(codes, f.Code) {
			t.Errorf("%s: finding %d has unknown code %s; add a new one to codes in this file", v.Name, i, f.Code)
		}
		if f.Line == 0 {
			continue
		}
		if f.Line < line || f.Line == line && f.Column < column {
			t.Errorf("%s: finding %d is out of order", v.Name, i)
		}
		line, column = f.Line, f.Column
		if f.Line > len(lines) {
			t.Errorf("%s: finding %d is in line %d of %d", v.Name, i, f.Line, len(lines))
			continue
		}
		// One column past the end is the end of the input, or of the line.
		if width := len([]rune(string(lines[f.Line-1]))); f.Column > width+1 {
			t.Errorf("%s: finding %d is in column %d of %d", v.Name, i, f.Column, width)
		}
	}
	if families["json"] > 0 && len(families) > 1 {
		t.Errorf("%s: no strict JSON, and yet something is said of what is in it", v.Name)
	}
	if families["event"] > 0 && len(v.Expectation.Findings) > 1 {
		t.Errorf("%s: an unknown event, and yet more is said of it", v.Name)
	}
}

func TestEveryCodeHasASample(t *testing.T) {
	for _, code := range codes {
		failing, passing, ok := Sample(code)
		if !ok {
			t.Errorf("%s: no sample", code)
			continue
		}
		if failing.Name != code || passing.Name != code+".fixed" {
			t.Errorf("%s: got samples %s and %s", code, failing.Name, passing.Name)
		}
		var got []string
		for _, f := range failing.Expectation.Findings {
			got = append(got, f.Code)
		}
		want := []string{code}
		if code == "data.unreachable-url" { // the contract has no member for a URL
			want = []string{"contract.unknown-member", code}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: findings of the failing sample (-want +got):\n%s", code, diff)
		}
		if passing.Verdict != "conforms" || len(passing.Expectation.Findings) > 0 {
			t.Errorf("%s: the passing sample %s, with %d findings", code, passing.Verdict, len(passing.Expectation.Findings))
		}
		if bytes.Equal(failing.Payload, passing.Payload) {
			t.Errorf("%s: the samples are the same", code)
		}
	}
}

func TestSampleOfNothing(t *testing.T) {
	for _, code := range []string{"", "schema", "schema.none", "json.too-large", "page.run-failed", "../conforms/json.syntax", "json.syntax.fixed"} {
		if failing, passing, ok := Sample(code); ok {
			t.Errorf("Sample(%q) = %s, %s; want none", code, failing.Name, passing.Name)
		}
	}
}

func TestWild(t *testing.T) {
	found := 0
	for _, want := range All() {
		got, ok := Wild(want.Name)
		if ok != strings.HasPrefix(want.Name, "wild.") {
			t.Errorf("Wild(%q): %v", want.Name, ok)
		}
		if !ok {
			continue
		}
		found++
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Wild(%q) (-All +Wild):\n%s", want.Name, diff)
		}
	}
	if found == 0 {
		t.Error("there are no vectors of the wild")
	}
}

// The rules of nst/JSONTestSuite: what it takes for JSON is JSON here but for
// duplicate members, and what it does not is not.
func TestJSONTestSuiteRules(t *testing.T) {
	accepted, rejected, departures := 0, 0, []string{}
	for _, v := range All() {
		broken := slices.ContainsFunc(v.Expectation.Findings, func(f Finding) bool { return family(f.Code) == "json" })
		switch {
		case strings.HasPrefix(v.Name, "json.y-"):
			accepted++
			if broken {
				departures = append(departures, v.Name)
			}
		case strings.HasPrefix(v.Name, "json.n-"):
			rejected++
			if !broken {
				t.Errorf("%s is taken for JSON", v.Name)
			}
		}
	}
	if accepted < 95 || rejected < 188 {
		t.Errorf("%d y_ and %d n_ rules are covered; the suite has 95 and 188", accepted, rejected)
	}
	want := []string{"json.y-object-duplicated-key", "json.y-object-duplicated-key-and-value"}
	if diff := cmp.Diff(want, departures); diff != "" {
		t.Errorf("departures from the suite (-want +got):\n%s", diff)
	}
}

// A checkout that rewrites line ends would change what the vectors say.
func TestBytesSurviveTheCheckout(t *testing.T) {
	crlf, err := read(suite, "conforms/document.crlf")
	if err != nil {
		t.Fatal(err)
	}
	if n, all := bytes.Count(crlf.Payload, []byte("\r\n")), bytes.Count(crlf.Payload, []byte("\n")); n == 0 || n != all {
		t.Errorf("%d of %d lines of %s end in CRLF, want all", n, all, crlf.Name)
	}
	page, err := read(suite, "conforms/page.run-failed")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page.Payload, []byte("\r")) {
		t.Errorf("%s has a carriage return", page.Name)
	}
}
