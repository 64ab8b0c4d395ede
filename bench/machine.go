package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// A machine is what figures depend on, without what names it or its owner.
type machine struct {
	cpu    string // the model, or the architecture where it isn't told
	cores  int
	memory int64 // bytes, or 0 where it isn't told
	system string
	golang string
}

// thisMachine describes where the program runs. Outside Linux it knows less.
func thisMachine() machine {
	m := machine{
		cpu:    firstField("/proc/cpuinfo", "model name", ":"),
		cores:  runtime.NumCPU(),
		system: strings.Trim(firstField("/etc/os-release", "PRETTY_NAME", "="), `"`),
		golang: runtime.Version(),
	}
	if m.cpu == "" {
		m.cpu = runtime.GOARCH
	}
	m.system = strings.TrimSpace(m.system + " " + runtime.GOOS + "/" + runtime.GOARCH)
	total := strings.TrimSuffix(firstField("/proc/meminfo", "MemTotal", ":"), " kB")
	if kib, err := strconv.ParseInt(total, 10, 64); err == nil {
		m.memory = kib * 1024
	}
	return m
}

// firstField gives the value of the first line of file that has the key, or "".
func firstField(file, key, separator string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), separator)
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// slug is the CPU as a part of a file's name.
func (m machine) slug() string {
	plain := regexp.MustCompile(`\((R|TM)\)|@.*|\bCPU\b`).ReplaceAllString(m.cpu, "")
	words := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(plain), "-")
	return strings.Trim(words, "-")
}

func (m machine) String() string {
	s := fmt.Sprintf("%s, %d cores", m.cpu, m.cores)
	if m.memory > 0 {
		s += fmt.Sprintf(", %.0f GiB", float64(m.memory)/(1<<30))
	}
	return s + ", " + m.system + ", " + m.golang
}
