package intake

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/runhooks/runhooks/pkg/signature"
)

// DefaultMaxBytes is the largest payload that a [Reader] gives whole, unless
// told otherwise: 64 MiB.
const DefaultMaxBytes = signature.DefaultMaxBytes

// maxWindow is how far back Zstandard data may refer, and so roughly what its
// decoder holds. The zstd command stays below it up to level 20.
const maxWindow = 32 << 20

// A Reader reads the payloads of sources. Its zero value is ready to use, and
// one Reader may read many sources at once if Progress allows for it.
type Reader struct {
	// Form overrides what a source's name and content say; empty is [Auto].
	Form Form
	// MaxBytes is the largest payload to give whole, after decompression and
	// decoding; 0 is [DefaultMaxBytes].
	MaxBytes int64
	// URLs choose the requests of HTTP archives, if there are any: those whose URL is like
	// one of them, in which * stands for any text.
	URLs []string
	// Note, where set, is told what there is to say about a source that could be read all the
	// same. It may be called while Read goes on in another goroutine.
	Note func(source, text string)
	// Unwrap looks for events in payloads that aren't events: see [Payload.Wrapped].
	Unwrap bool
	// Stdin is what "-" reads; nil is [os.Stdin].
	Stdin io.Reader
	// Progress, where set, is told how many more bytes of a source, as they
	// are on disk, have been read or passed over. It is called often.
	Progress func(n int64)
}

// noLimit is larger than any payload, and leaves sums room below 1<<63.
const noLimit = 1 << 60

// errStop says that the caller of [Reader.Read] has seen enough.
var errStop = errors.New("stop")

// Read gives the payloads of src in order, in batches. A batch ends where a read
// of lines does, so that a payload of a source that is still being written is
// there as soon as its line is. If src can't be read to its end, an [*Error]
// comes last, after the payloads that stand before the fault. If ctx is done
// first, the error of ctx comes last.
//
// A payload over MaxBytes comes with TooLarge set and without its bytes, and
// reading goes on behind it.
func (r *Reader) Read(ctx context.Context, src Source) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		index := 0
		err := r.read(ctx, src, func(b *Batch) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.Source = src.Name
			for i := range b.Payloads {
				b.Payloads[i].Index = index
				index++
			}
			if !yield(b, nil) {
				return errStop
			}
			return nil
		})
		switch {
		case err == nil, err == errStop:
		case ctx.Err() != nil:
			yield(nil, ctx.Err())
		default:
			yield(nil, unreadable(src.Name, err))
		}
	}
}

func (r *Reader) read(ctx context.Context, src Source, emit func(*Batch) error) error {
	file, err := r.open(ctx, src)
	if err != nil {
		return err
	}
	defer file.Close()

	disk := &meter{ctx: ctx, r: file, progress: r.Progress}
	in, packed, err := unpack(disk)
	if err != nil {
		return cmp.Or(disk.err, err)
	}
	defer in.Close()

	form, namedPacked := formOf(src.Path)
	if namedPacked && !packed {
		if disk.n == 0 {
			return cmp.Or(disk.err, errEmpty)
		}
		return cmp.Or(disk.err, errNotPacked)
	}
	if r.Form != "" && r.Form != Auto {
		form = r.Form
	}
	// Metered again, since a little compressed data can be a lot of payload.
	w := &window{r: &meter{ctx: ctx, r: in}}
	if name := foreign(w); name != "" {
		return cmp.Or(disk.err, error(&foreignError{name}))
	}
	note := func(text string) {
		if r.Note != nil {
			r.Note(src.Name, text)
		}
	}
	form, w = narrow(w, form, note)
	payloads := 0

	give := func(b *Batch) error {
		b.Form = form
		payloads += len(b.Payloads)
		if r.Unwrap {
			return unwrap(b, note, emit)
		}
		return emit(b)
	}
	giveOne := func(p Payload) error {
		return give(&Batch{Payloads: []Payload{p}, Size: int64(len(p.Data))})
	}
	limit := r.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	limit = min(limit, noLimit)
	size := src.Size
	if packed {
		size = -1
	}
	switch {
	case form == NDJSON:
		end := byte('\n')
		if err = spread(w); err == nil {
			if end = lineEnd(w); end == '\r' {
				note("its lines end in only \\r; NDJSON has \\n")
			}
			err = readLines(w, blockSize, limit, end, give)
		}
		if err == nil && payloads == 0 {
			note("it holds no payload")
		}
	case form == HAR:
		err = readHAR(w, limit, r.URLs, note, giveOne)
	case size > limit:
		err = giveOne(Payload{Line: 1, TooLarge: true, Size: size})
	default:
		err = readWhole(w, size, limit, giveOne)
	}
	if err == nil && r.Progress != nil && src.Size > disk.n {
		r.Progress(src.Size - disk.n)
	}
	if err == errStop {
		return err
	}
	// A fault of the disk shows itself as broken data higher up.
	return cmp.Or(disk.err, err)
}

// open opens src so that closing it, or the end of ctx, ends every read. What is
// added to a file after its size was taken is not read: if trigger sent a file to a
// listener that records to the same file, it would never reach the end.
func (r *Reader) open(ctx context.Context, src Source) (io.ReadCloser, error) {
	if src.Size > 0 || src.Size == 0 && src.Found {
		file, err := os.Open(src.Path)
		if err != nil {
			return nil, err
		}
		return closer{io.LimitReader(file, src.Size), file.Close}, nil
	}
	// Neither a read of a terminal or a pipe nor the opening of a pipe that has
	// a name can be interrupted, so they have their own goroutine, and so has what
	// says that it is empty: files of /proc do, whatever is in them. One that is
	// stuck there when ctx ends stays until the other side moves; the command
	// is ending.
	out, feed := io.Pipe()
	go func() { feed.CloseWithError(r.copyTo(feed, src)) }()
	stop := context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })
	return closer{out, func() error { stop(); return out.Close() }}, nil
}

