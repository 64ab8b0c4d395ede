package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/sqlite"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func open(t *testing.T, dir string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	dirs := map[delivery.Store]string{}
	storetest.Run(t, func(t *testing.T) delivery.Store {
		dir := filepath.Join(t.TempDir(), "data")
		s := open(t, dir, sqlite.Options{})
		dirs[s] = dir
		return s
	}, storetest.Options{
		Spoil: func(b *delivery.Batch) {
			b.Outcomes = append(b.Outcomes, delivery.Outcome{State: "unknown", EndpointID: b.Outcomes[0].EndpointID, Epoch: b.Outcomes[0].Epoch})
		},
		Again: func(t *testing.T, s delivery.Store) delivery.Store {
			return open(t, dirs[s], sqlite.Options{})
		},
	})
}
