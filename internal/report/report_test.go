package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

var update = flag.Bool("update", false, "write the goldens in testdata again")

func TestGolden(t *testing.T) {
	tests := []struct {
		file   string
		format Format
		opts   func(*Options)
	}{
		{"report.txt", Text, func(*Options) {}},
		{"report.color.txt", Text, func(o *Options) { o.Color, o.Width = true, 72 }},
		{"report.verbose.txt", Text, func(o *Options) { o.Verbose = true }},
		{"report.summary.txt", Sums, func(*Options) {}},
		{"report.quiet.txt", Text, func(o *Options) { o.Quiet, o.Against = true, "observed" }},
		{"report.json", JSON, func(*Options) {}},
		{"report.ndjson", NDJSON, func(*Options) {}},
		{"report.sarif", SARIF, func(*Options) {}},
		{"report.xml", JUnit, func(*Options) {}},
		{"report.github.txt", GitHub, func(*Options) {}},
		{"report.html", HTML, func(*Options) {}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			opts := sampleOptions()
			tt.opts(&opts)
			var got bytes.Buffer
			w, err := New(tt.format, &got, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := writeSample(w); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", tt.file)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("report differs from %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestUnknownFormat(t *testing.T) {
	const want = `unknown format "yaml": use one of [text json ndjson sarif junit github html summary]`
	if _, err := New("yaml", io.Discard, Options{}); err == nil || err.Error() != want {
		t.Errorf("New error = %v, want %s", err, want)
	}
}

// golden is the sample report as its test has just compared it.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counts compares what is shown of a Found.
var counts = cmpopts.IgnoreUnexported(Found{})

func TestJSONDecodes(t *testing.T) {
	type payload struct {
		Source    string
		Index     int
		Line      int
		EventType string `json:"event_type"`
		Verdict   conformance.Verdict
		Findings  []jsonFinding
		At        string
		Known     int
	}
	type summary struct {
		Payloads, Conforms, Deviates, Invalid, Unreadable, Known int
		Findings                                                 []Found
	}
	wantSummary := summary{7, 3, 1, 3, 1, 2, sampleSummary().Found}

	var doc struct {
		Version    int
		Summary    summary
		Payloads   []payload
		Unreadable []struct{ Source, Message string }
		Stale      []StaleEntry
	}
	dec := json.NewDecoder(bytes.NewReader(golden(t, "report.json")))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != 1 || len(doc.Payloads) != 7 || len(doc.Unreadable) != 1 || len(doc.Stale) != 1 {
		t.Errorf("decoded %+v", doc)
	}
	if diff := cmp.Diff(wantSummary, doc.Summary, counts); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}

	lines := bytes.Split(bytes.TrimSuffix(golden(t, "report.ndjson"), []byte("\n")), []byte("\n"))
	var streamed []payload
	for _, line := range lines {
		var p struct {
			payload
			Unreadable string
			Summary    *summary
			Version    int
		}
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		switch {
		case p.Summary != nil:
			if diff := cmp.Diff(wantSummary, *p.Summary, counts); diff != "" {
				t.Errorf("ndjson summary (-want +got):\n%s", diff)
			}
		case p.Unreadable == "":
			streamed = append(streamed, p.payload)
		}
	}
	if diff := cmp.Diff(doc.Payloads, streamed); diff != "" {
		t.Errorf("payloads of json and ndjson differ (-json +ndjson):\n%s", diff)
	}
	for _, p := range doc.Payloads {
		if p.Findings == nil {
			t.Errorf("%s: findings are null, want an array", p.Source)
		}
	}
}

// jsonFinding is a finding in the JSON forms.
type jsonFinding struct {
	conformance.Finding
	Decides bool `json:"decides,omitempty"`
}

// jsonPayload is a payload in the JSON forms, as encoding/json reads and writes it.
type jsonPayload struct {
	Source    string              `json:"source"`
	Index     int                 `json:"index"`
	Line      int                 `json:"line"`
	EventType string              `json:"event_type"`
	Verdict   conformance.Verdict `json:"verdict"`
	Findings  []jsonFinding       `json:"findings"`
	Truncated bool                `json:"truncated,omitempty"`
	At        string              `json:"at,omitempty"`
	Known     int                 `json:"known,omitempty"`
}

// What is appended is what encoding/json writes, whatever is in the strings.
func TestAppendedJSON(t *testing.T) {
	texts := []string{"", "plain", hostile, strings.Repeat(hostile, 20), "\x00\b\f\n\r\t\x1f\x7f\"\\/<>&'", "\u2028é日🤖\U000e0041"}
	for i := range 256 {
		texts = append(texts, "1234567"+string([]byte{byte(i)})+"9"+string(rune(i)))
	}
	payloads := append(samplePayloads(), hostilePayload(), grouped())
	for _, text := range texts {
		payloads = append(payloads, Payload{Source: text, At: text, Known: 3, Line: 2, Report: conformance.Report{
			EventType: text, Verdict: conformance.Invalid, Truncated: true, Findings: []conformance.Finding{
				{Code: "x", Severity: conformance.SeverityInfo, Pointer: text, Line: 2, Column: 3, Offset: 4, Message: text, Hint: text, Count: 5, Pattern: text},
			}}})
	}
	for _, p := range payloads {
		oracle := jsonPayload{
			Source: p.Source, Index: p.Index, Line: max(p.Line, 1), EventType: p.EventType, Verdict: p.Verdict,
			Findings: []jsonFinding{}, Truncated: p.Truncated, At: p.At, Known: p.Known,
		}
		for _, f := range p.Findings {
			f.Line = p.line(f)
			oracle.Findings = append(oracle.Findings, jsonFinding{f, f.Severity == conformance.SeverityError && !p.Passed})
		}
		want, err := Marshal(oracle)
		if err != nil {
			t.Fatal(err)
		}
		// From Go 1.27 on encoding/json doesn't escape it.
		if got := appendPayload(nil, p); string(got) != strings.ReplaceAll(string(want), "\ufffd", `\ufffd`) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestLinesOfTheSource(t *testing.T) {
	finding := conformance.Finding{Code: "x", Severity: conformance.SeverityError, Line: 2, Column: 5, Message: "m"}
	tests := []struct {
		name    string
		payload Payload
		json    int
		github  string
	}{
		{"single", Payload{Source: "a.json", Line: 1, Single: true}, 2, "line=2,col=5"},
		{"later in a stream", Payload{Source: "a.json", Line: 10}, 11, "line=11,col=5"},
		{"har", Payload{Source: "a.har", Line: 10, At: "/log/entries/0/request/postData/text"}, 2, "line=10,title"},
		{"no line", Payload{Source: "a.json"}, 2, "line=2,col=5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.payload.Findings = []conformance.Finding{finding}
			var got jsonPayload
			line, _, _ := strings.Cut(report(t, NDJSON, Options{}, Summary{}, tt.payload), "\n")
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			if got.Findings[0].Line != tt.json {
				t.Errorf("line %d, want %d", got.Findings[0].Line, tt.json)
			}
			if tt.payload.Findings[0].Line != 2 {
				t.Error("the caller's finding was changed")
			}
			if got := report(t, GitHub, Options{}, Summary{}, tt.payload); !strings.Contains(got, tt.github) {
				t.Errorf("no %s in %s", tt.github, got)
			}
		})
	}
}

// sarifValidator is the schema of SARIF 2.1.0, formats asserted.
func sarifValidator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	if err := c.AddResource("sarif.json", bytes.NewReader(golden(t, "sarif-schema-2.1.0.json"))); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("sarif.json")
}

func validSARIF(t *testing.T, schema *jsonschema.Schema, report []byte) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(report, &doc); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("%#v", err)
	}
}

func TestSARIF(t *testing.T) {
	schema := sarifValidator(t)
	validSARIF(t, schema, golden(t, "report.sarif"))
	validSARIF(t, schema, []byte(report(t, SARIF, Options{}, Summary{Interrupted: true})))

	var doc struct {
		Runs []struct {
			Results []struct {
				RuleID    string
				RuleIndex int
			}
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Invocations []struct{ ExecutionSuccessful bool }
		}
	}
	if err := json.Unmarshal(golden(t, "report.sarif"), &doc); err != nil {
		t.Fatal(err)
	}
	run := doc.Runs[0]
	if len(run.Results) != 9 {
		t.Errorf("%d results, want 9", len(run.Results))
	}
	for _, r := range run.Results {
		if got := run.Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID {
			t.Errorf("rule %d is %s, want %s", r.RuleIndex, got, r.RuleID)
		}
	}
	if run.Invocations[0].ExecutionSuccessful {
		t.Error("executionSuccessful is true, though a source could not be read")
	}
}

func TestSARIFURI(t *testing.T) {
	tests := []struct{ source, want string }{
		{"a.json", "a.json"},
		{"stdin", "stdin"},
		{"runs/june 2026#1?.ndjson", "runs/june%202026%231%3F.ndjson"},
		{"12:30.json", "./12:30.json"},
		{"Größe%.json", "Gr%C3%B6%C3%9Fe%25.json"},
		{"\xff\n.json", "%FF%0A.json"},
		{"/var/a b.json", "file:///var/a%20b.json"},
	}
	for _, tt := range tests {
		if got := sarifURI(tt.source); got != tt.want {
			t.Errorf("sarifURI(%q) = %q, want %q", tt.source, got, tt.want)
		}
	}
}

type junitReport struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Cases    []struct {
			Classname string `xml:"classname,attr"`
			Name      string `xml:"name,attr"`
			Failure   *struct {
				Type string `xml:"type,attr"`
				Text string `xml:",chardata"`
			} `xml:"failure"`
			Error     *struct{} `xml:"error"`
			SystemOut string    `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnitCounts(t *testing.T) {
	var doc junitReport
	if err := xml.Unmarshal(golden(t, "report.xml"), &doc); err != nil {
		t.Fatal(err)
	}
	total, failures, errs := 0, 0, 0
	for _, s := range doc.Suites {
		f, e := 0, 0
		for _, c := range s.Cases {
			if c.Failure != nil {
				f++
			}
			if c.Error != nil {
				e++
			}
			if c.Classname != s.Name {
				t.Errorf("case of %s stands in suite %s", c.Classname, s.Name)
			}
		}
		if s.Tests != len(s.Cases) || s.Failures != f || s.Errors != e {
			t.Errorf("%s says %d tests, %d failures, %d errors; has %d, %d, %d", s.Name, s.Tests, s.Failures, s.Errors, len(s.Cases), f, e)
		}
		total, failures, errs = total+len(s.Cases), failures+f, errs+e
	}
	if got, want := []int{doc.Tests, doc.Failures, doc.Errors}, []int{8, 4, 1}; !cmp.Equal(got, want) || total != 8 || failures != 4 || errs != 1 {
		t.Errorf("in all %v, and counted %d, %d, %d; want %v", got, total, failures, errs, want)
	}
}

// A payload that fails for less than an error still says for what.
func TestFailsOnWarning(t *testing.T) {
	p := Payload{Source: "a.json", Line: 1, Single: true, Policy: Policy{Warnings: true}, Report: conformance.Report{Verdict: conformance.Conforms, Findings: []conformance.Finding{
		{Code: "contract.unknown-member", Severity: conformance.SeverityInfo, Line: 1, Column: 2, Message: "i"},
		{Code: "data.time-order", Severity: conformance.SeverityWarning, Line: 1, Column: 1, Message: "w"},
	}}}
	var doc junitReport
	if err := xml.Unmarshal([]byte(report(t, JUnit, Options{}, Summary{}, p)), &doc); err != nil {
		t.Fatal(err)
	}
	c := doc.Suites[0].Cases[0]
	if c.Failure == nil || c.Failure.Type != "data.time-order" || !strings.Contains(c.SystemOut, "unknown-member") {
		t.Errorf("case %+v", c)
	}
	if got := report(t, Text, Options{}, Summary{Failed: 1}, p); !strings.Contains(got, "runhooks explain data.time-order") {
		t.Errorf("no next step in:\n%s", got)
	}
}

// hostile is what a payload may try on whoever reads a report about it.
const hostile = "\x1b[31mred\x1b]0;title\x07 \u009b2J \u202egnp.exe\u2066 \u200b\ufeff \x00\x7f \xff\xc3 ]]> </script><script>alert(1)</script> " +
	"<img src=x onerror=alert(1)> &amp; \"quoted\" 'single' {{.}} %0A\n::error file=x::injected\r\n##[error]injected [link](https://evil.example) \u2028\ufffe"

func hostilePayload() Payload {
	data := []byte(`{"event_type":"` + hostile + `"}`)
	return Payload{
		Source: "a" + hostile + ".json", Line: 1, Data: data,
		At: "/log/" + hostile,
		Report: conformance.Report{EventType: hostile, Verdict: conformance.Invalid, Findings: []conformance.Finding{{
			Code: "schema.enum", Severity: conformance.SeverityError, Pointer: "/" + hostile, Line: 1, Column: 15, Offset: 14,
			Message: "message " + hostile, Hint: "hint " + hostile,
		}}},
	}
}

func TestHostile(t *testing.T) {
	write := func(t *testing.T, f Format, opts Options) string {
		var out bytes.Buffer
		w, err := New(f, &out, opts)
		if err != nil {
			t.Fatal(err)
		}
		p := hostilePayload()
		for _, err := range []error{
			w.Payload(p),
			w.Unreadable("b"+hostile, errors.New(hostile)),
			w.Close(Summary{Payloads: 1, Invalid: 1, Failed: 1, Unreadable: 1,
				Stale: []StaleEntry{{Source: "c" + hostile, Code: "x", Pointer: hostile, Count: 1}}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return out.String()
	}

	for _, f := range []Format{Text, GitHub, JUnit, HTML, JSON, NDJSON, SARIF} {
		t.Run("no control in "+string(f), func(t *testing.T) {
			if bad := unprintable(write(t, f, Options{})); bad != "" {
				t.Errorf("%q in the report", bad)
			}
		})
	}
	t.Run("text in colour", func(t *testing.T) {
		got := ownSGR.ReplaceAllString(write(t, Text, Options{Color: true}), "")
		if bad := unprintable(got); bad != "" {
			t.Errorf("%q in the report", bad)
		}
	})
	// Escaped or not, the values are the same, but for what is not UTF-8.
	same := func(t *testing.T, finding jsonPayload) {
		want := hostilePayload()
		utf8 := func(s string) string { return strings.ReplaceAll(s, "\xff\xc3", "\ufffd\ufffd") }
		for i, pair := range [][2]string{
			{want.Source, finding.Source}, {want.At, finding.At}, {want.EventType, finding.EventType},
			{want.Findings[0].Pointer, finding.Findings[0].Pointer}, {want.Findings[0].Message, finding.Findings[0].Message},
			{want.Findings[0].Hint, finding.Findings[0].Hint},
		} {
			if diff := cmp.Diff(utf8(pair[0]), pair[1]); diff != "" {
				t.Errorf("string %d (-want +got):\n%s", i, diff)
			}
		}
	}
	t.Run("json", func(t *testing.T) {
		var doc struct{ Payloads []jsonPayload }
		if err := json.Unmarshal([]byte(write(t, JSON, Options{})), &doc); err != nil {
			t.Fatal(err)
		}
		same(t, doc.Payloads[0])
	})
	t.Run("ndjson", func(t *testing.T) {
		first := true
		for line := range strings.Lines(write(t, NDJSON, Options{})) {
			var payload jsonPayload
			if err := json.Unmarshal([]byte(line), &payload); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if first {
				same(t, payload)
			}
			first = false
		}
	})
	t.Run("sarif", func(t *testing.T) {
		got := write(t, SARIF, Options{})
		validSARIF(t, sarifValidator(t), []byte(got))
		if regexp.MustCompile(`"text":"[^"]*[^\\]\]\(`).MatchString(got) {
			t.Errorf("a message holds a link: %s", got)
		}
	})
	t.Run("junit", func(t *testing.T) {
		var doc junitReport
		if err := xml.Unmarshal([]byte(write(t, JUnit, Options{})), &doc); err != nil {
			t.Fatal(err)
		}
		if c := doc.Suites[0].Cases[0]; !strings.Contains(c.Failure.Text, "]]> </script>") {
			t.Errorf("failure text %q", c.Failure.Text)
		}
	})
	t.Run("github", func(t *testing.T) {
		commands := 0
		for line := range strings.Lines(write(t, GitHub, Options{})) {
			if strings.Contains(line, "##[") && !strings.HasPrefix(line, "::") {
				t.Errorf("injected command %q", line)
			}
			if strings.HasPrefix(line, "::") {
				commands++
				if properties, _, _ := strings.Cut(line[2:], "::"); strings.Count(properties, "title=") != 1 {
					t.Errorf("properties %q", properties)
				}
			}
		}
		if commands != 3 {
			t.Errorf("%d commands, want 3", commands)
		}
	})
	t.Run("html", func(t *testing.T) {
		got := write(t, HTML, Options{CodeInfo: func(conformance.Code) (string, string) { return hostile, "javascript:alert(1)" }})
		if n := strings.Count(got, "<script"); n != 1 {
			t.Errorf("%d scripts, want our own", n)
		}
		for _, bad := range []string{"<img", `href="javascript`, "http://", `src="`} {
			if strings.Contains(got, bad) {
				t.Errorf("the page holds %s", bad)
			}
		}
	})
}

