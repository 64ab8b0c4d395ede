package sample

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestSet(t *testing.T) {
	const payload = `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": null}], "g": []}`
	for _, tt := range []struct{ path, value, want string }{
		{"a.b", "2", `{"a": {"b": 2, "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"/a/b", `"2"`, `{"a": {"b": "2", "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"a.b", "two words", `{"a": {"b": "two words", "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"a.b", "", `{"a": {"b": "", "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"a.b", ` {"x": 1} `, `{"a": {"b": {"x": 1}, "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"a.b", `{"x"`, `{"a": {"b": "{\"x\"", "c.d": "x"}, "e": [1, {"f": null}], "g": []}`},
		{"/a/c.d", "y", `{"a": {"b": 1, "c.d": "y"}, "e": [1, {"f": null}], "g": []}`},
		{"a.new", "1", `{"a": {"b": 1, "c.d": "x","new":1}, "e": [1, {"f": null}], "g": []}`},
		{"n.e.w", "1", `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": null}], "g": [],"n":{"e":{"w":1}}}`},
		{"/a~1b/~0", "1", `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": null}], "g": [],"a/b":{"~":1}}`},
		{"e.0", "2", `{"a": {"b": 1, "c.d": "x"}, "e": [2, {"f": null}], "g": []}`},
		{"e.1.f", "2", `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": 2}], "g": []}`},
		{"e.2", "2", `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": null},2], "g": []}`},
		{"g.0.x", "2", `{"a": {"b": 1, "c.d": "x"}, "e": [1, {"f": null}], "g": [{"x":2}]}`},
	} {
		got, err := Set([]byte(payload), tt.path, tt.value)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s=%s: %v\ngot  %s\nwant %s", tt.path, tt.value, err, got, tt.want)
		}
	}
	for path, want := range map[string]string{
		"":                              "no path",
		"a..b":                          "empty part",
		"a.b.c":                         "/a/b is 1: nothing can be set in it",
		"e.7":                           "/e has 2 elements",
		"e.x":                           "/e has 2 elements",
		"/a~b":                          "not a JSON pointer",
		strings.Repeat("a.", 200) + "a": "has 201 parts",
	} {
		if _, err := Set([]byte(payload), path, "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}

// What comes out is JSON if what went in is.
func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2]}}`), "a.b.1", "x")
	f.Add([]byte(`[[]]`), "/0/0", `{"a":1}`)
	f.Add([]byte(" {}\n"), "a.b", "")
	f.Fuzz(func(t *testing.T, payload []byte, path, value string) {
		got, err := Set(payload, path, value)
		if err == nil && jsontext.Value(payload).IsValid() && !jsontext.Value(got).IsValid() {
			t.Errorf("%q with %q=%q became %q", payload, path, value, got)
		}
	})
}
