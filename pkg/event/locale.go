package event

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

//go:embed locales.tsv
var localesTable string

// A Locale is how servers of one locale write run times: as JavaScript's
// Date.prototype.toLocaleString() does. [LoadLocale] returns one. Several goroutines
// may use it at once.
type Locale struct {
	tag     string
	layouts []layout
}

// String returns the tag of the locale.
func (l *Locale) String() string { return l.tag }

// LoadLocale returns the locale of a BCP 47 tag such as "de-DE", in any case. A tag that is
// not known is an error: no similar tag takes its place, since en-US and en-GB write day
// and month in different orders. [Locales] returns those known.
func LoadLocale(tag string) (*Locale, error) {
	known := locales()
	if l := known[strings.ToLower(tag)]; l != nil {
		return l, nil
	}
	language, _, _ := strings.Cut(tag, "-")
	var near []string
	for _, l := range known {
		if have, _, _ := strings.Cut(l.tag, "-"); strings.EqualFold(have, language) {
			near = append(near, l.tag)
		}
	}
	if near == nil {
		return nil, fmt.Errorf("event: the locale %q is not known: Locales returns those that are", tag)
	}
	slices.Sort(near)
	return nil, fmt.Errorf("event: the locale %q is not known; of this language are %s", tag, strings.Join(near, ", "))
}

// Locales returns the tags of the locales that [LoadLocale] knows, sorted: those of
// Node.js.
func Locales() []string {
	var tags []string
	for _, l := range locales() {
		tags = append(tags, l.tag)
	}
	slices.Sort(tags)
	return tags
}

// locales are those of the table by their tags in lower case.
var locales = sync.OnceValue(func() map[string]*Locale {
	known := make(map[string]*Locale)
	for line := range strings.Lines(localesTable) {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		l := newLayout(f[0], f[1], f[2])
		for tag := range strings.FieldsSeq(f[3]) {
			key := strings.ToLower(tag)
			if known[key] == nil {
				known[key] = &Locale{tag: tag}
			}
			known[key].layouts = append(known[key].layouts, l)
		}
	}
	return known
})

// A layout is one way to write times.
type layout struct {
	fields   []field
	calendar string    // of CLDR: gregorian, buddhist or persian
	periods  [2]string // AM and PM
}

// A field is a part of a layout: a letter of UTS 35, section 8, or text.
type field struct {
	letter byte // 0 for text
	width  int  // how often the pattern has the letter: 1 for no leading zero
	text   string
}

// newLayout compiles a row of the table.
func newLayout(pattern, calendar, periods string) layout {
	l := layout{calendar: calendar}
	l.periods[0], l.periods[1], _ = strings.Cut(periods, "|")
	for pattern != "" {
		c := pattern[:1]
		rest := strings.TrimLeft(pattern, c)
		switch {
		case c == "'":
			var text string
			text, rest, _ = strings.Cut(pattern[1:], c)
			l.fields = append(l.fields, field{text: text})
		case strings.Contains("yMdHhmsa", c):
			l.fields = append(l.fields, field{letter: c[0], width: len(pattern) - len(rest)})
		default:
			rest = pattern[1:]
			l.fields = append(l.fields, field{text: c})
		}
		pattern = rest
	}
	return l
}

// parse returns what clocks showed, as if they were in UTC, by a text that [plain]
// returned: nothing, one time, or two, where only a day period would tell them apart.
func (l layout) parse(text string) (walls []time.Time) {
	part := make(map[byte]int, 7)
	for _, f := range l.fields {
		switch f.letter {
		case 0:
			var ok bool
			if text, ok = strings.CutPrefix(text, f.text); !ok {
				return nil
			}
			continue
		case 'a':
			half, longest := -1, 0 // one may start with the other
			for i, period := range l.periods {
				if len(period) > longest && strings.HasPrefix(text, period) {
					half, longest = i, len(period)
				}
			}
			if half < 0 {
				return nil
			}
			part['a'], text = half, text[longest:]
			continue
		}
		digits := text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
		text = text[len(digits):]
		most := 2
		if f.letter == 'y' {
			f.width, most = 4, 4
		}
		if n := len(digits); n < f.width || n > most || n > f.width && digits[0] == '0' {
			return nil
		}
		part[f.letter], _ = strconv.Atoi(digits)
	}
	date, ok := l.date(part['y'], part['M'], part['d'])
	if !ok || text != "" || part['H'] > 23 || part['m'] > 59 || part['s'] > 59 {
		return nil
	}
	hours := []int{part['H']}
	if hour, is12 := part['h']; is12 {
		if hour < 1 || hour > 12 {
			return nil
		}
		hours = []int{hour % 12, hour%12 + 12}
		if half, told := part['a']; told {
			hours = hours[half : half+1]
		}
	}
	for _, hour := range hours {
		walls = append(walls, date.Add(time.Duration(hour)*time.Hour+
			time.Duration(part['m'])*time.Minute+time.Duration(part['s'])*time.Second))
	}
	return walls
}

// date returns the start of a day of the layout's calendar, or false if there is none.
func (l layout) date(year, month, day int) (time.Time, bool) {
	switch l.calendar {
	case "persian":
		// In the arithmetic form that ICU has, in which 8 of 33 years are leap years: it
		// agrees with the calendar of Iran until far beyond this century.
		start := func(year, month int) time.Time {
			days := 365*(year-1) + (8*year+21)/33 + 30*(month-1) + min(month-1, 6)
			return time.Date(622, time.March, 21, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days)
		}
		if year > 1500 || month < 1 || month > 12 || day < 1 {
			return time.Time{}, false
		}
		next := start(year, month+1)
		if month == 12 {
			next = start(year+1, 1)
		}
		date := start(year, month).AddDate(0, 0, day-1)
		return date, date.Before(next)
	case "buddhist":
		year -= 543
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	y, m, d := date.Date()
	return date, y == year && int(m) == month && d == day
}

// plain returns text as the table of locales has it: with ASCII digits, plain spaces
// and commas, and without marks of direction.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\u200e', '\u200f', '\u061c':
			return -1
		case '\u00a0', '\u2009', '\u202f':
			return ' '
		case '\u060c':
			return ','
		}
		if r < utf8.RuneSelf || !unicode.IsDigit(r) {
			return r
		}
		zero := r // of the digits of a script, which follow one another
		for unicode.IsDigit(zero-1) && zero-1 >= r-9 {
			zero--
		}
		return '0' + (r-zero)%10
	}, text)
}
