package cli_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/internal/cli"
	"github.com/runhooks/runhooks/internal/racetest"
)

// make memory raises it to a gigabyte.
var memoryBytes = flag.Int("memory.bytes", 16<<20, "bytes of NDJSON to check in TestMemory, and at most those of a file in TestMemoryOfOne")

// TestMemory: however long the input and the report, memory stays bounded.
func TestMemory(t *testing.T) {
	const limit = 64 << 20
	for _, format := range []string{"text", "json", "html"} {
		t.Run(format, func(t *testing.T) {
			written := 0
			peak, report := measure(t, 1, func(stdin io.Writer) error {
				for i := 0; written < *memoryBytes; i++ {
					n, err := stdin.Write(nthEvent(i))
					if err != nil {
						return err
					}
					written += n
				}
				return nil
			}, "check", "--format", format, "--input", "ndjson", "-")
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

// TestMemoryOfNormalize: however many events and rows, memory stays bounded, also where
// rows wait for the last column.
func TestMemoryOfNormalize(t *testing.T) {
	const limit = 96 << 20 // of which the sums of the last million events are the part that grows, by 60 bytes each
	for _, flags := range [][]string{nil, {"--rows", "-"}, {"--collapse"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			written := 0
			peak, out := measure(t, 0, func(stdin io.Writer) error {
				for i := 0; written < *memoryBytes; i++ {
					n, err := stdin.Write(nthEvent(i))
					if err != nil {
						return err
					}
					written += n
				}
				return nil
			}, append([]string{"normalize", "--input", "ndjson", "-"}, flags...)...)
			t.Logf("%d MB in, %d MB out, peak memory %d MB", written/1e6, out/1e6, peak/1e6)
			if peak > limit {
				t.Errorf("peak memory %d, want at most %d", peak, limit)
			}
			if out < int64(written)/2 {
				t.Errorf("%d bytes are written of %d", out, written)
			}
		})
	}
}

// TestMemoryOfOne: of a large payload that conforms there is one copy. The pages of
// the program itself, which a command that does nothing has, too, don't count.
func TestMemoryOfOne(t *testing.T) {
	const besides = 20 << 20
	idle, _ := measure(t, 0, nil, "version")
	for _, tt := range []struct{ name, more string }{
		{"as documented", ""},
		{"with an unknown member", `,"crawl_depth":3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "large.json")
			size, err := writeLarge(path, min(*memoryBytes, 128<<20), tt.more)
			if err != nil {
				t.Fatal(err)
			}
			peak, _ := measure(t, 0, nil, "check", "--max-bytes", "1GiB", path)
			t.Logf("a file of %d MB, peak memory %d MB, of the program %d MB", size/1e6, peak/1e6, idle/1e6)
			if peak > idle+size+besides {
				t.Errorf("peak memory %d for a file of %d, want at most %d besides those %d of the program", peak, size, besides, idle)
			}
		})
	}
}

// TestMemoryOfReports: a payload of which there is much to say, a name of 10 kB above
// thousands of wrong elements, doesn't get it said for many payloads at once.
func TestMemoryOfReports(t *testing.T) {
	const limit, payloads = 200e6, 60
	list := `"captured_lists":{"` + strings.Repeat("K", 10_000) + `":[1` + strings.Repeat(",1", 5000) + `]}`
	line := strings.Replace(string(nthEvent(0)), `"captured_lists":{}`, list, 1)
	for _, format := range []string{"text", "ndjson"} {
		t.Run(format, func(t *testing.T) {
			peak, report := measure(t, 1, func(stdin io.Writer) error {
				_, err := io.WriteString(stdin, strings.Repeat(line, payloads))
				return err
			}, "check", "--format", format, "-j", "32", "--input", "ndjson", "-")
			t.Logf("%d kB in, %d MB out, peak memory %d MB", payloads*len(line)/1e3, report/1e6, peak/1e6)
			if peak > limit {
				t.Errorf("peak memory %d, want at most %.0f", peak, limit)
			}
		})
	}
}

// measure runs runhooks, which must end with exit code want, and gives the most
// memory that it had, and how long its report is.
func measure(t *testing.T, want int, feed func(stdin io.Writer) error, args ...string) (peak, report int64) {
	t.Helper()
	if racetest.On {
		t.Skip("peak memory: the race detector takes several times as much")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	status := filepath.Join(t.TempDir(), "status")
	// It takes a tenth of a microsecond a byte.
	ctx, cancel := context.WithTimeout(t.Context(), cli.Patience+time.Duration(*memoryBytes)*time.Microsecond)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", statusFile+"="+status)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out counter
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if feed != nil {
		buffered := bufio.NewWriterSize(stdin, 64<<10)
		if err := feed(buffered); err != nil {
			t.Error(err)
		}
		if err := buffered.Flush(); err != nil {
			t.Error(err)
		}
	}
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != want {
		t.Fatalf("%v, want exit code %d: %s", err, want, stderr.String())
	}
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:") // in KiB
	if _, err := fmt.Sscan(line, &peak); err != nil {
		t.Fatalf("no peak memory in %q", text)
	}
	return peak << 10, int64(out)
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

const (
	opening = `{"event_type":"run_completed","timestamp":"2025-05-29T15:53:15.595Z","webhook_id":"1b480cbd-c43b-4541-a69e-%012d",` +
		`"data":{"robot_id":"r","run_id":"run-%[1]d","robot_name":"Test Robot","status":"success"%s,` +
		`"started_at":"2025-05-29T15:52:30.595Z","finished_at":"2025-05-29T15:53:15.595Z","extracted_data":{"captured_texts":[`
	ending = `],"captured_lists":{},"total_rows":%d,"captured_texts_count":%[1]d,"captured_lists_count":0,"screenshots_count":0},` +
		`"metadata":{"user_id":%s}}}` + "\n"
)

// nthEvent gives an event of about a kilobyte, on a line, that is like no other.
// Most conform, one in eight of them with a member that the contract doesn't
// name, and one in fifty deviates.
func nthEvent(i int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(i)))
	more, userID := "", "108"
	if i%8 == 3 {
		more = fmt.Sprintf(`,"unknown_%d":null`, rng.IntN(100))
	}
	if i%50 == 7 {
		userID = `"108"`
	}
	line := fmt.Appendf(nil, opening, i, more)
	rows := rng.IntN(10)
	for n := range rows {
		line = appendRow(line, n, rng)
	}
	return fmt.Appendf(line, ending, rows, userID)
}

// writeLarge writes an event of about size bytes, and gives how many they are.
func writeLarge(path string, size int, more string) (written int64, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	fmt.Fprintf(out, opening, 0, "")
	rng := rand.New(rand.NewPCG(1, 2))
	rows := 0
	var row []byte
	for left := size; left > 0; left -= len(row) {
		row = appendRow(row[:0], rows, rng)
		rows++
		out.Write(row) // its error stays, and Flush gives it
	}
	fmt.Fprintf(out, ending, rows, "108"+more)
	if err := out.Flush(); err != nil {
		return 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), file.Close()
}

// appendRow appends the row with number n of a list.
func appendRow(dst []byte, n int, rng *rand.Rand) []byte {
	if n > 0 {
		dst = append(dst, ',')
	}
	dst = fmt.Appendf(dst, `{"Rank":"%d","Price":"$%d.99","Description":"`, n+1, rng.IntN(1000))
	for range 2 + rng.IntN(12) {
		words := []string{"quiet ", "größer ", "of ", "新しい ", "battery ", `\"good\" `, "42 "}
		dst = append(dst, words[rng.IntN(len(words))]...)
	}
	return append(dst, `"}`...)
}
