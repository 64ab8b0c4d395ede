// Package sample makes payloads to try receivers with: documented ones, made by
// walking the schemas of the contract, and ones in the shapes that releases of a
// known server send, taken from the vectors.
package sample

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/runhooks/runhooks/pkg/event"
)

// A Maker makes payloads, each with ids of its own. It is for one goroutine.
type Maker struct {
	// Rand makes the ids: the same numbers make the same payloads.
	Rand *rand.Rand
	// Now is when the events happen. nil leaves all times as the schemas and
	// the vectors have them.
	Now func() time.Time
}

// Events lists the types of event that payloads can be made of: the events of the
// contract, then those that only servers know.
func Events() []string {
	events := documentedEvents()
	for _, s := range Maxun().Shapes {
		if e := s.Event(); !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	return events
}

// Names lists what a payload can be asked for by: the events, then the shapes of
// servers.
func Names() []string {
	names := Events()
	for _, s := range Maxun().Shapes {
		names = append(names, s.Name)
	}
	return names
}

// Find returns the event or the shape that a name means: event_type, the name of a
// schema such as RunFailed or run-failed, or that of a shape. If there is none, it
// returns that with the nearest name, or "", and false.
func Find(name string) (found string, ok bool) { return Nearest(name, Names()) }

// Nearest returns which of names is meant by name, whatever its case and separators,
// and true; or the one that is spelled most like it, or "", and false.
func Nearest(name string, names []string) (found string, ok bool) {
	best, least := "", len(name)/2+1
	for _, e := range names {
		d := distance(fold(name), fold(e))
		if d == 0 {
			return e, true
		}
		if d < least {
			best, least = e, d
		}
	}
	return best, false
}

// Documented makes a payload that conforms, of an event of the contract.
func (m Maker) Documented(event string) ([]byte, error) {
	payload, err := documented(event)
	if err != nil {
		return nil, err
	}
	return m.refresh(payload, make(map[string]string))
}

// As makes the payloads that a server sends of one run, by the name of a shape or of
// an event: maxun as its newest release that is known, or maxun@0.0.22 as that one.
// There is one, or two for the shapes of runs that send two. They deviate from the
// contract.
func (m Maker) As(server, name string) ([][]byte, error) {
	s, release, err := ParseServer(server)
	if err != nil {
		return nil, err
	}
	shape, err := s.Shape(name)
	if err != nil {
		return nil, err
	}
	form, ok := shape.As(release)
	if !ok {
		return nil, fmt.Errorf("what maxun %s sends as %s is not known: the first release that is known to is %s", release, name, shape.Forms[0].Since)
	}
	payloads := form.Read()
	fresh := make(map[string]string)
	var first *event.Event
	for i, payload := range payloads {
		e, err := event.Parse(payload)
		if err != nil {
			return nil, err
		}
		if payloads[i], err = m.refresh(payload, fresh); err != nil {
			return nil, err
		}
		if first == nil {
			first = e
		}
		if i+1 < len(payloads) { // the next one is of the same run
			next, err := event.Parse(payloads[i+1])
			if err != nil {
				return nil, err
			}
			for was, is := range map[string]string{
				next.EndpointID: first.EndpointID, next.Run.BrowserID: first.Run.BrowserID, next.Run.ID: first.Run.ID, next.Run.RobotID: first.Run.RobotID,
			} {
				if is != "" && was != "" {
					fresh[was] = fresh[is]
				}
			}
			fresh[next.Run.RobotName] = first.Run.RobotName
		}
	}
	return payloads, nil
}

// IsDocumented reports whether an event is one of the contract.
func IsDocumented(event string) bool { return slices.Contains(documentedEvents(), event) }

// ID makes the id of an event, of the form that event.NewID has, for payloads
// that are to be the same each time.
func (m Maker) ID() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	id := []byte("evt_")
	for range 26 {
		id = append(id, alphabet[m.Rand.IntN(len(alphabet))])
	}
	return string(id)
}

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

func fold(name string) string { return strings.ToLower(separators.Replace(name)) }

// distance is the number of bytes to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
