package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// modules gives the versions of the modules that go.mod requires, without v.
func modules() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Version}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w", err)
	}
	versions := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		versions[path] = strings.TrimPrefix(version, "v")
	}
	return versions, nil
}
