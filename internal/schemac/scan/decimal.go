package scan

import (
	"bytes"
	"cmp"
)

// A decimal is a number as JSON writes it, exactly: its sign, its digits before and
// behind the point, without zeros at either end, and the power of ten above its first
// digit.
type decimal struct {
	negative        bool
	whole, fraction []byte
	top             int64
}

// farPower stands for all exponents beyond it. A payload has fewer digits. (It
// doesn't fit the int of a 32-bit platform.)
const farPower int64 = 1 << 40

// parseDecimal takes a number that was read before.
func parseDecimal(b []byte) (d decimal) {
	b, d.negative = bytes.CutPrefix(b, []byte("-"))
	if e := bytes.IndexAny(b, "eE"); e >= 0 {
		d.top, b = parsePower(b[e+1:]), b[:e]
	}
	d.whole, d.fraction, _ = bytes.Cut(b, []byte("."))
	d.whole, d.fraction = bytes.TrimLeft(d.whole, "0"), bytes.TrimRight(d.fraction, "0")
	d.top += int64(len(d.whole))
	if len(d.whole) == 0 {
		zeros := len(d.fraction)
		d.fraction = bytes.TrimLeft(d.fraction, "0")
		d.top -= int64(zeros - len(d.fraction))
	} else if len(d.fraction) == 0 {
		d.whole = bytes.TrimRight(d.whole, "0")
	}
	return d
}

func parsePower(b []byte) (power int64) {
	for _, c := range b {
		if c-'0' <= 9 && power < farPower {
			power = min(power*10+int64(c-'0'), farPower)
		}
	}
	if b[0] == '-' {
		return -power
	}
	return power
}

// count is the number of digits.
func (d decimal) count() int { return len(d.whole) + len(d.fraction) }

// digit returns one, of those behind the last a zero.
func (d decimal) digit(i int) byte {
	switch {
	case i < len(d.whole):
		return d.whole[i]
	case i < d.count():
		return d.fraction[i-len(d.whole)]
	}
	return '0'
}

func (d decimal) isZero() bool { return d.count() == 0 }

func (d decimal) isInteger() bool { return d.isZero() || d.top >= int64(d.count()) }

func (d decimal) sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compare returns a number below, at or above 0, as d is to e.
func (d decimal) compare(e decimal) int {
	if d.sign() != e.sign() || d.isZero() {
		return d.sign() - e.sign()
	}
	c := cmp.Compare(d.top, e.top)
	for i := 0; c == 0 && i < max(d.count(), e.count()); i++ {
		c = cmp.Compare(d.digit(i), e.digit(i))
	}
	return c * d.sign()
}
