package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	judge "github.com/santhosh-tekuri/jsonschema/v5"
)

func newMemory() *memory {
	return &memory{names: make([]uint64, mostNames), row: make([]cell, mostCells)}
}

// strict tells whether b is I-JSON of at most maxDepth levels, by jsontext.
func strict(b []byte) bool {
	d := jsontext.NewDecoder(bytes.NewBuffer(b))
	for {
		if _, err := d.ReadToken(); err != nil || d.StackDepth() > maxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			return len(bytes.Trim(b[d.InputOffset():], " \t\r\n")) == 0
		}
	}
}

// large is a memory for tests that need no fresh one.
var large = newMemory()

func reads(b []byte) bool {
	end := value(b, space(b, 0), 0, 0, large)
	return end >= 0 && space(b, end) == len(b)
}

// What is special is found wherever it stands, and so is the first of two.
func TestPlain(t *testing.T) {
	for c := range 256 {
		special := c < ' ' || c == '"' || c == '\\' || c >= 0x80
		for at := range 64 {
			// '#' and ']' are what borrowing may take for special.
			for _, around := range []string{"x", "#", "]", "\x7f"} {
				b := []byte(strings.Repeat(around, 64))
				b[at] = byte(c)
				want, want16 := 64, 16
				if special {
					want, want16 = at, min(at, 16)
				}
				if got := plain(b); got != want {
					t.Fatalf("%q: %d, want %d", b, got, want)
				}
				if got := plain16(b); got != want16 {
					t.Fatalf("%q: %d, want %d", b[:16], got, want16)
				}
				if got := specials(b)>>at&1 != 0; got != special {
					t.Fatalf("%q: byte %d is special: %v", b, at, got)
				}
				if special && at+1 < len(b) {
					for behind := at + 1; behind < len(b); behind++ {
						b[behind] = '"'
						if got := plain(b); got != want {
							t.Fatalf("%q: %d, want %d", b, got, want)
						}
						if m := specials(b); bits.TrailingZeros64(m) != want || m>>behind&1 == 0 {
							t.Fatalf("%q: %b", b, m)
						}
					}
				}
			}
		}
	}
}

// spaces are as many as are looked at in one go.
var spaces = strings.Repeat(" ", 80)

// Strings of all kinds of parts, at all places in words, are read as jsontext
// reads them.
func TestText(t *testing.T) {
	parts := []string{"", "a", "plain text", `"`, `\`, "\n", "\x00", "\x1f", "\x7f", `\n`, `\"`, `\u00e9`, `\u00E9\u4e2d`, `\ud83d\ude00`, `\uD83D`, `\ude00`,
		`\ud83d\u0041`, `\u12`, `\u12g4`, `\x`, "é", "中", "中文字", "한국", "😀", "ะ", "\xc3", "\xc0\x80", "\xe0\x9f\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xe4\xb8", "привет", "\xff", "\u07ff", "\uffff"}
	for lead := range 70 {
		for _, first := range parts {
			for _, second := range parts {
				b := []byte(`"` + strings.Repeat("x", lead) + first + second + `"`)
				want := strict(b)
				for _, b := range [][]byte{b, append(bytes.Clone(b), spaces...)} {
					if got := reads(b); got != want {
						t.Fatalf("%q: %v, want %v", b, got, want)
					}
				}
			}
		}
	}
}

