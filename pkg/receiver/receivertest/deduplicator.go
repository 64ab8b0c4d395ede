package receivertest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/runhooks/runhooks/pkg/receiver"
)

// Limits are those of a [receiver.Deduplicator] under test.
type Limits struct {
	TTL, Lease time.Duration
}

// TestDeduplicator holds a [receiver.Deduplicator] to what it promises. Each
// call of open returns an empty one with those limits.
//
// Each test, and open with it, runs in a bubble of [synctest], whose clock goes
// on by itself: hours pass at once. So the Deduplicator has to take the time from
// package time, and not from a database's server, say; and what open opens, such
// as connections, it has to close by [testing.T.Cleanup].
func TestDeduplicator(t *testing.T, open func(t *testing.T, limits Limits) receiver.Deduplicator) {
	const ttl, lease = time.Hour, time.Minute
	bubble := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
	// Each test is a life of keys, step by step.
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
		bubble(test.name, func(t *testing.T) {
			d := open(t, Limits{ttl, lease})
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
					time.Sleep(s.after)
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
		bubble("a late "+name, func(t *testing.T) {
			d := open(t, Limits{ttl, lease})
			late := claim(t, d, "a", receiver.Claimed)
			time.Sleep(lease + time.Second)
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

	bubble("one of many gets it", func(t *testing.T) {
		d := open(t, Limits{ttl, lease})
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
