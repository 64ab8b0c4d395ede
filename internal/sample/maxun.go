package sample

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/runhooks/runhooks/vectors"
)

// A shape is how the payloads of an event look from a release on.
type shape struct {
	Event string `json:"event"`
	// Since is the first release that is known to send it. It may have been an
	// earlier one, after the shape before.
	Since string `json:"since"`
	// Vector is one that has the shape, and payload is its.
	Vector  string `json:"vector"`
	payload []byte
}

//go:embed maxun.json
var maxunFile []byte

// maxun returns the shapes that releases of Maxun send: those of an event in the
// order of the releases.
var maxun = sync.OnceValue(func() []shape {
	var shapes []shape
	if err := json.Unmarshal(maxunFile, &shapes); err != nil {
		panic(err) // the embedded file is broken; a test reads it
	}
	for i := range shapes {
		v, ok := vectors.Wild(shapes[i].Vector)
		if !ok {
			panic("there is no vector " + shapes[i].Vector) // a test reads them all
		}
		shapes[i].payload = v.Payload
	}
	return shapes
})

// shapeOf gives the shape of an event as of a release, or of the newest one.
func shapeOf(event, release string, pinned bool) (shape, error) {
	at, err := parseRelease(release)
	if pinned && err != nil {
		return shape{}, err
	}
	var found, first shape
	for _, s := range maxun() {
		if s.Event != event {
			continue
		}
		if first.Event == "" {
			first = s
		}
		if since, _ := parseRelease(s.Since); !pinned || !less(at, since) {
			found = s
		}
	}
	switch {
	case first.Event == "":
		return shape{}, fmt.Errorf("maxun has no event %q: there are %s", event, strings.Join(Events(), ", "))
	case found.Event == "":
		return shape{}, fmt.Errorf("what maxun %s sends is not known: the first release that is known is %s", release, first.Since)
	}
	return found, nil
}

// parseRelease reads 0.0.22 or v0.0.22.
func parseRelease(text string) (release [3]int, err error) {
	parts := strings.Split(strings.TrimPrefix(text, "v"), ".")
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || len(parts) != len(release) {
			return release, fmt.Errorf("%q is no release: one is like 0.0.22", text)
		}
		release[i] = int(n)
	}
	return release, nil
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}
