package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// policed is a payload with a finding of each weight, judged by a policy.
func policed(policy Policy, verdict conformance.Verdict, codes ...conformance.Code) Payload {
	p := Payload{Source: "a.json", Line: 1, Single: true, Policy: policy, Data: []byte(`{"a":1}`), Report: conformance.Report{Verdict: verdict}}
	for i, code := range codes {
		severity := conformance.SeverityError
		switch code.Family() {
		case "data":
			severity = conformance.SeverityWarning
		case "contract":
			severity = conformance.SeverityInfo
		}
		p.Findings = append(p.Findings, conformance.Finding{
			Code: code, Severity: severity, Line: 1, Column: 2, Offset: 1, Message: "m", Hint: "h of /" + string(code), Pointer: fmt.Sprint("/", i)})
	}
	p.Passed = policy.Passes(&p.Report)
	return p
}

// TestLevels: what each format calls a finding, by the policy. An error that fails nothing
// is none, and to a receiver nothing is of a payload that passes; the JSON forms keep the
// severity, and say what decides.
func TestLevels(t *testing.T) {
	codes := []conformance.Code{"dialect.local-time", "data.time-order", "contract.opaque-id"}
	refused := append(slices.Clone(codes), "schema.type")
	observed := Policy{Observed: true}
	receiver := Policy{Observed: true, As: conformance.Receiver}
	for _, tt := range []struct {
		name   string
		p      Payload
		levels string // in order of the codes
		sums   string
		marked int // of schema.type, in the text
	}{
		{"documented", policed(Policy{}, conformance.Deviates, codes...), "error warning info", "1 error, 1 warning, 1 info", 0},
		{"documented, invalid", policed(Policy{}, conformance.Invalid, refused...), "error warning info error", "2 errors, 1 warning, 1 info", 0},
		{"observed, passes", policed(observed, conformance.Deviates, codes...), "notice warning info", "0 errors, 1 warning, 1 info, 1 notice", 0},
		{"observed, fails", policed(observed, conformance.Invalid, refused...), "notice warning info error", "1 error, 1 warning, 1 info, 1 notice", 1},
		{"observed, warnings fail", policed(Policy{Observed: true, Warnings: true}, conformance.Deviates, codes...), "notice warning info", "0 errors, 1 warning, 1 info, 1 notice", 1},
		{"receiver, passes", policed(receiver, conformance.Deviates, codes...), "notice notice notice", "0 errors, 0 warnings, 0 infos, 3 notices", 0},
		{"receiver, fails", policed(receiver, conformance.Invalid, refused...), "notice warning info error", "1 error, 1 warning, 1 info, 1 notice", 1},
		{"the reference, observed", policed(Policy{Observed: true, Reference: true}, conformance.Deviates, "schema.type"), "notice", "0 errors, 0 warnings, 0 infos, 1 notice", 0},
		{"the reference, invalid", policed(Policy{Observed: true, Reference: true}, conformance.Invalid, "schema.type"), "error", "1 error, 0 warnings, 0 infos", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			levels := strings.Fields(tt.levels)
			var s Summary
			s.Add(tt.p)
			if _, got, _ := strings.Cut(s.line(), " · "); got != tt.sums {
				t.Errorf("summary %q, want %q", got, tt.sums)
			}
			text := report(t, Text, Options{Verbose: true}, s, tt.p)
			for i, f := range tt.p.Findings {
				if want := levels[i] + " " + string(f.Code) + " 1:2"; !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if n := strings.Count(text, "\n✗ "); n != tt.marked || strings.Count(text, " decides: ") != tt.marked {
				t.Errorf("%d marks, want %d:\n%s", n, tt.marked, text)
			}

			var sarif struct {
				Runs []struct {
					Results []struct{ RuleID, Level string }
				}
			}
			if err := json.Unmarshal([]byte(report(t, SARIF, Options{}, s, tt.p)), &sarif); err != nil {
				t.Fatal(err)
			}
			github := report(t, GitHub, Options{}, s, tt.p)
			page := report(t, HTML, Options{}, s, tt.p)
			for i, f := range tt.p.Findings {
				level := map[string]string{"info": "note", "notice": "note"}[levels[i]]
				if level == "" {
					level = levels[i]
				}
				if !slices.Contains(sarif.Runs[0].Results, struct{ RuleID, Level string }{string(f.Code), level}) {
					t.Errorf("%s is not %s in %v", f.Code, level, sarif.Runs[0].Results)
				}
				command := "::" + strings.Replace(level, "note", "notice", 1) + " file=a.json,line=1,col=2,title=" + string(f.Code)
				if !strings.Contains(github, command) {
					t.Errorf("no %q in\n%s", command, github)
				}
				if want := `severity ` + levels[i] + `">` + levels[i] + `</span>`; !strings.Contains(page, want) {
					t.Errorf("no %q in the page", want)
				}
			}

			var junit junitReport
			if err := xml.Unmarshal([]byte(report(t, JUnit, Options{}, s, tt.p)), &junit); err != nil {
				t.Fatal(err)
			}
			c := junit.Suites[0].Cases[0]
			if (c.Failure == nil) != tt.p.Passed {
				t.Errorf("passed %t, failure %+v", tt.p.Passed, c.Failure)
			}
			if out := c.SystemOut; strings.Contains(out, "error:") {
				t.Errorf("what fails nothing is an error: %s", out)
			}

			var got struct{ Findings []jsonFinding }
			line, _, _ := strings.Cut(report(t, NDJSON, Options{}, s, tt.p), "\n")
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			for i, f := range got.Findings {
				decides := !tt.p.Passed && (levels[i] == "error" || tt.p.Policy.Warnings && levels[i] == "warning")
				if f.Severity != tt.p.Findings[i].Severity || f.Decides != decides {
					t.Errorf("%s: %s, decides %t, want %t", f.Code, f.Severity, f.Decides, decides)
				}
			}
		})
	}
}

