package scan

import (
	"fmt"
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
	b := []byte("3 1 2 30 -1 5.0 x")
	for _, tt := range []struct {
		at       int
		operands []Operand
		want     bool
	}{
		{0, []Operand{{2, 0}, {4, 0}}, false}, {0, []Operand{{2, 9}, {-1, 2}}, false}, {0, []Operand{{-1, 4}}, true},
		{6, []Operand{{2, 0}, {4, 0}}, true}, {0, []Operand{{13, 0}}, true}, {9, []Operand{{-1, 1}}, true}, {12, []Operand{{-1, 5}}, true},
		{16, []Operand{{-1, 5}}, false},
	} {
		if got := mayDiffer(b, tt.at, tt.operands...); got != tt.want {
			t.Errorf("%s: %v: %v", b[tt.at:], tt.operands, got)
		}
	}
}

// A time that is later than another may be.
func TestMayPrecede(t *testing.T) {
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
				got := mayPrecede([]byte(pair), 0, strings.IndexByte(pair, '|')+1)
				if !got && to.Before(from) {
					t.Errorf("%s is said to be in order", pair)
				}
				if !got {
					sure++
				}
			}
		}
	}
	// Any character may be written as an escape.
	const late, early = "2025-05-29T15:53:15.596Z", "2025-05-29T15:53:15.595Z"
	for k := range len(late) {
		escape := func(text string) string { return text[:k] + fmt.Sprintf(`\u%04x`, text[k]) + text[k+1:] }
		for _, pair := range []string{`"` + escape(late) + `"|"` + early + `"      `, `"` + late + `"|"` + escape(early) + `"      `} {
			if !mayPrecede([]byte(pair), 0, strings.IndexByte(pair, '|')+1) {
				t.Errorf("%s is said to be in order", pair)
			}
		}
	}
	if sure < 12 {
		t.Errorf("only %d of %d pairs are known to be in order", sure, 2*len(texts)*len(texts))
	}
	for pair, want := range map[string]bool{
		`"2025-05-29T15:53:1\u0030Z"|"2025-05-29T15:53:15.595Z"      `: true,
		`"\u00325-05-29T15:53:10Z"|"2025-05-29T15:53:15.595Z"      `:   true,
		`"6/25/2026, 3:53:15 PM"|"6/25/2026, 3:53:15 PM"`:              false,
		`"2025-05-29T15:53:15.595Z"|null`:                              false,
	} {
		if got := mayPrecede([]byte(pair), 0, strings.IndexByte(pair, '|')+1); got != want {
			t.Errorf("%s: %v", pair, got)
		}
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
			if got := !mayEscape(b, 0, len(test.text)); got != test.plain {
				t.Errorf("%s: plain %v", b, got)
			}
		}
	}
}

