package intake

import (
	"bytes"
	"io"
)

// chunkSize is how much of a source is read at a time: large enough to make a
// read cheap, small enough to keep one alive for the sake of one line.
const chunkSize = 1 << 20

// readLines emits the lines of in that are not blank. It reads chunk bytes at a
// time and cuts the payloads out of what it read, so a line is copied only where
// a chunk ends within it.
func readLines(in io.Reader, chunk int, limit int64, emit func(Payload) error) error {
	var (
		buf   []byte // the chunk; what is before start belongs to payloads
		start int    // of the current line within buf
		line  = 1
		// Of a line that is too large, what has been let go of already.
		dropped  int64
		nonBlank bool
	)
	// cut emits the line whose rest is buf[start:end].
	cut := func(end int) error {
		data := bytes.TrimSuffix(buf[start:end:end], []byte("\r"))
		size := dropped + int64(len(data))
		blank := !nonBlank && isBlank(data)
		p := Payload{Line: line, Data: data, Size: size}
		if size > limit {
			p.Data, p.TooLarge = nil, true
		}
		dropped, nonBlank = 0, false
		line++
		if blank {
			return nil
		}
		return emit(p)
	}
	for {
		if len(buf) == cap(buf) {
			rest := buf[start:]
			grown := int(min(2*int64(len(rest)), limit+int64(chunk)))
			buf = append(make([]byte, 0, max(chunk, grown)), rest...)
			start = 0
		}
		n, err := in.Read(buf[len(buf):cap(buf)])
		fresh := len(buf)
		buf = buf[:fresh+n]
		for {
			i := bytes.IndexByte(buf[fresh:], '\n')
			if i < 0 {
				break
			}
			if err := cut(fresh + i); err != nil {
				return err
			}
			fresh += i + 1
			start = fresh
		}
		// One byte more than the limit is no proof: it may be a \r. For the same
		// reason the last byte of a line that is let go of stays.
		if rest := buf[start:]; dropped > 0 || int64(len(rest)) > limit+1 {
			last := len(rest) - 1
			dropped += int64(last)
			nonBlank = nonBlank || !isBlank(rest)
			if start > 0 {
				buf, start = make([]byte, 0, chunk), 0
			}
			buf = append(buf[:0], rest[last])
		}
		switch {
		case err == io.EOF:
			if start < len(buf) {
				return cut(len(buf))
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// isBlank reports whether there is nothing but JSON whitespace in b.
func isBlank(b []byte) bool {
	return len(bytes.TrimLeft(b, " \t\r\n")) == 0
}
