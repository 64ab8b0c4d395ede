package matrix_test

import (
	"strings"
	"testing"

	"github.com/runhooks/runhooks/interop/matrix"
)

const rows = `{"language":"Go","tool":"a","version":"1","kind":"validator","input":"x.json","check":"verdicts","ok":true,"passed":5,"of":5}
{"language":"Go","tool":"b","version":"2","kind":"generator","input":"x.json","check":"compiles","ok":true}

{"language":"Go","tool":"b","version":"2","kind":"generator","input":"x.json","check":"round-trip","ok":false,"passed":3,"of":5,"note":"loses zeros"}
{"language":"Go","tool":"c","version":"2","kind":"generator","input":"x.json","check":"compiles","ok":false}
`

func TestMarkdown(t *testing.T) {
	all, err := matrix.Read(strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	page := matrix.Markdown(all)
	for _, want := range []string{
		"| Go | a 1 | `x.json` | yes |\n",
		"| Go | b 2 | `x.json` | yes | – | – | no: 3 of 5 (1) |\n",
		"| Go | c 2 | `x.json` | no | – | – | – |\n",
		"\n1. loses zeros\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if u := matrix.Unexplained(all); len(u) != 1 || u[0].Tool != "c" {
		t.Errorf("unexplained: %v", u)
	}
}

func TestReadErrors(t *testing.T) {
	for _, line := range []string{
		`x`, `{}`, `{"language":"Go","tool":"a","version":"1","kind":"validator","input":"x","check":"compiles"}`,
		`{"language":"Go","tool":"a","version":"1","kind":"validator","input":"x","check":"verdicts","typo":1}`,
	} {
		if _, err := matrix.Read(strings.NewReader(line)); err == nil {
			t.Errorf("%s is a row", line)
		}
	}
}
