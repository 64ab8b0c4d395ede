package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// between gives what stands in the README between two texts.
func between(t *testing.T, start, end string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(readme), start)
	text, _, closed := strings.Cut(text, end)
	if !ok || !closed {
		t.Fatalf("the README has nothing between %q and %q", start, end)
	}
	return text
}

// TestReadmeOutput: what the README says a check prints is what it prints.
func TestReadmeOutput(t *testing.T) {
	want := between(t, "$ runhooks check events/\n", "```\n")
	t.Chdir(t.TempDir())
	if err := os.Mkdir("events", 0o777); err != nil {
		t.Fatal(err)
	}
	failed := bytes.Replace(sample(t, "page.run-failed"), []byte(`"robotId"`), []byte(`"robot_id"`), 1)
	for file, payload := range map[string][]byte{
		"events/completed.json": sample(t, "page.run-completed"),
		"events/timeout.json":   failed,
	} {
		var indented bytes.Buffer
		if err := json.Indent(&indented, payload, "", "  "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, indented.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var got, errOut strings.Builder
	cli.Run(t.Context(), []string{"check", "events/"}, strings.NewReader(""), &got, &errOut)
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("%s\n(-README +output):\n%s", errOut.String(), diff)
	}
}

// TestReadmeProgram: the README's program prints what its comment says.
func TestReadmeProgram(t *testing.T) {
	report := conformance.Check([]byte(between(t, "conformance.Check([]byte(`", "`))")))
	got := report.EventType + " " + string(report.Verdict) + "\n"
	for _, finding := range report.Findings {
		got += finding.String() + "\n"
	}
	want := strings.ReplaceAll(between(t, "\t// Output:\n", "}\n"), "\t// ", "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-README +output):\n%s", diff)
	}
}
