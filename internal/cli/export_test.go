package cli

// UnderRace reports whether the race detector is on. What it keeps of each access
// takes memory and time.
var UnderRace bool
