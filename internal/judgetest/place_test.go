package judgetest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/judgetest"
)

func TestPlaces(t *testing.T) {
	const payload = "{ \"a/b\" : [ 1,\n\"x\" , {\"c\":{}} ],\"ä\\u0041\": null, \"ä\xff\": {\"d\":1,\"d\":[]}}"
	all := make([]int, len(payload))
	for i := range all {
		all[i] = i
	}
	want := map[int]judgetest.Place{
		0:  {Pointer: "", Names: []string{"a/b", "äA", "ä\uFFFD"}},
		2:  {Pointer: "/a~1b", Name: true},
		10: {Pointer: "/a~1b"},
		12: {Pointer: "/a~1b/0"},
		15: {Pointer: "/a~1b/1"},
		21: {Pointer: "/a~1b/2", Names: []string{"c"}},
		22: {Pointer: "/a~1b/2/c", Name: true},
		26: {Pointer: "/a~1b/2/c"},
		32: {Pointer: "/äA", Name: true},
		44: {Pointer: "/äA"},
		50: {Pointer: "/ä\uFFFD", Name: true},
		57: {Pointer: "/ä\uFFFD", Names: []string{"d", "d"}},
		58: {Pointer: "/ä\uFFFD/d", Name: true},
		62: {Pointer: "/ä\uFFFD/d"},
		64: {Pointer: "/ä\uFFFD/d", Name: true},
		68: {Pointer: "/ä\uFFFD/d"},
	}
	if diff := cmp.Diff(want, judgetest.Places([]byte(payload), all)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Only what was asked for, as far as it is JSON.
	got := judgetest.Places([]byte(payload)[:20], []int{68, 12, 0, 19})
	if diff := cmp.Diff(map[int]judgetest.Place{0: {Names: []string{"a/b"}}, 12: {Pointer: "/a~1b/0"}}, got); diff != "" {
		t.Errorf("of a part (-want +got):\n%s", diff)
	}
}

// The same chance makes the same mutant, with parts of others or without.
func TestMutate(t *testing.T) {
	payload, other := []byte(`{"data": {"a": [1, {"b": "c"}], "d": null}}`), []byte(`{"data": {"e": 17171717}}`)
	taken, same := 0, 0
	for i := range uint64(2000) {
		mutant := judgetest.Mutate(rand.New(rand.NewPCG(1, i)), payload, other)
		if again := judgetest.Mutate(rand.New(rand.NewPCG(1, i)), payload, other); !bytes.Equal(mutant, again) {
			t.Fatalf("%q, and then %q", mutant, again)
		}
		if bytes.Contains(mutant, []byte("17171717")) {
			taken++
		}
		if bytes.Equal(mutant, payload) {
			same++
		}
	}
	if taken < 100 || same > 400 {
		t.Errorf("%d have a part of the other one, %d are as before", taken, same)
	}
}

func ExamplePlaces() {
	fmt.Printf("%+v\n", judgetest.Places([]byte(`{"data": [1, 2]}`), []int{13}))
	// Output: map[13:{Pointer:/data/1 Name:false Names:[]}]
}
