//go:build race

package cli

func init() { UnderRace = true }
