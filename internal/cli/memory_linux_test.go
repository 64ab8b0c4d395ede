package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/runhooks/runhooks/vectors"
)

// make memory raises it to a gigabyte.
var memoryBytes = flag.Int("memory.bytes", 16<<20, "bytes of NDJSON to check in TestMemory")

// TestMemory: however long the input and the report, memory stays bounded.
func TestMemory(t *testing.T) {
	const limit = 100 << 20
	var lines [][]byte
	for _, v := range vectors.All() {
		var line bytes.Buffer
		if len(v.Payload) < 10_000 && json.Compact(&line, v.Payload) == nil {
			line.WriteByte('\n')
			lines = append(lines, line.Bytes())
		}
	}
	for _, format := range []string{"text", "json", "html"} {
		t.Run(format, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "check", "--format", format, "--input", "ndjson", "-")
			cmd.Env = append(os.Environ(), asCommand+"=1")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var report counter
			cmd.Stdout = &report
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			written := 0
			feed := bufio.NewWriter(stdin)
			for i := 0; written < *memoryBytes; i++ {
				n, err := feed.Write(lines[i%len(lines)])
				if err != nil {
					t.Fatal(err)
				}
				written += n
			}
			if err := feed.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := stdin.Close(); err != nil {
				t.Fatal(err)
			}
			// Payloads fail, which is exit code 1.
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
				t.Fatal(err)
			}
			peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 // it is in KiB
			t.Logf("%d MB in, %d MB out, peak memory %d MB", written/1e6, report/1e6, peak/1e6)
			if peak > limit {
				t.Errorf("peak memory %d, want at most %d", peak, limit)
			}
			if report == 0 {
				t.Error("no report")
			}
		})
	}
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
