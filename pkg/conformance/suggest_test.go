package conformance

import (
	"strings"
	"testing"
)

// TestSearch: what is near enough to be meant, and which of several is.
func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name, candidates, want string
	}{
		{"timestamp", "timestamp", "timestamp"},
		{"Time-Stamp", "timestamp", "timestamp"}, // case and separators count nothing
		{"tymestomp", "timestamp", "timestamp"},  // two letters replaced by others
		{"tymestomq", "timestamp", ""},           // three
		{"imestam", "timestamp", "timestamp"},    // two are missing
		{"timestampxy", "timestamp", "timestamp"},
		{"timestampxyz", "timestamp", ""},
		{"errzr", "error", "error"}, // a third of the letters may differ
		{"erxyr", "error", ""},
		{"ab", "ac", ""},
		{"id", "ID", "ID"},
		{"statux", "status statue", "statue"}, // the first of equals in the alphabet
		{"statux", "statue status", "statue"},
		{"statuxy", "statuxyz status", "statuxyz"}, // the nearest
		{"", "status", ""},
		{strings.Repeat("a", longestName+1), strings.Repeat("a", longestName+1), ""},
		{strings.Repeat("a", longestName), strings.Repeat("a", longestName), strings.Repeat("a", longestName)},
	} {
		s := new(writer).search([]byte(tt.name))
		for candidate := range strings.FieldsSeq(tt.candidates) {
			k := newKnown(candidate)
			s.consider(k.name, k.folded)
		}
		if string(s.near) != tt.want {
			t.Errorf("%.20s of %.20s: %q, want %.20q", tt.name, tt.candidates, s.near, tt.want)
		}
	}
}
