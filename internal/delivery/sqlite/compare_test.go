package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

// TestSameAsMemory holds this store to the one that is simple.
func TestSameAsMemory(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			storetest.Compare(t, seed, 300, open(t, t.TempDir(), sqlite.Options{}), memory.New())
		})
	}
}

func FuzzSameAsMemory(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		storetest.Compare(t, seed, 300, open(t, t.TempDir(), sqlite.Options{}), memory.New())
	})
}
