package cli_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/vectors"
)

// A running is the command line at work in this process.
type running struct {
	t      *testing.T
	stop   context.CancelFunc
	output *bufio.Scanner  // standard output and error
	seen   strings.Builder // what was read of it
	code   chan int
}

func start(t *testing.T, in io.Reader, args ...string) *running {
	t.Helper()
	return startTo(t, nil, in, args...)
}

// startTo does as start with another standard output, so that output is only of
// standard error.
func startTo(t *testing.T, to io.Writer, in io.Reader, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	t.Cleanup(cancel)
	out, w := io.Pipe()
	hung := time.AfterFunc(2*cli.Patience, func() { out.Close() }) // where it doesn't stop either
	t.Cleanup(func() { hung.Stop() })
	r := &running{t: t, stop: cancel, output: bufio.NewScanner(out), code: make(chan int, 1)}
	go func() {
		r.code <- cli.Run(ctx, args, in, cmp.Or(to, io.Writer(w)), w)
		w.Close()
	}()
	return r
}

// startProcess does as start in a process of its own, which it returns, too.
func startProcess(t *testing.T, args ...string) (*running, *os.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience)
	t.Cleanup(cancel)
	out, w := io.Pipe()
	t.Cleanup(func() { out.Close() })
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, stop: cancel, output: bufio.NewScanner(out), code: make(chan int, 1)}
	go func() {
		_ = cmd.Wait() // the exit code says it
		r.code <- cmd.ProcessState.ExitCode()
		w.Close()
	}()
	return r, cmd.Process
}

// until reads output up to the line that contains text, and returns that line.
func (r *running) until(text string) string {
	r.t.Helper()
	for r.output.Scan() {
		r.seen.WriteString(r.output.Text() + "\n")
		if strings.Contains(r.output.Text(), text) {
			return r.output.Text()
		}
	}
	r.t.Fatalf("the output ended without %q; seen until then:\n%s", text, r.seen.String())
	return ""
}

// ended returns the exit code. What is printed before, nobody reads.
func (r *running) ended() int {
	r.t.Helper()
	return cli.Await(r.t, "the exit code", r.code, r.seen.String)
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	for _, v := range vectors.All() {
		if v.Name == name {
			return v.Payload
		}
	}
	t.Fatalf("there is no vector %s", name)
	return nil
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, payload []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), payload, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.json", []byte("{}"))
	r := start(t, nil, "check", "--watch", dir)
	r.until("a.json  invalid")
	r.until("watching for changes; Ctrl-C ends")
	write("a.json", sample(t, "page.run-failed")) // what changed is seen,
	r.until("a.json  conforms")
	r.until("watching for changes")
	write("b.json", sample(t, "page.run-completed-as-printed")) // and what is new
	r.until("b.json  invalid")
	r.until("watching for changes")
	r.stop()
	if r.output.Scan() {
		t.Errorf("after the end: %q", r.output.Text())
	}
	if code := r.ended(); code != 1 {
		t.Errorf("exit code %d, want that of the last check, 1", code)
	}
}

// TestInterrupt: a check that is stopped reports what it found so far.
func TestInterrupt(t *testing.T) {
	for _, tt := range []struct {
		payload string
		want    int
	}{
		{"page.run-failed", 2}, // all passed so far, but not all was read
		{"schema.type", 1},
	} {
		t.Run(tt.payload, func(t *testing.T) {
			var compact strings.Builder
			enc := json.NewEncoder(&compact)
			if err := enc.Encode(json.RawMessage(sample(t, tt.payload))); err != nil {
				t.Fatal(err)
			}
			// An input that never ends: it gives two payloads, and then waits.
			in, feed := io.Pipe()
			defer feed.Close()
			go io.WriteString(feed, strings.Repeat(compact.String(), 2))
			r := start(t, in, "check", "--format", "ndjson", "--input", "ndjson", "-")
			r.until(`"index":0`)
			r.until(`"index":1`)
			r.stop()
			if last := r.until(`"summary"`); !strings.Contains(last, `"payloads":2,`) || !strings.Contains(last, `"interrupted":true`) {
				t.Errorf("%s", last)
			}
			if code := r.ended(); code != tt.want {
				t.Errorf("exit code %d, want %d", code, tt.want)
			}
		})
	}
}

