package scan

import (
	"bytes"
	"math/bits"
	"unicode/utf8"
)

// textConst reads the string want, which needs no escapes in JSON.
func textConst(b []byte, i int, want string, m *memory) int {
	if n := len(want) + 2; len(b)-i >= n && b[i] == '"' && b[i+n-1] == '"' && string(b[i+1:i+n-1]) == want {
		return i + n
	}
	end := text(b, i, m)
	if end >= 0 && !textIs(b, i, end, want) {
		return no
	}
	return end
}

// textEnum reads one of the strings of want, which need no escapes in JSON.
func textEnum(b []byte, i int, want []string, m *memory) int {
	for _, want := range want {
		if n := len(want) + 2; len(b)-i >= n && b[i] == '"' && b[i+n-1] == '"' && string(b[i+1:i+n-1]) == want {
			return i + n
		}
	}
	end := text(b, i, m)
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

// matches tells whether pattern, a *regexp.Regexp, matches in the string from i to end,
// which was read before. What has no patterns doesn't import regexp for it.
func matches(pattern interface{ Match([]byte) bool }, b []byte, i, end int) bool {
	raw := b[i+1 : end-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		raw = unescape(make([]byte, 0, len(raw)+utf8.UTFMax), b, i, end)
	}
	return pattern.Match(raw)
}

// dateTime reads a string that is a date-time, by RFC 3339, section 5.6, as
// jsonschema/v5 judges it.
func dateTime(b []byte, i int, m *memory) int {
	if len(b)-i >= dateTimeRoom {
		if n := plainDateTime(b[i : i+dateTimeRoom]); n >= 0 {
			return i + n
		}
	}
	end := text(b, i, m)
	if end < 0 {
		return end
	}
	raw := b[i+1 : end-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		raw = unescape(make([]byte, 0, len(raw)+utf8.UTFMax), b, i, end)
	}
	if !isDateTime(raw) {
		return no
	}
	return end
}

// dateTimeRoom is for the longest date-time that plainDateTime takes, and for the
// word that its zone is read with.
const dateTimeRoom = len(`"2006-01-02T15:04:05.000000000`) + 1 + 8

// plainDateTime returns the index behind a date-time, in quotes at the start of s,
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
	if month < 1 || month > 12 || day < 1 || day > 28 && day > daysIn(two(1)*100+two(3), month) ||
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
	year, month, day := digits(s[:4]), digits(s[5:7]), digits(s[8:10])
	return s[4] == '-' && s[7] == '-' && year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

func daysIn(year, month int) int {
	switch {
	case month != 2:
		return 30 + (month+month>>3)&1
	case year%4 == 0 && (year%100 != 0 || year%400 == 0):
		return 29
	}
	return 28
}

// isTime takes s of 9 bytes or more.
func isTime(s []byte) bool {
	hour, minute, second := clock(s, 23), clock(s[3:], 59), clock(s[6:], 60)
	if s[2] != ':' || s[5] != ':' || min(hour, minute, second) < 0 {
		return false
	}
	now, zone := hour*60+minute, s[8:]
	if zone[0] == '.' {
		rest := bytes.TrimLeft(zone[1:], "0123456789")
		if len(rest) == len(zone)-1 {
			return false
		}
		zone = rest
	}
	switch {
	case len(zone) == 1 && zone[0]|0x20 == 'z':
	case len(zone) == len("+00:00") && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':':
		hour, minute := clock(zone[1:], 23), clock(zone[4:], 59)
		if min(hour, minute) < 0 {
			return false
		}
		offset := hour*60 + minute
		if zone[0] == '+' {
			offset = 24*60 - offset
		}
		now = (now + offset) % (24 * 60)
	default:
		return false
	}
	// A leap second is the last one of a day of UTC.
	return second < 60 || now == 23*60+59
}

// clock reads two digits, as a number up to most; or returns -1. In place of the
// first digit there may be a sign, which v5 takes.
func clock(s []byte, most int) int {
	n := digits(s[:2])
	if last := digits(s[1:2]); s[0] == '+' || s[0] == '-' && last == 0 {
		n = last
	}
	if n > most {
		return -1
	}
	return n
}

// digits returns the number that s writes without a sign, or -1.
func digits(s []byte) (n int) {
	for _, c := range s {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
