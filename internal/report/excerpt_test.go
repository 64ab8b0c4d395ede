package report

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// ownSGR are the only escape sequences that a report may hold.
var ownSGR = regexp.MustCompile(`\x1b\[(0|1|2|31|32|33|36)m`)

// unprintable returns the first thing in s that is neither printable nor a line break.
func unprintable(s string) string {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		next, _ := utf8.DecodeRuneInString(s[size:])
		joins := r == joiner && next > 0x2190 && unicode.IsPrint(next) // emoji
		if r != '\n' && !joins && (r == utf8.RuneError && size == 1 || !unicode.IsPrint(r)) {
			return s[:size]
		}
		s = s[size:]
	}
	return ""
}

// line is an excerpt as it is shown.
func line(e excerpt) string {
	before, at, after := e.text()
	return before + at + after
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("ab ", 5000)
	tests := []struct {
		name string
		// data has the place between ‹ and ›, which are taken out; what they
		// enclose is the token that should be marked.
		data string
		room int
		line string // what is shown
		mark string // what stands below it
	}{
		{"ascii", `{"a":‹true›}`, 80,
			`{"a":true}`,
			`     ^~~~`},
		{"string", `{"a":‹"b\"c"›,"d":1}`, 80,
			`{"a":"b\"c","d":1}`,
			`     ^~~~~~`},
		{"escape", `{"a":"b‹\uD83E›c"}`, 80,
			`{"a":"b\uD83Ec"}`,
			`       ^~~~~~`},
		{"bad escape", `{"a":"b‹\u1›é"}`, 80,
			`{"a":"b\u1é"}`,
			`       ^~~`},
		{"punctuation", `{"a":1‹,›}`, 80,
			`{"a":1,}`,
			`      ^`},
		{"a later line", "{\n  \"a\": ‹1›\n}\n", 80,
			`  "a": 1`,
			`       ^`},
		{"carriage return", "{\r\n  \"a\": ‹1›\r\n}\r\n", 80,
			`  "a": 1`,
			`       ^`},
		{"at the end of a line", "{\"a\":1‹›\n}", 80,
			`{"a":1`,
			`      ^`},
		{"at a carriage return", "{\"a\":1‹›\r\n}", 80,
			`{"a":1`,
			`      ^`},
		{"at the end", `{"a":1‹›`, 80,
			`{"a":1`,
			`      ^`},
		{"nothing", `‹›`, 80,
			``,
			`^`},
		{"tabs", "\t\t\"a\":\t‹1›", 80,
			`        "a":    1`,
			`                ^`},
		{"cjk", `{"名前":‹"値段"›}`, 80,
			`{"名前":"値段"}`,
			`        ^~~~~~`},
		{"emoji", `{"🍏👍":‹1›}`, 80,
			`{"🍏👍":1}`,
			`        ^`},
		{"combining", "{\"e\u0301a\u0308\":‹1›}", 80,
			"{\"e\u0301a\u0308\":1}",
			`      ^`},
		{"hangul, decomposed", "{\"\u1112\u1161\u11ab\":‹1›}", 80,
			"{\"\u1112\u1161\u11ab\":1}",
			`      ^`},
		{"joined emoji", "{\"👩\u200d🚀\":‹1›}", 80,
			"{\"👩\u200d🚀\":1}",
			`      ^`},
		{"a family", "{\"👨\u200d👩\u200d👧\u200d👦\":‹\"👨\u200d👩\u200d👧\u200d👦\"›}", 80,
			"{\"👨\u200d👩\u200d👧\u200d👦\":\"👨\u200d👩\u200d👧\u200d👦\"}",
			`      ^~~~`},
		{"emoji presentation", "{\"❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f\":‹1›}", 80,
			"{\"❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f\":1}",
			`            ^`},
		{"text presentation", "{\"❤\ufe0e❤\":‹1›}", 80,
			"{\"❤\ufe0e❤\":1}",
			`      ^`},
		{"skin tones", `{"👍🏻👍🏿":‹1›}`, 80,
			`{"👍🏻👍🏿":1}`,
			`        ^`},
		{"a skin tone alone", `{"🏻":‹1›}`, 80,
			`{"🏻":1}`,
			`      ^`},
		{"a skin tone on a letter", `{"é🏻":‹1›}`, 80,
			`{"é🏻":1}`,
			`       ^`},
		{"flags", `{"🇩🇪🇫🇷🇯🇵":‹1›}`, 80,
			`{"🇩🇪🇫🇷🇯🇵":1}`,
			`          ^`},
		{"a profession with a skin tone", "{\"👩🏽\u200d💻\":‹1›}", 80,
			"{\"👩🏽\u200d💻\":1}",
			`      ^`},
		{"a rainbow", "{\"🏳\ufe0f\u200d🌈\":‹1›}", 80,
			"{\"🏳\ufe0f\u200d🌈\":1}",
			`      ^`},
		{"a flag of tags, which may hide text", "{\"🏴\U000e0067\U000e007f\":‹1›}", 80,
			`{"🏴\u{e0067}\u{e007f}":1}`,
			`                        ^`},
		{"a joiner that joins nothing", "{\"a\u200d👩\u200d\":‹1›}", 80,
			`{"a\u200d👩\u200d":1}`,
			`                   ^`},
		{"a joiner and a mark", "{\"👩\u200d\u0301\":‹1›}", 80,
			"{\"👩\\u200d\u0301\":1}",
			`            ^`},
		{"marks on emoji", "{\"👍\u0301\":‹1›}", 80,
			"{\"👍\u0301\":1}",
			`      ^`},
		{"devanagari", `{"नमस्ते":‹1›}`, 80,
			`{"नमस्ते":1}`,
			`        ^`},
		{"thai", `{"ที่นี่":‹1›}`, 80,
			`{"ที่นี่":1}`,
			`      ^`},
		{"fullwidth", `{"ＡＢ":‹1›}`, 80,
			`{"ＡＢ":1}`,
			`        ^`},
		{"halfwidth", `{"ｱｲ":‹1›}`, 80,
			`{"ｱｲ":1}`,
			`      ^`},
		{"long, of emoji", strings.Repeat("👩\u200d💻", 1000) + `‹1›`, 30,
			"…" + strings.Repeat("👩\u200d💻", 13) + "1",
			strings.Repeat(" ", 27) + "^"},
		{"long, of flags", strings.Repeat("🇩🇪", 200) + `‹1›` + strings.Repeat("🇫🇷", 200), 30,
			"…" + strings.Repeat("🇩🇪", 7) + "1" + strings.Repeat("🇫🇷", 6) + "…",
			strings.Repeat(" ", 15) + "^"},
		{"after more marks than a character has", "{\"a" + strings.Repeat("\u0301", 100) + "\":‹1›}", 80,
			"{\"a" + strings.Repeat("\u0301", 100) + "\":1}",
			`     ^`},
		{"greek and cyrillic", `{"Ωмега":‹1›}`, 80,
			`{"Ωмега":1}`,
			`         ^`},
		{"invalid UTF-8", "{\"\xff\xc3\":‹\"\xe4\xb8\"›}", 80,
			`{"\xff\xc3":"\xe4\xb8"}`,
			`            ^~~~~~~~~~`},
		{"at an invalid byte", "\"a‹\xff›b\"", 80,
			`"a\xffb"`,
			`  ^~~~`},
		{"escape sequence", "{\"\x1b[31m\u009b\":‹1›}", 80,
			`{"\u001b[31m\u009b":1}`,
			`                    ^`},
		{"bidi override", "{\"\u202eabc\":‹1›}", 80,
			`{"\u202eabc":1}`,
			`             ^`},
		{"odd spaces", "{\"\u00a0\u3000\ufeff\":‹1›}", 80,
			`{"\u00a0\u3000\ufeff":1}`,
			`                      ^`},
		{"beyond the first plane", "{\"\U000e0001\":‹1›}", 80,
			`{"\u{e0001}":1}`,
			`             ^`},
		{"long, at its start", `‹"x"›` + long, 30,
			`"x"ab ab ab ab ab ab ab ab a…`,
			`^~~`},
		{"long, in the middle", long + `‹"x"›` + long, 30,
			`…b ab ab ab ab "x"ab ab ab ab…`,
			`               ^~~`},
		{"long, at its end", long + `‹"x"›`, 30,
			`… ab ab ab ab ab ab ab ab "x"`,
			`                          ^~~`},
		{"long token", `{"a":‹"` + strings.Repeat("x", 500) + `"›}`, 30,
			`{"a":"xxxxxxxxxxxxxxxxxxxxxx…`,
			`     ^~~~~~~~~~~~~~~~~~~~~~~`},
		{"long, of wide characters", strings.Repeat("字", 5000) + `‹1›` + strings.Repeat("字", 5000), 30,
			`…字字字字字字字1字字字字字字…`,
			`               ^`},
		{"long, of marks", strings.Repeat("a\u0301", 5000) + `‹1›`, 30,
			"…" + strings.Repeat("a\u0301", 27) + "1",
			strings.Repeat(" ", 28) + "^"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, rest, ok := strings.Cut(tt.data, "‹")
			at, after, ok2 := strings.Cut(rest, "›")
			if !ok || !ok2 {
				t.Fatal("the test names no place")
			}
			e := excerptAt([]byte(before+at+after), len(before), tt.room)
			got := line(e) + "\n" + strings.Repeat(" ", e.indent) + "^" + strings.Repeat("~", e.span-1)
			if diff := cmp.Diff(tt.line+"\n"+tt.mark, got); diff != "" {
				t.Errorf("excerpt (-want +got):\n%s", diff)
			}
		})
	}
}

