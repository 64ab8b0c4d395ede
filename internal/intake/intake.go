// Package intake finds payloads in files: it turns the arguments of a command
// line into sources, and a source into the payloads that it holds.
//
// A source is a file or standard input, in one of three forms: one JSON
// document, one document a line, or an HTTP archive with the requests that
// carried them. Any of them may be compressed with gzip or Zstandard. Whatever
// the input, memory stays within a small multiple of the largest payload
// allowed, and within a few MiB for lines of ordinary length.
package intake

import (
	"fmt"
	"path"
	"strings"
)

// A Source is one input to read: a file or standard input.
type Source struct {
	// Name is what to call the source: its path as it was given, or as it was
	// found below a directory, with forward slashes; stdin for standard input.
	Name string
	// Path is what to open; "-" is standard input.
	Path string
	// Size is the number of bytes on disk, or -1 where nobody knows.
	Size int64
	// Found says that a directory or a glob led to it, and not its own name.
	Found bool
}

// stdin is standard input as a source. A file of that name is reached as ./-.
var stdin = Source{Name: "stdin", Path: "-", Size: -1}

// A Batch is payloads of one source that were read at once: one of them at
// least, and no more than a few thousand.
type Batch struct {
	// Source is the [Source.Name] of where they were found.
	Source string
	// Form is the form of the source: never [Auto].
	Form Form
	// Payloads are in the order of the source.
	Payloads []Payload
	// Size is how many bytes of memory the payloads take.
	Size int64

	block []byte // what lines were cut from; nil in the other forms
}

// A Payload is one payload of a source.
type Payload struct {
	// Index is its 0-based position among the payloads of its source.
	Index int
	// Line is the 1-based line of the source on which it starts.
	Line int
	// At is the RFC 6901 pointer into an HTTP archive to the text of the
	// payload; empty in the other forms.
	At string
	// Data are the bytes of the payload, without the end of its line. They
	// stay as they are until [Batch.Free].
	Data []byte
	// TooLarge says that the payload is over [Reader.MaxBytes]. Data is nil.
	TooLarge bool
	// Size is the number of bytes of the payload. For one that is too large
	// it says how many there are at least.
	Size int64
	// Wrapped is the event to judge if the payload is not one, but holds it: with
	// [Reader.Unwrap], and else nil. A payload that holds several is there for each.
	Wrapped *Wrapped
}

// A Form is the way in which a source holds its payloads.
type Form string

// The forms.
const (
	// Auto goes by the name of the source, and by its content where the name
	// does not tell.
	Auto Form = "auto"
	// JSON is one payload: all of the source.
	JSON Form = "json"
	// NDJSON is one payload a line. Lines of nothing but JSON whitespace are
	// counted, but are not payloads.
	NDJSON Form = "ndjson"
	// HAR is an HTTP archive (HAR 1.2): the bodies of its POST requests.
	HAR Form = "har"
)

// formOf gives the form that a file's name tells, or Auto, and whether the name
// says that the file is compressed.
func formOf(name string) (form Form, packed bool) {
	name = strings.ToLower(name)
	for _, suffix := range []string{".gz", ".zst"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			name, packed = base, true
			break
		}
	}
	switch path.Ext(name) {
	case ".json":
		return JSON, packed
	case ".ndjson", ".jsonl":
		return NDJSON, packed
	case ".har":
		return HAR, packed
	}
	return Auto, packed
}

// An Error says that a source can't be read, or that an argument leads to none.
type Error struct {
	// Source is the name of the source, or the argument as it was given.
	Source string
	// Err is what is wrong.
	Err error
	// Hint is what to do about it, where there is something to say.
	Hint string
}

// Error gives source, fault and hint on one line.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", e.Source, e.Err)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap gives what is wrong.
func (e *Error) Unwrap() error { return e.Err }
