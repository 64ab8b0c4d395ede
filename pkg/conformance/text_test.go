package conformance

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// TestBoundedNumber: what stands for a number is whole where the number is, and
// lies on the same side of every whole number of ordinary size.
func TestBoundedNumber(t *testing.T) {
	zeros, nines := strings.Repeat("0", 2000), strings.Repeat("9", 2000)
	for _, raw := range []string{
		"0", "-0", "5", "5.0", "1e2", "1e400", "-1", "0.5",
		"1e5000", "-1e5000", "5e5000", "1e-5000", "-1e-5000", "0e5000", "0.0e-5000",
		"3." + zeros, "-3." + zeros, "3." + zeros + "1", "-3." + zeros + "1", "0." + zeros + "1",
		"1" + zeros, "1" + zeros + ".5", nines, "-" + nines, nines + "." + nines, "0." + nines,
		zeros[:0] + "7" + zeros + "e-2000", "7" + zeros + "e-1999", "7" + zeros + "e-2001",
		"0." + zeros + "7e2001", "0." + zeros + "7e2000", "12.5e-1", "1E+1500", "1E-1500",
	} {
		want, ok := new(big.Rat).SetString(raw)
		if !ok {
			t.Fatalf("%.20s is beyond math/big", raw)
		}
		bounded := boundedNumber(raw)
		got, ok := new(big.Rat).SetString(bounded)
		if !ok || len(bounded) > 2*maxNumber+20 {
			t.Errorf("%.20s (%d bytes): %.20s (%d bytes)", raw, len(raw), bounded, len(bounded))
			continue
		}
		if got.IsInt() != want.IsInt() {
			t.Errorf("%.20s: whole %v, want %v (%.20s)", raw, got.IsInt(), want.IsInt(), bounded)
		}
		for _, n := range []int64{-1e9, -4, -3, -1, 0, 1, 3, 4, 7, 70, 1e9} {
			r := new(big.Rat).SetInt64(n)
			if got.Cmp(r) != want.Cmp(r) {
				t.Errorf("%.20s against %d: %d, want %d (%.20s)", raw, n, got.Cmp(r), want.Cmp(r), bounded)
			}
		}
	}
	// What math/big refuses. The exponents are at the ends of int32 and int64.
	for raw, want := range map[string]string{
		"250e2147483647": "1" + strings.Repeat("0", maxNumber) + approximate, "250e9223372036854775807": "1" + strings.Repeat("0", maxNumber) + approximate,
		"0.1e-2147483648": "0.5" + approximate, "0.1e-9223372036854775808": "0.5" + approximate,
	} {
		if got := boundedNumber(raw); got != want {
			t.Errorf("%s: %.20s, want %.20s", raw, got, want)
		}
	}
	for raw, want := range map[string]string{
		"1e999999999":           "the number (of very many digits)",
		"-1e999999999":          "the number (of very many digits)",
		"1e-99999999999999999":  "the number (of very many digits)",
		"0e999999999999999999":  "the number 0",
		"250e99999999999999999": "the number (of very many digits)",
	} {
		if got := string(appendValue(nil, []byte(raw+","), 0)); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}
func TestCodePoints(t *testing.T) {
	for _, text := range []string{"", "a", "é", "漢", "😀", "\xff", "\x80", "\xe6\xbc", "\xf0\x9f\x98", "漢\x80\x80\x80"} {
		for _, behind := range []string{"", "x", "é", "\x80"} {
			b := []byte("x" + strings.Repeat(text, 3) + behind)
			if got, want := codePoints(b), utf8.RuneCount(b); got != want {
				t.Errorf("%q: %d, want %d", b, got, want)
			}
		}
	}
	b := []byte(strings.Repeat("plain and 漢字 ", 1000))
	if allocs := testing.AllocsPerRun(10, func() { codePoints(b) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestAppendQuoted holds what is written of a string to what Go writes of its text.
func TestAppendQuoted(t *testing.T) {
	long := strings.Repeat("n", maxQuoted)
	for _, raw := range []string{
		`""`, `"a"`, `"é"`, `"\u00e9"`, `"\ud83d\ude00"`, `"😀"`, `"\""`, `"\\"`, `"\/"`, `"\n"`, "\"\x7f\"", `"\u202e"`, `"\u0000"`, "\"\u009b\"",
		`"` + long + `"`, `"` + long + `n"`, `"` + long[1:] + `é"`, `"` + long[1:] + `éé"`, `"` + long + `\""`,
		`"` + strings.Repeat(`\ud83d\ude00`, maxQuoted) + `"`, `"` + strings.Repeat(`\ud83d\ude00`, maxQuoted+1) + `"`,
		`"` + strings.Repeat("😀", 1000) + `"`, `"` + strings.Repeat(`\u0061`, maxQuoted+2) + `"`, `"` + strings.Repeat("n", 1<<20) + `"`,
	} {
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, behind := range []string{"", `,"b":"c"`} {
			if got, want := string(appendQuoted(nil, []byte(raw+behind))), quote(string(text)); got != want {
				t.Errorf("%.80s: %s, want %s", raw, got, want)
			}
		}
	}
}

// TestEscapeSequence: a control sequence ends with its final byte, where it has one.
func TestEscapeSequence(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b[": "\x1b[", "\x1b[2J": "\x1b[2J", "\x1b[31mred": "\x1b[31m", "\x1b[1;31 q": "\x1b[1;31 q", "\x1b[31é": "\x1b[31",
		"\x1b[?25l\x1b[2J": "\x1b[?25l", "\x1b[mm": "\x1b[m", "\x1b[ \x1b": "\x1b[ ",
	} {
		if got := string(escapeSequence([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestNewlinesByWord(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		text := make([]byte, n)
		for i := range text {
			text[i] = "\n\n\n\v\t\x0a\x8a\x00\xff\x0b"[random.IntN(10)]
		}
		if got, want := newlinesByWord(text), bytes.Count(text, []byte("\n")); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
