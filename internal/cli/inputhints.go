package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/intake"
	"github.com/runhooks/runhooks/internal/redact"
	"github.com/runhooks/runhooks/internal/wrapped"
	"github.com/runhooks/runhooks/pkg/conformance"
)

// advise changes hints to what helps with a payload that was read from an input of that
// form. Those of conformance speak of the payload alone, since they also go into answers
// of receivers.
func advise(rep *conformance.Report, form intake.Form, payload *intake.Payload) {
	for i := range rep.Findings {
		f := &rep.Findings[i]
		before := payload.Data[:min(f.Offset, len(payload.Data))]
		switch {
		case f.Code == "json.too-large":
			f.Hint = "raise the limit with --max-bytes, or send less"
		case f.Code.Family() == "json" && startOfEvent(payload.Data) > 0:
			start := payload.Data[:startOfEvent(payload.Data)]
			f.Hint = fmt.Sprintf("the event seems to start with the { at %d:%d: cut off what comes before it",
				1+bytes.Count(start, []byte("\n")), 1+utf8.RuneCount(start[bytes.LastIndexByte(start, '\n')+1:]))
		case f.Code == "json.trailing-data" && form == intake.NDJSON && string(bytes.TrimSpace(payload.Data[len(before):])) == ",":
			f.Hint = "remove the comma: lines are not items of an array"
		case f.Code == "json.trailing-data" && form == intake.NDJSON:
			f.Hint = "write one payload a line"
		case f.Code == "json.trailing-data" && form == intake.JSON && bytes.Contains(before, []byte("\n")):
			f.Hint = "a payload is one document; to check one per line, give --input ndjson"
			if bytes.Contains(bytes.TrimSpace(before), []byte("\n")) {
				f.Hint = "a payload is one document; to check several, write one per line, as jq -c . FILE does, and give --input ndjson"
			}
		case f.Code == "json.syntax" && form == intake.NDJSON && f.Offset == len(payload.Data):
			f.Hint = "a line is one whole payload; if the input is a single payload, give --input json"
		case f.Code == "json.syntax" && form == intake.JSON && len(payload.Data) == 0:
			f.Hint = "the input is empty: make sure that it is written before it is checked"
		case f.Code == "json.invalid-utf8" && form == intake.JSON && f.Offset == 0:
			f.Hint += "; if the > of Windows PowerShell wrote the file, that made it UTF-16: take PowerShell 7, or cmd /c"
		case holdsEvents(f, payload.Data):
			f.Hint += "; --unwrap judges what is inside"
		}
	}
}

// startOfEvent returns the offset of the object in a payload that starts with something
// else, such as the headers of a request or the time of a line of a log, or 0.
func startOfEvent(payload []byte) int {
	if i := bytes.IndexByte(payload, '{'); i > 0 && len(bytes.Trim(payload[:i], " \t\r\n[\"\xef\xbb\xbf")) > 0 && bytes.Contains(payload[i:], []byte(`"event_type"`)) {
		return i
	}
	return 0
}

// holdsEvents reports whether f is about a payload that is not an event, but holds some.
func holdsEvents(f *conformance.Finding, payload []byte) bool {
	switch {
	case f.Code == "schema.type" && f.Pointer == "", f.Code == "event.type-missing", f.Code == "event.type-unknown":
		return len(wrapped.Find(payload, 1).List) > 0
	}
	return false
}

// replace moves the findings of an event to where they are in the payload that holds it.
func replace(rep *conformance.Report, payload []byte, event *intake.Wrapped) {
	offsets := make([]int, len(rep.Findings))
	for i := range rep.Findings {
		offsets[i] = rep.Findings[i].Offset
	}
	event.Event.Offsets(offsets)
	line, column, done := event.Line, event.Column, event.Offset
	for i := range rep.Findings {
		f := &rep.Findings[i]
		between := payload[done:offsets[i]]
		if n := bytes.Count(between, []byte("\n")); n > 0 {
			line, column = line+n, 1
			between = between[bytes.LastIndexByte(between, '\n')+1:]
		}
		column, done = column+utf8.RuneCount(between), offsets[i]
		f.Offset, f.Line, f.Column = offsets[i], line, column
		f.Pointer = event.Pointer + f.Pointer
		if f.Pattern != "" {
			f.Pattern = event.Pointer + f.Pattern
		}
	}
}

// inputHint is what to do about an input that can't be read, where a flag helps, or "".
func inputHint(err *intake.Error) string {
	if lines, ok := errors.AsType[*intake.LinesError](err.Err); ok {
		if lines.Last > 0 && !lines.More {
			return "to check it as one payload, give --input json"
		}
		return fmt.Sprintf("write each payload on one line: jq -c . %s > lines.ndjson", err.Source)
	}
	if _, ok := errors.AsType[*intake.BodyError](err.Err); ok {
		return "record it again with the bodies of requests, or choose the requests that matter with --har-url"
	}
	if _, ok := errors.AsType[*intake.ArchiveError](err.Err); ok {
		return "export the archive again, or give --input if it isn't one"
	}
	return ""
}

// maxNotes is how many notes are shown.
const maxNotes = 20

// notes are what there is to say about inputs that could still be read.
type notes struct {
	mu    sync.Mutex
	lines []string
	more  int
}

func (n *notes) add(source, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lines) == maxNotes {
		n.more++
		return
	}
	n.lines = append(n.lines, redact.Text(source+": "+text))
}

func (n *notes) write(w io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, line := range n.lines {
		fmt.Fprintf(w, "runhooks: %s\n", line)
	}
	if n.more > 0 {
		fmt.Fprintf(w, "runhooks: there are notes on %d more inputs\n", n.more)
	}
}
