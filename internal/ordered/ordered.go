// Package ordered reads JSON objects whose members are shown in the order in which
// somebody wrote them, such as the properties of a schema.
package ordered

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// An Object has the members of a JSON object, in their order.
type Object[T any] []Member[T]

// A Member is a name and its value.
type Member[T any] struct {
	Name  string
	Value T
}

// Get returns the value of a name, or T's zero value.
func (o Object[T]) Get(name string) (value T) {
	for _, member := range o {
		if member.Name == name {
			return member.Value
		}
	}
	return value
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *Object[T]) UnmarshalJSON(text []byte) error {
	members := json.NewDecoder(bytes.NewReader(text))
	if brace, err := members.Token(); err != nil || brace != json.Delim('{') {
		return fmt.Errorf("%.20s is not an object", text)
	}
	for members.More() {
		name, err := members.Token()
		if err != nil {
			return err
		}
		var member Member[T]
		member.Name, _ = name.(string)
		if err := members.Decode(&member.Value); err != nil {
			return fmt.Errorf("%s: %w", member.Name, err)
		}
		*o = append(*o, member)
	}
	return nil
}
