package conformance

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCodePoints(t *testing.T) {
	for _, text := range []string{"", "a", "é", "漢", "😀", "\xff", "\x80", "\xe6\xbc", "\xf0\x9f\x98", "漢\x80\x80\x80"} {
		for _, behind := range []string{"", "x", "é", "\x80"} {
			b := []byte("x" + strings.Repeat(text, 3) + behind)
			if got, want := codePoints(b), utf8.RuneCount(b); got != want {
				t.Errorf("%q: %d, want %d", b, got, want)
			}
		}
	}
	b := []byte(strings.Repeat("plain and 漢字 ", 1000))
	if allocs := testing.AllocsPerRun(10, func() { codePoints(b) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
