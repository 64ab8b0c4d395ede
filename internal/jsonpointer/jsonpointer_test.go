package jsonpointer_test

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// The pointers are those of RFC 6901, section 5, and some that are easily got wrong.
func TestPointers(t *testing.T) {
	for pointer, tokens := range map[string][]string{
		"":            nil,
		"/foo":        {"foo"},
		"/foo/0":      {"foo", "0"},
		"/":           {""},
		"/a~1b":       {"a/b"},
		"/c%d":        {"c%d"},
		"/e^f":        {"e^f"},
		"/g|h":        {"g|h"},
		"/i\\j":       {"i\\j"},
		"/k\"l":       {"k\"l"},
		"/ ":          {" "},
		"/m~0n":       {"m~n"},
		"/~01":        {"~1"},
		"/~00~10/~0":  {"~0/0", "~"},
		"//":          {"", ""},
		"/Größe/\xff": {"Größe", "\xff"},
	} {
		got, ok := jsonpointer.Split(pointer)
		if diff := cmp.Diff(tokens, got); diff != "" || !ok {
			t.Errorf("Split(%q) (-want +got), %v:\n%s", pointer, ok, diff)
		}
		escaped, peer := "", jsontext.Pointer("")
		for _, token := range tokens {
			escaped += "/" + jsonpointer.Escape(token)
			peer = peer.AppendToken(token)
			if back := jsonpointer.Unescape(jsonpointer.Escape(token)); back != token {
				t.Errorf("%q comes back as %q", token, back)
			}
		}
		if joined := jsonpointer.Join(tokens); joined != pointer || escaped != pointer {
			t.Errorf("%q: joined %q, escaped %q", tokens, joined, escaped)
		}
		if utf8.ValidString(pointer) && string(peer) != pointer {
			t.Errorf("%q: jsontext has %q", tokens, peer)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, pointer := range []string{"a", "a/b", "#/a", "~1", "/~", "/a~", "/~2", "/a/~b/c", "/~~1"} {
		if tokens, ok := jsonpointer.Split(pointer); ok || jsontext.Pointer(pointer).IsValid() {
			t.Errorf("Split(%q) = %q", pointer, tokens)
		}
	}
}

func ExampleAppend() {
	fmt.Printf("%s\n", jsonpointer.Append([]byte("/data"), "Price w/o ~VAT"))
	// Output: /data/Price w~1o ~0VAT
}

func ExampleJoin() {
	fmt.Println(jsonpointer.Join([]string{"data", "a/b", "0"}))
	// Output: /data/a~1b/0
}

func ExampleEscape() {
	fmt.Println("#/paths/" + jsonpointer.Escape("/v1/robots"))
	// Output: #/paths/~1v1~1robots
}

func ExampleUnescape() {
	fmt.Println(jsonpointer.Unescape("~1v1~1robots"))
	// Output: /v1/robots
}

func ExampleSplit() {
	tokens, ok := jsonpointer.Split("/data/a~1b/0")
	fmt.Printf("%q %v\n", tokens, ok)
	// Output: ["data" "a/b" "0"] true
}
