package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
	"github.com/runhooks/runhooks/internal/racetest"
)

// TestSameAsMemory holds this store, which is fast, to the one that is plain.
func TestSameAsMemory(t *testing.T) {
	for seed := range uint64(racetest.Some(10)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { sameAsMemory(t, seed) })
	}
}

func FuzzSameAsMemory(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(sameAsMemory)
}

func sameAsMemory(t *testing.T, seed uint64) {
	dir := filepath.Join(t.TempDir(), "data")
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		storetest.Compare(t, memory.New(), s, seed, 300)
	})
}
