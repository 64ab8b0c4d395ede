package scan

import (
	"cmp"
	"math/bits"
)

// A decimal is a number as JSON writes it, exactly: its sign, its digits
// without zeros at either end, and the power of ten of the first digit.
type decimal struct {
	negative bool
	digits   []byte // and perhaps a point among them
	count    int    // of digits
	top      int64  // power of the first digit; of no meaning without digits
}

// farPower stands for all exponents beyond it. A payload has fewer digits. (It
// doesn't fit the int of a 32-bit platform.)
const farPower int64 = 1 << 40

// parseDecimal takes a number that was read before.
func parseDecimal(b []byte) (d decimal) {
	if b[0] == '-' {
		d.negative = true
		b = b[1:]
	}
	power := int64(0)
	point := -1
	for i, c := range b {
		if c == '.' {
			point = i
		} else if c|0x20 == 'e' {
			power = parsePower(b[i+1:])
			b = b[:i]
			break
		}
	}
	if point < 0 {
		point = len(b)
	}
	first, last := 0, len(b)
	for first < last && (b[first] == '0' || b[first] == '.') {
		first++
	}
	for first < last && (b[last-1] == '0' || b[last-1] == '.') {
		last--
	}
	d.digits = b[first:last]
	d.count = last - first
	if first < point {
		d.top = int64(point-first-1) + power
		if point < last {
			d.count--
		}
	} else {
		d.top = int64(point-first) + power
	}
	return d
}

func parsePower(b []byte) (power int64) {
	negative := b[0] == '-'
	for _, c := range b {
		if c-'0' <= 9 && power < farPower {
			power = power*10 + int64(c-'0')
		}
	}
	power = min(power, farPower)
	if negative {
		return -power
	}
	return power
}

func (d decimal) isZero() bool { return d.count == 0 }

// lowest is the power of ten of the last digit.
func (d decimal) lowest() int64 { return d.top - int64(d.count) + 1 }

func (d decimal) isInteger() bool { return d.count == 0 || d.lowest() >= 0 }

// compare gives a number below, at or above 0, as d is to e.
func (d decimal) compare(e decimal) int {
	sign := func(d decimal) int {
		switch {
		case d.count == 0:
			return 0
		case d.negative:
			return -1
		}
		return 1
	}
	if s, t := sign(d), sign(e); s != t || s == 0 {
		return s - t
	}
	c := d.compareSize(e)
	if d.negative {
		return -c
	}
	return c
}

func (d decimal) compareSize(e decimal) int {
	if d.top != e.top {
		return cmp.Compare(d.top, e.top)
	}
	for i, j := 0, 0; ; i, j = i+1, j+1 {
		if i < len(d.digits) && d.digits[i] == '.' {
			i++
		}
		if j < len(e.digits) && e.digits[j] == '.' {
			j++
		}
		switch {
		case i == len(d.digits) && j == len(e.digits):
			return 0
		case i == len(d.digits):
			return -1
		case j == len(e.digits):
			return 1
		case d.digits[i] != e.digits[j]:
			return int(d.digits[i]) - int(e.digits[j])
		}
	}
}

// isMultiple tells whether d is a multiple of unit × 10^power, where unit isn't 0.
func (d decimal) isMultiple(unit uint64, power int64) bool {
	if d.count == 0 {
		return true
	}
	zeros := d.lowest() - power
	if zeros < 0 {
		// A multiple would end with zeros, and the last digit isn't one.
		return false
	}
	rest := uint64(0)
	times := func(a, b uint64) uint64 {
		high, low := bits.Mul64(a, b)
		return bits.Rem64(high, low, unit)
	}
	for _, c := range d.digits {
		if c != '.' {
			high, low := bits.Mul64(rest, 10)
			low, carry := bits.Add64(low, uint64(c-'0'), 0)
			rest = bits.Rem64(high+carry, low, unit)
		}
	}
	for base := 10 % unit; zeros > 0; zeros >>= 1 {
		if zeros&1 != 0 {
			rest = times(rest, base)
		}
		base = times(base, base)
	}
	return rest == 0
}
