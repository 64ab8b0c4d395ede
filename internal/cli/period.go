package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A period is a flag that takes a duration of days or of what time.ParseDuration
// reads: 30d, 36h. 0 stands for ever where the flag says so.
type period time.Duration

const day = 24 * time.Hour

func (p *period) Type() string { return "PERIOD" }

func (p *period) String() string {
	switch d := time.Duration(*p); {
	case d == 0:
		return "0"
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	default:
		return d.String()
	}
}

func (p *period) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16) // up to 179 years
		d = time.Duration(n) * day
	}
	if err != nil || d < 0 {
		return errors.New("it is a duration, such as 30d, 36h or 15m")
	}
	*p = period(d)
	return nil
}
