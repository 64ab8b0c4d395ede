package sample

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/runhooks/runhooks/internal/jsonpointer"
)

// maxDepth bounds how many parts a path may have.
const maxDepth = 100

// Set gives payload with one value set. path is the way to it, by names and, in
// an array, numbers: data.robot_name, or, where a name has a full stop, the
// pointer /data/robot_name (RFC 6901). Members that are missing on the way are
// added, and so is the element after the last of an array. value is JSON, or
// else a text as it stands.
//
// All else stays as it is, to the byte. The error is one of the path: that it
// leads through what is not an object or an array.
func Set(payload []byte, path, value string) ([]byte, error) {
	way, err := parsePath(path)
	if err != nil {
		return nil, err
	}
	v := jsontext.Value(value)
	if !v.IsValid() {
		quoted, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(value, "\uFFFD"))
		if err != nil {
			return nil, err
		}
		v = quoted
	}
	return set(payload, way, 0, bytes.TrimSpace(v))
}

func parsePath(path string) ([]string, error) {
	if path == "" {
		return nil, fmt.Errorf("no path: one is like data.robot_name, or /data/robot_name")
	}
	isPointer := strings.HasPrefix(path, "/")
	way := strings.Split(path, ".")
	if isPointer {
		var ok bool
		if way, ok = jsonpointer.Split(path); !ok {
			return nil, fmt.Errorf("the path %q is not a JSON pointer: in a name, ~ is written ~0", path)
		}
	}
	if len(way) > maxDepth {
		return nil, fmt.Errorf("the path has %d parts: %d are the most", len(way), maxDepth)
	}
	if !isPointer && slices.Contains(way, "") {
		return nil, fmt.Errorf("the path %q has an empty part: one is like data.robot_name, or /data/robot_name", path)
	}
	return way, nil
}

// place names the value to which way leads.
func place(way []string) string { return cmp.Or(jsonpointer.Join(way), "the payload") }

// set gives in with the value set to which way[done:] leads.
func set(in jsontext.Value, way []string, done int, value jsontext.Value) (jsontext.Value, error) {
	if done == len(way) {
		return value, nil
	}
	dec := jsontext.NewDecoder(bytes.NewReader(in))
	if kind := dec.PeekKind(); kind != '{' && kind != '[' {
		return nil, fmt.Errorf("%s is %s: nothing can be set in it", place(way[:done]), in)
	}
	open, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	inArray := open.Kind() == '['
	n := 0
	for ; dec.PeekKind() != ']' && dec.PeekKind() != '}'; n++ {
		name := strconv.Itoa(n)
		if !inArray {
			token, err := dec.ReadToken()
			if err != nil {
				return nil, err
			}
			name = token.String()
		}
		old, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		if name != way[done] {
			continue
		}
		end := int(dec.InputOffset())
		start := end - len(old)
		changed, err := set(in[start:end], way, done+1, value)
		if err != nil {
			return nil, err
		}
		return slices.Concat(in[:start], changed, in[end:]), nil
	}
	if inArray && way[done] != strconv.Itoa(n) {
		return nil, fmt.Errorf("%s has %d elements: %s is none of them, nor the next", place(way[:done]), n, way[done])
	}
	added := value
	for _, name := range slices.Backward(way[done+1:]) {
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return nil, err
		}
		added = slices.Concat(jsontext.Value("{"), quoted, jsontext.Value(":"), added, jsontext.Value("}"))
	}
	if !inArray {
		quoted, err := jsontext.AppendQuote(nil, way[done])
		if err != nil {
			return nil, err
		}
		added = slices.Concat(jsontext.Value(quoted), jsontext.Value(":"), added)
	}
	if n > 0 {
		added = append(jsontext.Value(","), added...)
	}
	end := int(dec.InputOffset())
	return slices.Concat(in[:end], added, in[end:]), nil
}
