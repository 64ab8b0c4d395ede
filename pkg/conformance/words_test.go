package conformance

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	judge "github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/jsonschema"
)

// TestWords: what is said of a broken rule, by its keyword, also of rules that the
// contract doesn't have.
func TestWords(t *testing.T) {
	object := &validate.Object{Pointer: "/nowhere"}
	for _, tt := range []struct {
		rule    validate.Rule
		payload string // the note is about what stands behind the first ^ in it
		want    Finding
	}{
		{validate.Rule{Keyword: "type", Value: `"integer"`}, `^null`,
			Finding{Code: "schema.type", Message: "expected an integer, found null"}},
		{validate.Rule{Keyword: "type", Value: `["string","null"]`}, `^{}`,
			Finding{Code: "schema.type", Message: "expected a string or null, found an object"}},
		{validate.Rule{Keyword: "enum", Value: `["success","failed"]`}, `^"Sucess"`,
			Finding{Code: "schema.enum", Message: `expected "success" or "failed", found the string "Sucess"`, Hint: `did you mean "success"?`}},
		{validate.Rule{Keyword: "enum", Value: `["success","failed","test"]`}, `^[]`,
			Finding{Code: "schema.enum", Message: `expected "success", "failed" or "test", found an array`}},
		{validate.Rule{Keyword: "const", Value: `"failed"`}, `^true`,
			Finding{Code: "schema.const", Message: `expected the string "failed", found true`}},
		{validate.Rule{Keyword: "const", Value: `108.0`}, `^109`,
			Finding{Code: "schema.const", Message: `expected the number 108.0, found the number 109`}},
		{validate.Rule{Keyword: "format", Value: `"date-time"`}, `^"\u0035"`,
			Finding{Code: "schema.format", Message: `expected an RFC 3339 date-time, found the string "5"`}},
		{validate.Rule{Keyword: "format", Value: `"hostname"`}, `^"-"`,
			Finding{Code: "schema.format", Message: `expected text of format hostname, found the string "-"`}},
		{validate.Rule{Keyword: "minimum", Value: `0`}, `^-1e9999`,
			Finding{Code: "schema.minimum", Message: "expected 0 or more, found the number (of very many digits)"}},
		{validate.Rule{Keyword: "minimum", Value: `1.5`}, `^1`,
			Finding{Code: "schema.minimum", Message: "expected 1.5 or more, found the number 1"}},
		{validate.Rule{Keyword: "minLength", Value: `1`}, `^""`,
			Finding{Code: "schema.min-length", Message: `expected text that is not empty, found the string ""`}},
		{validate.Rule{Keyword: "minLength", Value: `2`}, `^"w"`,
			Finding{Code: "schema.min-length", Message: `expected at least 2 characters, found the string "w"`}},
		{validate.Rule{Keyword: "required", Value: `"a"`, Member: "a", Object: object}, `^{}`,
			Finding{Code: "schema.required", Message: `the member "a" is missing`}},
		{validate.Rule{Keyword: "x-usual", Value: `"a"`, Member: "a", Object: object}, `^{}`,
			Finding{Code: "dialect.member-absent", Severity: SeverityInfo, Message: `the member "a" is missing`}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.member-absent","missing":"a"}`, Member: "a", Object: object}, `^{}`,
			Finding{Code: "dialect.member-absent", Message: `the member "a" is missing`}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.local-time","severity":"warning"}`}, `^"3/4/2026"`,
			Finding{Code: "dialect.local-time", Severity: SeverityWarning, Message: `expected an RFC 3339 date-time, found the string "3/4/2026"`}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.local-time","member":"a"}`, Member: "a"}, `{^"a" : "3/4/2026"}`,
			Finding{Code: "dialect.local-time", Message: `expected an RFC 3339 date-time, found the string "3/4/2026"`}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.local-time","missing":"a"}`, Member: "a"}, `^{}`,
			Finding{Code: "dialect.local-time", Message: `expected an RFC 3339 date-time, found null`}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.old-name","member":"a","instead-of":"b"}`, Member: "a", Object: object}, `{^"a":1}`,
			Finding{Code: "dialect.old-name", Message: `"a" is what early servers called "b"`}},
		{validate.Rule{Keyword: "properties"}, `{^"a\u001b[2J":1}`,
			Finding{Code: "contract.unknown-member", Message: `the contract doesn't name a member "a\x1b[2J" here`}},
		{validate.Rule{Keyword: "not", Member: "a", Object: object}, `{^"a":1}`,
			Finding{Code: "schema.not-allowed", Message: `"a" is not allowed here: status is null`}},
		{validate.Rule{Keyword: "not", Value: `{"const":"a"}`}, `^"a"`,
			Finding{Code: "schema.keyword", Message: `expected what the keyword not asks for, found the string "a"`}},
		{validate.Rule{Keyword: "x-plain-text", Value: "true"}, `^"a\u001b\u005b31m\u001b[m"`,
			Finding{Code: "data.ansi-escape", Message: `the text holds the escape sequences of a terminal, such as "\x1b[31m"`}},
		{validate.Rule{Keyword: "x-plain-text", Value: "true"}, `^"a\u001b31m"`, Finding{}},
		{validate.Rule{Keyword: "x-placeholder", Value: `"Nobody"`}, `^"Nobody"`,
			Finding{Code: "data.placeholder", Message: `"Nobody" is what servers send when they don't know the value`}},
		{validate.Rule{Keyword: "x-usual-format", Value: `"uuid"`}, `^"webhook_1"`,
			Finding{Code: "contract.opaque-id", Message: `"webhook_1" is not a UUID`}},
		{validate.Rule{Keyword: "x-usual-format", Value: `"uuid"`}, `^"1b480cbd-c43b-4541-a69e-92d82000d99\u0032"`, Finding{}},
		{validate.Rule{Keyword: "x-usual-format", Value: `"uuid"`}, `^""`, Finding{}},

		// Of what nobody has foreseen, the verdict is the worst, and there are words.
		{validate.Rule{Keyword: "maxLength", Value: `2`}, `^"` + strings.Repeat("w", 1<<20) + `"`,
			Finding{Code: "schema.keyword", Message: `expected what the keyword maxLength asks for, found the string "` + strings.Repeat("w", 60) + `…"`}},
		{validate.Rule{Keyword: "x-colour", Value: `"red"`}, `^5`,
			Finding{Code: "schema.keyword", Message: "expected what the keyword x-colour asks for, found the number 5"}},
		{validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.colour","severity":"info"}`}, `^5`,
			Finding{Code: "schema.keyword", Message: "expected what the keyword x-dialect asks for, found the number 5"}},
		{validate.Rule{Keyword: "x-dialect", Value: `{}`}, `^5`,
			Finding{Code: "schema.keyword", Message: "expected what the keyword x-dialect asks for, found the number 5"}},
	} {
		at := strings.IndexByte(tt.payload, '^')
		w := &writer{payload: []byte(strings.Replace(tt.payload, "^", "", 1))}
		code, severity := w.word(&validate.Note{Rule: &tt.rule, At: at, Count: 1}, false)
		if code != tt.want.Code {
			t.Errorf("%+v of %.100s: %s, want %s", tt.rule, tt.payload, code, tt.want.Code)
			continue
		}
		if code == "" {
			if len(w.findings()) > 0 {
				t.Errorf("%+v of %s: %+v", tt.rule, tt.payload, w.findings())
			}
			continue
		}
		want := tt.want
		want.Line, want.Column, want.Offset = 1, 1+at, at
		want.Pointer = pointerOf(tt.rule, "a\x1b[2J")
		if want.Severity == "" {
			want.Severity = registry[want.Code].Severity
		}
		if want.Hint == "" {
			want.Hint = registry[want.Code].Hint
		}
		got := w.findings()
		if diff := cmp.Diff([]Finding{want}, got); diff != "" || got[0].Severity != severity {
			t.Errorf("%+v of %.100s (-want +got):\n%s", tt.rule, tt.payload, diff)
		}
	}
}

