package cli

import (
	"net/url"
	"regexp"
	"strings"
)

// hidden stands where a secret was.
const hidden = "***"

var (
	secretText = regexp.MustCompile(`(?i)(whsec_|whsk_)[a-z0-9+/=_%-]+`)
	// A header's value ends with the line or, where it is quoted, with the quote.
	secretHeader = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)("?\s*[:=]\s*"?)(?:[^"\\\r\n]|\\.)+`)
	// One slash is what is left of two where a URL was taken for a path.
	urlText    = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]+:/(?:[^\s"<>\\]|\\.)+`)
	schemeless = regexp.MustCompile(`(?:[^\s":@/\\]|\\.)+:(?:[^\s"@/\\]|\\.)+@`)
)

// redact returns text without the secrets in it. Whatever is shown of a flag, a
// header or a URL goes through it, and every error: those of flags and of
// net/http quote what they are about. It takes out
//
//   - what follows whsec_ and whsk_,
//   - what [redactURL] takes out of a URL, and a user with a password where the
//     scheme is missing,
//   - the values of headers that authenticate.
func redact(text string) string {
	text = urlText.ReplaceAllStringFunc(text, func(raw string) string {
		bare := strings.TrimRight(raw, `.,:;!?'`+"`)]}") // which the sentence has
		return redactURL(bare) + raw[len(bare):]
	})
	text = schemeless.ReplaceAllString(text, hidden+"@")
	text = secretText.ReplaceAllString(text, "${1}"+hidden)
	return secretHeader.ReplaceAllString(text, "${1}${2}"+hidden)
}

// redactURL returns a URL or a reference without its user information and the
// values in its query and its fragment. The path stays, since it tells endpoints
// apart; so do the names in the query.
func redactURL(raw string) string {
	if _, err := url.Parse(raw); err != nil && strings.ContainsAny(raw, "@?#") {
		// Where the secret ends, nobody knows.
		if scheme, _, ok := strings.Cut(raw, "://"); ok {
			return scheme + "://" + hidden
		}
		return hidden
	}
	raw, fragment, hasFragment := strings.Cut(raw, "#")
	raw, query, hasQuery := strings.Cut(raw, "?")
	start := 0 // of what may have user information, also where a scheme is missing
	if i := strings.Index(raw, ":/"); i >= 0 {
		start = i + 1
	}
	start += len(raw[start:]) - len(strings.TrimLeft(raw[start:], "/"))
	authority, path, hasPath := strings.Cut(raw[start:], "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		raw = raw[:start] + hidden + authority[at:]
		if hasPath {
			raw += "/" + path
		}
	}
	if hasQuery {
		raw += "?" + redactQuery(query)
	}
	if hasFragment {
		if strings.Contains(fragment, "=") { // not a section of a page
			fragment = redactQuery(fragment)
		}
		raw += "#" + fragment
	}
	return secretText.ReplaceAllString(raw, "${1}"+hidden)
}

// redactQuery returns a query without its values. A part that has no name may be
// all secret.
func redactQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, named := strings.Cut(part, "=")
		switch {
		case named:
			parts[i] = name + "=" + hidden
		case part != "":
			parts[i] = hidden
		}
	}
	return strings.Join(parts, "&")
}