// The policy of a page must name the style and the script that it holds.
func TestHTMLPolicy(t *testing.T) {
	page := string(golden(t, "report.html"))
	for tag, text := range map[string]string{"style": htmlStyle, "script": htmlScript} {
		m := regexp.MustCompile(`(?s)<` + tag + `>(.*)</` + tag + `>`).FindStringSubmatch(page)
		if m == nil || m[1] != text {
			t.Errorf("the %s in the page is not the one that was hashed", tag)
		}
		if !strings.Contains(htmlPolicy, tag+"-src '"+cspHash(text)+"'") {
			t.Errorf("no hash of the %s in %s", tag, htmlPolicy)
		}
	}
	if strings.Contains(page, "style=") || strings.Contains(page, " on") && regexp.MustCompile(`<[^>]* on\w+=`).MatchString(page) {
		t.Error("the page has inline styles or handlers, which its policy forbids")
	}
}

func TestBounds(t *testing.T) {
	many := Payload{Source: "a.json", Line: 1, Single: true, Data: []byte("{}"), Report: conformance.Report{Verdict: conformance.Invalid}}
	for i := range maxFindings + 3 {
		many.Findings = append(many.Findings, conformance.Finding{
			Code: "schema.type", Severity: conformance.SeverityError, Line: 1, Column: 1, Message: fmt.Sprintf("finding %d", i)})
	}
	text := report(t, Text, Options{}, Summary{}, many)
	if !strings.Contains(text, "… and 3 more findings (--format json shows all)") || strings.Contains(text, fmt.Sprintf("finding %d", maxFindings)) {
		t.Errorf("text:\n%s", text)
	}
	if page := report(t, HTML, Options{}, Summary{}, many); !strings.Contains(page, "… and 3 more findings") {
		t.Error("html does not say what it left out of a payload")
	}

	one := many
	one.Findings = many.Findings[:1]
	payloads := make([]Payload, htmlPayloads+20)
	for i := range payloads {
		payloads[i] = one
	}
	page := report(t, HTML, Options{}, Summary{Payloads: len(payloads), Invalid: len(payloads)}, payloads...)
	if n := strings.Count(page, "<details"); n != htmlPayloads || !strings.Contains(page, "and 20 more left out") {
		t.Errorf("html details %d payloads, want %d", n, htmlPayloads)
	}

	long := strings.Repeat("x", 1<<20)
	many.Findings = []conformance.Finding{{Code: "x", Line: 1, Column: 1, Message: long, Hint: long, Pointer: long}}
	if n := len(report(t, Text, Options{}, Summary{}, many)); n > 4*maxText {
		t.Errorf("text of %d bytes on long messages", n)
	}
}

