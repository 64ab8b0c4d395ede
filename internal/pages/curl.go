package pages

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// maxInline is the most bytes of a body that a command has in it.
const maxInline = 16 << 10

// curlsOwn are the headers that curl sends by itself, or that are of one connection.
var curlsOwn = []string{"Host", "Content-Length", "Connection", "Accept-Encoding", "Transfer-Encoding", "Expect", "User-Agent"}

// curlCommand returns a command for a shell that sends a request. If the body is too
// large for that, or has characters that a terminal would act on, the command reads
// file, which it then returns.
func curlCommand(method, url string, headers map[string][]string, body []byte, file string) (command, reads string) {
	first := "curl --globoff " + shellQuote(url)
	if method != http.MethodPost || len(body) == 0 {
		first += " --request " + shellQuote(method)
	}
	lines := []string{first}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if slices.Contains(curlsOwn, name) {
			continue
		}
		for _, value := range headers[name] {
			header := name + ": " + value
			if value == "" {
				header = name + ";" // as curl wants it
			}
			lines = append(lines, "--header "+shellQuote(header))
		}
	}
	switch {
	case len(body) == 0:
	case inline(body):
		lines = append(lines, "--data-raw "+shellQuote(string(body)))
	default:
		reads = file
		lines = append(lines, "--data-binary "+shellQuote("@"+file))
	}
	return strings.Join(lines, " \\\n  "), reads
}

// inline says whether a command for a shell may have a payload in it.
func inline(body []byte) bool {
	return len(body) <= maxInline && !strings.ContainsFunc(string(body), func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r) && r != '\n' && r != '\t'
	})
}

// shellQuote returns a word of a POSIX shell that stands for text.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
