package ordered_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/runhooks/runhooks/internal/ordered"
)

func TestNotAnObject(t *testing.T) {
	for _, text := range []string{`[1]`, `"a"`, `1`} {
		var o ordered.Object[int]
		if err := json.Unmarshal([]byte(text), &o); err == nil {
			t.Errorf("%s: there is no error, and %v", text, o)
		}
	}
	var o ordered.Object[int]
	if err := json.Unmarshal([]byte(`{"a":1,"b":"c"}`), &o); err == nil {
		t.Errorf("a member of another type: %v", o)
	}
}

func ExampleObject() {
	var o ordered.Object[int]
	if err := json.Unmarshal([]byte(`{"z": 1, "a": 2}`), &o); err != nil {
		fmt.Println(err)
	}
	for _, member := range o {
		fmt.Println(member.Name, member.Value)
	}
	fmt.Println(o.Get("a"), o.Get("b"))
	// Output:
	// z 1
	// a 2
	// 2 0
}
