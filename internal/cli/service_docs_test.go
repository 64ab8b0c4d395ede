package cli_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/cli"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// onPath returns a folder in which runhooks is this test.
func onPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\n" + asCommand + "=1 exec '" + os.Args[0] + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "runhooks"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

var metricName = regexp.MustCompile(`\brunhooks_[a-z_]+[a-z]\b`)

// toRun returns the blocks of commands that a page has to be run by a test.
func toRun(page string) (blocks []string) {
	for _, block := range strings.Split(page, "<!-- run -->\n```\n")[1:] {
		commands, _, _ := strings.Cut(block, "```\n")
		blocks = append(blocks, commands)
	}
	return blocks
}

// runService runs commands that start a service and a listener, as they are printed,
// and then others once the first event is delivered. While both still run it calls up.
// It returns what all of them printed.
func runService(t *testing.T, commands, then string, up func()) string {
	t.Helper()
	needsFree(t, "127.0.0.1:8080")
	needsFree(t, "127.0.0.1:9000")

	// People take a moment between two commands that run in the background.
	started := func(block, command, until string) string {
		waiting := strings.Replace(block, command+"\n", command+"\npids=\"$pids $!\"\nuntil grep -q '"+until+"' log; do sleep 0.05; done\n", 1)
		if waiting == block {
			t.Fatalf("the commands don't have %q", command)
		}
		return waiting
	}
	commands = started(commands, "runhooks serve --allow 127.0.0.0/8 &", "127.0.0.1:8080")
	commands = started(commands, "runhooks listen &", "listening on http://127.0.0.1:9000/")
	script := "set -e\nexec >log 2>&1\npids=\ntrap 'kill -INT $pids; wait' EXIT\n" + commands +
		"until runhooks deliveries list --state delivered | grep dlv_1; do sleep 0.05; done\n" +
		then + "echo ready; read -r end <&3\n"
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-c", script)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+onPath(t)+string(os.PathListSeparator)+os.Getenv("PATH"),
		"RUNHOOKS_DATA="+filepath.Join(shell.Dir, "data"), "RUNHOOKS_SERVER=", "RUNHOOKS_TOKEN=")
	read, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	defer read.Close()
	shell.ExtraFiles = []*os.File{read}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	log := func() string { text, _ := os.ReadFile(filepath.Join(shell.Dir, "log")); return string(text) }
	for !strings.Contains(log(), "\nready\n") {
		select {
		case err := <-ended:
			t.Fatalf("the commands end with %v:\n%s", err, log())
		default:
		}
	}
	up()
	if _, err := io.WriteString(end, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the commands end with %v:\n%s", err, log())
	}
	if !strings.Contains(log(), "signature verified") {
		t.Errorf("the listener shows no signed event:\n%s", log())
	}
	return log()
}

// TestReadmeService: the commands that the README has for the service deliver an
// event, and show how.
func TestReadmeService(t *testing.T) {
	blocks := toRun(readFile(t, "../../README.md"))
	if len(blocks) != 1 {
		t.Fatalf("the README has %d blocks to be run", len(blocks))
	}
	shown := runService(t, blocks[0], "runhooks deliveries show dlv_1\n", func() {})
	for _, want := range []string{`dlv_1 +(pending|delivered)`, `204 No Content  accepted`} {
		if !regexp.MustCompile(want).MatchString(shown) {
			t.Errorf("the commands don't show %s:\n%s", want, shown)
		}
	}
}

// TestServiceDocs runs the commands that the page about the service has, as they are
// printed, and sees that it names the metrics that there are.
func TestServiceDocs(t *testing.T) {
	page := readFile(t, "../../docs/service.md")
	blocks := toRun(page)
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks to be run", len(blocks))
	}
	var metrics string
	runService(t, blocks[0], blocks[1]+"test -s restored/runhooks.db\n", func() {
		metrics = get(t, "http://127.0.0.1:8080/metrics")
	})

	var exported []string
	for line := range strings.Lines(metrics) {
		if name, ok := strings.CutPrefix(line, "# TYPE runhooks_"); ok {
			name, _, _ = strings.Cut(name, " ")
			exported = append(exported, "runhooks_"+name)
		}
	}
	_, section, _ := strings.Cut(page, "\n### Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := metricName.FindAllString(section, -1)
	slices.Sort(documented)
	slices.Sort(exported)
	if diff := cmp.Diff(exported, slices.Compact(documented)); diff != "" {
		t.Errorf("the page doesn't name the metrics that there are (-there +page):\n%s", diff)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, resp.Status, err, body)
	}
	return string(body)
}

func help(t *testing.T, command ...string) string {
	t.Helper()
	var out strings.Builder
	if code := cli.Run(t.Context(), append(slices.Clone(command), "--help"), strings.NewReader(""), &out, &out); code != 0 {
		t.Fatalf("runhooks %q --help ends with %d:\n%s", command, code, out.String())
	}
	return out.String()
}

var (
	commandLine = regexp.MustCompile(`runhooks ([a-z][^\x60\n|&#)]*)`)
	flagName    = regexp.MustCompile(`--[a-z][a-z-]+`)
	variables   = regexp.MustCompile(`\bRUNHOOKS_[A-Z_]+[A-Z]\b`)
)

// TestServiceNames: commands, flags and variables that the pages and the packaging
// name are there.
func TestServiceNames(t *testing.T) {
	settings := help(t, "serve") + help(t, "endpoints", "list") + help(t, "listen")
	for _, file := range []string{
		"docs/service.md", "docs/scale.md", "packaging/Dockerfile", "packaging/runhooks.service", "packaging/compose.yaml", "scripts/demo.sh",
	} {
		text := readFile(t, "../../"+file)
		for _, name := range variables.FindAllString(text, -1) {
			if !strings.Contains(settings, name) {
				t.Errorf("%s names the variable %s, which is not in the help", file, name)
			}
		}
		for _, line := range commandLine.FindAllStringSubmatch(text, -1) {
			var command []string
			fields := strings.Fields(line[1])
			shown := ""
			for i, field := range fields {
				if i > 1 || !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(field) {
					break
				}
				if i == 1 && !regexp.MustCompile(`(?m)^  `+field+` `).MatchString(shown) {
					break
				}
				command = append(command, field)
				shown = help(t, command...)
			}
			for _, flag := range flagName.FindAllString(line[1], -1) {
				if !strings.Contains(shown, flag+" ") {
					t.Errorf("%s: runhooks %s has no flag %s", file, strings.Join(command, " "), flag)
				}
			}
		}
	}
}
