package cli

import (
	"context"
	"maps"
	"os"
	"time"
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
func (o *checkOptions) snapshot(ctx context.Context, s streams) map[string]fileState {
	sources := o.inputs(ctx, s, o.beside()...).sources
	states := make(map[string]fileState, len(sources))
	for _, source := range sources {
		states[source.Path] = stateOf(source.Path)
	}
	for _, name := range append(o.schemaFiles(), o.baseline) {
		if name != "" {
			states[name] = stateOf(name)
		}
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
