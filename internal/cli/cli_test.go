package cli

import (
	"strings"
	"testing"
	"time"
)

func TestByteSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64 // 0 where the text is refused
	}{
		{"1", 1},
		{"1000", 1000},
		{"500kb", 500_000},
		{"64MiB", 64 << 20},
		{"64 MiB", 64 << 20},
		{"64m", 64 << 20},
		{"1.5GB", 1_500_000_000},
		{"12b", 12},
		{"0", 0},
		{"-1", 0},
		{"0.1", 0},
		{"nan", 0},
		{"inf", 0},
		{"1e30", 0},
		{"MiB", 0},
		{"", 0},
		{"64 miles", 0},
	} {
		var b byteSize
		err := b.Set(tt.text)
		if (err == nil) != (tt.want > 0) || int64(b) != tt.want {
			t.Errorf("%q: %d, %v, want %d", tt.text, b, err, tt.want)
		}
	}
}

func TestByteSizeString(t *testing.T) {
	for size, want := range map[byteSize]string{1: "1", 1 << 10: "1KiB", 64 << 20: "64MiB", 3 << 30: "3GiB", 1000: "1000"} {
		if got := size.String(); got != want {
			t.Errorf("%d: %q, want %q", int64(size), got, want)
		}
		var again byteSize
		if err := again.Set(want); err != nil || again != size {
			t.Errorf("%q: %d, %v", want, again, err)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		name                   string
		bytes, total, payloads int64
		taken                  time.Duration
		width                  int
		want                   string
	}{
		{"half", 500e6, 1e9, 250_000, 10 * time.Second, 120,
			"━━━━━━━━━━━━────────────  50%  500.0 MB of 1.00 GB  250000 payloads  25000/s  10s left"},
		{"no room for the bar", 500e6, 1e9, 250_000, 10 * time.Second, 70,
			" 50%  500.0 MB of 1.00 GB  250000 payloads  25000/s  10s left"},
		{"narrow", 500e6, 1e9, 250_000, 10 * time.Second, 20, " 50%  500.0 MB of 1"},
		{"nothing read", 0, 1e9, 0, time.Second, 70, "  0%  0 B of 1.00 GB  0 payloads  0/s  … left"},
		{"more than was there", 2e9, 1e9, 1, time.Second, 70, "100%  2.00 GB of 1.00 GB  1 payloads  1/s  0s left"},
		{"of unknown length", 3e3, 0, 6, 2 * time.Second, 70, "3 kB  2 kB/s  6 payloads  3/s"},
		{"no time taken", 3e3, 0, 6, 0, 70, "3 kB  3.0 MB/s  6 payloads  6000/s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := progressLine(tt.bytes, tt.total, tt.payloads, tt.taken, tt.width)
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestProgressHidesBehindOutput(t *testing.T) {
	var terminal strings.Builder
	p := startProgress(&terminal, 80, 100)
	p.read(50)
	p.checked(1)
	p.show()
	out := p.behind(&terminal)
	if _, err := out.Write([]byte("a finding\n")); err != nil {
		t.Fatal(err)
	}
	p.stop()
	_, after, shown := strings.Cut(terminal.String(), "1 payloads")
	if !shown || !strings.HasSuffix(after, "\r\x1b[Ka finding\n") {
		t.Errorf("%q", terminal.String())
	}
}

func TestNoProgress(t *testing.T) {
	var p *progress
	p.read(1)
	p.checked(1)
	p.stop()
	var out strings.Builder
	if _, err := p.behind(&out).Write([]byte("x")); err != nil || out.String() != "x" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestDifference(t *testing.T) {
	for _, tt := range []struct{ name, a, b, want string }{
		{"changed", "{\n  1\n}", "{\n  2\n}", "  1"},
		{"added", "{\n  1,\n  2\n}", "{\n  1\n}", "  1,\n  2"},
		{"removed", "{\n  1\n}", "{\n  1\n  2\n}", "  1\n}"},
		{"removed at the start", "{\n}", "x\n{\n}", "{"},
		{"removed at the end", "{\n}\n", "{\n}\nx\n", "}"},
		{"many", "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\nz", "a\nz", "1\n2\n3\n4\n5\n6\n7\n8\n…"},
		{"other altogether", "x", "y", "x"},
	} {
		if got := difference([]byte(tt.a), []byte(tt.b)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	text := strings.Repeat("word ", 40)
	for line := range strings.SplitSeq(wrap(text), "\n") {
		if len(line) > 78 || strings.TrimSpace(line) != line {
			t.Errorf("%q", line)
		}
	}
	if got := strings.ReplaceAll(wrap(text), "\n", " "); got != strings.TrimSpace(text) {
		t.Errorf("%q", got)
	}
}