// TestInterruptKeepsBaseline: a check that is stopped leaves an older baseline as
// it was.
func TestInterruptKeepsBaseline(t *testing.T) {
	const older = `{"version":1,"findings":[]}`
	path := filepath.Join(t.TempDir(), "known.json")
	if err := os.WriteFile(path, []byte(older), 0o600); err != nil {
		t.Fatal(err)
	}
	in, feed := io.Pipe()
	defer feed.Close()
	go io.WriteString(feed, `{"event_type":"run_failed"}`+"\n")
	r := start(t, in, "check", "--format", "ndjson", "--input", "ndjson", "--write-baseline", path, "-")
	r.until(`"index":0`)
	r.stop()
	r.until("interrupted, so no baseline was written")
	if code := r.ended(); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if got, err := os.ReadFile(path); string(got) != older || err != nil {
		t.Errorf("the baseline has become %q, %v", got, err)
	}
}

// TestJobs: the report is the same however many work on it, on input of many
// batches that take very different times.
func TestJobs(t *testing.T) {
	line := func(name string) string {
		var line bytes.Buffer
		if err := json.Compact(&line, sample(t, name)); err != nil {
			t.Fatal(err)
		}
		return line.String()
	}
	conforms, deviates := line("page.run-failed"), line("rule.failed-in-snake-case")
	var lines bytes.Buffer
	for i := 0; lines.Len() < 1<<20; i++ {
		switch {
		case i%100 == 0:
			lines.WriteString("\n \r\n")
		case i == 275:
			fmt.Fprintf(&lines, "%q\n", strings.Repeat("too large", 50_000))
		case i%50 < 2:
			lines.WriteString(deviates + "\n")
		case i == 825: // far more lines than a batch has
			lines.WriteString(strings.Repeat("1\n", 9000))
		default:
			lines.WriteString(conforms + "\r\n")
		}
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"a.ndjson": lines.Bytes(), "b.json": sample(t, "page.run-failed"), "c.ndjson": lines.Bytes()[:300_000], "d.har": []byte("{"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"text", "ndjson", "sarif"} {
		var want []byte
		for _, jobs := range []string{"1", "2", "7"} {
			var out bytes.Buffer
			code := cli.Run(t.Context(), []string{"check", "--jobs", jobs, "--max-bytes", "300KB", "--format", format, dir}, nil, &out, io.Discard)
			if code != 2 { // d.har
				t.Errorf("%s, %s jobs: exit code %d", format, jobs, code)
			}
			if want == nil {
				want = out.Bytes()
			} else if !bytes.Equal(want, out.Bytes()) {
				t.Errorf("%s: the report of %s jobs is not that of 1", format, jobs)
			}
		}
		if format == "ndjson" {
			i := 0
			for entry := range strings.Lines(string(want)) {
				if strings.HasPrefix(entry, `{"source":"`+filepath.ToSlash(dir)+`/a.ndjson"`) {
					if !strings.Contains(entry, fmt.Sprintf(`"index":%d,`, i)) {
						t.Fatalf("payload %d is %s", i, entry)
					}
					i++
				}
			}
			if i < 9000 {
				t.Errorf("%d payloads", i)
			}
		}
	}
}

// TestBrokenOutput: a report that can't be written is an error, not a success.
func TestBrokenOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, sample(t, "page.run-failed"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, w := io.Pipe()
	out.Close()
	var stderr strings.Builder
	code := cli.Run(t.Context(), []string{"check", path}, nil, w, &stderr)
	if code != 2 || !strings.Contains(stderr.String(), "the output can't be written") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}
