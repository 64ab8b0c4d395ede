// Package racetest says whether tests run with the race detector, so that they can try
// less where more finds no more races: it takes ten times as long.
package racetest

// Some returns n or, with the race detector, an eighth of it, and at least two.
func Some(n int) int {
	if On {
		return max(2, n/8)
	}
	return n
}
