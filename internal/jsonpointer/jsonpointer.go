// Package jsonpointer writes and reads JSON pointers (RFC 6901), which name a
// value in a document by its way there: "/data/a~1b/0" is the first element of
// the array that is the member "a/b" of the member "data".
package jsonpointer

import "strings"

var (
	escapes   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

// Append appends a reference token, the name of a member or the index of an
// element, to the pointer in dst: "a/b" is appended as "/a~1b".
func Append(dst []byte, token string) []byte {
	dst = append(dst, '/')
	for i := range len(token) {
		switch c := token[i]; c {
		case '~':
			dst = append(dst, "~0"...)
		case '/':
			dst = append(dst, "~1"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// Join returns the pointer that has these reference tokens.
func Join(tokens []string) string {
	var pointer []byte
	for _, token := range tokens {
		pointer = Append(pointer, token)
	}
	return string(pointer)
}

// Escape returns a reference token as it is written in a pointer, without the
// slash before it.
func Escape(token string) string { return escapes.Replace(token) }

// Unescape is the inverse of Escape.
func Unescape(token string) string { return unescapes.Replace(token) }

// Split is the inverse of Join: it returns the reference tokens of a pointer. The empty pointer,
// which is the whole document, has none. It returns false if this is not a pointer:
// it doesn't start with a slash, or has a ~ that is neither ~0 nor ~1.
func Split(pointer string) (tokens []string, ok bool) {
	if pointer == "" {
		return nil, true
	}
	tokens = strings.Split(pointer, "/")
	if tokens[0] != "" {
		return nil, false
	}
	tokens = tokens[1:]
	for i, written := range tokens {
		tokens[i] = Unescape(written)
		if Escape(tokens[i]) != written {
			return nil, false
		}
	}
	return tokens, true
}