// Notes of one rule in one column are counted, unless each is wanted.
func TestNotes(t *testing.T) {
	payload := []byte(`{"list":[{"a":1},{"a":2},{"b":3}]}`)
	rule, other := &Rule{Keyword: "type", number: 1}, &Rule{Keyword: "type", number: 2}
	for _, each := range []bool{false, true} {
		n := Notes{Each: each}
		n.start(payload)
		for item, name := range []int{10, 18, 26} {
			n.path[0], n.path[1], n.path[2] = 1, ^Token(item), Token(name)
			n.note(rule, name+3, 3)
			n.note(other, 9, 1)
		}
		var got []string
		for i := range n.List {
			k := &n.List[i]
			got = append(got, fmt.Sprintf("%d x %d at %d by %v", k.Count, k.Rule.number, k.At, n.Path(k)))
		}
		want := []string{"2 x 1 at 13 by [1 -1 10]", "1 x 2 at 9 by [1]", "1 x 2 at 9 by [1]", "1 x 1 at 29 by [1 -3 26]", "1 x 2 at 9 by [1]"}
		if each {
			want = []string{"1 x 1 at 13 by [1 -1 10]", "1 x 2 at 9 by [1]", "1 x 1 at 21 by [1 -2 18]", "1 x 2 at 9 by [1]", "1 x 1 at 29 by [1 -3 26]", "1 x 2 at 9 by [1]"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("each %v:\n%s\nwant\n%s", each, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Members of items that no schema names are alike if they have the same name.
func TestUnknownNotes(t *testing.T) {
	payload := []byte(`[{"a":1,"b":2},{"b":3},{"\u0062":4}]`)
	rule := &Rule{Keyword: "properties", number: 1}
	var n Notes
	n.start(payload)
	for _, of := range []struct{ item, at int }{{0, 2}, {0, 8}, {1, 16}, {2, 24}} {
		n.path[0] = ^Token(of.item)
		n.member(rule, of.at, 0, 1, 0)
	}
	var got []string
	for _, k := range n.List {
		got = append(got, fmt.Sprintf("%d x %s", k.Count, payload[k.At:k.At+3]))
	}
	if want := []string{`1 x "a"`, `3 x "b"`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What only the documented schema has to say counts, unless the observed one told, too,
// how that is broken.
func TestForgive(t *testing.T) {
	documented, info := &Rule{Keyword: "type"}, &Rule{Keyword: "x-dialect"}
	told, broken := &Rule{Keyword: "x-dialect", breaks: true}, &Rule{Keyword: "minimum"}
	for _, tt := range []struct {
		name    string
		also    func(n *Notes)
		counts  int
		outcome Outcome
	}{
		{"alone", func(*Notes) {}, 1, Observed},
		{"with an info", func(n *Notes) { n.note(info, 0, 0) }, 1, Observed},
		{"with a dialect", func(n *Notes) { n.note(told, 0, 0) }, 0, Observed},
		{"with one that doesn't count", func(n *Notes) { n.note(told, 0, 0).Count = 0 }, 1, Observed},
		{"refused", func(n *Notes) { n.Explain = true; n.refuses(broken, 0, 0) }, 0, Refused},
	} {
		var n Notes
		n.start([]byte("{}"))
		n.documented(documented, 0, 0, 0, 0)
		tt.also(&n)
		if outcome := n.outcome(2); n.List[0].Count != tt.counts || outcome != tt.outcome {
			t.Errorf("%s: it counts %d times, outcome %d; want %d, %d", tt.name, n.List[0].Count, outcome, tt.counts, tt.outcome)
		}
	}
}

// What was read tentatively, and doesn't count, leaves no notes.
func TestTentatively(t *testing.T) {
	rule := &Rule{Keyword: "x-dialect", breaks: true}
	var n Notes
	n.start([]byte(`{}`))
	n.note(rule, 0, 0)
	n.broken = false
	refused := n.tentatively()
	n.note(rule, 1, 0)
	if n.read(&refused, false); len(n.List) != 1 || n.broken {
		t.Errorf("a note of what was refused: %+v", n.List)
	}
	kept := n.tentatively()
	n.note(rule, 1, 0)
	n.read(&kept, true)
	if n.broken {
		t.Error("broken before it is known that the schema applies")
	}
	if n.keep(kept); !n.broken {
		t.Error("not broken, though the schema applies")
	}
	if n.drop(kept); n.List[1].Count != 0 || n.List[0].Count != 1 {
		t.Errorf("what is dropped counts, or what isn't doesn't: %+v", n.List)
	}
}

// There are no more notes than that, and it is told.
func TestMostNotes(t *testing.T) {
	n := Notes{Each: true}
	n.start([]byte(`{}`))
	for range mostNotes + 1 {
		if n.Truncated {
			t.Fatal("truncated before")
		}
		n.note(&Rule{}, 0, 0)
	}
	if !n.Truncated || len(n.List) != mostNotes {
		t.Errorf("%d notes, truncated: %v", len(n.List), n.Truncated)
	}
}

// A value of another type is refused, or noted and passed over.
func TestMistyped(t *testing.T) {
	b := []byte(`[{"a":1}]`)
	rule := &Rule{Keyword: "type"}
	var n Notes
	n.start(b)
	m := newMemory()
	m.notes = &n
	if got := m.mistyped(b, 1, 1, 0, rule); got != no || len(n.List) > 0 {
		t.Errorf("%d, with %d notes", got, len(n.List))
	}
	n.Explain, m.distinct = true, true
	if got := m.mistyped(b, 1, 1, 0, rule); got != 8 || len(n.List) != 1 || n.outcome(9) != Refused {
		t.Errorf("%d, with %d notes: %d", got, len(n.List), n.outcome(9))
	}
	if got := m.mistyped(b, 9, 1, 0, rule); got != unsure {
		t.Errorf("%d behind the payload", got)
	}
}

// Members that the documented schema doesn't name are noted, but for those that a
// branch has named.
func TestUnnamed(t *testing.T) {
	b := []byte(`{"a":1,"b":{"c":2,"d":3}}`)
	var n Notes
	n.start(b)
	outer, inner := &Rule{Keyword: "properties", number: 1}, &Rule{Keyword: "properties", number: 2}
	n.unname(1)
	from := len(n.unnamed)
	n.unname(12)
	n.unname(18)
	n.named(from, 12)
	n.unknown(from, inner, 11, 1, 5)
	n.operand(&n.List[0], offset(true, 14), 0)
	n.operand(&n.List[0], offset(false, 14), 3)
	n.unknown(0, outer, 0, 0, 1)
	if len(n.List) != 2 || n.List[0].At != 18 || n.List[0].In != 11 || n.List[0].Has != 5 || n.List[1].At != 1 {
		t.Errorf("%+v", n.List)
	}
	if got, want := n.Operands(&n.List[0]), []Operand{{14, 0}, {-1, 3}}; !slices.Equal(got, want) {
		t.Errorf("operands %v, want %v", got, want)
	}
	if got := n.Operands(&n.List[1]); len(got) > 0 {
		t.Errorf("operands %v, want none", got)
	}
}

func TestMayBeOther(t *testing.T) {
	for text, want := range map[string]bool{
		`"1b480cbd-c43b-4541-a69e-92d82000d992"`: false, `"w1"`: true, `""`: false, `5 `: false,
	} {
		if got := mayBeOther([]byte(text), 0); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A memory grows until it has room for the most names, and starts anew each time.
func TestGrow(t *testing.T) {
	m := &memory{names: make([]uint64, fewNames), row: make([]cell, fewCells), known: 3, rows: 2}
	var r *room
	for size := fewNames; ; size *= 8 {
		if len(m.names) != size {
			t.Errorf("%d names, want %d", len(m.names), size)
		}
		if r = m.grow(r); r == nil {
			break
		}
		if m.known != 0 || m.rows != 0 {
			t.Error("it remembers what it read before")
		}
	}
	if len(m.names) < mostNames/8 {
		t.Errorf("no more than %d names", len(m.names))
	}
}

// TestMayHoldLocalURL: no URL of a local host is missed, and those of others are mostly told.
func TestMayHoldLocalURL(t *testing.T) {
	for text, want := range map[string]bool{
		`"http://localhost:9000/a"`: true, `"https://LOCALHOST"`: true, `"//127.0.0.1/"`: true,
		`"http://[::1]/"`: true, `"http://2130706433/"`: true, `"http://0x7f.1/"`: true,
		`"http://minio:9000/a"`: true, `"http://a.internal?b"`: true, `"http://user:pw@localhost/"`: true,
		`"http:\/\/localhost"`: true, `"http://ｌocalhost/"`: true, `"http://a%2elocal/"`: true,
		`["https://example.com/", "http://printer.lan/"]`: true, `{"url": "http://10.0.0.1"}`: true,
		`"file:///srv/a.png"`: true, `"FILE://files.example.com/a.png"`: true,
		`"https://example.com/a//b.local"`: false, `"https://cdn.example.com:443/a"`: false,
		`"https://a-very-long-label-of-a-host.museumofmodernart/"`: false,
		`["https://example.com/", "/a"]`:                           false, `"localhost"`: false, `""`: false, `5`: false, `null`: false,
	} {
		if got := mayHoldLocalURL([]byte(text), 0, len(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestMayHoldNothing(t *testing.T) {
	b := []byte(`"" "a" {} []`)
	for want, all := range map[bool][][]int{
		true:  {{}, {-1}, {0}, {-1, 0, 7, 10}},
		false: {{3}, {0, 3}, {7, 3, 10}},
	} {
		for _, values := range all {
			if got := mayHoldNothing(b, values...); got != want {
				t.Errorf("%v: %v", values, got)
			}
		}
	}
	var m memory
	m.addRows(2)
	m.addRows(3)
	if m.rows != 5 || m.filled != 5 {
		t.Errorf("%d rows, %d of them fill", m.rows, m.filled)
	}
}

// TestRepetition: parts that grow row by row are found, whatever the rows are; rounds and
// equal rows are not.
func TestRepetition(t *testing.T) {
	for rows, want := range map[string]bool{
		"a": false, "aa": false, "aaa": false, "aab": false, "ab": false,
		"abab": false, "ababc": true, "abcabcdabcde": true, "aabaabc": false, "abcab": false,
	} {
		var r repetition
		b := []byte(rows)
		for i := range b {
			if i == 0 {
				r.start(0, 1)
			} else if r.length == 1 {
				r.again(b, i, i)
			}
		}
		if got := r.found(len(rows)); got != want {
			t.Errorf("%s: %v", rows, got)
		}
	}
}

// TestHeads: lists that start with equal rows are found.
func TestHeads(t *testing.T) {
	b := []byte(`[{"a":"first row"}][{"a":"other row"}][{"a":"first row"}]`)
	var m memory
	m.head(b, 1, 18)
	m.head(b, 20, 37)
	if m.repeated {
		t.Error("other rows are taken for the same")
	}
	m.head(b, 39, 56)
	if !m.repeated {
		t.Error("the same row is not found")
	}
}