// TestReceiverText: what was found comes first, by code, and then the payloads that fail.
func TestReceiverText(t *testing.T) {
	receiver := Policy{Observed: true, As: conformance.Receiver}
	passes := policed(receiver, conformance.Deviates, "dialect.local-time", "dialect.local-time", "contract.opaque-id")
	fails := policed(receiver, conformance.Invalid, "dialect.local-time", "schema.type")
	fails.Source, fails.Data = "b.json", nil
	write := func(t *testing.T, format Format, opts Options, payloads ...Payload) string {
		opts.As = conformance.Receiver
		var s Summary
		var tally Tally
		for _, p := range payloads {
			s.Add(p)
			tally.Add(p)
		}
		s.Found, _ = tally.Found()
		s.Codes = tally.Codes()
		return report(t, format, opts, s, payloads...)
	}
	const table = `payloads  findings  what
       1         1  error schema.type
                      /*
                      hint: h of /schema.type
       3         5  notice dialect.local-time
                      /*
                      hint: h of /dialect.local-time
       2         2  notice contract.opaque-id
                      /*
                      hint: h of /contract.opaque-id
`
	const failing = `✗ b.json  invalid
  notice dialect.local-time 1:2 m
       │ /0
       │ hint: h of /dialect.local-time
✗ error schema.type 1:2 decides: m
       │ /1
       │ hint: h of /schema.type
`
	const sums = "3 payloads: 0 conform, 2 deviate, 1 invalid · 1 error, 0 warnings, 0 infos, 7 notices\nrunhooks explain schema.type says more about a code\n"
	for _, tt := range []struct {
		name   string
		format Format
		opts   Options
		p      []Payload
		want   string
	}{
		{"many", Text, Options{}, []Payload{passes, fails, passes}, table + "\n" + failing + "\n" + sums},
		{"summary", Sums, Options{}, []Payload{passes, fails, passes}, table + "\n" + sums},
		{"quiet", Text, Options{Quiet: true}, []Payload{fails}, failing + "\nThe payload does not pass\nrunhooks explain schema.type says more about a code\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, write(t, tt.format, tt.opts, tt.p...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("verbose", func(t *testing.T) {
		got := write(t, Text, Options{Verbose: true}, passes, fails, passes)
		if !strings.HasPrefix(got, table) || strings.Count(got, "~ a.json") != 2 || strings.Count(got, "✗ b.json") != 1 {
			t.Error(got)
		}
	})
	t.Run("one", func(t *testing.T) {
		got := write(t, Text, Options{}, passes)
		if !strings.HasPrefix(got, "~ a.json  deviates\n  notice dialect.local-time 1:2 m\n") || strings.Contains(got, "payloads  findings") {
			t.Error(got)
		}
	})
	t.Run("none", func(t *testing.T) {
		if got := write(t, Text, Options{}); got != "0 payloads: 0 conform, 0 deviate, 0 invalid · 0 errors, 0 warnings, 0 infos\n" {
			t.Error(got)
		}
	})
}

