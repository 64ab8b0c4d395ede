package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runhooks/runhooks/internal/report"
)

func TestWriteTable(t *testing.T) {
	rows := [][]cell{
		plain("dlv_1", "商店", "https://example.com/?token=Q0FOQVJZ"),
		{{"dlv_22", report.Red}, {"a\x1b[2Jb", ""}, {"", ""}},
	}
	for _, tt := range []struct {
		name  string
		color bool
		want  string
	}{
		{"plain", false, "" +
			"ID      ROBOT        URL\n" +
			"dlv_1   商店         https://example.com/?token=***\n" +
			"dlv_22  a\\u001b[2Jb  \n"},
		{"coloured", true, "" +
			"\x1b[2mID\x1b[0m      \x1b[2mROBOT\x1b[0m        \x1b[2mURL\x1b[0m\n" +
			"dlv_1   商店         https://example.com/?token=***\n" +
			"\x1b[31mdlv_22\x1b[0m  a\\u001b[2Jb  \n"},
	} {
		var out strings.Builder
		if err := writeTable(&out, report.Terminal{Color: tt.color}, []string{"ID", "ROBOT", "URL"}, rows); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAgoText(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, ago := range map[string]time.Duration{
		"now":      300 * time.Millisecond,
		"59s ago":  59 * time.Second,
		"119s ago": 119 * time.Second,
		"2m ago":   2 * time.Minute,
		"2h ago":   2*time.Hour + time.Minute,
		"47h ago":  47*time.Hour + 59*time.Minute,
		"9d ago":   9 * day,
		"in 5m":    -5*time.Minute - time.Second,
	} {
		if got := agoText(now.Add(-ago), now); got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
	if got := agoText(time.Time{}, now); got != "" {
		t.Errorf("no time is %q", got)
	}
}

func TestPeriod(t *testing.T) {
	for _, tt := range []struct {
		text, shown string // shown is empty where the text is refused
	}{
		{"30d", "30d"},
		{"720h", "30d"},
		{"36h", "36h"},
		{"90m", "1h30m0s"},
		{"0", "0"},
		{"0d", "0"},
		{"65535d", "65535d"},
		{"65536d", ""},
		{"-1h", ""},
		{"-1d", ""},
		{"1.5d", ""},
		{"30", ""},
		{"", ""},
	} {
		var p period
		if err := p.Set(tt.text); (err == nil) != (tt.shown != "") || err == nil && p.String() != tt.shown {
			t.Errorf("%q: %v, %v, want %q", tt.text, &p, err, tt.shown)
		}
	}
}