func TestQuietAndVerbose(t *testing.T) {
	conforms := Payload{Source: "a.ndjson", Index: 6, Line: 7, Passed: true, Report: conformance.Report{Verdict: conformance.Conforms}}
	single := Payload{Source: "b.json", Line: 1, Single: true, Passed: true, Report: conformance.Report{Verdict: conformance.Conforms}}
	info := conforms
	info.Source, info.Findings = "c.ndjson", []conformance.Finding{{Code: "contract.unknown-member", Severity: conformance.SeverityInfo, Line: 1, Column: 1}}
	failed := Payload{Source: "d.ndjson", Line: 1, Report: conformance.Report{Verdict: conformance.Deviates}}

	tests := []struct {
		name string
		opts Options
		want []string
	}{
		{"plain", Options{}, []string{"b.json", "c.ndjson:7", "d.ndjson:1"}},
		{"quiet", Options{Quiet: true}, []string{"d.ndjson:1"}},
		{"verbose", Options{Verbose: true}, []string{"a.ndjson:7", "b.json", "c.ndjson:7", "d.ndjson:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range regexp.MustCompile(`(?m)^[✓~✗] (\S+)`).FindAllStringSubmatch(
				report(t, Text, tt.opts, Summary{}, conforms, single, info, failed), -1) {
				got = append(got, m[1])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("payloads listed (-want +got):\n%s", diff)
			}
		})
	}
}

