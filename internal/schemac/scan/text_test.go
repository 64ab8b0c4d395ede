package scan

import (
	"regexp"
	"strings"
	"testing"
)

func TestConstants(t *testing.T) {
	tests := []struct {
		json string
		want bool // "failed"
		some bool // "failed" or "test"
	}{
		{`"failed"`, true, true},
		{`"f\u0061iled"`, true, true},
		{`"test"`, false, true},
		{`"t\u0065st"`, false, true},
		{`"failed2"`, false, false},
		{`"faile"`, false, false},
		{`""`, false, false},
		{`"failed`, false, false},
		{`failed`, false, false},
		{`1`, false, false},
		{``, false, false},
	}
	for _, test := range tests {
		for _, behind := range []string{"", " ,                "} {
			b := []byte(test.json + behind)
			if got := textConst(b, 0, "failed"); got >= 0 != test.want || test.want && got != len(test.json) {
				t.Errorf("%s is %q: %d", b, "failed", got)
			}
			if got := textEnum(b, 0, []string{"failed", "test"}); got >= 0 != test.some || test.some && got != len(test.json) {
				t.Errorf("%s is in the list: %d", b, got)
			}
			if got := nonEmpty(b, 0); test.some && got != len(test.json) || test.json == `""` && got != no {
				t.Errorf("%s is a string that isn't empty: %d", b, got)
			}
		}
	}
}

// An identifier of 36 bytes, more or less, is read as any string is, whatever is
// in it and behind it.
func TestIdentifiers(t *testing.T) {
	for _, n := range []int{35, 36, 37} {
		for at := range n {
			for _, part := range []string{"x", `"`, `\`, `\"`, "\n", "é", "\xe9", "\x7f"} {
				text := strings.Repeat("a", n)
				text = `"` + text[:at] + part + text[min(at+len(part), n):] + `"`
				for _, behind := range []string{"", ",", spaces} {
					b := []byte(text + behind)
					want := textEnd(b, 1)
					if b[1] == '"' {
						want = no
					}
					if got := nonEmpty(b, 0); got != want {
						t.Errorf("%s: %d, want %d", b, got, want)
					}
				}
			}
		}
	}
}

func TestLiterals(t *testing.T) {
	for _, json := range []string{"true", "false", "null", "nul", "True", "t", ""} {
		b := []byte(json)
		if got, want := boolean(b, 0) >= 0, json == "true" || json == "false"; got != want {
			t.Errorf("%s is a boolean: %v", json, got)
		}
		if got, want := null(b, 0) >= 0, json == "null"; got != want {
			t.Errorf("%s is null: %v", json, got)
		}
	}
}

func TestTextLength(t *testing.T) {
	for json, want := range map[string]int{
		`""`: 0, `"a"`: 1, `"é中😀"`: 3, `"\u00e9\n\""`: 3, `"\ud83d\ude00x"`: 2,
	} {
		if got := textLength([]byte(json), 0, len(json)); got != want {
			t.Errorf("%s: %d, want %d", json, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	pattern := regexp.MustCompile("^a+$")
	for json, want := range map[string]int{`"aa"`: 4, `"ab"`: no, `"\u0061"`: unsure} {
		if got := matches(pattern, []byte(json), 0, len(json)); got != want {
			t.Errorf("%s: %d, want %d", json, got, want)
		}
	}
}

func TestExactlyOne(t *testing.T) {
	if exactlyOne() || exactlyOne(true, true) || !exactlyOne(false, true, false) {
		t.Error("one is not one")
	}
}

func TestVisit(t *testing.T) {
	m := newMemory()
	for n := range 2 * mostVisits {
		if m.visit(nil) != (n >= mostVisits) {
			t.Fatalf("visit %d", n)
		}
	}
}
