package event

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Time is when something happened to a run, as sent and as understood. The
// zero value is a time that was not sent.
type Time struct {
	// Raw is the text in the payload.
	Raw string
	// Instant is the instant that Raw names. It is zero unless Known is true.
	Instant time.Time
	// Known is true if Raw names one instant for certain: if it is RFC 3339, or if
	// the [Parser] was told the zone and the layouts of its server.
	Known bool
}

// time reads a run time: an RFC 3339 date-time, or what p says of local times.
func (p Parser) time(raw string) Time {
	t, ok := parseRFC3339(raw)
	if !ok {
		t, ok = p.local(raw)
	}
	return Time{Raw: raw, Instant: t, Known: ok}
}

// parseRFC3339 parses a date-time of RFC 3339, section 5.6. A leap second is the
// second after it, as in POSIX.
func parseRFC3339(s string) (t time.Time, ok bool) {
	const date, second = len("2006-01-02"), len("2006-01-02T15:04:")
	if len(s) < len("2006-01-02T15:04:05Z") || strings.Contains(s, ",") { // which package time takes for a point
		return time.Time{}, false
	}
	if s[date] == 't' || s[len(s)-1] == 'z' { // allowed, and not by package time
		s = strings.ToUpper(s)
	}
	leap := s[second:second+2] == "60"
	if leap {
		s = s[:second] + "59" + s[second+2:]
	}
	if t.UnmarshalText([]byte(s)) != nil { // otherwise stricter than time.Parse
		return time.Time{}, false
	}
	if leap {
		if u := t.UTC(); u.Hour() != 23 || u.Minute() != 59 {
			return time.Time{}, false
		}
		t = t.Add(time.Second)
	}
	return t, true
}

// local reads a time of the zone and the layouts that p was given. It must be one
// instant: layouts must not disagree about it, and it must have been on the
// clocks of the zone just once.
func (p Parser) local(raw string) (t time.Time, ok bool) {
	if p.Zone == nil || len(p.Layouts) == 0 {
		return time.Time{}, false
	}
	text := localText.Replace(raw)
	for _, layout := range p.Layouts {
		wall, err := time.Parse(layout, text)
		if err != nil || wall.Format(layout) != text { // which is stricter, too
			continue
		}
		read, sure := onClock(wall, p.Zone)
		if !sure || ok && !read.Equal(t) {
			return time.Time{}, false
		}
		t, ok = read, true
	}
	return t, ok
}

// onClock returns the one instant at which clocks in zone show what wall does. When
// clocks are set back they show an hour twice, and when they are set forward
// they leave one out.
func onClock(wall time.Time, zone *time.Location) (t time.Time, ok bool) {
	year, month, day := wall.Date()
	hour, minute, second := wall.Clock()
	guess := time.Date(year, month, day, hour, minute, second, wall.Nanosecond(), zone)
	start, end := guess.ZoneBounds()
	near := []time.Time{guess}
	if !start.IsZero() {
		near = append(near, start.Add(-1))
	}
	if !end.IsZero() {
		near = append(near, end)
	}
	unzoned := time.Date(year, month, day, hour, minute, second, wall.Nanosecond(), time.UTC)
	for _, n := range near { // each with the offset that it has
		_, offset := n.Zone()
		candidate := unzoned.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, is := candidate.Zone(); is != offset || ok && candidate.Equal(t) {
			continue
		}
		if ok {
			return time.Time{}, false
		}
		t, ok = candidate, true
	}
	return t, ok
}

// localText writes the texts of JavaScript's Date.prototype.toLocaleString() with
// the characters of Go's layouts: Arabic-Indic digits as ASCII, the spaces that
// ICU puts before a day period as plain ones, no marks of direction, and day
// periods as AM and PM.
var localText = strings.NewReplacer(
	"\u200e", "", "\u200f", "", "\u061c", "",
	"\u00a0", " ", "\u2009", " ", "\u202f", " ",
	"٠", "0", "١", "1", "٢", "2", "٣", "3", "٤", "4", "٥", "5", "٦", "6", "٧", "7", "٨", "8", "٩", "9",
	"،", ",", "ص", "AM", "م", "PM",
	"上午", "AM", "下午", "PM", "오전", "AM", "오후", "PM",
	"a.m.", "am", "p.m.", "pm",
)

// locales has the layouts of toLocaleString() by locale: first as Node.js 20
// writes times, and then as older versions do. It has no locale that writes hours
// from 0 to 23 without a leading zero, as es-ES and ja-JP do: there is no layout
// for those.
var locales = func() map[string][]string {
	var (
		american = []string{"1/2/2006, 3:04:05 PM"}
		british  = []string{"02/01/2006, 15:04:05"}
		german   = []string{"2.1.2006, 15:04:05"}
		french   = []string{"02/01/2006 15:04:05", "02/01/2006, 15:04:05", "02/01/2006 à 15:04:05"}
		chinese  = []string{"2006/1/2 15:04:05", "2006/1/2 PM3:04:05"}
		arabic   = []string{"2/1/2006, 3:04:05 PM"}
	)
	return map[string][]string{
		"ar": arabic, "ar-AE": arabic, "ar-EG": arabic, "ar-SA": arabic,
		"de": german, "de-AT": german, "de-CH": german, "de-DE": german,
		"en": american, "en-US": american, "en-GB": british,
		"en-AU": {"02/01/2006, 3:04:05 pm"}, "en-CA": {"2006-01-02, 3:04:05 pm"},
		"fr": french, "fr-FR": french,
		"ko-KR": {"2006. 1. 2. PM 3:04:05"},
		"sv-SE": {"2006-01-02 15:04:05"},
		"zh":    chinese, "zh-CN": chinese, "zh-HK": {"2/1/2006 PM3:04:05"}, "zh-TW": {"2006/1/2 PM3:04:05"},
	}
}()

// Layouts returns the layouts of a locale for a [Parser]: how a server there writes
// run times with JavaScript's Date.prototype.toLocaleString(). The locale is a
// BCP 47 tag such as "de-DE". A tag that isn't known is an error. It is never
// taken for a similar one, since day and month change places between en-US and en-GB.
func Layouts(locale string) ([]string, error) {
	for tag, layouts := range locales {
		if strings.EqualFold(tag, locale) {
			return slices.Clone(layouts), nil
		}
	}
	return nil, fmt.Errorf("event: the layouts of locale %q are not known; known are %s",
		locale, strings.Join(slices.Sorted(maps.Keys(locales)), ", "))
}