// A report that doesn't list all payloads is the same without those that it
// needn't be told of.
func TestListsAll(t *testing.T) {
	payloads := samplePayloads()
	plain := payloads[2]
	for _, f := range Formats() {
		for _, opts := range []Options{{}, {Verbose: true}, {Quiet: true}} {
			with := report(t, f, opts, sampleSummary(), payloads[0], plain, payloads[3], plain)
			without := report(t, f, opts, sampleSummary(), payloads[0], payloads[3])
			if listed := with != without; listed != opts.ListsAll(f) {
				t.Errorf("%s, %+v: listed %t, ListsAll %t", f, opts, listed, opts.ListsAll(f))
			}
		}
	}
}

// What a format writes as it comes is there after a Flush, and not much before:
// a write for each payload would cost more than to check it.
func TestFlush(t *testing.T) {
	asItComes := map[Format]bool{Text: true, NDJSON: true, GitHub: true, SARIF: true}
	for _, f := range Formats() {
		t.Run(string(f), func(t *testing.T) {
			var out bytes.Buffer
			w, err := New(f, &out, sampleOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Payload(samplePayloads()[3]); err != nil {
				t.Fatal(err)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes before Flush", out.Len())
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), "dialect.local-time"); got != asItComes[f] {
				t.Errorf("there after Flush: %t, want %t", got, asItComes[f])
			}
			if err := w.Close(sampleSummary()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestSummaryLine(t *testing.T) {
	tests := []struct {
		summary Summary
		want    string
	}{
		{Summary{Payloads: 43, Deviates: 43, Errors: 210, Warnings: 12, Infos: 30},
			"43 payloads: 0 conform, 43 deviate, 0 invalid · 210 errors, 12 warnings, 30 infos"},
		{Summary{Payloads: 1, Conforms: 1, Warnings: 1, Infos: 1},
			"1 payload: 1 conforms, 0 deviate, 0 invalid · 0 errors, 1 warning, 1 info"},
		{Summary{Payloads: 3, Conforms: 1, Deviates: 1, Invalid: 1, Errors: 1},
			"3 payloads: 1 conforms, 1 deviates, 1 invalid · 1 error, 0 warnings, 0 infos"},
	}
	for _, tt := range tests {
		if got := tt.summary.line(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	got := report(t, Text, Options{}, Summary{Interrupted: true, Unreadable: 2, Known: 1})
	for _, want := range []string{"interrupted", "2 sources could not be read", "1 known finding set aside"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

// emptyTemp makes temporary files go to a directory of the test's own, and
// gives a function that fails the test if any are left in it.
func emptyTemp(t *testing.T) (check func()) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return func() {
		t.Helper()
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) > 0 {
			t.Errorf("%s was left behind", left[0])
		}
	}
}

// failAfter is a writer with room for n bytes.
type failAfter struct{ n int }

var errFull = errors.New("no room")

func (w *failAfter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, errFull
	}
	w.n -= len(p)
	return len(p), nil
}

func TestOutputErrors(t *testing.T) {
	clean := emptyTemp(t)
	for _, f := range Formats() {
		t.Run(string(f), func(t *testing.T) {
			var whole bytes.Buffer
			w, err := New(f, &whole, sampleOptions())
			if err != nil {
				t.Fatal(err)
			}
			if err := writeSample(w); err != nil {
				t.Fatal(err)
			}
			for n := 0; n < whole.Len(); n += 1 + whole.Len()/1000 {
				w, err := New(f, &failAfter{n}, sampleOptions())
				if err != nil {
					t.Fatal(err)
				}
				if err := writeSample(w); !errors.Is(err, errFull) {
					t.Fatalf("after %d bytes: error %v, want %v", n, err, errFull)
				}
			}
			clean()
		})
	}
}

const manyPayloadsLen = 2000

// manyPayloads is enough for every spool to grow into a file: the payloads of
// one source, or each of its own.
func manyPayloads(w Writer, sources bool) error {
	p := samplePayloads()[3]
	for i := range manyPayloadsLen {
		if p.Index, p.Line = i, i+1; sources {
			p.Source = fmt.Sprintf("%d.json", i)
		}
		if err := w.Payload(p); err != nil {
			return errors.Join(err, w.Close(Summary{}))
		}
		if err := w.Unreadable("gone.json", errors.New(strings.Repeat("gone ", 100))); sources && err != nil {
			return errors.Join(err, w.Close(Summary{}))
		}
	}
	return w.Close(Summary{Payloads: manyPayloadsLen, Deviates: manyPayloadsLen, Failed: manyPayloadsLen})
}

func TestLongReports(t *testing.T) {
	clean := emptyTemp(t)
	for _, f := range Formats() {
		for _, sources := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sources=%t", f, sources), func(t *testing.T) {
				var first, second bytes.Buffer
				for _, out := range []*bytes.Buffer{&first, &second} {
					w, err := New(f, out, sampleOptions())
					if err != nil {
						t.Fatal(err)
					}
					if err := manyPayloads(w, sources); err != nil {
						t.Fatal(err)
					}
				}
				if first.Len() < spoolMemory/2 || !bytes.Equal(first.Bytes(), second.Bytes()) {
					t.Errorf("two reports on the same payloads differ, or are short: %d and %d bytes", first.Len(), second.Len())
				}
				switch f {
				case JSON, SARIF:
					if !json.Valid(first.Bytes()) {
						t.Error("not JSON")
					}
				case JUnit:
					if err := xml.Unmarshal(first.Bytes(), new(junitReport)); err != nil {
						t.Error(err)
					}
				}
				for _, n := range []int{0, first.Len() / 2, first.Len() - 1} {
					w, err := New(f, &failAfter{n}, sampleOptions())
					if err != nil {
						t.Fatal(err)
					}
					if err := manyPayloads(w, sources); !errors.Is(err, errFull) {
						t.Errorf("after %d bytes: error %v, want %v", n, err, errFull)
					}
				}
				clean()
			})
		}
	}
}

func TestNoPlaceForTemporaryFiles(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	t.Setenv("TMPDIR", nowhere)
	t.Setenv("TMP", nowhere)
	for _, f := range []Format{JSON, JUnit} {
		w, err := New(f, io.Discard, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := manyPayloads(w, false); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: error %v, want one about the temporary directory", f, err)
		}
	}
}

// TestMarshal: what prints stays readable, and the rest is an escape of the same
// value, also beyond the basic plane.
func TestMarshal(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a<b>&\"é日本🤖", `"a<b>&\"é日本🤖"`},
		{"\x1b\x7f\u0085\u009b\u00a0", `"\u001b\u007f\u0085\u009b\u00a0"`},
		{"\u202e\u2066\u200f\u061c\u2028\ufeff", `"\u202e\u2066\u200f\u061c\u2028\ufeff"`},
		{"a\U000e0041b", `"a\udb40\udc41b"`},
		{"\xff", `"�"`},
	} {
		got, err := Marshal(tt.text)
		// Before Go 1.27 encoding/json escapes it.
		text := strings.ReplaceAll(string(got), `\ufffd`, "�")
		if err != nil || text != tt.want {
			t.Errorf("%q: %s (%v), want %s", tt.text, got, err, tt.want)
		}
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != strings.ToValidUTF8(tt.text, "\ufffd") {
			t.Errorf("%q comes back as %q (%v)", tt.text, back, err)
		}
	}
	if _, err := Marshal(func() {}); err == nil {
		t.Error("a function is JSON")
	}
}