// copyTo copies all of src to w.
func (r *Reader) copyTo(w io.Writer, src Source) error {
	var in io.Reader = os.Stdin
	switch {
	case src.Path != stdin.Path:
		file, err := os.Open(src.Path)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	case r.Stdin != nil:
		in = r.Stdin
	}
	_, err := io.Copy(w, in)
	return err
}

type closer struct {
	io.Reader
	close func() error
}

func (c closer) Close() error { return c.close() }

// A meter passes bytes on until ctx is done, counts them, and remembers what
// went wrong.
type meter struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
	n        int64
	err      error // other than io.EOF
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		m.err = err
		return 0, err
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.progress != nil && n > 0 {
		m.progress(int64(n))
	}
	if err != nil && err != io.EOF {
		m.err = err
	}
	return n, err
}

// unpack decompresses r if it starts as compressed data does, whatever its name.
func unpack(r io.Reader) (in io.ReadCloser, packed bool, err error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	magic, _ := buf.Peek(4) // a failure comes back with the first read
	switch {
	case isGzip(magic):
		in, err = newGunzip(buf)
		if err != nil {
			return nil, false, &packError{"gzip", err}
		}
		return packReader{in, "gzip"}, true, nil
	case isZstd(magic):
		dec, err := zstd.NewReader(buf, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
		if err != nil {
			return nil, false, &packError{"zstd", err}
		}
		return packReader{dec.IOReadCloser(), "zstd"}, true, nil
	}
	return io.NopCloser(buf), false, nil
}

func isGzip(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte{0x1f, 0x8b})
}

// isZstd knows both kinds of frame that Zstandard data may start with (RFC 8878,
// section 3.1).
func isZstd(magic []byte) bool {
	return bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18})
}

// A packReader marks the faults of compressed data as such.
type packReader struct {
	io.ReadCloser
	format string
}

func (p packReader) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if err != nil && err != io.EOF {
		err = &packError{p.format, err}
	}
	return n, err
}

type packError struct {
	format string
	err    error
}

func (e *packError) Error() string {
	if errors.Is(e.err, io.ErrUnexpectedEOF) {
		return "truncated " + e.format + " data: it ends too early"
	}
	return fmt.Sprintf("broken %s data: %v", e.format, e.err)
}
func (e *packError) Unwrap() error { return e.err }

// readWhole emits all of in as one payload. The size is what is expected, or -1.
func readWhole(in io.Reader, size, limit int64, emit func(Payload) error) error {
	// ReadFrom wants room for one read more than there is, to see the end.
	buf := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	n, err := buf.ReadFrom(io.LimitReader(in, limit+1))
	switch {
	case err != nil:
		return err
	case n > limit:
		return emit(Payload{Line: 1, TooLarge: true, Size: n})
	}
	return emit(Payload{Line: 1, Data: buf.Bytes(), Size: n})
}

// narrow returns the form of w, where it is not known yet, and w as UTF-8. The encoding of
// lines and of archives is that of whoever recorded the payloads. A source that is one
// payload stays as it is, to be judged for its bytes.
func narrow(w *window, form Form, note func(string)) (Form, *window) {
	encoding, ok := wideOf(w)
	if !ok {
		if form == Auto {
			form = sniff(w)
		}
		if form == NDJSON && w.holds(len(bom)) && bytes.HasPrefix(w.buf, []byte(bom)) {
			w.buf = w.buf[len(bom):]
			note("it starts with a byte order mark, which is not counted as part of the first payload; payloads must not have one")
		}
		return form, w
	}
	if form == Auto {
		form = sniff(&window{r: &narrower{wide: encoding, r: &cursor{w, 0}}})
	}
	if form == JSON {
		return form, w
	}
	note("it is " + encoding.name + ", as the > of Windows PowerShell writes it; it was read, but other tools expect UTF-8: write it from PowerShell 7 or cmd")
	return form, &window{r: &narrower{wide: encoding, r: w}}
}

var errEmpty = errors.New("it is empty")

var errNotPacked = errors.New("neither gzip nor zstd data, though its name says so")

// unreadable says that a source can't be read because of err, and what helps.
func unreadable(source string, err error) *Error {
	// The path is in the source's name already.
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	e := &Error{Source: source, Err: err}
	_, packFault := errors.AsType[*packError](err)
	_, harFault := errors.AsType[*ArchiveError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "allow this user to read it"
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		e.Hint = "it needs more than 32 MiB to decompress: compress it at a level below 20 and without --long"
	case errors.As(err, new(*foreignError)):
		e.Hint = "unpack it, and name what is in it"
	case errors.As(err, new(*LinesError)):
		e.Hint = "write each payload on one line, as jq -c . FILE does"
	case errors.As(err, new(*wideError)), err == errEmpty:
		e.Hint = "make sure that it is written before it is read"
	case errors.As(err, new(*BodyError)):
		e.Hint = "record it again with the bodies of requests"
	case packFault:
		e.Hint = "fetch or compress it again"
	case err == errNotPacked:
		e.Hint = "rename it, or compress it again"
	case err == errManyEvents:
		e.Hint = "split it"
	case harFault:
		e.Hint = "export the archive again, or set the form of the input if it isn't one"
	}
	return e
}
