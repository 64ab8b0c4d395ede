package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpu returns the processor time that this process has used, and PostgreSQL if the
// run has one. Unlike time, it says the same on a machine that does other things.
func (r *run) cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	total := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if r.cluster != nil {
		total += r.cluster.cpu()
	}
	return total
}

// cpu returns the processor time of the server and its processes, those that have
// ended included.
func (c *cluster) cpu() (total time.Duration) {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// The name, in parentheses, may have spaces in it.
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest)
		if len(f) < 15 {
			continue
		}
		server := file == fmt.Sprintf("/proc/%s/stat", first)
		if !server && f[1] != first {
			continue
		}
		ticks := 0
		for i, field := range f[11:15] { // user, system, and those of children
			if n, err := strconv.Atoi(field); err == nil && (i < 2 || server) {
				ticks += n
			}
		}
		total += time.Duration(ticks) * time.Second / 100
	}
	return total
}