// pointerOf returns what the pointer of a note of r is that has no path.
func pointerOf(r validate.Rule, unknown string) string {
	switch {
	case r.Keyword == "properties":
		return "/" + unknown
	case r.Member != "":
		return "/" + r.Member
	}
	return ""
}

// TestGravity: a finding that nobody has foreseen makes a payload invalid.
func TestGravity(t *testing.T) {
	for _, tt := range []struct {
		code     Code
		severity Severity
		want     int
	}{
		{"dialect.local-time", SeverityError, deviates}, {"contract.unknown-member", SeverityError, deviates},
		{"dialect.local-time", SeverityWarning, conforms}, {"contract.unknown-member", SeverityInfo, conforms},
		{"schema.type", SeverityError, invalid}, {"json.syntax", SeverityError, invalid}, {"event.type-missing", SeverityError, invalid},
		{"", "", invalid}, {"", SeverityError, invalid}, {"schema.type", "", invalid}, {"dialect.local-time", "", invalid},
		{"data.time-order", "fatal", invalid}, {"colour.red", SeverityError, invalid},
	} {
		if got := gravity(tt.code, tt.severity); got != tt.want {
			t.Errorf("%q %q: %s, want %s", tt.code, tt.severity, verdicts[got], verdicts[tt.want])
		}
	}
}

