package pages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of streams.
const (
	maxStreams = 1000
	// lookEvery is the shortest time between two looks at a region, and lookShare is
	// how many times longer than a look the pause after it is, so that all looks
	// together take less than a twentieth of the time.
	lookEvery   = time.Second
	lookShare   = 20
	lookTimeout = 5 * time.Second
	// sendRate is how many bytes a second all pages together get, on average.
	sendRate  = 5 << 20
	heartbeat = 15 * time.Second
	// writeTimeout is how long a reader may take to read a message.
	writeTimeout = 30 * time.Second
)

// stream answers with server-sent events: the inner HTML of one region of a page, at
// once and again whenever it has changed. region makes it. Pages that show the same,
// which are those of the same URL for the same role and robot, share what region
// returns. The pattern of the path has to end in /live.
//
// If region returns HTML with [io.EOF], that is the last message. If the session has
// ended, or may not see the region, the stream ends, too. Then the last event has the
// name "end", and the page must not ask again: hx-sse:close="end". After other
// errors, pages keep what they show.
func (p *Pages) stream(w http.ResponseWriter, r *http.Request, s *session, region func(ctx context.Context) ([]byte, error)) error {
	key := fmt.Sprintf("%q %q %s", s.RobotID, s.Role, r.URL.RequestURI())
	signedIn := func() bool {
		s, err := p.session(r)
		return s != nil || err != nil // if the store is away, nobody knows
	}
	return p.live.serve(w, r, key, signedIn, region)
}

// failStream answers the request for a stream with an error. No page is swapped in
// where the region is.
func failStream(w http.ResponseWriter, err *problem) {
	if personal(err) {
		startStream(w)
		_, _ = w.Write(end)
		return
	}
	w.Header().Set("HX-Reswap", "none")
	http.Error(w, err.Error(), err.Status)
}

func isStream(r *http.Request) bool { return strings.HasSuffix(r.Pattern, "/live") }

func startStream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold messages back
}

// Messages without HTML: a comment, and the last one.
var (
	comment = []byte(":\n\n")
	end     = []byte("event: end\n\n")
)

// A hub has the open streams. One goroutine looks at their regions in turn, as long
// as there are any.
type hub struct {
	// stopping ends all streams.
	stopping <-chan struct{}

	mu      sync.Mutex
	feeds   map[string]*feed
	streams int
	running bool
}

// A feed is a region, as all pages see it that show the same.
type feed struct {
	looking chan struct{} // has room for one: who looks

	// The mutex of the hub guards these.
	readers []*reader
	looked  time.Time // when the last look began
	found   time.Time // the same, of the last look that said something of the region: html, or err
	err     error
	html    []byte
	id      string // of html
	last    bool   // html is the last
}

