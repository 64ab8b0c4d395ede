package receiver

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemoryIsBounded: what is not being handled is forgotten, whatever became of
// it.
func TestMemoryIsBounded(t *testing.T) {
	const most, claims = 100, 5000
	tests := []struct {
		name string
		end  func(m *Memory, t *testing.T, c Claim)
		live bool // the claims stay live until their leases run out
	}{
		{"committed", func(m *Memory, t *testing.T, c Claim) { m.Commit(t.Context(), c) }, false},
		{"released", func(m *Memory, t *testing.T, c Claim) { m.Release(t.Context(), c) }, false},
		{"neither", func(*Memory, *testing.T, Claim) {}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &Memory{MaxKeys: most, Lease: time.Minute}
				claim := func(key string) Claim {
					c, err := m.Claim(t.Context(), key)
					if err != nil || c.State != Claimed {
						t.Fatalf("claim of %s: %+v, %v", key, c, err)
					}
					return c
				}
				for i := range claims {
					test.end(m, t, claim(fmt.Sprint(i)))
				}
				if got := len(m.entries); !test.live && got > most || test.live && got != claims {
					t.Errorf("%d keys are known", got)
				}
				if got := len(m.leases); !test.live && got > most {
					t.Errorf("%d leases are kept of claims that have ended", got)
				}
				time.Sleep(time.Minute)
				claim("another")
				if len(m.entries) > most || len(m.leases) > most || len(m.done) > most || m.live != 1 {
					t.Errorf("a lease later %d keys are known, and %d leases, %d are done and %d live",
						len(m.entries), len(m.leases), len(m.done), m.live)
				}
			})
		})
	}
}

// BenchmarkMemory: a claim costs the same however many are known.
func BenchmarkMemory(b *testing.B) {
	for _, most := range []int{100, 100_000} {
		b.Run(fmt.Sprint(most), func(b *testing.B) {
			m := &Memory{MaxKeys: most}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c, _ := m.Claim(b.Context(), fmt.Sprint(i))
				m.Commit(b.Context(), c)
			}
		})
	}
}
