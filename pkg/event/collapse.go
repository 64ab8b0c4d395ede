package event

import (
	"bytes"
	"cmp"
)

// An Ending is how one run ended, according to all events about it.
type Ending struct {
	// Event is the one of Events to go by.
	Event *Event
	// Events are all events about the run, in the order in which Collapse got them.
	Events []*Event
	// SuccessThenFailure is true if an event said that the run succeeded, and one
	// that is not older, by their timestamps, that it failed.
	SuccessThenFailure bool
}

// Collapse returns one ending for each run, in the order of their first events.
// Some servers send two events for one run: two failures, of which one says more,
// or a success and then a failure.
//
// Events with the same run id are about the same run, but a [Test] is never about the
// same run as an event that isn't one. A failure outweighs a success, whichever came
// first. Of several failures the one to go by is the one that says most: it may have
// an error's type and stack, rows, whether there is partial data, times, a browser
// and a user. Of those that say as much, it is the one whose stack and message are
// longer, and then the one with the earlier timestamp. The same goes for several
// successes. So the event to go by does not depend on the order of events.
func Collapse(events []*Event) []Ending {
	type run struct {
		id   string
		test bool
	}
	var endings []Ending
	index := make(map[run]int)
	for _, e := range events {
		key := run{e.Run.ID, e.Type == Test}
		i, ok := index[key]
		if !ok {
			i = len(endings)
			index[key] = i
			endings = append(endings, Ending{Event: e})
		}
		o := &endings[i]
		o.Events = append(o.Events, e)
		if outweighs(e, o.Event) {
			o.Event = e
		}
	}
	for i := range endings {
		o := &endings[i]
		o.SuccessThenFailure = successThenFailure(o.Events)
	}
	return endings
}

func (e *Event) failed() bool { return e.Type == RunFailed || e.Run.Status == StatusFailed }

// outweighs reports whether a rather than b is the event to go by.
func outweighs(a, b *Event) bool {
	if a.failed() != b.failed() {
		return a.failed()
	}
	return cmp.Or(
		cmp.Compare(said(a), said(b)),
		cmp.Compare(errorLength(a), errorLength(b)),
		b.Timestamp.Compare(a.Timestamp),
		bytes.Compare(b.Payload, a.Payload),
	) > 0
}

// said counts what an event says that another of its run may not say.
func said(e *Event) (n int) {
	for _, is := range []bool{
		e.Error != nil && e.Error.Type != "",
		e.Error != nil && e.Error.Stack != "",
		len(e.TextGroups) > 0,
		len(e.Lists) > 0,
		countRows(e.TextGroups)+countRows(e.Lists) > 0,
		e.Partial.Known,
		e.Run.StartedAt.Raw != "",
		e.Run.FinishedAt.Raw != "",
		e.Run.BrowserID != "",
		e.Run.UserID != "",
	} {
		if is {
			n++
		}
	}
	return n
}

func errorLength(e *Event) int {
	if e.Error == nil {
		return 0
	}
	return len(e.Error.Stack) + len(e.Error.Message)
}

// successThenFailure reports whether the first success was triggered no later than
// the last failure.
func successThenFailure(events []*Event) bool {
	var success, failure *Event
	for _, e := range events {
		switch {
		case e.failed() && (failure == nil || e.Timestamp.After(failure.Timestamp)):
			failure = e
		case !e.failed() && (success == nil || e.Timestamp.Before(success.Timestamp)):
			success = e
		}
	}
	return success != nil && failure != nil && !success.Timestamp.After(failure.Timestamp)
}
