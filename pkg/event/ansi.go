package event

import "strings"

// stripANSI returns text without the escape sequences of terminals: control sequences,
// control strings such as the title of a window, and others (ECMA-48, sections 5.3, 5.4
// and 5.6). Of one that is cut off it takes away what there is.
func stripANSI(text string) string {
	before, rest, found := strings.Cut(text, "\x1b")
	if !found {
		return text
	}
	var plain strings.Builder
	plain.Grow(len(text))
	for found {
		plain.WriteString(before)
		before, rest, found = strings.Cut(rest[escapeLength(rest):], "\x1b")
	}
	plain.WriteString(before)
	return plain.String()
}

// escapeLength returns how long the escape sequence is whose ESC stands before s.
func escapeLength(s string) int {
	n := 0
	run := func(first, last byte) { // as many of these as there are
		for n < len(s) && first <= s[n] && s[n] <= last {
			n++
		}
	}
	final := func(first byte) int {
		if n < len(s) && first <= s[n] && s[n] <= '~' {
			n++
		}
		return n
	}
	if s == "" {
		return 0
	}
	switch s[0] {
	case '[':
		n = 1
		run('0', '?')
		run(' ', '/')
		return final('@')
	case ']', 'P', 'X', '^', '_':
		n = strings.IndexAny(s, "\a\x1b")
		switch {
		case n < 0:
			return len(s)
		case s[n] == '\a':
			return n + 1
		case strings.HasPrefix(s[n:], "\x1b\\"):
			return n + 2
		}
		return n
	}
	run(' ', '/')
	return final('0')
}
