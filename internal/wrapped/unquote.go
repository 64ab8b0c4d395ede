package wrapped

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unquote returns the text of a JSON string that is known to be well-formed. Unlike
// [jsontext.AppendUnquote] it keeps what is not Unicode, so that the bytes are
// judged for it: bytes that are not UTF-8 stay as they are, and half a surrogate
// pair becomes the three bytes that it would have in UTF-8 if that allowed it.
func Unquote(s []byte) []byte {
	s = s[1 : len(s)-1]
	text := make([]byte, 0, len(s))
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(text, s...)
		}
		text = append(text, s[:i]...)
		escape := s[i+1]
		s = s[i+2:]
		switch escape {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			r := hex4(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if bytes.HasPrefix(s, []byte(`\u`)) {
					pair = utf16.DecodeRune(r, hex4(s[2:]))
				}
				if pair == utf8.RuneError {
					text = append(text, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
					continue
				}
				r = pair
				s = s[6:]
			}
			text = utf8.AppendRune(text, r)
		default:
			text = append(text, escape)
		}
	}
}

// hex4 returns the code unit that the first four bytes of s spell in hexadecimal.
func hex4(s []byte) rune {
	n, _ := strconv.ParseUint(string(s[:4]), 16, 16)
	return rune(n)
}
