package memory_test

import (
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func TestStore(t *testing.T) {
	dbs := map[delivery.Store]*memory.DB{}
	node := func(db *memory.DB) delivery.Store {
		s := db.Node()
		dbs[s] = db
		return s
	}
	storetest.Run(t, func(*testing.T) delivery.Store { return node(memory.NewDB()) }, storetest.Options{
		Node: func(_ *testing.T, s delivery.Store) delivery.Store { return node(dbs[s]) },
		Kill: func(_ *testing.T, s delivery.Store) { s.(*memory.Store).Kill() },
		Spoil: func(b *delivery.Batch) {
			b.Outcomes = append(b.Outcomes, delivery.Outcome{State: "unknown"})
		},
		Outbox: func(_ *testing.T, s delivery.Store, events [][2]string) {
			for _, e := range events {
				s.(*memory.Store).Post(e[0], e[1])
			}
		},
	})
}
