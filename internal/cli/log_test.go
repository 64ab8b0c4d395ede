package cli

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLogHidesSecrets(t *testing.T) {
	for _, text := range []bool{false, true} {
		var out strings.Builder
		log := newLogger(&out, slog.LevelInfo, text)
		log.Debug("not shown")
		log.With("endpoint", "https://user:Q0FOQVJZ@example.com/a?token=Q0FOQVJZ").
			WithGroup("attempt").
			Warn("can't reach postgres://runhooks:Q0FOQVJZ@db/runhooks",
				"err", errors.New(`Post "https://example.com/?key=Q0FOQVJZ": EOF`),
				"secret", "whsec_Q0FOQVJZ", "n", 7)
		got := out.String()
		if strings.Contains(got, "Q0FOQVJZ") {
			t.Errorf("a secret is in the log: %s", got)
		}
		for _, want := range []string{"can't reach postgres://***@db/runhooks", "example.com/a?token=***", "EOF", "whsec_***", "7"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in the log: %s", want, got)
			}
		}
		if strings.Contains(got, "not shown") {
			t.Errorf("debug is in a log of level info: %s", got)
		}
	}
}