// Each escape is taken, or not, as jsontext has it: any byte behind a backslash,
// and two \u in a row from both sides of the borders of the surrogates.
func TestEscapes(t *testing.T) {
	var all []string
	for c := range 256 {
		all = append(all, `\`+string([]byte{byte(c)}))
	}
	borders := []string{"0000", "00e9", "D7FF", "d800", "D83D", "dbff", "DBFF", "dc00", "DC00", "dE00", "dfff", "E000", "FFFF", "dg00", "d8"}
	for _, first := range borders {
		for _, second := range borders {
			all = append(all, `\u`+first+`\u`+second)
		}
	}
	for _, escape := range all {
		for _, before := range []string{"", strings.Repeat("x", 61), strings.Repeat("x", 100)} {
			b := []byte(`"` + before + escape + `"`)
			want := strict(b)
			for _, b := range [][]byte{b, append(bytes.Clone(b), spaces...)} {
				if got := reads(b); got != want {
					t.Errorf("%q: %v, want %v", b, got, want)
				}
			}
		}
	}
}

func TestNumber(t *testing.T) {
	texts := []string{"0", "-0", "1", "-1", "10", "5.0", "5.10", "0.5", "1e2", "1E+2", "1e-2", "100e-2", "1.50e1", "-1.5e1", "0e5", "0.0e-5",
		"123456789012345678901234567890", "0.000000000000000000001", "12345678901234567890e-20", "9007199254740993", "99.9", "100.1", "33"}
	bounds := []string{"0", "1", "-1", "100", "0.5", "1e2", "1e30", "0.01", "-15", "3", "33", "0.000000000000000000001"}
	rat := func(s string) *big.Rat { r, _ := new(big.Rat).SetString(s); return r }
	for _, text := range texts {
		b := []byte(text)
		if end := number(b, 0, new(memory)); end != len(b) {
			t.Errorf("%s: %d", text, end)
			continue
		}
		d := parseDecimal(b)
		if got, want := d.isInteger(), rat(text).IsInt(); got != want {
			t.Errorf("%s is an integer: %v, want %v", text, got, want)
		}
		if got, want := integer(b, 0, new(memory)) >= 0, rat(text).IsInt(); got != want {
			t.Errorf("integer(%s): %v, want %v", text, got, want)
		}
		if got, want := natural(b, 0, new(memory)) >= 0, rat(text).IsInt() && rat(text).Sign() >= 0; got != want {
			t.Errorf("natural(%s): %v, want %v", text, got, want)
		}
		for _, bound := range bounds {
			got := d.compare(parseDecimal([]byte(bound)))
			if want := rat(text).Cmp(rat(bound)); got < 0 != (want < 0) || got > 0 != (want > 0) {
				t.Errorf("%s to %s: %d, want %d", text, bound, got, want)
			}
		}
	}
	for _, text := range []string{"01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "1.e1", "-a", ""} {
		if reads([]byte(text)) {
			t.Errorf("%s is no number", text)
		}
	}
	far := parseDecimal([]byte("1e99999999999999999999"))
	if !far.isInteger() || far.compare(parseDecimal([]byte("1e400"))) <= 0 {
		t.Errorf("an exponent that is too large to compute with is not large")
	}
}

// Date-times are judged as the judge of record does.
func TestDateTime(t *testing.T) {
	valid := judge.Formats["date-time"]
	m := newMemory()
	check := func(text string) {
		t.Helper()
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{b, append(bytes.Clone(b), spaces...), []byte(`"` + strings.ReplaceAll(text, "0", `\u0030`) + `"`)} {
			got := dateTime(b, 0, m)
			if got != unsure && got >= 0 != valid(text) || got >= 0 && got != len(bytes.TrimSpace(b)) {
				t.Errorf("%s: %d, want %v", b, got, valid(text))
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	templates := []string{"2025-05-29T15:53:15.595Z", "2024-02-29t23:59:60z", "1900-02-29T00:00:00Z", "2000-02-29T00:00:00+23:59", "2025-12-31T23:29:60-00:30",
		"0000-02-29T12:00:00.1234567890123456789Z", "2025-04-31T00:00:00Z", "2025-05-29T00:59:60+01:00", "2025-05-29T-0:+1:-0Z", "2025-05-29T15:53:15", "2025-05-30T15:53:15Z", "2025-05-29T15:53:15.123456+00:00", "2025-05-31T15:53:15.12345678-11:30", "2025-05-29T15:53:15.123456789+02:00", "2025-05-29T15:53:15.595+0200"}
	for _, template := range templates {
		check(template)
		for range 20_000 {
			text := []byte(template)
			for range 1 + r.IntN(3) {
				text[r.IntN(len(text))] = "0123456789-+:.TZtz /"[r.IntN(20)]
			}
			check(string(text))
		}
	}
	for month := range 14 {
		for day := range 33 {
			check(fmt.Sprintf("2023-%02d-%02dT10:00:00.000Z", month, day))
		}
	}
}

// A name has the hash of what it says, however it is written, and however much
// of the payload is behind it.
func TestName(t *testing.T) {
	for _, text := range []string{"", "a", "robot_id", "exactly8", "exactly 16 bytes", "Größe", "名前と住所", "a\"b\\c/d\b\f\n\r\t", "😀😀😀", strings.Repeat("long ", 30)} {
		plain, err := jsontext.AppendQuote(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		for _, r := range text {
			if r > 0xFFFF {
				r -= 0x10000
				fmt.Fprintf(&escaped, `\u%04X\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
			} else {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
		}
		end, want := name(plain, 0, new(memory))
		if end != len(plain) {
			t.Fatalf("%s ends at %d", plain, end)
		}
		for _, other := range []string{string(plain) + `:"value",                 `, `"` + escaped.String() + `"`, `"` + escaped.String() + `":1                  `} {
			if _, got := name([]byte(other), 0, new(memory)); got != want {
				t.Errorf("%s: another hash than %s", other, plain)
			}
			m := newMemory()
			end, _ := name([]byte(other), 0, new(memory))
			if got := string(m.unescaped([]byte(other), 0, end)); len(text) < len(m.name)-4 && got != text {
				t.Errorf("%s without escapes: %q, want %q", other, got, text)
			}
			if !textIs([]byte(other), 0, end, text) || textIs([]byte(other), 0, end, text+"x") {
				t.Errorf("%s is not what it says", other)
			}
		}
	}
}

