package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/runhooks/runhooks/internal/validate"
	"github.com/runhooks/runhooks/internal/wrapped"
)

// unknownEvent writes why a payload, which is strict JSON, is of no event.
func (w *writer) unknownEvent() {
	var events []string
	for _, e := range validate.Events {
		events = append(events, quote(e.Name))
	}
	at := start(w.payload)
	d := w.draft()
	d.Severity, d.Offset, d.Pointer = SeverityError, at, "/event_type"
	event := -1
	for name, value := range members(w.payload, at) {
		if string(name) == "event_type" {
			event = value
		}
	}
	switch {
	case w.payload[at] != '{':
		d.Code, d.Pointer = "schema.type", ""
		w.text = appendValue(append(w.text, "expected an object, found "...), w.payload, at)
		d.Hint = cmp.Or(w.inside(), registry["schema.type"].hint(w.as))
	case event < 0:
		d.Code = "event.type-missing"
		d.Message = "event_type is missing, so there is no telling which event this is"
		d.Hint = cmp.Or(w.canonical(at), w.inside(), w.otherShape(at))
		switch {
		case d.Hint != "":
		case w.as == Receiver:
			d.Hint = registry[d.Code].ReceiverHint
		default:
			d.Hint = "add it, as " + alternatives(events)
		}
	default:
		d.Code, d.Offset = "event.type-unknown", event
		w.text = append(appendValue(append(w.text, "event_type is "...), w.payload, event), ", which is not an event of the contract"...)
		if d.Hint = "send " + alternatives(events); w.as == Receiver {
			d.Hint = registry[d.Code].ReceiverHint
		}
		if hint := w.inside(); hint != "" {
			d.Hint = hint
		} else if w.payload[event] == '"' {
			s := w.search(w.unquote(stringAt(w.payload, event)))
			for _, e := range validate.Events {
				k := newKnown(e.Name)
				s.consider(k.name, k.folded)
			}
			if s.found() {
				d.Hint = suggestion(string(s.near), w.as)
			}
		}
	}
	d.message = w.written()
	w.fit(d)
}

// canonical is the hint on an event in its canonical form, or "".
func (w *writer) canonical(at int) string {
	has := 0
	for name := range members(w.payload, at) {
		switch string(name) {
		case "version", "raw_type", "run", "texts", "lists", "extra":
			has++
		}
	}
	switch {
	case has < 6: // all of them are always there
		return ""
	case w.as == Receiver:
		return "this is the canonical form of an event, not a payload: its schema is canonical/run-event, and in Go event.Event unmarshals it"
	}
	return "this is the canonical form of an event, not a payload: send the payload itself"
}

// manyEvents is how many events in a payload a hint counts.
const manyEvents = 1000

// inside is the hint on a payload that holds events rather than being one, or that is
// known to be something around one; or "".
func (w *writer) inside() string {
	found := wrapped.Find(w.payload, manyEvents)
	n := len(found.List)
	one, each, object := "send that alone", "send each of them alone", "send the object itself"
	if w.as == Receiver {
		one, each, object = "read it from there", "read each of them", "decode it first"
	}
	if n == 0 {
		switch {
		case found.Shape != "":
			return "this is " + found.Shape + ", and nothing in it has the event_type of an event"
		case w.payload[start(w.payload)] == '[':
			return "a payload is one event, an object; nothing in this array has the event_type of one"
		}
		return ""
	}
	first := &found.List[0]
	at := plainly(first.Pointer(w.payload))
	if first.Tokens() == 0 {
		if first.Base64 {
			return "the event is in this text, in base64: " + object
		}
		return "the event is in this text, as JSON that was encoded twice: " + object
	}
	of := ""
	switch {
	case first.Base64:
		of = ", in base64"
	case first.IsText():
		of = ", as JSON in a text"
	}
	if n > 1 {
		count := fmt.Sprint(n)
		if !found.Complete {
			count += " or more"
		}
		what := found.Shape
		if first.Tokens() == 1 && first.IsItem() {
			what = "an array"
		}
		if what != "" {
			what = "this is " + what + ": "
		}
		return what + "it holds " + count + " events, the first at " + at + of + "; " + each
	}
	if found.Shape != "" {
		return "this is " + found.Shape + ": the event is at " + at + of + "; " + one
	}
	return "the event is at " + at + of + "; " + one
}