// TestOutcomeIsTold: a payload that a layer refuses doesn't pass for another one where
// no finding says why; and no finding makes the verdict better.
func TestOutcomeIsTold(t *testing.T) {
	for _, tt := range []struct {
		outcome validate.Outcome
		rule    *validate.Rule
		want    Verdict
		codes   []Code
	}{
		{validate.Documented, nil, Conforms, nil},
		{validate.Observed, nil, Deviates, []Code{"schema.keyword"}},
		{validate.Refused, nil, Invalid, []Code{"schema.keyword"}},
		{validate.Unsure, nil, Invalid, []Code{"schema.keyword"}},
		{validate.Documented, &validate.Rule{Keyword: "x-colour"}, Invalid, []Code{"schema.keyword"}},
		{validate.Documented, &validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.null-cell"}`}, Deviates, []Code{"dialect.null-cell"}},
		{validate.Observed, &validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.null-cell","severity":"info"}`},
			Deviates, []Code{"dialect.null-cell", "schema.keyword"}},
		{validate.Refused, &validate.Rule{Keyword: "x-dialect", Value: `{"code":"dialect.null-cell"}`},
			Invalid, []Code{"dialect.null-cell", "schema.keyword"}},
	} {
		w := &writer{payload: []byte("null")}
		if tt.rule != nil {
			w.notes.List = []validate.Note{{Rule: tt.rule, Count: 1}}
		}
		report := Checker{}.report(w, "", tt.outcome)
		var codes []Code
		for _, f := range report.Findings {
			codes = append(codes, f.Code)
			if f.Message == "" || f.Hint == "" || f.Severity == "" {
				t.Errorf("%+v", f)
			}
		}
		if diff := cmp.Diff(tt.codes, codes); report.Verdict != tt.want || diff != "" {
			t.Errorf("%v %+v: %s, want %s\n%s", tt.outcome, tt.rule, report.Verdict, tt.want, diff)
		}
	}
}

// TestHashes: what was entered is found again, by whichever table.
func TestHashes(t *testing.T) {
	var s hashes
	for round := range 3 {
		n := []int{5, 200, 5000}[round]
		for i := range n {
			h := uint64(i+1) * 0x9e3779b97f4a7c15
			if !s.add(h) || s.add(h) {
				t.Fatalf("round %d: %x is not new, or stays it", round, h)
			}
		}
		if s.n != n {
			t.Errorf("%d, want %d", s.n, n)
		}
		s.clear()
		if s.n != 0 || len(s.slots) > 256 {
			t.Errorf("%d of %d after clear", s.n, len(s.slots))
		}
	}
	if !s.add(0) || s.add(0) || s.add(1) {
		t.Error("0 is as good as 1")
	}
}

// TestUsualFormats holds the formats that are told by a warning to those of v5, and has
// one for each that the schemas name.
func TestUsualFormats(t *testing.T) {
	for name, is := range usualFormats {
		for _, text := range []string{
			"01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF", "",
			"01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0",
			"01234567-89ab-cdef-0123-456789abcdeg", "01234567889ab-cdef-0123-456789abcdef",
			"0123456789abcdef0123456789abcdef0000", "{1234567-89ab-cdef-0123-456789abcdef}",
			"01234567-89ab-cdef-0123-45678\x019abcd", "01234567-89ab-cdef-0123-456789abcdé",
		} {
			if want := judge.Formats[name](text); is(text) != want {
				t.Errorf("%s %q: %v, want %v", name, text, !want, want)
			}
		}
	}
	files, err := fs.Glob(jsonschema.FS, "v1/*.json")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`"x-usual-format": "(.*)"`)
	seen := 0
	for _, file := range files {
		schema, err := fs.ReadFile(jsonschema.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllSubmatch(schema, -1) {
			if seen++; usualFormats[string(match[1])] == nil {
				t.Errorf("%s: there is no format %s", file, match[1])
			}
		}
	}
	if seen == 0 {
		t.Error("the schemas name no format")
	}
}
