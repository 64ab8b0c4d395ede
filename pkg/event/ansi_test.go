package event

import (
	"math/rand/v2"
	"regexp"
	"testing"
)

// TestStripANSI holds stripANSI to the same as a regular expression, which is slow to
// start in WebAssembly.
func TestStripANSI(t *testing.T) {
	reference := regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)`)
	parts := []string{"\x1b", "\x1b[", "\x1b]", "\x1bP", "\a", "\x1b\\", "\\", "31", ";", "m", "?", " ", "/", "~", "@", "a", "é", "\xff", "[", "]", "^", "_", "X", "\x7f"}
	random := rand.New(rand.NewPCG(1, 2))
	cut := 0
	for range 100_000 {
		text := ""
		for range random.IntN(9) {
			text += parts[random.IntN(len(parts))]
		}
		got, want := stripANSI(text), reference.ReplaceAllString(text, "")
		if got != want {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
		if got != text {
			cut++
		}
	}
	if cut < 10_000 {
		t.Errorf("only %d texts had an escape sequence", cut)
	}
}
