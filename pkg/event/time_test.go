package event_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines without

	"github.com/runhooks/runhooks/pkg/event"
)

// failureAt is a failure that started at a text.
func failureAt(started string) []byte {
	text, err := json.Marshal(started)
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"event_type":"run_failed","timestamp":"2026-06-25T15:53:15.595Z","webhook_id":"w",
"data":{"robotId":"r","runId":"u","robotName":"T","status":"failed","started_at":%s,
"error":{"message":"m","type":"t","stack":""}}}`, text)
}

// startedAt parses a payload whose run started at raw.
func startedAt(t *testing.T, p event.Parser, raw string) event.Time {
	t.Helper()
	e, err := p.Parse(failureAt(raw))
	if err != nil {
		t.Fatal(err)
	}
	if e.Run.StartedAt.Raw != raw {
		t.Errorf("raw %q, want %q", e.Run.StartedAt.Raw, raw)
	}
	return e.Run.StartedAt
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func layouts(t *testing.T, locale string) []string {
	t.Helper()
	l, err := event.Layouts(locale)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestLocales reads what Node.js writes, and what it would write with other
// versions of ICU.
func TestLocales(t *testing.T) {
	text, err := os.ReadFile("testdata/times.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Instants []time.Time
		Texts    map[string]map[string][]string // by zone and locale
	}
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	read := 0
	for zoneName, byLocale := range data.Texts {
		for locale, texts := range byLocale {
			p := event.Parser{Zone: zone(t, zoneName), Layouts: layouts(t, locale)}
			for i, raw := range texts {
				for _, raw := range []string{
					raw,
					strings.Replace(raw, " PM", "\u202fPM", 1), // CLDR 42 and later
					strings.Replace(raw, "\u2009", " ", 1),     // earlier Chinese
				} {
					read++
					got := startedAt(t, p, raw)
					if !got.Known || !got.Instant.Equal(data.Instants[i]) {
						t.Errorf("%s in %s: %q is %v (%v), want %v", locale, zoneName, raw, got.Instant, got.Known, data.Instants[i])
					}
				}
			}
		}
	}
	if read < 1000 {
		t.Errorf("read only %d times", read)
	}
}

// TestOtherLocales: a text that is read at all by the layouts of a locale that
// didn't write it is only so where the two write dates alike.
func TestOtherLocales(t *testing.T) {
	p := event.Parser{Zone: time.UTC, Layouts: layouts(t, "en-US")}
	for _, raw := range []string{
		"25/06/2026, 15:53:15", "05/06/2026, 15:53:15", "5.6.2026, 15:53:15", "05/06/2026 15:53:15",
		"2026/6/5 15:53:15", "2026-06-05 15:53:15", "05/06/2026, 3:53:15 pm",
		"5\u200f/6\u200f/2026\u060c 15:53:15", "2026. 6. 5. 오후 3:53:15",
	} {
		if got := startedAt(t, p, raw); got.Known {
			t.Errorf("en-US reads %q as %v", raw, got.Instant)
		}
	}
}

func TestLocalTimes(t *testing.T) {
	const us, gb = "1/2/2006, 3:04:05 PM", "02/01/2006, 15:04:05"
	for _, tt := range []struct {
		name    string
		zone    string // none where empty
		layouts []string
		raw     string
		want    string // empty where it is not certain
	}{
		{"neither zone nor layouts", "", nil, "6/25/2026, 3:53:15 PM", ""},
		{"no zone", "", []string{us}, "6/25/2026, 3:53:15 PM", ""},
		{"no layouts", "Europe/Berlin", nil, "6/25/2026, 3:53:15 PM", ""},
		{"both", "Europe/Berlin", []string{us}, "6/25/2026, 3:53:15 PM", "2026-06-25T13:53:15Z"},
		{"RFC 3339 needs neither", "", nil, "2026-06-25T15:53:15.595+02:00", "2026-06-25T13:53:15.595Z"},
		{"RFC 3339 in lower case", "", nil, "2026-06-25t13:53:15z", "2026-06-25T13:53:15Z"},
		{"RFC 3339 to the picosecond", "", nil, "2026-06-25T13:53:15.123456789999Z", "2026-06-25T13:53:15.123456789Z"},
		{"a leap second", "", nil, "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
		{"a leap second elsewhere", "", nil, "2017-01-01T01:59:60.5+02:00", "2017-01-01T00:00:00.5Z"},
		{"no leap second", "", nil, "2016-12-31T12:59:60Z", ""},
		{"no offset", "Europe/Berlin", []string{us}, "2026-06-25T15:53:15", ""},
		{"a space for T", "", nil, "2026-06-25 15:53:15Z", ""},
		{"a comma", "", nil, "2026-06-25T15:53:15,5Z", ""},
		{"hour 24", "", nil, "2026-06-25T24:00:00Z", ""},
		{"hour 0 of 12", "UTC", []string{us}, "6/25/2026, 0:53:15 PM", ""},
		{"hour 13 of 12", "UTC", []string{us}, "6/25/2026, 13:53:15 PM", ""},
		{"a leading zero too many", "UTC", []string{us}, "06/25/2026, 3:53:15 PM", ""},
		{"a leading zero missing", "UTC", []string{gb}, "5/06/2026, 15:53:15", ""},
		{"month 25", "UTC", []string{us}, "25/6/2026, 3:53:15 PM", ""},
		{"February 30", "UTC", []string{us}, "2/30/2026, 3:53:15 PM", ""},
		{"a fraction that the layout lacks", "UTC", []string{us}, "6/25/2026, 3:53:15.5 PM", ""},
		{"text behind", "UTC", []string{us}, "6/25/2026, 3:53:15 PM UTC", ""},
		{"either of two layouts", "UTC", []string{gb, us}, "6/5/2026, 3:53:15 PM", "2026-06-05T15:53:15Z"},
		{"two layouts that agree", "UTC", []string{"2/1/2006", "1/2/2006"}, "6/6/2026", "2026-06-06T00:00:00Z"},
		{"two layouts that disagree", "UTC", []string{"2/1/2006", "1/2/2006"}, "6/5/2026", ""},
		{"Islamic", "UTC", layouts(t, "ar-SA"), "١٠\u200f/١\u200f/١٤٤٨ هـ، ٣:٥٣:١٥ م", ""},
		{"older French", "Europe/Paris", layouts(t, "fr-FR"), "25/06/2026 à 15:53:15", "2026-06-25T13:53:15Z"},
		{"older Chinese", "Asia/Shanghai", layouts(t, "zh-CN"), "2026/6/25 下午3:53:15", "2026-06-25T07:53:15Z"},

		{"before clocks are set forward", "Europe/Berlin", []string{us}, "3/29/2026, 1:59:59 AM", "2026-03-29T00:59:59Z"},
		{"left out", "Europe/Berlin", []string{us}, "3/29/2026, 2:00:00 AM", ""},
		{"left out, later", "Europe/Berlin", []string{us}, "3/29/2026, 2:59:59 AM", ""},
		{"after", "Europe/Berlin", []string{us}, "3/29/2026, 3:00:00 AM", "2026-03-29T01:00:00Z"},
		{"before clocks are set back", "Europe/Berlin", []string{us}, "10/25/2026, 1:59:59 AM", "2026-10-24T23:59:59Z"},
		{"twice", "Europe/Berlin", []string{us}, "10/25/2026, 2:00:00 AM", ""},
		{"twice, later", "Europe/Berlin", []string{us}, "10/25/2026, 2:59:59 AM", ""},
		{"after, again", "Europe/Berlin", []string{us}, "10/25/2026, 3:00:00 AM", "2026-10-25T02:00:00Z"},
		{"New York, left out", "America/New_York", []string{us}, "3/8/2026, 2:30:00 AM", ""},
		{"New York, twice", "America/New_York", []string{us}, "11/1/2026, 1:30:00 AM", ""},
		{"half an hour, twice", "Australia/Lord_Howe", []string{us}, "4/5/2026, 1:45:00 AM", ""},
		{"half an hour, after", "Australia/Lord_Howe", []string{us}, "4/5/2026, 2:00:00 AM", "2026-04-04T15:30:00Z"},
		{"a day left out", "Pacific/Apia", []string{us}, "12/30/2011, 12:00:00 PM", ""},
		{"the day before", "Pacific/Apia", []string{us}, "12/29/2011, 11:59:59 PM", "2011-12-30T09:59:59Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := event.Parser{Layouts: tt.layouts}
			if tt.zone != "" {
				p.Zone = zone(t, tt.zone)
			}
			got := startedAt(t, p, tt.raw)
			text := ""
			if got.Known {
				text = got.Instant.UTC().Format(time.RFC3339Nano)
			}
			if text != tt.want {
				t.Errorf("%q is %q, want %q", tt.raw, text, tt.want)
			}
			if !got.Known && !got.Instant.IsZero() {
				t.Errorf("not known, and yet %v", got.Instant)
			}
		})
	}
}

func TestLayouts(t *testing.T) {
	if _, err := event.Layouts("EN-gb"); err != nil {
		t.Error(err)
	}
	_, err := event.Layouts("en-NZ") // which is not as en
	if err == nil || !strings.Contains(err.Error(), `"en-NZ"`) || !strings.Contains(err.Error(), "en-GB") {
		t.Errorf("%v", err)
	}
	mine := layouts(t, "en")
	mine[0] = ""
	if got := layouts(t, "en"); got[0] == "" {
		t.Error("a caller can change the table")
	}
}
