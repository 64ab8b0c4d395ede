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
)

// A Maker makes payloads, each with ids of its own. It is for one goroutine.
type Maker struct {
	// Rand makes the ids: the same numbers make the same payloads.
	Rand *rand.Rand
	// Now is when the events happen. nil leaves all times as the schemas and
	// the vectors have them.
	Now func() time.Time
}

// Events lists what payloads can be made of: the events of the contract, then
// those that only servers know.
func Events() []string {
	events := documentedEvents()
	for _, s := range maxun() {
		if !slices.Contains(events, s.Event) {
			events = append(events, s.Event)
		}
	}
	return events
}

// Find gives the event that a name means: event_type, or the name of a schema
// such as RunFailed or run-failed. If there is none, it gives the event with the
// nearest name, or "", and false.
func Find(name string) (event string, ok bool) {
	best, least := "", len(name)/2+1
	for _, e := range Events() {
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
	return m.refresh(payload)
}

// As makes a payload in the shape that a server sends: maxun for that of its
// newest release that is known, or maxun@0.0.22 for that of another. It deviates
// from the contract.
func (m Maker) As(server, event string) ([]byte, error) {
	name, release, pinned := strings.Cut(server, "@")
	if name != "maxun" {
		return nil, fmt.Errorf("there is no server %q: the one that is known is maxun, and maxun@0.0.22 one of its releases", name)
	}
	shape, err := shapeOf(event, release, pinned)
	if err != nil {
		return nil, err
	}
	return m.refresh(shape.payload)
}

// IsDocumented tells whether an event is one of the contract.
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
