package receiver

import (
	"context"
	"crypto/sha256"
	"slices"
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
	// Claim says that the event of that key is about to be handled, unless it has been or
	// is being. A key has at most 300 bytes of printable ASCII. An error refuses the
	// delivery for now, and the sender tries again, so no claim may be left behind, even if
	// ctx ended in the middle.
	Claim(ctx context.Context, key string) (Claim, error)
	// Commit says that the event of a claim has been handled: from now on its
	// key is Done.
	Commit(ctx context.Context, c Claim) error
	// Release says that it has not been: its key may be claimed again.
	Release(ctx context.Context, c Claim) error
}

// A Claim says whether its caller may handle an event.
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
	// MaxKeys is how many events are remembered; 0 means DefaultMaxKeys, some 20 MB. Beyond
	// it those that were handled longest ago are forgotten. Claims also count, but are not
	// forgotten before their lease runs out. While there are more than MaxKeys of them,
	// which takes as many handlers at once, events are forgotten as soon as they are
	// handled.
	MaxKeys int
	// TTL is how long an event is remembered after it was handled; 0 means
	// DefaultTTL.
	TTL time.Duration
	// Lease is how long a claim holds that is neither committed nor released,
	// before it is forgotten; 0 means DefaultLease.
	Lease time.Duration

	// Neither keys nor entries have pointers, so that the garbage collector
	// passes over them, however many there are.
	mu      sync.Mutex
	began   time.Time              // of the first claim; times are since then, so that a clock that is set doesn't matter
	entries map[digest]memoryEntry // by the hash of the key
	done    []digest               // of the entries that are done, the first to expire first
	leases  []memoryLease          // of the entries that are claimed, the first to expire first; and of some that were
	live    int                    // entries that are claimed
	claims  uint64
}

type memoryEntry struct {
	expires time.Duration
	claim   uint64 // its number; 0 once it is done
}

type memoryLease struct {
	hash  digest
	claim uint64
}

// Claim implements [Deduplicator]. Its error is always nil.
func (m *Memory) Claim(_ context.Context, key string) (Claim, error) {
	hash := sha256.Sum256([]byte(key))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = make(map[digest]memoryEntry)
		m.began = time.Now()
	}
	now := time.Since(m.began)
	m.forget(now)
	if e, ok := m.entries[hash]; ok {
		if e.claim == 0 {
			return Claim{Key: key, State: Done}, nil
		}
		return Claim{Key: key, State: Busy}, nil
	}
	m.claims++
	m.live++
	m.entries[hash] = memoryEntry{now + orDefault(m.Lease, DefaultLease), m.claims}
	m.leases = append(m.leases, memoryLease{hash, m.claims})
	return Claim{Key: key, State: Claimed, Token: strconv.FormatUint(m.claims, 10)}, nil
}

// Commit implements [Deduplicator]. Its error is always nil.
func (m *Memory) Commit(_ context.Context, c Claim) error {
	m.settle(c, func(hash digest) {
		m.entries[hash] = memoryEntry{expires: time.Since(m.began) + orDefault(m.TTL, DefaultTTL)}
		m.done = append(m.done, hash)
	})
	return nil
}

// Release implements [Deduplicator]. Its error is always nil.
func (m *Memory) Release(_ context.Context, c Claim) error {
	m.settle(c, func(hash digest) { delete(m.entries, hash) })
	return nil
}

// settle ends the claim c by do, unless it has ended or another has taken its
// place.
func (m *Memory) settle(c Claim, do func(hash digest)) {
	hash := sha256.Sum256([]byte(c.Key))
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[hash]; e.claim != 0 && strconv.FormatUint(e.claim, 10) == c.Token {
		do(hash)
		m.live--
		m.sweep()
	}
}

// sweep keeps the leases of claims that have been settled from outnumbering the
// others. It takes as long as there are leases, and comes after half as many
// claims at least.
func (m *Memory) sweep() {
	const few = 64
	if len(m.leases) > 2*m.live+few {
		m.leases = slices.DeleteFunc(m.leases, func(l memoryLease) bool { return m.entries[l.hash].claim != l.claim })
	}
}

// forget drops claims whose leases have run out, and what is done and too old, or
// too much.
func (m *Memory) forget(now time.Duration) {
	for len(m.leases) > 0 {
		oldest := m.leases[0]
		e := m.entries[oldest.hash]
		if e.claim == oldest.claim {
			if e.expires > now {
				break
			}
			delete(m.entries, oldest.hash)
			m.live--
		}
		m.leases = m.leases[1:] // append moves what is left to the front, in time
	}
	most := orDefault(m.MaxKeys, DefaultMaxKeys)
	for len(m.done) > 0 {
		oldest := m.done[0]
		if len(m.entries) < most && m.entries[oldest].expires > now {
			return
		}
		delete(m.entries, oldest)
		m.done = m.done[1:]
	}
}

// orDefault returns v, or d where v is zero.
func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
