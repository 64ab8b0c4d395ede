// Package recording keeps requests in an HTTP archive (HAR 1.2), with their headers
// and the exact bytes of their bodies, and reads them again. The archive is whole
// after each request, so that others can read it meanwhile: runhooks check, and
// browsers.
package recording

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/runhooks/runhooks/internal/redact"
)

// A Request is one that was recorded, and how it was answered.
type Request struct {
	At     time.Time // when it arrived
	Took   time.Duration
	Method string
	URL    string
	Proto  string
	Header http.Header
	Body   []byte
	Status int // of the answer; 0 for none
	// Hidden are the names of headers whose values were not recorded, since they
	// are secret. Header doesn't have them.
	Hidden []string
}

type archive struct {
	Log log `json:"log"`
}

type log struct {
	Version string  `json:"version"`
	Creator creator `json:"creator"`
}

type creator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type entry struct {
	Started  time.Time `json:"startedDateTime"`
	Time     float64   `json:"time"` // in milliseconds
	Request  request   `json:"request"`
	Response response  `json:"response"`
	Cache    struct{}  `json:"cache"`
	Timings  timings   `json:"timings"`
}

type request struct {
	Method      string    `json:"method"`
	URL         string    `json:"url"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []pair    `json:"cookies"`
	Headers     []pair    `json:"headers"`
	QueryString []pair    `json:"queryString"`
	PostData    *postData `json:"postData,omitempty"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int       `json:"bodySize"`
}

type pair struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Comment string `json:"comment,omitempty"`
}

type postData struct {
	MimeType string `json:"mimeType"`
	Text     string `json:"text"`
	// Encoding is base64 for bytes that are not UTF-8. HAR 1.2 has it for answers
	// only.
	Encoding string `json:"encoding,omitempty"`
}

type response struct {
	Status      int     `json:"status"`
	StatusText  string  `json:"statusText"`
	HTTPVersion string  `json:"httpVersion"`
	Cookies     []pair  `json:"cookies"`
	Headers     []pair  `json:"headers"`
	Content     content `json:"content"`
	RedirectURL string  `json:"redirectURL"`
	HeadersSize int     `json:"headersSize"`
	BodySize    int     `json:"bodySize"`
}

type content struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
}

type timings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

// notRecorded marks a header whose value is missing. It makes Hidden of it.
const notRecorded = "not recorded"

const tail = "\n]}}\n"

// A Writer adds requests to an archive. It may be used by several goroutines at once.
type Writer struct {
	mu      sync.Mutex
	file    *os.File
	end     int64 // where the tail stands
	first   bool
	secrets bool
}

// Open opens an archive that a Writer made, or makes one, for its owner alone. With
// secrets the values of headers that authenticate, and of the queries of URLs, are
// recorded as they are.
func Open(name, creatorVersion string, secrets bool) (*Writer, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: file, secrets: secrets}
	if err := w.start(creatorVersion); err != nil {
		file.Close()
		return nil, &fs.PathError{Op: "record", Path: name, Err: err}
	}
	return w, nil
}

func (w *Writer) start(version string) error {
	size, err := w.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size > 0 {
		last := make([]byte, len(tail)+1)
		if _, err := w.file.ReadAt(last, max(0, size-int64(len(last)))); err != nil || string(last[1:]) != tail {
			return errors.New("it is there already, and not a recording that can be added to; choose another name")
		}
		w.end, w.first = size-int64(len(tail)), last[0] == '['
		return nil
	}
	head, err := json.Marshal(archive{log{"1.2", creator{"runhooks", version}}})
	if err != nil {
		return err
	}
	head = append(head[:len(head)-2], `,"entries":[`...)
	w.end, w.first = int64(len(head)), true
	_, err = w.file.Write(append(head, tail...))
	return err
}

// Close closes the archive.
func (w *Writer) Close() error { return w.file.Close() }

// Name is that of the file.
func (w *Writer) Name() string { return w.file.Name() }