// A reader is one stream.
type reader struct {
	region func(context.Context) ([]byte, error)
	news   chan struct{} // has room for one: a slow reader finds what is newest
	ended  chan struct{}
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request, key string, signedIn func() bool, region func(context.Context) ([]byte, error)) error {
	f, reader := h.join(key, region)
	if f == nil {
		w.Header().Set("Retry-After", "60")
		return &problem{Status: http.StatusServiceUnavailable, Detail: "Too many open pages update by themselves. Reload this one to see what is new."}
	}
	defer h.leave(key, f, reader)
	if err := h.first(r.Context(), f, reader); err != nil {
		return err
	}
	startStream(w)
	control := http.NewResponseController(w)
	// The server's limits are for requests that end. Where a writer knows no deadlines,
	// there are none to lift.
	_ = control.SetReadDeadline(time.Time{})
	send := func(text []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	sent := r.Header.Get("Last-Event-ID") // of a page that was connected before
	next := comment                       // so that the page learns that it is connected
	for {
		html, id, last := h.state(f)
		if id != sent {
			next, sent = message(id, html), id
		}
		if next != nil && !send(next) {
			return nil // there is nobody to tell
		}
		if last {
			send(end)
			return nil
		}
		next = nil
		select {
		case <-reader.news:
		case <-beat.C:
			if !signedIn() {
				send(end)
				return nil
			}
			next = comment
		case <-reader.ended:
			send(end)
			return nil
		case <-h.stopping:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
}

// message is an event without a name, which htmx swaps in. No line of html can start
// another field.
func message(id string, html []byte) []byte {
	html = bytes.ReplaceAll(html, []byte("\r\n"), []byte("\n"))
	html = bytes.ReplaceAll(html, []byte("\r"), []byte("\n"))
	html = bytes.ReplaceAll(html, []byte("\n"), []byte("\ndata: "))
	return slices.Concat([]byte("id: "+id+"\ndata: "), html, []byte("\n\n"))
}

// join adds a reader to the feed of a key. It returns nil where there are too many.
func (h *hub) join(key string, region func(context.Context) ([]byte, error)) (*feed, *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams == maxStreams {
		return nil, nil
	}
	h.streams++
	f := h.feeds[key]
	if f == nil {
		f = &feed{looking: make(chan struct{}, 1), looked: time.Now()}
		if h.feeds == nil {
			h.feeds = map[string]*feed{}
		}
		h.feeds[key] = f
	}
	r := &reader{region: region, news: make(chan struct{}, 1), ended: make(chan struct{})}
	f.readers = append(f.readers, r)
	if !h.running {
		h.running = true
		go h.run()
	}
	return f, r
}

func (h *hub) leave(key string, f *feed, r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams--
	f.remove(r)
	if len(f.readers) == 0 && h.feeds[key] == f {
		delete(h.feeds, key)
	}
}

func (f *feed) remove(r *reader) {
	f.readers = slices.DeleteFunc(f.readers, func(other *reader) bool { return other == r })
}

func (h *hub) state(f *feed) (html []byte, id string, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return f.html, f.id, f.last
}

// first sees to it that a reader finds the region as it is now: the page has it newer
// than the last look, maybe. Of readers that come at once, one looks for all.
func (h *hub) first(ctx context.Context, f *feed, r *reader) error {
	came := time.Now()
	select {
	case f.looking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.looking }()
	h.mu.Lock()
	found, err := f.found, f.err
	h.mu.Unlock()
	if !found.Before(came) {
		return err
	}
	return h.look(ctx, f, r)
}

// run looks at each feed in turn, until there is none.
func (h *hub) run() {
	for {
		f, due := h.next()
		if f == nil || !h.sleep(time.Until(due)) {
			return
		}
		start := time.Now()
		sent := h.lookFor(f)
		if !h.sleep(max(lookShare*time.Since(start), time.Duration(sent)*time.Second/sendRate)) {
			return
		}
	}
}

// next returns the feed that was not looked at for longest, and when it is due.
func (h *hub) next() (oldest *feed, due time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.feeds {
		if len(f.readers) > 0 && (oldest == nil || f.looked.Before(oldest.looked)) {
			oldest = f
		}
	}
	if oldest == nil {
		h.running = false
		return nil, time.Time{}
	}
	return oldest, oldest.looked.Add(lookEvery)
}

// sleep returns false if streams are to end.
func (h *hub) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.stopping:
		return false
	}
}

// lookFor looks at a feed for one of its readers. If that one may not see it any more,
// its stream ends, and the next reader looks. It returns how many bytes the readers get
// because of it.
func (h *hub) lookFor(f *feed) (sent int) {
	select {
	case f.looking <- struct{}{}:
	default:
		// A reader that has just come looks. However long that takes, the others have their turn.
		h.mu.Lock()
		f.looked = time.Now()
		h.mu.Unlock()
		return 0
	}
	defer func() { <-f.looking }()
	h.mu.Lock()
	defer h.mu.Unlock()
	before := f.id
	for len(f.readers) > 0 {
		r := f.readers[0]
		h.mu.Unlock()
		err := h.look(context.Background(), f, r)
		h.mu.Lock()
		if !personal(err) {
			break
		}
		f.remove(r)
		close(r.ended)
	}
	if f.id == before {
		return 0
	}
	return len(f.html) * len(f.readers)
}

var errPanic = errors.New("panic")

// personal says whether an error is about who looks, and not about the region.
func personal(err error) bool {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden || p.Status == http.StatusNotFound
	}
	return errors.Is(err, errPanic)
}

// look looks at a feed for a reader, and tells all readers if it has changed.
func (h *hub) look(ctx context.Context, f *feed, r *reader) (err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	start := time.Now()
	h.mu.Lock()
	f.looked = start
	h.mu.Unlock()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, v, debug.Stack())
		}
	}()
	html, err := r.region(ctx)
	if personal(err) || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	last := errors.Is(err, io.EOF)
	if last {
		err = nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	f.found, f.err = start, err
	if err != nil {
		return err
	}
	sum := sha256.Sum256(ageless(html))
	id := hex.EncodeToString(sum[:8])
	if id == f.id && last == f.last {
		return nil
	}
	f.html, f.id, f.last = html, id, last
	for _, r := range f.readers {
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
	return nil
}

// ageless returns html without the texts of times, which page.js keeps right: with
// them, whatever happened less than a minute ago would change every second.
func ageless(html []byte) []byte {
	var kept []byte
	for {
		before, tag, found := bytes.Cut(html, []byte("<time "))
		kept = append(kept, before...)
		if !found {
			return kept
		}
		attributes, rest, _ := bytes.Cut(tag, []byte(">"))
		kept = append(kept, attributes...)
		_, html, _ = bytes.Cut(rest, []byte("</time>"))
	}
}
