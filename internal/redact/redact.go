// Package redact takes secrets out of what is shown: of URLs, headers and errors.
package redact

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Hidden stands where a secret was.
const Hidden = "***"

// headerName matches the names of headers that authenticate.
const headerName = `(?i:(?:proxy-)?authorization|(?:set-)?cookie|(?:[a-z0-9]+-)*api-?key|(?:[a-z0-9]+-)+(?:token|secret|password))`

var (
	// In an answer, a secret may be escaped for a URL, JSON or HTML.
	secretText = pattern(`(?i)(wh(?:sec|sk)(?:_|%5f))(?:[a-z0-9+/=_%-]|\\/|\\u00[0-9a-f]{2}|&#x?[0-9a-f]+;)+`)
	// One slash is what is left of two where a URL was taken for a path.
	urlText    = pattern(`(?i)\b[a-z][a-z0-9+.-]+:\\?/(?:[^\s"<>\\]|\\.)+`)
	schemeless = pattern(`(?i)(?:[^\s":@/\\]|\\.)+(?::|%3a)(?:[^\s"@/\\]|\\.)+(?:@|%40)`)
	section    = pattern(`^[a-z]+(?:-[a-z]+)*[0-9]{0,3}$`)

	secretHeader = pattern(strings.NewReplacer(
		"NAME", `\b`+headerName,
		"IS", `(?:\\?["'])?\]?\s*(?:=>|[:=])\s*\[?`,
		"REST", `(?:[^"\\\r\n]|\\.)+`,
	).Replace(`("NAME\s*[:=]\s*)REST` + // quoted with its name
		`|(NAMEIS\\?")REST` + // in JSON
		`|(NAMEIS)[^\s"\[][^\r\n]*`)) // as it is sent: it ends with the line
	authenticating = pattern(`^` + headerName + `$`)

	// A shorter word is not a secret, and an answer may use it for itself.
	secretWord = pattern(`[A-Za-z0-9_-]{6,}`)
)

// pattern returns a function that compiles expr when it is called first. Most
// commands hide nothing, and compiling takes a good part of how long they do.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// Text returns text without the secrets in it. Whatever is shown of a flag, a
// header or a URL goes through it, and every error: those of flags and of
// net/http quote what they are about. It takes out
//
//   - what follows whsec_ and whsk_,
//   - what [URL] takes out of a URL, and a user with a password where the
//     scheme is missing,
//   - the values of headers that authenticate.
//
// What an endpoint answers goes through [Echo] before.
func Text(text string) string {
	text = urlText().ReplaceAllStringFunc(text, func(raw string) string {
		raw = strings.ReplaceAll(raw, `\/`, "/")         // as some write JSON
		bare := strings.TrimRight(raw, `.,:;!?'`+"`)]}") // which the sentence has
		return URL(bare) + raw[len(bare):]
	})
	text = schemeless().ReplaceAllString(text, Hidden+"@")
	text = secretText().ReplaceAllString(text, "${1}"+Hidden)
	return secretHeader().ReplaceAllString(text, "${1}${2}${3}"+Hidden)
}

// Authenticates says whether headers of a name authenticate, so that their values are
// secret.
func Authenticates(name string) bool { return authenticating().MatchString(name) }

// Echo returns what answers a request without the secrets of that request,
// in whatever form it repeats them: the values of its headers and of the query of
// its URL. It looks for their words, since a form may escape what is between them.
func Echo(answer, rawURL string, header http.Header) string {
	var words []string
	add := func(value string) { words = append(words, secretWord().FindAllString(value, -1)...) }
	for _, values := range header {
		for _, value := range values {
			add(value)
		}
	}
	if u, err := url.Parse(rawURL); err == nil {
		for part := range strings.SplitSeq(u.RawQuery, "&") {
			name, value, named := strings.Cut(part, "=")
			if !named {
				value = name
			}
			add(value)
			if value, err := url.QueryUnescape(value); err == nil {
				add(value)
			}
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // none may hide half of another
	var pairs []string
	for _, word := range words {
		pairs = append(pairs, word, Hidden)
	}
	return strings.NewReplacer(pairs...).Replace(answer)
}

// URL returns a URL or a reference without its user information and the
// values in its query and its fragment. The path stays, since it tells endpoints
// apart; so do the names in the query, and a fragment that reads as the section of
// a page.
func URL(raw string) string {
	if _, err := url.Parse(raw); err != nil && strings.ContainsAny(raw, "@?#") {
		// Where the secret ends, nobody knows.
		if scheme, _, ok := strings.Cut(raw, "://"); ok {
			return scheme + "://" + Hidden
		}
		return Hidden
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
		raw = raw[:start] + Hidden + authority[at:]
		if hasPath {
			raw += "/" + path
		}
	}
	if hasQuery {
		raw += "?" + withoutValues(query)
	}
	if hasFragment {
		if !section().MatchString(fragment) { // of a page
			fragment = withoutValues(fragment)
		}
		raw += "#" + fragment
	}
	return secretText().ReplaceAllString(raw, "${1}"+Hidden)
}

// withoutValues returns a query without its values. A part that has no name may be
// all secret.
func withoutValues(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, _, named := strings.Cut(part, "=")
		switch {
		case named:
			parts[i] = name + "=" + Hidden
		case part != "":
			parts[i] = Hidden
		}
	}
	return strings.Join(parts, "&")
}
