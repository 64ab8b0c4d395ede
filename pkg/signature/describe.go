package signature

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// What follows says of headers that are refused what they look like, so that who
// made them sees what to change. Nothing of their text is repeated: it may be a
// secret, and the description may end up anywhere.

// unitOf returns the unit in which a number of seconds that lies far in the
// future would be a time near the present; "" if there is none.
func unitOf(seconds int64) string {
	switch {
	case seconds >= 1e17:
		return "nanoseconds"
	case seconds >= 1e14:
		return "microseconds"
	case seconds >= 1e11:
		return "milliseconds"
	}
	return ""
}

// describeTimestamp says what a malformed timestamp looks like, as a predicate.
func describeTimestamp(text string) string {
	digits := strings.Trim(text, "0123456789") == ""
	whole, fraction, point := strings.Cut(text, ".")
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed != text:
		return "has white space around it"
	case digits && len(text) == 19:
		return "looks like nanoseconds"
	case digits && len(text) > maxDigits:
		return "has too many digits"
	case digits:
		return "has a leading zero"
	case point && strings.Trim(whole+fraction, "0123456789") == "":
		return "has a fraction"
	case strings.HasPrefix(text, `"`), strings.HasPrefix(text, "'"):
		return "is in quotes"
	case strings.HasPrefix(text, "-"), strings.HasPrefix(text, "+"):
		return "has a sign"
	case len(text) > 64: // of no form that a parser need look at
		return "is not a number"
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return "is an RFC 3339 date-time"
	}
	for _, layout := range httpDates {
		if _, err := time.Parse(layout, text); err == nil {
			return "is an HTTP date"
		}
	}
	return "is not a whole number"
}

// httpDates are the layouts of RFC 9110, section 5.6.7.
var httpDates = [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC}

// isToCome reports whether an entry is of a version that isn't known yet: v with a
// number, and perhaps a letter, other than v1 and v1a.
func isToCome(version, encoded string) bool {
	number, ok := strings.CutPrefix(version, "v")
	letter := strings.TrimLeft(number, "0123456789")
	return ok && encoded != "" && version != "v1" && version != "v1a" &&
		len(letter) < len(number) && len(letter) <= 1 && strings.Trim(letter, "abcdefghijklmnopqrstuvwxyz") == ""
}

// describeSignature says what an entry that is not well-formed looks like, as a
// predicate.
func describeSignature(entry string) string {
	version, encoded, comma := strings.Cut(entry, ",")
	switch lower := strings.ToLower(entry); {
	case strings.Contains(lower, string(symmetric)), strings.Contains(lower, string(private)):
		return "has a secret in it, which must never be sent (and must be replaced)"
	case strings.ContainsAny(entry, `"'`):
		return "has quotes in it"
	case strings.HasPrefix(lower, "sha256="), strings.HasPrefix(lower, "sha1="), strings.HasPrefix(lower, "hmac-sha256="):
		return "starts with " + lower[:strings.IndexByte(lower, '=')] + "=, as other schemes have it"
	case strings.HasPrefix(lower, "t=") && strings.Contains(lower, ",v1="):
		return "looks like t=…,v1=…, as other schemes have it"
	case strings.HasPrefix(lower, "v1="), strings.HasPrefix(lower, "v1a="):
		return "has = for the comma after the version"
	case strings.HasPrefix(lower, "v1:"), strings.HasPrefix(lower, "v1a:"):
		return "has : for the comma after the version"
	case comma && (version == "V1" || version == "V1A" || version == "V1a" || version == "v1A"):
		return "has a version in capital letters"
	case strings.TrimSpace(entry) != entry || strings.ContainsAny(entry, "\t\r\n"):
		return "has white space in it other than the space between two signatures"
	case comma && version != "v1" && version != "v1a":
		return "has no version that is known before the comma"
	case !comma && (version == "v1" || version == "v1a"):
		return "has a version and no signature"
	case !comma:
		encoded = version
		if what := describeBase64(encoded, 0); what != "" {
			return "has no version (v1 or v1a and a comma) before the signature, and " + what
		}
		return "has no version (v1 or v1a and a comma) before the signature"
	case encoded == "":
		return "has a version and no signature"
	case strings.HasSuffix(encoded, ","), strings.Contains(encoded, ",v1"):
		return "has a comma between two signatures, not a space"
	case strings.Contains(encoded, ","):
		return "has more than a version and a signature between two spaces"
	}
	length := 32
	if version == "v1a" {
		length = 64
	}
	if what := describeBase64(encoded, length); what != "" {
		return what
	}
	return "is not base64"
}

// describeBase64 says what text that ought to be base64 of so many bytes looks
// like; 0 for any number. It returns "" for what looks like nothing known, and
// for what is right.
func describeBase64(text string, length int) string {
	const most = 1024 // which is far from what any scheme has
	if len(text) > most {
		return "is too long for a signature"
	}
	if _, err := hex.DecodeString(text); err == nil && (len(text) == 64 || len(text) == 128) {
		return "is in hexadecimal, not in base64"
	}
	raw, err := strict.DecodeString(text)
	switch {
	case err == nil && length == 0:
		return ""
	case err == nil && len(raw) != length:
		return "is base64 of the wrong number of bytes (v1 has 32, v1a 64)"
	}
	if _, err := base64.RawStdEncoding.DecodeString(text); err == nil {
		return "is base64 without its padding"
	}
	if _, err := base64.StdEncoding.DecodeString(text); err == nil {
		return "is base64 whose last bits are not zero"
	}
	if _, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "=")); err == nil {
		return "is in the URL-safe alphabet of base64, not in the standard one"
	}
	return ""
}