// TestCodes: hints that are the same but for the pointer are one, and nothing is counted
// twice.
func TestCodes(t *testing.T) {
	var tally Tally
	for i := range 3 {
		p := Payload{Passed: true}
		for _, member := range []string{"/data/robot_id", "/data/run_id"}[:1+i%2] {
			p.Findings = append(p.Findings, conformance.Finding{Code: "dialect.field-case", Pointer: member, Hint: "read it from " + member + "; or not", Count: 2 * i})
		}
		tally.Add(p)
	}
	codes := tally.Codes()
	if len(codes) != 1 || codes[0].Payloads != 3 || codes[0].Findings != 9 {
		t.Fatalf("%+v", codes)
	}
	want := []foundHint{{"read it from /data/robot_id; or not", "read it from there; or not", []string{"/data/robot_id", "/data/run_id"}}}
	if diff := cmp.Diff(want, codes[0].hints, cmp.AllowUnexported(foundHint{})); diff != "" {
		t.Error(diff)
	}
}

// leveled are n payloads of a source, each with a finding of that severity and code.
func leveled(n int, severity conformance.Severity, code conformance.Code, line int) []Payload {
	payloads := make([]Payload, n)
	for i := range payloads {
		payloads[i] = Payload{Source: "a.ndjson", Index: line + i, Line: 1 + line + i, Passed: severity != conformance.SeverityError,
			Report: conformance.Report{Verdict: conformance.Conforms, Findings: []conformance.Finding{
				{Code: code, Severity: severity, Line: 1, Column: 1, Message: "m", Pointer: "/a"}}}}
	}
	return payloads
}

