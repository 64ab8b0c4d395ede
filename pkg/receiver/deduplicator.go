package receiver

import (
	"context"
	"crypto/sha256"
	"strconv"
	"sync"
	"time"
)

// A Deduplicator remembers which events were handled, so that an event that
// arrives again, as delivery at least once allows, isn't handled again. [Memory]
// is one, and package sqldedup has another, for receivers of several processes.
// Package receivertest has the tests that each must pass.
//
// Its methods are called by many goroutines at once. A claim is atomic: of two
// that claim the same key at once, one gets it.
type Deduplicator interface {
	// Claim says that the event of that key is about to be handled, unless
	// it has been or is being. A key has at most 300 bytes of printable ASCII.
	// An error refuses the delivery for
	// now: the sender is told to try again.
	Claim(ctx context.Context, key string) (Claim, error)
	// Commit says that the event of a claim has been handled: from now on its
	// key is Done.
	Commit(ctx context.Context, c Claim) error
	// Release says that it has not been: its key may be claimed again.
	Release(ctx context.Context, c Claim) error
}

// A Claim is the answer to who may handle an event.
type Claim struct {
	Key   string
	State ClaimState
	// Token tells this claim from a later one of the same key, so that the
	// end of a claim that ran out of time doesn't end its successor. Only the
	// Deduplicator reads it.
	Token string
}

// ClaimState says what a claim found.
type ClaimState int

// The states of a key that is claimed.
const (
	// Claimed: nobody has the event. The caller handles it, and then calls
	// Commit or Release.
	Claimed ClaimState = iota + 1
	// Busy: it is being handled.
	Busy
	// Done: it has been handled.
	Done
)

// The defaults of [Memory], which package sqldedup shares.
const (
	// DefaultTTL is how long an event is remembered. It is longer than the
	// schedule of retries that Standard Webhooks suggests.
	DefaultTTL = 80 * time.Hour
	// DefaultLease is how long a claim holds that is neither committed nor
	// released. It has to be longer than the slowest handler.
	DefaultLease = 5 * time.Minute
	// DefaultMaxKeys is how many events a Memory remembers.
	DefaultMaxKeys = 100_000
)

// Memory is a [Deduplicator] in the memory of one process. When that ends, it
// forgets. The zero value is ready to use. It must not be copied after its
// first use.
type Memory struct {
	// MaxKeys is how many events are remembered; 0 means DefaultMaxKeys, some
	// 15 MB. Beyond it the oldest are forgotten, but none that is being handled.
	MaxKeys int
	// TTL is how long an event is remembered after it was handled; 0 means
	// DefaultTTL.
	TTL time.Duration
	// Lease is how long a claim holds that is neither committed nor released;
	// 0 means DefaultLease.
	Lease time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// Neither keys nor entries have pointers, so that the garbage collector
	// passes over them, however many there are.
	mu      sync.Mutex
	entries map[digest]memoryEntry // by the hash of the key
	done    []digest               // of the entries that are done, oldest first
	claims  uint64
}

type memoryEntry struct {
	expires int64  // in nanoseconds since 1970
	claim   uint64 // its number; 0 once it is done
}

// Claim implements [Deduplicator]. Its error is always nil.
func (m *Memory) Claim(_ context.Context, key string) (Claim, error) {
	hash := sha256.Sum256([]byte(key))
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	switch e, ok := m.entries[hash]; {
	case ok && e.claim == 0:
		return Claim{Key: key, State: Done}, nil
	case ok && e.expires > now.UnixNano():
		return Claim{Key: key, State: Busy}, nil
	}
	if m.entries == nil {
		m.entries = make(map[digest]memoryEntry)
	}
	m.claims++
	m.entries[hash] = memoryEntry{now.Add(orDefault(m.Lease, DefaultLease)).UnixNano(), m.claims}
	return Claim{Key: key, State: Claimed, Token: strconv.FormatUint(m.claims, 10)}, nil
}

// Commit implements [Deduplicator]. Its error is always nil.
func (m *Memory) Commit(_ context.Context, c Claim) error {
	m.settle(c, func(hash digest) {
		m.entries[hash] = memoryEntry{expires: m.now().Add(orDefault(m.TTL, DefaultTTL)).UnixNano()}
		m.done = append(m.done, hash)
	})
	return nil
}

// Release implements [Deduplicator]. Its error is always nil.
func (m *Memory) Release(_ context.Context, c Claim) error {
	m.settle(c, func(hash digest) { delete(m.entries, hash) })
	return nil
}

// settle ends the claim c by do, unless another has taken its place.
func (m *Memory) settle(c Claim, do func(hash digest)) {
	hash := sha256.Sum256([]byte(c.Key))
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.entries[hash]; ok && e.claim != 0 && strconv.FormatUint(e.claim, 10) == c.Token {
		do(hash)
	}
}

// forget drops what is done and too old, or too much.
func (m *Memory) forget(now time.Time) {
	most := orDefault(m.MaxKeys, DefaultMaxKeys)
	for len(m.done) > 0 {
		oldest := m.done[0]
		if len(m.entries) < most && m.entries[oldest].expires > now.UnixNano() {
			return
		}
		delete(m.entries, oldest)
		m.done = m.done[1:] // append moves what is left to the front, in time
	}
}

func (m *Memory) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// orDefault gives v, or d where v is zero.
func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
