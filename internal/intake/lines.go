package intake

import (
	"bytes"
	"io"
	"sync"
)

const (
	// blockSize is how much of a source is read at a time, and so the most that
	// a batch of short lines takes: enough to make the read and all that is done
	// once a batch cheap, and little enough for what was read to stay in the
	// cache of a core until it is judged.
	blockSize = 256 << 10
	// maxLines is the most payloads of a batch. It bounds what is said of them.
	maxLines = 4096
)

// free are batches that can be read into again.
var free = sync.Pool{New: func() any {
	const lines = blockSize >> 10 // as long as most events are
	return &Batch{Payloads: make([]Payload, 0, lines), block: make([]byte, 0, blockSize)}
}}

// newBatch gives a batch without payloads and with room for a block of size.
func newBatch(size int) *Batch {
	if size == blockSize {
		return free.Get().(*Batch)
	}
	return &Batch{block: make([]byte, 0, size)}
}

// Free gives the memory of the batch and its payloads to batches to come. None
// of it may be used again. Where Free isn't called the memory is garbage.
func (b *Batch) Free() {
	if cap(b.block) == blockSize { // neither grown for a long line nor another form
		*b = Batch{Payloads: b.Payloads[:0], block: b.block[:0]}
		free.Put(b)
	}
}

// readLines emits the lines of in that are not blank. It reads size bytes at a
// time and cuts the payloads out of what it read, so a line is copied only where
// a read ends within it.
//
// The line ends are \n or, if end says so, \r. A line that is nothing but an opening
// bracket, followed by what stands in a pretty-printed payload, ends it with a [LinesError].
func readLines(in io.Reader, size int, limit int64, end byte, emit func(*Batch) error) error {
	var (
		b    = newBatch(size)
		line = 1
		// Of a line that is too large, what has been let go of already.
		dropped  int64
		nonBlank bool
		opened   int // the line with which the last payload was opened, if that was all of it
		spread   bool
	)
	defer func() { b.Free() }()
	// add takes the line that is text, or of which that is the end.
	add := func(text []byte) {
		text = bytes.TrimSuffix(text, []byte("\r"))
		if nonBlank || !isBlank(text) {
			p := Payload{Line: line, Data: text[:len(text):len(text)], Size: dropped + int64(len(text))}
			if p.Size > limit {
				p.Data, p.TooLarge = nil, true
			}
			switch lone := loneBracket(text); {
			case lone != 0:
				opened = line
			case opened > 0 && goesOn(text):
				spread = true
				if last := len(b.Payloads) - 1; last >= 0 && b.Payloads[last].Line == opened {
					b.Payloads = b.Payloads[:last]
				}
				return
			default:
				opened = 0
			}
			b.Payloads = append(b.Payloads, p)
		}
		line++
		dropped, nonBlank = 0, false
	}
	// hand emits the batch, and goes on with rest in another one. That is taken when
	// it is to be read into, by who reads then: it is the one just freed there, if
	// any, and in the cache of that core.
	var kept []byte
	hand := func(rest []byte) ([]byte, error) {
		kept = append(kept[:0], rest...)
		full := b
		full.Size = int64(cap(full.block))
		err := emit(full)
		b = newBatch(size)
		b.block = append(b.block, kept...)
		return b.block, err
	}
	for { // the block holds the start of a line and no more
		if len(b.block) == cap(b.block) {
			grown := int(min(2*int64(len(b.block)), limit+1+int64(size))) // room for more than is let stand
			b.block = append(make([]byte, 0, grown), b.block...)
		}
		fresh := len(b.block)
		n, readErr := in.Read(b.block[fresh:min(fresh+size, cap(b.block))])
		b.block = b.block[:fresh+n]

		rest := b.block
		for {
			i := bytes.IndexByte(rest[fresh:], end)
			if i < 0 || spread {
				break
			}
			add(rest[:fresh+i])
			rest, fresh = rest[fresh+i+1:], 0
			if len(b.Payloads) == maxLines {
				var err error
				if rest, err = hand(rest); err != nil {
					return err
				}
			}
		}
		if readErr == io.EOF && len(rest) > 0 && !spread {
			add(rest)
			rest = nil
		}
		// One byte more than the limit is no proof: it may be a \r. For the same
		// reason the last byte of a line that is let go of stays.
		if dropped > 0 || int64(len(rest)) > limit+1 {
			last := len(rest) - 1
			dropped += int64(last)
			nonBlank = nonBlank || !isBlank(rest)
			rest = rest[last:]
		}
		if len(b.Payloads) > 0 {
			if _, err := hand(rest); err != nil {
				return err
			}
		} else if len(rest) < len(b.block) {
			b.block = append(b.block[:0], rest...)
		}
		if spread {
			return &LinesError{First: opened, More: true}
		}
		switch readErr {
		case nil:
		case io.EOF:
			return nil
		default:
			return readErr
		}
	}
}

// loneBracket returns the bracket that a line consists of, or 0. No payload is one.
func loneBracket(line []byte) byte {
	if len(line) > 8 { // with some white space
		return 0
	}
	if line = bytes.TrimSpace(line); len(line) == 1 && (line[0] == '{' || line[0] == '[') {
		return line[0]
	}
	return 0
}

// goesOn reports whether a line may stand below an opening bracket, and is not a payload.
func goesOn(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return len(line) > 1 && line[0] == '"' && bytes.Contains(line, []byte(`":`))
}

// isBlank reports whether there is nothing but JSON whitespace in b.
func isBlank(b []byte) bool {
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return false
		}
	}
	return true
}
