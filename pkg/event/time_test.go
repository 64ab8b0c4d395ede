package event_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
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

func locale(t *testing.T, tag string) *event.Locale {
	t.Helper()
	l, err := event.LoadLocale(tag)
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
		for tag, texts := range byLocale {
			p := event.Parser{Zone: zone(t, zoneName), Locale: locale(t, tag)}
			for i, raw := range texts {
				for _, raw := range []string{
					raw,
					strings.Replace(raw, " PM", "\u202fPM", 1), // CLDR 42 and later
					strings.Replace(raw, "\u2009", " ", 1),     // earlier Chinese
				} {
					read++
					got := startedAt(t, p, raw)
					if !got.Known || !got.Instant.Equal(data.Instants[i]) {
						t.Errorf("%s in %s: %q is %v (%v), want %v", tag, zoneName, raw, got.Instant, got.Known, data.Instants[i])
					}
				}
			}
		}
	}
	if read < 1000 {
		t.Errorf("read only %d times", read)
	}
}

// TestOtherLocales: a text of another locale is read only where the two write dates
// alike.
func TestOtherLocales(t *testing.T) {
	p := event.Parser{Zone: time.UTC, Locale: locale(t, "en-US")}
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

// TestLocalTexts has texts of other releases of Node.js, other digits and other
// calendars, and what no clock of the locale shows.
func TestLocalTexts(t *testing.T) {
	for _, tt := range []struct {
		tag, zone, raw string
		want           string // empty where it is not certain
	}{
		{"fr-FR", "Europe/Paris", "25/06/2026 à 15:53:15", "2026-06-25T13:53:15Z"},
		{"fr-FR", "Europe/Paris", "25/06/2026, 15:53:15", "2026-06-25T13:53:15Z"},
		{"zh-CN", "Asia/Shanghai", "2026/6/25 下午3:53:15", "2026-06-25T07:53:15Z"},
		{"en-CA", "UTC", "2026-06-05, 3:53:15 p.m.", "2026-06-05T15:53:15Z"},
		{"en-CA", "UTC", "6/5/2026, 3:53:15 p.m.", "2026-06-05T15:53:15Z"},
		{"ja-JP", "Asia/Tokyo", "2026/6/25 0:53:15", "2026-06-24T15:53:15Z"},
		{"es-ES", "UTC", "5/6/2026, 9:05:07", "2026-06-05T09:05:07Z"},
		{"fi-FI", "UTC", "25.6.2026 klo 9.05.07", "2026-06-25T09:05:07Z"},
		{"th-TH", "UTC", "29/2/2567 15:04:05", "2024-02-29T15:04:05Z"},
		{"th-TH", "UTC", "29/2/2569 15:04:05", ""},
		{"fa-IR", "Asia/Tehran", "۱۴۰۴/۱۲/۱۳, ۱۸:۳۴:۰۵", "2026-03-04T15:04:05Z"},
		{"fa-IR", "UTC", "۱۴۰۳/۱۲/۳۰, ۱۲:۰۰:۰۰", "2025-03-20T12:00:00Z"}, // of a leap year
		{"fa-IR", "UTC", "۱۴۰۴/۱۲/۳۰, ۱۲:۰۰:۰۰", ""},
		{"fa-IR", "UTC", "۱۴۰۴/۷/۳۱, ۱۲:۰۰:۰۰", ""},
		{"fa-IR", "UTC", "۱۴۰۴/۱۳/۱, ۱۲:۰۰:۰۰", ""},
		{"ar-SA", "UTC", "١٠\u200f/١\u200f/١٤٤٨ هـ، ٣:٥٣:١٥ م", ""}, // Islamic
		{"es-AR", "UTC", "25/6/2026, 15:53:15", "2026-06-25T15:53:15Z"},
		{"es-AR", "UTC", "25/6/2026, 03:53:15", ""}, // which newer releases write at 15:53:15, too
		{"es-AR", "UTC", "25/6/2026, 12:53:15", ""},
		{"ti-ET", "UTC", "6/5/2026 3:53:15 ቅ.ቀ.", ""}, // day and month changed places between releases
		{"ti-ET", "UTC", "6/6/2026 3:53:15 ቅ.ቀ.", "2026-06-06T03:53:15Z"},
		{"ak-GH", "UTC", "2026/6/5, 3:53:15 ANW", "2026-06-05T15:53:15Z"},
		{"uz-AF", "UTC", "۱۴۰۵-۱۰-۱۱ ۰۵:۴۴:۵۹", "2027-01-01T05:44:59Z"},
		{"en-US", "UTC", "6/25/2026, 0:53:15 PM", ""},
		{"en-US", "UTC", "6/25/2026, 13:53:15 PM", ""},
		{"en-US", "UTC", "06/25/2026, 3:53:15 PM", ""},
		{"en-US", "UTC", "6/25/2026, 03:53:15 PM", ""},
		{"en-US", "UTC", "6/25/2026, 3:53:15", ""},
		{"en-US", "UTC", "6/25/2026, 3:53:15 PM UTC", ""},
		{"en-US", "UTC", "6/25/20260, 3:53:15 PM", ""},
		{"en-US", "UTC", "25/6/2026, 3:53:15 PM", ""},
		{"en-US", "UTC", "6/31/2026, 3:53:15 PM", ""},
		{"en-US", "UTC", "0/1/2026, 3:53:15 PM", ""},
		{"en-GB", "UTC", "5/06/2026, 15:53:15", ""},
		{"en-GB", "UTC", "05/06/2026, 24:53:15", ""},
		{"en-GB", "UTC", "05/06/2026, 15:60:15", ""},
		{"en-GB", "UTC", "05/06/2026, 15:53:60", ""},
		{"en-GB", "UTC", "05/06/2026, ", ""},
		{"en-GB", "UTC", "", ""},
	} {
		got := startedAt(t, event.Parser{Zone: zone(t, tt.zone), Locale: locale(t, tt.tag)}, tt.raw)
		text := ""
		if got.Known {
			text = got.Instant.UTC().Format(time.RFC3339)
		}
		if text != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.tag, tt.raw, text, tt.want)
		}
	}
}

func TestLoadLocale(t *testing.T) {
	if l, err := event.LoadLocale("EN-gb"); err != nil || l.String() != "en-GB" {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := event.LoadLocale("en-QQ"); err == nil || !strings.Contains(err.Error(), `"en-QQ"`) || !strings.Contains(err.Error(), "en-GB") {
		t.Errorf("%v", err)
	}
	if _, err := event.LoadLocale("tlh"); err == nil || !strings.Contains(err.Error(), "Locales returns") {
		t.Errorf("%v", err)
	}
	tags := event.Locales()
	if len(tags) < 900 || !slices.IsSorted(tags) {
		t.Errorf("%d locales, sorted: %v", len(tags), slices.IsSorted(tags))
	}
	for _, tag := range tags {
		locale(t, tag)
	}
}
