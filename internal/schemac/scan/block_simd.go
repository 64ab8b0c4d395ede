//go:build goexperiment.simd && amd64.v3

package scan

import (
	"math/bits"
	"simd/archsimd"
)

// plain tells how many of the 64 bytes of s come before the first that is special.
func plain(s []byte) int { return bits.TrailingZeros64(specials(s)) }

// specials has a bit for each of the 64 bytes of s that is special: the lowest
// for the first.
func specials(s []byte) uint64 {
	s = s[:64]
	low, high := specials32((*[32]byte)(s[:32])), specials32((*[32]byte)(s[32:]))
	// Without that, each SSE instruction of others would wait for this one.
	archsimd.ClearAVXUpperBits()
	return uint64(low) | uint64(high)<<32
}

func specials32(s *[32]byte) uint32 {
	x := archsimd.LoadUint8x32(s).AsInt8x32()
	// Bytes have a sign here, and what isn't ASCII is below 0.
	return x.Less(archsimd.BroadcastInt8x32(' ')).
		Or(x.Equal(archsimd.BroadcastInt8x32('"'))).
		Or(x.Equal(archsimd.BroadcastInt8x32('\\'))).ToBits()
}
