package main

import (
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A sink is where all endpoints are. The path of an endpoint's URL says what it
// does with an event, and the rest of the path tells endpoints apart:
//
//	/ok/…          answers 204
//	/hang/…        never answers
//	/slow/MS/…     answers 204 after so many milliseconds
//	/drip/…        answers 200, and then a byte a second
//	/status/NNN/…  answers with that status
//	/switch/…      answers with the status that [sink.answer] is set to
//
// It listens on 127.0.0.1, and on further addresses of 127.0.0.0/8 for those who
// want many hosts.
type sink struct {
	port   int
	server *http.Server
	seed   maphash.Seed
	shards [64]shard

	total   atomic.Int64
	answer  atomic.Int32
	opened  atomic.Int64 // connections, ever
	open    atomic.Int64 // now
	idle    atomic.Int64
	overlap atomic.Int64 // attempts that came while another one of the same delivery was under way
	latest  atomic.Int64 // when the last event came, in Unix nanoseconds
}

type shard struct {
	mu sync.Mutex
	of map[string]*arrivals
}

// arrivals are those of one event at one endpoint.
type arrivals struct {
	first    time.Time
	last     time.Time
	count    int
	underway int
}

func newSink() (*sink, error) {
	s := &sink{seed: maphash.MakeSeed()}
	s.answer.Store(http.StatusNoContent)
	for i := range s.shards {
		s.shards[i].of = make(map[string]*arrivals)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	states := make(map[net.Conn]http.ConnState)
	var mu sync.Mutex
	s.server = &http.Server{
		Handler: s,
		ConnState: func(c net.Conn, to http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			if states[c] == http.StateIdle {
				s.idle.Add(-1)
			}
			states[c] = to
			switch to {
			case http.StateNew:
				s.opened.Add(1)
				s.open.Add(1)
			case http.StateIdle:
				s.idle.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.open.Add(-1)
				delete(states, c)
			}
		},
	}
	go s.server.Serve(listener)
	return s, nil
}

func (s *sink) close() { s.server.Close() }

// url returns the URL of an endpoint.
func (s *sink) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path) }

// host returns the URL of an endpoint at an address of its own, one for each n.
func (s *sink) host(n int, path string) (string, error) {
	address := fmt.Sprintf("127.1.%d.%d:%d", n/250, 1+n%250, s.port)
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return "", err
	}
	go s.server.Serve(listener)
	return "http://" + address + path, nil
}

func (s *sink) key(id, path string) (*shard, string) {
	key := id + " " + path
	return &s.shards[maphash.String(s.seed, key)%uint64(len(s.shards))], key
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	path := r.URL.Path
	shard, key := s.key(r.Header.Get("Webhook-Id"), path)
	shard.mu.Lock()
	a := shard.of[key]
	if a == nil {
		a = &arrivals{first: now}
		shard.of[key] = a
	}
	a.last = now
	a.count++
	if a.underway > 0 {
		s.overlap.Add(1)
	}
	a.underway++
	shard.mu.Unlock()
	s.total.Add(1)
	s.latest.Store(now.UnixNano())
	io.Copy(io.Discard, r.Body)
	defer func() {
		shard.mu.Lock()
		a.underway--
		shard.mu.Unlock()
	}()

	what, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	number, _, _ := strings.Cut(rest, "/")
	n, _ := strconv.Atoi(number)
	switch what {
	case "ok":
		w.WriteHeader(http.StatusNoContent)
	case "hang":
		<-r.Context().Done()
	case "slow":
		select {
		case <-time.After(time.Duration(n) * time.Millisecond):
			w.WriteHeader(http.StatusNoContent)
		case <-r.Context().Done():
		}
	case "drip":
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			w.Write([]byte("."))
			w.(http.Flusher).Flush()
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
			}
		}
	case "status":
		w.WriteHeader(n)
	case "switch":
		w.WriteHeader(int(s.answer.Load()))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// at returns what came of an event at the endpoint with the path.
func (s *sink) at(eventID, path string) (a arrivals, ok bool) {
	shard, key := s.key(eventID, path)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	found := shard.of[key]
	if found == nil {
		return arrivals{}, false
	}
	return *found, true
}

// reset forgets all arrivals.
func (s *sink) reset() {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		s.shards[i].of = make(map[string]*arrivals)
		s.shards[i].mu.Unlock()
	}
	s.total.Store(0)
	s.overlap.Store(0)
}

// timeWait counts the sockets to the sink's port that wait for stray packets of
// connections that are closed.
func (s *sink) timeWait() (int, error) {
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, err
	}
	port := fmt.Sprintf(":%04X", s.port)
	count := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 3 && f[3] == "06" && (strings.HasSuffix(f[1], port) || strings.HasSuffix(f[2], port)) {
			count++
		}
	}
	return count, nil
}
