//go:build !unix

package receiver_test

import "time"

var start = time.Now()

// cpuTime gives the time on the clock where there is no other.
func cpuTime() time.Duration { return time.Since(start) }
