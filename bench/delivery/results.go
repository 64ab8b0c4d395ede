package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A row is one figure of a scenario.
type row struct {
	Scenario string  `json:"scenario"`
	Store    string  `json:"store,omitempty"`
	Figure   string  `json:"figure"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit,omitempty"`
	// Bound is what the figure must be, such as "≤ 25", or empty if it only
	// informs. Missed says that it isn't.
	Bound  string `json:"bound,omitempty"`
	Missed bool   `json:"missed,omitempty"`
	// NotRun says why the figure is missing.
	NotRun string `json:"not_run,omitempty"`
	Short  bool   `json:"short,omitempty"`
	// Machine has the processor, and At the day.
	Machine string `json:"machine"`
	At      string `json:"at"`
}

func (r row) text() string {
	value := strconv.FormatFloat(r.Value, 'f', -1, 64)
	if r.Value != float64(int64(r.Value)) {
		value = strconv.FormatFloat(r.Value, 'f', 1, 64)
	}
	if r.Unit != "" {
		value += " " + r.Unit
	}
	if r.NotRun != "" {
		value = "not run: " + r.NotRun
	}
	return value
}

func (r row) verdict() string {
	switch {
	case r.NotRun != "" || r.Bound == "":
		return ""
	case r.Missed:
		return "**missed**"
	}
	return "holds"
}

// machine describes this computer.
func machine() string {
	name := runtime.GOARCH
	if file, err := os.Open("/proc/cpuinfo"); err == nil {
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores", name, runtime.NumCPU())
}

// save puts rows in place of those of the same scenarios and stores into
// delivery.json, and writes delivery.md from all.
func save(dir string, fresh []row) error {
	file := filepath.Join(dir, "delivery.json")
	var all []row
	if text, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	all = slices.DeleteFunc(all, func(old row) bool {
		return slices.ContainsFunc(fresh, func(r row) bool { return r.Scenario == old.Scenario && r.Store == old.Store })
	})
	all = append(all, fresh...)
	order := make(map[string]int)
	for i, s := range scenarios {
		order[s.name] = i
	}
	slices.SortStableFunc(all, func(a, b row) int {
		return cmp.Or(cmp.Compare(order[a.Scenario], order[b.Scenario]), -cmp.Compare(a.Store, b.Store))
	})
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "delivery.md"), []byte(markdown(all)), 0o644)
}

// markdown returns rows as tables, one for each scenario.
func markdown(rows []row) string {
	var b strings.Builder
	b.WriteString("# The delivery service\n\nMade by `make bench-delivery` and `make chaos`; [bench/delivery/README.md](../delivery/README.md) says how to read it.\n")
	for _, s := range scenarios {
		first := true
		for _, r := range rows {
			if r.Scenario != s.name {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| store | figure | | must be | | measured |\n|---|---|---:|---|---|---|\n", s.name, s.says)
				first = false
			}
			form := r.At + ", " + r.Machine
			if r.Short {
				form += ", short form"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Store, r.Figure, r.text(), r.Bound, r.verdict(), form)
		}
	}
	return b.String()
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
