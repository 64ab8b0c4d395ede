//go:build !goexperiment.simd || !amd64.v3

package scan

import (
	"encoding/binary"
	"math/bits"
)

// plain tells how many of the 64 bytes of s come before the first that is
// special. It has no branches, since where a string ends can't be predicted, and
// a wrong guess costs more than to look at all of them.
func plain(s []byte) int {
	le := binary.LittleEndian
	s = s[:64]
	// What is special in the first word, in the first two, and so on.
	m0 := special(le.Uint64(s[0:8]))
	m1 := m0 | special(le.Uint64(s[8:16]))
	m2 := m1 | special(le.Uint64(s[16:24]))
	m3 := m2 | special(le.Uint64(s[24:32]))
	m4 := m3 | special(le.Uint64(s[32:40]))
	m5 := m4 | special(le.Uint64(s[40:48]))
	m6 := m5 | special(le.Uint64(s[48:56]))
	m7 := m6 | special(le.Uint64(s[56:64]))
	n := 0
	if m3&highs == 0 {
		n = 32
		m0, m1, m2, m3 = m4, m5, m6, m7
	}
	if m1&highs == 0 {
		n += 16
		m0, m1 = m2, m3
	}
	if m0&highs == 0 {
		n += 8
		m0 = m1
	}
	return n + bits.TrailingZeros64(m0&highs)>>3 // 8 more without any
}

// specials has a bit for each of the 64 bytes of s that is special: the lowest
// for the first. It may have one for a byte that isn't, behind one that is.
func specials(s []byte) uint64 {
	le := binary.LittleEndian
	s = s[:64]
	// Multiplied, the high bits of the eight bytes meet in the highest byte.
	const gather = 0x0002040810204081
	return special(le.Uint64(s[0:8]))&highs*gather>>56 |
		special(le.Uint64(s[8:16]))&highs*gather>>56<<8 |
		special(le.Uint64(s[16:24]))&highs*gather>>56<<16 |
		special(le.Uint64(s[24:32]))&highs*gather>>56<<24 |
		special(le.Uint64(s[32:40]))&highs*gather>>56<<32 |
		special(le.Uint64(s[40:48]))&highs*gather>>56<<40 |
		special(le.Uint64(s[48:56]))&highs*gather>>56<<48 |
		special(le.Uint64(s[56:64]))&highs*gather>>56<<56
}
