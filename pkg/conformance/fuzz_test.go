package conformance_test

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/judgetest"
	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// FuzzCheck holds the checker to a judge that shares none of its code.
func FuzzCheck(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 10_000 {
			f.Add(v.Payload)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		report := conformance.Check(payload)
		if again := conformance.Check(payload); !reflect.DeepEqual(report, again) {
			t.Fatalf("two checks differ:\n%v\n%v", report, again)
		}
		checkReport(t, payload, report)
		compareVerdict(t, payload, report)
		compareEach(t, payload, report)
	})
}

// compareVerdict holds a report's verdict to the second opinion.
func compareVerdict(t *testing.T, payload []byte, report conformance.Report) {
	t.Helper()
	opinion := judgetest.Judge(payload)
	if opinion.Strict == hasFamily(report, "json") {
		t.Errorf("strict JSON: %v, but\n%v", opinion.Strict, report.Findings)
	}
	if opinion.Unknown {
		return
	}
	want := conformance.Invalid
	switch {
	case opinion.Documented:
		want = conformance.Conforms
	case opinion.Observed:
		want = conformance.Deviates
	}
	if report.Verdict != want {
		t.Errorf("%s, want %s\n%v", report.Verdict, want, report.Findings)
	}
	if got := conformance.Valid(payload); got != opinion.Documented {
		t.Errorf("Valid: %v, want %v", got, opinion.Documented)
	}
}

// compareEach holds what a report says of findings of one cause to the report that
// lists each.
func compareEach(t *testing.T, payload []byte, report conformance.Report) {
	t.Helper()
	each := conformance.Checker{Each: true}.Check(payload)
	checkReport(t, payload, each)
	if each.Verdict != report.Verdict || each.EventType != report.EventType {
		t.Errorf("%s %s, but %s %s where each is listed", report.EventType, report.Verdict, each.EventType, each.Verdict)
	}
	if each.Truncated || report.Truncated || len(each.Findings) > 500 { // to compare them takes long
		return
	}
	total := 0
	for _, f := range report.Findings {
		first, n := f, max(f.Count, 1)
		first.Count, first.Pattern = 0, ""
		if total += n; !slices.Contains(each.Findings, first) {
			t.Errorf("%+v is not among\n%+v", f, each.Findings)
		}
		if f.Pattern == "" && f.Count == 0 {
			continue
		}
		like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(f.Pattern), `/\*`, "/(?:[0-9]+|[*])") + "$")
		alike := 0
		for _, one := range each.Findings {
			if one.Code == f.Code && like.MatchString(one.Pointer) {
				alike++
			}
		}
		if n < 2 || alike < n || !like.MatchString(f.Pointer) {
			t.Errorf("%+v: %d findings are like it", f, alike)
		}
	}
	if total != len(each.Findings) {
		t.Errorf("findings stand for %d, of which there are %d", total, len(each.Findings))
	}
}

// checkReport holds a report to what is promised of any report.
func checkReport(t *testing.T, payload []byte, report conformance.Report) {
	t.Helper()
	severities := map[conformance.Severity]int{}
	last := 0
	for _, f := range report.Findings {
		severities[f.Severity]++
		if _, ok := f.Code.Rule(); !ok {
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
			t.Errorf("%v: message %q, hint %q: neither may be empty; see the code's entry in codes.go", f, f.Message, f.Hint)
		}
		for _, text := range []string{f.Message, f.Hint} {
			if bad := harmful(text); bad != "" {
				t.Errorf("%s: %s: %.300q", f.Code, bad, text)
			}
		}
		if f.Pointer != "" && !strings.HasPrefix(f.Pointer, "/") {
			t.Errorf("pointer %q", f.Pointer)
		}
	}
	if (report.Verdict == conformance.Conforms) != (severities[conformance.SeverityError] == 0) {
		t.Errorf("%s with %d errors", report.Verdict, severities[conformance.SeverityError])
	}
}

func hasFamily(report conformance.Report, family string) bool {
	return slices.ContainsFunc(report.Findings, func(f conformance.Finding) bool {
		return f.Code.Family() == family
	})
}
