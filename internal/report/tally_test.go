package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/pkg/conformance"
)

// A finding that stands for more says so in each format, and how many.
func TestGrouped(t *testing.T) {
	const pattern = "/data/extracted_data/captured_lists/Prices/*/Price"
	for format, want := range map[Format]string{
		Text:   "       │ and 1,999 more like it: " + pattern + "\n",
		JSON:   `"count":2000,"pattern":"` + pattern + `"`,
		NDJSON: `"count":2000,"pattern":"` + pattern + `"`,
		SARIF:  `"occurrenceCount":2000`,
		JUnit:  "\n  and 1,999 more like it: " + pattern,
		GitHub: "%0Aand 1,999 more like it: " + pattern,
		HTML:   "and 1,999 more like it: " + pattern,
		Sums:   "       1     2,000  error dialect.null-cell  a.json:1  " + pattern,
	} {
		t.Run(string(format), func(t *testing.T) {
			if got := report(t, format, Options{}, summed(grouped()), grouped()); !strings.Contains(got, want) {
				t.Errorf("no %s in:\n%s", want, got)
			}
		})
	}
	text := report(t, Text, Options{Color: true}, Summary{}, grouped())
	if bad := unprintable(ownSGR.ReplaceAllString(text, "")); bad != "" {
		t.Errorf("%q in %s", bad, text)
	}
	sarif := report(t, SARIF, Options{}, Summary{}, grouped())
	validSARIF(t, sarifValidator(t), []byte(sarif))
	later := grouped()
	later.Findings[0].Pointer = strings.Replace(later.Findings[0].Pointer, "/0/", "/7/", 1)
	if fingerprint(sarif) != fingerprint(report(t, SARIF, Options{}, Summary{}, later)) {
		t.Error("SARIF: it is another result where another cell comes first")
	}
}

func fingerprint(sarif string) string {
	_, rest, _ := strings.Cut(sarif, `"runhooks/v1":"`)
	print, _, _ := strings.Cut(rest, `"`)
	return print
}

// summed is a summary of payloads with what a Tally says of them.
func summed(payloads ...Payload) Summary {
	var tally Tally
	s := Summary{Payloads: len(payloads)}
	for _, p := range payloads {
		tally.Add(p)
	}
	s.Found, s.FoundTruncated = tally.Found()
	return s
}

func TestTally(t *testing.T) {
	at := func(code conformance.Code, severity conformance.Severity, pointer string, line int) conformance.Finding {
		return conformance.Finding{Code: code, Severity: severity, Pointer: pointer, Line: line}
	}
	null := at("dialect.null-cell", conformance.SeverityError, "/rows/3/Price", 1)
	many := at("dialect.null-cell", conformance.SeverityError, "/rows/0/Price", 1)
	many.Count, many.Pattern = 40, "/rows/*/Price"
	other := at("dialect.null-cell", conformance.SeverityError, "/rows/3/Name", 1)
	other.Count = 50
	info := at("contract.unknown-member", conformance.SeverityInfo, "/crawl", 5)
	strict := at("contract.unknown-member", conformance.SeverityError, "/crawl", 1)
	whole := at("json.syntax", conformance.SeverityError, "", 1)
	payload := func(line int, findings ...conformance.Finding) Payload {
		return Payload{Source: "a.ndjson", Line: line, Report: conformance.Report{Findings: findings}}
	}
	s := summed(payload(1), payload(2, null, null, other), payload(4, many, info), payload(7, strict), payload(9, whole))
	want := []Found{
		{Code: "dialect.null-cell", Severity: conformance.SeverityError, Member: "/rows/*/Price", Payloads: 2, Findings: 42, Source: "a.ndjson", Line: 2},
		{Code: "contract.unknown-member", Severity: conformance.SeverityError, Member: "/crawl", Payloads: 2, Findings: 2, Source: "a.ndjson", Line: 8},
		{Code: "dialect.null-cell", Severity: conformance.SeverityError, Member: "/rows/*/Name", Payloads: 1, Findings: 50, Source: "a.ndjson", Line: 2},
		{Code: "json.syntax", Severity: conformance.SeverityError, Payloads: 1, Findings: 1, Source: "a.ndjson", Line: 9},
	}
	if diff := cmp.Diff(want, s.Found, counts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.FoundTruncated {
		t.Error("truncated")
	}
}

func TestMembers(t *testing.T) {
	for pointer, want := range map[string]string{
		"": "", "/": "/", "/a": "/a", "/0": "/*", "/a/10/b": "/a/*/b", "/a1/1a//2": "/a1/1a//*", "/a~1b/0/": "/a~1b/*/",
	} {
		if got := string(appendMember(nil, pointer)); got != want {
			t.Errorf("%s: %s, want %s", pointer, got, want)
		}
	}
}

// What strangers name is bounded, in number and length, and what is left out is told.
func TestTallyBounds(t *testing.T) {
	for name, length := range map[string]int{"many": 1, "long": 10_000} {
		t.Run(name, func(t *testing.T) {
			var tally Tally
			for i := range 2 * maxTally {
				tally.Add(Payload{Source: "a", Report: conformance.Report{Findings: []conformance.Finding{
					{Code: "x", Severity: conformance.SeverityInfo, Pointer: fmt.Sprintf("/%s%d", strings.Repeat("n", length), i)}}}})
			}
			found, truncated := tally.Found()
			if size := len(found) * length; len(found) == 0 || len(found) > maxTally || size > maxTallyBytes || !truncated {
				t.Fatalf("%d members of %d bytes, truncated %t", len(found), length, truncated)
			}
			if len(tally.recent) > maxRecent || length > maxRecentPointer && len(tally.recent) > 0 {
				t.Errorf("it remembers %d pointers of %d bytes", len(tally.recent), length)
			}
			s := Summary{Payloads: 2 * maxTally, Found: found, FoundTruncated: truncated}
			if got := report(t, Sums, Options{}, s); !strings.Contains(got, "… and there are more") {
				t.Error("the text doesn't say that there is more")
			}
			text := report(t, Text, Options{}, s)
			if want := fmt.Sprintf("… and %s more (--format summary shows all)", thousands(len(found)-maxFound)); !strings.Contains(text, want) {
				t.Errorf("no %q in:\n%.3000s", want, text)
			}
			var doc struct{ Summary jsonSummary }
			if err := json.Unmarshal([]byte(report(t, JSON, Options{}, s)), &doc); err != nil || !doc.Summary.FindingsTruncated {
				t.Errorf("json: %v, truncated %t", err, doc.Summary.FindingsTruncated)
			}
		})
	}
}

// Of one payload there is no summary by member, unless it is asked for.
func TestTableOfOne(t *testing.T) {
	s := summed(grouped())
	for format, want := range map[Format]bool{Text: false, Sums: true} {
		if got := strings.Contains(report(t, format, Options{}, s, grouped()), "payloads  findings"); got != want {
			t.Errorf("%s: a table: %t, want %t", format, got, want)
		}
	}
	s = summed(grouped(), grouped())
	if got := report(t, Text, Options{}, s, grouped(), grouped()); !strings.Contains(got, "       2     4,000  error dialect.null-cell") {
		t.Errorf("no table in:\n%s", got)
	}
	if got := report(t, Sums, Options{}, s, grouped()); strings.Contains(got, "a.json  deviates") || !strings.Contains(got, "runhooks explain dialect.null-cell") {
		t.Errorf("summary:\n%s", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
