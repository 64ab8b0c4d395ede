package intake

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/wrapped"
)

// A Wrapped is an event that a payload holds rather than being it.
type Wrapped struct {
	Event wrapped.Event
	// Pointer is the RFC 6901 pointer to it within the payload. It goes on into a text as
	// if that were the JSON that it holds.
	Pointer string
	// Offset, Line and Column are where it starts in the payload: in bytes from 0, and in
	// code points from 1.
	Offset, Line, Column int
}

var errManyEvents = fmt.Errorf("one payload holds more than %d events", wrapped.MaxEvents)

// unwrap emits the batch with what is in its payloads in place of those that hold events.
func unwrap(b *Batch, note func(string), emit func(*Batch) error) error {
	var inside []Payload
	events := false
	for _, p := range b.Payloads {
		found := wrapped.Find(p.Data, wrapped.MaxEvents)
		if !found.Complete {
			return errManyEvents
		}
		if len(found.List) == 0 || found.List[0].Tokens() == 0 && !found.List[0].IsText() {
			inside = append(inside, p)
			continue
		}
		events = true
		if found.Empty > 0 {
			note(fmt.Sprintf("line %d: beside the events, %d items hold none", p.Line, found.Empty))
		}
		line, column, done := 1, 1, 0
		for _, event := range found.List {
			start := []int{0}
			event.Offsets(start)
			between := p.Data[done:start[0]]
			if n := bytes.Count(between, []byte("\n")); n > 0 {
				line, column = line+n, 1
				between = between[bytes.LastIndexByte(between, '\n')+1:]
			}
			column, done = column+utf8.RuneCount(between), start[0]
			one := p
			one.Wrapped = &Wrapped{event, event.Pointer(p.Data), start[0], line, column}
			inside = append(inside, one)
		}
	}
	if !events {
		return emit(b)
	}
	// The parts share what the payloads were cut from, which so is left to the collector.
	for len(inside) > 0 {
		n := min(maxLines, len(inside))
		if err := emit(&Batch{Form: b.Form, Payloads: inside[:n:n], Size: b.Size}); err != nil {
			return err
		}
		inside = inside[n:]
	}
	return nil
}
