package cli

import (
	"maps"
	"os"
	"time"

	"github.com/runhooks/runhooks/internal/intake"
)

// watchEvery is how often --watch looks at its inputs. It looks rather than
// listens, since that sees new files that a glob matches, and works on network
// and container file systems, which tell of no changes.
const watchEvery = 300 * time.Millisecond

// A fileState is what --watch compares.
type fileState struct {
	size     int64
	modified time.Time
}

// snapshot gives the state of all inputs. One that can't be read has the zero
// state.
func (o *checkOptions) snapshot() map[string]fileState {
	sources, _ := intake.Expand(o.paths)
	states := make(map[string]fileState, len(sources))
	for _, source := range sources {
		states[source.Path] = stateOf(source.Path)
	}
	if o.baseline != "" {
		states[o.baseline] = stateOf(o.baseline)
	}
	return states
}

func stateOf(path string) fileState {
	info, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime()}
}

func sameInputs(a, b map[string]fileState) bool {
	return maps.EqualFunc(a, b, func(x, y fileState) bool {
		return x.size == y.size && x.modified.Equal(y.modified)
	})
}
