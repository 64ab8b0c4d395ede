package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// TestReadmeListen: what the README says a listener shows is what it shows, but for
// what is different each time.
func TestReadmeListen(t *testing.T) {
	const secret = "whsec_Zmlyc3Qgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
	t.Setenv("RUNHOOKS_SECRET", "")
	want := between(t, "$ runhooks listen\n", "```\n")
	url, end := startListener(t, "--secret", secret, "--count", "2")
	for _, flags := range [][]string{{"--secret", secret}, nil} {
		args := append([]string{"trigger", "run_failed", "--to", url}, flags...)
		cli.Run(t.Context(), args, strings.NewReader(""), io.Discard, io.Discard)
	}
	shown, _, _ := strings.Cut(end(), "\n\n1 payload: ")
	if diff := cmp.Diff(timeless(want), timeless(shown+"\n")); diff != "" {
		t.Errorf("(-README +output):\n%s", diff)
	}
}

// TestReadmePrograms: the programs that the README shows compile.
func TestReadmePrograms(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*cli.Patience) // it may have all to compile
	defer cancel()
	programs := 0
	for i, block := range strings.Split(string(readme), "```go\n")[1:] {
		program, _, _ := strings.Cut(block, "```\n")
		programs++
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(program), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(ctx, "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("program %d: %v\n%s", i+1, err, out)
		}
	}
	if programs < 3 {
		t.Errorf("the README has %d programs", programs)
	}
}

// timeless gives output without what is different each time.
func timeless(output string) string {
	for pattern, instead := range map[string]string{
		`\d\d:\d\d:\d\d`:    "TIME",
		`[\d.]+ m?s\b`:      "DURATION",
		`run [0-9a-f-]{36}`: "run UUID",
		`evt_\w+`:           "ID",
		`127\.0\.0\.1:\d+`:  "ADDRESS",
	} {
		output = regexp.MustCompile(pattern).ReplaceAllString(output, instead)
	}
	return output
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