// Add adds a request.
func (w *Writer) Add(r Request) error {
	text, err := json.Marshal(w.entry(r))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	line := []byte(",\n")
	if w.first {
		line = []byte("\n")
	}
	line = append(line, text...)
	if _, err := w.file.WriteAt(append(line, tail...), w.end); err != nil {
		return err
	}
	w.end, w.first = w.end+int64(len(line)), false
	return nil
}

func (w *Writer) entry(r Request) entry {
	took := float64(r.Took.Microseconds()) / 1000
	e := entry{
		Started: r.At.UTC(), Time: took, Timings: timings{Wait: took},
		Request: request{
			Method: r.Method, URL: r.URL, HTTPVersion: r.Proto, Cookies: []pair{}, Headers: []pair{}, QueryString: []pair{},
			HeadersSize: -1, BodySize: len(r.Body),
		},
		Response: response{
			Status: r.Status, StatusText: http.StatusText(r.Status), HTTPVersion: r.Proto, Cookies: []pair{}, Headers: []pair{},
			Content: content{MimeType: "x-unknown"}, HeadersSize: -1, BodySize: -1,
		},
	}
	if !w.secrets {
		e.Request.URL = redact.URL(r.URL)
	}
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range r.Header[name] {
			p := pair{Name: name, Value: value}
			if !w.secrets && redact.Authenticates(name) {
				p.Value, p.Comment = redact.Hidden, notRecorded
			} else if !w.secrets {
				p.Value = redact.Text(value)
			}
			e.Request.Headers = append(e.Request.Headers, p)
		}
	}
	if len(r.Body) > 0 {
		e.Request.PostData = &postData{MimeType: r.Header.Get("Content-Type"), Text: string(r.Body)}
		if !utf8.Valid(r.Body) {
			e.Request.PostData.Text, e.Request.PostData.Encoding = base64.StdEncoding.EncodeToString(r.Body), "base64"
		}
	}
	return e
}

// Read reads the requests of an archive, of a Writer or of others, one after the
// other. It holds one at a time.
func Read(in io.Reader) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		dec := json.NewDecoder(in)
		if err := enterEntries(dec); err != nil {
			yield(Request{}, fmt.Errorf("it is not an HTTP archive (HAR): %w", err))
			return
		}
		for dec.More() {
			var e entry
			if err := dec.Decode(&e); err != nil {
				yield(Request{}, fmt.Errorf("it is not an HTTP archive (HAR): %w", err))
				return
			}
			r, err := e.recorded()
			if !yield(r, err) || err != nil {
				return
			}
		}
		if _, err := dec.Token(); err != nil {
			yield(Request{}, fmt.Errorf("it ends within an entry: %w", err))
		}
	}
}

// enterEntries leads to log.entries.
func enterEntries(dec *json.Decoder) error {
	for _, want := range []string{"log", "entries"} {
		if token, err := dec.Token(); err != nil {
			return err
		} else if token != json.Delim('{') {
			return fmt.Errorf("%s is not there", want)
		}
		for {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			if token == json.Delim('}') {
				return fmt.Errorf("%s is not there", want)
			}
			if token == want {
				break
			}
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
		}
	}
	if token, err := dec.Token(); err != nil {
		return err
	} else if token != json.Delim('[') {
		return errors.New("log.entries is not an array")
	}
	return nil
}

func (e entry) recorded() (Request, error) {
	r := Request{
		At: e.Started, Method: e.Request.Method, URL: e.Request.URL, Proto: e.Request.HTTPVersion,
		Header: make(http.Header), Status: e.Response.Status,
	}
	for _, h := range e.Request.Headers {
		if h.Comment == notRecorded {
			r.Hidden = append(r.Hidden, h.Name)
			continue
		}
		r.Header.Add(h.Name, h.Value)
	}
	if data := e.Request.PostData; data != nil {
		r.Body = []byte(data.Text)
		if data.Encoding == "base64" {
			raw, err := base64.StdEncoding.DecodeString(data.Text)
			if err != nil {
				return r, fmt.Errorf("a body that is to be base64 is not: %w", err)
			}
			r.Body = raw
		}
	}
	return r, nil
}
