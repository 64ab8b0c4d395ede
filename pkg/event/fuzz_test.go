package event_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/conformance"
	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// FuzzParse: a payload is accepted unless the judge calls it invalid, and all
// that it says is in its event.
func FuzzParse(f *testing.F) {
	for _, v := range vectors.All() {
		if len(v.Payload) < 10_000 {
			f.Add(v.Payload)
		}
	}
	f.Add([]byte(conflicts))
	f.Add([]byte(misfits))
	for _, u := range unusual {
		f.Add([]byte(strings.Replace(sample, u.was, u.is, 1)))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		report := conformance.Check(payload)
		e, err := event.Parse(payload)
		if (err == nil) != (report.Verdict != conformance.Invalid) {
			t.Fatalf("%s, but the error is %v", report.Verdict, err)
		}
		if invalid := (*event.InvalidError)(nil); err != nil {
			if !errors.As(err, &invalid) || invalid.Report.Verdict != conformance.Invalid {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		account(t, payload, e)
		documented, err := e.Documented()
		if err != nil {
			return
		}
		again, err := event.Parse(documented)
		if err != nil {
			t.Fatalf("%s: %v", documented, err)
		}
		account(t, documented, again)
		if again.Run.ID != e.Run.ID || !again.Timestamp.Equal(e.Timestamp) {
			t.Errorf("another event: %s", documented)
		}
	})
}

// FuzzLocalTime: no text is read as an instant at which clocks showed another.
func FuzzLocalTime(f *testing.F) {
	us, err := event.LoadLocale("en-US")
	if err != nil {
		f.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	p := event.Parser{Zone: berlin, Locale: us}
	for _, raw := range []string{"6/25/2026, 3:53:15 PM", "10/25/2026, 2:30:00 AM", "3/29/2026, 2:30:00 AM", "1/1/1, 1:00:00 AM"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		e, err := p.Parse(failureAt(raw))
		if err != nil {
			return // it isn't UTF-8
		}
		got := e.Run.StartedAt
		if !got.Known {
			return
		}
		if _, err := time.Parse(time.RFC3339, got.Raw); err == nil {
			return
		}
		shown := got.Instant.In(berlin).Format("1/2/2006, 3:04:05 PM")
		for _, other := range []time.Duration{-time.Hour, time.Hour} {
			if got.Instant.Add(other).In(berlin).Format("1/2/2006, 3:04:05 PM") == shown {
				t.Errorf("%q may be %v or an hour off", raw, got.Instant)
			}
		}
		if again := startedAt(t, p, shown); !again.Instant.Equal(got.Instant) {
			t.Errorf("%q is %v, and %q is %v", raw, got.Instant, shown, again.Instant)
		}
	})
}
