package scan

import (
	"bytes"
	"math/bits"
	"regexp"
	"unicode/utf8"
)

// textConst reads the string want, which needs no escapes in JSON.
func textConst(b []byte, i int, want string) int {
	if n := len(want) + 2; len(b)-i >= n && b[i] == '"' && b[i+n-1] == '"' && string(b[i+1:i+n-1]) == want {
		return i + n
	}
	end := text(b, i)
	if end >= 0 && !textIs(b, i, end, want) {
		return no
	}
	return end
}

// textEnum reads one of the strings of want, which need no escapes in JSON.
func textEnum(b []byte, i int, want []string) int {
	for _, want := range want {
		if n := len(want) + 2; len(b)-i >= n && b[i] == '"' && b[i+n-1] == '"' && string(b[i+1:i+n-1]) == want {
			return i + n
		}
	}
	end := text(b, i)
	if end < 0 {
		return end
	}
	for _, want := range want {
		if textIs(b, i, end, want) {
			return end
		}
	}
	return no
}

// textIs tells whether the string from i to end, which was read before, is want.
func textIs(b []byte, i, end int, want string) bool {
	raw := b[i+1 : end-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw) == want
	}
	for j := i + 1; j < end-1; {
		var buf [utf8.UTFMax]byte
		var c []byte
		c, j = unescaped(buf[:0], b, j)
		if len(c) > len(want) || string(c) != want[:len(c)] {
			return false
		}
		want = want[len(c):]
	}
	return want == ""
}

// textLength counts the code points of the string from i to end, which was read
// before.
func textLength(b []byte, i, end int) (n int) {
	for j := i + 1; j < end-1; n++ {
		if b[j] == '\\' {
			var buf [utf8.UTFMax]byte
			_, j = unescaped(buf[:0], b, j)
			continue
		}
		for j++; b[j]&0xC0 == 0x80; j++ {
		}
	}
	return n
}

// matches tells whether pattern matches in the string from i to end, which was
// read before: it gives end, no, or unsure if the string has escapes.
func matches(pattern *regexp.Regexp, b []byte, i, end int) int {
	raw := b[i+1 : end-1]
	switch {
	case bytes.IndexByte(raw, '\\') >= 0:
		return unsure
	case !pattern.Match(raw):
		return no
	}
	return end
}

// dateTime reads a string that is a date-time, by RFC 3339, section 5.6, as
// jsonschema/v5 judges it.
func dateTime(b []byte, i int) int {
	if len(b)-i >= dateTimeRoom {
		if n := plainDateTime(b[i : i+dateTimeRoom]); n >= 0 {
			return i + n
		}
	}
	end := text(b, i)
	if end < 0 {
		return end
	}
	raw := b[i+1 : end-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		var buf [64]byte
		if raw = unescape(buf[:0], b, i, end); len(raw) > len(buf)-utf8.UTFMax {
			return unsure // there may be more of it
		}
	}
	if !isDateTime(raw) {
		return no
	}
	return end
}

// dateTimeRoom is for the longest date-time that plainDateTime takes, and for the
// word that its zone is read with.
const dateTimeRoom = len(`"2006-01-02T15:04:05.000000000`) + 1 + 8

// plainDateTime gives the index behind a date-time, in quotes at the start of s,
// that is written as most are: to the nanosecond at most, and in no leap second.
// Of all others it says no, and they may be date-times.
func plainDateTime(s []byte) int {
	s = s[:dateTimeRoom]
	// Subtracting "0" from each digit leaves it below 10: adding 0x76 then
	// doesn't reach 0x80. What isn't a digit has to be what is expected.
	digits := func(w, zeros, digits uint64) bool {
		x := w ^ zeros
		return x&^digits == 0 && (x|(x+0x76*ones))&highs&digits == 0
	}
	if s[0] != '"' ||
		!digits(word(s, 1), 0x2D30302D30303030, 0x00FFFF00FFFFFFFF) || // 0000-00-
		!digits(word(s, 9), 0x30303A3030543030, 0xFFFF00FFFF00FFFF) || // 00T00:00
		!digits(word(s, 12), 0x30303A30303A3030, 0xFFFF00FFFF00FFFF) { // 00:00:00
		return no
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	month, day := two(6), two(9)
	if month < 1 || month > 12 || day < 1 || day > 28 && !isDate(s[1:11]) ||
		two(12) > 23 || two(15) > 59 || two(18) > 59 {
		return no
	}
	i := 20
	if s[i] == '.' {
		x := word(s, i+1) ^ '0'*ones
		n := bits.TrailingZeros64((x|(x+0x76*ones))&highs) >> 3 // digits, up to 8
		if n == 0 {
			return no
		}
		i += 1 + n
		if n == 8 && digit(s, i) {
			i++
		}
	}
	if s[i] == 'Z' && s[i+1] == '"' {
		return i + 2
	}
	if zone := word(s, i+1) & 0xFFFFFFFFFFFF; s[i] != '+' && s[i] != '-' ||
		!digits(zone, 0x2230303A3030, 0x00FFFF00FFFF) || // 00:00"
		two(i+1) > 23 || two(i+4) > 59 {
		return no
	}
	return i + 7
}

// isDateTime takes s without escapes.
func isDateTime(s []byte) bool {
	return len(s) >= len("2006-01-02T15:04:05Z") && s[10]|0x20 == 't' && isDate(s[:10]) && isTime(s[11:])
}

// isDate takes s of 10 bytes.
func isDate(s []byte) bool {
	for i, c := range s {
		if i == 4 || i == 7 {
			if c != '-' {
				return false
			}
		} else if c-'0' > 9 {
			return false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	month, day := two(5), two(8)
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	if month != 2 {
		return day <= 30+(month+month>>3)&1
	}
	// Every fourth year is a leap year, and of those at the turn of a century
	// every fourth.
	year := two(2)
	if year == 0 {
		year = two(0)
	}
	if year%4 == 0 {
		return day <= 29
	}
	return day <= 28
}

// isTime takes s of 9 bytes or more.
func isTime(s []byte) bool {
	hour, minute, second := clock(s, 23), clock(s[3:], 59), clock(s[6:], 60)
	if s[2] != ':' || s[5] != ':' || hour < 0 || minute < 0 || second < 0 {
		return false
	}
	s = s[8:]
	if s[0] == '.' {
		n := 1
		for n < len(s) && s[n]-'0' <= 9 {
			n++
		}
		if n == 1 {
			return false
		}
		s = s[n:]
	}
	if len(s) == 0 {
		return false
	}
	now := hour*60 + minute
	if s[0]|0x20 == 'z' {
		if len(s) != 1 {
			return false
		}
	} else {
		if len(s) != len("+00:00") || s[3] != ':' {
			return false
		}
		hour, minute := clock(s[1:], 23), clock(s[4:], 59)
		if hour < 0 || minute < 0 {
			return false
		}
		switch s[0] {
		case '+':
			now -= hour*60 + minute
		case '-':
			now += hour*60 + minute
		default:
			return false
		}
		if now < 0 {
			now += 24 * 60
		}
	}
	// A leap second is the last one of a day of UTC.
	return second < 60 || now == 23*60+59
}

// clock reads two digits, as a number up to most; or gives -1. In place of the
// first digit there may be a sign, which v5 takes.
func clock(s []byte, most int) int {
	n := int(s[1]) - '0'
	if n < 0 || n > 9 {
		return -1
	}
	switch c := s[0]; {
	case c == '+' || c == '-' && n == 0:
		return n
	case c-'0' > 9:
		return -1
	default:
		n += int(c-'0') * 10
	}
	if n > most {
		return -1
	}
	return n
}