// An offset that no payload has is no reason to panic.
func TestExcerptBeyond(t *testing.T) {
	for _, offset := range []int{-1, 3, math.MaxInt} {
		if e := excerptAt([]byte("{}"), offset, 80); line(e) != "{}" {
			t.Errorf("offset %d: %+v", offset, e)
		}
	}
}

func TestVisible(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"plain", 5, "plain"},
		{"plain", 4, "plai…"},
		{"字字", 3, "字…"},
		{"a\nb\r\tc", 20, `a\nb\r    c`},
		{"a" + strings.Repeat("\u0301", 100), 2, "a" + strings.Repeat("\u0301", 4) + "…"},
		{"\x1b[0m", 20, `\u001b[0m`},
	}
	for _, tt := range tests {
		if got := Visible(tt.in, tt.limit); got != tt.want {
			t.Errorf("Visible(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

// FuzzText holds that whatever a payload holds, a text report on it is
// printable text, that its excerpts fit the terminal, and that carets stand
// within the line above them.
func FuzzText(f *testing.F) {
	for _, p := range samplePayloads() {
		for _, finding := range p.Findings {
			f.Add(p.Data, finding.Offset, 80, finding.Message)
		}
	}
	f.Add([]byte(hostile), 3, 1, hostile)
	f.Add([]byte(strings.Repeat("a\u0301\t\xff字", 3000)), 10000, 60, "")
	f.Fuzz(func(t *testing.T, data []byte, offset, width int, text string) {
		p := Payload{Source: "s" + text, Line: 1, Data: data, Report: conformance.Report{
			EventType: text, Verdict: conformance.Invalid, Findings: []conformance.Finding{{
				Code: "json.syntax", Severity: conformance.SeverityError, Pointer: text, Line: 1, Column: 1,
				Offset: offset, Message: text, Hint: text,
			}}}}
		width %= 500
		for _, color := range []bool{false, true} {
			got := report(t, Text, Options{Color: color, Width: width}, Summary{}, p)
			if bad := unprintable(ownSGR.ReplaceAllString(got, "")); bad != "" {
				t.Errorf("%q in %q", bad, got)
			}
		}
		room := max(width, 26)
		e := excerptAt(data, offset, room)
		if n := Columns(line(e)); n > room || e.indent+e.span > n+1 {
			t.Errorf("%+v takes %d columns of %d", e, n, room)
		}
	})
}
