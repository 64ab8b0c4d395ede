package pages

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A page is one that is open: it keeps what was streamed to it.
type page struct {
	header http.Header
	leave  context.CancelFunc
	done   chan error

	mu   sync.Mutex
	text bytes.Buffer
	// blocked makes it read nothing until it is closed.
	blocked chan struct{}
}

func (p *page) Header() http.Header { return p.header }
func (p *page) WriteHeader(int)     {}
func (p *page) Flush()              {}

func (p *page) Write(b []byte) (int, error) {
	if p.blocked != nil {
		<-p.blocked
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// take returns what was streamed since it was called last.
func (p *page) take() string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.text.Reset()
	return p.text.String()
}

// A room is a hub, and a region that changes.
type room struct {
	t    *testing.T
	hub  hub
	stop chan struct{}

	mu    sync.Mutex
	shown string
	err   error
	looks int
	takes time.Duration // how long a look takes
	spent time.Duration
}

func newRoom(t *testing.T) *room {
	stop := make(chan struct{})
	return &room{t: t, stop: stop, hub: hub{stopping: stop}, shown: "one"}
}

func (r *room) region(ctx context.Context) ([]byte, error) {
	time.Sleep(r.takes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	r.spent += r.takes
	return []byte(r.shown), r.err
}

func (r *room) show(text string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shown, r.err = text, err
}

func (r *room) looked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looks
}

func (r *room) spentLooking() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spent
}

func always() bool { return true }

func (r *room) open(key string, region func(context.Context) ([]byte, error), change ...func(*http.Request, *page)) *page {
	if region == nil {
		region = r.region
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &page{header: http.Header{}, leave: cancel, done: make(chan error, 1)}
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", nil)
	for _, f := range change {
		f(request, p)
	}
	go func() { p.done <- r.hub.serve(p, request, key, always, region) }()
	synctest.Wait()
	return p
}

// closed leaves all pages, and fails unless then nothing goes on.
func (r *room) closed(pages ...*page) {
	r.t.Helper()
	for _, p := range pages {
		p.leave()
		<-p.done
	}
	time.Sleep(time.Hour)
	looks := r.looked()
	time.Sleep(time.Hour)
	if r.looked() != looks {
		r.t.Errorf("%d looks, and nobody watches", r.looked()-looks)
	}
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.hub.streams != 0 || len(r.hub.feeds) != 0 || r.hub.running {
		r.t.Errorf("left: %d streams, %d feeds, running %t", r.hub.streams, len(r.hub.feeds), r.hub.running)
	}
}

func inBubble(t *testing.T, f func(t *testing.T, r *room)) {
	synctest.Test(t, func(t *testing.T) { f(t, newRoom(t)) })
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("streamed %q, want %q", got, want)
	}
}

// withoutID takes the ids out of messages.
func withoutID(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "id: ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestStreamShowsTheRegionAtOnceAndWhenItChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		p := r.open("a", nil)
		first := p.take()
		want(t, withoutID(first), "data: one\n\n")
		if got := p.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type %q", got)
		}
		time.Sleep(10 * time.Second)
		want(t, p.take(), "")
		r.show("two\nlines", nil)
		time.Sleep(2 * time.Second)
		second := p.take()
		want(t, withoutID(second), "data: two\ndata: lines\n\n")

		// A page that was connected before says what it has.
		id := strings.TrimPrefix(strings.SplitN(second, "\n", 2)[0], "id: ")
		again := r.open("a", nil, func(request *http.Request, _ *page) { request.Header.Set("Last-Event-ID", id) })
		want(t, again.take(), ":\n\n")
		r.closed(p, again)
	})
}

func TestStreamOfOldPage(t *testing.T) {
	// The feed has an older state than the page that comes: the page must not go back.
	inBubble(t, func(t *testing.T, r *room) {
		r.takes = 500 * time.Millisecond
		p := r.open("a", nil)
		time.Sleep(time.Second)
		want(t, withoutID(p.take()), "data: one\n\n")
		r.show("two", nil) // long before the next look: the pause is 10 s
		later := r.open("a", nil)
		time.Sleep(time.Second)
		want(t, withoutID(later.take()), "data: two\n\n")
		want(t, withoutID(p.take()), "data: two\n\n")
		r.closed(p, later)
	})
}

func TestPagesShareLooks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		r.takes = time.Millisecond
		var pages []*page
		for range 200 {
			pages = append(pages, r.open("a", nil))
		}
		time.Sleep(time.Second)
		before := r.looked()
		if before > 5 {
			t.Errorf("%d looks for 200 pages that came at once", before)
		}
		time.Sleep(time.Minute)
		if n := r.looked() - before; n < 50 || n > 61 {
			t.Errorf("%d looks in a minute, want one a second", n)
		}
		r.show("two", nil)
		time.Sleep(2 * time.Second)
		for _, p := range pages {
			if text := p.take(); strings.Count(text, "data: two") != 1 {
				t.Fatalf("streamed %q", text)
			}
		}
		r.closed(pages...)
	})
}

func TestLooksTakeATwentiethOfTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		r.takes = 30 * time.Millisecond
		var pages []*page
		for i := range 200 {
			pages = append(pages, r.open(fmt.Sprint(i), nil))
		}
		time.Sleep(10 * time.Second) // each has looked when it came
		began, spent := time.Now(), r.spentLooking()
		time.Sleep(10 * time.Minute)
		share := float64(r.spentLooking()-spent) / float64(time.Since(began))
		if share > 1./20 || share < 1./25 {
			t.Errorf("looks took %.3f of the time, want 1/21", share)
		}
		r.show("two", nil)
		time.Sleep(200 * 21 * r.takes)
		for i, p := range pages { // all had their turn
			if text := p.take(); !strings.Contains(text, "data: two") {
				t.Fatalf("page %d: %q", i, text)
			}
		}
		r.closed(pages...)
	})
}

func TestPagesGetABoundedNumberOfBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		changes := func(ctx context.Context) ([]byte, error) {
			_, err := r.region(ctx)
			return fmt.Appendf(nil, "%*d", sendRate/50, r.looked()), err
		}
		var pages []*page
		for range 200 {
			pages = append(pages, r.open("a", changes))
		}
		before := r.looked()
		time.Sleep(time.Minute)
		if n := r.looked() - before; n < 14 || n > 15 { // 200 of 1/50 of what a second has
			t.Errorf("%d looks in a minute, want one in 4 seconds", n)
		}
		r.closed(pages...)
	})
}

func TestSlowReaderGetsTheNewest(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		blocked := make(chan struct{})
		p := r.open("a", nil, func(_ *http.Request, p *page) { p.blocked = blocked })
		for i := range 20 {
			r.show(fmt.Sprint("state ", i), nil)
			time.Sleep(2 * time.Second)
		}
		close(blocked)
		want(t, strings.ReplaceAll(withoutID(p.take()), ":\n\n", ""), "data: one\n\ndata: state 19\n\n")
		r.closed(p)
	})
}

func TestHeartbeat(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		p := r.open("a", nil)
		p.take()
		time.Sleep(heartbeat + time.Second)
		want(t, p.take(), ":\n\n")
		r.closed(p)
	})
}

// A session that has ended ends its own stream, and no other.
func TestSessionEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		var ended atomic.Bool
		first := r.open("a", func(ctx context.Context) ([]byte, error) {
			if ended.Load() {
				return nil, &problem{Status: http.StatusUnauthorized}
			}
			return r.region(ctx)
		})
		second := r.open("a", nil)
		first.take()
		second.take()
		ended.Store(true)
		r.show("two", nil)
		time.Sleep(2 * time.Second)
		want(t, first.take(), "event: end\n\n")
		if err := <-first.done; err != nil {
			t.Error(err)
		}
		want(t, withoutID(second.take()), "data: two\n\n")
		r.closed(second)
	})
}

func TestSessionIsCheckedWhereAnotherLooks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		first := r.open("a", nil)
		request := httptest.NewRequest(http.MethodGet, "/live", nil)
		p := &page{header: http.Header{}, leave: func() {}, done: make(chan error, 1)}
		go func() {
			p.done <- r.hub.serve(p, request, "a", func() bool { return false }, r.region)
		}()
		time.Sleep(heartbeat + time.Second)
		want(t, withoutID(p.take()), "data: one\n\nevent: end\n\n")
		r.closed(first, p)
	})
}

func TestStoreIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		p := r.open("a", nil)
		p.take()
		r.show("", &problem{Status: http.StatusServiceUnavailable, Detail: "The store is away."})
		time.Sleep(10 * time.Second)
		want(t, p.take(), "")

		// A page that comes now is told.
		late := r.open("a", nil)
		if err := <-late.done; err == nil || err.Error() != "The store is away." {
			t.Errorf("error %v", err)
		}
		r.show("two", nil)
		time.Sleep(2 * time.Second)
		want(t, withoutID(p.take()), "data: two\n\n")
		r.closed(p)
	})
}

func TestRegionThatPanics(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		var broken atomic.Bool
		p := r.open("a", func(context.Context) ([]byte, error) {
			if broken.Load() {
				panic("broken")
			}
			return []byte("one"), nil
		})
		p.take()
		broken.Store(true)
		time.Sleep(2 * time.Second)
		want(t, p.take(), "event: end\n\n")
		r.closed(p)
	})
}

func TestLastState(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		p := r.open("a", nil)
		p.take()
		r.show("done", io.EOF)
		time.Sleep(2 * time.Second)
		want(t, withoutID(p.take()), "data: done\n\nevent: end\n\n")
		if err := <-p.done; err != nil {
			t.Error(err)
		}
		late := r.open("a", nil)
		want(t, withoutID(late.take()), "data: done\n\nevent: end\n\n")
		r.closed()
	})
}

func TestStopEndsStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		p, q := r.open("a", nil), r.open("b", nil)
		close(r.stop)
		for _, p := range []*page{p, q} {
			if err := <-p.done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		var pages []*page
		for range maxStreams {
			pages = append(pages, r.open("a", nil))
		}
		over := r.open("a", nil)
		err := <-over.done
		if p, ok := errors.AsType[*problem](err); !ok || p.Status != http.StatusServiceUnavailable || over.header.Get("Retry-After") == "" {
			t.Errorf("error %v, header %v", err, over.header)
		}
		pages[0].leave()
		<-pages[0].done
		pages[0] = r.open("a", nil)
		want(t, withoutID(pages[0].take()), "data: one\n\n")
		r.closed(pages...)
	})
}

func TestMessage(t *testing.T) {
	for _, c := range []struct{ html, want string }{
		{"", "id: 1\ndata: \n\n"},
		{"a\nb", "id: 1\ndata: a\ndata: b\n\n"},
		{"a\r\nb\rc", "id: 1\ndata: a\ndata: b\ndata: c\n\n"},
		{"a\n\nevent: end\r\rid: 2", "id: 1\ndata: a\ndata: \ndata: event: end\ndata: \ndata: id: 2\n\n"},
	} {
		want(t, string(message("1", []byte(c.html))), c.want)
	}
}

func TestAgeless(t *testing.T) {
	for _, c := range []struct{ html, want string }{
		{"", ""},
		{"a<b>", "a<b>"},
		{`a<time title="x">1 s ago</time>b<time y>2</time>`, `atitle="x"by`},
		{"a<time x", "ax"},
		{"a<time >x", "a"},
	} {
		want(t, string(ageless([]byte(c.html))), c.want)
	}
}

// A pipes listener has connections in memory, which a bubble can wait for.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// The limits of the server, which are for requests that end, don't end a stream, but a
// page that doesn't read does.
func TestStreamOutlivesTheServersLimits(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		ended := make(chan time.Time, 2)
		server := &http.Server{
			ReadTimeout: time.Minute, WriteTimeout: 3 * time.Minute, IdleTimeout: time.Minute,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				if err := r.hub.serve(w, request, "a", always, r.region); err != nil {
					t.Error(err)
				}
				ended <- time.Now()
			}),
		}
		listener := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		go server.Serve(listener)
		connect := func() (net.Conn, *bufio.Reader) {
			client, conn := net.Pipe()
			listener.conns <- conn
			if _, err := io.WriteString(client, "GET /live HTTP/1.1\r\nHost: pages\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			return client, bufio.NewReader(client)
		}
		lines := func(from *bufio.Reader, until string) {
			t.Helper()
			for {
				line, err := from.ReadString('\n')
				if err != nil {
					t.Fatalf("waiting for %q: %v", until, err)
				}
				if strings.TrimSpace(line) == until {
					return
				}
			}
		}
		client, reader := connect()
		lines(reader, "data: one")
		deaf, _ := connect()
		began := time.Now()
		for range 10 * time.Minute / heartbeat {
			lines(reader, ":")
		}
		if open := time.Since(began); open < 9*time.Minute {
			t.Errorf("10 minutes of heartbeats came within %v", open)
		}
		r.show("two", nil)
		lines(reader, "data: two")
		if lasted := (<-ended).Sub(began); lasted > writeTimeout+time.Second {
			t.Errorf("the stream to the page that reads nothing lasted %v", lasted)
		}

		// A graceful stop doesn't wait for streams.
		server.RegisterOnShutdown(func() { close(r.stop) })
		rest := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, reader)
			rest <- err
		}()
		began = time.Now()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the stop took %v", took)
		}
		if err := <-rest; err != nil {
			t.Errorf("the end of the stream: %v", err)
		}
		client.Close()
		deaf.Close()
	})
}

// TestSlowFirstLook: while the first look at a region takes long, nothing spins, and
// the others are looked at.
func TestSlowFirstLook(t *testing.T) {
	inBubble(t, func(t *testing.T, r *room) {
		fast := r.open("fast", nil)
		want(t, withoutID(fast.take()), "data: one\n\n")
		slow := r.open("slow", func(context.Context) ([]byte, error) {
			time.Sleep(lookTimeout - time.Second)
			return []byte("slow"), nil
		})
		r.show("two", nil)
		time.Sleep(2*lookEvery + 500*time.Millisecond)
		want(t, withoutID(fast.take()), "data: two\n\n")
		want(t, slow.take(), "")
		time.Sleep(2 * time.Second)
		want(t, withoutID(slow.take()), "data: slow\n\n")
		r.closed(fast, slow)
	})
}
