package conformance_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/vectors"
)

// jsonString matches a string of JSON, as far as it is one.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// TestMessagesAreHarmless puts what may do harm where it is shown into each place
// of each vector, as a name and as a value. No message and no hint holds any of it,
// whatever it is that they say.
func TestMessagesAreHarmless(t *testing.T) {
	const escapes = `\u001b]0;pwned\u0007\u001b[2J\u0000\u0085\u009b31m\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029\ufeff`
	const raw = "\x7f\u0085\u009b31m\u202a\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029\ufeff\U000e0041"
	long := strings.Repeat("\U0010ffff", 200)
	tokens := []string{
		`"` + escapes + long + `"`,
		`"` + raw + long + `"`,
		"\"\x9b2J\xff\xe2\x80\"",
	}
	seen := map[conformance.Code]bool{}
	check := func(name string, payload string) {
		t.Helper()
		for _, f := range (conformance.Checker{Strict: true}).Check([]byte(payload)).Findings {
			seen[f.Code] = true
			for _, text := range []string{f.Message, f.Hint} {
				if bad := harmful(text); bad != "" {
					t.Fatalf("%s: %s: %s\n%.300q\nof\n%.3000q", name, f.Code, bad, text, payload)
				}
			}
		}
	}
	for _, v := range vectors.All() {
		payload := string(v.Payload)
		check(v.Name, payload)
		if len(payload) > 3_000 {
			continue
		}
		for _, at := range jsonString.FindAllStringIndex(payload, -1) {
			for _, token := range tokens {
				check(v.Name, payload[:at[0]]+token+payload[at[1]:])
			}
			check(v.Name, payload[:at[0]]+tokens[0])       // a name or a value, cut off
			check(v.Name, payload[:at[0]]+tokens[0]+`:[{`) // in what is not closed
		}
	}
	check("a long name", `{"event_type":"run_completed","data":{"`+strings.Repeat("n", 1<<20)+`\u001b":[`)
	check("not JSON", "\x1b[2J")
	check("not JSON either", "\u202e")
	check("a bad escape", `"\`+"\x1b\"")
	for _, f := range conformance.TooLarge(1<<40, 1<<20).Findings {
		seen[f.Code] = true
		if bad := harmful(f.Message + f.Hint); bad != "" {
			t.Error(bad)
		}
	}
	seen["schema.keyword"] = true // TestClosed sees to it
	for _, rule := range conformance.Rules() {
		if !seen[rule.Code] {
			t.Errorf("no vector here has %s; add one", rule.Code)
		}
	}
}

// harmful says what is wrong with text that is to be shown as it is.
func harmful(text string) string {
	switch i := strings.IndexFunc(text, func(r rune) bool { return !strconv.IsPrint(r) }); {
	case len(text) > 2_000:
		return strconv.Itoa(len(text)) + " bytes"
	case !utf8.ValidString(text):
		return "it is not UTF-8"
	case i >= 0:
		return "it does not print at " + strconv.Itoa(i)
	}
	return ""
}