// plainly returns a pointer as it is if it is short and shows as it is, or in quotes.
func plainly(pointer string) string {
	if quoted := quote(pointer); quoted != `"`+pointer+`"` {
		return quoted
	}
	return pointer
}

// otherShape is the hint on an object without event_type, by the members that it has; or "".
// The shapes that it knows are in other documentation of platforms, but are not events, so
// no schema has them.
func (w *writer) otherShape(at int) string {
	data, metadata := -1, false
	saying, says, kind := "", "", "" // a member that says which event it is, which event, and how
	for name, value := range members(w.payload, at) {
		switch string(name) {
		case "data":
			data = value
		case "metadata":
			metadata = true
		}
		if w.payload[value] != '"' || len(name) > longestName {
			continue
		}
		if e := meant(w.unquote(stringAt(w.payload, value))); e != "" {
			saying, says, kind = string(name), e, string(appendQuoted(nil, w.payload[value:]))
		} else if saying == "" && string(fold(nil, name)) == "eventtype" {
			saying = string(name)
		}
	}
	flat, guess := resembling(w.payload, at)
	within := ""
	if data >= 0 {
		_, within = resembling(w.payload, data)
	}
	switch {
	case within != "" && w.as == Receiver:
		return "it may be " + within + ", whose members data has; refuse it, or ask its sender"
	case says != "" && flat >= 2:
		hint := quote(saying) + " is " + kind + ", and the run's members are at the top"
		if saying == "event" && data >= 0 {
			hint += ", as the documentation of SDKs shows events"
		}
		return hint + "; an event has \"event_type\", " + quote(says) + ", and the run's members in \"data\""
	case says != "" && kind != quote(says):
		return "there is a member " + quote(saying) + ", " + kind + ": did you mean \"event_type\", " + quote(says) + "?"
	case saying != "":
		return "there is a member " + quote(saying) + ": did you mean \"event_type\"?"
	case flat >= 2 && data >= 0 && w.payload[data] == '[' && metadata:
		return "this is what the n8n integration sends, and not an event: it has no event_type, and the run's members are at the top; have the webhook integration send it"
	case within != "":
		return "add it: the members of data are those of " + within
	case flat >= 2 && guess != "":
		return "the run's members are at the top, spelled as in " + guess + "; an event has event_type there, and the run's members in \"data\""
	}
	return ""
}

// meant returns the event whose name text is, but for case and separators, or "".
func meant(text []byte) string {
	if len(text) > longestName {
		return ""
	}
	text = bytes.Map(func(r rune) rune {
		if r == '.' || r == ':' || r == '/' {
			return -1
		}
		return r
	}, text)
	folded := fold(nil, text)
	for _, e := range validate.Events {
		if bytes.Equal(folded, fold(nil, []byte(e.Name))) {
			return e.Name
		}
	}
	return ""
}

// resembling returns how many members the object at an offset of the payload shares with
// the documented data of an event at most, and of which event, or "" where that isn't clear.
func resembling(payload []byte, at int) (most int, event string) {
	shared := make([]int, len(validate.Events))
	for name := range members(payload, at) {
		for i, e := range validate.Events {
			of := slices.IndexFunc(e.Objects, func(o *validate.Object) bool { return o.Pointer == "/data" })
			if of >= 0 && slices.ContainsFunc(e.Objects[of].Members, func(m validate.Member) bool {
				return m.Documented && m.Name == string(name)
			}) {
				shared[i]++
			}
		}
	}
	for i, n := range shared {
		switch {
		case n > most:
			event, most = validate.Events[i].Name, n
		case n == most:
			event = ""
		}
	}
	return most, event
}
