//go:build unix

package receiver_test

import (
	"syscall"
	"time"
)

// cpuTime gives the time that the process has had on a core so far. Where all
// cores are busy a ratio of it is that of the time on the clock, less what else
// the machine does meanwhile.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
