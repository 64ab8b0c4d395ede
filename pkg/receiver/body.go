package receiver

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"
)

// checkContentType refuses what is not JSON in UTF-8 by its Content-Type.
func checkContentType(h http.Header) *problem {
	values := h["Content-Type"]
	if len(values) == 1 && values[0] == "application/json" {
		return nil // what nearly everybody sends
	}
	p := &problem{
		disposition: WrongContentType, status: http.StatusUnsupportedMediaType,
		header: []string{"Accept-Post", "application/json"},
	}
	switch len(values) {
	case 0:
		p.detail = "the request has no Content-Type; send application/json"
		return p
	case 1:
	default:
		p.detail = "the request has several Content-Types; send one, application/json"
		return p
	}
	mediaType, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		p.detail = "the Content-Type can't be parsed; send application/json"
		return p
	}
	if mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
		p.detail = fmt.Sprintf("the Content-Type is %.100s; send application/json", mediaType)
		return p
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		p.detail = fmt.Sprintf("the charset is %.100q; JSON is UTF-8 (RFC 8259, section 8.1)", charset)
		return p
	}
	return nil
}

// checkContentEncoding reports whether the body is gzip, and refuses what is
// neither that nor plain.
func checkContentEncoding(h http.Header) (zipped bool, _ *problem) {
	coding := strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))
	switch {
	case coding == "" || strings.EqualFold(coding, "identity"):
		return false, nil
	case strings.EqualFold(coding, "gzip") || strings.EqualFold(coding, "x-gzip"):
		return true, nil
	}
	return false, &problem{
		disposition: WrongContentEncoding, status: http.StatusUnsupportedMediaType,
		detail: fmt.Sprintf("the content encoding is %.100q; send gzip, once, or none", coding),
		header: []string{"Accept-Encoding", "gzip, identity"},
	}
}

// A payload may be this many times as large as it is sent, once it is larger
// than freeBytes. Rows of text compress to a tenth or so, and a bomb to a
// thousandth.
const (
	maxRatio  = 100
	freeBytes = 1 << 20
)

var errRatio = errors.New("the payload is compressed too well")

// readPayload returns the whole body of r, without its content encoding: at most
// limit bytes, of at most limit bytes of body.
func readPayload(w http.ResponseWriter, r *http.Request, zipped bool, limit int64) ([]byte, *problem) {
	body := &counter{r: http.MaxBytesReader(w, r.Body, limit)}
	var payload []byte
	var err error
	if zipped {
		payload, err = unzipAll(body, r.ContentLength, limit)
	} else {
		payload, err = readAll(body, r.ContentLength, func(int) error { return nil })
	}
	if body.ended && body.n < r.ContentLength {
		// net/http itself ends a body that breaks off with an error.
		return nil, consumed(body.n, r.ContentLength)
	}
	return payload, readProblem(err, limit)
}

// consumed is the problem of a body of which only n bytes were left to read.
func consumed(n, length int64) *problem {
	return &problem{
		disposition: Unreadable, status: http.StatusBadRequest,
		detail: fmt.Sprintf("the receiver could read %d of the %d bytes that Content-Length declares; "+
			"middleware in front of it must not read the body, or has to put back what it read", n, length),
	}
}

// unzipAll reads a body that is gzip, of which length bytes are said to come, or
// -1, up to limit bytes of payload.
func unzipAll(body *counter, length, limit int64) ([]byte, error) {
	unzip, err := newUnzip(body)
	if err != nil {
		return nil, err
	}
	defer unzips.Put(unzip)
	return readAll(unzip, 4*length, func(n int) error {
		switch n := int64(n); {
		case n > limit:
			return &http.MaxBytesError{Limit: limit}
		case n > freeBytes && n/maxRatio > body.n:
			return errRatio
		}
		return nil
	})
}

// readAll reads r to its end, or until check refuses how much there is. Of the
// guess how much will come it believes as much as costs little.
func readAll(r io.Reader, guess int64, check func(n int) error) ([]byte, error) {
	const least, most = 512, 64 << 10
	payload := make([]byte, 0, min(max(guess, least), most)+1) // one to meet the end with
	for {
		n, err := r.Read(payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+n]
		if err == io.EOF {
			err = nil
			if len(payload) > 0 {
				err = check(len(payload))
			}
			return payload[:len(payload):len(payload)], err
		}
		if err == nil {
			err = check(len(payload))
		}
		if err != nil {
			return nil, err
		}
		if len(payload) == cap(payload) {
			grown := make([]byte, len(payload), 2*cap(payload))
			copy(grown, payload)
			payload = grown
		}
	}
}

// readProblem says why a body could not be read.
func readProblem(err error, limit int64) *problem {
	if err == nil {
		return nil
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return tooLargeProblem(limit)
	case errors.Is(err, errRatio):
		return &problem{
			disposition: TooLarge, status: http.StatusRequestEntityTooLarge, cause: err,
			detail: fmt.Sprintf("the payload is more than %d times as large as it is sent; send it without compression", maxRatio),
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &problem{
			disposition: TooSlow, status: http.StatusRequestTimeout, cause: err,
			detail: "the body did not arrive in time; send it again",
		}
	}
	detail := "the body ends early, or is broken; send it again, as long as Content-Length says"
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		detail = "the body is not the gzip that Content-Encoding says it is"
	case errors.Is(err, http.ErrBodyReadAfterClose):
		detail = "middleware in front of the receiver has closed the body; it must leave the body alone"
	}
	return &problem{disposition: Unreadable, status: http.StatusBadRequest, cause: err, detail: detail}
}

func tooLargeProblem(limit int64) *problem {
	return &problem{
		disposition: TooLarge, status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("the payload has more than %d bytes, which is the limit here", limit),
	}
}

// unzips holds readers that are not in use: a new one costs 40 KB.
var unzips sync.Pool

func newUnzip(r io.Reader) (*gzip.Reader, error) {
	if unzip, ok := unzips.Get().(*gzip.Reader); ok {
		if err := unzip.Reset(r); err != nil {
			unzips.Put(unzip)
			return nil, err
		}
		return unzip, nil
	}
	return gzip.NewReader(r)
}

// A counter counts what is read through it, and reports whether that has ended.
type counter struct {
	r     io.Reader
	n     int64
	ended bool
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.ended = c.ended || err == io.EOF
	return n, err
}
