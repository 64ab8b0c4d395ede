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
	pids, err := c.processes()
	if err != nil {
		return 0
	}
	for i, pid := range pids {
		f := processStat(pid)
		if len(f) < 15 {
			continue
		}
		ticks := 0
		for j, field := range f[11:15] { // user, system, and those of children
			if n, err := strconv.Atoi(field); err == nil && (j < 2 || i == 0) {
				ticks += n
			}
		}
		total += time.Duration(ticks) * time.Second / 100
	}
	return total
}

// processes returns the ids of the cluster's processes, the server's first.
func (c *cluster) processes() ([]int, error) {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	server, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	pids := []int{server}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		if f := processStat(pid); len(f) > 1 && f[1] == first {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// processStat returns what /proc/PID/stat has after the name, beginning with the
// state and the parent; nothing if there is no such process.
func processStat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ") // names have spaces
	return strings.Fields(rest)
}