func TestSARIFLimit(t *testing.T) {
	schema := sarifValidator(t)
	for _, tt := range []struct {
		errors, warnings, notes int
		want                    [3]int
		left                    string
	}{
		{3, 2, 1, [3]int{3, 2, 1}, ""},
		{24_000, 900, 100, [3]int{24_000, 900, 100}, ""},
		{24_000, 900, 30_000, [3]int{24_000, 900, 100}, "29,900 of 54,900 results are left out, the last ones of the lowest levels"},
		{1, 30_000, 1, [3]int{1, 24_999, 0}, "5,002 of 30,002 results"},
		{25_001, 1, 1, [3]int{25_000, 0, 0}, "3 of 25,003 results"},
	} {
		// The worst come last.
		payloads := leveled(tt.notes, conformance.SeverityInfo, "contract.opaque-id", 0)
		payloads = append(payloads, leveled(tt.warnings, conformance.SeverityWarning, "data.time-order", tt.notes)...)
		payloads = append(payloads, leveled(tt.errors, conformance.SeverityError, "schema.type", tt.notes+tt.warnings)...)
		text := report(t, SARIF, Options{}, Summary{}, payloads...)
		var doc struct {
			Runs []struct {
				Results []struct {
					Level               string
					PartialFingerprints map[string]string
				}
				Invocations []struct {
					ToolExecutionNotifications []struct{ Message struct{ Text string } }
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		var got [3]int
		prints := map[string]bool{}
		for _, r := range doc.Runs[0].Results {
			got[slices.Index(sarifLevels[:], r.Level)]++
			if prints[r.PartialFingerprints["runhooks/v1"]] {
				t.Fatalf("two results have the fingerprint %v", r.PartialFingerprints)
			}
			prints[r.PartialFingerprints["runhooks/v1"]] = true
		}
		if got != tt.want {
			t.Errorf("%+v: results %v", tt, got)
		}
		said := fmt.Sprint(doc.Runs[0].Invocations)
		if !strings.Contains(said, tt.left) || tt.left == "" && said != "[{[]}]" {
			t.Errorf("%+v: said %s", tt, said)
		}
		if len(doc.Runs[0].Results) < 10 {
			validSARIF(t, schema, []byte(text))
		}
	}
}

// TestSARIFFirsts: an error of another kind has room after very many of one.
func TestSARIFFirsts(t *testing.T) {
	payloads := append(leveled(sarifLimit+500, conformance.SeverityError, "schema.type", 0), leveled(3, conformance.SeverityError, "schema.enum", sarifLimit+500)...)
	text := report(t, SARIF, Options{}, Summary{}, payloads...)
	if n, m := strings.Count(text, `"ruleId":"schema.type"`), strings.Count(text, `"ruleId":"schema.enum"`); n+m != sarifLimit || m != 1 {
		t.Errorf("%d and %d results", n, m)
	}
}

// TestSARIFFingerprints: two runs agree on what a result is called, also after a
// payload that has nothing to do with it came before.
func TestSARIFFingerprints(t *testing.T) {
	fingerprints := func(payloads ...Payload) []string {
		return regexp.MustCompile(`"runhooks/v1":"[^"]*"`).FindAllString(report(t, SARIF, Options{}, Summary{}, payloads...), -1)
	}
	some := leveled(3, conformance.SeverityError, "schema.type", 0)
	first := fingerprints(some...)
	second := fingerprints(append(leveled(1, conformance.SeverityError, "schema.enum", 0), some...)...)
	if len(first) != 3 || len(second) != 4 || !slices.Equal(first, second[1:]) || first[0] == first[1] || first[1] == first[2] {
		t.Errorf("%q, then %q", first, second)
	}
}

func TestGitHubLimit(t *testing.T) {
	commands := func(text string) (levels [3]int, titles string) {
		for line := range strings.Lines(text) {
			for i, level := range githubLevels {
				if strings.HasPrefix(line, "::"+level+" ") {
					levels[i]++
				}
			}
			if m := regexp.MustCompile(`title=([^:]*)::`).FindStringSubmatch(line); m != nil {
				titles += m[1] + " "
			}
		}
		return levels, titles
	}
	t.Run("all of it fits", func(t *testing.T) {
		text := report(t, GitHub, Options{}, Summary{}, append(leveled(10, conformance.SeverityError, "schema.type", 0), leveled(3, conformance.SeverityInfo, "contract.opaque-id", 10)...)...)
		if got, _ := commands(text); got != [3]int{10, 0, 3} || strings.Contains(text, "in the log") {
			t.Error(text)
		}
	})
	t.Run("each code comes before another of the same", func(t *testing.T) {
		payloads := leveled(25, conformance.SeverityError, "schema.type", 0)
		payloads = append(payloads, leveled(2, conformance.SeverityError, "schema.enum", 25)...)
		payloads = append(payloads, leveled(12, conformance.SeverityWarning, "data.time-order", 27)...)
		text := report(t, GitHub, Options{}, Summary{}, payloads...)
		levels, titles := commands(text)
		if levels != [3]int{10, 10, 0} || strings.Count(titles, "schema.enum") < 1 {
			t.Errorf("%v %s", levels, titles)
		}
		for _, want := range []string{"17 errors more in the log above: GitHub shows 10 annotations of a level and step\n", "2 warnings more in the log"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if n := strings.Count(text, "\nerror a.ndjson:"); n != 17 {
			t.Errorf("%d errors in the log:\n%s", n, text)
		}
	})
	t.Run("many codes", func(t *testing.T) {
		var payloads []Payload
		for i := range 15 {
			payloads = append(payloads, leveled(1, conformance.SeverityError, conformance.Code(fmt.Sprint("schema.", i)), i)...)
		}
		text := report(t, GitHub, Options{}, Summary{}, payloads...)
		if levels, _ := commands(text); levels != [3]int{10, 0, 0} || !strings.Contains(text, "5 errors more in the log") {
			t.Error(text)
		}
	})
}

func TestJUnitLimit(t *testing.T) {
	payloads := append(leveled(junitLimit+5, conformance.SeverityInfo, "contract.opaque-id", 0), leveled(junitLimit+5, conformance.SeverityError, "schema.type", junitLimit+5)...)
	payloads = append(payloads, policed(Policy{}, conformance.Deviates, slices.Repeat([]conformance.Code{"dialect.local-time"}, maxFindings+2)...))
	text := report(t, JUnit, Options{}, Summary{}, payloads...)
	var doc junitReport
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	suite := doc.Suites[0]
	if suite.Failures != junitLimit+5 || len(suite.Cases) != suite.Tests || suite.Tests != 2*junitLimit+6 {
		t.Errorf("%d tests, %d cases, %d failures", suite.Tests, len(suite.Cases), suite.Failures)
	}
	if last := suite.Cases[len(suite.Cases)-1]; last.Name != "5 more payloads that pass" || last.Failure != nil {
		t.Errorf("%+v", last)
	}
	if n := strings.Count(text, "--format json has the findings"); n != 5 {
		t.Errorf("%d failures without their findings", n)
	}
	if c := doc.Suites[1].Cases[0]; !strings.Contains(c.Failure.Text, "… and 2 more findings (--format json shows all)") || strings.Count(c.Failure.Text, ": dialect.local-time: m") != maxFindings {
		t.Errorf("%.300s", c.Failure.Text)
	}
}
