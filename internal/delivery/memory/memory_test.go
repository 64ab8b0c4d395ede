package memory_test

import (
	"testing"

	"github.com/runhooks/runhooks/internal/delivery"
	"github.com/runhooks/runhooks/internal/delivery/memory"
	"github.com/runhooks/runhooks/internal/delivery/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) delivery.Store { return memory.NewDB().Node() }, storetest.Options{
		Node: func(_ *testing.T, s delivery.Store) delivery.Store { return s.(*memory.Store).Another() },
		Kill: func(_ *testing.T, s delivery.Store) { s.(*memory.Store).Kill() },
		Outbox: func(_ *testing.T, s delivery.Store, events [][2]string) {
			for _, e := range events {
				s.(*memory.Store).Post(e[0], e[1])
			}
		},
	})
}