// Objects may have many members, and many levels, each with a name of its own.
func TestNames(t *testing.T) {
	for _, n := range []int{0, 1, few - 1, few, few + 1, 63, 64, 65, 1000, 10_000} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"name %d": {"a": [{"name 1": {}}, {"name 1": 1}]}, `, i)
		}
		unique := "{" + b.String() + `"last": 1}`
		if !reads([]byte(unique)) {
			t.Errorf("%d members are too many", n)
		}
		for _, i := range []int{0, n / 2, n - 1} {
			if n > 0 && reads(fmt.Appendf(nil, `{%s "n\u0061me %d": 1}`, b.String(), i)) {
				t.Errorf("of %d members, member %d may be there twice", n, i)
			}
		}
	}
	for _, depth := range []int{1, maxDepth - 1, maxDepth, maxDepth + 1} {
		for _, pair := range []string{"[]", `{"a":}`} {
			b := strings.Repeat(pair[:len(pair)-1], depth-1) + "[]" + strings.Repeat(pair[len(pair)-1:], depth-1)
			if got, want := reads([]byte(b)), depth <= maxDepth; got != want {
				t.Errorf("%d levels of %s: %v", depth, pair, got)
			}
		}
	}
	small := &memory{names: make([]uint64, 4)}
	if got := value([]byte(`{"a":1,"b":{"c":1,"d":1},"e":1}`), 0, 0, 0, small); got < 0 {
		t.Errorf("4 names at a time: %d", got)
	}
	if got := value([]byte(`{"a":1,"b":{"c":1,"d":1,"e":1}}`), 0, 0, 0, small); got != full {
		t.Errorf("5 names at a time: %d, want full", got)
	}
}

// Rows that look like the one before are read like others.
func TestRows(t *testing.T) {
	tests := []struct {
		rows string
		want bool
	}{
		{`{"a":"1"},{"a":"2"}`, true},
		{`{"a":"1","b":"2"},{"a":"2"},{"a":"3","b":"4"}`, true},
		{`{"a":"1"},{"a":"2","a":"3"}`, false},
		{`{"a":"1","b":"2"},{"b":"1","a":"2"},{"b":"1","b":"2"}`, false},
		{`{"a":"1","b":"2","c":"3"},{"a":"1","c":"2","b":"3"},{"a":"1","c":"2","c":"3"}`, false},
		{`{"a":"1","b":"2"},{"a":"1","\u0061":"2"}`, false},
		{`{"a": "1"},{"a":  "2"},{"a":"3"}, {"a" : "4"}`, true},
		{`{"a":"1"},{"a":2}`, false},
		{`{"a":"1"},{"a":null}`, false},
		{`{},{"a":"1"},{},{ },{"a":"1"}`, true},
		{`{"a":"1"},{"a":"1",}`, false},
		{`{"a":"1"},{,"a":"1"}`, false},
		{`{"a":"1"},{"a":"1" "b":"2"}`, false},
		{`{"a rather long name of a column":"1","and one more of that kind":"2"},{"a rather long name of a column":"1","and one more of that kind":"2"}`, true},
		{`{"a rather long name of a column":"1","b":"2"},{"a rather long name of a colum\u006e":"1","a rather long name of a column":"2"}`, false},
	}
	for _, test := range tests {
		b := []byte("[" + test.rows + "]" + strings.Repeat(" ", 32))
		for _, b := range [][]byte{b, bytes.TrimRight(b, " ")} {
			m := newMemory()
			i := 1
			for i > 0 && b[i] != ']' {
				if i = texts(b, i, 1, m); i >= 0 {
					i = nextItem(b, i)
				}
			}
			if got := i > 0; got != test.want {
				t.Errorf("%s: %v", b, got)
			}
			// Rows of other values see the same names.
			m = newMemory()
			i = 1
			for i > 0 && b[i] != ']' {
				at, _, _, other := m.cells(b, i, 0)
				if i = at; other {
					i = no
				} else if i >= 0 {
					i = nextItem(b, i)
				}
			}
			if got := i > 0; got != test.want {
				t.Errorf("cells: %s: %v", b, got)
			}
		}
	}
}

// A row that differs from the one before in one bit of what stands before a value is
// not taken for one that doesn't.
func TestRowsDifferInABit(t *testing.T) {
	const before = `{"a":"1","\u0050\u0072\u006f\u0064\u0075\u0063\u0074":"2"}`
	const from, to = len(`{"a":"1`), len(before) - len(`2"}`)
	for at := from; at < to; at++ {
		for bit := range 8 {
			row := []byte(before)
			row[at] ^= 1 << bit
			b := append([]byte(before), row...)
			b = append(b, strings.Repeat(" ", 80)...)
			m := newMemory()
			first := texts(b, 0, 1, m)
			got := texts(b, first, 1, m) == 2*len(before)
			if want := strict(row); got != want {
				t.Errorf("%s: %v, want %v", row, got, want)
			}
		}
	}
}

// Where a row has other values than strings, cells goes on behind them.
func TestCells(t *testing.T) {
	for _, behind := range []string{"", strings.Repeat(" ", 80)} {
		b := []byte(`{"a":"1","b":null,"c":"3", "d" :4}{"a":"1","b":null,"c":"3", "d" :4}` + behind)
		m := newMemory()
		var names []string
		i := 0
		for range 2 {
			for k := 0; ; k++ {
				at, name, n, other := m.cells(b, i, k)
				if i, k = at, n; !other {
					break
				}
				names = append(names, string(b[name:name+3]))
				i = value(b, i, 1, 0, m)
			}
		}
		if want := []string{`"b"`, `"d"`, `"b"`, `"d"`}; !slices.Equal(names, want) || i != len(b)-len(behind) {
			t.Errorf("%q up to %d, want %q", names, i, want)
		}
	}
}

// FuzzValue holds the reader of any value to jsontext.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,true,null,"x\u00e9é中😀"],"b":{"a":-1.5e3}}`, `[]`, `{"a":1,"\u0061":2}`, `"\ud83d"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := reads(b), strict(b); got != want {
			t.Errorf("%q: %v, want %v", b, got, want)
		}
	})
}
