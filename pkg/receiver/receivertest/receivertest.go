// Package receivertest has tests for what is plugged into a receiver.
package receivertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// Limits are those of a [receiver.Deduplicator] under test, and its clock.
type Limits struct {
	TTL, Lease time.Duration
	Now        func() time.Time
}

// TestDeduplicator holds a [receiver.Deduplicator] to what it promises. Each
// call of open gives an empty one with those limits.
func TestDeduplicator(t *testing.T, open func(t *testing.T, limits Limits) receiver.Deduplicator) {
	const ttl, lease = time.Hour, time.Minute
	// Each test is a life of keys, step by step. The clock stands still but for
	// what a step says.
	type step struct {
		do    string // claim, commit, release, or wait
		key   string // to commit or release, the key of the last claim
		after time.Duration
		want  receiver.ClaimState
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"handled once", []step{
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "claim", key: "a", want: receiver.Busy},
			{do: "commit", key: "a"},
			{do: "claim", key: "a", want: receiver.Done},
			{do: "claim", key: "a", want: receiver.Done},
		}},
		{"failed, and handled at the second attempt", []step{
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "release", key: "a"},
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "commit", key: "a"},
			{do: "claim", key: "a", want: receiver.Done},
		}},
		{"keys are apart, and differ by case", []step{
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "claim", key: "A", want: receiver.Claimed},
			{do: "commit", key: "a"},
			{do: "claim", key: "A", want: receiver.Busy},
			{do: "claim", key: "'; DROP TABLE x; --%_\\\"", want: receiver.Claimed},
		}},
		{"forgotten in time", []step{
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "commit", key: "a"},
			{do: "wait", after: ttl - time.Second},
			{do: "claim", key: "a", want: receiver.Done},
			{do: "wait", after: 2 * time.Second},
			{do: "claim", key: "a", want: receiver.Claimed},
		}},
		{"the lease runs out", []step{
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "wait", after: lease - time.Second},
			{do: "claim", key: "a", want: receiver.Busy},
			{do: "wait", after: 2 * time.Second},
			{do: "claim", key: "a", want: receiver.Claimed},
			{do: "claim", key: "a", want: receiver.Busy},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now := time.Unix(1_750_000_000, 0)
			d := open(t, Limits{ttl, lease, func() time.Time { return now }})
			claims := map[string]receiver.Claim{}
			for i, s := range test.steps {
				var err error
				switch s.do {
				case "claim":
					var c receiver.Claim
					c, err = d.Claim(t.Context(), s.key)
					if c.State != s.want || c.Key != s.key {
						t.Fatalf("step %d: claim %+v, want state %d of %q", i, c, s.want, s.key)
					}
					if c.State == receiver.Claimed {
						claims[s.key] = c
					}
				case "commit":
					err = d.Commit(t.Context(), claims[s.key])
				case "release":
					err = d.Release(t.Context(), claims[s.key])
				case "wait":
					now = now.Add(s.after)
				}
				if err != nil {
					t.Fatalf("step %d: %s: %v", i, s.do, err)
				}
			}
		})
	}

	// A handler that took longer than its lease must not end the claim of the
	// one that took over.
	for name, end := range map[string]func(receiver.Deduplicator, context.Context, receiver.Claim) error{
		"commit": receiver.Deduplicator.Commit, "release": receiver.Deduplicator.Release,
	} {
		t.Run("a late "+name, func(t *testing.T) {
			now := time.Unix(1_750_000_000, 0)
			d := open(t, Limits{ttl, lease, func() time.Time { return now }})
			late := claim(t, d, "a", receiver.Claimed)
			now = now.Add(lease + time.Second)
			second := claim(t, d, "a", receiver.Claimed)
			if err := end(d, t.Context(), late); err != nil {
				t.Errorf("the late %s: %v", name, err)
			}
			claim(t, d, "a", receiver.Busy)
			if err := d.Commit(t.Context(), second); err != nil {
				t.Error(err)
			}
			if err := end(d, t.Context(), late); err != nil {
				t.Errorf("the later %s: %v", name, err)
			}
			claim(t, d, "a", receiver.Done)
		})
	}

	t.Run("one of many gets it", func(t *testing.T) {
		d := open(t, Limits{ttl, lease, time.Now})
		for key := range 20 {
			var group sync.WaitGroup
			got := make(chan receiver.ClaimState, 16)
			for range cap(got) {
				group.Go(func() {
					c, err := d.Claim(t.Context(), fmt.Sprint(key))
					if err != nil {
						t.Error(err)
					}
					got <- c.State
				})
			}
			group.Wait()
			close(got)
			claimed := 0
			for state := range got {
				if state == receiver.Claimed {
					claimed++
				}
			}
			if claimed != 1 {
				t.Errorf("key %d: %d got it", key, claimed)
			}
		}
	})
}

func claim(t *testing.T, d receiver.Deduplicator, key string, want receiver.ClaimState) receiver.Claim {
	t.Helper()
	c, err := d.Claim(t.Context(), key)
	if err != nil || c.State != want {
		t.Fatalf("claim of %q: %+v, %v; want state %d", key, c, err, want)
	}
	return c
}
