// Package form has the forms in which an event is delivered to a receiver other than
// the one that its server sent it to: as it came, or typed.
package form

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // for machines without

	"github.com/runhooks/runhooks/pkg/event"
)

// A Form is how an event is delivered.
type Form string

// The forms.
const (
	// Received is the payload, byte for byte. The empty Form is the same.
	Received Form = "received"
	// Canonical is the JSON form of [event.Event], whose schema is
	// canonical/run-event.
	Canonical Form = "canonical"
	// Documented is a payload that conforms: see [event.Event.Documented].
	Documented Form = "documented"
)

// Header is the header that says the form of a delivery. A delivery as received
// doesn't have it.
const Header = "Runhooks-Form"

// Parse returns the form of that name. The empty name is [Received].
func Parse(name string) (Form, error) {
	switch f := cmp.Or(Form(name), Received); f {
	case Received, Canonical, Documented:
		return f, nil
	}
	return "", fmt.Errorf("%.40q is not a form: it is received, canonical or documented", name)
}

// String returns the form's name.
func (f Form) String() string { return string(cmp.Or(f, Received)) }

// Render returns the body of an event in a form. Its JSON is compact, and the same each
// time.
//
// An event that can't be rendered so goes in the next best form: as canonical if the
// contract can't document it, such as one whose run times are local times that the
// event's parser could not read. Then as is not f, and why says what was missing.
// Otherwise why is nil.
func Render(e *event.Event, f Form) (body []byte, as Form, why error) {
	if f == Documented {
		if body, why = e.Documented(); why == nil {
			return body, Documented, nil
		}
	}
	if f == Documented || f == Canonical {
		body, err := e.MarshalJSON() // json.Marshal would check and copy it
		if err == nil {
			return body, Canonical, why
		}
		why = cmp.Or(why, err) // of an event that wasn't parsed, and holds what JSON can't
	}
	return e.Payload, Received, why
}

// NewParser returns the parser for servers that write run times as local times: those of
// an IANA time zone such as Europe/Berlin, in the way of a BCP 47 locale such as de-DE, or
// in one of layouts, which are those of package time. Any of them may be empty, but a zone
// is of no use without a locale or a layout, nor these without a zone. The errors
// are one line that says what to give.
func NewParser(zone, locale string, layouts []string) (p event.Parser, err error) {
	written := locale != "" || len(layouts) > 0
	switch {
	case zone == "" && !written:
		return event.Parser{}, nil
	case zone == "":
		return event.Parser{}, errors.New("how local times are written is of no use without their time zone: give the zone as well")
	case !written:
		return event.Parser{}, errors.New("a time zone is of no use without how its local times are written: give the locale or a layout as well")
	}
	if p.Zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return event.Parser{}, fmt.Errorf("%.60q is not a time zone: give one of the IANA database, such as Europe/Berlin or UTC", zone)
	}
	if locale != "" {
		if p.Locale, err = event.LoadLocale(locale); err != nil {
			return event.Parser{}, errors.New(strings.TrimPrefix(err.Error(), "event: "))
		}
	}
	for _, layout := range layouts {
		if err := checkLayout(layout); err != nil {
			return event.Parser{}, err
		}
	}
	p.Layouts = layouts
	return p, nil
}

// checkLayout tells what keeps a layout from naming a moment: without a part of it, all
// times would be read as those of year 0, or of midnight.
func checkLayout(layout string) error {
	moment := time.Date(2026, time.November, 28, 13, 45, 59, 0, time.FixedZone("XYZ", 3600))
	read, err := time.Parse(layout, moment.Format(layout))
	if err != nil || read.Year() != 2026 || read.YearDay() != moment.YearDay() || read.Hour() != 13 || read.Minute() != 45 {
		return fmt.Errorf("%.60q is not a layout of a date and a time: write how the server would write 2 January 2006, 15:04:05, such as 02.01.2006, 15:04:05", layout)
	}
	if _, offset := read.Zone(); offset != 0 || read.Location() != time.UTC {
		return fmt.Errorf("the layout %.60q has a zone: leave it out, or read no local time by it", layout)
	}
	return nil
}
