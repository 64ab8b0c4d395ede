package conformance

import (
	"math/big"
	"strings"
	"testing"
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
		got, ok := new(big.Rat).SetString(bounded.String())
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
		if got := boundedNumber(raw).String(); got != want {
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
		if got := describe(boundedNumber(raw)); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}
