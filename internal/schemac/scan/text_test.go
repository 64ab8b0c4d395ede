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
			if got := textConst(b, 0, "failed", new(memory)); got >= 0 != test.want || test.want && got != len(test.json) {
				t.Errorf("%s is %q: %d", b, "failed", got)
			}
			if got := textEnum(b, 0, []string{"failed", "test"}, new(memory)); got >= 0 != test.some || test.some && got != len(test.json) {
				t.Errorf("%s is in the list: %d", b, got)
			}
			if got := nonEmpty(b, 0, new(memory)); test.some && got != len(test.json) || test.json == `""` && got != no {
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
					want := textEnd(b, 1, new(memory))
					if b[1] == '"' {
						want = no
					}
					if got := nonEmpty(b, 0, new(memory)); got != want {
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
	for json, want := range map[string]bool{`"aa"`: true, `"ab"`: false, `"\u0061"`: true, `"\u0062"`: false} {
		if got := matches(pattern, []byte(json), 0, len(json)); got != want {
			t.Errorf("%s: %v, want %v", json, got, want)
		}
	}
}
