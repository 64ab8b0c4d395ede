package storetest_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

// TestSQLiteIsLikeMemory holds the store that is fast to the one that is plain.
func TestSQLiteIsLikeMemory(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
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
				storetest.CompareInBubble(t, memory.New(), s, seed, 150)
			})
		})
	}
}
