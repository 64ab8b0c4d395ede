package event

import (
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
	// Known is true if Raw names one instant for certain: if it is RFC 3339, or if the
	// [Parser] has the zone of its server, and the way in which that writes times.
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

// local reads a time of the zone, the locale and the layouts that p was given. It must
// be one instant: the ways to read it must not disagree, and it must have been on the
// clocks of the zone just once.
func (p Parser) local(raw string) (t time.Time, ok bool) {
	if p.Zone == nil {
		return time.Time{}, false
	}
	for _, wall := range p.walls(raw) {
		read, sure := onClock(wall, p.Zone)
		if !sure || ok && !read.Equal(t) {
			return time.Time{}, false
		}
		t, ok = read, true
	}
	return t, ok
}

// walls returns what clocks showed, by each way to read raw, as if they were in UTC.
func (p Parser) walls(raw string) (walls []time.Time) {
	for _, layout := range p.Layouts {
		wall, err := time.Parse(layout, raw)
		if err == nil && wall.Format(layout) == raw { // Parse alone is less strict
			walls = append(walls, wall)
		}
	}
	if p.Locale != nil {
		text := plain(raw)
		for _, layout := range p.Locale.layouts {
			walls = append(walls, layout.parse(text)...)
		}
	}
	return walls
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
