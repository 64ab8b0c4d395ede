package scan

import (
	"slices"
	"strings"
	"testing"
	"time"

	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

func TestIsUUID(t *testing.T) {
	const good = "1b480cbd-C43b-4541-a69e-92d82000d99F"
	texts := []string{good, "", "x", good[1:], good + "0", strings.ReplaceAll(good, "-", "_"), strings.ReplaceAll(good, "-", "")}
	for i := range good {
		for _, c := range []string{"g", "G", "/", ":", "@", "`", "-", "0", "é"} {
			texts = append(texts, good[:i]+c+good[i+1:])
		}
	}
	for _, text := range texts {
		for _, behind := range []string{"", ",                                        "} {
			b := []byte(`"` + text + `"` + behind)
			if got, want := isUUID(b, 0), judge.Formats["uuid"](text); got != want {
				t.Errorf("%s: %v, want %v", b, got, want)
			}
		}
	}
	if isUUID([]byte(`"\u0031b480cbd-c43b-4541-a69e-92d82000d992"`), 0) {
		t.Error("one with an escape isn't left to the judge")
	}
}

func TestCount(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "5": 5, "12": 12, "123456789": 123456789,
		"1234567890": unsure, "4294967301": unsure, "5.0": unsure, "5e0": unsure, "5E1": unsure, "-0": unsure, "-5": unsure, "1.5": unsure,
	} {
		for _, behind := range []string{",", "}", " }", "\n,", "]                      "} {
			if got := count([]byte(text+behind), 0); got != want {
				t.Errorf("%s%s: %d, want %d", text, behind, got, want)
			}
		}
	}
	b := []byte("3 1 2 30 -1 ")
	if !addsUp(b, 0, 2, 4) || addsUp(b, 5, 2, 4) || addsUp(b, 0, 2, 8) || addsUp(b, 8, 8) {
		t.Error("sums are wrong")
	}
}

// What is in order is in order by the clock, too.
func TestInOrder(t *testing.T) {
	texts := []string{
		"2025-05-29T15:53:15.595Z", "2025-05-29T15:53:15.596Z", "2025-05-29T15:53:14.999Z", "2025-05-29T15:53:15Z", "2025-05-29T15:53:15.5Z",
		"2025-05-29t15:53:15.595z", "2025-05-29T15:53:15.595+02:00", "2025-05-29T15:53:16.1+02:00", "2025-05-29T15:53:15.60+02:00", "2025-05-29T15:53:15-02:00",
		"2025-05-29T15:53:15+02:00", "2024-12-31T23:59:59.999999+00:00", "2025-05-29T15:53:15.595000+00:00", "2025-05-29T15:53:15.5950Z", "2025-05-29T15:53:15.595z",
	}
	sure := 0
	for _, first := range texts {
		for _, second := range texts {
			from, _ := time.Parse(time.RFC3339Nano, strings.ToUpper(first))
			to, _ := time.Parse(time.RFC3339Nano, strings.ToUpper(second))
			for _, pair := range []string{`"` + first + `"|"` + second + `"`, `"` + first + `"|"` + second + `",                `} {
				got := inOrder([]byte(pair), 0, strings.IndexByte(pair, '|')+1)
				if got && to.Before(from) {
					t.Errorf("%s is said to be in order", pair)
				}
				if got {
					sure++
				}
			}
		}
	}
	if sure < 60 {
		t.Errorf("only %d of %d pairs are known to be in order", sure, 2*len(texts)*len(texts))
	}
	escaped := []byte(`"2025-05-29T15:53:1\u0030Z"|"2025-05-29T15:53:15.595Z"      `)
	if inOrder(escaped, 0, 28) || inOrder(escaped, 28, 0) {
		t.Error("one with an escape isn't left to the judge")
	}
}

func TestTexts(t *testing.T) {
	for _, test := range []struct {
		text        string
		says, plain bool
	}{
		{`"Unknown Robot"`, true, true}, {`"Unknown Robo\u0074"`, true, true}, {`"\u0055nknown Robot"`, true, true},
		{`"Unknown Robots"`, false, true}, {`"Unknown Robo"`, false, true}, {`""`, false, true}, {`"U"`, false, true},
		{`"\u001b[31m"`, false, false}, {`"red \u001B[31m"`, false, false}, {`"\\u001b"`, false, false},
	} {
		for _, behind := range []string{"", ",                "} {
			b := []byte(test.text + behind)
			if got := says(b, 0, "Unknown Robot"); got != test.says {
				t.Errorf("%s: says %v", b, got)
			}
			if got := isPlainText(b, 0); got != test.plain {
				t.Errorf("%s: plain %v", b, got)
			}
		}
	}
}

// What is noted has the room that there is, and is settled once.
func TestNotes(t *testing.T) {
	outer, inner := &Object{Schema: "outer"}, &Object{Schema: "inner"}
	m := memory{remarks: make([]Remark, 3), noting: true}
	m.note(outer, 1, 4)
	m.note(inner, 10, 14)
	m.settle(inner, 2)
	m.note(outer, 20, 24)
	m.settle(outer, 5)
	m.settle(inner, 0)
	want := []Remark{{outer, 1, 4, 5, true}, {inner, 10, 14, 2, true}, {outer, 20, 24, 5, true}}
	if !slices.Equal(m.remarks, want) || m.noted != 3 || m.odd || m.rows != 0 {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if m.note(outer, 30, 34); !m.odd || m.noted != 3 {
		t.Errorf("a remark without room isn't missed: %+v", m)
	}
}
