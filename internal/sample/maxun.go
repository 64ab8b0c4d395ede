package sample

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runhooks/runhooks/pkg/event"
	"github.com/runhooks/runhooks/vectors"
)

// A Server is what is known of a server that sends events: of its releases, from
// captured payloads.
type Server struct {
	// Releases are those of which payloads were captured, in their order.
	Releases []string `json:"releases"`
	Request  Request  `json:"request"`
	Shapes   []Shape  `json:"shapes"`
}

// A Request is how a server sends an event.
type Request struct {
	ContentType string `json:"content_type"`
	// UserAgent has the client's name; its version is made up.
	UserAgent string `json:"user_agent"`
	// Tries is how many requests there are in all while the answer isn't 2xx. The
	// first wait between two is WaitSeconds, and each further one twice as long.
	Tries          int `json:"tries"`
	WaitSeconds    int `json:"wait_seconds"`
	TimeoutSeconds int `json:"timeout_seconds"`
}

// Wait is the time between the first two tries.
func (r Request) Wait() time.Duration { return time.Duration(r.WaitSeconds) * time.Second }

// A Shape is what one kind of run sends.
type Shape struct {
	Name string `json:"name"`
	// About says what kind of run it is, as the rest of a sentence.
	About string `json:"about"`
	// Forms are how it has looked, in the order of the releases.
	Forms []Form `json:"forms"`
}

// A Form is how a shape looks from a release on.
type Form struct {
	// Since is the first release that is known to send it. It may have been an
	// earlier one, after the form before.
	Since string `json:"since"`
	// Payloads are the vectors of what a run sends, in that order.
	Payloads []string `json:"payloads"`
}

//go:embed maxun.json
var maxunFile []byte

// Maxun returns what is known of Maxun.
var Maxun = sync.OnceValue(func() Server {
	var s Server
	if err := json.Unmarshal(maxunFile, &s); err != nil {
		panic(err) // the embedded file is broken; a test reads it
	}
	return s
})

// Read returns the payloads of a form as they stand.
func (f Form) Read() [][]byte {
	var all [][]byte
	for _, name := range f.Payloads {
		v, ok := vectors.Wild(name)
		if !ok {
			panic("there is no vector " + name) // a test reads them all
		}
		all = append(all, v.Payload)
	}
	return all
}

// Event is the type of the shape's last event.
func (s Shape) Event() string {
	payloads := s.Forms[0].Read()
	e, err := event.Parse(payloads[len(payloads)-1])
	if err != nil {
		panic(err) // a test reads them all
	}
	return e.RawType
}

// As returns the form of the shape that a release sends; false if the first that is
// known of it is a later one.
func (s Shape) As(release string) (Form, bool) {
	at, _ := parseRelease(release)
	for _, form := range slices.Backward(s.Forms) {
		if since, _ := parseRelease(form.Since); !less(at, since) {
			return form, true
		}
	}
	return Form{}, false
}

// ParseServer reads maxun, for the newest release that is known, or maxun@0.0.22 for
// that one. It returns the release.
func ParseServer(text string) (Server, string, error) {
	name, release, pinned := strings.Cut(text, "@")
	if name != "maxun" {
		return Server{}, "", fmt.Errorf("there is no server %q: the one that is known is maxun, and maxun@0.0.22 one of its releases", text)
	}
	s := Maxun()
	if !pinned {
		return s, s.Releases[len(s.Releases)-1], nil
	}
	if _, err := parseRelease(release); err != nil {
		return Server{}, "", err
	}
	release = strings.TrimPrefix(release, "v")
	if !slices.Contains(s.Releases, release) {
		return Server{}, "", fmt.Errorf("what maxun %s sends is not known: the releases that are known are %s", release, strings.Join(s.Releases, ", "))
	}
	return s, release, nil
}

// Shape returns the shape with a name, or the first of an event's type. The error says
// which there are.
func (s Server) Shape(name string) (Shape, error) {
	var names []string
	for _, shape := range s.Shapes {
		if shape.Name == name || shape.Event() == name {
			return shape, nil
		}
		names = append(names, shape.Name)
	}
	return Shape{}, fmt.Errorf("maxun has no event or shape %q: there are %s", name, strings.Join(names, ", "))
}

// parseRelease reads 0.0.22 or v0.0.22.
func parseRelease(text string) (release [3]int, err error) {
	if n, err := fmt.Sscanf(strings.TrimPrefix(text, "v"), "%d.%d.%d", &release[0], &release[1], &release[2]); n != 3 || err != nil ||
		fmt.Sprintf("%d.%d.%d", release[0], release[1], release[2]) != strings.TrimPrefix(text, "v") {
		return release, fmt.Errorf("%q is not a release: write it as in 0.0.22", text)
	}
	return release, nil
}

func less(a, b [3]int) bool { return slices.Compare(a[:], b[:]) < 0 }
